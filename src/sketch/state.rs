//! The state of the aggregates that make sketches: a sketch, and the accuracy that the call gave. [`crate::row::state`]
//! has what all states share.

use crate::hash::hasher::DEFAULT_SEED;
use crate::pg::call::{argument, raise_parameter};
use crate::pg::error::{OrRaise, raise_with_hint};
use crate::pg::memory::ContextAllocator;
use crate::row::state::{GroupState, Recognizable, START_LEN};
use cvm_sketch::capacity::{DEFAULT_CAPACITY, DELTA_RANGE, EPSILON_RANGE, SqlNumber};
use cvm_sketch::{Accuracy, AccuracyError, Kind, Sketch};
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use std::mem::offset_of;
use std::ptr::NonNull;

/// Where the parameters of an aggregate are, counted from 0: after the state and the value.
pub(crate) const EPSILON_AT: usize = 2;
const DELTA_AT: usize = 3;
pub(crate) const SEED_AT: usize = 4;

/// The parameters of a call: epsilon, then delta, then a seed. A call may leave out the last ones.
#[derive(Clone, Copy)]
pub(crate) struct Parameters {
    pub(crate) accuracy: Accuracy,
    pub(crate) seed: u64,
}

impl Parameters {
    /// The parameters that start at the argument at `index`; `None` if the call has no such argument.
    ///
    /// Raises an ERROR when one is NULL or outside its legal range.
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a call in progress. Its arguments from `index` on are (double precision, double
    /// precision, bigint), or the first of these.
    pub(crate) unsafe fn of_call(fcinfo: FunctionCallInfo, index: usize) -> Option<Self> {
        let given = |index| unsafe { (index < (*fcinfo).nargs as usize).then(|| argument(fcinfo, index)) };
        let number = |index, name, (low, high): (f64, f64)| {
            let given = given(index)?;
            if given.isnull {
                let (low, high) = (SqlNumber(low), SqlNumber(high));
                raise_number(
                    index,
                    name,
                    format!("{name} must be between {low} and {high}, not NULL"),
                );
            }
            Some(f64::from_bits(given.value.value() as u64))
        };
        let epsilon = number(index, EPSILON, EPSILON_RANGE)?;
        let delta = number(index + 1, "delta", DELTA_RANGE).unwrap_or(Accuracy::default().delta());
        let accuracy = Accuracy::new(epsilon, delta).unwrap_or_else(|error| match error {
            AccuracyError::Epsilon(_) => raise_number(index, EPSILON, error.to_string()),
            AccuracyError::Delta(_) => raise_parameter(error.to_string()),
        });
        let seed = given(index + 2).map_or(DEFAULT_SEED, |given| {
            if given.isnull {
                raise_parameter("seed must be a bigint, not NULL");
            }
            given.value.value() as u64
        });
        Some(Parameters { accuracy, seed })
    }

    /// Raises an ERROR if the rows before were given another accuracy, or have another capacity or seed.
    pub(crate) fn raise_unless_said_before(self, accuracy: Option<Accuracy>, capacity: u32, seed: u64) {
        if let Some(before) = accuracy {
            for (name, given, before) in [
                (EPSILON, self.accuracy.epsilon(), before.epsilon()),
                ("delta", self.accuracy.delta(), before.delta()),
            ] {
                if given != before {
                    let (before, given) = (SqlNumber(before), SqlNumber(given));
                    let message = format!("{name} must be the same in every row, not {before} and then {given}");
                    raise_number(EPSILON_AT, name, message);
                }
            }
        }
        if self.accuracy.capacity() != capacity {
            raise_capacities();
        }
        let (before, given) = (seed as i64, self.seed as i64);
        if before != given {
            raise_parameter(format!(
                "seed must be the same in every row, not {before} and then {given}"
            ));
        }
    }
}

/// Whether the parameters of a row, from its third argument on, are these. A row that gives none says what it should.
/// Cannot raise an error.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition. Its arguments from the third on are as [`Parameters::of_call`] reads them.
#[inline(always)]
pub(crate) unsafe fn is_said_again(accuracy: Option<&Accuracy>, seed: u64, fcinfo: FunctionCallInfo) -> bool {
    unsafe {
        let count = (*fcinfo).nargs as usize;
        if count <= EPSILON_AT {
            return true;
        }
        let Some(accuracy) = accuracy else {
            return false;
        };
        let is = |index, bits: u64| {
            let given = argument(fcinfo, index);
            !given.isnull && given.value.value() as u64 == bits
        };
        is(EPSILON_AT, accuracy.epsilon().to_bits())
            && (count <= DELTA_AT || is(DELTA_AT, accuracy.delta().to_bits()))
            && (count <= SEED_AT || is(SEED_AT, seed))
    }
}

/// The state of one group. It and all it refers to live in one memory context.
#[repr(C)] // The sketch stands first, where it is looked for in memory that may be something else.
pub(crate) struct State {
    pub(crate) sketch: Sketch<ContextAllocator>,
    /// The accuracy that the call gave, to compare later rows with; `None` if it gave none.
    accuracy: Option<NonNull<Accuracy>>,
}

// PostgreSQL's allocator rounds up to powers of two, so a byte more would cost 128 a group.
const _: () = assert!(size_of::<State>() == 128);

impl Recognizable for State {
    fn may_start(bytes: &[u8; START_LEN]) -> bool {
        const { assert!(offset_of!(State, sketch) == 0) };
        Sketch::<ContextAllocator>::may_start(bytes)
    }
}

impl GroupState for State {
    #[inline(always)]
    fn seed(&self) -> u64 {
        self.sketch.seed()
    }

