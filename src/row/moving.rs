//! The path of a row into a moving frame, and out of it again.
//!
//! In a window whose frame slides, PostgreSQL has each row enter once and leave once. It chooses so if the aggregate
//! has both functions, and their arguments are not volatile. A function by which a row leaves may return NULL. Then
//! PostgreSQL drops the state, and has all rows of the frame enter again.
//!
//! PostgreSQL refuses a NULL from the function by which a row enters. So a row that is NULL makes a state, too.

use crate::pg::call::{aggregate_context, argument, return_null};
use crate::pg::pg_sys::{Datum, FunctionCallInfo};
use crate::row::state::{GroupState, recognized, try_recognized};

/// The state of a moving frame. It and all it refers to live in one memory context.
pub(crate) trait MovingState: GroupState {
    /// Whether a row has the same parameters as the rows before. Cannot raise an error.
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a call with this state.
    unsafe fn is_said_again(&self, fcinfo: FunctionCallInfo) -> bool;

    /// A hash leaves the frame. Cannot raise an error. False if the frame has to be read anew.
    fn leave(&mut self, hash: u64) -> bool;
}

/// A row enters the frame. `hash` gives the hash of its value, if that does not need the catalog. `slowly` takes the
/// rows that are left over.
///
/// # Safety
///
/// `fcinfo` is the frame of an aggregate's function that takes a state and a value. `hash` may be called with that
/// value.
#[inline(always)]
pub(crate) unsafe fn enter<S: MovingState>(
    fcinfo: FunctionCallInfo,
    hash: impl FnOnce(Datum, u64) -> Option<u64>,
    slowly: unsafe extern "C-unwind" fn(FunctionCallInfo) -> Datum,
) -> Datum {
    // SAFETY: PostgreSQL uses the state nowhere else during the call. No local needs to be dropped, so an ERROR that
    // hashing raises may leave this frame behind.
    unsafe {
        let (given, value) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if !given.isnull
            && let Some(state) = try_recognized::<S>(given)
            && state.is_said_again(fcinfo)
            && (value.isnull || hash(value.value, state.seed()).is_some_and(|hash| state.offer(hash)))
        {
            return given.value;
        }
        slowly(fcinfo)
    }
}

/// A row leaves the frame. As [`enter`].
///
/// # Safety
///
/// As [`enter`].
#[inline(always)]
pub(crate) unsafe fn leave<S: MovingState>(
    fcinfo: FunctionCallInfo,
    hash: impl FnOnce(Datum, u64) -> Option<u64>,
    slowly: unsafe extern "C-unwind" fn(FunctionCallInfo) -> Datum,
) -> Datum {
    // SAFETY: as in `enter`.
    unsafe {
        let (given, value) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if !given.isnull
            && let Some(state) = try_recognized::<S>(given)
        {
            if value.isnull {
                return given.value;
            }
            if state.is_said_again(fcinfo)
                && let Some(hash) = hash(value.value, state.seed())
            {
                return left(fcinfo, given.value, state.leave(hash));
            }
        }
        slowly(fcinfo)
    }
}

/// A row leaves the frame: the rows that are left over. `hash` gives the hash of any value.
///
/// # Safety
///
/// As [`enter`].
pub(crate) unsafe fn leave_slowly<S: MovingState>(
    fcinfo: FunctionCallInfo,
    hash: impl FnOnce(Datum, u64) -> u64,
) -> Datum {
    // SAFETY: as in `enter`.
    unsafe {
        aggregate_context(fcinfo);
        let (given, value) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if given.isnull {
            return return_null(fcinfo);
        }
        let state = recognized::<S>(given);
        // A function that is falsely declared immutable may give other parameters than when the row entered.
        let is_known = value.isnull || state.is_said_again(fcinfo) && state.leave(hash(value.value, state.seed()));
        left(fcinfo, given.value, is_known)
    }
}

/// The result of a function by which a row leaves: the state. NULL if the frame has to be read anew.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress.
#[inline(always)]
pub(crate) unsafe fn left(fcinfo: FunctionCallInfo, state: Datum, is_known: bool) -> Datum {
    match is_known {
        true => state,
        false => unsafe { return_null(fcinfo) },
    }
}
