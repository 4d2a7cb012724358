//! Noticing that the catalog has changed under what was read of it.
//!
//! A call site keeps what it has learned of its types: the columns of rows, the labels of enums. It may outlive a
//! change of these, an expression of a PL/pgSQL function does. PostgreSQL tells of changes by callbacks, which cannot
//! be taken back. So there is one for each sort of change, that counts; and who keeps something keeps the count with
//! it.

use crate::pg::pg_sys::{self, Datum};
use pgrx::pg_guard;
use pgrx::pg_sys::SysCacheIdentifier::{ATTNUM, ENUMOID, TYPEOID};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A process of PostgreSQL has one thread: these are atomic since statics have to be.
static CHANGES: AtomicU64 = AtomicU64::new(0);
static IS_WATCHED: AtomicBool = AtomicBool::new(false);

/// How many changes of types, their columns and labels this process has been told of.
#[inline(always)]
pub(crate) fn count() -> u64 {
    CHANGES.load(Ordering::Relaxed)
}

/// Begins to count, if that is not done yet.
pub(crate) fn watch() {
    if IS_WATCHED.swap(true, Ordering::Relaxed) {
        return;
    }
    // SAFETY: the functions are called for as long as the process lives, and need no argument.
    unsafe {
        // Columns by their rows in pg_attribute: of callbacks for relations a process has room for ten in all.
        for cache in [TYPEOID, ENUMOID, ATTNUM] {
            pg_sys::CacheRegisterSyscacheCallback(cache as _, Some(a_row_has_changed), Datum::null());
        }
    }
}

/// How callbacks are told which of PostgreSQL's caches has changed.
#[cfg(not(feature = "pg19"))]
pub(crate) type SysCacheId = std::ffi::c_int;
#[cfg(feature = "pg19")]
pub(crate) type SysCacheId = pg_sys::SysCacheIdentifier::Type;

#[pg_guard]
unsafe extern "C-unwind" fn a_row_has_changed(_argument: Datum, _cache: SysCacheId, _hash: u32) {
    CHANGES.fetch_add(1, Ordering::Relaxed);
}
