//! The planner hook: it finds the aggregates that a query has in a form to be replaced, replaces them, and passes the
//! query on.
//!
//! Two forms are replaced, each by one that PostgreSQL could have parsed itself:
//!
//! - where the session asks for it (`cvm_count.count_distinct_epsilon`), `count(DISTINCT x)` by
//!   `approx_count_distinct_cvm(x, epsilon, delta)`;
//! - where the query reads a table of Citus, the aggregates of values by the form that Citus sends to the shards:
//!   `cvm_sketch_agg_hashed(cvm_hash(x, seed) ...)`, and around it `cvm_sketch_estimate` or, since hashes do not tell,
//!   the kind of the values; `cvm_sample_union_agg(cvm_sample_of(x ...))` for samples. For those that have no such form Citus is told to [gather](crate::planner::gathering) the rows.
//!
//! The query tree is copied, never changed in place, by PostgreSQL's own mutators. Plans of queries that have one of
//! these forms are marked, replaced or not: another setting would make them otherwise.
//!
//! The planner is called without pgrx's guard, and so is what calls users' functions before: [`query_tree`] says why,
//! and what that asks of all frames here.
//!
//! [`query_tree`]: crate::pg::query_tree

use crate::hash::equality::{is_hashable, kind_of};
use crate::hash::hasher::DEFAULT_SEED;
use crate::pg::pg_sys::{self, Aggref, Datum, Expr, List, Node, NodeTag, Oid, PlannedStmt, Query, RangeTblEntry};
use crate::pg::query_tree::{any_of_plan, counts_distinct, elements, node};
use crate::pg::unguarded::{
    Request, inline_function, mutate_expression, mutate_query, plan as plan_with, simplify, walk_expression, walk_query,
};
use crate::pg::varlena;
use crate::planner::catalog::{self, CitusTables, Functions, ValueCall};
use crate::planner::{foreign_tables, gathering, plans, settings};
use cvm_sketch::Accuracy;
use cvm_sketch::sample::{DEFAULT_SIZE, MAX_SIZE, MIN_SIZE};
use pgrx::pg_guard;
use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

thread_local! {
    /// The hook that was there before, which plans what this one passes on.
    static NEXT: Cell<pg_sys::planner_hook_type> = const { Cell::new(None) };
    static IS_INSTALLED: Cell<bool> = const { Cell::new(false) };
}

/// Puts the hook before those that are there. Does nothing the second time.
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
            // Plans that the session keeps have no mark.
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
    // SAFETY: the arguments are handed on as they came.
    unsafe { plan_replaced(parse, request) }
}

/// The hook, which since 19 is told what EXPLAIN wants.
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
    // SAFETY: as before 19.
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
        inlined: ptr::null_mut(),
        asked: Asked::default(),
        gathers: false,
    };
    // SAFETY: the caller vouches for the query; nothing in this frame needs a destructor.
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

/// A query before it is planned, and what has to be said of its plan.
struct Preparation {
    query: *mut Query,
    /// The query with nothing replaced, if other servers may compute what it counts, unless that is replaced.
    as_it_stands: *mut Query,
    /// What is to be planned if they do: a copy that leaves to them what they may compute.
    with_foreign: *mut Query,
    /// The planner that noted what functions were put into the query, if any were looked at.
    inlined: *mut pg_sys::PlannerInfo,
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
    let citus_tables = catalog::citus_tables();
    preparation.asked.functions = citus_tables.and_then(|_| catalog::functions());
    // SAFETY: the caller vouches for the query.
    unsafe { preparation.asked.look_at(preparation.query) };
    if !preparation.asked.is_any() {
        return;
    }
    let accuracy = settings::count_distinct_accuracy().filter(|_| !is_task_of_citus());
    if accuracy.is_none() && citus_tables.is_none() {
        return;
    }
    let Some(functions) = catalog::functions() else { return };
    let replacement = Replacement {
        functions,
        accuracy,
        citus_tables,
        is_pushed_down: settings::citus_pushdown(),
        is_distributed: false,
        gathers: false,
        leaves_foreign: false,
        level: ptr::null(),
    };
    // SAFETY: the caller vouches for the query.
    unsafe { replacement.prepare(preparation) }
}

