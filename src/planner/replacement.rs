//! Which aggregates of a query are replaced, and by what. There are two forms, both of which a user could have written:
//!
//! - If the session asks for it (`cvm_count.count_distinct_epsilon`), `count(DISTINCT x)` becomes
//!   `approx_count_distinct_cvm(x, epsilon, delta)`.
//! - If the query reads a table of Citus, an aggregate of values becomes what Citus [pushes down](pushed_down). Where
//!   no form gives the same, Citus is to gather the rows.

use crate::hash::equality::is_hashable;
use crate::pg::memory;
use crate::pg::pg_sys::{self, Aggref, Expr, Node, NodeTag, Oid, Query, RangeTblEntry, RowExpr};
use crate::pg::query_tree::{counts_distinct, elements};
use crate::pg::unguarded::{mutate_expression, mutate_query};
use crate::planner::extension::{Functions, ValueCall};
use crate::planner::foreign_tables;
use crate::planner::nodes::{Arguments, number, set_call};
use crate::planner::pushdown::pushed_down;
use cvm_sketch::Accuracy;
use pgrx::pg_guard;
use std::ffi::c_void;
use std::ptr;

/// What is to be replaced in a query.
pub(crate) struct Replacement {
    functions: Functions,
    /// The accuracy at which `count(DISTINCT)` is approximated, if it is.
    accuracy: Option<Accuracy>,
    /// Whether the query reads a table of Citus.
    is_distributed: bool,
    /// Whether aggregates over such tables are to be pushed down.
    is_pushed_down: bool,
    /// Whether to leave what other servers may compute.
    leaves_foreign: bool,
    /// Whether there was an aggregate whose rows Citus is to gather.
    gathers: bool,
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
    /// An aggregate of ours
    Value(ValueCall),
}

impl Replacement {
    pub(crate) fn new(
        functions: Functions,
        accuracy: Option<Accuracy>,
        is_distributed: bool,
        is_pushed_down: bool,
    ) -> Self {
        Replacement {
            functions,
            accuracy,
            is_distributed,
            is_pushed_down,
            leaves_foreign: false,
            gathers: false,
            level: ptr::null(),
        }
    }

    /// Whether there was an aggregate in a copied query whose rows Citus is to gather.
    pub(crate) fn gathers(&self) -> bool {
        self.gathers
    }

    /// A copy of a query, with all replaced that is to be.
    ///
    /// # Safety
    ///
    /// `query` is a query to be planned. What is between here and PostgreSQL's own handler, or a guard, needs no
    /// destructor.
    pub(crate) unsafe fn replaced(&mut self, query: *mut Query) -> *mut Query {
        // SAFETY: the mutators leave parts of entries in FROM as they are. The query is copied first, so that no node
        // is in two copies.
        unsafe {
            let query = pg_sys::copyObjectImpl(query.cast());
            replace(query.cast(), ptr::from_mut(self).cast()).cast()
        }
    }

    /// A [copy](Self::replaced) that leaves to other servers what they may compute.
    ///
    /// # Safety
    ///
    /// As [`replaced`](Self::replaced).
    pub(crate) unsafe fn replaced_except_foreign(&mut self, query: *mut Query) -> *mut Query {
        self.leaves_foreign = true;
        let copy = unsafe { self.replaced(query) };
        self.leaves_foreign = false;
        copy
    }

    /// What is to stand in the place of an aggregate: the aggregate itself, if it is not to be replaced.
    ///
    /// # Safety
    ///
    /// `aggregate` is a copy that may be changed. As [`call`](Self::call).
    unsafe fn in_place_of(&mut self, aggregate: &mut Aggref) -> *mut Node {
        unsafe {
            let itself = ptr::from_mut(aggregate).cast();
            let Some(call) = self.call(aggregate) else {
                return itself;
            };
            let mut arguments = Arguments::of(aggregate);
            let value_call = match call {
                Call::Value(call) => call,
                Call::CountDistinct(accuracy) => {
                    arguments.push(number(accuracy.epsilon()));
                    arguments.push(number(accuracy.delta()));
                    ValueCall::Count
                }
            };
            if self.is_distributed
                && self.is_pushed_down
                && let Some(pushed_down) = pushed_down(&self.functions, aggregate, value_call, &arguments)
            {
                return pushed_down;
            }
            if let Call::CountDistinct(_) = call {
                let [.., function] = self.functions.count;
                set_call(aggregate, function, aggregate.aggtype, arguments.as_slice());
            }
            self.gathers |= self.is_distributed;
            itself
        }
    }

