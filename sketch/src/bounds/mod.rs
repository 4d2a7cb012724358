//! Confidence intervals: how far the truth may be from an estimate.

pub mod between;
mod binomial;
mod hypergeometric;
pub mod interval;
