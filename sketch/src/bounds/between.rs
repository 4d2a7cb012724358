//! Confidence intervals of what two sets have in common, from both sketches at once: intersection, difference,
//! containment.
//!
//! At the common level, the higher of the two, it is known of each hash which sets its value is in; and that is all
//! that the intersection of two sketches keeps. But the sketch at the lower level, the finer one, has more hashes. It
//! is asked two questions, one after the other:
//!
//! 1. *How many of its N hashes belong?* Of m, those at the common level, it is known: k do. They are a sample of the N
//!    without replacement, so k is hypergeometric, and k N / m is the estimate.
//! 2. *How many values do so many hashes stand for?* They are a sample of the values, with the rate p of the finer
//!    sketch. An exact sketch has the rate 1: there is no second question.
//!
//! The estimate k N / (m p) is that of maximum likelihood. It is the share of the finer sketch's hashes that belong,
//! times that sketch's own estimate, and the coarser sketch has nothing to add: the same from its side is k over its
//! rate, as the intersection of the two sketches has it. Nor does it say more of a difference a - b: its hashes outside
//! a say nothing, and those inside are known. So the difference is asked of a, whichever is finer.
//!
//! The bounds are Clopper and Pearson's for the two steps together: the lower is the smallest number of values that
//! makes so many common hashes as k or more likely enough, the upper the largest that makes so few likely enough, if N
//! and m are taken as they are. Where only one question is open, its answer is the result; at equal levels that is the
//! one of [`interval::bounds`](crate::bounds::interval::bounds) for the intersection or difference of the sketches.
//!
//! As there, what is left to be wrong is a half below and a third above: a sketch stays at its level the rather for
//! having few hashes there, which makes few common ones likelier. The test `tests/between.rs` simulates the coverage.

use crate::bounds::hypergeometric::Draw;
use crate::bounds::interval::{Confidence, Interval, bounds, bounds_of_count, first};
use crate::host::Surroundings;
use crate::set::threshold::{sampling_rate, scale_up_share};
use crate::sketch::codec::EncodedSketch;
use crate::sketch::error::OperationError;
use crate::sketch::header::Header;
use crate::sketch::operations::Overlap;

/// The number of distinct values in both sets: never more than either sketch estimates, or may have at that confidence,
/// nor fewer than the common hashes. Exact if both sketches are, or if one is and empty.
///
/// Unlike that of the [intersection](crate::sketch::operations::intersection), the estimate is not quite unbiased: where nearly
/// all values of the coarser sketch are in the other, it is cut off at what the coarser one estimates.
///
/// Complexity: linear in the number of hashes.
///
/// # Errors
///
/// [`OperationError::Seeds`] when the hashes come from hash functions of different seeds, [`OperationError::Kinds`]
/// when they are those of values of different kinds.
pub fn intersection<S: Surroundings>(
    a: &EncodedSketch<'_>,
    b: &EncodedSketch<'_>,
    confidence: Confidence,
    surroundings: &S,
) -> Result<Interval<u64>, OperationError> {
    let overlap = Overlap::of(a, b, surroundings)?;
    let (a, b) = ((a.header(), overlap.only_a), (b.header(), overlap.only_b));
    let ((finer, only), (coarser, _)) = if a.0.level() <= b.0.level() { (a, b) } else { (b, a) };
    let both = Part::new(finer, overlap.both, overlap.both + only).bounds(confidence, surroundings);
    let most = bounds(coarser, confidence);
    let estimate = both.estimate.min(most.estimate);
    Ok(Interval {
        estimate,
        lower: both.lower,
        upper: both.upper.min(most.upper),
    }
    .in_order())
}

/// The number of distinct values in the first set but not in the second: never more than the first sketch estimates, or
/// may have at that confidence, nor fewer than the hashes that only it has. Exact if both sketches are, or if the first
/// is and empty. Arguments, complexity and errors as of [`intersection`].
///
/// # Errors
///
/// [`OperationError::Seeds`], [`OperationError::Kinds`].
pub fn difference<S: Surroundings>(
    a: &EncodedSketch<'_>,
    b: &EncodedSketch<'_>,
    confidence: Confidence,
    surroundings: &S,
) -> Result<Interval<u64>, OperationError> {
    let overlap = Overlap::of(a, b, surroundings)?;
    let only_a = Part::new(a.header(), overlap.only_a, overlap.both + overlap.only_a);
    Ok(only_a.bounds(confidence, surroundings))
}

