//! Reading a function call's frame without the guard that pgrx puts around calls into PostgreSQL.

use pgrx::pg_sys::{Datum, FmgrInfo, FunctionCallInfo, NullableDatum};

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
