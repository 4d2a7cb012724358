//! The settings of the extension: what a session asks of the planner hook.
//!
//! Only superusers, and those whom they grant it, may set what changes answers. One user's policy or trigger runs in
//! another user's session. That other must not be able to make its counts approximate.

use crate::pg::pg_sys;
use crate::planner::{catalog, plans};
use cvm_sketch::Accuracy;
use pgrx::guc::{GucCheckError, GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::pg_guard;
use std::ffi::{CStr, c_void};

/// The prefix of the names of all settings.
const PREFIX: &CStr = c"cvm_count";

static COUNT_DISTINCT_EPSILON: GucSetting<f64> = GucSetting::<f64>::new(0.0);
static COUNT_DISTINCT_DELTA: GucSetting<f64> = GucSetting::<f64>::new(0.01);
static CITUS_PUSHDOWN: GucSetting<bool> = GucSetting::<bool>::new(true);

/// The accuracy at which the session wants `count(DISTINCT)` approximated; `None` if it is to stay exact.
pub(crate) fn count_distinct_accuracy() -> Option<Accuracy> {
    let epsilon = COUNT_DISTINCT_EPSILON.get();
    if epsilon == 0.0 {
        return None;
    }
    Accuracy::new(epsilon, COUNT_DISTINCT_DELTA.get()).ok()
}

/// Whether the session wants aggregates over tables of Citus in the form that Citus sends to the shards.
pub(crate) fn citus_pushdown() -> bool {
    CITUS_PUSHDOWN.get()
}

/// Tells PostgreSQL of the settings. A session may have set one before the library was there: the setting then gets
/// that value, if it is a legal one.
///
/// # Safety
///
/// Called once, as the library is loaded.
pub(crate) unsafe fn define() {
    // SAFETY: the hooks have the types that PostgreSQL calls them by, and are guarded; the settings are static.
    unsafe {
        GucRegistry::define_float_guc_with_hooks(
            c"cvm_count.count_distinct_epsilon",
            c"Approximates count(DISTINCT x) within this relative error; 0 leaves it exact.",
            c"Every count(DISTINCT x) of a type that has a hash is planned as \
                approx_count_distinct_cvm(x, epsilon, delta).",
            &COUNT_DISTINCT_EPSILON,
            f64::NEG_INFINITY,
            f64::INFINITY,
            GucContext::Suset,
            GucFlags::EXPLAIN,
            Some(check_epsilon),
            Some(assign_epsilon),
            None,
        );
        GucRegistry::define_float_guc_with_hooks(
            c"cvm_count.count_distinct_delta",
            c"Probability that an approximated count(DISTINCT x) is off by more than cvm_count.count_distinct_epsilon.",
            c"",
            &COUNT_DISTINCT_DELTA,
            f64::NEG_INFINITY,
            f64::INFINITY,
            GucContext::Suset,
            GucFlags::EXPLAIN,
            Some(check_delta),
            Some(assign_delta),
            None,
        );
        GucRegistry::define_bool_guc_with_hooks(
            c"cvm_count.citus_pushdown",
            c"Plans aggregates of cvm_count over tables of Citus in the form that Citus sends to the shards.",
            c"approx_count_distinct_cvm and cvm_sketch_agg are planned as cvm_sketch_agg_hashed; \
                the answers are the same. Off, the rows are gathered.",
            &CITUS_PUSHDOWN,
            GucContext::Userset,
            GucFlags::EXPLAIN,
            None,
            Some(assign_citus_pushdown),
            None,
        );
        pg_sys::MarkGUCPrefixReserved(PREFIX.as_ptr());
    }
}

/// Accepts 0, and what the aggregate accepts.
///
/// # Safety
///
/// Called by PostgreSQL with the address of a value to be checked.
#[pg_guard]
unsafe extern "C-unwind" fn check_epsilon(
    value: *mut f64,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    let epsilon = unsafe { *value };
    epsilon == 0.0
        || is_legal(
            Accuracy::new(epsilon, Accuracy::default().delta()),
            "0 leaves count(DISTINCT) exact.",
        )
}

/// Accepts what the aggregate accepts.
///
/// # Safety
///
/// As [`check_epsilon`].
#[pg_guard]
unsafe extern "C-unwind" fn check_delta(
    value: *mut f64,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    let delta = unsafe { *value };
    is_legal(Accuracy::new(Accuracy::default().epsilon(), delta), "")
}

/// Whether the accuracy is legal. If not, the user gets the aggregate's message.
fn is_legal<E: std::fmt::Display>(accuracy: Result<Accuracy, E>, hint: &str) -> bool {
    let Err(error) = accuracy else { return true };
    let mut report = GucCheckError::new(error.to_string());
    if !hint.is_empty() {
        report = report.with_hint(hint);
    }
    // SAFETY: a check hook calls this. The texts are in the current memory context, which outlives the report.
    unsafe { report.apply() };
    false
}

/// # Safety
///
/// Called by PostgreSQL before the setting takes its new value.
#[pg_guard]
unsafe extern "C-unwind" fn assign_epsilon(value: f64, _extra: *mut c_void) {
    forget_plans_unless(value == COUNT_DISTINCT_EPSILON.get());
}

/// # Safety
///
/// As [`assign_epsilon`].
#[pg_guard]
unsafe extern "C-unwind" fn assign_delta(value: f64, _extra: *mut c_void) {
    forget_plans_unless(value == COUNT_DISTINCT_DELTA.get() || COUNT_DISTINCT_EPSILON.get() == 0.0);
}

/// # Safety
///
/// As [`assign_epsilon`].
#[pg_guard]
unsafe extern "C-unwind" fn assign_citus_pushdown(value: bool, _extra: *mut c_void) {
    forget_plans_unless(value == CITUS_PUSHDOWN.get() || !catalog::has_met_citus());
}

/// Has PostgreSQL make anew the plans of prepared statements and functions that depend on the settings.
fn forget_plans_unless(same: bool) {
    if !same {
        plans::forget_marked();
    }
}
