//! Samples: sketches that keep the values themselves, and sums over their rows.

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
