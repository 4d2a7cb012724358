//! What other systems call what is here: the functions of postgresql-hll, and counts that are told a standard error.
//! `sql/cvm_count_hll` and `sql/cvm_count_aliases` declare them.
//!
//! Their transition functions put what a call says into our terms, in the call's own frame, and hand that on. Then they
//! put it back: the frame is PostgreSQL's.

use crate::hash::hasher::DEFAULT_SEED;
use crate::hash::site::Transition;
use crate::pg::call::{argument, declare_function, function, raise_parameter};
use crate::pg::error::{OrRaise, raise_with_hint};
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{Datum, FunctionCallInfo, NullableDatum};
use crate::pg::varlena;
use crate::sketch::moving::{cvm_enter, cvm_enter_hashed, cvm_leave, cvm_leave_hashed};
use crate::sketch::of_sketches::cvm_accumulate_hashed;
use crate::sketch::of_values::cvm_accumulate_within;
use crate::sketch::state::EPSILON_AT;
use crate::sketch::value::{header, with_sketch};
use cvm_sketch::capacity::{STANDARD_ERROR_RANGE, SqlNumber, epsilon_of_standard_error};
use cvm_sketch::{Accuracy, Kind, Sketch, operations};
use pgrx::pg_guard;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;

declare_function! {
    pg_finfo_cvm_accumulate_of_error for cvm_accumulate_of_error,
    pg_finfo_cvm_enter_of_error for cvm_enter_of_error,
    pg_finfo_cvm_leave_of_error for cvm_leave_of_error,
    pg_finfo_cvm_hll_accumulate for cvm_hll_accumulate,
    pg_finfo_cvm_hll_enter for cvm_hll_enter,
    pg_finfo_cvm_hll_leave for cvm_hll_leave,
    pg_finfo_cvm_hll_empty for cvm_hll_empty,
    pg_finfo_cvm_hll_add for cvm_hll_add,
    pg_finfo_cvm_hll_add_rev for cvm_hll_add_rev,
    pg_finfo_cvm_hll_cardinality for cvm_hll_cardinality,
}

/// Calls `function` with the parameters epsilon, the default delta and no seed, as many as the call has, and returns
/// what it returns.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress, and `function` may be called with such parameters in the place of those
/// that the frame has. No local needs to be dropped, so an ERROR that it raises may leave this frame behind.
#[inline(always)]
unsafe fn with_epsilon(fcinfo: FunctionCallInfo, epsilon: f64, function: Transition) -> Datum {
    const MOST: usize = 3;
    let parameters = [epsilon.to_bits(), Accuracy::default().delta().to_bits(), DEFAULT_SEED];
    // SAFETY: PostgreSQL allocates a frame with all its arguments, of which these are a part.
    unsafe {
        let count = ((*fcinfo).nargs as usize - EPSILON_AT).min(MOST);
        let place = (*fcinfo).args.as_mut_ptr().add(EPSILON_AT);
        let mut given = [argument(fcinfo, EPSILON_AT); MOST];
        place.copy_to_nonoverlapping(given.as_mut_ptr(), count);
        for (i, parameter) in parameters.into_iter().enumerate().take(count) {
            place.add(i).write(NullableDatum {
                value: Datum::from(parameter),
                isnull: false,
            });
        }
        let result = function(fcinfo);
        place.copy_from_nonoverlapping(given.as_ptr(), count);
        result
    }
}

/// Calls `function` with the epsilon for the standard error that the call gives.
///
/// # Safety
///
/// As [`with_epsilon`]; the call has one parameter, a double precision.
#[inline(always)]
unsafe fn with_error(fcinfo: FunctionCallInfo, function: Transition) -> Datum {
    unsafe {
        let given = argument(fcinfo, EPSILON_AT);
        let error = f64::from_bits(given.value.value() as u64);
        match epsilon_of_standard_error(error) {
            Some(epsilon) if !given.isnull => with_epsilon(fcinfo, epsilon, function),
            _ => raise_error(fcinfo),
        }
    }
}

const HINT: &str = "The second argument is the standard error. To count distinct pairs, write ROW(a, b) for the first.";