/// Says in the plan what it depends on.
///
/// # Safety
///
/// Called by [`plan_replaced`], with the plan of the query.
#[pg_guard]
unsafe extern "C-unwind" fn complete(preparation: &mut Preparation, planned: *mut PlannedStmt) {
    let Preparation { inlined, asked, .. } = preparation;
    // SAFETY: the caller vouches for the plan; what was noted was made in the memory context that it was made in.
    unsafe {
        // Of a function's body PostgreSQL may have made a part of the plan, or not.
        if !asked.counts {
            asked.functions = asked.functions.or_else(catalog::functions);
            asked.look_at_plan(&*planned);
        }
        if asked.counts {
            plans::mark(planned);
        }
        if let Some(inlined) = inlined.as_ref() {
            // The plan is made anew when one of the functions changes, or whose rows may be seen.
            let noted = &*inlined.glob;
            (*planned).invalItems = pg_sys::list_concat((*planned).invalItems, noted.invalItems);
            (*planned).dependsOnRole |= noted.dependsOnRole;
        }
    }
}

/// Whether this session works for another, of Citus on another server: what its queries count was decided there.
fn is_task_of_citus() -> bool {
    // SAFETY: the setting is a string that a zero ends, or none before it is set.
    unsafe {
        let name = pg_sys::application_name;
        !name.is_null() && CStr::from_ptr(name).to_bytes().starts_with(b"citus_internal ")
    }
}

/// Whether another setting would have another query planned.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// The functions of the extension, if aggregates of ours count as well: those over tables of Citus are replaced.
    functions: Option<Functions>,
    /// Whether there is an aggregate that some setting would have replaced.
    counts: bool,
    /// Whether there is a function in FROM whose body may have one.
    calls: bool,
}

impl Asked {
    fn is_any(&self) -> bool {
        self.counts || self.calls
    }

    /// Looks at a query to be planned.
    ///
    /// # Safety
    ///
    /// `query` is one.
    unsafe fn look_at(&mut self, query: *mut Query) {
        // SAFETY: the caller vouches for the query.
        self.counts = unsafe { walk_query(query, asks, ptr::from_mut(self).cast()) };
    }

    /// Looks at a plan.
    ///
    /// # Safety
    ///
    /// `planned` is one.
    unsafe fn look_at_plan(&mut self, planned: &PlannedStmt) {
        let this: *mut c_void = ptr::from_mut(self).cast();
        // SAFETY: the caller vouches for the plan; of its nodes, these have aggregates.
        unsafe {
            let counts = any_of_plan(planned, &|plan| match plan.type_ {
                NodeTag::T_Agg => asks(plan.targetlist.cast(), this) || asks(plan.qual.cast(), this),
                _ => asks(foreign_tables::columns_from_there(plan), this),
            });
            self.counts = counts;
        }
    }
}