/// The share of the values of the first set that are in the second: 1 if the first is empty, and NaN with the bounds 0
/// and 1 if nothing is known, as when no hash of the first is left at the common level. Exact if both sketches are, or
/// if one is and empty. Arguments, complexity and errors as of [`intersection`].
///
/// # Errors
///
/// [`OperationError::Seeds`], [`OperationError::Kinds`].
pub fn containment<S: Surroundings>(
    a: &EncodedSketch<'_>,
    b: &EncodedSketch<'_>,
    confidence: Confidence,
    surroundings: &S,
) -> Result<Interval<f64>, OperationError> {
    let overlap = Overlap::of(a, b, surroundings)?;
    let (a, b) = (a.header(), b.header());
    let is_empty = |sketch: &Header| sketch.is_exact() && sketch.retained() == 0;
    let told = overlap.both + overlap.only_a;
    if is_empty(a) {
        return Ok(Interval::exactly(1.0));
    }
    if told == 0 {
        return Ok(Interval {
            estimate: f64::NAN,
            lower: 0.0,
            upper: 1.0,
        });
    }
    if is_empty(b) {
        return Ok(Interval::exactly(0.0));
    }
    // The hashes at the common level are a sample of all values of a, of which there are so many at most.
    let values = bounds(a, confidence).upper;
    let (least, most) = marked(values, told, overlap.both, confidence);
    let of_a = Interval {
        estimate: overlap.both as f64 / told as f64,
        lower: least as f64 / values as f64,
        upper: most as f64 / values as f64,
    }
    .in_order();
    if a.level() <= b.level() {
        return Ok(of_a);
    }
    // Here b knows more of the intersection, which tells most if b is small; and a of the rest.
    let both = Part::new(b, overlap.both, overlap.both + overlap.only_b);
    let rest = Part::new(a, overlap.only_a, told);
    let (x, y) = (
        both.bounds(confidence, surroundings),
        rest.bounds(confidence, surroundings),
    );
    let share = |x: f64, y: f64| x / (x + y);
    let of_both = Interval {
        estimate: share(both.estimate(), rest.estimate()),
        lower: share(x.lower as f64, y.upper as f64),
        upper: share(x.upper as f64, y.lower as f64),
    };
    // Where the two are equally wide, the latter misses far less often than it may: so to choose costs no confidence.
    let of_a_is_narrower = of_a.upper - of_a.lower < of_both.upper - of_both.lower;
    let (lower, upper) = match of_a_is_narrower {
        true => (of_a.lower, of_a.upper),
        false => (of_both.lower, of_both.upper),
    };
    Ok(Interval {
        lower,
        upper,
        ..of_both
    }
    .in_order())
}

/// How many values of a population are marked, if so many of a sample are.
fn marked(population: u64, sample: u64, seen: u64, confidence: Confidence) -> (u64, u64) {
    if sample == population {
        return (seen, seen);
    }
    let draw = Draw { population, sample };
    let all = population - (sample - seen);
    let least = first(seen, all, |marked| draw.at_least(seen, marked) >= confidence.below());
    let most = first(seen + 1, all + 1, |marked| {
        draw.at_most(seen, marked) < confidence.above()
    }) - 1;
    (least, most)
}

impl<T: Copy + PartialOrd> Interval<T> {
    /// With bounds that include the estimate. At a low confidence they need not.
    fn in_order(self) -> Self {
        let Interval { estimate, lower, upper } = self;
        Interval {
            estimate,
            lower: if lower < estimate { lower } else { estimate },
            upper: if upper > estimate { upper } else { estimate },
        }
    }
}

/// A part of the values of a sketch, by the hashes that it has of them.
struct Part {
    /// Of the hashes at the common level, so many belong to the part ...
    known: u64,
    /// ... of so many.
    told: u64,
    /// The number of hashes at the level of the sketch, and what they are below.
    retained: u64,
    threshold: u64,
}

impl Part {
    fn new(sketch: &Header, known: u64, told: u64) -> Self {
        Part {
            known,
            told,
            retained: sketch.retained() as u64,
            threshold: sketch.threshold(),
        }
    }

    /// The estimated number of values.
    fn estimate(&self) -> f64 {
        self.known as f64 * self.retained as f64 / self.told.max(1) as f64 / sampling_rate(self.threshold)
    }

    /// The same as an integer, and its bounds.
    fn bounds<S: Surroundings>(&self, confidence: Confidence, surroundings: &S) -> Interval<u64> {
        let (known, rate) = (self.known, sampling_rate(self.threshold));
        // All are told of, or none: one question is answered.
        if self.told == self.retained {
            return bounds_of_count(known, self.threshold, confidence);
        }
        let estimate = scale_up_share(self.retained, known, self.told, self.threshold);
        let whole = bounds_of_count(self.retained, self.threshold, confidence);
        if self.told == 0 {
            return Interval {
                estimate,
                lower: 0,
                upper: whole.upper,
            };
        }
        let (lower, upper) = if rate == 1.0 {
            marked(self.retained, self.told, known, confidence)
        } else {
            let draw = Draw {
                population: self.retained,
                sample: self.told,
            };
            let is_likely = |values| {
                surroundings.check_for_interrupts();
                draw.at_least_of(known, values, rate) >= confidence.below()
            };
            let is_unlikely = |values| {
                surroundings.check_for_interrupts();
                draw.at_most_of(known, values, rate) < confidence.above()
            };
            // No more than if all of the hashes belonged.
            (
                first(known, estimate, is_likely),
                first(estimate + 1, whole.upper + 1, is_unlikely) - 1,
            )
        };
        Interval { estimate, lower, upper }.in_order()
    }
}
