//! The planner hook: the path of a query from PostgreSQL to the planner that comes next.
//!
//! 1. [`prepare`] makes a copy of the query in which all is replaced that the settings ask for.
//! 2. The next planner plans that copy.
//! 3. [`complete`] records in the plan what it depends on.
//!
//! PostgreSQL's own mutators copy the query tree, and nothing changes the original. The hook calls the planner without
//! pgrx's guard. Before that, it has PostgreSQL simplify arguments and inline functions, which may run users'
//! functions. That happens without pgrx's guard, too. [`unguarded`](crate::pg::unguarded) says why, and what follows
//! for all frames here.

use crate::pg::pg_sys::{self, PlannedStmt, PlannerGlobal, Query};
use crate::pg::unguarded::{Request, plan as plan_with};
use crate::planner::asked::Asked;
use crate::planner::inline::Inlined;
use crate::planner::replacement::Replacement;
use crate::planner::{catalog, citus, foreign_tables, gathering, plans, settings};
use pgrx::pg_guard;
use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::ptr;

thread_local! {
    /// The hook that was there before, which plans what this one passes on.
    static NEXT: Cell<pg_sys::planner_hook_type> = const { Cell::new(None) };
    static IS_INSTALLED: Cell<bool> = const { Cell::new(false) };
}

/// Puts the hook before any others. Does nothing the second time.
///
/// # Safety
///
/// Called as the library is loaded.
pub(crate) unsafe fn install() {
    if !IS_INSTALLED.replace(true) {
        // SAFETY: PostgreSQL is single-threaded, and the hook has the type that it calls it by.
        unsafe {
            NEXT.set(pg_sys::planner_hook);
            pg_sys::planner_hook = Some(plan);
            // The plans that the session keeps have no mark.
            pg_sys::ResetPlanCache();
        }
    }
}

/// The hook.
///
/// # Safety
///
/// Called by PostgreSQL, or by a hook that comes before.
#[cfg(not(feature = "pg19"))]
unsafe extern "C-unwind" fn plan(
    parse: *mut Query,
    text: *const c_char,
    options: c_int,
    parameters: pg_sys::ParamListInfo,
) -> *mut PlannedStmt {
    let request = Request {
        text,
        options,
        parameters,
    };
    unsafe { plan_replaced(parse, request) }
}

/// The hook, which since 19 also gets what EXPLAIN wants.
///
/// # Safety
///
/// Called by PostgreSQL, or by a hook that comes before.
#[cfg(feature = "pg19")]
unsafe extern "C-unwind" fn plan(
    parse: *mut Query,
    text: *const c_char,
    options: c_int,
    parameters: pg_sys::ParamListInfo,
    explained: *mut pg_sys::ExplainState,
) -> *mut PlannedStmt {
    let request = Request {
        text,
        options,
        parameters,
        explained,
    };
    unsafe { plan_replaced(parse, request) }
}

/// Has the query planned, with all replaced that the session wants replaced.
///
/// # Safety
///
/// `parse` is a query to be planned, and nothing around this needs a destructor.
unsafe fn plan_replaced(parse: *mut Query, request: Request) -> *mut PlannedStmt {
    let mut preparation = Preparation {
        query: parse,
        as_it_stands: ptr::null_mut(),
        with_foreign: ptr::null_mut(),
        noted: ptr::null_mut(),
        asked: Asked::default(),
        gathers: false,
    };
    // SAFETY: nothing in this frame needs a destructor.
    unsafe {
        prepare(&mut preparation);
        let mut query = preparation.query;
        if !preparation.as_it_stands.is_null()
            && foreign_tables::compute_counts_of(plan_with(preparation.as_it_stands, request, NEXT.get()))
        {
            query = preparation.with_foreign;
        }
        let level = if preparation.gathers { gathering::begin() } else { 0 };
        let planned = plan_with(query, request, NEXT.get());
        gathering::end(level);
        if preparation.asked.is_any() {
            complete(&mut preparation, planned);
        }
        planned
    }
}

/// A query before it is planned, and what its plan depends on.
struct Preparation {
    query: *mut Query,
    /// The query with nothing replaced, if other servers may compute its counts.
    as_it_stands: *mut Query,
    /// The copy to plan instead if `as_it_stands` turns out to be counted elsewhere. It leaves to other servers what
    /// they may compute.
    with_foreign: *mut Query,
    /// What PostgreSQL noted about functions whose bodies were put into the query, if any were looked at.
    noted: *mut PlannerGlobal,
    asked: Asked,
    /// Whether there is an aggregate whose rows Citus is to gather.
    gathers: bool,
}

/// Replaces what the session wants replaced.
///
/// # Safety
///
/// Called by [`plan_replaced`].
#[pg_guard]
unsafe extern "C-unwind" fn prepare(preparation: &mut Preparation) {
    let original = preparation.query;
    let citus_tables = catalog::citus_tables();
    preparation.asked.functions = citus_tables.and_then(|_| catalog::functions());
    unsafe { preparation.asked.look_at(original) };
    if !preparation.asked.is_any() {
        return;
    }
    let accuracy = settings::count_distinct_accuracy().filter(|_| !citus::is_task());
    if accuracy.is_none() && citus_tables.is_none() {
        return;
    }
    let Some(functions) = catalog::functions() else { return };
    let is_pushed_down = settings::citus_pushdown();
    // SAFETY: nothing in this frame needs a destructor.
    unsafe {
        let mut inlined = Inlined::new(functions);
        let query = inlined.with_bodies(original);
        preparation.noted = inlined.noted();
        let is_distributed = citus_tables.is_some_and(|tables| tables.are_read_by(query));
        let mut replacement = Replacement::new(functions, accuracy, is_distributed, is_pushed_down);
        preparation.query = replacement.replaced(query);
        if accuracy.is_some() && foreign_tables::are_read_by(query) {
            preparation.as_it_stands = original;
            preparation.with_foreign = replacement.replaced_except_foreign(query);
        }
        preparation.gathers = replacement.gathers();
    }
}

/// Records in the plan what it depends on.
///
/// # Safety
///
/// Called by [`plan_replaced`], with the plan of the query.
#[pg_guard]
unsafe extern "C-unwind" fn complete(preparation: &mut Preparation, planned: *mut PlannedStmt) {
    let Preparation { noted, asked, .. } = preparation;
    // SAFETY: what was noted is in the memory context that the plan was made in.
    unsafe {
        // PostgreSQL may have made a function's body a part of the plan, or not.
        if !asked.counts {
            asked.functions = asked.functions.or_else(catalog::functions);
            asked.look_at_plan(&*planned);
        }
        if asked.counts {
            plans::mark(planned);
        }
        if let Some(noted) = noted.as_ref() {
            // PostgreSQL makes the plan anew when a function changes, or for a role that sees other rows.
            (*planned).invalItems = pg_sys::list_concat((*planned).invalItems, noted.invalItems);
            (*planned).dependsOnRole |= noted.dependsOnRole;
        }
    }
}
