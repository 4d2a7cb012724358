//! The functions of `cvm_sample`: what one can ask of a sample, and make of two.

use crate::hash::equality;
use crate::pg::call::{
    self, argument, confidence_of_call, declare_function, each_element, raise_parameter, return_null, return_row,
};
use crate::pg::error::{OrRaise, naming_type, raise, raise_with_hint};
use crate::pg::memory::{self, ContextAllocator};
use crate::pg::pg_sys::{self, Datum, FunctionCallInfo, Oid, Size};
use crate::pg::varlena;
use crate::sample::aggregate::Parameters;
use crate::sample::text::Reader;
use crate::sample::value::{encode, header, with_sample};
use crate::sketch::value::with_sketch;
use allocator_api2::vec::Vec;
use cvm_sketch::sample_codec::SAMPLE_FORMAT_VERSION;
use cvm_sketch::{
    EncodedSample, EncodedSketch, Kind, OperationError, Sample, SampledValue, interval, sample_operations,
};
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use pgrx::{PgTupleDesc, pg_guard};
use std::mem::ManuallyDrop;

declare_function! {
    pg_finfo_cvm_sample_estimate for cvm_sample_estimate,
    pg_finfo_cvm_sample_bounds for cvm_sample_bounds,
    pg_finfo_cvm_sample_info for cvm_sample_info,
    pg_finfo_cvm_sample_union for cvm_sample_union,
    pg_finfo_cvm_sample_union_of_array for cvm_sample_union_of_array,
    pg_finfo_cvm_sample_intersection for cvm_sample_intersection,
    pg_finfo_cvm_sample_difference for cvm_sample_difference,
    pg_finfo_cvm_sample_empty for cvm_sample_empty,
    pg_finfo_cvm_sample_values for cvm_sample_values,
    pg_finfo_cvm_sample_values_as_declared for cvm_sample_values_as_declared,
}

/// `cvm_sample_estimate(cvm_sample) returns bigint`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_estimate(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { Datum::from(header(argument(fcinfo, 0).value).estimate()) }
}

/// `cvm_sample_bounds(cvm_sample, bigint, float8) returns (bigint, bigint, bigint)`, not strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_bounds(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let confidence = confidence_of_call(fcinfo, 2);
        if argument(fcinfo, 0).isnull {
            return return_null(fcinfo);
        }
        let header = header(argument(fcinfo, 0).value);
        let retained = header.retained();
        let given = argument(fcinfo, 1);
        let refuse = |given: String| {
            raise_parameter(format!(
                "matching must be between 0 and {retained}, the number of values in the sample, not {given}"
            ))
        };
        if given.isnull {
            refuse("NULL".to_string());
        }
        let given = given.value.value() as i64;
        let matching = usize::try_from(given).ok().filter(|&matching| matching <= retained);
        let matching = matching.unwrap_or_else(|| refuse(given.to_string()));
        let bounds = interval::bounds(&header.of_part(matching), confidence);
        let columns = [bounds.estimate, bounds.lower, bounds.upper];
        return_row(fcinfo, columns.map(|column| Some(Datum::from(column))))
    }
}

/// `cvm_sample_info(cvm_sample) returns (integer, bigint, integer, integer, integer, boolean, integer, text, boolean)`,
/// strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_info(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let sample = argument(fcinfo, 0).value;
        let header = header(sample);
        let columns = [
            Datum::from(i32::from(SAMPLE_FORMAT_VERSION)),
            Datum::from(header.seed()),
            Datum::from(header.capacity()),
            Datum::from(i32::from(header.level())),
            Datum::from(header.retained() as i32),
            Datum::from(header.is_exact()),
            Datum::from(varlena::len(sample) as i32),
            varlena::text(header.kind().name()),
            Datum::from(header.is_derived()),
        ];
        return_row(fcinfo, columns.map(Some))
    }
}

/// `cvm_sample_union(cvm_sample, cvm_sample) returns cvm_sample`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_union(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let mut union = decode(argument(fcinfo, 0).value);
        union.merge(&decode(argument(fcinfo, 1).value)).or_raise();
        encode(&union)
    }
}

/// A stored sample, in the current memory context.
///
/// # Safety
///
/// `datum` is of type `cvm_sample`; and as [`ContextAllocator::current`].
unsafe fn decode(datum: Datum) -> Sample<ContextAllocator> {
    unsafe {
        with_sample(datum, |sample| {
            Sample::decode_in(sample, ContextAllocator::current()).or_raise()
        })
    }
}

