//! The aggregates that make sketches, in moving frames: how rows enter and leave, and the final functions. All states
//! are of type internal.

use crate::hash::hasher::DEFAULT_SEED;
use crate::hash::site::Site;
use crate::pg::call::{aggregate_context, argument, declare_function, return_null};
use crate::pg::error::OrRaise;
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{Datum, FunctionCallInfo, NullableDatum};
use crate::pg::{invalidation, varlena};
use crate::row::moving::{MovingState, enter, leave, leave_slowly, left};
use crate::row::state::{GroupState, HasMark, Marked, recognized};
use crate::sketch::state::{EPSILON_AT, Parameters, is_said_again};
use crate::sketch::value::{self, with_framed};
use cvm_sketch::capacity::DEFAULT_CAPACITY;
use cvm_sketch::{Accuracy, Kind, MovingSketch, MovingUnion};
use pgrx::pg_guard;

declare_function! {
    pg_finfo_cvm_enter for cvm_enter,
    pg_finfo_cvm_leave for cvm_leave,
    pg_finfo_cvm_enter_hashed for cvm_enter_hashed,
    pg_finfo_cvm_leave_hashed for cvm_leave_hashed,
    pg_finfo_cvm_moving_count for cvm_moving_count,
    pg_finfo_cvm_moving_sketch for cvm_moving_sketch,
    pg_finfo_cvm_enter_sketch for cvm_enter_sketch,
    pg_finfo_cvm_leave_sketch for cvm_leave_sketch,
    pg_finfo_cvm_moving_union for cvm_moving_union,
}

/// The values in a frame, and the accuracy that the call gave.
///
/// As in a group, only rows with a value bind the others to their parameters. These are the rows in the frame.
struct Values {
    sketch: MovingSketch<ContextAllocator>,
    /// What all hashes come from; `None` before the first value.
    source: Option<Source>,
    /// `None` if the call gave none.
    accuracy: Option<Accuracy>,
}

/// What hashes come from.
#[derive(Clone, Copy, PartialEq)]
struct Source {
    kind: Kind,
    /// The changes of the catalog before the rule was made, if that depends on them. Under another rule, a value may
    /// leave as another than it was when it entered.
    changes: Option<u64>,
}

impl Source {
    /// Values that are hashes already.
    const HASHES: Self = Source {
        kind: Kind::Unknown,
        changes: None,
    };

    fn is_as_it_was(self) -> bool {
        self.changes.is_none_or(|changes| changes == invalidation::count())
    }
}

impl HasMark for Values {
    const MARK: [u64; 2] = [0xE35A_91C7_06BD_2F48, 0x7D04_C8B9_52E6_A31F];
}

impl Values {
    fn new(parameters: Option<Parameters>, source: Option<Source>, allocator: ContextAllocator) -> Self {
        let capacity = parameters.map_or(DEFAULT_CAPACITY, |parameters| parameters.accuracy.capacity());
        let seed = parameters.map_or(DEFAULT_SEED, |parameters| parameters.seed);
        let kind = source.map_or(Kind::Unknown, |source| source.kind);
        Values {
            sketch: MovingSketch::new_in(capacity, seed, kind, allocator),
            source,
            accuracy: parameters.map(|parameters| parameters.accuracy),
        }
    }
}

impl GroupState for Marked<Values> {
    #[inline(always)]
    fn seed(&self) -> u64 {
        self.of.sketch.seed()
    }

    #[inline(always)]
    fn offer(&mut self, hash: u64) -> bool {
        self.of.sketch.offer(hash)
    }
}

impl MovingState for Marked<Values> {
    #[inline(always)]
    unsafe fn is_said_again(&self, fcinfo: FunctionCallInfo) -> bool {
        // Before the first value, nothing is said.
        self.of.source.is_some() && unsafe { is_said_again(self.of.accuracy.as_ref(), self.seed(), fcinfo) }
    }

    #[inline(always)]
    fn leave(&mut self, hash: u64) -> bool {
        self.of.source.is_some_and(Source::is_as_it_was) && self.of.sketch.leave(hash)
    }
}

