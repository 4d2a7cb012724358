//! The support functions of aggregates over stored sketches and samples, whose state is a value of the same type.

use crate::pg::call::{aggregate_context, argument, unchanged};
use crate::pg::expanded::{self, Value};
use crate::pg::pg_sys::{self, Datum, FunctionCallInfo};

/// Transition and combine: adds the second argument to the first, as `add` says. Values that are NULL are skipped.
///
/// # Safety
///
/// `fcinfo` is the frame of a call to an aggregate's function that takes two values of the type of `S`.
#[inline(always)]
pub(crate) unsafe fn merge<S: Value>(fcinfo: FunctionCallInfo, add: impl FnOnce(&mut S, Datum)) -> Datum {
    // SAFETY: PostgreSQL uses the state nowhere else during the call. The second argument may live in a shorter
    // context.
    unsafe {
        let context = aggregate_context(fcinfo);
        let (into, from) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if from.isnull {
            return unchanged(fcinfo, into);
        }
        if into.isnull {
            return expanded::in_place::<S>(from.value, context).0;
        }
        let (into, state) = expanded::in_place(into.value, context);
        add(state, from.value);
        into
    }
}

/// Final: the state as a plain value; `nothing` over no rows. Leaves the state as it is.
///
/// # Safety
///
/// `fcinfo` is the frame of a call to an aggregate's function that takes such a value.
pub(crate) unsafe fn flat(fcinfo: FunctionCallInfo, nothing: unsafe fn() -> Datum) -> Datum {
    unsafe {
        aggregate_context(fcinfo);
        let state = argument(fcinfo, 0);
        match state.isnull {
            true => nothing(),
            false => Datum::from(pg_sys::pg_detoast_datum_copy(state.value.cast_mut_ptr())),
        }
    }
}
