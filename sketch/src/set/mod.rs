//! The set of hashes that a sketch keeps: which hashes, how many, and how.

pub(crate) mod batch;
pub mod capacity;
pub(crate) mod list;
pub(crate) mod retained;
pub(crate) mod secret;
pub(crate) mod sort;
pub(crate) mod table;
pub mod threshold;
