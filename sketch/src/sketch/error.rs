//! Errors of operations on sketches.

use crate::hash::kind::Kind;
use crate::host::OutOfMemory;
use crate::sketch::header::DecodeError;
use std::fmt;

/// Why an operation on sketches has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationError {
    /// The hashes come from hash functions of different seeds.
    Seeds(u64, u64),
    /// The values behind the hashes are of different kinds.
    Kinds(Kind, Kind),
    /// The operation needs a sketch of values, and this one was made by intersection or difference.
    Derived,
    /// The capacity asked for is larger than the sketch's own.
    #[allow(missing_docs)]
    Capacity { is: u32, asked: u32 },
    /// The allocator has no more memory.
    OutOfMemory,
}

impl From<OutOfMemory> for OperationError {
    fn from(_: OutOfMemory) -> Self {
        OperationError::OutOfMemory
    }
}

impl fmt::Display for OperationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // SQL shows seeds as signed 64-bit integers.
            OperationError::Seeds(a, b) => {
                write!(
                    f,
                    "cvm_sketch values must have the same seed, not {} and {}",
                    *a as i64, *b as i64
                )
            }
            OperationError::Kinds(a, b) => {
                write!(
                    f,
                    "cvm_sketch values must be of the same kind of values, not {} and {}",
                    a.name(),
                    b.name()
                )
            }
            OperationError::Derived => {
                f.write_str("a cvm_sketch made by intersection or difference takes no values and cannot be downsampled")
            }
            OperationError::Capacity { is, asked } => {
                write!(
                    f,
                    "cannot downsample a cvm_sketch of capacity {is} to {asked}, which is larger"
                )
            }
            OperationError::OutOfMemory => OutOfMemory.fmt(f),
        }
    }
}

impl std::error::Error for OperationError {}

/// Why a sketch could not be merged with an encoded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MergeError {
    /// The bytes are not a sketch.
    Decode(DecodeError),
    /// The union could not be made.
    Operation(OperationError),
}

impl From<OutOfMemory> for MergeError {
    fn from(error: OutOfMemory) -> Self {
        MergeError::Operation(error.into())
    }
}

impl From<OperationError> for MergeError {
    fn from(error: OperationError) -> Self {
        MergeError::Operation(error)
    }
}

impl fmt::Display for MergeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MergeError::Decode(error) => error.fmt(f),
            MergeError::Operation(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for MergeError {}