/// Walker: whether there is an aggregate that some setting would have replaced. Notes functions whose body may have one.
///
/// # Safety
///
/// Called by PostgreSQL's walkers with a node, or none, and an [`Asked`].
unsafe extern "C-unwind" fn asks(node: *mut Node, asked: *mut c_void) -> bool {
    // SAFETY: the walkers vouch for the node.
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

/// What is to be replaced in a query, and by what.
struct Replacement {
    functions: Functions,
    /// The accuracy at which `count(DISTINCT)` is approximated, if it is.
    accuracy: Option<Accuracy>,
    /// Citus's list of its tables, if there is one.
    citus_tables: Option<CitusTables>,
    /// Whether aggregates over these tables are to be pushed down.
    is_pushed_down: bool,
    /// Whether the query reads one of these tables.
    is_distributed: bool,
    /// Whether there is an aggregate whose rows Citus is to gather.
    gathers: bool,
    /// Whether to leave what other servers may compute.
    leaves_foreign: bool,
    /// The query that is being copied.
    level: *const Level,
}

/// A query that is being copied, and the one that it is a part of.
struct Level {
    query: *mut Query,
    outer: *const Level,
}

/// What an aggregate to be replaced computes.
enum Call {
    /// `count(DISTINCT x)`
    CountDistinct(Accuracy),
    /// One of ours
    Value(ValueCall),
}

impl Replacement {
    /// Makes the query a copy in which all is replaced.
    ///
    /// # Safety
    ///
    /// The query is one to be planned.
    unsafe fn prepare(mut self, preparation: &mut Preparation) {
        // SAFETY: the caller vouches for the query. The contexts of the walker and the mutators outlive them.
        unsafe {
            let mut inlined = Inlined::new(Asked {
                functions: Some(self.functions),
                ..Asked::default()
            });
            let original = preparation.query;
            let query: *mut Query = inline_functions(original.cast(), (&raw mut inlined).cast()).cast();
            preparation.inlined = inlined.planner;
            self.is_distributed =
                self.citus_tables.is_some() && walk_query(query, has_citus_table, (&raw mut self).cast());
            preparation.query = self.replaced(query);
            if self.accuracy.is_some() && foreign_tables::are_read_by(query) {
                preparation.as_it_stands = original;
                self.leaves_foreign = true;
                preparation.with_foreign = self.replaced(query);
            }
            preparation.gathers = self.gathers;
        }
    }

    /// A copy of the query in which all is replaced that is to be.
    ///
    /// # Safety
    ///
    /// The query is one to be planned.
    unsafe fn replaced(&mut self, query: *mut Query) -> *mut Query {
        // SAFETY: the caller vouches for the query, and this outlives the mutator. No node is in two copies: the mutators
        // leave parts of entries in FROM as they are.
        unsafe {
            let query = pg_sys::copyObjectImpl(query.cast());
            replace(query.cast(), ptr::from_mut(self).cast()).cast()
        }
    }

    /// What an aggregate computes, if it is one to be replaced.
    ///
    /// # Safety
    ///
    /// `aggregate` is one of the query that is being copied, or of one that it is a part of.
    unsafe fn call(&self, aggregate: &Aggref) -> Option<Call> {
        if self.citus_tables.is_some()
            && let Some(call) = self.functions.value_call(aggregate.aggfnoid)
        {
            return Some(Call::Value(call));
        }
        let accuracy = self.accuracy.filter(|_| counts_distinct(aggregate))?;
        // SAFETY: the caller vouches for the aggregate, whose argument is an expression of its collation.
        unsafe {
            let [value, ..] = arguments(aggregate).items;
            (is_default_equality(aggregate)
                && values_are_hashable(value, aggregate.inputcollid)
                && !self.is_left_to_others(aggregate))
            .then_some(Call::CountDistinct(accuracy))
        }
    }

    /// Whether the aggregate is one that another server may compute, and is to be left to it.
    ///
    /// # Safety
    ///
    /// As [`call`](Self::call).
    unsafe fn is_left_to_others(&self, aggregate: &Aggref) -> bool {
        if !self.leaves_foreign {
            return false;
        }
        let mut level = self.level;
        // SAFETY: the caller vouches for the aggregate, which says to which query it belongs; levels outlive the copies
        // that are made of their queries.
        unsafe {
            for _ in 0..aggregate.agglevelsup {
                level = level.as_ref().map_or(ptr::null(), |level| level.outer);
            }
            level
                .as_ref()
                .is_some_and(|level| foreign_tables::may_be_read_by(level.query))
        }
    }

    /// What is to be in the place of an aggregate: itself, if it is not one to be replaced.
    ///
    /// # Safety
    ///
    /// `aggregate` is a copy that may be changed. As [`call`](Self::call).
    unsafe fn in_place_of(&mut self, aggregate: &mut Aggref) -> *mut Node {
        // SAFETY: the caller vouches for the aggregate.
        unsafe {
            let itself = ptr::from_mut(aggregate).cast();
            let Some(call) = self.call(aggregate) else {
                return itself;
            };
            let mut arguments = arguments(aggregate);
            if let Call::CountDistinct(accuracy) = call {
                arguments.push(number(accuracy.epsilon()));
                arguments.push(number(accuracy.delta()));
            }
            if self.is_distributed
                && self.is_pushed_down
                && let Some(divided) = self.divided(aggregate, &call, &arguments)
            {
                return divided;
            }
            if let Call::CountDistinct(_) = call {
                let [.., function] = self.functions.count;
                set_call(aggregate, function, aggregate.aggtype, &arguments);
            }
            self.gathers |= self.is_distributed;
            itself
        }
    }

    /// The form of an aggregate of values that Citus pushes down; `None` if it has none that gives the same.
    ///
    /// # Safety
    ///
    /// `aggregate` is a copy that may be changed, `arguments` are those of `call`.
    unsafe fn divided(&self, aggregate: &mut Aggref, call: &Call, arguments: &Arguments) -> Option<*mut Node> {
        // SAFETY: the caller vouches for the arguments.
        unsafe {
            match call {
                Call::Value(ValueCall::Sample) => self.sampled(aggregate, arguments, 1),
                Call::Value(ValueCall::MeasuredSample) => self.sampled(aggregate, arguments, 2),
                _ => self.hashed(aggregate, call, arguments),
            }
        }
    }

    /// The union of samples of one row each, in the place of an aggregate that makes a sample.
    ///
    /// # Safety
    ///
    /// `aggregate` is a copy that may be changed, `arguments` are its own: a value, a measure if the size is not at 1, a
    /// size and a seed, or the first of these.
    unsafe fn sampled(&self, aggregate: &mut Aggref, arguments: &Arguments, size_at: usize) -> Option<*mut Node> {
        let functions = &self.functions;
        // A row that is there twice counts twice.
        if !aggregate.aggdistinct.is_null() {
            return None;
        }
        // SAFETY: the caller vouches for the aggregate and its arguments, of which a constant is the datum itself.
        unsafe {
            // What is the same in every row need not be compared.
            let said = |at: usize, default: u64| match arguments.as_slice().get(at) {
                Some(&argument) => constant_of(argument),
                None => Some(default),
            };
            let size = said(size_at, u64::from(DEFAULT_SIZE))? as u32;
            let seed = said(size_at + 1, DEFAULT_SEED)?;
            if !(MIN_SIZE..=MAX_SIZE).contains(&size) {
                return None;
            }
            let measure = match arguments.as_slice()[1..size_at] {
                [measure] => measure,
                _ => no_number(),
            };
            let row = [arguments.items[0], measure, integer(size as i32), bigint(seed as i64)];
            let sample = function_call(functions.sample_of, functions.sample_type, aggregate.inputcollid, &row);
            let mut argument = Arguments::NONE;
            argument.push(sample);
            set_call(aggregate, functions.sample_union, functions.sample_type, &argument);
            aggregate.inputcollid = Oid::INVALID;
            Some(ptr::from_mut(aggregate).cast())
        }
    }

    /// The aggregate over hashes, in the place of one over values.
    ///
    /// # Safety
    ///
    /// `aggregate` is a copy that may be changed, `arguments` are those of `call`: a value, epsilon, delta and a seed,
    /// or the first of these.
    unsafe fn hashed(&self, aggregate: &mut Aggref, call: &Call, arguments: &Arguments) -> Option<*mut Node> {
        let functions = &self.functions;
        let mut arguments = *arguments;
        // SAFETY: the caller vouches for the aggregate. No expression is in the tree twice: the seed is copied.
        unsafe {
            let [value, .., seed] = arguments.items;
            let seed = match arguments.as_slice().len() {
                ..4 => bigint(0),
                // The seed of the hashes has to be that of the sketch.
                _ if pg_sys::contain_volatile_functions(seed.cast()) => return None,
                _ => pg_sys::copyObjectImpl(seed.cast()).cast(),
            };
            let collation = aggregate.inputcollid;
            let kind = match call {
                Call::Value(ValueCall::Sketch) => Some(kind_of(pg_sys::exprType(value.cast()), collation)?),
                _ => None,
            };
            arguments.drop_defaults();
            let hashed = *functions.hashed.get(arguments.as_slice().len() - 1)?;
            arguments.items[0] = function_call(functions.hash, pg_sys::INT8OID, collation, &[value, seed]);
            set_call(aggregate, hashed, functions.sketch_type, &arguments);
            aggregate.inputcollid = Oid::INVALID;
            let sketch: *mut Expr = ptr::from_mut(aggregate).cast();
            Some(match kind {
                None => function_call(functions.estimate, pg_sys::INT8OID, Oid::INVALID, &[sketch]).cast(),
                Some(kind) => {
                    let (collation, kind) = (pg_sys::DEFAULT_COLLATION_OID, text(kind.name()));
                    function_call(functions.of_kind, functions.sketch_type, collation, &[sketch, kind]).cast()
                }
            })
        }
    }
}

/// The arguments of an aggregate to be replaced: a value, and up to three more.
#[derive(Clone, Copy)]
struct Arguments {
    items: [*mut Expr; 4],
    count: usize,
}

impl Arguments {
    const NONE: Arguments = Arguments {
        items: [ptr::null_mut(); 4],
        count: 0,
    };

    fn as_slice(&self) -> &[*mut Expr] {
        &self.items[..self.count]
    }

    fn push(&mut self, argument: *mut Expr) {
        self.items[self.count] = argument;
        self.count += 1;
    }

    /// Leaves out what says at the end no more than would hold without it. Several arguments travel as a row. Only
    /// literals are looked at: nothing is computed that PostgreSQL may never compute.
    ///
    /// # Safety
    ///
    /// They are a value, epsilon, delta and a seed, or the first of these.
    unsafe fn drop_defaults(&mut self) {
        let default = Accuracy::default();
        let defaults = [default.epsilon().to_bits(), default.delta().to_bits(), DEFAULT_SEED];
        while self.count > 1 {
            // SAFETY: the caller vouches for the expression; a constant of these types is the datum itself.
            let said = unsafe { constant_of(self.items[self.count - 1]) };
            if said != Some(defaults[self.count - 2]) {
                break;
            }
            self.count -= 1;
        }
    }
}

/// Whether an expression is a constant, or a cast of one by a function of PostgreSQL's own.
///
/// # Safety
///
/// `node` is an expression.
unsafe fn is_literal(node: *mut Node) -> bool {
    use pg_sys::CoercionForm::{COERCE_EXPLICIT_CAST, COERCE_IMPLICIT_CAST};
    // SAFETY: the caller vouches for the expression.
    unsafe {
        match (*node).type_ {
            NodeTag::T_Const => true,
            NodeTag::T_FuncExpr => {
                let call = &*node.cast::<pg_sys::FuncExpr>();
                [COERCE_EXPLICIT_CAST, COERCE_IMPLICIT_CAST].contains(&call.funcformat)
                    && call.funcid.to_u32() < pg_sys::FirstNormalObjectId
                    && elements::<Node>(call.args).all(|argument| (*argument).type_ == NodeTag::T_Const)
            }
            _ => false,
        }
    }
}

/// Functions written in SQL that a FROM clause calls, where they ask for something to be replaced. PostgreSQL's planner
/// would put their bodies into the query in place of the calls, behind the hook's back; so they are put there before.
struct Inlined {
    /// What bodies are searched for.
    asked: Asked,
    /// What PostgreSQL's own function reads of a planner in progress, and where it notes what the plan depends on.
    planner: *mut pg_sys::PlannerInfo,
    /// The function whose body is being searched for others.
    within: *const Within,
}

/// A function whose body is being searched for others, and the one in whose body it was found.
struct Within {
    function: Oid,
    outer: *const Within,
}

impl Inlined {
    fn new(asked: Asked) -> Self {
        // SAFETY: both are nodes of their type, made in the current memory context, that of the planner.
        unsafe {
            let planner = node::<pg_sys::PlannerInfo>(NodeTag::T_PlannerInfo);
            (*planner).glob = node::<pg_sys::PlannerGlobal>(NodeTag::T_PlannerGlobal);
            Inlined {
                asked,
                planner,
                within: ptr::null(),
            }
        }
    }

    /// Puts the bodies of functions where the FROM clause of a query calls them.
    ///
    /// # Safety
    ///
    /// `query` is a copy that may be changed.
    unsafe fn put_bodies(&mut self, query: *mut Query) {
        // SAFETY: the caller vouches for the query, whose entries were copied with it, and which outlives the plan.
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
                    // The columns keep the names that the function gives them where a hook writes the query down again,
                    // as Citus's does.
                    entry.alias = pg_sys::copyObjectImpl(entry.eref.cast()).cast();
                }
            }
        }
    }

    /// The body of the function that an entry of a FROM clause calls, if PostgreSQL would put it there and it asks for
    /// something to be replaced, or reads what other servers may count.
    ///
    /// # Safety
    ///
    /// `entry` is a copy that may be changed, for which [`may_be_inlined`] holds.
    unsafe fn body(&mut self, entry: *mut RangeTblEntry) -> Option<*mut Query> {
        // SAFETY: the caller vouches for the entry. PostgreSQL's function is called as its preprocess_function_rtes
        // calls it, after named and default arguments were put in their places; nothing is computed before PostgreSQL
        // comes to do so, which it may never do.
        unsafe {
            let function = elements::<pg_sys::RangeTblFunction>((*entry).functions).next()?;
            let call: *mut pg_sys::FuncExpr = (*function).funcexpr.cast();
            let mut within = self.within;
            while let Some(outer) = within.as_ref() {
                // One that calls itself is as deep as its arguments say. PostgreSQL knows when to stop.
                if outer.function == (*call).funcid {
                    return None;
                }
                within = outer.outer;
            }
            catalog::put_arguments_in_place(&mut *call);
            // With arguments that may say something else each time there is no body. Some that look so are simplified.
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
            let body: *mut Query = inline_functions(body.cast(), ptr::from_mut(self).cast()).cast();
            self.within = within.outer;
            self.asked.look_at(body);
            (self.asked.counts || foreign_tables::are_read_by(body)).then_some(body)
        }
    }
}