/// Raises an ERROR because a row says another accuracy than the rows before, if it does not say that as an epsilon.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress.
pub(crate) unsafe fn raise_unless_said_as_epsilon(fcinfo: FunctionCallInfo) {
    let called = unsafe { function(fcinfo).as_ref().and_then(|function| function.fn_addr) };
    let is_one_of = |ours: [Transition; 3]| {
        called.is_some_and(|called| ours.map(|ours| ours as usize).contains(&(called as usize)))
    };
    if is_one_of([cvm_hll_accumulate, cvm_hll_enter, cvm_hll_leave]) {
        raise_parameter("log2m must be the same in every row");
    }
    if is_one_of([cvm_accumulate_of_error, cvm_enter_of_error, cvm_leave_of_error]) {
        let message = "standard error must be the same in every row";
        raise_with_hint(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message, HINT);
    }
}

/// Raises an ERROR because of the standard error that a call gives.
///
/// # Safety
///
/// As [`with_error`].
#[cold]
#[pg_guard]
unsafe extern "C-unwind" fn raise_error(fcinfo: FunctionCallInfo) -> Datum {
    let given = unsafe { argument(fcinfo, EPSILON_AT) };
    let (low, high) = (SqlNumber(STANDARD_ERROR_RANGE.0), SqlNumber(STANDARD_ERROR_RANGE.1));
    let message = match given.isnull {
        true => format!("standard error must be between {low} and {high}, not NULL"),
        false => {
            let given = SqlNumber(f64::from_bits(given.value.value() as u64));
            format!("standard error must be between {low} and {high}, not {given}")
        }
    };
    raise_with_hint(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message, HINT)
}

/// Transition: `cvm_accumulate_of_error(internal, anyelement, float8) returns internal`, not strict.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_accumulate_of_error(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { with_error(fcinfo, cvm_accumulate_within) }
}

/// A value enters a moving frame: `cvm_enter_of_error(internal, anyelement, float8) returns internal`, not strict.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_enter_of_error(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { with_error(fcinfo, cvm_enter) }
}

/// A value leaves a moving frame: `cvm_leave_of_error(internal, anyelement, float8) returns internal`, not strict.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_leave_of_error(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { with_error(fcinfo, cvm_leave) }
}

/// An option of hll.
struct HllOption {
    name: &'static str,
    /// What is legal, for a message.
    legal: &'static str,
    is_legal: fn(i64) -> bool,
    /// Whether it is a bigint, not an integer.
    is_wide: bool,
}

/// The largest log2m whose standard error a sketch can have.
const MAX_LOG2M: i64 = 22;

/// The options of hll, in the order in which a call gives them. It may leave out the last ones. The first says how many
/// registers there are, and so the error. The others say how registers are stored, and here make no difference.
static HLL_OPTIONS: [HllOption; 4] = [
    HllOption {
        name: "log2m",
        legal: "between 0 and 22",
        is_legal: |given| (0..=MAX_LOG2M).contains(&given),
        is_wide: false,
    },
    HllOption {
        name: "regwidth",
        legal: "between 0 and 7",
        is_legal: |given| (0..=7).contains(&given),
        is_wide: false,
    },
    HllOption {
        name: "expthresh",
        legal: "-1, 0 or a power of 2",
        is_legal: |given| matches!(given, -1 | 0) || given > 0 && given.count_ones() == 1,
        is_wide: true,
    },
    HllOption {
        name: "sparseon",
        legal: "0 or 1",
        is_legal: |given| matches!(given, 0 | 1),
        is_wide: false,
    },
];

impl HllOption {
    /// The number in an argument that gives this option.
    ///
    /// PostgreSQL leaves it open what the upper half of a datum of type integer is.
    fn number(&self, given: NullableDatum) -> i64 {
        match self.is_wide {
            true => given.value.value() as i64,
            false => i64::from(given.value.value() as i32),
        }
    }

    fn allows(&self, given: NullableDatum) -> bool {
        !given.isnull && (self.is_legal)(self.number(given))
    }
}

/// Each option that a call gives, with its argument, from the argument at `index` on.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress. Its arguments from `index` on are options of hll.
#[inline(always)]
unsafe fn options_of_call(
    fcinfo: FunctionCallInfo,
    index: usize,
) -> impl Iterator<Item = (&'static HllOption, NullableDatum)> {
    let count = unsafe { (*fcinfo).nargs as usize } - index;
    let arguments = (index..index + count).map(move |index| unsafe { argument(fcinfo, index) });
    HLL_OPTIONS.iter().zip(arguments)
}

/// The epsilon for as many registers, of which HyperLogLog has a standard error of 1.04 / sqrt(m). Where that is
/// coarser than the coarsest that is legal here, it is that.
#[inline(always)]
fn epsilon_of_log2m(log2m: i64) -> Option<f64> {
    let registers = (1_u64 << log2m) as f64;
    epsilon_of_standard_error((1.04 / registers.sqrt()).min(STANDARD_ERROR_RANGE.1))
}

