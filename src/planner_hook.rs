//! The planner hook: it finds the aggregates that a query has in a form to be replaced, replaces them, and passes the
//! query on.
//!
//! Two forms are replaced, each by one that PostgreSQL could have parsed itself:
//!
//! - where the session asks for it (`cvm_count.count_distinct_epsilon`), `count(DISTINCT x)` by
//!   `approx_count_distinct_cvm(x, epsilon, delta)`;
//! - where the query reads a table of Citus, the aggregates of values by the form that Citus sends to the shards:
//!   `cvm_sketch_agg_hashed(cvm_hash(x, seed) ...)`, and around it `cvm_sketch_estimate` or, since hashes do not tell,
//!   the kind of the values.
//!
//! The query tree is copied, never changed in place, by PostgreSQL's own mutators.

use crate::catalog::{self, CitusTables, Functions};
use crate::hashable::{is_hashable, kind_of};
use crate::query_tree::{elements, mutate_expression, mutate_query, walk_expression, walk_query};
use crate::{settings, varlena};
use cvm_sketch::Accuracy;
use pgrx::pg_guard;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{self, Aggref, Datum, Expr, List, Node, NodeTag, Oid, PlannedStmt, Query, RangeTblEntry};
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::ptr;

thread_local! {
    /// The hook that was there before, which plans what this one passes on.
    static NEXT: Cell<pg_sys::planner_hook_type> = const { Cell::new(None) };
    static IS_INSTALLED: Cell<bool> = const { Cell::new(false) };
}

#[cfg(feature = "pg19")]
use pg_sys::inline_function_in_from as inline_function;
#[cfg(not(feature = "pg19"))]
use pg_sys::inline_set_returning_function as inline_function;

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
        }
    }
}

/// The hook.
///
/// # Safety
///
/// Called by PostgreSQL, or by a hook that comes before.
#[cfg(not(feature = "pg19"))]
#[pg_guard]
unsafe extern "C-unwind" fn plan(
    parse: *mut Query,
    text: *const c_char,
    options: c_int,
    parameters: pg_sys::ParamListInfo,
) -> *mut PlannedStmt {
    // SAFETY: the arguments are handed on as they came, but for the query, which stays one.
    unsafe {
        plan_replaced(parse, |parse| match NEXT.get() {
            Some(next) => pg_guard_ffi_boundary(|| next(parse, text, options, parameters)),
            None => pg_sys::standard_planner(parse, text, options, parameters),
        })
    }
}

/// The hook, which since 19 is told what EXPLAIN wants.
///
/// # Safety
///
/// Called by PostgreSQL, or by a hook that comes before.
#[cfg(feature = "pg19")]
#[pg_guard]
unsafe extern "C-unwind" fn plan(
    parse: *mut Query,
    text: *const c_char,
    options: c_int,
    parameters: pg_sys::ParamListInfo,
    explained: *mut pg_sys::ExplainState,
) -> *mut PlannedStmt {
    // SAFETY: as before 19.
    unsafe {
        plan_replaced(parse, |parse| match NEXT.get() {
            Some(next) => pg_guard_ffi_boundary(|| next(parse, text, options, parameters, explained)),
            None => pg_sys::standard_planner(parse, text, options, parameters, explained),
        })
    }
}

/// Has `next` plan the query, with all replaced that the session wants replaced.
///
/// # Safety
///
/// `parse` is a query to be planned.
unsafe fn plan_replaced(parse: *mut Query, next: impl FnOnce(*mut Query) -> *mut PlannedStmt) -> *mut PlannedStmt {
    // SAFETY: the caller vouches for the query.
    unsafe {
        let Some(replacement) = Replacement::wanted(parse) else {
            return next(parse);
        };
        let mut inlined = Inlined::new();
        let planned = next(replacement.replace_all(parse, &mut inlined));
        inlined.add_dependencies(planned);
        planned
    }
}

/// What is to be replaced in a query, and by what.
struct Replacement {
    functions: Functions,
    /// The accuracy at which `count(DISTINCT)` is approximated, if it is.
    accuracy: Option<Accuracy>,
    /// Citus's list of its tables, if aggregates over them are to be pushed down.
    citus_tables: Option<CitusTables>,
    /// Whether the query reads one of these tables.
    is_distributed: bool,
}