/// A row enters the frame: the rows that are left over. `read` gives the hash of the value under a seed, and what it
/// comes from.
///
/// # Safety
///
/// `fcinfo` is the frame of a call to an aggregate's function that takes a state, a value and the parameters.
unsafe fn enter_slowly(fcinfo: FunctionCallInfo, read: impl FnOnce(Datum, u64) -> (Source, u64)) -> Datum {
    // SAFETY: the state is this frame's alone, and PostgreSQL uses it nowhere else during the call.
    unsafe {
        let allocator = ContextAllocator::new(aggregate_context(fcinfo));
        let (given, value) = (argument(fcinfo, 0), argument(fcinfo, 1));
        let parameters = Parameters::of_call(fcinfo, EPSILON_AT);
        let new = |source| Values::new(parameters, source, allocator);
        let mut before = (!given.isnull).then(|| &mut recognized::<Marked<Values>>(given).of);
        if let Some(Values { sketch, accuracy, .. }) = &before
            && !sketch.is_empty()
            && let Some(parameters) = parameters
        {
            parameters.raise_unless_said_before(*accuracy, sketch.capacity(), sketch.seed(), fcinfo);
        }
        if value.isnull {
            return match before {
                Some(_) => given.value,
                None => Marked::place(new(None), allocator),
            };
        }
        let (source, hash) = read(
            value.value,
            parameters.map_or(DEFAULT_SEED, |parameters| parameters.seed),
        );
        // Where no value is left, what they were binds nobody any more.
        if let Some(Values {
            sketch,
            source: of,
            accuracy,
        }) = &mut before
        {
            let is_said_again = is_said_again(accuracy.as_ref(), sketch.seed(), fcinfo);
            if !sketch.is_empty() || is_said_again && *of == Some(source) {
                sketch.enter(hash).or_raise();
                return given.value;
            }
        }
        let mut values = new(Some(source));
        values.sketch.enter(hash).or_raise();
        match before {
            Some(before) => {
                *before = values;
                given.value
            }
            None => Marked::place(values, allocator),
        }
    }
}

/// A value enters: `cvm_enter(internal, anyelement [, float8 [, float8 [, bigint]]]) returns internal`, not strict.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_enter(fcinfo: FunctionCallInfo) -> Datum {
    #[cold]
    #[pg_guard]
    unsafe extern "C-unwind" fn slowly(fcinfo: FunctionCallInfo) -> Datum {
        unsafe {
            enter_slowly(fcinfo, |value, seed| {
                let hasher = &mut Site::<()>::of_call(fcinfo, 1).hasher;
                let hash = hasher.hash(value, seed);
                let (kind, changes) = (hasher.kind(), hasher.changes());
                (Source { kind, changes }, hash)
            })
        }
    }
    unsafe { enter::<Marked<Values>>(fcinfo, |value, seed| try_hash(fcinfo, value, seed), slowly) }
}

/// A value leaves: `cvm_leave`, with the arguments of [`cvm_enter`]. NULL if the frame has to be read anew.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_leave(fcinfo: FunctionCallInfo) -> Datum {
    #[cold]
    #[pg_guard]
    unsafe extern "C-unwind" fn slowly(fcinfo: FunctionCallInfo) -> Datum {
        unsafe {
            leave_slowly::<Marked<Values>>(fcinfo, |value, seed| {
                Site::<()>::of_call(fcinfo, 1).hasher.hash(value, seed)
            })
        }
    }
    unsafe { leave::<Marked<Values>>(fcinfo, |value, seed| try_hash(fcinfo, value, seed), slowly) }
}

/// The hash of a value. `None` at the first value of a call site, and if it needs the catalog.
///
/// # Safety
///
/// `fcinfo` is the frame of a call with that value.
#[inline(always)]
unsafe fn try_hash(fcinfo: FunctionCallInfo, value: Datum, seed: u64) -> Option<u64> {
    unsafe { Site::<()>::made_before(fcinfo)?.hasher.try_hash(value, seed) }
}

