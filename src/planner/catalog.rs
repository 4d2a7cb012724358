//! What the planner hook has found in the catalog, kept until PostgreSQL says that it may have changed.
//!
//! Only Oids are kept. They are forgotten when any function or relation changes that they may depend on.

use crate::pg::invalidation::SysCacheId;
use crate::pg::pg_sys::{self, Datum};
use crate::planner::citus::CitusTables;
use crate::planner::extension::Functions;
use crate::planner::plans;
use pgrx::pg_guard;
use std::cell::Cell;

/// Something looked up, and whether it still holds.
struct Known<T: Copy> {
    /// The generation in which it was looked up, and what was found, if it was there.
    found: Cell<Option<(u64, Option<T>)>>,
    /// Goes up whenever the catalog may have changed.
    generation: Cell<u64>,
}

impl<T: Copy> Known<T> {
    const fn new() -> Self {
        Known {
            found: Cell::new(None),
            generation: Cell::new(0),
        }
    }

    fn forget(&self) {
        self.generation.set(self.generation.get().wrapping_add(1));
    }

    /// What is known, or what `look_up` finds. What changes while it looks is looked up again by the next call.
    fn get(&self, look_up: impl FnOnce() -> Option<T>) -> Option<T> {
        let generation = self.generation.get();
        if let Some((then, found)) = self.found.get()
            && then == generation
        {
            return found;
        }
        let found = look_up();
        self.found.set(Some((generation, found)));
        found
    }
}

thread_local! {
    static FUNCTIONS: Known<Functions> = const { Known::new() };
    static CITUS_TABLES: Known<CitusTables> = const { Known::new() };
    static IS_TOLD: Cell<bool> = const { Cell::new(false) };
    static HAS_MET_CITUS: Cell<bool> = const { Cell::new(false) };
}

/// The extension's functions in this database; `None` if it is not there, or is of a version that lacks one of them.
pub(crate) fn functions() -> Option<Functions> {
    be_told();
    FUNCTIONS.with(|known| known.get(Functions::find))
}

/// Citus's list of its tables; `None` if Citus is not in this database.
pub(crate) fn citus_tables() -> Option<CitusTables> {
    be_told();
    let tables = CITUS_TABLES.with(|known| known.get(CitusTables::find));
    if tables.is_some() {
        HAS_MET_CITUS.set(true);
    }
    tables
}

/// Whether this session has seen Citus. Looks nothing up.
pub(crate) fn has_met_citus() -> bool {
    HAS_MET_CITUS.get()
}

/// Has PostgreSQL tell of changes, from the first question on.
fn be_told() {
    if !IS_TOLD.replace(true) {
        // SAFETY: the callbacks are guarded, and have the types that PostgreSQL calls them by.
        unsafe {
            use pg_sys::SysCacheIdentifier::{PROCOID, RELOID};
            // Functions change when the extension is created, dropped, updated, or moved to another schema.
            pg_sys::CacheRegisterSyscacheCallback(PROCOID as _, Some(function_changed), Datum::null());
            // PostgreSQL takes few callbacks for relations alone, and needs most of them itself.
            pg_sys::CacheRegisterSyscacheCallback(RELOID as _, Some(relation_changed), Datum::null());
        }
    }
}

/// # Safety
///
/// Called by PostgreSQL.
#[pg_guard]
unsafe extern "C-unwind" fn function_changed(_argument: Datum, _cache: SysCacheId, hash: u32) {
    // A mark only says that a setting has changed.
    if !plans::is_mark(hash) {
        FUNCTIONS.with(Known::forget);
    }
}

/// # Safety
///
/// Called by PostgreSQL.
#[pg_guard]
unsafe extern "C-unwind" fn relation_changed(_argument: Datum, _cache: SysCacheId, _hash: u32) {
    CITUS_TABLES.with(Known::forget);
}