/// `cvm_sample_union(cvm_sample[]) returns cvm_sample`, strict: of all elements that are not NULL; of none, the sample
/// of nothing.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_union_of_array(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let mut union = Sample::nothing_in(ContextAllocator::current());
        each_element(argument(fcinfo, 0).value, |sample| {
            union.merge(&decode(sample)).or_raise();
        });
        encode(&union)
    }
}

/// `cvm_sample_intersection(cvm_sample, cvm_sketch) returns cvm_sample`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_intersection(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { operate(fcinfo, sample_operations::intersection) }
}

/// `cvm_sample_difference(cvm_sample, cvm_sketch) returns cvm_sample`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_difference(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { operate(fcinfo, sample_operations::difference) }
}

/// An operation on a sample and a sketch, as `cvm_sketch::sample_operations` declares them.
type Operation = fn(
    &EncodedSample<'_>,
    &EncodedSketch<'_>,
    usize,
    ContextAllocator,
) -> Result<Vec<u8, ContextAllocator>, OperationError>;

/// The result of an operation on the two arguments of a call.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress with a `cvm_sample` and a `cvm_sketch`, neither NULL.
unsafe fn operate(fcinfo: FunctionCallInfo, operation: Operation) -> Datum {
    unsafe {
        let allocator = ContextAllocator::current();
        with_sample(argument(fcinfo, 0).value, |sample| {
            with_sketch(argument(fcinfo, 1).value, |sketch| {
                varlena::into_datum(operation(sample, sketch, varlena::HEADER_LEN, allocator).or_raise())
            })
        })
    }
}

/// `cvm_sample_empty([integer, bigint]) returns cvm_sample`, not strict: without a size, the sample of nothing.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_empty(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let allocator = ContextAllocator::current();
        encode(&match (*fcinfo).nargs {
            0 => Sample::nothing_in(allocator),
            _ => {
                let Parameters { size, seed } = Parameters::of_call(fcinfo, 0, None);
                Sample::new_in(size, seed, Kind::Unknown, allocator)
            }
        })
    }
}

/// `cvm_sample_values(cvm_sample, anyelement) returns setof (anyelement, bigint, float8, float8, float8, float8)`, not
/// strict: the second argument is there for its type.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_values(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        make_store(fcinfo, 0);
        let column = ValueColumn {
            of: pg_sys::get_fn_expr_argtype(call::function(fcinfo), 1),
            modifier: -1,
            collation: (*fcinfo).fncollation,
        };
        values(fcinfo, column)
    }
}

/// `cvm_sample_values(cvm_sample) returns setof record`, strict. The columns are those of the other form; the query
/// says the type of the first.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_values_as_declared(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: PostgreSQL calls a function that returns a set with a place for the set, or none. The store has the
    // columns that the query says.
    unsafe {
        let result: *mut pg_sys::ReturnSetInfo = (*fcinfo).resultinfo.cast();
        if !result.is_null() && (*result).expectedDesc.is_null() {
            raise_with_hint(
                PgSqlErrorCode::ERRCODE_SYNTAX_ERROR,
                "cvm_sample_values without a type must be called in FROM, with a column definition list",
                COLUMNS_HINT,
            );
        }
        make_store(fcinfo, EXPECTED_COLUMNS);
        values(fcinfo, declared_column((*result).setDesc))
    }
}

/// `MAT_SRF_USE_EXPECTED_DESC` of `funcapi.h`, and what it is called in 15.
const EXPECTED_COLUMNS: u32 = 1;

/// The types of all columns but the first.
const COLUMNS: [(Oid, &str); 5] = [
    (pg_sys::INT8OID, "bigint"),
    (pg_sys::FLOAT8OID, "double precision"),
    (pg_sys::FLOAT8OID, "double precision"),
    (pg_sys::FLOAT8OID, "double precision"),
    (pg_sys::FLOAT8OID, "double precision"),
];

const COLUMNS_HINT: &str = "Write FROM cvm_sample_values(sample) AS v (value TYPE, occurrences bigint, \
     total float8, least float8, greatest float8, weight float8).";

/// The column of the values.
struct ValueColumn {
    of: Oid,
    /// What the column says beside the type, such as the length of a varchar; or -1.
    modifier: i32,
    collation: Oid,
}

