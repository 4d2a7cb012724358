//! Sketches in memory and as bytes, and what can be made of two of them.

pub(crate) mod agreement;
pub mod codec;
mod elias_fano;
pub(crate) mod error;
mod flags;
pub(crate) mod header;
pub(crate) mod kind;
pub mod operations;
#[expect(
    clippy::module_inception,
    reason = "the file of the type that the folder is named after"
)]
mod sketch;
pub mod text;

pub use sketch::{START_LEN, Sketch};
