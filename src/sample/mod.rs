//! The type `cvm_sample`, its functions and aggregates.

pub(crate) mod aggregate;
mod functions;
mod text;
mod value;
