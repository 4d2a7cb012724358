//! The type `cvm_sketch`, its functions and aggregates, and `approx_count_distinct_cvm`.

mod functions;
mod of_sketches;
mod of_values;
pub(crate) mod state;
pub(crate) mod value;
