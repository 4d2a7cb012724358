//! `approx_count_distinct_cvm`: its support functions, in the order in which PostgreSQL calls them.
//!
//! The transition function runs once a row, so it is a bare C function: it reads the call frame itself, cannot panic,
//! and calls nothing that can raise an error but a type's own hash function. Everything else (the first row, growth,
//! thinning, detoasting, mistakes) is in cold functions behind pgrx's guard.

use crate::call::{self, argument, declare_function, return_null};
use crate::error::{OrRaise, raise};
use crate::hasher::{
    AsBlankPadded, AsBytes, AsFixedBytes, AsFloat64, AsInt16, AsInt32, AsInt64, Hasher, PlainHash, Rule,
};
use crate::memory::{self, ContextAllocator};
use crate::varlena;
use cvm_sketch::capacity::{DEFAULT_CAPACITY, DELTA_RANGE, EPSILON_RANGE, Plain};
use cvm_sketch::{Accuracy, EncodedSketch, Sketch};
use pgrx::pg_guard;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use pgrx::pg_sys::{Datum, FunctionCallInfo, MemoryContext, NullableDatum};
use std::ptr::NonNull;

/// The seed of all hashes.
const SEED: u64 = 0;

/// The state of one group. It and all it refers to live in the aggregate's memory context.
struct State {
    sketch: Sketch<ContextAllocator>,
    /// What the call said of the accuracy, to hold later rows against; `None` in a call that says nothing.
    accuracy: Option<NonNull<Accuracy>>,
}

// PostgreSQL's allocator rounds up to powers of two, so a byte more would cost 128 a group.
const _: () = assert!(size_of::<State>() == 128);

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
/// For the common types it only runs until the first value: [`specialize`] then puts [`accumulate`] in its place.
///
/// # Safety
///
/// Called by PostgreSQL, as declared in `sql/cvm_count.sql`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_accumulate(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives both arguments, and the hasher is that of the call site.
    unsafe {
        accumulate_with(fcinfo, |value| match Hasher::made_before(fcinfo) {
            Some(hasher) => hasher.try_hash(value, SEED),
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
    unsafe { accumulate_with(fcinfo, |value| H::hash(value, SEED)) }
}

/// The path of a row. `hash` gives the hash of a value, or `None` if that takes what the per-row path must not do.
///
/// All its ends are returns or tail calls, so that a row saves and restores no registers. No local needs to be dropped,
/// so an error that a type's own hash function raises may leave this frame behind.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition, and `hash` may be called with its second argument.
#[inline(always)]
unsafe fn accumulate_with(fcinfo: FunctionCallInfo, hash: impl FnOnce(Datum) -> Option<u64>) -> Datum {
    // SAFETY: the caller vouches for the frame. A state that is not NULL was made by `new_state`: SQL cannot make or pass
    // a value of type internal.
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

/// Lets the call site of `fcinfo` call the transition function for its type directly from now on.
///
/// PostgreSQL calls a function through the address in the call site's own copy of the function's record. Replacing it
/// there makes the type's rule a part of that call, in place of a branch on the rule in every row. The new function is
/// equivalent for this call site, whose argument has one type under one collation; others have other records, and
/// compiled expressions go on to call `cvm_accumulate` by its name.
///
/// # Safety
///
/// `fcinfo` is the frame of a call of `cvm_accumulate` in progress, `hasher` that of its call site.
unsafe fn specialize(fcinfo: FunctionCallInfo, hasher: &Hasher) {
    let specialized: unsafe extern "C-unwind" fn(FunctionCallInfo) -> Datum = match hasher.rule() {
        Rule::Int16 => accumulate::<AsInt16>,
        Rule::Int32 => accumulate::<AsInt32>,
        Rule::Int64 => accumulate::<AsInt64>,
        Rule::Float64 => accumulate::<AsFloat64>,
        Rule::Bytes => accumulate::<AsBytes>,
        Rule::BlankPadded => accumulate::<AsBlankPadded>,
        Rule::FixedBytes16 => accumulate::<AsFixedBytes<16>>,
        _ => return,
    };
    // SAFETY: the caller vouches for the frame.
    unsafe { (*call::function(fcinfo)).fn_addr = Some(specialized) };
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
        let state = argument(fcinfo, 0);
        if state.isnull || !is_accuracy_unchanged(fcinfo, state) {
            return accumulate_slowly(fcinfo);
        }
        cvm_accumulate(fcinfo)
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
        let hasher = Hasher::of_call(fcinfo, 1);
        if accuracy.is_none() {
            specialize(fcinfo, hasher);
        }
        let hash = hasher.hash(value.value, SEED);
        let state = if state.isnull {
            new_state(accuracy, context)
        } else {
            state_pointer(state)
        };
        insert_slowly(Datum::from(state.as_ptr()), hash)
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
    let capacity = accuracy.map_or(DEFAULT_CAPACITY, |accuracy| accuracy.capacity());
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
        let from = settled_state(from);
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
            settled_state(state).sketch.estimate()
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
    if unsafe { memory::unguarded::AggCheckCallContext(fcinfo, &mut context) } == 0 {
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

/// The state with its sketch settled, to be read. That the sketch says the same as before makes this harmless where
/// PostgreSQL reads a state more than once: in windows, and where aggregates share it.
///
/// # Safety
///
/// As [`state_pointer`], and nothing else uses the state.
unsafe fn settled_state<'a>(state: NullableDatum) -> &'a State {
    // SAFETY: the caller vouches for the pointer.
    unsafe {
        let state = state_pointer(state).as_mut();
        state.sketch.settle().or_raise();
        state
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
