//! The set of hashes that a sketch keeps: which hashes, how many, and how.
//!
//! - `threshold`: which hashes belong to which level. `width`: how many bits of each a sketch keeps.
//! - `cells`: how many values are behind so many different hashes of so many bits. `estimate`: how many values the retained hashes stand for.
//!   `capacity`: how many a promised accuracy needs.
//! - `sort`: sorting hashes. `packed` and `list`: a growing set in little memory. `secret` and `table`: a set that is
//!   looked up.
//! - `retained`: the set of retained hashes, a list or a table. `batch`: selecting out of many hashes at once.

pub(crate) mod batch;
pub mod capacity;
pub(crate) mod cells;
pub(crate) mod estimate;
pub(crate) mod list;
pub(crate) mod packed;
pub(crate) mod retained;
pub(crate) mod secret;
pub(crate) mod sort;
pub(crate) mod table;
pub mod threshold;
pub mod width;
