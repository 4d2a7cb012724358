//! The form of an aggregate of values that Citus pushes down to the shards.
//!
//! - Counts and sketches become `cvm_sketch_agg_hashed(cvm_hash(x, seed) ...)`. Around it stands `cvm_sketch_estimate`,
//!   or `cvm_sketch_of_kind`, since hashes do not tell the kind of values that they are of.
//! - Samples become `cvm_sample_union_agg(cvm_sample_of(x ...))`.

use crate::hash::equality::kind_of;
use crate::hash::hasher::DEFAULT_SEED;
use crate::pg::pg_sys::{self, Aggref, Expr, Node, Oid};
use crate::planner::extension::{Functions, ValueCall};
use crate::planner::nodes::{Arguments, bigint, constant_of, function_call, integer, no_number, set_call, text};
use cvm_sketch::Accuracy;
use cvm_sketch::sample::{DEFAULT_SIZE, MAX_SIZE, MIN_SIZE};
use std::ptr;

/// What Citus pushes down in the place of an aggregate; `None` if no form gives the same.
///
/// # Safety
///
/// `aggregate` is a copy that may be changed, and computes `call` of the arguments. What is between here and
/// PostgreSQL's own handler, or a guard, needs no destructor.
pub(crate) unsafe fn pushed_down(
    functions: &Functions,
    aggregate: &mut Aggref,
    call: ValueCall,
    arguments: &Arguments,
) -> Option<*mut Node> {
    unsafe {
        match call {
            ValueCall::Count | ValueCall::Sketch => hashed(functions, aggregate, call, arguments),
            ValueCall::Sample => sampled(functions, aggregate, arguments, 1),
            ValueCall::MeasuredSample => sampled(functions, aggregate, arguments, 2),
        }
    }
}

/// The aggregate over hashes, in the place of one over values.
///
/// # Safety
///
/// As [`pushed_down`]. The arguments are a value, epsilon, delta and a seed, or the first of these.
unsafe fn hashed(
    functions: &Functions,
    aggregate: &mut Aggref,
    call: ValueCall,
    arguments: &Arguments,
) -> Option<*mut Node> {
    let mut arguments = *arguments;
    let (value, collation) = (arguments.value(), aggregate.inputcollid);
    // SAFETY: the seed is copied, so that no expression is in the tree twice.
    unsafe {
        let seed = match *arguments.as_slice() {
            // The hashes and the sketch need the same seed.
            [_, _, _, seed] if pg_sys::contain_volatile_functions(seed.cast()) => return None,
            [_, _, _, seed] => pg_sys::copyObjectImpl(seed.cast()).cast(),
            _ => bigint(DEFAULT_SEED as i64),
        };
        let kind = match call {
            ValueCall::Sketch => Some(kind_of(pg_sys::exprType(value.cast()), collation)?),
            _ => None,
        };
        drop_defaults(&mut arguments);
        let hashed = *functions.hashed.get(arguments.as_slice().len() - 1)?;
        arguments.set_value(function_call(
            functions.hash,
            pg_sys::INT8OID,
            collation,
            &[value, seed],
        ));
        set_call(aggregate, hashed, functions.sketch_type, arguments.as_slice());
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

/// Leaves out arguments at the end that say what would hold without them: Citus sends several arguments as a row. Only
/// literals are looked at, since nothing is to be computed that PostgreSQL may never compute.
///
/// # Safety
///
/// As [`hashed`].
unsafe fn drop_defaults(arguments: &mut Arguments) {
    let default = Accuracy::default();
    let defaults = [default.epsilon().to_bits(), default.delta().to_bits(), DEFAULT_SEED];
    while let [_, further @ ..] = arguments.as_slice()
        && let Some(&last) = further.last()
    {
        // SAFETY: a constant of these types is the datum itself.
        let said = unsafe { constant_of(last) };
        if said != Some(defaults[further.len() - 1]) {
            break;
        }
        arguments.pop();
    }
}

/// The union of samples of one row each, in the place of an aggregate that makes a sample.
///
/// # Safety
///
/// As [`pushed_down`]. The arguments are a value, a measure, a size and a seed, or the first of these. There is no
/// measure if the size is at 1.
unsafe fn sampled(
    functions: &Functions,
    aggregate: &mut Aggref,
    arguments: &Arguments,
    size_at: usize,
) -> Option<*mut Node> {
    // A sample counts rows: two rows of the same value count twice.
    if !aggregate.aggdistinct.is_null() {
        return None;
    }
    // SAFETY: a constant of these types is the datum itself.
    unsafe {
        // Only a constant is surely the same in every row.
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
        let row = [arguments.value(), measure, integer(size as i32), bigint(seed as i64)];
        let sample = function_call(functions.sample_of, functions.sample_type, aggregate.inputcollid, &row);
        set_call(aggregate, functions.sample_union, functions.sample_type, &[sample]);
        aggregate.inputcollid = Oid::INVALID;
        Some(ptr::from_mut(aggregate).cast())
    }
}
