//! Plans that PostgreSQL keeps for prepared statements and functions, and that another setting would make otherwise.
//!
//! Such a plan gets a mark: it says that it depends on PostgreSQL's own `count("any")`, a row of `pg_proc` that never
//! changes. Once a setting changes, this process tells PostgreSQL that the row has changed. PostgreSQL then makes these
//! plans anew as they are next asked for, and keeps all others.

use crate::pg::pg_sys::{self, Datum, NodeTag, PlannedStmt};
use crate::pg::query_tree::node;
use std::sync::atomic::{AtomicU32, Ordering};

/// The hash of the key of that row, by which PostgreSQL names it; 0 as long as no plan has a mark.
///
/// A process of PostgreSQL has one thread. The number is atomic since statics have to be.
static MARK: AtomicU32 = AtomicU32::new(0);

/// The cache of PostgreSQL's that has the row.
const CACHE: pg_sys::SysCacheIdentifier::Type = pg_sys::SysCacheIdentifier::PROCOID;

/// Has PostgreSQL make the plan anew once a setting changes.
///
/// # Safety
///
/// `planned` is a plan, made in the current memory context, in a transaction.
pub(crate) unsafe fn mark(planned: *mut PlannedStmt) {
    // SAFETY: the cache has one key, an Oid.
    unsafe {
        let count = Datum::from(pg_sys::F_COUNT_ANY);
        let nothing = Datum::null();
        let hash = pg_sys::GetSysCacheHashValue(CACHE as _, count, nothing, nothing, nothing);
        MARK.store(hash, Ordering::Relaxed);
        let item = node::<pg_sys::PlanInvalItem>(NodeTag::T_PlanInvalItem);
        (*item).cacheId = CACHE as _;
        (*item).hashValue = hash;
        (*planned).invalItems = pg_sys::lappend((*planned).invalItems, item.cast());
    }
}

/// Has PostgreSQL make all plans with a mark anew. May be called at any time, also during a rollback or outside of a
/// transaction.
pub(crate) fn forget_marked() {
    let hash = MARK.load(Ordering::Relaxed);
    if hash != 0 {
        // SAFETY: this calls what PostgreSQL and its extensions have registered to be told of changes of pg_proc.
        // PostgreSQL calls these functions whenever it reads another session's changes. So they look nothing up, and
        // raise no error.
        unsafe { pg_sys::CallSyscacheCallbacks(CACHE as _, hash) };
    }
}

/// Whether PostgreSQL tells by this hash that [a setting has changed](forget_marked), and nothing else. No two Oids
/// have the same hash.
pub(crate) fn is_mark(hash: u32) -> bool {
    hash != 0 && hash == MARK.load(Ordering::Relaxed)
}
