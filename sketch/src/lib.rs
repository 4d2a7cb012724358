//! A mergeable CVM sketch: it estimates how many distinct values a multiset holds from a sample of their hashes.
//!
//! CVM keeps a buffer of values and a sampling rate, and lowers the rate whenever the buffer fills. (Chakraborty,
//! Vinodchandran and Meel, "Distinct Elements in Streams: An Algorithm for the (Text) Book", ESA 2022, arXiv
//! 2301.10191.) The published algorithm tosses a coin for every *row*, and its buffers cannot be merged. Here the hash
//! of the *value* is the coin. With such coins, CVM is adaptive sampling (Wegman; Flajolet, "On Adaptive Sampling",
//! Computing 43, 1990). Only its step is finer: the rate falls to 7/8 of itself, not to 1/2.
//!
//! Three things determine the state of a [`Sketch`]: the set of values seen, its capacity and its seed. Order,
//! repetition, partitioning and the tree of merges make no difference.
//!
//! Each folder imports from those above it in this list alone. Its `mod.rs` says what its files are for:
//!
//! - [`hash`](mod@hash): from a value to its hash, by the rule of its type. `host`: memory, and whether to go on.
//! - `set`: which hashes are kept ([`threshold`]), how much of each ([`width`](mod@width)), how many ([`capacity`]),
//!   and how.
//! - [`sketch`]: sketches in memory and as bytes ([`codec`], [`text`]), and as sets ([`operations`]).
//! - `moving`: sketches of what a moving frame holds.
//! - `bounds`: confidence intervals, of one sketch ([`interval`]) and of two ([`between`]).
//! - [`sample`]: sketches that keep the values themselves.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod hash;
pub use hash::kind::{Kind, UnknownKind};
mod host;
pub use host::{OutOfMemory, Surroundings};

mod set;
pub use set::capacity::{Accuracy, AccuracyError};
pub use set::{capacity, threshold, width};

pub mod sketch;
pub use sketch::codec::{DecodeError, EncodedSketch, FramedSketch, Header};
pub use sketch::error::{MergeError, OperationError};
pub use sketch::{Sketch, codec, operations, text};

mod moving;
pub use moving::{MovingSketch, MovingUnion};

mod bounds;
pub use bounds::{between, interval};

pub mod sample;
pub use sample::codec::{EncodedSample, SampleDecodeError, SampledValue};
pub use sample::{Sample, SampleError, codec as sample_codec, operations as sample_operations};

#[cfg(test)]
mod hash_quality;