/// The first column of a column definition list. Raises an ERROR if the others are not those of `cvm_sample_values`.
///
/// # Safety
///
/// `columns` is the descriptor of rows.
unsafe fn declared_column(columns: pg_sys::TupleDesc) -> ValueColumn {
    let refuse = |message: &[u8]| {
        raise_with_hint(PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH, message, COLUMNS_HINT);
    };
    // SAFETY: the caller vouches for the descriptor, which is not ours to drop; PostgreSQL answers for any type.
    unsafe {
        let attributes = ManuallyDrop::new(PgTupleDesc::from_pg_unchecked(columns));
        if attributes.len() != COLUMNS.len() + 1 {
            let message = format!(
                "the column definition list of cvm_sample_values must have {} columns, not {}",
                COLUMNS.len() + 1,
                attributes.len()
            );
            refuse(message.as_bytes());
        }
        let mut columns = attributes.iter();
        let value = columns.next().expect("there is one");
        for (number, (column, (expected, name))) in columns.zip(COLUMNS).enumerate() {
            if column.atttypid != expected {
                let number = number + 2;
                let message = format!("column {number} of cvm_sample_values must be of type {name}, not ");
                refuse(&naming_type(&message, column.atttypid));
            }
        }
        ValueColumn {
            of: value.atttypid,
            modifier: value.atttypmod,
            collation: value.attcollation,
        }
    }
}

/// Makes a store for the rows of the call, which PostgreSQL keeps.
///
/// # Safety
///
/// `fcinfo` is the frame of a call of a function that returns a set of rows. The flags are of `funcapi.h`.
unsafe fn make_store(fcinfo: FunctionCallInfo, flags: u32) {
    unsafe {
        // 15.0 has it by its first name alone.
        #[cfg(feature = "pg15")]
        pg_sys::SetSingleFuncCall(fcinfo, flags);
        #[cfg(not(feature = "pg15"))]
        pg_sys::InitMaterializedSRF(fcinfo, flags);
    }
}

/// The values of the sample of a call, in its store.
///
/// # Safety
///
/// `fcinfo` is the frame of the call. Its first argument is a sample; its store has that column and [`COLUMNS`].
unsafe fn values(fcinfo: FunctionCallInfo, column: ValueColumn) -> Datum {
    unsafe {
        let sample = argument(fcinfo, 0);
        if !sample.isnull {
            with_sample(sample.value, |sample| {
                raise_unless_of_type(sample.header().kind(), column.of, column.collation);
                Reader::under_settings(|| put_values(fcinfo, sample, &column));
            });
        }
        return_null(fcinfo)
    }
}

/// Raises an ERROR if the values of a type are of another kind than those of a sample. All text is one kind here.
fn raise_unless_of_type(kind: Kind, of: Oid, collation: Oid) {
    let without_collation = |kind| match kind {
        Kind::CollatedText => Kind::Text,
        kind => kind,
    };
    let asked = equality::kind_of(of, collation);
    if kind == Kind::Unknown || asked.map(without_collation) == Some(without_collation(kind)) {
        return;
    }
    let message = format!("the values of a cvm_sample of kind {} are not of type ", kind.name());
    raise_parameter(naming_type(&message, of));
}

/// Puts a row for each value into the store of the call.
///
/// # Safety
///
/// As [`values`].
unsafe fn put_values(fcinfo: FunctionCallInfo, sample: &EncodedSample<'_>, column: &ValueColumn) {
    // SAFETY: the store copies each row, so that the memory that it took is free again.
    unsafe {
        let weight = sample.header().weight();
        let result: *mut pg_sys::ReturnSetInfo = (*fcinfo).resultinfo.cast();
        let around = pg_sys::CurrentMemoryContext;
        let mut reader = Reader::new(column.of, column.modifier, around);
        let context = pg_sys::AllocSetContextCreateInternal(
            around,
            c"cvm_sample_values".as_ptr(),
            pg_sys::ALLOCSET_DEFAULT_MINSIZE as Size,
            pg_sys::ALLOCSET_DEFAULT_INITSIZE as Size,
            pg_sys::ALLOCSET_DEFAULT_MAXSIZE as Size,
        );
        pg_sys::MemoryContextSwitchTo(context);
        for value in sample.values() {
            memory::check_for_interrupts();
            let number = |number: Option<f64>| number.map(|number| Datum::from(number.to_bits()));
            let columns = [
                Some(reader.read(value.text())),
                Some(Datum::from(value.occurrences())),
                number(total(&value)),
                number(value.least()),
                number(value.greatest()),
                number(Some(weight)),
            ];
            let mut nulls = columns.map(|column| column.is_none());
            let mut values = columns.map(|column| column.unwrap_or(Datum::null()));
            pg_sys::tuplestore_putvalues(
                (*result).setResult,
                (*result).setDesc,
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            );
            pg_sys::MemoryContextReset(context);
        }
        pg_sys::MemoryContextSwitchTo(around);
        pg_sys::MemoryContextDelete(context);
    }
}

/// The sum of the measures of a value. Raises an ERROR where `sum` would.
fn total(value: &SampledValue<'_>) -> Option<f64> {
    if value.has_overflowed() {
        raise(
            PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
            "value out of range: overflow",
        );
    }
    value.total()
}
