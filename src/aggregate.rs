//! `approx_count_distinct_cvm`: its support functions, in the order in which PostgreSQL calls them.
//!
//! The transition function runs once a row, so it is a bare C function: it reads the call frame itself, cannot panic,
//! and calls nothing that can raise an error but a type's own hash function. Everything else (the first row, growth,
//! thinning, detoasting, mistakes) is in cold functions behind pgrx's guard.

use crate::call::{argument, declare_function, return_null};
use crate::error::{OrRaise, raise};
use crate::hasher::Hasher;
use crate::memory::ContextAllocator;
use crate::varlena;
use cvm_sketch::capacity::{DELTA_RANGE, EPSILON_RANGE, Plain};
use cvm_sketch::{Accuracy, EncodedSketch, Sketch};
use pgrx::pg_guard;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use pgrx::pg_sys::{self, Datum, FunctionCallInfo, MemoryContext, NullableDatum};
use std::ptr::NonNull;

/// The seed of all hashes.
const SEED: u64 = 0;

/// The state of one group. It and all it refers to live in the aggregate's memory context.
struct State {
    sketch: Sketch<ContextAllocator>,
    /// What the call said of the accuracy, to hold later rows against; `None` in a call that says nothing.
    accuracy: Option<NonNull<Accuracy>>,
}

// PostgreSQL's allocator rounds up to powers of two, so a byte more would cost 64 a group.
const _: () = assert!(size_of::<State>() == 64);

declare_function! {
    pg_finfo_cvm_accumulate for cvm_accumulate,
    pg_finfo_cvm_accumulate_within for cvm_accumulate_within,
    pg_finfo_cvm_combine for cvm_combine,
    pg_finfo_cvm_serialize for cvm_serialize,
    pg_finfo_cvm_deserialize for cvm_deserialize,
    pg_finfo_cvm_final_count for cvm_final_count,
}

/// Transition: `cvm_accumulate(internal, anyelement) returns internal`, not strict.
///
/// # Safety
///
/// Called by PostgreSQL, as declared in `sql/cvm_count.sql`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_accumulate(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives both arguments.
    unsafe {
        let (state, value) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if value.isnull {
            return unchanged(fcinfo, state);
        }
        match settled(fcinfo, state, value) {
            true => state.value,
            false => accumulate_slowly(fcinfo),
        }
    }
}

