//! Sketches in memory and as bytes, and what can be made of two of them.
//!
//! - `flags` and `header`: what a sketch's bytes say before the hashes, and how they may be wrong.
//! - `elias_fano`: the coding of the hashes. `codec`: the whole sketch as bytes. `text`: bytes as text.
//! - `error`: why an operation has no result. `agreement`: what two sketches have to agree on.
//! - `sketch`: adding hashes, merging. `operations`: encoded sketches as sets.

pub(crate) mod agreement;
pub mod codec;
mod elias_fano;
pub(crate) mod error;
pub(crate) mod flags;
pub(crate) mod header;
pub mod operations;
#[expect(
    clippy::module_inception,
    reason = "the file of the type that the folder is named after"
)]
mod sketch;
pub mod text;

pub use sketch::{START_LEN, Sketch};
