//! The errors that users see: each with its SQLSTATE.

use cvm_sketch::{DecodeError, OperationError, OutOfMemory};
use pgrx::PgLogLevel;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use pgrx::pg_sys::panic::ErrorReport;

/// Raises an ERROR.
pub(crate) fn raise(code: PgSqlErrorCode, message: impl Into<String>) -> ! {
    raise_report(ErrorReport::new(code, message.into(), "cvm_count"))
}

/// Raises an ERROR with a hint.
pub(crate) fn raise_with_hint(code: PgSqlErrorCode, message: impl Into<String>, hint: &str) -> ! {
    raise_report(ErrorReport::new(code, message.into(), "cvm_count").set_hint(hint))
}

fn raise_report(report: ErrorReport) -> ! {
    report.report(PgLogLevel::ERROR);
    unreachable!("reporting an ERROR does not return")
}

/// What a failed operation on sketches means to a user.
pub(crate) trait OrRaise<T> {
    /// The result, or an ERROR in its place.
    fn or_raise(self) -> T;
}

impl<T> OrRaise<T> for Result<T, OutOfMemory> {
    fn or_raise(self) -> T {
        self.unwrap_or_else(|error| raise(PgSqlErrorCode::ERRCODE_OUT_OF_MEMORY, error.to_string()))
    }
}

impl<T> OrRaise<T> for Result<T, OperationError> {
    fn or_raise(self) -> T {
        self.unwrap_or_else(|error| match error {
            OperationError::OutOfMemory => Err(OutOfMemory).or_raise(),
            OperationError::Seeds(..) | OperationError::Capacity { .. } => {
                raise(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, error.to_string())
            }
            OperationError::Kinds(..) => raise_with_hint(
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                error.to_string(),
                "Make the sketches of values that are cast to the same type.",
            ),
            OperationError::Derived => raise_with_hint(
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                error.to_string(),
                "Add values to, or downsample, the sketches that it was made of.",
            ),
        })
    }
}

/// Raises an ERROR because bytes are not a sketch. `code` says where they came from.
pub(crate) fn raise_invalid(code: PgSqlErrorCode, fault: DecodeError) -> ! {
    raise(code, format!("invalid cvm_sketch: {fault}"))
}