/// Whether an entry of a FROM clause calls a function that PostgreSQL may replace by its body.
///
/// # Safety
///
/// Called with an entry of a query to be planned.
#[pg_guard]
unsafe extern "C-unwind" fn may_be_inlined(entry: *mut RangeTblEntry) -> bool {
    // SAFETY: the caller vouches for the entry; of functions in FROM there is one at least.
    unsafe {
        let entry = &*entry;
        if entry.rtekind != pg_sys::RTEKind::RTE_FUNCTION || entry.funcordinality {
            return false;
        }
        elements::<pg_sys::RangeTblFunction>(entry.functions).all(|function| {
            let call = (*function).funcexpr;
            (*call).type_ == NodeTag::T_FuncExpr && {
                let call = &*call.cast::<pg_sys::FuncExpr>();
                call.funcretset && call.funcid.to_u32() >= pg_sys::FirstNormalObjectId && catalog::has_body(call.funcid)
            }
        })
    }
}

// The callbacks of walkers and mutators, for which what `query_tree` says of frames holds; and the guarded functions to
// which they leave what needs more.

/// Walker: whether a table of Citus is read.
///
/// # Safety
///
/// Called by PostgreSQL's walkers with a node, or none, and a [`Replacement`].
unsafe extern "C-unwind" fn has_citus_table(node: *mut Node, replacement: *mut c_void) -> bool {
    // SAFETY: the walkers vouch for the node.
    unsafe {
        match node.as_ref().map(|node| node.type_) {
            None => false,
            Some(NodeTag::T_RangeTblEntry) => is_citus_table(node.cast(), replacement),
            Some(NodeTag::T_Query) => walk_query(node.cast(), has_citus_table, replacement),
            Some(_) => walk_expression(node, has_citus_table, replacement),
        }
    }
}

