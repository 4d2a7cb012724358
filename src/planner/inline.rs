//! Putting the bodies of functions into FROM clauses, before PostgreSQL does.
//!
//! PostgreSQL's planner puts the body of a function written in SQL where a FROM clause calls it. The hook would not see
//! what is in there. So it has PostgreSQL's own function make the body, and puts it there first: if the body asks for
//! something to be replaced, or reads what other servers may count.

use crate::pg::pg_sys::{self, FuncExpr, Node, NodeTag, Oid, PlannerGlobal, PlannerInfo, Query, RangeTblEntry};
use crate::pg::query_tree::{elements, node};
use crate::pg::unguarded::{inline_function, mutate_expression, mutate_query, simplify};
use crate::planner::asked::Asked;
use crate::planner::bodies::{may_be_inlined, put_arguments_in_place};
use crate::planner::extension::Functions;
use crate::planner::foreign_tables;
use pgrx::pg_guard;
use std::ffi::c_void;
use std::ptr;

/// The bodies that were put into a query.
pub(crate) struct Inlined {
    /// What bodies are searched for.
    asked: Asked,
    /// What PostgreSQL's own function reads of a planner in progress, and where it notes what the plan depends on.
    planner: *mut PlannerInfo,
    /// The function whose body is being searched for others.
    within: *const Within,
}

/// A function whose body is being searched for others, and the one in whose body it was found.
struct Within {
    function: Oid,
    outer: *const Within,
}

impl Inlined {
    pub(crate) fn new(functions: Functions) -> Self {
        // SAFETY: both are nodes of their type, made in the current memory context, that of the planner.
        unsafe {
            let planner = node::<PlannerInfo>(NodeTag::T_PlannerInfo);
            (*planner).glob = node::<PlannerGlobal>(NodeTag::T_PlannerGlobal);
            Inlined {
                asked: Asked::new(Some(functions)),
                planner,
                within: ptr::null(),
            }
        }
    }

    /// Where PostgreSQL noted what the plan depends on, since these bodies are in it.
    pub(crate) fn noted(&self) -> *mut PlannerGlobal {
        // SAFETY: `new` made both.
        unsafe { (*self.planner).glob }
    }

    /// A copy of a query with the bodies of functions in their places.
    ///
    /// # Safety
    ///
    /// `query` is a query to be planned. What is between here and PostgreSQL's own handler, or a guard, needs no
    /// destructor.
    pub(crate) unsafe fn with_bodies(&mut self, query: *mut Query) -> *mut Query {
        unsafe { inline_functions(query.cast(), ptr::from_mut(self).cast()).cast() }
    }

    /// Puts bodies into the FROM clause of a query.
    ///
    /// # Safety
    ///
    /// `query` is a copy that may be changed. For the frames, as [`with_bodies`](Self::with_bodies).
    unsafe fn put_bodies(&mut self, query: *mut Query) {
        // SAFETY: the mutator copied the entries with the query, which outlives the plan.
        unsafe {
            for entry in elements::<RangeTblEntry>((*query).rtable) {
                (*self.planner).parse = query;
                if may_be_inlined(entry)
                    && let Some(body) = self.body(entry)
                {
                    let entry = &mut *entry;
                    // As in PostgreSQL's preprocess_function_rtes, which leaves the call there too.
                    entry.rtekind = pg_sys::RTEKind::RTE_SUBQUERY;
                    entry.subquery = body;
                    entry.security_barrier = false;
                    // A hook may write the query down again, as Citus's does. The columns then keep the names that the
                    // function gives them.
                    entry.alias = pg_sys::copyObjectImpl(entry.eref.cast()).cast();
                }
            }
        }
    }

    /// The body of the function that an entry of a FROM clause calls; `None` if the call is to stay.
    ///
    /// # Safety
    ///
    /// `entry` is a copy that may be changed, for which [`may_be_inlined`] holds. For the frames, as
    /// [`with_bodies`](Self::with_bodies).
    unsafe fn body(&mut self, entry: *mut RangeTblEntry) -> Option<*mut Query> {
        // SAFETY: PostgreSQL's function is called as its preprocess_function_rtes calls it, after named and default
        // arguments were put in their places. Nothing is computed that PostgreSQL may never come to compute.
        unsafe {
            let function = elements::<pg_sys::RangeTblFunction>((*entry).functions).next()?;
            let call: *mut FuncExpr = (*function).funcexpr.cast();
            // The arguments of a function that calls itself decide how often. PostgreSQL knows when to stop.
            if self.is_within((*call).funcid) {
                return None;
            }
            put_arguments_in_place(&mut *call);
            // PostgreSQL makes no body where an argument is volatile. Some only look so until they are simplified.
            if pg_sys::contain_volatile_functions((*call).args.cast()) {
                (*call).args = simplify(self.planner, (*call).args.cast()).cast();
            }
            let body = inline_function(self.planner, entry);
            if body.is_null() {
                return None;
            }
            let within = Within {
                function: (*call).funcid,
                outer: self.within,
            };
            self.within = &raw const within;
            let body = self.with_bodies(body);
            self.within = within.outer;
            self.asked.look_at(body);
            (self.asked.counts || foreign_tables::are_read_by(body)).then_some(body)
        }
    }

    /// Whether the body of this function is being searched.
    fn is_within(&self, function: Oid) -> bool {
        let mut within = self.within;
        // SAFETY: `body` keeps each of these in its frame until its search is done.
        while let Some(outer) = unsafe { within.as_ref() } {
            if outer.function == function {
                return true;
            }
            within = outer.outer;
        }
        false
    }
}

/// Mutator: puts the bodies of functions into FROM clauses.
///
/// # Safety
///
/// Called by PostgreSQL's mutators with a node, or none, and an [`Inlined`].
unsafe extern "C-unwind" fn inline_functions(node: *mut Node, inlined: *mut c_void) -> *mut Node {
    // SAFETY: the mutators copy queries and their entries.
    unsafe {
        match node.as_ref().map(|node| node.type_) {
            None => node,
            Some(NodeTag::T_Query) => {
                let query = mutate_query(node.cast(), inline_functions, inlined);
                put_bodies(query, inlined);
                query.cast()
            }
            // PostgreSQL never plans a CTE that nothing names.
            Some(NodeTag::T_CommonTableExpr) if (*node.cast::<pg_sys::CommonTableExpr>()).cterefcount == 0 => node,
            Some(_) => mutate_expression(node, inline_functions, inlined),
        }
    }
}

/// [`Inlined::put_bodies`], behind a guard.
///
/// # Safety
///
/// Called by [`inline_functions`] with a copy of a query and an [`Inlined`].
#[pg_guard]
unsafe extern "C-unwind" fn put_bodies(query: *mut Query, inlined: *mut c_void) {
    unsafe { (*inlined.cast::<Inlined>()).put_bodies(query) }
}
