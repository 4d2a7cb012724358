//! Confidence intervals: for the number of distinct values, and for the Jaccard index of two sets.
//!
//! At a given level, the number of retained hashes is binomial: each of the n values is retained with the probability
//! p_j. The bounds are Clopper and Pearson's ("The Use of Confidence or Fiducial Limits Illustrated in the Case of the
//! Binomial", Biometrika 26, 1934), solved for n: the lower is the smallest n that makes as many hashes as these or
//! more likely enough, the upper the largest n that makes as many or fewer likely enough.
//!
//! But the level is not given. It depends on the hashes, and so do the chances: a sketch stays at a level *because* few
//! hashes belong, or goes on and may find few at the next. So the estimate is more often too low than the binomial
//! distribution says, up to 1.46 times as often in the tails, and never too high more often. The upper bound therefore
//! has a third of the error probability where the lower has half. The test `tests/interval.rs` computes the coverage
//! over all phases of n, and simulates it for sketches that went through unions, intersections and differences.

use crate::bounds::binomial;
use crate::host::Surroundings;
use crate::set::capacity::Plain;
use crate::set::threshold::{sampling_rate, scale_up};
use crate::sketch::codec::EncodedSketch;
use crate::sketch::error::OperationError;
use crate::sketch::header::Header;
use crate::sketch::operations::Overlap;
use std::fmt;

/// The probability with which an interval contains the truth: greater than 0, less than 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence(f64);

impl Confidence {
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

    /// The probability of the binomial distribution that is left for the truth to be above the upper bound.
    pub(crate) fn above(self) -> f64 {
        (1.0 - self.0) / 3.0
    }
}

/// A confidence that is none, with the number that was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConfidenceError(f64);

impl fmt::Display for ConfidenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = Plain(self.0);
        write!(f, "confidence must be greater than 0 and less than 1, not {given}")
    }
}

impl std::error::Error for ConfidenceError {}

/// An estimate between two bounds, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval<T> {
    /// The estimate.
    pub estimate: T,
    /// With the confidence asked for, the truth is this or more ...
    pub lower: T,
    /// ... and this or less.
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

/// The number of distinct values of a sketch. If the sketch is exact, so are the bounds.
///
/// Complexity: about 100 times the square root of the number of retained hashes.
pub fn bounds(sketch: &Header, confidence: Confidence) -> Interval<u64> {
    bounds_of_count(sketch.retained() as u64, sketch.threshold(), confidence)
}

/// The number of distinct values of which so many have a hash below the threshold; exact, if all hashes are.
pub(crate) fn bounds_of_count(retained: u64, threshold: u64, confidence: Confidence) -> Interval<u64> {
    let (estimate, p) = (scale_up(retained, threshold), sampling_rate(threshold));
    if p == 1.0 {
        return Interval::exactly(estimate);
    }

    // As many hashes as these or more are the likelier the larger n is; from the estimate on, as likely as not.
    let lower = first(retained, estimate, |n| {
        binomial::at_least(retained, n, p) >= confidence.below()
    });

    // As many or fewer are the less likely the larger n is.
    let is_unlikely = |n| binomial::at_most(retained, n, p) < confidence.above();
    let mut step = ((retained + 1) as f64).sqrt() / p;
    let (mut likely, mut unlikely) = (estimate, estimate + step as u64 + 1);
    while !is_unlikely(unlikely) {
        step *= 2.0;
        (likely, unlikely) = (unlikely, unlikely + step as u64);
    }
    let upper = first(likely, unlikely, is_unlikely) - 1;
    Interval {
        estimate,
        lower,
        upper: upper.max(estimate),
    }
}

/// The smallest number from `low` on for which `holds`; it holds for all that follow, and `high` is taken to be one.
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

/// The Jaccard index of two sets: the number of values in both over that in either. Of two sets without values, 1: they
/// are equal. NaN with the bounds 0 and 1 if nothing is known, as when neither of two derived sketches retains a hash.
///
/// Given the number of hashes in either sample, that in both is hypergeometric, which the binomial distribution covers.
///
/// Complexity: linear in the number of hashes.
///
/// # Errors
///
/// [`OperationError::Seeds`] when the hashes come from hash functions of different seeds, [`OperationError::Kinds`]
/// when they are those of values of different kinds.
pub fn jaccard<S: Surroundings>(
    a: &EncodedSketch<'_>,
    b: &EncodedSketch<'_>,
    confidence: Confidence,
    surroundings: &S,
) -> Result<Interval<f64>, OperationError> {
    let is_empty = |sketch: &EncodedSketch<'_>| sketch.header().is_exact() && sketch.header().retained() == 0;
    // Without hashes, only a derived sketch may be that of an empty set.
    let may_be_empty = |sketch: &EncodedSketch<'_>| {
        is_empty(sketch) || sketch.header().is_derived() && sketch.header().retained() == 0
    };
    let overlap = Overlap::of(a, b, surroundings)?;
    let (both, either) = (overlap.both, overlap.either());
    let estimate = both as f64 / either as f64;
    if is_empty(a) && is_empty(b) {
        return Ok(Interval::exactly(1.0));
    }
    if is_empty(a) && !may_be_empty(b) || is_empty(b) && !may_be_empty(a) {
        return Ok(Interval::exactly(0.0));
    }
    if a.header().is_exact() && b.header().is_exact() {
        return Ok(Interval::exactly(estimate));
    }
    let lower = match both {
        0 => 0.0,
        _ => crossing(|p| binomial::at_least(both, either, p) >= confidence.below()).0,
    };
    let upper = match both == either {
        true => 1.0,
        false => crossing(|p| binomial::at_most(both, either, p) < confidence.above()).1,
    };
    Ok(Interval { estimate, lower, upper })
}

/// The share, between 0 and 1, from which on `holds`, as the two neighbouring numbers around it.
fn crossing(holds: impl Fn(f64) -> bool) -> (f64, f64) {
    let (mut low, mut high) = (0.0, 1.0);
    while high - low > f64::EPSILON * high {
        let middle = (low + high) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    (low, high)
}
