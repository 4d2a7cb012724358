//! Confidence intervals: how far the truth may be from an estimate.
//!
//! - `binomial` and `interval`: the number of values of one sketch.
//! - `hypergeometric`, `chance` and `between`: what two sets have in common.

pub mod between;
mod binomial;
mod chance;
mod hypergeometric;
pub mod interval;
