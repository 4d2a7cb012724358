//! Confidence intervals, and that of the number of distinct values in a set.
//!
//! At a given level, each of the n values is retained with the probability p_j. So the number of retained hashes is
//! binomial. The bounds are Clopper and Pearson's, solved for n. ("The Use of Confidence or Fiducial Limits Illustrated
//! in the Case of the Binomial", Biometrika 26, 1934.) The lower bound is the smallest n for which so many hashes or
//! more are likely enough. The upper bound is the largest n for which so many or fewer are likely enough.
//!
//! But the level is not given. It depends on the hashes, and so do the chances. A sketch stays at a level *because* few
//! hashes belong, or goes on and may find few there. So the estimate is too low more often than the binomial
//! distribution says. In the tails it is so up to 1.46 times as often. It is never too high more often. So the upper
//! bound has a third of the error probability, and the lower half.
//!
//! So far this is about the [cells](crate::width) that values hit, of which the hashes are a sample. The number of
//! values grows with theirs. So what bounds the one bounds the other.
//!
//! The bounds are those of the unbiased estimate. The [estimate](crate::Sketch::estimate) of a sketch may be larger. In
//! the rare case that it is above the upper bound, it takes the place of that bound.
//!
//! The test `tests/interval.rs` computes the coverage over all phases of n. It also simulates the coverage for sketches
//! that went through unions, intersections and differences.

use crate::bounds::binomial;
use crate::set::capacity::SqlNumber;
use crate::set::cells::values_of;
use crate::set::threshold::{sampling_rate, scale_up};
use crate::sketch::header::Header;
use std::fmt;

/// The probability with which an interval contains the truth: greater than 0, less than 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence(f64);

impl Confidence {
    /// A confidence from its number.
    ///
    /// # Errors
    ///
    /// [`ConfidenceError`] when the number is NaN, or not between 0 and 1, both excluded.
    pub fn new(confidence: f64) -> Result<Self, ConfidenceError> {
        if confidence > 0.0 && confidence < 1.0 {
            Ok(Confidence(confidence))
        } else {
            Err(ConfidenceError(confidence))
        }
    }

    /// The probability left for the truth to be below the lower bound.
    pub(crate) fn below(self) -> f64 {
        (1.0 - self.0) / 2.0
    }

    /// The binomial probability left for the truth to be above the upper bound.
    pub(crate) fn above(self) -> f64 {
        (1.0 - self.0) / 3.0
    }
}

/// A number that is not a valid confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfidenceError(f64);

impl fmt::Display for ConfidenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = SqlNumber(self.0);
        write!(f, "confidence must be greater than 0 and less than 1, not {given}")
    }
}

impl std::error::Error for ConfidenceError {}

/// An estimate between two bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval<T> {
    /// The estimate.
    pub estimate: T,
    /// The lower bound: with the confidence asked for, the truth is at least this.
    pub lower: T,
    /// The upper bound: with the confidence asked for, the truth is at most this.
    pub upper: T,
}

impl<T: Copy> Interval<T> {
    pub(crate) fn exactly(value: T) -> Self {
        Interval {
            estimate: value,
            lower: value,
            upper: value,
        }
    }
}

/// The number of distinct values of a sketch, with its bounds. If the sketch is exact, so are the bounds.
///
/// Complexity: about 100 times the square root of the number of retained hashes.
pub fn bounds(sketch: &Header, confidence: Confidence) -> Interval<u64> {
    let (estimate, retained) = (sketch.estimate(), sketch.retained() as u64);
    if sketch.is_exact() {
        return Interval::exactly(estimate);
    }
    let rate = sampling_rate(sketch.threshold());
    let (lower, upper) = range(retained, scale_up(retained, sketch.threshold()), rate, confidence);
    let width = sketch.width();
    Interval {
        estimate,
        lower: values_of(lower, width),
        upper: values_of(upper, width).max(estimate),
    }
}

/// The bounds of a number of which `retained` are seen, each with the probability `rate`. `unbiased` is its estimate.
///
/// Complexity: as that of [`bounds`].
pub(crate) fn range(retained: u64, unbiased: u64, rate: f64, confidence: Confidence) -> (u64, u64) {
    // The larger n is, the likelier are so many hashes or more. From this estimate on, they are as likely as not.
    let lower = first(retained, unbiased, |n| {
        binomial::at_least(retained, n, rate) >= confidence.below()
    });

    // The larger n is, the less likely are so many hashes or fewer.
    let is_unlikely = |n| binomial::at_most(retained, n, rate) < confidence.above();
    let mut step = ((retained + 1) as f64).sqrt() / rate;
    let (mut likely, mut unlikely) = (unbiased, unbiased + step as u64 + 1);
    while !is_unlikely(unlikely) {
        step *= 2.0;
        (likely, unlikely) = (unlikely, unlikely + step as u64);
    }
    (lower, first(likely, unlikely, is_unlikely) - 1)
}

/// The smallest number from `low` on for which `holds`.
///
/// It must hold for all numbers that follow. `high` is assumed to be one for which it holds.
pub(crate) fn first(mut low: u64, mut high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}
