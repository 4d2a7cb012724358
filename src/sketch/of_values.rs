//! `approx_count_distinct_cvm` and `cvm_sketch_agg`: their support functions, in the order in which PostgreSQL calls
//! them.
//!
//! The transition function runs once a row, so it is a bare C function: it reads the call frame itself, cannot panic,
//! and calls nothing that can raise an error but what hashes a value, as [`unguarded`](crate::pg::unguarded) says. Everything
//! else (the first row, growth, thinning, mistakes) is in cold functions behind pgrx's guard.

use crate::hash::hasher::{DEFAULT_SEED, Hasher, Transition};
use crate::hash::plain::{PlainHash, Visitor};
use crate::pg::call::{aggregate_context, argument, declare_function, raise_parameter, return_null};
use crate::pg::error::{OrRaise, raise_invalid};
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{self, Datum, FunctionCallInfo, NodeTag, NullableDatum, TargetEntry};
use crate::pg::query_tree::elements;
use crate::pg::varlena;
use crate::sketch::state::{Parameters, State};
use crate::sketch::value;
use cvm_sketch::sketch::START_LEN;
use cvm_sketch::{EncodedSketch, Sketch};
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use pgrx::{is_a, pg_guard};
use std::mem::offset_of;
use std::ptr::NonNull;

declare_function! {
    pg_finfo_cvm_accumulate for cvm_accumulate,
    pg_finfo_cvm_accumulate_within for cvm_accumulate_within,
    pg_finfo_cvm_combine for cvm_combine,
    pg_finfo_cvm_serialize for cvm_serialize,
    pg_finfo_cvm_deserialize for cvm_deserialize,
    pg_finfo_cvm_final_count for cvm_final_count,
    pg_finfo_cvm_final_sketch for cvm_final_sketch,
}

/// Transition: `cvm_accumulate(internal, anyelement) returns internal`, not strict.
///
/// For the common types it only runs until the first value: [`specialize`] then puts [`accumulate`] in its place, as it
/// does in that of [`cvm_accumulate_within`] where the accuracy is constant. Compiled expressions come here, and go on to
/// that.
///
/// # Safety
///
/// Called by PostgreSQL, as declared in `sql/cvm_count.sql`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_accumulate(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives both arguments, and the hasher is that of the call site.
    unsafe {
        match specialized(fcinfo) {
            Some(transition) => transition(fcinfo),
            None => accumulate_by_rule(fcinfo),
        }
    }
}

/// What [`specialize`] has found for the call site, if it has.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition in progress.
#[inline(always)]
unsafe fn specialized(fcinfo: FunctionCallInfo) -> Option<Transition> {
    // SAFETY: the caller vouches for the frame.
    unsafe { Hasher::made_before(fcinfo).and_then(|hasher| hasher.transition()) }
}

/// [`cvm_accumulate`] where there is no transition for the rule; apart, so that where there is one, no registers are
/// saved on the way to it.
///
/// # Safety
///
/// As [`cvm_accumulate`].
#[inline(never)]
unsafe extern "C-unwind" fn accumulate_by_rule(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the caller vouches for the frame.
    unsafe {
        accumulate_with(fcinfo, |value| match Hasher::made_before(fcinfo) {
            Some(hasher) => hasher.try_hash(value, DEFAULT_SEED),
            None => None,
        })
    }
}

/// [`cvm_accumulate`] for values that are hashed as `H` says.
///
/// # Safety
///
/// As [`cvm_accumulate`], and `H` is for the type of the values.
unsafe extern "C-unwind" fn accumulate<H: PlainHash>(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the caller vouches for the frame and the type.
    unsafe { accumulate_with(fcinfo, |value| H::hash(value, DEFAULT_SEED)) }
}

