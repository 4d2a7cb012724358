//! Whether a query has anything that some setting would have replaced. Its plan then depends on the settings, even if
//! nothing is replaced now.

use crate::pg::pg_sys::{Aggref, Node, NodeTag, PlannedStmt, Query};
use crate::pg::query_tree::{any_of_plan, counts_distinct};
use crate::pg::unguarded::{walk_expression, walk_query};
use crate::planner::bodies::may_be_inlined;
use crate::planner::extension::Functions;
use crate::planner::foreign_tables;
use std::ffi::c_void;
use std::ptr;

/// Whether the plan depends on our settings.
#[derive(Clone, Copy, Default)]
pub(crate) struct Asked {
    /// The extension's functions, if its own aggregates matter too: over tables of Citus they are replaced.
    pub(crate) functions: Option<Functions>,
    /// Whether there is an aggregate that some setting would have replaced.
    pub(crate) counts: bool,
    /// Whether there is a function in FROM whose body may have one.
    calls: bool,
}

impl Asked {
    pub(crate) fn new(functions: Option<Functions>) -> Self {
        Asked {
            functions,
            ..Asked::default()
        }
    }

    pub(crate) fn is_any(&self) -> bool {
        self.counts || self.calls
    }

    /// Looks at a query.
    ///
    /// # Safety
    ///
    /// `query` is a query to be planned. What is between here and PostgreSQL's own handler, or a guard, needs no
    /// destructor.
    pub(crate) unsafe fn look_at(&mut self, query: *mut Query) {
        self.counts = unsafe { walk_query(query, asks, ptr::from_mut(self).cast()) };
    }

    /// Looks at a plan.
    ///
    /// # Safety
    ///
    /// `planned` is a plan. For the frames, as [`look_at`](Self::look_at).
    pub(crate) unsafe fn look_at_plan(&mut self, planned: &PlannedStmt) {
        let this: *mut c_void = ptr::from_mut(self).cast();
        // SAFETY: the lists of a plan's node are of expressions.
        unsafe {
            let counts = any_of_plan(planned, &|plan| match plan.type_ {
                NodeTag::T_Agg => asks(plan.targetlist.cast(), this) || asks(plan.qual.cast(), this),
                _ => asks(foreign_tables::columns_from_there(plan), this),
            });
            self.counts = counts;
        }
    }
}

/// Walker: whether there is an aggregate that some setting would have replaced. Notes functions whose body may have
/// one.
///
/// # Safety
///
/// Called by PostgreSQL's walkers with a node, or none, and an [`Asked`].
unsafe extern "C-unwind" fn asks(node: *mut Node, asked: *mut c_void) -> bool {
    // SAFETY: a node has the structure that its tag says.
    unsafe {
        match node.as_ref().map(|node| node.type_) {
            None => false,
            Some(NodeTag::T_RangeTblEntry) => {
                (*asked.cast::<Asked>()).calls |= may_be_inlined(node.cast());
                false
            }
            Some(NodeTag::T_Query) => walk_query(node.cast(), asks, asked),
            Some(NodeTag::T_Aggref) => {
                let aggregate = &*node.cast::<Aggref>();
                let functions = &(*asked.cast::<Asked>()).functions;
                counts_distinct(aggregate)
                    || functions.is_some_and(|functions| functions.value_call(aggregate.aggfnoid).is_some())
                    || walk_expression(node, asks, asked)
            }
            Some(_) => walk_expression(node, asks, asked),
        }
    }
}
