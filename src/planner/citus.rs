//! What the hook has to know of Citus: its tables, which queries read them, and for whom a session works.

use crate::pg::pg_sys::{self, Datum, Node, NodeTag, Oid, Query, RangeTblEntry};
use crate::pg::unguarded::{walk_expression, walk_query};
use crate::planner::catalog_rows::{first_row, owner_of_relation};
use pgrx::pg_guard;
use std::ffi::{CStr, c_void};
use std::ptr;

/// The table in which Citus lists its tables.
#[derive(Clone, Copy)]
pub(crate) struct CitusTables {
    table: Oid,
    /// The number of its column `logicalrelid`.
    column: pg_sys::AttrNumber,
    /// The index on that column, if there is one.
    index: Oid,
}

impl CitusTables {
    /// The list in this database; `None` if Citus is not there.
    pub(crate) fn find() -> Option<CitusTables> {
        let relation = |name: &CStr| {
            // SAFETY: the name is a string.
            let relation = unsafe { pg_sys::get_relname_relid(name.as_ptr(), Oid::from(pg_sys::PG_CATALOG_NAMESPACE)) };
            (relation != Oid::INVALID).then_some(relation)
        };
        let table = relation(c"pg_dist_partition")?;
        // SAFETY: PostgreSQL answers for any Oid.
        unsafe {
            let column = pg_sys::get_attnum(table, c"logicalrelid".as_ptr());
            // What Citus has made belongs to a superuser.
            let is_such_a_table = pg_sys::get_rel_relkind(table) as u8 == pg_sys::RELKIND_RELATION
                && column > 0
                && pg_sys::get_atttype(table, column) == pg_sys::REGCLASSOID
                && owner_of_relation(table).is_some_and(|owner| pg_sys::superuser_arg(owner));
            is_such_a_table.then(|| CitusTables {
                table,
                column,
                index: relation(c"pg_dist_partition_logical_relid_index").unwrap_or(Oid::INVALID),
            })
        }
    }

    /// Whether a query reads one of the tables.
    ///
    /// # Safety
    ///
    /// `query` is a query to be planned. What is between here and PostgreSQL's own handler, or a guard, needs no
    /// destructor.
    pub(crate) unsafe fn are_read_by(&self, query: *mut Query) -> bool {
        // SAFETY: the walker only reads what is behind its context.
        unsafe { walk_query(query, reads, ptr::from_ref(self).cast_mut().cast()) }
    }

    /// Whether a relation is in the list.
    fn contains(&self, relation: Oid) -> bool {
        // SAFETY: the column is of type regclass, compared as Oids are.
        unsafe {
            let key = (self.column, pg_sys::F_OIDEQ, Datum::from(relation));
            first_row(self.table, self.index, key, |_, _| ()).is_some()
        }
    }
}

/// Walker: whether a table of Citus is read.
///
/// # Safety
///
/// Called by PostgreSQL's walkers with a node, or none, and a [`CitusTables`].
unsafe extern "C-unwind" fn reads(node: *mut Node, tables: *mut c_void) -> bool {
    unsafe {
        match node.as_ref().map(|node| node.type_) {
            None => false,
            Some(NodeTag::T_RangeTblEntry) => is_listed(node.cast(), tables),
            Some(NodeTag::T_Query) => walk_query(node.cast(), reads, tables),
            Some(_) => walk_expression(node, reads, tables),
        }
    }
}

/// Whether an entry of a FROM clause is a table of Citus.
///
/// # Safety
///
/// Called by [`reads`] with such an entry and a [`CitusTables`].
#[pg_guard]
unsafe extern "C-unwind" fn is_listed(entry: *mut RangeTblEntry, tables: *mut c_void) -> bool {
    unsafe {
        let entry = &*entry;
        entry.rtekind == pg_sys::RTEKind::RTE_RELATION && (*tables.cast::<CitusTables>()).contains(entry.relid)
    }
}

/// Whether this session works for another, of Citus on another server. That one decides what the queries count.
pub(crate) fn is_task() -> bool {
    // SAFETY: the setting is a string that a zero ends, or none before it is set.
    unsafe {
        let name = pg_sys::application_name;
        !name.is_null() && CStr::from_ptr(name).to_bytes().starts_with(b"citus_internal ")
    }
}
