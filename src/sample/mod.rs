//! The type `cvm_sample`, its functions and aggregates.
//!
//! - [`value`]: the type's input, output and casts, and reading stored samples. [`text`]: values as text, and back.
//! - [`aggregate`]: its aggregates. [`functions`]: its functions.

pub(crate) mod aggregate;
mod functions;
mod text;
mod value;