/// # Safety
///
/// Called by [`has_citus_table`] with an entry of a FROM clause and a [`Replacement`].
#[pg_guard]
unsafe extern "C-unwind" fn is_citus_table(entry: *mut RangeTblEntry, replacement: *mut c_void) -> bool {
    // SAFETY: the caller vouches for both.
    unsafe {
        let (entry, replacement) = (&*entry, &*replacement.cast::<Replacement>());
        let is_listed = |tables: CitusTables| tables.contains(entry.relid);
        entry.rtekind == pg_sys::RTEKind::RTE_RELATION && replacement.citus_tables.is_some_and(is_listed)
    }
}

/// Mutator: puts the bodies of functions into FROM clauses.
///
/// # Safety
///
/// Called by PostgreSQL's mutators with a node, or none, and an [`Inlined`].
unsafe extern "C-unwind" fn inline_functions(node: *mut Node, inlined: *mut c_void) -> *mut Node {
    // SAFETY: the mutators vouch for the node, and copy queries and their entries.
    unsafe {
        match node.as_ref().map(|node| node.type_) {
            None => node,
            Some(NodeTag::T_Query) => {
                let query = mutate_query(node.cast(), inline_functions, inlined);
                put_bodies(query, inlined);
                query.cast()
            }
            // One that nothing names is never planned.
            Some(NodeTag::T_CommonTableExpr) if (*node.cast::<pg_sys::CommonTableExpr>()).cterefcount == 0 => node,
            Some(_) => mutate_expression(node, inline_functions, inlined),
        }
    }
}

