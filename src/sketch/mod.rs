//! The type `cvm_sketch`, its functions and aggregates, and `approx_count_distinct_cvm`.
//!
//! - [`value`]: the type's input, output and casts, and reading stored sketches. [`functions`]: its functions.
//! - [`state`]: the state of an aggregate, and its parameters. [`of_values`]: the aggregates over values, from the
//!   transition to the final functions.
//! - [`ring`]: where rows wait for their states.
//! - [`of_sketches`]: the aggregates over hashes and over stored sketches.
//! - [`moving`]: all of these in windows whose frames slide.
//! - [`other_names`]: what is told to some of these as other systems say it.

mod functions;
mod moving;
mod of_sketches;
mod of_values;
mod other_names;
mod ring;
pub(crate) mod state;
pub(crate) mod value;
