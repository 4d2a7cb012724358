//! Which tables and plans leave aggregates to another server, as postgres_fdw may. `replacement` and `hook` decide what
//! follows from that.
//!
//! If such an aggregate were replaced by ours, PostgreSQL would fetch all rows and compute it here. Whether PostgreSQL
//! leaves an aggregate to another server depends on costs and on what the wrapper can send. The views, functions and
//! joins around the aggregate matter too. So the hook has the query planned as it stands.

use crate::pg::pg_sys::{self, Aggref, DefElem, Node, NodeTag, Oid, Plan, PlannedStmt, Query, RTEKind, RangeTblEntry};
use crate::pg::query_tree::{any_of_plan, counts_distinct, elements, oids};
use crate::pg::unguarded::{walk_expression, walk_query};
use pgrx::pg_guard;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;

/// Whether a query reads a table of a foreign server that can compute aggregates but lacks this extension.
///
/// # Safety
///
/// `query` is a query to be planned. What is between here and PostgreSQL's own handler, or a guard, needs no
/// destructor.
pub(crate) unsafe fn are_read_by(query: *mut Query) -> bool {
    let mut with_ctes = false;
    unsafe { walk_query(query, reads, (&raw mut with_ctes).cast()) }
}

/// As [`are_read_by`], for a part of a query. Any CTE in it is taken for such a table, since the CTE's own tables are
/// not seen here.
///
/// # Safety
///
/// As [`are_read_by`].
pub(crate) unsafe fn may_be_read_by(query: *mut Query) -> bool {
    let mut with_ctes = true;
    unsafe { walk_query(query, reads, (&raw mut with_ctes).cast()) }
}

/// Walker: whether a table of such a server is read. If the context is true, a CTE is taken for one.
///
/// # Safety
///
/// Called by PostgreSQL's walkers with a node, or none, and a `bool`.
unsafe extern "C-unwind" fn reads(node: *mut Node, with_ctes: *mut c_void) -> bool {
    unsafe {
        match node.as_ref().map(|node| node.type_) {
            None => false,
            Some(NodeTag::T_RangeTblEntry) => match (*node.cast::<RangeTblEntry>()).rtekind {
                RTEKind::RTE_RELATION => is_of_unaware_server(node.cast()),
                RTEKind::RTE_CTE => *with_ctes.cast::<bool>(),
                _ => false,
            },
            Some(NodeTag::T_Query) => walk_query(node.cast(), reads, with_ctes),
            Some(_) => walk_expression(node, reads, with_ctes),
        }
    }
}

/// Whether a table is on such a server. If PostgreSQL may aggregate each partition by itself, one partition there is
/// enough.
///
/// # Safety
///
/// Called with a table's entry in a query to be planned.
#[pg_guard]
unsafe extern "C-unwind" fn is_of_unaware_server(entry: *mut RangeTblEntry) -> bool {
    // SAFETY: no partition is locked. One that is dropped meanwhile has no kind any more.
    unsafe {
        let entry = &*entry;
        match entry.relkind as u8 {
            pg_sys::RELKIND_FOREIGN_TABLE => is_unaware(entry.relid),
            pg_sys::RELKIND_PARTITIONED_TABLE if pg_sys::enable_partitionwise_aggregate => {
                let lock = pg_sys::NoLock as pg_sys::LOCKMODE;
                let tables = pg_sys::find_all_inheritors(entry.relid, lock, ptr::null_mut());
                let is_foreign = |table: &Oid| pg_sys::get_rel_relkind(*table) as u8 == pg_sys::RELKIND_FOREIGN_TABLE;
                oids(tables).filter(is_foreign).any(|table| is_unaware(table))
            }
            _ => false,
        }
    }
}

/// Whether the server of a foreign table may compute aggregates, and its options do not name our extension.
///
/// # Safety
///
/// `table` is a foreign table.
unsafe fn is_unaware(table: Oid) -> bool {
    // SAFETY: a foreign table has a server, and a server has a wrapper.
    unsafe {
        let server = &*pg_sys::GetForeignServer((*pg_sys::GetForeignTable(table)).serverid);
        let handler = (*pg_sys::GetForeignDataWrapper(server.fdwid)).fdwhandler;
        if handler == Oid::INVALID || (*pg_sys::GetFdwRoutine(handler)).GetForeignUpperPaths.is_none() {
            return false;
        }
        !elements::<DefElem>(server.options).any(|option| {
            CStr::from_ptr((*option).defname) == c"extensions" && names_ours(pg_sys::defGetString(option))
        })
    }
}

/// Whether a list of extensions, as postgres_fdw takes it, names ours.
///
/// # Safety
///
/// `list` is a string that a zero ends.
unsafe fn names_ours(list: *const c_char) -> bool {
    // SAFETY: PostgreSQL's function writes into the copy.
    unsafe {
        let mut names = ptr::null_mut();
        pg_sys::SplitIdentifierString(pg_sys::pstrdup(list), b',' as c_char, &mut names)
            && elements::<c_char>(names).any(|name| CStr::from_ptr(name) == c"cvm_count")
    }
}

/// The target list of a foreign scan that stands for a join or an aggregate; NULL for any other node.
///
/// # Safety
///
/// `plan` is a node of a plan.
pub(crate) unsafe fn columns_from_there(plan: &Plan) -> *mut Node {
    if plan.type_ != NodeTag::T_ForeignScan {
        return ptr::null_mut();
    }
    // SAFETY: a node has the structure that its tag says.
    let scan = unsafe { &*ptr::from_ref(plan).cast::<pg_sys::ForeignScan>() };
    match scan.scan.scanrelid {
        0 => scan.fdw_scan_tlist.cast(),
        _ => ptr::null_mut(),
    }
}

/// Whether a plan has another server compute a `count(DISTINCT x)`.
///
/// # Safety
///
/// Called with a plan.
#[pg_guard]
pub(crate) unsafe extern "C-unwind" fn compute_counts_of(planned: *mut PlannedStmt) -> bool {
    unsafe { any_of_plan(&*planned, &|plan| has_count(columns_from_there(plan), ptr::null_mut())) }
}

/// Walker: whether there is a `count(DISTINCT x)`.
///
/// # Safety
///
/// Called by PostgreSQL's walkers with a node, or none.
unsafe extern "C-unwind" fn has_count(node: *mut Node, context: *mut c_void) -> bool {
    unsafe {
        match node.as_ref().map(|node| node.type_) {
            None => false,
            Some(NodeTag::T_Aggref) if counts_distinct(&*node.cast::<Aggref>()) => true,
            Some(_) => walk_expression(node, has_count, context),
        }
    }
}