/// Transition: `cvm_accumulate(internal, anyelement, float8 [, float8]) returns internal`, not strict.
///
/// # Safety
///
/// As [`cvm_accumulate`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_accumulate_within(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives three or four arguments.
    unsafe {
        let (state, value) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if state.isnull || !is_accuracy_unchanged(fcinfo, state) {
            return accumulate_slowly(fcinfo);
        }
        match value.isnull || settled(fcinfo, state, value) {
            true => state.value,
            false => accumulate_slowly(fcinfo),
        }
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

/// Whether the row changes nothing, as far as can be told without allocating or raising an error.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition, `state` and `value` its first two arguments, `value` not NULL.
#[inline(always)]
unsafe fn settled(fcinfo: FunctionCallInfo, state: NullableDatum, value: NullableDatum) -> bool {
    if state.isnull {
        return false;
    }
    // SAFETY: the caller vouches for the frame. A state that is not NULL was made by `new_state`: SQL cannot make or
    // pass a value of type internal. No local needs to be dropped, so an error that a type's own hash function raises
    // may leave this frame behind.
    unsafe {
        let Some(hasher) = Hasher::made_before(fcinfo) else {
            return false;
        };
        let Some(hash) = hasher.try_hash(value.value, SEED) else {
            return false;
        };
        state_of(state).sketch.is_settled(hash)
    }
}

/// Whether epsilon, and delta if there, are those of the rows before.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition with an accuracy, `state` its first argument and not NULL.
#[inline(always)]
unsafe fn is_accuracy_unchanged(fcinfo: FunctionCallInfo, state: NullableDatum) -> bool {
    // SAFETY: the caller vouches for the frame and the state.
    unsafe {
        let Some(accuracy) = state_of(state).accuracy else {
            return false;
        };
        let same = |index, number: f64| {
            let given = argument(fcinfo, index);
            !given.isnull && given.value.value() as u64 == number.to_bits()
        };
        same(2, accuracy.as_ref().epsilon()) && ((*fcinfo).nargs < 4 || same(3, accuracy.as_ref().delta()))
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
        let accuracy = ((*fcinfo).nargs > 2).then(|| accuracy_of_call(fcinfo));
        if let Some(accuracy) = accuracy
            && !state.isnull
        {
            raise_if_changed(accuracy, state_of(state));
        }
        if value.isnull {
            return unchanged(fcinfo, state);
        }
        let hash = Hasher::of_call(fcinfo, 1).hash(value.value, SEED);
        let mut state = if state.isnull {
            new_state(accuracy, context)
        } else {
            state_pointer(state)
        };
        state.as_mut().sketch.insert(hash).or_raise();
        Datum::from(state.as_ptr())
    }
}

/// The accuracy that the call's third and fourth argument say. Raises an ERROR when they say none.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition with an accuracy.
unsafe fn accuracy_of_call(fcinfo: FunctionCallInfo) -> Accuracy {
    let number = |index, name, (low, high): (f64, f64)| {
        // SAFETY: the caller vouches for the frame.
        let given = unsafe { argument(fcinfo, index) };
        if given.isnull {
            let (low, high) = (Plain(low), Plain(high));
            raise_parameter(format!("{name} must be between {low} and {high}, not NULL"));
        }
        f64::from_bits(given.value.value() as u64)
    };
    let epsilon = number(2, "epsilon", EPSILON_RANGE);
    // SAFETY: the caller vouches for the frame.
    let delta = match unsafe { (*fcinfo).nargs } {
        ..4 => Accuracy::default().delta(),
        _ => number(3, "delta", DELTA_RANGE),
    };
    Accuracy::new(epsilon, delta).unwrap_or_else(|error| raise_parameter(error.to_string()))
}

fn raise_if_changed(given: Accuracy, state: &State) {
    // SAFETY: an accuracy that a state refers to lives as long as the state.
    let Some(before) = state.accuracy.map(|accuracy| unsafe { *accuracy.as_ref() }) else {
        return;
    };
    for (name, given, before) in [
        ("epsilon", given.epsilon(), before.epsilon()),
        ("delta", given.delta(), before.delta()),
    ] {
        if given != before {
            let (before, given) = (Plain(before), Plain(given));
            raise_parameter(format!(
                "{name} must be the same in every row, not {before} and then {given}"
            ));
        }
    }
}

fn raise_parameter(message: String) -> ! {
    raise(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message)
}

/// The state of a group without values.
///
/// # Safety
///
/// `context` is the aggregate's memory context.
unsafe fn new_state(accuracy: Option<Accuracy>, context: MemoryContext) -> NonNull<State> {
    // SAFETY: state and sketch end together, with the context.
    let allocator = unsafe { ContextAllocator::new(context) };
    let capacity = accuracy.unwrap_or_default().capacity();
    let state = State {
        sketch: Sketch::new_in(capacity, SEED, allocator),
        accuracy: accuracy.map(|accuracy| allocator.place(accuracy).or_raise()),
    };
    allocator.place(state).or_raise()
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
        let from = state_of(from);
        if into.isnull {
            let allocator = ContextAllocator::new(context);
            let copy = State {
                sketch: from.sketch.try_clone_in(allocator).or_raise(),
                accuracy: None,
            };
            return Datum::from(allocator.place(copy).or_raise().as_ptr());
        }
        let mut into = state_pointer(into);
        if into.as_ref().sketch.capacity() != from.sketch.capacity() {
            raise_parameter("epsilon and delta must be the same in every row".to_owned());
        }
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
        let state = state_of(argument(fcinfo, 0));
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
        let sketch = varlena::with_bytes(argument(fcinfo, 0).value, |bytes| match EncodedSketch::parse(bytes) {
            Ok(encoded) => encoded.decode_in(allocator).or_raise(),
            Err(error) => raise(
                PgSqlErrorCode::ERRCODE_INVALID_BINARY_REPRESENTATION,
                format!("invalid cvm_sketch: {error}"),
            ),
        });
        let state = State { sketch, accuracy: None };
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
            state_of(state).sketch.estimate()
        };
        Datum::from(estimate)
    }
}

/// The memory context of the aggregate, or of the window, that the call is a part of. Raises an ERROR when it is a part
/// of neither.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress.
unsafe fn aggregate_context(fcinfo: FunctionCallInfo) -> MemoryContext {
    let mut context: MemoryContext = std::ptr::null_mut();
    // SAFETY: the caller vouches for the frame.
    if unsafe { pg_sys::AggCheckCallContext(fcinfo, &mut context) } == 0 {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "aggregate support function called in a context that is not an aggregate",
        );
    }
    context
}

/// # Safety
///
/// `state` was made by [`new_state`], [`cvm_combine`] or [`cvm_deserialize`], and is not NULL.
#[inline(always)]
unsafe fn state_pointer(state: NullableDatum) -> NonNull<State> {
    // SAFETY: the caller vouches for the pointer.
    unsafe { NonNull::new_unchecked(state.value.cast_mut_ptr()) }
}

/// # Safety
///
/// As [`state_pointer`], and nothing changes the state for `'a`.
#[inline(always)]
unsafe fn state_of<'a>(state: NullableDatum) -> &'a State {
    // SAFETY: the caller vouches for the pointer.
    unsafe { state_pointer(state).as_ref() }
}