/// The path of a row. `hash` gives the hash of a value, or `None` if that takes what the per-row path must not do.
///
/// All its ends are returns or tail calls, so that a row saves and restores no registers. No local needs to be dropped,
/// so an ERROR that hashing raises may leave this frame behind.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition, and `hash` may be called with its second argument.
#[inline(always)]
unsafe fn accumulate_with(fcinfo: FunctionCallInfo, hash: impl FnOnce(Datum) -> Option<u64>) -> Datum {
    // SAFETY: the caller vouches for the frame. A state that is not NULL was made by a transition, a combine or a
    // deserialize function: SQL cannot make or pass a value of type internal.
    unsafe {
        let (state, value) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if value.isnull {
            return unchanged(fcinfo, state);
        }
        if state.isnull {
            return accumulate_slowly(fcinfo);
        }
        match hash(value.value) {
            None => accumulate_slowly(fcinfo),
            Some(hash) if state_pointer(state).as_mut().sketch.offer(hash) => state.value,
            Some(hash) => insert_slowly(state.value, hash),
        }
    }
}

/// Inserts a hash into a state where that may take memory, and returns the state.
///
/// # Safety
///
/// `state` is a state that nothing else uses.
#[cold]
#[pg_guard]
unsafe extern "C-unwind" fn insert_slowly(state: Datum, hash: u64) -> Datum {
    // SAFETY: the caller vouches for the state.
    unsafe {
        (*state.cast_mut_ptr::<State>()).sketch.accumulate(hash).or_raise();
        state
    }
}

/// Lets the call site of `fcinfo` call the transition function for its type [directly](Hasher::specialize) from now on,
/// if there is one. Where the accuracy is constant, that compares it with nothing.
///
/// # Safety
///
/// `fcinfo` is the frame of a call of [`cvm_accumulate`] or [`cvm_accumulate_within`] in progress, and `hasher` that of
/// its call site.
unsafe fn specialize(fcinfo: FunctionCallInfo, hasher: &mut Hasher) {
    struct Specialization {
        /// Whether a row may say another accuracy than those before.
        may_change: bool,
    }
    impl Visitor for Specialization {
        type Output = Transition;
        fn visit<H: PlainHash>(self) -> Self::Output {
            if self.may_change {
                accumulate_within::<H>
            } else {
                accumulate::<H>
            }
        }
    }
    // SAFETY: the caller vouches for the frame.
    unsafe {
        let count = (*fcinfo).nargs;
        // A seed would be one more thing that is not known when this is compiled.
        if let Some(plain) = hasher.plain()
            && count < 5
        {
            let specialization = Specialization {
                may_change: count > 2 && !is_accuracy_constant(fcinfo),
            };
            let own: [Transition; 2] = [cvm_accumulate, cvm_accumulate_within];
            hasher.specialize(fcinfo, &own, plain.visit(specialization));
        }
    }
}

/// Whether what the call says of the accuracy is constant, and so the same in every row.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition in progress.
unsafe fn is_accuracy_constant(fcinfo: FunctionCallInfo) -> bool {
    // SAFETY: the caller vouches for the frame. An aggregate that is no window function has a node, whose arguments are
    // target entries: the value, the accuracy, and what the rows are ordered by.
    unsafe {
        let count = (*fcinfo).nargs as usize - 2;
        let aggregate = pg_sys::AggGetAggref(fcinfo);
        !aggregate.is_null()
            && elements::<TargetEntry>((*aggregate).args)
                .skip(1)
                .take(count)
                .filter(|&argument| is_a((*argument).expr.cast(), NodeTag::T_Const))
                .count()
                == count
    }
}

/// Transition: `cvm_accumulate(internal, anyelement, float8 [, float8 [, bigint]]) returns internal`, not strict.
///
/// For the common types, and without a seed, it only runs until the first value, as [`cvm_accumulate`].
///
/// # Safety
///
/// As [`cvm_accumulate`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_accumulate_within(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives three to five arguments, and the hasher is that of the call site.
    unsafe {
        match specialized(fcinfo) {
            Some(transition) => transition(fcinfo),
            None => accumulate_within_by_rule(fcinfo),
        }
    }
}

