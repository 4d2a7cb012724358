//! Citus's own way to leave an aggregate to the server that asks: it gathers the rows.
//!
//! Before version 15, Citus gathers for every aggregate whose state is internal. Since then it sends parts of these to
//! the shards too, unless a setting of its own says otherwise. Where the argument may be of any type, that fails.
//!
//! An ORDER BY in the call would have Citus gather too, but give wrong answers for aggregates beside it. PostgreSQL's
//! planner marks in the query tree which aggregates get their rows sorted. Citus has the whole query planned once, and
//! keeps these marks. What it gathers may then be planned in another order. There, a `count(DISTINCT x)` with a mark
//! takes rows for sorted that are not.

use crate::pg::pg_sys;
use pgrx::pg_guard;
use std::ffi::{CStr, c_int};

/// The setting.
const NAME: &CStr = c"citus.allow_aggregate_worker_combine_on_internal_types";

/// Has Citus gather until [`end`], or until the transaction or subtransaction is rolled back. Returns what `end` takes:
/// 0 where there is nothing to set.
///
/// # Safety
///
/// Called in a transaction.
#[pg_guard]
pub(crate) unsafe extern "C-unwind" fn begin() -> c_int {
    // SAFETY: the strings live for ever. If an ERROR comes between, PostgreSQL sets back what was set at this level. It
    // does so for the settings of a function.
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
/// `level` is what `begin` returned. Every level that began later has ended.
#[pg_guard]
pub(crate) unsafe extern "C-unwind" fn end(level: c_int) {
    if level != 0 {
        unsafe { pg_sys::AtEOXact_GUC(true, level) };
    }
}
