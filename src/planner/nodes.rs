//! The calls that the planner hook replaces, taken apart and made: aggregates, calls of functions, constants. What is
//! general is in [`query_tree`](crate::pg::query_tree).

use crate::pg::pg_sys::{self, Aggref, Datum, Expr, List, Node, NodeTag, Oid};
use crate::pg::query_tree::elements;
use crate::pg::unguarded::simplify;
use crate::pg::varlena;
use std::ffi::c_int;
use std::ptr;

/// The arguments of an aggregate to be replaced: a value, and up to three more.
#[derive(Clone, Copy)]
pub(crate) struct Arguments {
    items: [*mut Expr; 4],
    count: usize,
}

impl Arguments {
    /// The arguments as they stand in the call, without those that ORDER BY adds.
    ///
    /// # Safety
    ///
    /// `aggregate` is in a query, and is `count(DISTINCT x)` or an aggregate of ours.
    pub(crate) unsafe fn of(aggregate: &Aggref) -> Self {
        let mut arguments = Arguments {
            items: [ptr::null_mut(); 4],
            count: 0,
        };
        // SAFETY: the arguments of an aggregate are target entries.
        unsafe {
            for entry in elements::<pg_sys::TargetEntry>(aggregate.args) {
                if !(*entry).resjunk {
                    arguments.push((*entry).expr);
                }
            }
        }
        arguments
    }

    pub(crate) fn as_slice(&self) -> &[*mut Expr] {
        &self.items[..self.count]
    }

    /// The first argument: the values to be counted or sampled.
    pub(crate) fn value(&self) -> *mut Expr {
        self.items[0]
    }

    pub(crate) fn set_value(&mut self, value: *mut Expr) {
        self.items[0] = value;
    }

    pub(crate) fn push(&mut self, argument: *mut Expr) {
        self.items[self.count] = argument;
        self.count += 1;
    }

    pub(crate) fn pop(&mut self) {
        self.count -= 1;
    }
}

/// Makes an aggregate the call of another function with these arguments. Its FILTER and its level stay. DISTINCT and
/// ORDER BY go: they make no difference to aggregates of distinct values.
///
/// # Safety
///
/// `aggregate` is a copy that may be changed. `function` is an aggregate that takes the arguments, and `returned` its
/// type.
pub(crate) unsafe fn set_call(aggregate: &mut Aggref, function: Oid, returned: Oid, arguments: &[*mut Expr]) {
    aggregate.aggfnoid = function;
    aggregate.aggtype = returned;
    aggregate.aggorder = ptr::null_mut();
    aggregate.aggdistinct = ptr::null_mut();
    aggregate.args = ptr::null_mut();
    aggregate.aggargtypes = ptr::null_mut();
    // SAFETY: the lists are made in the current memory context, as the copy was.
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
/// `function` takes the arguments. `returned` is its type, which has no collation.
pub(crate) unsafe fn function_call(function: Oid, returned: Oid, collation: Oid, arguments: &[*mut Expr]) -> *mut Expr {
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
/// `expression` is one of a query to be planned. What is between here and PostgreSQL's own handler, or a guard, needs
/// no destructor.
pub(crate) unsafe fn constant_of(expression: *mut Expr) -> Option<u64> {
    // SAFETY: a node has the structure that its tag says.
    unsafe {
        if !is_literal(expression.cast()) {
            return None;
        }
        // A cast that depends on settings remains one.
        let node = simplify(ptr::null_mut(), expression.cast());
        if (*node).type_ != NodeTag::T_Const {
            return None;
        }
        let constant = &*node.cast::<pg_sys::Const>();
        (!constant.constisnull).then(|| constant.constvalue.value() as u64)
    }
}

/// Whether an expression is a constant, or a cast of one by a function of PostgreSQL's own.
///
/// # Safety
///
/// `node` is an expression.
unsafe fn is_literal(node: *mut Node) -> bool {
    use pg_sys::CoercionForm::{COERCE_EXPLICIT_CAST, COERCE_IMPLICIT_CAST};
    // SAFETY: a node has the structure that its tag says.
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

pub(crate) fn number(value: f64) -> *mut Expr {
    constant(pg_sys::FLOAT8OID, 8, Some(Datum::from(value.to_bits())))
}

/// NULL, as a number.
pub(crate) fn no_number() -> *mut Expr {
    constant(pg_sys::FLOAT8OID, 8, None)
}

pub(crate) fn bigint(value: i64) -> *mut Expr {
    constant(pg_sys::INT8OID, 8, Some(Datum::from(value)))
}

pub(crate) fn integer(value: i32) -> *mut Expr {
    constant(pg_sys::INT4OID, 4, Some(Datum::from(value)))
}

/// A constant, or NULL without a value. The type has that many bytes, and is passed by value.
fn constant(of_type: Oid, bytes: c_int, value: Option<Datum>) -> *mut Expr {
    let (datum, is_null) = (value.unwrap_or(Datum::null()), value.is_none());
    // SAFETY: the value is in the datum.
    unsafe { pg_sys::makeConst(of_type, -1, Oid::INVALID, bytes, datum, is_null, true).cast() }
}

pub(crate) fn text(value: &str) -> *mut Expr {
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