/// [`cvm_accumulate_within`] where there is no transition for the rule.
///
/// # Safety
///
/// As [`cvm_accumulate_within`].
#[inline(never)]
unsafe extern "C-unwind" fn accumulate_within_by_rule(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the caller vouches for the frame.
    unsafe {
        let state = argument(fcinfo, 0);
        // Before the first value of a call site is hashed, the state may be another aggregate's.
        let Some(hasher) = Hasher::made_before(fcinfo) else {
            return accumulate_slowly(fcinfo);
        };
        if state.isnull || !state_of(state).is_said_again(fcinfo) {
            return accumulate_slowly(fcinfo);
        }
        let seed = state_of(state).sketch.seed();
        accumulate_with(fcinfo, |value| hasher.try_hash(value, seed))
    }
}

/// [`cvm_accumulate_within`] for values that are hashed as `H` says, under no seed of the call's own, from the second
/// value of a call site on, where the accuracy is no constant.
///
/// # Safety
///
/// As [`cvm_accumulate`], and `H` is for the type of the values.
unsafe extern "C-unwind" fn accumulate_within<H: PlainHash>(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the caller vouches for the frame and the type.
    unsafe {
        let state = argument(fcinfo, 0);
        if state.isnull || !state_of(state).is_said_again(fcinfo) {
            return accumulate_slowly(fcinfo);
        }
        accumulate_with(fcinfo, |value| H::hash(value, DEFAULT_SEED))
    }
}

/// The state as the call's result.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress.
#[inline(always)]
unsafe fn unchanged(fcinfo: FunctionCallInfo, state: NullableDatum) -> Datum {
    if state.isnull {
        // SAFETY: the caller vouches for the frame.
        unsafe { return_null(fcinfo) }
    } else {
        state.value
    }
}

/// The rows that the transition functions leave over.
///
/// # Safety
///
/// As [`cvm_accumulate`].
#[cold]
#[pg_guard]
unsafe extern "C-unwind" fn accumulate_slowly(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declarations give the arguments. The state is this group's alone, and PostgreSQL uses it nowhere else
    // during the call.
    unsafe {
        let context = aggregate_context(fcinfo);
        let (state, value) = (argument(fcinfo, 0), argument(fcinfo, 1));
        let parameters = Parameters::of_call(fcinfo, 2);
        if !state.isnull {
            raise_unless_ours(state);
        }
        if let Some(parameters) = parameters
            && !state.isnull
        {
            state_of(state).raise_unless_said_before(parameters);
        }
        if value.isnull {
            return unchanged(fcinfo, state);
        }
        let is_first = Hasher::made_before(fcinfo).is_none();
        let hasher = Hasher::of_call(fcinfo, 1);
        if is_first {
            specialize(fcinfo, hasher);
        }
        let hash = hasher.hash(
            value.value,
            parameters.map_or(DEFAULT_SEED, |parameters| parameters.seed),
        );
        let state = if state.isnull {
            let allocator = ContextAllocator::new(context);
            let state = State::new_in(parameters, hasher.kind(), allocator);
            allocator.place(state).or_raise()
        } else {
            state_pointer(state)
        };
        insert_slowly(Datum::from(state.as_ptr()), hash)
    }
}

/// Combine: `cvm_combine(internal, internal) returns internal`, not strict. Changes the first state, copies the second.
///
/// # Safety
///
/// As [`cvm_accumulate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_combine(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives both arguments; the second may live in a shorter context than the first.
    unsafe {
        let context = aggregate_context(fcinfo);
        let (into, from) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if from.isnull {
            return unchanged(fcinfo, into);
        }
        let from = settled_state(from);
        if into.isnull {
            let allocator = ContextAllocator::new(context);
            let copy = State::of_sketch(from.sketch.try_clone_in(allocator).or_raise(), None, allocator);
            return Datum::from(allocator.place(copy).or_raise().as_ptr());
        }
        raise_unless_ours(into);
        let mut into = state_pointer(into);
        into.as_ref().raise_unless_as_large_as(from.sketch.capacity());
        into.as_mut().sketch.merge(&from.sketch).or_raise();
        Datum::from(into.as_ptr())
    }
}

/// Serialize: `cvm_serialize(internal) returns bytea`, strict.
///
/// # Safety
///
/// As [`cvm_accumulate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_serialize(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the argument, not NULL. The bytes go to the caller's memory context.
    unsafe {
        aggregate_context(fcinfo);
        let state = settled_state(argument(fcinfo, 0));
        let bytes = state
            .sketch
            .encode_in(varlena::HEADER_LEN, ContextAllocator::current())
            .or_raise();
        varlena::into_datum(bytes)
    }
}

