//! The path of a row into an aggregate: its value is unpacked, hashed by the rule of its type, and offered to the
//! state. Counts, sketches and samples share it. So do the unions of stored sketches and of stored samples.

pub(crate) mod state;
pub(crate) mod transition;
pub(crate) mod union;
