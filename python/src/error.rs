//! Errors, as Python has them.

use cvm_sketch::interval::ConfidenceError;
use cvm_sketch::text::TextError;
use cvm_sketch::{AccuracyError, DecodeError, MergeError, OperationError, OutOfMemory, UnknownKind};
use pyo3::PyErr;
pub use pyo3::exceptions::{
    PyKeyboardInterrupt as KeyboardInterrupt, PyMemoryError as MemoryError, PyOverflowError as OverflowError,
    PyTypeError as TypeError, PyValueError as ValueError,
};
use std::fmt::Display;

/// What a fault of the core is to Python.
pub trait IntoPython {
    /// The exception.
    fn into_python(self) -> PyErr;
}

impl IntoPython for OutOfMemory {
    fn into_python(self) -> PyErr {
        MemoryError::new_err(self.to_string())
    }
}

impl IntoPython for OperationError {
    fn into_python(self) -> PyErr {
        match self {
            OperationError::OutOfMemory => OutOfMemory.into_python(),
            error => value_error(error),
        }
    }
}

impl IntoPython for MergeError {
    fn into_python(self) -> PyErr {
        match self {
            MergeError::Operation(error) => error.into_python(),
            MergeError::Decode(error) => error.into_python(),
        }
    }
}

impl IntoPython for DecodeError {
    fn into_python(self) -> PyErr {
        ValueError::new_err(format!("invalid cvm_sketch: {self}"))
    }
}

impl IntoPython for TextError {
    fn into_python(self) -> PyErr {
        ValueError::new_err(format!("invalid cvm_sketch: {self}"))
    }
}

impl IntoPython for AccuracyError {
    fn into_python(self) -> PyErr {
        value_error(self)
    }
}

impl IntoPython for ConfidenceError {
    fn into_python(self) -> PyErr {
        value_error(self)
    }
}

impl IntoPython for UnknownKind {
    fn into_python(self) -> PyErr {
        value_error(self)
    }
}

fn value_error(error: impl Display) -> PyErr {
    ValueError::new_err(error.to_string())
}

/// A result of the core, as Python has it.
pub trait OrRaise<T> {
    /// The result, or the exception.
    fn or_raise(self) -> pyo3::PyResult<T>;
}

impl<T, E: IntoPython> OrRaise<T> for Result<T, E> {
    #[inline]
    fn or_raise(self) -> pyo3::PyResult<T> {
        self.map_err(E::into_python)
    }
}

impl IntoPython for cvm_sketch::hash::DecimalError {
    fn into_python(self) -> PyErr {
        OverflowError::new_err(self.to_string())
    }
}