    #[inline(always)]
    fn offer(&mut self, hash: u64) -> bool {
        self.sketch.offer(hash)
    }
}

impl State {
    /// The state of a group without values. All that come must be of that kind.
    pub(crate) fn new_in(parameters: Option<Parameters>, kind: Kind, allocator: ContextAllocator) -> Self {
        let capacity = parameters.map_or(DEFAULT_CAPACITY, |parameters| parameters.accuracy.capacity());
        let seed = parameters.map_or(DEFAULT_SEED, |parameters| parameters.seed);
        let sketch = Sketch::new_in(capacity, seed, allocator).of_kind(kind);
        Self::of_sketch(sketch, parameters, allocator)
    }

    /// The state of a group that has a sketch already.
    pub(crate) fn of_sketch(
        sketch: Sketch<ContextAllocator>,
        parameters: Option<Parameters>,
        allocator: ContextAllocator,
    ) -> Self {
        State {
            sketch,
            accuracy: parameters.map(|parameters| allocator.place(parameters.accuracy).or_raise()),
        }
    }

    /// Whether a row has the same parameters as the rows before. Cannot raise an error.
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a transition with this state.
    #[inline(always)]
    pub(crate) unsafe fn is_said_again(&self, fcinfo: FunctionCallInfo) -> bool {
        // SAFETY: an accuracy that a state refers to lives as long as the state.
        unsafe {
            let accuracy = self.accuracy.map(|accuracy| accuracy.as_ref());
            is_said_again(accuracy, self.sketch.seed(), fcinfo)
        }
    }

    /// Raises an ERROR if a row has other parameters than the rows before.
    pub(crate) fn raise_unless_said_before(&self, given: Parameters) {
        // SAFETY: as above.
        let accuracy = self.accuracy.map(|accuracy| unsafe { *accuracy.as_ref() });
        given.raise_unless_said_before(accuracy, self.sketch.capacity(), self.sketch.seed());
    }

    /// Raises an ERROR if another part of the same group was given another accuracy.
    pub(crate) fn raise_unless_as_large_as(&self, capacity: u32) {
        if self.sketch.capacity() != capacity {
            raise_capacities();
        }
    }
}

fn raise_capacities() -> ! {
    raise_parameter("the accuracy must be the same in every row")
}

const EPSILON: &str = "epsilon";

/// Raises an ERROR because of the number of that name at `index`. Other systems count the distinct pairs of two
/// arguments. Here a second value is taken for epsilon, so the hint says how to count pairs.
#[track_caller]
fn raise_number(index: usize, name: &str, message: String) -> ! {
    if index == EPSILON_AT && name == EPSILON {
        raise_with_hint(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            message,
            "The second argument says the accuracy. To count distinct pairs, write ROW(a, b) for the first.",
        );
    }
    raise_parameter(message)
}