/// # Safety
///
/// Called by [`inline_functions`] with a copy of a query and an [`Inlined`].
#[pg_guard]
unsafe extern "C-unwind" fn put_bodies(query: *mut Query, inlined: *mut c_void) {
    // SAFETY: the caller vouches for both.
    unsafe { (*inlined.cast::<Inlined>()).put_bodies(query) }
}

/// Mutator: replaces aggregates.
///
/// # Safety
///
/// Called by PostgreSQL's mutators with a node, or none, and a [`Replacement`].
unsafe extern "C-unwind" fn replace(node: *mut Node, replacement: *mut c_void) -> *mut Node {
    // SAFETY: the mutators vouch for the node, and copy it with all that is below.
    unsafe {
        match node.as_ref().map(|node| node.type_) {
            None => node,
            Some(NodeTag::T_Query) => {
                let replacement: *mut Replacement = replacement.cast();
                let level = Level {
                    query: node.cast(),
                    outer: (*replacement).level,
                };
                (*replacement).level = &raw const level;
                let copy = mutate_query(node.cast(), replace, replacement.cast());
                (*replacement).level = level.outer;
                keep_policies(&mut *copy, &*node.cast());
                copy.cast()
            }
            Some(NodeTag::T_Aggref) => put_in_place(mutate_expression(node, replace, replacement).cast(), replacement),
            Some(_) => mutate_expression(node, replace, replacement),
        }
    }
}