    /// What an aggregate computes; `None` if it is not to be replaced.
    /// Where this returns `None`, Citus is not asked to gather either.
    ///
    /// # Safety
    ///
    /// `aggregate` belongs to the query that is being copied, or to one around it. For the frames, as
    /// [`replaced`](Self::replaced).
    unsafe fn call(&self, aggregate: &Aggref) -> Option<Call> {
        if self.is_distributed
            && let Some(call) = self.functions.value_call(aggregate.aggfnoid)
        {
            return Some(Call::Value(call));
        }
        let accuracy = self.accuracy.filter(|_| counts_distinct(aggregate))?;
        // SAFETY: its argument is an expression to be compared under its collation.
        unsafe {
            (is_default_equality(aggregate)
                && values_are_hashable(Arguments::of(aggregate).value(), aggregate.inputcollid)
                && !self.is_left_to_others(aggregate))
            .then_some(Call::CountDistinct(accuracy))
        }
    }

    /// Whether the aggregate is to be left to another server that may compute it.
    ///
    /// # Safety
    ///
    /// As [`call`](Self::call).
    unsafe fn is_left_to_others(&self, aggregate: &Aggref) -> bool {
        if !self.leaves_foreign {
            return false;
        }
        let mut level = self.level;
        // SAFETY: the aggregate says to which query it belongs. A level is there until its query is copied.
        unsafe {
            for _ in 0..aggregate.agglevelsup {
                level = level.as_ref().map_or(ptr::null(), |level| level.outer);
            }
            level
                .as_ref()
                .is_some_and(|level| foreign_tables::may_be_read_by(level.query))
        }
    }
}

