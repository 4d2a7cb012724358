//! The aggregates whose state is a `cvm_sketch`: `cvm_sketch_agg_hashed` and `cvm_sketch_union_agg`.

use crate::pg::call::{aggregate_context, argument, declare_function, return_null};
use crate::pg::error::OrRaise;
use crate::pg::expanded::{self, Value};
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{Datum, ExpandedObjectMethods, FunctionCallInfo};
use crate::row::union::{flat, merge};
use crate::sketch::state::{EPSILON_AT, Parameters, State};
use crate::sketch::value::{self, with_framed, with_sketch};
use cvm_sketch::{Kind, Sketch};
use pgrx::pg_guard;

declare_function! {
    pg_finfo_cvm_accumulate_hashed for cvm_accumulate_hashed,
    pg_finfo_cvm_combine_hashed for cvm_combine_hashed,
    pg_finfo_cvm_merge for cvm_merge,
    pg_finfo_cvm_final_flat for cvm_final_flat,
}

impl Value for State {
    const METHODS: &'static ExpandedObjectMethods = expanded::methods!(State);

    unsafe fn read(value: Datum, allocator: ContextAllocator) -> Self {
        let sketch = unsafe { with_sketch(value, |sketch| Sketch::decode_in(sketch, allocator).or_raise()) };
        State::of_sketch(sketch, None, allocator)
    }

    fn flat_len(&mut self, _scratch: ContextAllocator) -> usize {
        self.sketch.settle().or_raise();
        self.sketch.header().encoded_len()
    }

    fn write(&mut self, bytes: &mut [u8], scratch: ContextAllocator) {
        self.sketch.encode_into(bytes, scratch).or_raise();
    }
}

/// Transition: `cvm_accumulate_hashed(cvm_sketch, bigint [, float8 [, float8 [, bigint]]]) returns cvm_sketch`, not
/// strict. Like `cvm_accumulate`, a bare function with a cold path.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_accumulate_hashed(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: PostgreSQL passes the state on as it was returned, and uses it nowhere else during the call.
    unsafe {
        let (state, hash) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if !state.isnull
            && !hash.isnull
            && let Some(in_place) = expanded::state_in_place::<State>(state.value)
            && in_place.is_said_again(fcinfo)
            && in_place.sketch.offer(hash.value.value() as u64)
        {
            return state.value;
        }
        accumulate_hashed_slowly(fcinfo)
    }
}

/// The rows that [`cvm_accumulate_hashed`] leaves over.
#[cold]
#[pg_guard]
unsafe extern "C-unwind" fn accumulate_hashed_slowly(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let context = aggregate_context(fcinfo);
        let (given, hash) = (argument(fcinfo, 0), argument(fcinfo, 1));
        let parameters = Parameters::of_call(fcinfo, EPSILON_AT);
        if hash.isnull && given.isnull {
            return return_null(fcinfo);
        }
        let (state, in_place) = match given.isnull {
            true => expanded::new(context, |allocator| State::new_in(parameters, Kind::Unknown, allocator)),
            false => expanded::in_place(given.value, context),
        };
        if let Some(parameters) = parameters {
            in_place.raise_unless_said_before(parameters, fcinfo);
        }
        if !hash.isnull {
            in_place.sketch.accumulate(hash.value.value() as u64).or_raise();
        }
        state
    }
}

/// Combine: `cvm_combine_hashed(cvm_sketch, cvm_sketch) returns cvm_sketch`, not strict. As [`cvm_merge`], for two
/// parts of one group, which were told the same accuracy.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_combine_hashed(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        merge::<State>(fcinfo, |into, from| {
            with_framed(from, |from| {
                into.raise_unless_as_large_as(from.header().capacity());
                into.sketch.accumulate_framed(from)
            })
            .or_raise();
        })
    }
}

/// Transition and combine: `cvm_merge(cvm_sketch, cvm_sketch) returns cvm_sketch`, not strict. Sketches that are NULL
/// are skipped.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_merge(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        merge::<State>(fcinfo, |into, from| {
            with_framed(from, |from| into.sketch.accumulate_framed(from)).or_raise();
        })
    }
}

/// Final: `cvm_final_flat(cvm_sketch) returns cvm_sketch`, not strict. Leaves the state as it is. Over no rows, returns
/// the sketch of nothing.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_final_flat(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { flat(fcinfo, value::nothing) }
}
