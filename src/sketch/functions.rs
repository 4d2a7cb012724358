//! The functions of `cvm_sketch`: what one can ask of a sketch, and make of one or two.

use crate::hash::site::Site;
use crate::pg::call::{
    argument, confidence_of_call, declare_function, each_element, raise_parameter, return_null, return_row,
};
use crate::pg::error::{OrRaise, raise};
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{self, Datum, FunctionCallInfo};
use crate::pg::varlena;
use crate::sketch::state::Parameters;
use crate::sketch::value::{header, with_framed, with_sketch};
use allocator_api2::vec::Vec;
use cvm_sketch::interval::{self, Confidence, Interval};
use cvm_sketch::{EncodedSketch, Header, Kind, OperationError, Sketch, UnknownKind, between, operations};
use pgrx::pg_guard;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use rand::TryRngCore;
use rand::rngs::OsRng;

declare_function! {
    pg_finfo_cvm_sketch_estimate for cvm_sketch_estimate,
    pg_finfo_cvm_sketch_bounds for cvm_sketch_bounds,
    pg_finfo_cvm_sketch_jaccard for cvm_sketch_jaccard,
    pg_finfo_cvm_sketch_intersection_bounds for cvm_sketch_intersection_bounds,
    pg_finfo_cvm_sketch_difference_bounds for cvm_sketch_difference_bounds,
    pg_finfo_cvm_sketch_containment for cvm_sketch_containment,
    pg_finfo_cvm_sketch_info for cvm_sketch_info,
    pg_finfo_cvm_sketch_is_derived for cvm_sketch_is_derived,
    pg_finfo_cvm_sketch_empty for cvm_sketch_empty,
    pg_finfo_cvm_sketch_add for cvm_sketch_add,
    pg_finfo_cvm_sketch_downsample for cvm_sketch_downsample,
    pg_finfo_cvm_sketch_of_kind for cvm_sketch_of_kind,
    pg_finfo_cvm_sketch_union for cvm_sketch_union,
    pg_finfo_cvm_sketch_union_of_array for cvm_sketch_union_of_array,
    pg_finfo_cvm_sketch_intersection for cvm_sketch_intersection,
    pg_finfo_cvm_sketch_difference for cvm_sketch_difference,
    pg_finfo_cvm_random_seed for cvm_random_seed,
}

/// `cvm_sketch_estimate(cvm_sketch) returns bigint`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_estimate(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { Datum::from(header(argument(fcinfo, 0).value).estimate()) }
}

/// `cvm_sketch_bounds(cvm_sketch, float8) returns (bigint, bigint, bigint)`, not strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_bounds(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let confidence = confidence_of_call(fcinfo, 1);
        if argument(fcinfo, 0).isnull {
            return return_null(fcinfo);
        }
        let bounds = interval::bounds(&header(argument(fcinfo, 0).value), confidence);
        let columns = [bounds.estimate, bounds.lower, bounds.upper];
        return_row(fcinfo, columns.map(|column| Some(Datum::from(column))))
    }
}

/// A question about two sketches, as `cvm_sketch::between` answers them.
type Question<T> =
    fn(&EncodedSketch<'_>, &EncodedSketch<'_>, Confidence, &ContextAllocator) -> Result<Interval<T>, OperationError>;

/// The answer to a question about the two sketches of a call, as a row of columns that `datum` makes.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress with two arguments of type `cvm_sketch` and a double precision. The
/// function returns a row of three columns of the type of `datum`.
unsafe fn answer<T>(fcinfo: FunctionCallInfo, question: Question<T>, datum: fn(T) -> Datum) -> Datum {
    unsafe {
        let confidence = confidence_of_call(fcinfo, 2);
        let (a, b) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if a.isnull || b.isnull {
            return return_null(fcinfo);
        }
        let surroundings = ContextAllocator::current();
        let interval = with_sketch(a.value, |a| {
            with_sketch(b.value, |b| question(a, b, confidence, &surroundings).or_raise())
        });
        let columns = [interval.estimate, interval.lower, interval.upper];
        return_row(fcinfo, columns.map(|column| Some(datum(column))))
    }
}