/// Deserialize: `cvm_deserialize(bytea, internal) returns internal`, strict.
///
/// # Safety
///
/// As [`cvm_accumulate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_deserialize(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the arguments. The state goes to the caller's memory context: combine copies it.
    unsafe {
        aggregate_context(fcinfo);
        let allocator = ContextAllocator::current();
        let sketch = varlena::with_bytes(argument(fcinfo, 0).value, |bytes| {
            match EncodedSketch::parse_in(bytes, &allocator) {
                Ok(encoded) => Sketch::decode_in(&encoded, allocator).or_raise(),
                Err(fault) => raise_invalid(PgSqlErrorCode::ERRCODE_INVALID_BINARY_REPRESENTATION, fault),
            }
        });
        let state = State::of_sketch(sketch, None, allocator);
        Datum::from(allocator.place(state).or_raise().as_ptr())
    }
}

/// Final: `cvm_final_count(internal) returns bigint`, not strict. Leaves the state as it is.
///
/// # Safety
///
/// As [`cvm_accumulate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_final_count(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the argument.
    unsafe {
        aggregate_context(fcinfo);
        let state = argument(fcinfo, 0);
        let estimate = if state.isnull {
            0
        } else {
            settled_state(state).sketch.estimate()
        };
        Datum::from(estimate)
    }
}

/// Final: `cvm_final_sketch(internal) returns cvm_sketch`, not strict. Leaves the state as it is.
///
/// # Safety
///
/// As [`cvm_accumulate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_final_sketch(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the argument. The bytes go to the caller's memory context.
    unsafe {
        aggregate_context(fcinfo);
        let state = argument(fcinfo, 0);
        if state.isnull {
            return value::nothing();
        }
        let sketch = &settled_state(state).sketch;
        varlena::into_datum(
            sketch
                .encode_in(varlena::HEADER_LEN, ContextAllocator::current())
                .or_raise(),
        )
    }
}

/// # Safety
///
/// `state` was made by a transition, [`cvm_combine`] or [`cvm_deserialize`], and is not NULL.
#[inline(always)]
unsafe fn state_pointer(state: NullableDatum) -> NonNull<State> {
    // SAFETY: the caller vouches for the pointer.
    unsafe { NonNull::new_unchecked(state.value.cast_mut_ptr()) }
}

/// The state with its sketch settled, to be read. That the sketch says the same as before makes this harmless where
/// PostgreSQL reads a state more than once: in windows, and where aggregates share it.
///
/// # Safety
///
/// As [`state_pointer`], and nothing else uses the state.
unsafe fn settled_state<'a>(state: NullableDatum) -> &'a State {
    // SAFETY: the caller vouches for the pointer.
    unsafe {
        raise_unless_ours(state);
        let state = state_pointer(state).as_mut();
        state.sketch.settle().or_raise();
        state
    }
}

/// Raises an ERROR if the state is another aggregate's. A superuser can define an aggregate of support functions that
/// do not belong together, which PostgreSQL cannot tell apart: all states are of type internal.
///
/// # Safety
///
/// `state` is not NULL, and the state of an aggregate.
unsafe fn raise_unless_ours(state: NullableDatum) {
    const { assert!(offset_of!(State, sketch) == 0) };
    // SAFETY: whoever made the state, it is in memory of PostgreSQL's, and no state of an aggregate there has less than
    // two words. They are read as bytes, which may have any value.
    let start = unsafe { state.value.cast_mut_ptr::<[u8; START_LEN]>().read() };
    if !Sketch::<ContextAllocator>::may_start(&start) {
        raise_parameter("the state was not made by an aggregate of cvm_count");
    }
}

/// # Safety
///
/// As [`state_pointer`], and nothing changes the state for `'a`.
#[inline(always)]
unsafe fn state_of<'a>(state: NullableDatum) -> &'a State {
    // SAFETY: the caller vouches for the pointer.
    unsafe { state_pointer(state).as_ref() }
}
