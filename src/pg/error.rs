//! The errors that users see. Each has its SQLSTATE, and the place that raises it, which `VERBOSITY verbose` shows.

use crate::pg::pg_sys::{self, Oid};
use cvm_sketch::{DecodeError, OperationError, OutOfMemory, SampleDecodeError, SampleError};
use pgrx::pg_sys::FunctionCallInfo;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use std::ffi::CStr;
use std::panic::Location;

/// Raises an ERROR. The message is in the encoding of the database. It is at most a few lines long, whatever it quotes.
#[track_caller]
pub(crate) fn raise(code: PgSqlErrorCode, message: impl AsRef<[u8]>) -> ! {
    // SAFETY: the glue runs in processes of PostgreSQL's.
    unsafe { pg_sys::raise(code, message.as_ref(), None, Location::caller()) }
}

/// Raises an ERROR with a hint.
#[track_caller]
pub(crate) fn raise_with_hint(code: PgSqlErrorCode, message: impl AsRef<[u8]>, hint: &str) -> ! {
    // SAFETY: as in `raise`.
    unsafe { pg_sys::raise(code, message.as_ref(), Some(hint), Location::caller()) }
}

/// A message that ends with the name of a type, which is in the encoding of the database.
pub(crate) fn naming_type(message: &str, of: Oid) -> Vec<u8> {
    // SAFETY: PostgreSQL answers for any type. The name is a string in the current memory context.
    let name = unsafe { CStr::from_ptr(pg_sys::format_type_be(of)) };
    [message.as_bytes(), name.to_bytes()].concat()
}

/// What a failure means to a user.
pub(crate) trait OrRaise<T> {
    /// The result, or an ERROR in its place.
    #[track_caller]
    fn or_raise(self) -> T;
}

impl<T> OrRaise<T> for Result<T, OutOfMemory> {
    #[track_caller]
    fn or_raise(self) -> T {
        match self {
            Ok(result) => result,
            Err(error) => raise(PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY, error.to_string()),
        }
    }
}

impl<T> OrRaise<T> for Result<T, OperationError> {
    #[track_caller]
    fn or_raise(self) -> T {
        let error = match self {
            Ok(result) => return result,
            Err(error) => error,
        };
        let hint = match error {
            OperationError::OutOfMemory => return Err(OutOfMemory).or_raise(),
            OperationError::Seeds(..) | OperationError::Capacity { .. } => {
                raise(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, error.to_string())
            }
            OperationError::Kinds(..) => "Make the sketches of values that are cast to the same type.",
            OperationError::Derived => "Add values to, or downsample, the sketches that it was made of.",
        };
        raise_with_hint(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, error.to_string(), hint)
    }
}

impl<T> OrRaise<T> for Result<T, SampleError> {
    /// Each row whose value is in a sample comes here.
    #[track_caller]
    #[inline(always)]
    fn or_raise(self) -> T {
        match self {
            Ok(result) => result,
            Err(error) => raise_sample_error(error),
        }
    }
}

#[cold]
#[track_caller]
fn raise_sample_error(error: SampleError) -> ! {
    let (code, hint) = match error {
        SampleError::OutOfMemory => raise(PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY, error.to_string()),
        SampleError::Seeds(..) => raise(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, error.to_string()),
        SampleError::Occurrences => raise(PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE, error.to_string()),
        SampleError::Kinds(..) => (
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "Make the samples of values that are cast to the same type.",
        ),
        SampleError::TextLength(_) => (
            PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "Sample a shorter form of the values, such as their md5 or the key of their row.",
        ),
        SampleError::TextsLength => (
            PgSqlErrorCode::ERRCODE_PROGRAM_LIMIT_EXCEEDED,
            "Ask for a sample of a smaller size, or of a shorter form of the values.",
        ),
    };
    raise_with_hint(code, error.to_string(), hint)
}

/// Reports an ERROR to the caller of an input function, if that has asked for it. Then this returns, and the function
/// has to return too, with any result. Raises the ERROR otherwise.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress, of an input function.
#[track_caller]
pub(crate) unsafe fn raise_softly(fcinfo: FunctionCallInfo, code: PgSqlErrorCode, message: String) {
    // PostgreSQL 15 has hard errors only.
    #[cfg(not(feature = "pg15"))]
    // SAFETY: a context that is not NULL is a node, and nodes start with their tag. The calls are those of PostgreSQL's
    // macro errsave, in its order. PostgreSQL copies the message.
    unsafe {
        use std::ffi::{c_char, c_int};
        unsafe extern "C-unwind" {
            /// Sets the SQLSTATE of the error that is being reported. Raises none.
            fn errcode(code: c_int) -> c_int;
            /// Sets the message of it.
            fn errmsg_internal(format: *const c_char, ...) -> c_int;
        }
        let context = (*fcinfo).context;
        if !context.is_null() && (*context).type_ == pg_sys::NodeTag::T_ErrorSaveContext {
            let place = Location::caller();
            if pg_sys::errsave_start(context, std::ptr::null()) {
                errcode(code as c_int);
                let (length, start) = (message.len() as c_int, message.as_ptr());
                pg_sys::caught(|| errmsg_internal(c"%.*s".as_ptr(), length, start));
                pg_sys::errsave_finish(
                    context,
                    place.file_as_c_str().as_ptr(),
                    place.line() as i32,
                    c"cvm_count".as_ptr(),
                );
            }
            return;
        }
    }
    #[cfg(feature = "pg15")]
    let _ = fcinfo;
    raise(code, message)
}

/// The SQLSTATE where stored bytes are not what their type says: sketches, samples, values to be hashed.
pub(crate) const IN_STORAGE: PgSqlErrorCode = PgSqlErrorCode::ERRCODE_DATA_CORRUPTED;
/// The SQLSTATE where bytes from outside are not: a message, a bytea, the state of another process.
pub(crate) const IN_BYTES: PgSqlErrorCode = PgSqlErrorCode::ERRCODE_INVALID_BINARY_REPRESENTATION;
/// The SQLSTATE where the bytes in a text are not.
pub(crate) const IN_TEXT: PgSqlErrorCode = PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION;

/// Raises an ERROR because bytes are not a sketch.
#[track_caller]
pub(crate) fn raise_invalid_sketch(code: PgSqlErrorCode, fault: DecodeError) -> ! {
    raise(code, format!("invalid cvm_sketch: {fault}"))
}

/// Raises an ERROR because bytes are not a sample.
#[track_caller]
pub(crate) fn raise_invalid_sample(code: PgSqlErrorCode, fault: SampleDecodeError) -> ! {
    raise(code, format!("invalid cvm_sample: {fault}"))
}