fn datum_of_share(share: f64) -> Datum {
    Datum::from(share.to_bits())
}

/// `cvm_sketch_jaccard(cvm_sketch, cvm_sketch, float8) returns (float8, float8, float8)`, not strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_jaccard(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { answer(fcinfo, between::jaccard, datum_of_share) }
}

/// `cvm_sketch_intersection_bounds(cvm_sketch, cvm_sketch, float8) returns (bigint, bigint, bigint)`, not strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_intersection_bounds(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { answer(fcinfo, between::intersection, Datum::from) }
}

/// `cvm_sketch_difference_bounds(cvm_sketch, cvm_sketch, float8) returns (bigint, bigint, bigint)`, not strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_difference_bounds(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { answer(fcinfo, between::difference, Datum::from) }
}

/// `cvm_sketch_containment(cvm_sketch, cvm_sketch, float8) returns (float8, float8, float8)`, not strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_containment(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { answer(fcinfo, between::containment, datum_of_share) }
}

/// `cvm_sketch_info(cvm_sketch) returns (integer, bigint, integer, integer, integer, boolean, integer, text, boolean)`,
/// strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_info(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let sketch = argument(fcinfo, 0).value;
        let header = header(sketch);
        let columns = [
            Datum::from(i32::from(header.version())),
            Datum::from(header.seed()),
            Datum::from(header.capacity()),
            Datum::from(i32::from(header.level())),
            Datum::from(header.retained() as i32),
            Datum::from(header.is_exact()),
            Datum::from(varlena::len(sketch) as i32),
            varlena::text(header.kind().name()),
            Datum::from(header.is_derived()),
        ];
        return_row(fcinfo, columns.map(Some))
    }
}

/// `cvm_sketch_is_derived(cvm_sketch) returns boolean`, strict: of 0.2.0 alone. A database that comes from 0.1.0 or is
/// dumped at 0.2.0 declares it. The script to 0.3.0 then drops it in favour of `cvm_sketch_info`.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_is_derived(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { Datum::from(header(argument(fcinfo, 0).value).is_derived()) }
}

/// `cvm_sketch_empty(float8, float8, bigint) returns cvm_sketch`, not strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_empty(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let allocator = ContextAllocator::current();
        let parameters = Parameters::of_call(fcinfo, 0).expect("the declaration gives all parameters");
        let sketch = Sketch::new_in(parameters.accuracy.capacity(), parameters.seed, allocator);
        varlena::into_datum(sketch.encode_in(varlena::HEADER_LEN, allocator).or_raise())
    }
}

/// `cvm_sketch_add(cvm_sketch, anyelement) returns cvm_sketch`, not strict: a value that is NULL adds nothing.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_add(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let (sketch, value) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if sketch.isnull {
            return return_null(fcinfo);
        }
        if value.isnull {
            return sketch.value;
        }
        let hasher = &mut Site::<()>::of_call(fcinfo, 1).hasher;
        let hash = hasher.hash(value.value, header(sketch.value).seed());
        let kind = hasher.kind();
        let allocator = ContextAllocator::current();
        let changed = with_sketch(sketch.value, |sketch| {
            operations::with_hash(sketch, kind, hash, varlena::HEADER_LEN, allocator).or_raise()
        });
        changed.map_or(sketch.value, varlena::into_datum)
    }
}

/// `cvm_sketch_downsample(cvm_sketch, float8, float8) returns cvm_sketch`, not strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_downsample(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let parameters = Parameters::of_call(fcinfo, 1).expect("the declaration gives epsilon and delta");
        let sketch = argument(fcinfo, 0);
        if sketch.isnull {
            return return_null(fcinfo);
        }
        let (accuracy, allocator) = (parameters.accuracy, ContextAllocator::current());
        with_sketch(sketch.value, |sketch| {
            match operations::downsample(sketch, accuracy.capacity(), varlena::HEADER_LEN, allocator) {
                Err(OperationError::Capacity { is, .. }) => raise_parameter(accuracy.too_fine_for(is)),
                result => varlena::into_datum(result.or_raise()),
            }
        })
    }
}

