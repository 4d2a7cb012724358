//! `approx_count_distinct_cvm` and `cvm_sketch_agg`: their support functions, in the order in which PostgreSQL calls
//! them.

use crate::hash::hasher::DEFAULT_SEED;
use crate::hash::plain::PlainHash;
use crate::hash::site::{Site, Transition};
use crate::pg::call::{aggregate_context, argument, declare_function, unchanged};
use crate::pg::error::{IN_BYTES, OrRaise, raise_invalid_sketch};
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{Datum, FunctionCallInfo, MemoryContext, NullableDatum};
use crate::pg::varlena;
use crate::row::transition::{Aggregate, accumulate, accumulate_later};
use crate::sketch::ring::{Ring, complete};
use crate::sketch::state::{EPSILON_AT, Parameters, SEED_AT, State};
use crate::sketch::value;
use cvm_sketch::{EncodedSketch, Kind, Sketch};
use pgrx::pg_guard;

declare_function! {
    pg_finfo_cvm_accumulate for cvm_accumulate,
    pg_finfo_cvm_accumulate_within for cvm_accumulate_within,
    pg_finfo_cvm_combine for cvm_combine,
    pg_finfo_cvm_serialize for cvm_serialize,
    pg_finfo_cvm_deserialize for cvm_deserialize,
    pg_finfo_cvm_final_count for cvm_final_count,
    pg_finfo_cvm_final_sketch for cvm_final_sketch,
}

/// The path of a row into a sketch.
struct Sketches;

impl Aggregate for Sketches {
    type State = State;
    type Parameters = Option<Parameters>;
    type Kept = Ring;

    const PARAMETERS_AT: usize = EPSILON_AT;
    const SEED_AT: usize = SEED_AT;
    const DECLARED: [Transition; 2] = [cvm_accumulate, cvm_accumulate_within];

    unsafe fn parameters(fcinfo: FunctionCallInfo) -> Self::Parameters {
        unsafe { Parameters::of_call(fcinfo, Self::PARAMETERS_AT) }
    }

    fn seed(parameters: Self::Parameters) -> u64 {
        parameters.map_or(DEFAULT_SEED, |parameters| parameters.seed)
    }

    fn new_state(parameters: Self::Parameters, kind: Kind, allocator: ContextAllocator) -> State {
        State::new_in(parameters, kind, allocator)
    }

    #[inline(always)]
    unsafe fn is_said_again(state: &State, fcinfo: FunctionCallInfo) -> bool {
        unsafe { state.is_said_again(fcinfo) }
    }

    unsafe fn raise_unless_said_before(state: &State, parameters: Self::Parameters, fcinfo: FunctionCallInfo) {
        if let Some(parameters) = parameters {
            unsafe { state.raise_unless_said_before(parameters, fcinfo) };
        }
    }

    unsafe fn accumulate(state: &mut State, hash: u64, _: FunctionCallInfo) {
        state.sketch.accumulate(hash).or_raise();
    }

    unsafe fn prepare<H: PlainHash>(ring: &mut Ring, fcinfo: FunctionCallInfo) {
        /// As `accumulate_by_type`, by the ring of the call site.
        unsafe extern "C-unwind" fn accumulate_by_ring<H: PlainHash>(fcinfo: FunctionCallInfo) -> Datum {
            unsafe {
                accumulate_later::<Sketches, H>(fcinfo, |row| match Site::<Ring>::made_before(fcinfo) {
                    Some(site) => site.kept.exchange(row),
                    None => Some(row),
                })
            }
        }
        unsafe { ring.prepare(accumulate_by_ring::<H>, fcinfo) }
    }

    unsafe fn before_state(ring: &mut Ring, context: MemoryContext) -> Option<Transition> {
        unsafe { ring.before_state(context) }
    }
}

/// Transition: `cvm_accumulate(internal, anyelement) returns internal`, not strict.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_accumulate(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { accumulate::<Sketches, false>(fcinfo) }
}

/// Transition: `cvm_accumulate(internal, anyelement, float8 [, float8 [, bigint]]) returns internal`, not strict.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_accumulate_within(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { accumulate::<Sketches, true>(fcinfo) }
}

/// Combine: `cvm_combine(internal, internal) returns internal`, not strict. Changes the first state, copies the second.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_combine(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the second may live in a shorter context than the first.
    unsafe {
        let context = aggregate_context(fcinfo);
        let (into, from) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if from.isnull {
            return unchanged(fcinfo, into);
        }
        let from = settled(from, context);
        if into.isnull {
            let allocator = ContextAllocator::new(context);
            let copy = State::of_sketch(from.sketch.try_clone_in(allocator).or_raise(), None, allocator);
            return Datum::from(allocator.place(copy).or_raise().as_ptr());
        }
        let state = complete(into, context);
        state.raise_unless_as_large_as(from.sketch.capacity());
        state.sketch.merge(&from.sketch).or_raise();
        into.value
    }
}

/// Serialize: `cvm_serialize(internal) returns bytea`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_serialize(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let context = aggregate_context(fcinfo);
        let state = settled(argument(fcinfo, 0), context);
        let bytes = state
            .sketch
            .encode_in(varlena::HEADER_LEN, ContextAllocator::current())
            .or_raise();
        varlena::into_datum(bytes)
    }
}

/// Deserialize: `cvm_deserialize(bytea, internal) returns internal`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_deserialize(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the state goes to the caller's memory context: combine copies it.
    unsafe {
        aggregate_context(fcinfo);
        let allocator = ContextAllocator::current();
        let sketch = varlena::with_bytes(argument(fcinfo, 0).value, |bytes| {
            match EncodedSketch::parse_in(bytes, &allocator) {
                Ok(encoded) => Sketch::decode_in(&encoded, allocator).or_raise(),
                Err(fault) => raise_invalid_sketch(IN_BYTES, fault),
            }
        });
        let state = State::of_sketch(sketch, None, allocator);
        Datum::from(allocator.place(state).or_raise().as_ptr())
    }
}

/// Final: `cvm_final_count(internal) returns bigint`, not strict. Leaves the state as it is.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_final_count(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let context = aggregate_context(fcinfo);
        let state = argument(fcinfo, 0);
        if state.isnull {
            return Datum::from(0_i64);
        }
        let sketch = &mut complete(state, context).sketch;
        sketch.settle_to_count().or_raise();
        Datum::from(sketch.estimate())
    }
}

/// Final: `cvm_final_sketch(internal) returns cvm_sketch`, not strict. Leaves the state as it is.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_final_sketch(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let context = aggregate_context(fcinfo);
        let state = argument(fcinfo, 0);
        if state.isnull {
            return value::nothing();
        }
        let sketch = &settled(state, context).sketch;
        varlena::into_datum(
            sketch
                .encode_in(varlena::HEADER_LEN, ContextAllocator::current())
                .or_raise(),
        )
    }
}

/// The state with its sketch settled, to be read. A settled sketch says the same as before. So PostgreSQL may read a
/// state more than once, as it does in windows, and where aggregates share it.
///
/// # Safety
///
/// As [`complete`].
unsafe fn settled<'a>(state: NullableDatum, context: MemoryContext) -> &'a State {
    let state = unsafe { complete(state, context) };
    state.sketch.settle().or_raise();
    state
}