/// What an aggregate to be replaced computes.
enum Call {
    /// `count(DISTINCT x)`
    CountDistinct(Accuracy),
    /// `approx_count_distinct_cvm(...)`
    Count,
    /// `cvm_sketch_agg(...)`
    Sketch,
}

impl Replacement {
    /// What the session wants replaced, if the query has any of it. Nothing is looked up where neither setting asks for
    /// it.
    ///
    /// # Safety
    ///
    /// `query` is a query to be planned.
    unsafe fn wanted(query: *mut Query) -> Option<Replacement> {
        let accuracy = settings::count_distinct_accuracy();
        let citus_tables = settings::citus_pushdown().then(catalog::citus_tables).flatten();
        if accuracy.is_none() && citus_tables.is_none() {
            return None;
        }
        let replacement = Replacement {
            functions: catalog::functions()?,
            accuracy,
            citus_tables,
            is_distributed: false,
        };
        let this = (&raw const replacement).cast_mut().cast();
        // SAFETY: the caller vouches for the query. Inside of the guard there is nothing but the walk.
        let has_any = unsafe { pg_guard_ffi_boundary(|| walk_query(query, has_candidate, this)) };
        has_any.then_some(replacement)
    }

    /// A copy of the query in which all is replaced.
    ///
    /// # Safety
    ///
    /// `query` is a query to be planned.
    unsafe fn replace_all(mut self, query: *mut Query, inlined: &mut Inlined) -> *mut Query {
        // SAFETY: the caller vouches for the query. The contexts of the walker and the mutators outlive them, and
        // inside of the guard nothing needs a destructor.
        unsafe {
            let this: *mut c_void = (&raw mut self).cast();
            inlined.replacement = this;
            let inlined: *mut c_void = ptr::from_mut(inlined).cast();
            pg_guard_ffi_boundary(|| {
                let query: *mut Query = inline_functions(query.cast(), inlined).cast();
                let this: *mut Replacement = this.cast();
                (*this).is_distributed =
                    (*this).citus_tables.is_some() && walk_query(query, has_citus_table, this.cast());
                replace(query.cast(), this.cast()).cast()
            })
        }
    }

    /// What an aggregate computes, if it is one to be replaced.
    ///
    /// # Safety
    ///
    /// `aggregate` is one of a query to be planned.
    unsafe fn call(&self, aggregate: &Aggref) -> Option<Call> {
        let function = aggregate.aggfnoid;
        if self.citus_tables.is_some() {
            if self.functions.count.contains(&function) {
                return Some(Call::Count);
            }
            if self.functions.sketch.contains(&function) {
                return Some(Call::Sketch);
            }
        }
        let accuracy = self.accuracy?;
        if function != Oid::from(pg_sys::F_COUNT_ANY) || aggregate.aggdistinct.is_null() {
            return None;
        }
        // SAFETY: the caller vouches for the aggregate, whose argument is an expression of its collation.
        unsafe {
            let value = *arguments(aggregate).first()?;
            values_are_hashable(value, aggregate.inputcollid).then_some(Call::CountDistinct(accuracy))
        }
    }

    /// What is to be in the place of an aggregate: itself, if it is not one to be replaced.
    ///
    /// # Safety
    ///
    /// `aggregate` is a copy that may be changed.
    unsafe fn in_place_of(&self, aggregate: &mut Aggref) -> *mut Node {
        // SAFETY: the caller vouches for the aggregate.
        unsafe {
            let unchanged = ptr::from_mut(aggregate).cast();
            let Some(call) = self.call(aggregate) else {
                return unchanged;
            };
            let mut arguments = arguments(aggregate);
            if let Call::CountDistinct(accuracy) = call {
                arguments.extend([number(accuracy.epsilon()), number(accuracy.delta())]);
            }
            if !self.is_distributed {
                if let Call::CountDistinct(_) = call {
                    let [.., function] = self.functions.count;
                    set_call(aggregate, function, aggregate.aggtype, &arguments);
                }
                return unchanged;
            }
            self.hashed(aggregate, &call, arguments).unwrap_or(unchanged)
        }
    }

