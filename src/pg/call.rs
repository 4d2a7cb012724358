//! The call of an SQL function: its arguments, its memory context, its result. Reading the frame needs no guard.

use crate::pg::error::raise;
use crate::pg::pg_sys::{self, Datum, FmgrInfo, FunctionCallInfo, NullableDatum};
use crate::pg::{memory, unguarded};
use cvm_sketch::interval::Confidence;
use pgrx::pg_sys::MemoryContext;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use std::ffi::c_char;

/// Declares the record by which PostgreSQL learns that `function` has the version-1 calling convention.
///
/// PostgreSQL calls such a function as `sql/cvm_count.sql` declares it: with the arguments of these types, and NULLs
/// unless it is strict. All of them rely on that.
macro_rules! declare_function {
    ($($info:ident for $function:ident),+ $(,)?) => {$(
        #[doc = concat!("The calling convention of [`", stringify!($function), "`].")]
        #[unsafe(no_mangle)]
        pub extern "C-unwind" fn $info() -> &'static pgrx::pg_sys::Pg_finfo_record {
            const VERSION_1: pgrx::pg_sys::Pg_finfo_record = pgrx::pg_sys::Pg_finfo_record { api_version: 1 };
            &VERSION_1
        }
    )+};
}
pub(crate) use declare_function;

#[track_caller]
pub(crate) fn raise_parameter(message: impl AsRef<[u8]>) -> ! {
    raise(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message)
}

/// The memory context of the aggregate, or of the window, that the call is a part of. Raises an ERROR when it is a part
/// of neither.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress.
pub(crate) unsafe fn aggregate_context(fcinfo: FunctionCallInfo) -> MemoryContext {
    let mut context: MemoryContext = std::ptr::null_mut();
    if unsafe { unguarded::AggCheckCallContext(fcinfo, &mut context) } == 0 {
        raise_parameter("aggregate support function called in a context that is not an aggregate");
    }
    context
}

/// The `index`-th argument, counted from 0.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress, with more than `index` arguments.
#[inline(always)]
pub(crate) unsafe fn argument(fcinfo: FunctionCallInfo, index: usize) -> NullableDatum {
    // SAFETY: PostgreSQL allocates a frame with all its arguments.
    unsafe { *(*fcinfo).args.as_ptr().add(index) }
}

/// The confidence that a call gives. Raises an ERROR where it is NULL or not valid.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress whose argument at `index` is a double precision.
pub(crate) unsafe fn confidence_of_call(fcinfo: FunctionCallInfo, index: usize) -> Confidence {
    let given = unsafe { argument(fcinfo, index) };
    if given.isnull {
        raise_parameter("confidence must be greater than 0 and less than 1, not NULL");
    }
    Confidence::new(f64::from_bits(given.value.value() as u64))
        .unwrap_or_else(|error| raise_parameter(error.to_string()))
}

/// Calls `visit` with each element of an array that is not NULL.
///
/// # Safety
///
/// `array` is an array whose elements are stored as CREATE TYPE says for `cvm_sketch` and `cvm_sample`. The elements
/// lie in the array, or in a copy in the current memory context.
pub(crate) unsafe fn each_element(array: Datum, mut visit: impl FnMut(Datum)) {
    // SAFETY: there are as many elements and marks of NULL as the count says.
    unsafe {
        let array: *mut pg_sys::ArrayType = pg_sys::pg_detoast_datum(array.cast_mut_ptr()).cast();
        let (mut elements, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
        let (length, is_by_value, alignment) = (-1, false, b'i' as c_char);
        let of = (*array).elemtype;
        pg_sys::deconstruct_array(
            array,
            of,
            length,
            is_by_value,
            alignment,
            &mut elements,
            &mut nulls,
            &mut count,
        );
        for i in 0..count as usize {
            memory::check_for_interrupts();
            if !*nulls.add(i) {
                visit(*elements.add(i));
            }
        }
    }
}

/// Ends the call with an SQL NULL.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress.
#[inline(always)]
pub(crate) unsafe fn return_null(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { (*fcinfo).isnull = true };
    Datum::null()
}

/// The state of an aggregate as the result of its support function, as it was given.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress.
#[inline(always)]
pub(crate) unsafe fn unchanged(fcinfo: FunctionCallInfo, state: NullableDatum) -> Datum {
    match state.isnull {
        true => unsafe { return_null(fcinfo) },
        false => state.value,
    }
}

/// The record of the function called. It lives as long as the query. Without a query, its caller decides.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress.
#[inline(always)]
pub(crate) unsafe fn function(fcinfo: FunctionCallInfo) -> *mut FmgrInfo {
    unsafe { (*fcinfo).flinfo }
}

/// A row as the result of a function that is declared to return these columns.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress, of a function that returns a row of such columns.
pub(crate) unsafe fn return_row<const N: usize>(fcinfo: FunctionCallInfo, mut columns: [Option<Datum>; N]) -> Datum {
    // SAFETY: the descriptor has `N` columns, of these types. The row is in the current memory context.
    unsafe {
        let mut descriptor = std::ptr::null_mut();
        let class = pg_sys::get_call_result_type(fcinfo, std::ptr::null_mut(), &mut descriptor);
        assert_eq!(
            class,
            pg_sys::TypeFuncClass::TYPEFUNC_COMPOSITE,
            "the function is declared to return a row"
        );
        let descriptor = pg_sys::BlessTupleDesc(descriptor);
        let mut nulls = columns.map(|column| column.is_none());
        let mut values = columns.each_mut().map(|column| column.unwrap_or(Datum::null()));
        let row = pg_sys::heap_form_tuple(descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
        pg_sys::HeapTupleHeaderGetDatum((*row).t_data)
    }
}
