//! Query trees and plans in general: their lists and their nodes. `planner::nodes` takes apart and makes the calls that
//! the planner hook replaces.

use crate::pg::pg_sys::{self, Aggref, List, Node, NodeTag, Oid, Plan, PlannedStmt};

/// The elements of a list of nodes, or of other pointers.
///
/// # Safety
///
/// `list` is a list of pointers to `T`, or none, and is not changed for `'a`.
pub(crate) unsafe fn elements<'a, T: 'a>(list: *const List) -> impl Iterator<Item = *mut T> + 'a {
    unsafe { cells(list).iter().map(|cell| cell.ptr_value.cast()) }
}

/// The elements of a list of Oids.
///
/// # Safety
///
/// `list` is a list of Oids, or none, and is not changed for `'a`.
pub(crate) unsafe fn oids<'a>(list: *const List) -> impl Iterator<Item = Oid> + 'a {
    unsafe { cells(list).iter().map(|cell| cell.oid_value) }
}

/// # Safety
///
/// `list` is a list, or none, and is not changed for `'a`.
unsafe fn cells<'a>(list: *const List) -> &'a [pg_sys::ListCell] {
    // SAFETY: a list says where its cells are, and how many.
    unsafe {
        match list.as_ref() {
            Some(list) => std::slice::from_raw_parts(list.elements, list.length as usize),
            None => &[],
        }
    }
}

/// Whether any node of a plan passes a test.
///
/// # Safety
///
/// `planned` is a plan.
pub(crate) unsafe fn any_of_plan(planned: &PlannedStmt, test: &impl Fn(&Plan) -> bool) -> bool {
    // SAFETY: the parts of a plan are plans, or none.
    unsafe { any_below(planned.planTree, test) || elements::<Plan>(planned.subplans).any(|plan| any_below(plan, test)) }
}

/// # Safety
///
/// `plan` is a part of a plan, or none.
unsafe fn any_below(plan: *mut Plan, test: &impl Fn(&Plan) -> bool) -> bool {
    // SAFETY: a node has the structure that its tag says. All nodes of a plan begin with the structure `Plan`, and
    // these lists hold such nodes.
    unsafe {
        let Some(node) = plan.as_ref() else { return false };
        pg_sys::check_stack_depth();
        if test(node) {
            return true;
        }
        let list = match node.type_ {
            NodeTag::T_SubqueryScan => return any_below((*plan.cast::<pg_sys::SubqueryScan>()).subplan, test),
            NodeTag::T_Append => (*plan.cast::<pg_sys::Append>()).appendplans,
            NodeTag::T_MergeAppend => (*plan.cast::<pg_sys::MergeAppend>()).mergeplans,
            NodeTag::T_CustomScan => (*plan.cast::<pg_sys::CustomScan>()).custom_plans,
            _ => std::ptr::null_mut(),
        };
        elements::<Plan>(list).any(|part| any_below(part, test))
            || any_below(node.lefttree, test)
            || any_below(node.righttree, test)
    }
}

/// Whether an aggregate is PostgreSQL's `count(DISTINCT x)`.
pub(crate) fn counts_distinct(aggregate: &Aggref) -> bool {
    aggregate.aggfnoid == Oid::from(pg_sys::F_COUNT_ANY) && !aggregate.aggdistinct.is_null()
}

/// A new node, all zeros, in the current memory context.
///
/// # Safety
///
/// `N` is the structure of nodes with that tag.
pub(crate) unsafe fn node<N>(tag: NodeTag) -> *mut N {
    // SAFETY: all nodes start with their tag.
    unsafe {
        let node: *mut Node = pg_sys::palloc0(size_of::<N>()).cast();
        (*node).type_ = tag;
        node.cast()
    }
}
