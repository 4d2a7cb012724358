//! Samples: sketches that keep the values themselves, and sums over their rows.
//!
//! - `exact_sum` and `measures`: what is summed up of the rows of a value.
//! - `varint` and `codec`: samples as bytes, and the limits of their size. PostgreSQL compresses stored ones.
//! - `sample`: adding values, merging. `operations`: what of a sample is in a sketch, or is not.

pub mod codec;
mod exact_sum;
mod measures;
pub mod operations;
#[expect(
    clippy::module_inception,
    reason = "the file of the type that the folder is named after"
)]
mod sample;
mod varint;

pub use codec::{MAX_OCCURRENCES, MAX_SIZE, MAX_TEXT_LEN, MAX_TEXTS_LEN, MIN_SIZE};
pub use sample::{DEFAULT_SIZE, Sample, SampleError};
