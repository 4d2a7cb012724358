//! The path of a row into an aggregate over values: unpacked, hashed by the rule of its type, and offered to the state.
//! Counts, sketches and samples share it.

pub(crate) mod state;
pub(crate) mod transition;
