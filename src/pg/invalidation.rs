//! Noticing that the catalog has changed under what was read of it.
//!
//! A call site keeps what it has learned of its types: the columns of rows, the labels of enums. It may outlive a
//! change of these, as an expression of a PL/pgSQL function does. PostgreSQL tells of changes by callbacks, which
//! nobody can take back. So there is one for each sort of change, which counts. A call site keeps the count with what
//! it has learned.

use crate::pg::pg_sys::{self, Datum};
use pgrx::pg_guard;
use pgrx::pg_sys::SysCacheIdentifier::{ATTNUM, ENUMOID, TYPEOID};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A process of PostgreSQL has one thread. These are atomic since Rust wants it of statics.
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
    // SAFETY: PostgreSQL calls the function as long as the process lives. It needs no argument.
    unsafe {
        // Columns by their rows in pg_attribute, since a process has room for only ten callbacks for relations.
        for cache in [TYPEOID, ENUMOID, ATTNUM] {
            pg_sys::CacheRegisterSyscacheCallback(cache as _, Some(a_row_has_changed), Datum::null());
        }
    }
}

/// How PostgreSQL tells a callback which of its caches has changed.
#[cfg(not(feature = "pg19"))]
pub(crate) type SysCacheId = std::ffi::c_int;
#[cfg(feature = "pg19")]
pub(crate) type SysCacheId = pg_sys::SysCacheIdentifier::Type;

#[pg_guard]
unsafe extern "C-unwind" fn a_row_has_changed(_argument: Datum, _cache: SysCacheId, _hash: u32) {
    CHANGES.fetch_add(1, Ordering::Relaxed);
}
