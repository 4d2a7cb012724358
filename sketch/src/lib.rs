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
//! Data runs forward through the files: [`capacity`] (from an accuracy to a size), [`hash`] (from a value to its hash),
//! [`threshold`] (which hashes belong to a level), `kind` (of values) and `flags`, `elias_fano` and [`codec`] (sketches
//! as bytes), `common` (what two of them agree on), [`text`] (bytes as text), `surroundings` (memory, and whether to go
//! on), `sort`, `list`, `key` and `table`, and `retained` (the set of hashes), `batch` (many hashes at once),
//! [`sketch`] (insert, merge, estimate), [`operations`] (sketches as sets), `binomial` and [`interval`] (confidence
//! bounds), `hypergeometric` and [`between`] (bounds from two sketches at once). A [`Sample`] keeps the values
//! themselves: `exact_sum` and `measures` (what is added up of their rows), `varint` and [`sample_codec`] (samples as
//! bytes), [`sample_operations`], [`sample`].
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod batch;
pub mod between;
mod binomial;
pub mod capacity;
pub mod codec;
mod common;
mod elias_fano;
mod error;
mod exact_sum;
mod flags;
pub mod hash;
#[cfg(test)]
mod hash_quality;
mod hypergeometric;
pub mod interval;
mod key;
mod kind;
mod list;
mod measures;
pub mod operations;
mod retained;
pub mod sample;
pub mod sample_codec;
pub mod sample_operations;
pub mod sketch;
mod sort;
mod surroundings;
mod table;
pub mod text;
pub mod threshold;
mod varint;

pub use capacity::{Accuracy, AccuracyError};
pub use codec::{DecodeError, EncodedSketch, FramedSketch, Header};
pub use error::{MergeError, OperationError, OutOfMemory};
pub use kind::{Kind, UnknownKind};
pub use sample::{Sample, SampleError};
pub use sample_codec::{EncodedSample, SampleDecodeError, SampledValue};
pub use sketch::Sketch;
pub use surroundings::Surroundings;
