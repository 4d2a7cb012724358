//! Query trees: their lists, and PostgreSQL's walkers and mutators, called without pgrx's guard.
//!
//! These call themselves through their callback, once for each level of an expression; with a guard at each, a query
//! would need a multiple of the stack. So an ERROR leaves all frames of the callbacks behind without running a
//! destructor, up to the guard around the whole: callbacks hold pointers and integers only, and leave to guarded
//! functions what needs more.

use pgrx::pg_sys::{self, List, Node, Query};
use std::ffi::{c_int, c_void};

/// Called with a node, or none, and the context; ends the walk where it is true.
pub(crate) type Walker = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> bool;
/// Called with a node, or none, and the context; returns what is to be in its place.
pub(crate) type Mutator = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> *mut Node;

mod unguarded {
    use super::*;

    // Since 16, PostgreSQL's headers make macros of the names. What is declared there of the callbacks differs, and how
    // they are called does not.
    unsafe extern "C-unwind" {
        #[cfg_attr(feature = "pg15", link_name = "query_tree_walker")]
        pub(super) fn query_tree_walker_impl(
            query: *mut Query,
            walker: Walker,
            context: *mut c_void,
            flags: c_int,
        ) -> bool;
        #[cfg_attr(feature = "pg15", link_name = "expression_tree_walker")]
        pub(super) fn expression_tree_walker_impl(node: *mut Node, walker: Walker, context: *mut c_void) -> bool;
        #[cfg_attr(feature = "pg15", link_name = "query_tree_mutator")]
        pub(super) fn query_tree_mutator_impl(
            query: *mut Query,
            mutator: Mutator,
            context: *mut c_void,
            flags: c_int,
        ) -> *mut Query;
        #[cfg_attr(feature = "pg15", link_name = "expression_tree_mutator")]
        pub(super) fn expression_tree_mutator_impl(
            node: *mut Node,
            mutator: Mutator,
            context: *mut c_void,
        ) -> *mut Node;
    }
}

/// Walks through all of a query, the entries of its FROM clause included.
///
/// # Safety
///
/// `query` is a query, `context` what the walker takes, and what is between here and the guard around it needs no
/// destructor.
pub(crate) unsafe fn walk_query(query: *mut Query, walker: Walker, context: *mut c_void) -> bool {
    let flags = pg_sys::QTW_EXAMINE_RTES_BEFORE as c_int;
    // SAFETY: the caller vouches for the arguments and the frames.
    unsafe { unguarded::query_tree_walker_impl(query, walker, context, flags) }
}

/// Walks through what is below a node that is no query.
///
/// # Safety
///
/// As [`walk_query`].
pub(crate) unsafe fn walk_expression(node: *mut Node, walker: Walker, context: *mut c_void) -> bool {
    // SAFETY: the caller vouches for the arguments and the frames.
    unsafe { unguarded::expression_tree_walker_impl(node, walker, context) }
}

/// A copy of a query in which all below is what the mutator makes of it.
///
/// # Safety
///
/// As [`walk_query`].
pub(crate) unsafe fn mutate_query(query: *mut Query, mutator: Mutator, context: *mut c_void) -> *mut Query {
    // SAFETY: the caller vouches for the arguments and the frames.
    unsafe { unguarded::query_tree_mutator_impl(query, mutator, context, 0) }
}

/// A copy of a node that is no query in which all below is what the mutator makes of it.
///
/// # Safety
///
/// As [`walk_query`].
pub(crate) unsafe fn mutate_expression(node: *mut Node, mutator: Mutator, context: *mut c_void) -> *mut Node {
    // SAFETY: the caller vouches for the arguments and the frames.
    unsafe { unguarded::expression_tree_mutator_impl(node, mutator, context) }
}

/// The elements of a list.
///
/// # Safety
///
/// `list` is a list of pointers to `T`, or none, and is not changed for `'a`.
pub(crate) unsafe fn elements<'a, T: 'a>(list: *const List) -> impl Iterator<Item = *mut T> + 'a {
    // SAFETY: the caller vouches for the list, which says where its cells are, and how many; all are pointers.
    unsafe {
        let cells = match list.as_ref() {
            Some(list) => std::slice::from_raw_parts(list.elements, list.length as usize),
            None => &[],
        };
        cells.iter().map(|cell| cell.ptr_value.cast())
    }
}
