//! The path of a row into an aggregate: its value is unpacked, hashed by the rule of its type, and offered to the
//! state.
//!
//! - [`state`]: what the path asks of a state, and its address in an argument, checked.
//! - [`transition`]: the transition functions that counts, sketches and samples share.
//! - [`moving`]: the path of a row into a moving frame, and out of it again.
//! - [`union`]: the support functions that unions of stored sketches and of stored samples share.

pub(crate) mod moving;
pub(crate) mod state;
pub(crate) mod transition;
pub(crate) mod union;
