//! Samples: sketches that keep the values themselves, and sums over their rows.
//!
//! - `exact_sum` and `measures`: what is summed up of the rows of a value.
//! - `varint` and `codec`: samples as bytes, and the limits of their size. PostgreSQL compresses stored ones.
//! - `entry`: what some rows say of one value. `log` and `values`: all that is in a small sample, and in a large one.
//! - `sample`: adding values, merging. `operations`: what of a sample is in a sketch, or is not.

pub mod codec;
mod entry;
mod error;
mod exact_sum;
mod log;
mod measures;
pub mod operations;
#[expect(
    clippy::module_inception,
    reason = "the file of the type that the folder is named after"
)]
mod sample;
mod values;
mod varint;

pub use codec::{MAX_OCCURRENCES, MAX_SIZE, MAX_TEXT_LEN, MAX_TEXTS_LEN, MIN_SIZE};
pub use error::SampleError;
pub use sample::{DEFAULT_SIZE, Sample};