/// A hash enters: `cvm_enter_hashed(internal, bigint [, float8 [, float8 [, bigint]]]) returns internal`, not strict.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_enter_hashed(fcinfo: FunctionCallInfo) -> Datum {
    #[cold]
    #[pg_guard]
    unsafe extern "C-unwind" fn slowly(fcinfo: FunctionCallInfo) -> Datum {
        unsafe { enter_slowly(fcinfo, |hash, _| (Source::HASHES, hash.value() as u64)) }
    }
    unsafe { enter::<Marked<Values>>(fcinfo, |hash, _| Some(hash.value() as u64), slowly) }
}

/// A hash leaves: `cvm_leave_hashed`, with the arguments of [`cvm_enter_hashed`]. NULL if the frame has to be read
/// anew.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_leave_hashed(fcinfo: FunctionCallInfo) -> Datum {
    #[cold]
    #[pg_guard]
    unsafe extern "C-unwind" fn slowly(fcinfo: FunctionCallInfo) -> Datum {
        unsafe { leave_slowly::<Marked<Values>>(fcinfo, |hash, _| hash.value() as u64) }
    }
    unsafe { leave::<Marked<Values>>(fcinfo, |hash, _| Some(hash.value() as u64), slowly) }
}

/// Final: `cvm_moving_count(internal) returns bigint`, not strict. Leaves the state as it is.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_moving_count(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        aggregate_context(fcinfo);
        let state = argument(fcinfo, 0);
        let estimate = match state.isnull {
            true => 0,
            false => recognized::<Marked<Values>>(state).of.sketch.header().estimate(),
        };
        Datum::from(estimate)
    }
}

/// Final: `cvm_moving_sketch(internal) returns cvm_sketch`, not strict. Leaves the state as it is.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_moving_sketch(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        aggregate_context(fcinfo);
        let state = argument(fcinfo, 0);
        if state.isnull {
            return value::nothing();
        }
        let sketch = &mut recognized::<Marked<Values>>(state).of.sketch;
        sketch.shrink().or_raise();
        let bytes = sketch.encode_in(varlena::HEADER_LEN, ContextAllocator::current());
        varlena::into_datum(bytes.or_raise())
    }
}

type Union = MovingUnion<ContextAllocator>;

impl HasMark for Union {
    const MARK: [u64; 2] = [0x52F8_0D3C_B7A1_964E, 0xA960_E3F5_1C4D_827B];
}

/// A sketch enters: `cvm_enter_sketch(internal, cvm_sketch) returns internal`, not strict. Sketches that are NULL make
/// no difference.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_enter_sketch(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: as in `enter_slowly`.
    unsafe {
        let allocator = ContextAllocator::new(aggregate_context(fcinfo));
        let (given, sketch) = (argument(fcinfo, 0), argument(fcinfo, 1));
        let state = match given.isnull {
            true => NullableDatum {
                value: Marked::place(Union::new_in(allocator), allocator),
                isnull: false,
            },
            false => given,
        };
        let union = &mut recognized::<Marked<Union>>(state).of;
        if !sketch.isnull {
            with_framed(sketch.value, |sketch| union.enter(sketch)).or_raise();
        }
        state.value
    }
}

/// A sketch leaves: `cvm_leave_sketch`, with the arguments of [`cvm_enter_sketch`]. NULL if the frame has to be read
/// anew.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_leave_sketch(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: as in `enter_slowly`.
    unsafe {
        aggregate_context(fcinfo);
        let (state, sketch) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if state.isnull {
            return return_null(fcinfo);
        }
        let union = &mut recognized::<Marked<Union>>(state).of;
        let is_known = sketch.isnull || with_framed(sketch.value, |sketch| union.leave(sketch)).or_raise();
        left(fcinfo, state.value, is_known)
    }
}

/// Final: `cvm_moving_union(internal) returns cvm_sketch`, not strict. Leaves the state as it is.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_moving_union(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        aggregate_context(fcinfo);
        let state = argument(fcinfo, 0);
        if state.isnull {
            return value::nothing();
        }
        let union = &recognized::<Marked<Union>>(state).of;
        let bytes = union.encode_in(varlena::HEADER_LEN, ContextAllocator::current());
        varlena::into_datum(bytes.or_raise())
    }
}
