//! Citus's own way to leave an aggregate to the server that asks: it gathers the rows.
//!
//! Since 15, Citus sends parts of aggregates to the shards also where their state is internal, unless a setting of its own
//! says otherwise; with arguments of any type it then fails. Before, it had no such setting, and gathered.
//!
//! An ORDER BY in the call would have it gather too, and give wrong answers beside it: of all aggregates of a query,
//! PostgreSQL's planner marks in the query tree those that come sorted, Citus keeps the marks from when it had the
//! query as a whole planned, and where another order is chosen for what it gathers, a `count(DISTINCT x)` that is
//! marked takes rows for sorted that are not.

use crate::pg::pg_sys;
use pgrx::pg_guard;
use std::ffi::{CStr, c_int};

/// The setting.
const NAME: &CStr = c"citus.allow_aggregate_worker_combine_on_internal_types";

/// Has Citus gather until [`end`], or until what the transaction is in is rolled back. Returns what `end` takes: 0 where
/// there is nothing to set.
///
/// # Safety
///
/// Called in a transaction.
#[pg_guard]
pub(crate) unsafe extern "C-unwind" fn begin() -> c_int {
    // SAFETY: the caller vouches for the transaction, and the strings live for ever. Where an ERROR comes between,
    // PostgreSQL sets back what was set at this level, as it does for the settings of a function.
    unsafe {
        if pg_sys::GetConfigOption(NAME.as_ptr(), true, false).is_null() {
            return 0;
        }
        let level = pg_sys::NewGUCNestLevel();
        pg_sys::set_config_option(
            NAME.as_ptr(),
            c"off".as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
        level
    }
}

/// Sets back what [`begin`] has set.
///
/// # Safety
///
/// `level` is what that returned, and all that began others since has ended them.
#[pg_guard]
pub(crate) unsafe extern "C-unwind" fn end(level: c_int) {
    if level != 0 {
        // SAFETY: the caller vouches for the level.
        unsafe { pg_sys::AtEOXact_GUC(true, level) };
    }
}
