//! The functions of `cvm_sample`: what one can ask of a sample, and make of two.

use crate::call::{self, argument, declare_function, return_null, return_row};
use crate::error::{OrRaise, raise};
use crate::hashable;
use crate::memory::{self, ContextAllocator};
use crate::pg_sys::{self, Datum, FunctionCallInfo, Oid, Size};
use crate::sample_type::{encode, header, with_sample};
use crate::sketch_functions::confidence_of_call;
use crate::state::raise_parameter;
use crate::value_text::Reader;
use crate::varlena;
use cvm_sketch::sample_codec::SAMPLE_FORMAT_VERSION;
use cvm_sketch::{EncodedSample, Kind, Sample, SampledValue, interval};
use pgrx::pg_guard;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use std::ffi::CStr;

declare_function! {
    pg_finfo_cvm_sample_estimate for cvm_sample_estimate,
    pg_finfo_cvm_sample_bounds for cvm_sample_bounds,
    pg_finfo_cvm_sample_info for cvm_sample_info,
    pg_finfo_cvm_sample_union for cvm_sample_union,
    pg_finfo_cvm_sample_values for cvm_sample_values,
}

/// `cvm_sample_estimate(cvm_sample) returns bigint`, strict.
///
/// # Safety
///
/// Called by PostgreSQL, as declared in `sql/cvm_count.sql`.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_estimate(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the argument.
    unsafe { Datum::from(header(argument(fcinfo, 0).value).estimate()) }
}

/// `cvm_sample_bounds(cvm_sample, bigint, float8) returns (bigint, bigint, bigint)`, not strict.
///
/// # Safety
///
/// As [`cvm_sample_estimate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_bounds(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the arguments and the columns.
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

/// `cvm_sample_info(cvm_sample) returns (integer, bigint, integer, integer, integer, boolean, integer, text)`, strict.
///
/// # Safety
///
/// As [`cvm_sample_estimate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_info(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the argument and the columns.
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
        ];
        return_row(fcinfo, columns.map(Some))
    }
}

/// `cvm_sample_union(cvm_sample, cvm_sample) returns cvm_sample`, strict.
///
/// # Safety
///
/// As [`cvm_sample_estimate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_union(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives both arguments. All goes to the caller's memory context.
    unsafe {
        let decode = |index| {
            with_sample(argument(fcinfo, index).value, |sample| {
                Sample::decode_in(sample, ContextAllocator::current()).or_raise()
            })
        };
        let mut union = decode(0);
        union.merge(&decode(1)).or_raise();
        encode(&union)
    }
}

/// `cvm_sample_values(cvm_sample, anyelement) returns setof (anyelement, bigint, float8, float8, float8, float8)`, not
/// strict: the second argument is there for its type.
///
/// # Safety
///
/// As [`cvm_sample_estimate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_values(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives both arguments and the columns. Rows are handed over in a store that PostgreSQL
    // keeps.
    unsafe {
        // 15.0 has it by its first name alone.
        #[cfg(feature = "pg15")]
        pg_sys::SetSingleFuncCall(fcinfo, 0);
        #[cfg(not(feature = "pg15"))]
        pg_sys::InitMaterializedSRF(fcinfo, 0);
        let sample = argument(fcinfo, 0);
        if !sample.isnull {
            let of = pg_sys::get_fn_expr_argtype(call::function(fcinfo), 1);
            with_sample(sample.value, |sample| {
                raise_unless_of_type(sample.header().kind(), of, (*fcinfo).fncollation);
                Reader::under_settings(|| put_values(fcinfo, sample, of));
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
    let asked = hashable::kind_of(of, collation);
    if kind == Kind::Unknown || asked.map(without_collation) == Some(without_collation(kind)) {
        return;
    }
    // SAFETY: any type may be asked about.
    let name = unsafe { CStr::from_ptr(pg_sys::format_type_be(of)) }.to_string_lossy();
    raise_parameter(format!(
        "the values of a cvm_sample of kind {} are not of type {name}",
        kind.name()
    ));
}

/// Puts a row for each value into the store of the call.
///
/// # Safety
///
/// `fcinfo` is the frame of the call, with a store whose first column is of that type.
unsafe fn put_values(fcinfo: FunctionCallInfo, sample: &EncodedSample<'_>, of: Oid) {
    // SAFETY: the caller vouches for the frame. The store copies each row, so that the memory that it took is free
    // again.
    unsafe {
        let weight = sample.header().weight();
        let result: *mut pg_sys::ReturnSetInfo = (*fcinfo).resultinfo.cast();
        let around = pg_sys::CurrentMemoryContext;
        let mut reader = Reader::new(of, around);
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