/// # Safety
///
/// Called by [`replace`] with a copy of an aggregate and a [`Replacement`].
#[pg_guard]
unsafe extern "C-unwind" fn put_in_place(aggregate: *mut Aggref, replacement: *mut c_void) -> *mut Node {
    // SAFETY: the caller vouches for both.
    unsafe { (*replacement.cast::<Replacement>()).in_place_of(&mut *aggregate) }
}

/// Leaves what policies of row-level security ask as it is: who may see or write a row is not for those to set who
/// look.
///
/// # Safety
///
/// `copy` is a copy of `query` that may be changed, and `query` is not used after.
unsafe fn keep_policies(copy: &mut Query, query: &Query) {
    copy.withCheckOptions = query.withCheckOptions;
    // SAFETY: the caller vouches for the queries, whose lists of tables are equally long.
    unsafe {
        let tables = elements::<RangeTblEntry>(copy.rtable).zip(elements::<RangeTblEntry>(query.rtable));
        tables.for_each(|(copy, entry)| (*copy).securityQuals = (*entry).securityQuals);
    }
}

/// Whether what an aggregate calls distinct is what the equality of the type does, by which values are hashed. Another
/// operator may be named: `count(DISTINCT x ORDER BY x USING *<)` tells apart what that operator does. By one with the
/// same equality values may be sorted that are equal, and do not stand side by side: `~<~` under some collations.
///
/// # Safety
///
/// `aggregate` is one of a query, with DISTINCT and one argument.
unsafe fn is_default_equality(aggregate: &Aggref) -> bool {
    const WANTED: u32 = pg_sys::TYPECACHE_EQ_OPR | pg_sys::TYPECACHE_LT_OPR | pg_sys::TYPECACHE_GT_OPR;
    // SAFETY: the caller vouches for the aggregate. Any type may be asked about.
    unsafe {
        let [value, ..] = arguments(aggregate).items;
        let of_type = &*pg_sys::lookup_type_cache(pg_sys::exprType(value.cast()), WANTED as i32);
        elements::<pg_sys::SortGroupClause>(aggregate.aggdistinct).all(|clause| {
            let clause = &*clause;
            clause.eqop == of_type.eq_opr && [of_type.lt_opr, of_type.gt_opr].contains(&clause.sortop)
        })
    }
}

/// Whether the distinct values of an expression can be counted by their hashes.
///
/// # Safety
///
/// `expression` is an expression, to be compared under the collation.
unsafe fn values_are_hashable(expression: *mut Expr, collation: Oid) -> bool {
    // SAFETY: the caller vouches for the expression. The columns of a row have collations of their own.
    unsafe {
        let node: *mut Node = expression.cast();
        match (*node).type_ {
            NodeTag::T_RowExpr if pg_sys::exprType(node) == pg_sys::RECORDOID => {
                pg_sys::check_stack_depth();
                let columns = (*node.cast::<pg_sys::RowExpr>()).args;
                elements::<Expr>(columns)
                    .all(|column| values_are_hashable(column, pg_sys::exprCollation(column.cast())))
            }
            _ => is_hashable(pg_sys::exprType(node), collation),
        }
    }
}