    /// The form of an aggregate of values that Citus pushes down; `None` if it has none that gives the same.
    ///
    /// # Safety
    ///
    /// `aggregate` is a copy that may be changed, `arguments` are those of `call`: a value, epsilon, delta and a seed,
    /// or the first of these.
    unsafe fn hashed(&self, aggregate: &mut Aggref, call: &Call, mut arguments: Vec<*mut Expr>) -> Option<*mut Node> {
        let functions = &self.functions;
        // SAFETY: the caller vouches for the aggregate. No expression is in the tree twice: the seed is copied.
        unsafe {
            let value = *arguments.first()?;
            let hashed = *functions.hashed.get(arguments.len() - 1)?;
            let seed = match arguments.get(3) {
                None => bigint(0),
                // The seed of the hashes has to be that of the sketch.
                Some(&seed) if pg_sys::contain_volatile_functions(seed.cast()) => return None,
                Some(&seed) => pg_sys::copyObjectImpl(seed.cast()).cast(),
            };
            let collation = aggregate.inputcollid;
            let kind = match call {
                Call::Sketch => Some(kind_of(pg_sys::exprType(value.cast()), collation)?),
                Call::Count | Call::CountDistinct(_) => None,
            };
            arguments[0] = function_call(functions.hash, pg_sys::INT8OID, collation, &[value, seed]);
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

/// Functions written in SQL that a FROM clause calls, where they ask for something to be replaced. PostgreSQL's planner
/// would put their bodies into the query in place of the calls, behind the hook's back; so they are put there before.
struct Inlined {
    /// The [`Replacement`] that the query is searched for.
    replacement: *mut c_void,
    /// What PostgreSQL's own function reads of a planner in progress, and where it notes what the plan depends on.
    planner: *mut pg_sys::PlannerInfo,
}

impl Inlined {
    fn new() -> Self {
        // SAFETY: both are nodes of their type, made in the current memory context, that of the planner.
        unsafe {
            let planner = node::<pg_sys::PlannerInfo>(NodeTag::T_PlannerInfo);
            (*planner).glob = node::<pg_sys::PlannerGlobal>(NodeTag::T_PlannerGlobal);
            Inlined {
                replacement: ptr::null_mut(),
                planner,
            }
        }
    }

    /// Has the plan made anew when one of the functions changes, or whose rows may be seen.
    ///
    /// # Safety
    ///
    /// `planned` is the plan of the query.
    unsafe fn add_dependencies(&self, planned: *mut PlannedStmt) {
        // SAFETY: the caller vouches for the plan; the items were made in the memory context that it was made in.
        unsafe {
            let noted = &*(*self.planner).glob;
            (*planned).invalItems = pg_sys::list_concat((*planned).invalItems, noted.invalItems);
            (*planned).dependsOnRole |= noted.dependsOnRole;
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
                let entry = &mut *entry;
                // Arguments are simplified by what is known of the tables that they refer to.
                (*self.planner).parse = query;
                if may_be_inlined(entry)
                    && let Some(body) = self.body(entry)
                {
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
    /// something to be replaced.
    ///
    /// # Safety
    ///
    /// `entry` is a copy that may be changed, for which [`may_be_inlined`] holds.
    unsafe fn body(&mut self, entry: &mut RangeTblEntry) -> Option<*mut Query> {
        // SAFETY: the caller vouches for the entry. PostgreSQL's function is called as its preprocess_function_rtes
        // calls it, after named and default arguments were put in their places. The replacement outlives the mutator
        // that this is a part of.
        unsafe {
            entry.functions = pg_sys::eval_const_expressions(self.planner, entry.functions.cast()).cast();
            let body = inline_function(self.planner, entry);
            if body.is_null() {
                return None;
            }
            let (this, replacement) = (ptr::from_mut(self).cast(), self.replacement);
            pg_guard_ffi_boundary(|| {
                let body: *mut Query = inline_functions(body.cast(), this).cast();
                walk_query(body, has_candidate, replacement).then_some(body)
            })
        }
    }
}

/// Whether an entry of a FROM clause calls a function that PostgreSQL may replace by its body.
///
/// # Safety
///
/// `entry` is one of a query to be planned.
unsafe fn may_be_inlined(entry: &RangeTblEntry) -> bool {
    // SAFETY: the caller vouches for the entry; of functions in FROM there is one at least.
    unsafe {
        if entry.rtekind != pg_sys::RTEKind::RTE_FUNCTION || entry.funcordinality {
            return false;
        }
        elements::<pg_sys::RangeTblFunction>(entry.functions).all(|function| {
            let call = (*function).funcexpr;
            (*call).type_ == NodeTag::T_FuncExpr && {
                let call = &*call.cast::<pg_sys::FuncExpr>();
                call.funcretset && call.funcid.to_u32() >= pg_sys::FirstNormalObjectId
            }
        })
    }
}

// The callbacks of walkers and mutators, for which what `query_tree` says of frames holds; and the guarded functions to
// which they leave what needs more.

/// Walker: whether there is an aggregate to be replaced, or a function whose body may have one.
///
/// # Safety
///
/// Called by PostgreSQL's walkers with a node, or none, and a [`Replacement`].
unsafe extern "C-unwind" fn has_candidate(node: *mut Node, replacement: *mut c_void) -> bool {
    // SAFETY: the walkers vouch for the node.
    unsafe {
        match node.as_ref().map(|node| node.type_) {
            None => false,
            Some(NodeTag::T_RangeTblEntry) => may_be_inlined(&*node.cast()),
            Some(NodeTag::T_Query) => walk_query(node.cast(), has_candidate, replacement),
            Some(NodeTag::T_Aggref) if is_candidate(node.cast(), replacement) => true,
            Some(_) => walk_expression(node, has_candidate, replacement),
        }
    }
}

/// # Safety
///
/// Called by [`has_candidate`] with an aggregate and a [`Replacement`].
#[pg_guard]
unsafe extern "C-unwind" fn is_candidate(aggregate: *mut Aggref, replacement: *mut c_void) -> bool {
    // SAFETY: the caller vouches for both.
    unsafe { (*replacement.cast::<Replacement>()).call(&*aggregate).is_some() }
}

/// Walker: whether a table of Citus is read.
///
/// # Safety
///
/// As [`has_candidate`].
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
                let copy = mutate_query(node.cast(), replace, replacement);
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
/// `aggregate` is an aggregate of a query.
unsafe fn arguments(aggregate: &Aggref) -> Vec<*mut Expr> {
    // SAFETY: the caller vouches for the aggregate, whose arguments are target entries.
    unsafe {
        let entries = elements::<pg_sys::TargetEntry>(aggregate.args);
        entries
            .filter(|&entry| !(*entry).resjunk)
            .map(|entry| (*entry).expr)
            .collect()
    }
}

/// Makes an aggregate the call of another function with these arguments. Its FILTER and its level stay. DISTINCT and
/// ORDER BY make no difference to aggregates of distinct values, and go.
///
/// # Safety
///
/// `aggregate` is a copy that may be changed, `function` an aggregate that takes the arguments, and `returned` its
/// type.
unsafe fn set_call(aggregate: &mut Aggref, function: Oid, returned: Oid, arguments: &[*mut Expr]) {
    aggregate.aggfnoid = function;
    aggregate.aggtype = returned;
    aggregate.aggorder = ptr::null_mut();
    aggregate.aggdistinct = ptr::null_mut();
    aggregate.args = ptr::null_mut();
    aggregate.aggargtypes = ptr::null_mut();
    // SAFETY: the caller vouches for the arguments. The lists are made in the current memory context, as the copy was.
    unsafe {
        for (number, &argument) in (1..).zip(arguments) {
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

fn number(value: f64) -> *mut Expr {
    constant(pg_sys::FLOAT8OID, Datum::from(value.to_bits()))
}

fn bigint(value: i64) -> *mut Expr {
    constant(pg_sys::INT8OID, Datum::from(value))
}

/// A constant of a type of 64 bits that is passed by value.
fn constant(of_type: Oid, value: Datum) -> *mut Expr {
    // SAFETY: the value is in the datum.
    unsafe { pg_sys::makeConst(of_type, -1, Oid::INVALID, 8, value, false, true).cast() }
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

/// A new node, all zeros, in the current memory context.
///
/// # Safety
///
/// `N` is the structure of nodes with that tag.
unsafe fn node<N>(tag: NodeTag) -> *mut N {
    // SAFETY: the caller vouches for the structure, which starts with its tag.
    unsafe {
        let node: *mut Node = pg_sys::palloc0(size_of::<N>()).cast();
        (*node).type_ = tag;
        node.cast()
    }
}