/// `cvm_sketch_of_kind(cvm_sketch, text) returns cvm_sketch`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_of_kind(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let (sketch, name) = (argument(fcinfo, 0).value, argument(fcinfo, 1).value);
        let kind = varlena::with_bytes(name, |name| {
            kind_of_name(name).unwrap_or_else(|error| raise_kind(error, name))
        });
        let allocator = ContextAllocator::current();
        let changed = with_sketch(sketch, |sketch| {
            operations::of_kind(sketch, kind, varlena::HEADER_LEN, allocator).or_raise()
        });
        changed.map_or(sketch, varlena::into_datum)
    }
}

/// The kind of that name, which may be bytes of any encoding and length.
fn kind_of_name(name: &[u8]) -> Result<Kind, UnknownKind> {
    // No name of a kind is as long as those of PostgreSQL may be.
    let name = if name.len() < pg_sys::NAMEDATALEN as usize {
        name
    } else {
        &[]
    };
    str::from_utf8(name).map_err(|_| UnknownKind)?.parse()
}

/// Raises an ERROR because no kind has that name. It shows as much of it as a name of PostgreSQL may have.
#[track_caller]
fn raise_kind(error: UnknownKind, name: &[u8]) -> ! {
    let most = pg_sys::NAMEDATALEN as usize - 1;
    let start = &name[..name.len().min(2 * most)];
    // SAFETY: the bytes are the start of a text. A character that it cuts in two lies beyond the limit.
    let length = unsafe { pg_sys::pg_mbcliplen(start.as_ptr().cast(), start.len() as i32, most as i32) };
    let message = format!("{error}, not \"");
    raise_parameter([message.as_bytes(), &start[..length as usize], b"\""].concat())
}

/// An operation on two sketches, as `cvm_sketch::operations` declares them.
type Operation = fn(
    &EncodedSketch<'_>,
    &EncodedSketch<'_>,
    usize,
    ContextAllocator,
) -> Result<Vec<u8, ContextAllocator>, OperationError>;

/// The result of an operation on the two arguments of a call.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress with two arguments of type `cvm_sketch`, neither NULL.
unsafe fn operate(fcinfo: FunctionCallInfo, operation: Operation) -> Datum {
    unsafe {
        let allocator = ContextAllocator::current();
        with_sketch(argument(fcinfo, 0).value, |a| {
            with_sketch(argument(fcinfo, 1).value, |b| {
                varlena::into_datum(operation(a, b, varlena::HEADER_LEN, allocator).or_raise())
            })
        })
    }
}

/// `cvm_sketch_union(cvm_sketch, cvm_sketch) returns cvm_sketch`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_union(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { operate(fcinfo, operations::union) }
}

/// `cvm_sketch_union(cvm_sketch[]) returns cvm_sketch`, strict: of all elements that are not NULL; of none, the sketch
/// of nothing.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_union_of_array(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let allocator = ContextAllocator::current();
        let nothing = Header::NOTHING;
        let mut union = Sketch::new_in(nothing.capacity(), nothing.seed(), allocator);
        each_element(argument(fcinfo, 0).value, |sketch| {
            with_framed(sketch, |sketch| union.accumulate_framed(sketch)).or_raise();
        });
        union.settle().or_raise();
        varlena::into_datum(union.encode_in(varlena::HEADER_LEN, allocator).or_raise())
    }
}

/// `cvm_sketch_intersection(cvm_sketch, cvm_sketch) returns cvm_sketch`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_intersection(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { operate(fcinfo, operations::intersection) }
}

/// `cvm_sketch_difference(cvm_sketch, cvm_sketch) returns cvm_sketch`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_difference(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { operate(fcinfo, operations::difference) }
}

/// `cvm_random_seed() returns bigint`, volatile: from the operating system's source of randomness.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_random_seed(_fcinfo: FunctionCallInfo) -> Datum {
    match OsRng.try_next_u64() {
        Ok(seed) => Datum::from(seed),
        Err(error) => raise(
            PgSqlErrorCode::ERRCODE_INTERNAL_ERROR,
            format!("could not read the operating system's source of randomness: {error}"),
        ),
    }
}