/// The arguments of an aggregate as they stand in the call, without what ORDER BY adds to them.
///
/// # Safety
///
/// `aggregate` is `count(DISTINCT x)` or one of ours, of a query.
unsafe fn arguments(aggregate: &Aggref) -> Arguments {
    let mut arguments = Arguments::NONE;
    // SAFETY: the caller vouches for the aggregate, whose arguments are target entries.
    unsafe {
        for entry in elements::<pg_sys::TargetEntry>(aggregate.args) {
            if !(*entry).resjunk {
                arguments.push((*entry).expr);
            }
        }
    }
    arguments
}

/// Makes an aggregate the call of another function with these arguments. Its FILTER and its level stay. DISTINCT and
/// ORDER BY make no difference to aggregates of distinct values, and go.
///
/// # Safety
///
/// `aggregate` is a copy that may be changed, `function` an aggregate that takes the arguments, and `returned` its
/// type.
unsafe fn set_call(aggregate: &mut Aggref, function: Oid, returned: Oid, arguments: &Arguments) {
    aggregate.aggfnoid = function;
    aggregate.aggtype = returned;
    aggregate.aggorder = ptr::null_mut();
    aggregate.aggdistinct = ptr::null_mut();
    aggregate.args = ptr::null_mut();
    aggregate.aggargtypes = ptr::null_mut();
    // SAFETY: the caller vouches for the arguments. The lists are made in the current memory context, as the copy was.
    unsafe {
        for (number, &argument) in (1..).zip(arguments.as_slice()) {
            let entry = pg_sys::makeTargetEntry(argument, number, ptr::null_mut(), false);
            aggregate.args = pg_sys::lappend(aggregate.args, entry.cast());
            aggregate.aggargtypes = pg_sys::lappend_oid(aggregate.aggargtypes, pg_sys::exprType(argument.cast()));
        }
    }
}

/// The call of a function that is no aggregate.
///
/// # Safety
///
/// `function` takes the arguments, and `returned` is its type, which has no collation.
unsafe fn function_call(function: Oid, returned: Oid, collation: Oid, arguments: &[*mut Expr]) -> *mut Expr {
    // SAFETY: the caller vouches for the function and its arguments.
    unsafe {
        let list = arguments.iter().fold(ptr::null_mut::<List>(), |list, argument| {
            pg_sys::lappend(list, argument.cast())
        });
        let form = pg_sys::CoercionForm::COERCE_EXPLICIT_CALL;
        pg_sys::makeFuncExpr(function, returned, list, Oid::INVALID, collation, form).cast()
    }
}

/// The datum of an expression that is constant and not NULL, if it is one.
///
/// # Safety
///
/// `expression` is one of a query to be planned.
unsafe fn constant_of(expression: *mut Expr) -> Option<u64> {
    // SAFETY: the caller vouches for the expression; a node has the structure that its tag says.
    unsafe {
        if !is_literal(expression.cast()) {
            return None;
        }
        // A cast may depend on settings, and then remains one.
        let node = simplify(ptr::null_mut(), expression.cast());
        if (*node).type_ != NodeTag::T_Const {
            return None;
        }
        let constant = &*node.cast::<pg_sys::Const>();
        (!constant.constisnull).then(|| constant.constvalue.value() as u64)
    }
}

fn number(value: f64) -> *mut Expr {
    constant(pg_sys::FLOAT8OID, 8, Some(Datum::from(value.to_bits())))
}

/// NULL, as a number.
fn no_number() -> *mut Expr {
    constant(pg_sys::FLOAT8OID, 8, None)
}

fn bigint(value: i64) -> *mut Expr {
    constant(pg_sys::INT8OID, 8, Some(Datum::from(value)))
}

fn integer(value: i32) -> *mut Expr {
    constant(pg_sys::INT4OID, 4, Some(Datum::from(value)))
}

/// A constant of a type of that many bytes that is passed by value; without a value, NULL.
fn constant(of_type: Oid, bytes: c_int, value: Option<Datum>) -> *mut Expr {
    let (datum, is_null) = (value.unwrap_or(Datum::null()), value.is_none());
    // SAFETY: the value is in the datum.
    unsafe { pg_sys::makeConst(of_type, -1, Oid::INVALID, bytes, datum, is_null, true).cast() }
}

fn text(value: &str) -> *mut Expr {
    // SAFETY: the text is made in the current memory context, as the rest of the query is.
    unsafe {
        let value = varlena::text(value);
        pg_sys::makeConst(
            pg_sys::TEXTOID,
            -1,
            pg_sys::DEFAULT_COLLATION_OID,
            -1,
            value,
            false,
            false,
        )
        .cast()
    }
}
