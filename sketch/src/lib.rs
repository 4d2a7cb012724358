//! A mergeable CVM sketch: it estimates how many distinct values a multiset holds from a sample of their hashes.
//!
//! CVM (Chakraborty, Vinodchandran and Meel, "Distinct Elements in Streams: An Algorithm for the (Text) Book",
//! ESA 2022, arXiv 2301.10191) keeps a buffer of values and a sampling rate, and lowers the rate whenever the buffer
//! fills. Published, every *row* tosses a coin, which cannot be merged. Here the coin belongs to the *value*: its hash
//! decides. With hash coins CVM is adaptive sampling (Wegman; Flajolet, "On Adaptive Sampling", Computing 43, 1990)
//! with a finer step: the rate falls by 7/8, not by 1/2.
//!
//! The state of a [`Sketch`] depends on the set of values seen, its capacity and its seed, and on nothing else: not on
//! order, repetition, partitioning or the tree of merges.
//!
//! Each folder imports from those above it in this list alone; inside of one, data runs forward through its files:
//!
//! - [`hash`](mod@hash): from a value to its hash. `host`: memory, and whether to go on.
//! - `set`: which hashes are kept ([`capacity`], [`threshold`]), and how (`sort`, `list`, `secret`, `table`, `retained`,
//!   `batch`).
//! - [`sketch`]: `kind` of values, `flags` and `header`, `elias_fano` and [`codec`] (as bytes), [`text`] (bytes as
//!   text), `error` and `agreement` (of two), `sketch` (insert, merge, estimate), [`operations`] (as sets).
//! - `bounds`: `binomial` and [`interval`] (of one estimate), `hypergeometric` and [`between`] (of two sketches at once).
//! - [`sample`]: `exact_sum` and `measures` (what is added up of rows), `varint` and `codec` (as bytes), `sample`,
//!   `operations`.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod hash;
mod host;
pub use host::{OutOfMemory, Surroundings};

mod set;
pub use set::capacity::{Accuracy, AccuracyError};
pub use set::{capacity, threshold};

pub mod sketch;
pub use sketch::codec::{DecodeError, EncodedSketch, FramedSketch, Header};
pub use sketch::error::{MergeError, OperationError};
pub use sketch::kind::{Kind, UnknownKind};
pub use sketch::{Sketch, codec, operations, text};

mod bounds;
pub use bounds::{between, interval};

pub mod sample;
pub use sample::codec::{EncodedSample, SampleDecodeError, SampledValue};
pub use sample::{Sample, SampleError, codec as sample_codec, operations as sample_operations};

#[cfg(test)]
mod hash_quality;
