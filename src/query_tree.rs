//! Query trees: their lists and nodes, and what of PostgreSQL's planner is called without pgrx's guard.
//!
//! The guard copies what an ERROR says into memory of Rust's own allocator, which aborts the process where memory ends;
//! and what the planner raises may be as long as somebody likes, since it calls functions of users. Walkers and mutators
//! also call themselves through their callback, once for each level of an expression: with a guard at each, a query
//! would need a multiple of the stack. So an ERROR leaves all frames between the planner hook and what raised it behind
//! without running a destructor: they hold pointers and integers only, and leave to guarded functions what needs more.

use crate::pg_sys::{
    self, Aggref, HeapTuple, List, Node, NodeTag, Oid, Plan, PlannedStmt, PlannerInfo, Query, RangeTblEntry,
};
use std::ffi::{c_char, c_int, c_void};

/// Called with a node, or none, and the context; ends the walk where it is true.
pub(crate) type Walker = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> bool;
/// Called with a node, or none, and the context; returns what is to be in its place.
pub(crate) type Mutator = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> *mut Node;

/// What a planner is told beside the query, handed on as it came.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) text: *const c_char,
    pub(crate) options: c_int,
    pub(crate) parameters: pg_sys::ParamListInfo,
    #[cfg(feature = "pg19")]
    pub(crate) explained: *mut pg_sys::ExplainState,
}

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
        pub(super) fn expand_function_arguments(
            arguments: *mut List,
            with_results: bool,
            returned: Oid,
            function: HeapTuple,
        ) -> *mut List;
        pub(super) fn eval_const_expressions(planner: *mut PlannerInfo, node: *mut Node) -> *mut Node;
        #[cfg_attr(feature = "pg19", link_name = "inline_function_in_from")]
        pub(super) fn inline_set_returning_function(planner: *mut PlannerInfo, entry: *mut RangeTblEntry)
        -> *mut Query;
        #[cfg(not(feature = "pg19"))]
        pub(super) fn standard_planner(
            query: *mut Query,
            text: *const c_char,
            options: c_int,
            parameters: pg_sys::ParamListInfo,
        ) -> *mut PlannedStmt;
        #[cfg(feature = "pg19")]
        pub(super) fn standard_planner(
            query: *mut Query,
            text: *const c_char,
            options: c_int,
            parameters: pg_sys::ParamListInfo,
            explained: *mut pg_sys::ExplainState,
        ) -> *mut PlannedStmt;
    }
}

/// Has a query planned, by another library's hook if there is one, or else by PostgreSQL.
///
/// # Safety
///
/// `query` and `request` are what a planner takes, `hook` is one, and what is between here and PostgreSQL's own handler
/// needs no destructor.
pub(crate) unsafe fn plan(query: *mut Query, request: Request, hook: pg_sys::planner_hook_type) -> *mut PlannedStmt {
    let Request {
        text,
        options,
        parameters,
        ..
    } = request;
    // SAFETY: the caller vouches for the arguments and the frames.
    unsafe {
        #[cfg(not(feature = "pg19"))]
        return match hook {
            Some(hook) => hook(query, text, options, parameters),
            None => unguarded::standard_planner(query, text, options, parameters),
        };
        #[cfg(feature = "pg19")]
        return match hook {
            Some(hook) => hook(query, text, options, parameters, request.explained),
            None => unguarded::standard_planner(query, text, options, parameters, request.explained),
        };
    }
}

/// Walks through all of a query, the entries of its FROM clause included.
///
/// # Safety
///
/// `query` is a query, `context` what the walker takes, and what is between here and PostgreSQL's own handler, or a
/// guard, needs no destructor.
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

/// What PostgreSQL simplifies an expression, or a list of them, to. Calls functions that are IMMUTABLE.
///
/// # Safety
///
/// As [`walk_query`]; `planner` is NULL or as PostgreSQL's function wants it.
pub(crate) unsafe fn simplify(planner: *mut PlannerInfo, node: *mut Node) -> *mut Node {
    // SAFETY: the caller vouches for the arguments and the frames.
    unsafe { unguarded::eval_const_expressions(planner, node) }
}

/// The arguments of a call of a function, of which this is the entry in `pg_proc`, with those that the call leaves out, in
/// their order.
///
/// # Safety
///
/// As [`walk_query`].
pub(crate) unsafe fn expand_arguments(arguments: *mut List, returned: Oid, function: HeapTuple) -> *mut List {
    // SAFETY: the caller vouches for the arguments and the frames.
    unsafe { unguarded::expand_function_arguments(arguments, false, returned, function) }
}

/// The body of the function that an entry of a FROM clause calls, where PostgreSQL would put it there; or NULL.
///
/// # Safety
///
/// As [`walk_query`]; `planner` and `entry` are as PostgreSQL's function wants them.
pub(crate) unsafe fn inline_function(planner: *mut PlannerInfo, entry: *mut RangeTblEntry) -> *mut Query {
    // SAFETY: the caller vouches for the arguments and the frames.
    unsafe { unguarded::inline_set_returning_function(planner, entry) }
}

/// The elements of a list of nodes, or of other pointers.
///
/// # Safety
///
/// `list` is a list of pointers to `T`, or none, and is not changed for `'a`.
pub(crate) unsafe fn elements<'a, T: 'a>(list: *const List) -> impl Iterator<Item = *mut T> + 'a {
    // SAFETY: the caller vouches for the list, whose cells are pointers.
    unsafe { cells(list).iter().map(|cell| cell.ptr_value.cast()) }
}

/// The elements of a list of Oids.
///
/// # Safety
///
/// `list` is such a list, or none, and is not changed for `'a`.
pub(crate) unsafe fn oids<'a>(list: *const List) -> impl Iterator<Item = Oid> + 'a {
    // SAFETY: the caller vouches for the list, whose cells are Oids.
    unsafe { cells(list).iter().map(|cell| cell.oid_value) }
}

/// # Safety
///
/// `list` is a list, or none, and is not changed for `'a`.
unsafe fn cells<'a>(list: *const List) -> &'a [pg_sys::ListCell] {
    // SAFETY: the caller vouches for the list, which says where its cells are, and how many.
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
    // SAFETY: the caller vouches for the plan, of which the parts are plans, or none.
    unsafe { any_below(planned.planTree, test) || elements::<Plan>(planned.subplans).any(|plan| any_below(plan, test)) }
}

/// # Safety
///
/// `plan` is a part of a plan, or none.
unsafe fn any_below(plan: *mut Plan, test: &impl Fn(&Plan) -> bool) -> bool {
    // SAFETY: the caller vouches for the plan. A node has the structure that its tag says, and all begin with that of a
    // plan; its lists are of plans.
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
    // SAFETY: the caller vouches for the structure, which starts with its tag.
    unsafe {
        let node: *mut Node = pg_sys::palloc0(size_of::<N>()).cast();
        (*node).type_ = tag;
        node.cast()
    }
}