/// Mutator: replaces aggregates.
///
/// # Safety
///
/// Called by PostgreSQL's mutators with a node, or none, and a [`Replacement`].
unsafe extern "C-unwind" fn replace(node: *mut Node, replacement: *mut c_void) -> *mut Node {
    // SAFETY: the mutators copy a node with all that is below.
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

/// [`Replacement::in_place_of`], behind a guard.
///
/// # Safety
///
/// Called by [`replace`] with a copy of an aggregate and a [`Replacement`].
#[pg_guard]
unsafe extern "C-unwind" fn put_in_place(aggregate: *mut Aggref, replacement: *mut c_void) -> *mut Node {
    unsafe { (*replacement.cast::<Replacement>()).in_place_of(&mut *aggregate) }
}

/// Leaves the conditions of row-level security as they are. A session's settings must not change what a policy decides.
///
/// # Safety
///
/// `copy` is a copy of `query` that may be changed, and `query` is not used after.
unsafe fn keep_policies(copy: &mut Query, query: &Query) {
    copy.withCheckOptions = query.withCheckOptions;
    // SAFETY: the lists of tables of both are equally long.
    unsafe {
        let tables = elements::<RangeTblEntry>(copy.rtable).zip(elements::<RangeTblEntry>(query.rtable));
        tables.for_each(|(copy, entry)| (*copy).securityQuals = (*entry).securityQuals);
    }
}

/// Whether an aggregate tells values apart by the type's default `=`, by which values are hashed.
///
/// An ORDER BY in the call may name another operator. `count(DISTINCT x ORDER BY x USING *<)` tells apart what `*<`
/// does. Others have the same equality, but equal values may not be sorted side by side: `~<~` under some collations.
///
/// # Safety
///
/// `aggregate` is one of a query, with DISTINCT and one argument.
unsafe fn is_default_equality(aggregate: &Aggref) -> bool {
    const WANTED: u32 = pg_sys::TYPECACHE_EQ_OPR | pg_sys::TYPECACHE_LT_OPR | pg_sys::TYPECACHE_GT_OPR;
    // SAFETY: PostgreSQL answers for any type.
    unsafe {
        let value = Arguments::of(aggregate).value();
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
    // SAFETY: the columns of a row have collations of their own.
    unsafe {
        let node: *mut Node = expression.cast();
        let of_type = pg_sys::exprType(node);
        if of_type != pg_sys::RECORDOID {
            return is_hashable(of_type, collation);
        }
        pg_sys::check_stack_depth();
        if (*node).type_ == NodeTag::T_RowExpr {
            return columns(expression.cast())
                .all(|column| values_are_hashable(column, pg_sys::exprCollation(column.cast())));
        }
        // An expression may be as deep as it is wide. What is at the end of its first choices is looked for once.
        first_row(expression).is_some_and(|first| {
            choices(expression).all(|row| values_are_hashable(row, collation) && have_same_columns(first.cast(), row))
        })
    }
}

/// Whether PostgreSQL can compare the rows that two expressions give.
///
/// # Safety
///
/// The values of both, which are of type record, are [hashable](values_are_hashable).
unsafe fn have_same_columns(one: *mut Expr, other: *mut Expr) -> bool {
    // SAFETY: the columns of hashable rows are hashable.
    unsafe {
        pg_sys::check_stack_depth();
        memory::check_for_interrupts();
        let (Some(one), Some(other)) = (first_row(one), first_row(other)) else {
            return false;
        };
        let are_alike = |(a, b): (*mut Expr, *mut Expr)| {
            let of_type = pg_sys::exprType(a.cast());
            of_type == pg_sys::exprType(b.cast())
                && pg_sys::exprCollation(a.cast()) == pg_sys::exprCollation(b.cast())
                && (of_type != pg_sys::RECORDOID || have_same_columns(a, b))
        };
        columns(one).count() == columns(other).count() && columns(one).zip(columns(other)).all(are_alike)
    }
}

/// The columns of a row.
///
/// # Safety
///
/// `row` is an expression, which is not changed for `'a`.
unsafe fn columns<'a>(row: *const RowExpr) -> impl Iterator<Item = *mut Expr> + 'a {
    // SAFETY: the columns of a row are expressions.
    unsafe { elements((*row).args) }
}

/// A row itself, or the first of the rows that an expression may give.
///
/// # Safety
///
/// `rows` is an expression.
unsafe fn first_row(mut rows: *mut Expr) -> Option<*mut RowExpr> {
    // SAFETY: a node has the structure that its tag says.
    unsafe {
        while (*rows).type_ != NodeTag::T_RowExpr {
            rows = choices(rows).next()?;
        }
    }
    Some(rows.cast())
}

/// The expressions of which an expression gives the value of one, but for NULL: those of CASE, COALESCE and their like.
/// Of any other expression, none.
///
/// # Safety
///
/// `expression` is an expression, which is not changed for `'a`.
unsafe fn choices<'a>(expression: *mut Expr) -> impl Iterator<Item = *mut Expr> + 'a {
    // SAFETY: a node has the structure that its tag says; its lists hold what that structure says.
    unsafe {
        let none = ptr::null_mut();
        let (cases, values, last) = match (*expression).type_ {
            NodeTag::T_CaseExpr => {
                let case = &*expression.cast::<pg_sys::CaseExpr>();
                (case.args, none, case.defresult)
            }
            NodeTag::T_CoalesceExpr => (none, (*expression.cast::<pg_sys::CoalesceExpr>()).args, ptr::null_mut()),
            NodeTag::T_MinMaxExpr => (none, (*expression.cast::<pg_sys::MinMaxExpr>()).args, ptr::null_mut()),
            NodeTag::T_NullIfExpr => {
                let values = (*expression.cast::<pg_sys::NullIfExpr>()).args;
                (none, none, elements(values).next().unwrap_or(ptr::null_mut()))
            }
            _ => (none, none, ptr::null_mut()),
        };
        elements::<pg_sys::CaseWhen>(cases)
            .map(|case| (*case).result)
            .chain(elements(values))
            .chain([last])
            .filter(|value| !is_null(*value))
    }
}

/// Whether there is no expression, or a constant that is NULL.
///
/// # Safety
///
/// `expression` is an expression, or none.
unsafe fn is_null(expression: *mut Expr) -> bool {
    // SAFETY: a node has the structure that its tag says.
    unsafe {
        expression.is_null()
            || (*expression).type_ == NodeTag::T_Const && (*expression.cast::<pg_sys::Const>()).constisnull
    }
}
