//! What a sample reports as an error.

use crate::hash::kind::Kind;
use crate::host::OutOfMemory;
use crate::sample::codec::{MAX_OCCURRENCES, MAX_TEXT_LEN, MAX_TEXTS_LEN};
use std::fmt;

/// Why a sample could not take a row or another sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleError {
    /// The hashes come from hash functions of different seeds.
    Seeds(u64, u64),
    /// The values are of different kinds.
    Kinds(Kind, Kind),
    /// A value occurs too often to be counted.
    Occurrences,
    /// The text of a value is too long, with so many bytes.
    TextLength(usize),
    /// All texts together are too long.
    TextsLength,
    /// The allocator has no more memory.
    OutOfMemory,
}

impl From<OutOfMemory> for SampleError {
    fn from(_: OutOfMemory) -> Self {
        SampleError::OutOfMemory
    }
}

impl fmt::Display for SampleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // SQL shows seeds as signed 64-bit integers.
            SampleError::Seeds(a, b) => {
                let (a, b) = (*a as i64, *b as i64);
                write!(f, "cvm_sample values must have the same seed, not {a} and {b}")
            }
            SampleError::Kinds(a, b) => {
                let (a, b) = (a.name(), b.name());
                write!(
                    f,
                    "cvm_sample values must be of the same kind of values, not {a} and {b}"
                )
            }
            SampleError::Occurrences => write!(f, "a value in the sample occurs more than {MAX_OCCURRENCES} times"),
            SampleError::TextLength(length) => {
                write!(
                    f,
                    "a value in a sample must have at most {MAX_TEXT_LEN} bytes as text, not {length}"
                )
            }
            SampleError::TextsLength => {
                write!(
                    f,
                    "the values in a sample must have at most {MAX_TEXTS_LEN} bytes together as text"
                )
            }
            SampleError::OutOfMemory => OutOfMemory.fmt(f),
        }
    }
}

impl std::error::Error for SampleError {}
