//! Reading a function call's frame without the guard that pgrx puts around calls into PostgreSQL.

use crate::pg_sys::{self, Datum, FmgrInfo, FunctionCallInfo, NullableDatum};

/// Declares the record by which PostgreSQL learns that `function` has the version-1 calling convention.
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

/// The `index`-th argument, counted from 0.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress, with more than `index` arguments.
#[inline(always)]
pub(crate) unsafe fn argument(fcinfo: FunctionCallInfo, index: usize) -> NullableDatum {
    // SAFETY: the caller vouches for the frame, and PostgreSQL allocates a frame with all its arguments.
    unsafe { *(*fcinfo).args.as_ptr().add(index) }
}

/// Ends the call with an SQL NULL.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress.
#[inline(always)]
pub(crate) unsafe fn return_null(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the caller vouches for the frame.
    unsafe { (*fcinfo).isnull = true };
    Datum::null()
}

/// The record of the function called, which lives as long as the query, or as whoever calls without a query likes.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress.
#[inline(always)]
pub(crate) unsafe fn function(fcinfo: FunctionCallInfo) -> *mut FmgrInfo {
    // SAFETY: the caller vouches for the frame.
    unsafe { (*fcinfo).flinfo }
}

/// A row as the result of a function that is declared to return these columns.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress, of a function that returns a row of `N` columns of the types of
/// `columns`.
pub(crate) unsafe fn return_row<const N: usize>(fcinfo: FunctionCallInfo, mut columns: [Option<Datum>; N]) -> Datum {
    // SAFETY: the caller vouches for the frame and the types. The row is made in the current memory context.
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