/// Calls `function` with the epsilon for the options of hll that the call gives.
///
/// # Safety
///
/// As [`with_epsilon`]; the parameters of the call are one or more of the options of hll.
#[inline(always)]
unsafe fn with_options(fcinfo: FunctionCallInfo, function: Transition) -> Datum {
    unsafe {
        let are_legal = options_of_call(fcinfo, EPSILON_AT).all(|(option, given)| option.allows(given));
        let log2m = HLL_OPTIONS[0].number(argument(fcinfo, EPSILON_AT));
        match are_legal.then(|| epsilon_of_log2m(log2m)).flatten() {
            Some(epsilon) => with_epsilon(fcinfo, epsilon, function),
            None => refuse_options(fcinfo),
        }
    }
}

/// Raises an ERROR because of an option that a row gives.
///
/// # Safety
///
/// As [`with_options`].
#[cold]
#[pg_guard]
unsafe extern "C-unwind" fn refuse_options(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { raise_unless_legal(fcinfo, EPSILON_AT) };
    unreachable!("an option is not legal");
}

/// Raises an ERROR unless all options are legal that a call gives.
///
/// # Safety
///
/// As [`options_of_call`].
unsafe fn raise_unless_legal(fcinfo: FunctionCallInfo, index: usize) {
    for (option, given) in unsafe { options_of_call(fcinfo, index) } {
        let HllOption { name, legal, .. } = option;
        if given.isnull {
            raise_parameter(format!("{name} must be {legal}, not NULL"));
        }
        if !option.allows(given) {
            raise_parameter(format!("{name} must be {legal}, not {}", option.number(given)));
        }
    }
}

/// Transition: `hll_accumulate(hll, hll_hashval, log2m integer [, regwidth integer [, expthresh bigint [, sparseon
/// integer]]]) returns hll`, not strict.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_hll_accumulate(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { with_options(fcinfo, cvm_accumulate_hashed) }
}

/// A hash enters a moving frame: `hll_enter`, with a state of type internal and the arguments of
/// [`cvm_hll_accumulate`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_hll_enter(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { with_options(fcinfo, cvm_enter_hashed) }
}

/// A hash leaves a moving frame: `hll_leave`, with the arguments of [`cvm_hll_enter`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_hll_leave(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { with_options(fcinfo, cvm_leave_hashed) }
}

/// `hll_empty([log2m integer [, regwidth integer [, expthresh bigint [, sparseon integer]]]]) returns hll`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_hll_empty(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        raise_unless_legal(fcinfo, 0);
        let accuracy = match options_of_call(fcinfo, 0).next() {
            None => Accuracy::default(),
            Some((log2m, given)) => {
                let epsilon = epsilon_of_log2m(log2m.number(given)).expect("a legal log2m has an epsilon");
                Accuracy::new(epsilon, Accuracy::default().delta()).expect("a standard error has a legal epsilon")
            }
        };
        let allocator = ContextAllocator::current();
        let sketch = Sketch::new_in(accuracy.capacity(), DEFAULT_SEED, allocator);
        varlena::into_datum(sketch.encode_in(varlena::HEADER_LEN, allocator).or_raise())
    }
}

/// The sketch with one hash more.
///
/// # Safety
///
/// `sketch` is of type `cvm_sketch`, and `hash` is a bigint.
unsafe fn with_hash(sketch: Datum, hash: Datum) -> Datum {
    unsafe {
        let (allocator, hash) = (ContextAllocator::current(), hash.value() as u64);
        let changed = with_sketch(sketch, |sketch| {
            operations::with_hash(sketch, Kind::Unknown, hash, varlena::HEADER_LEN, allocator).or_raise()
        });
        changed.map_or(sketch, varlena::into_datum)
    }
}

/// `hll_add(hll, hll_hashval) returns hll`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_hll_add(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { with_hash(argument(fcinfo, 0).value, argument(fcinfo, 1).value) }
}

/// `hll_add_rev(hll_hashval, hll) returns hll`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_hll_add_rev(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { with_hash(argument(fcinfo, 1).value, argument(fcinfo, 0).value) }
}

/// `hll_cardinality(hll) returns double precision`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_hll_cardinality(fcinfo: FunctionCallInfo) -> Datum {
    let estimate = unsafe { header(argument(fcinfo, 0).value).estimate() };
    Datum::from((estimate as f64).to_bits())
}
