//! Confidence intervals for what two sets have in common, from both sketches: intersection, difference,
//! containment, Jaccard index.
//!
//! The common level is the higher of the two. For each hash there, both sketches together show which sets its value is
//! in. The intersection of two sketches keeps no more than that. But the finer sketch, at the lower level, has more
//! hashes. It answers two questions, one after the other:
//!
//! 1. *How many of its N hashes belong?* Of m hashes, those at the common level, k are known to belong. The m are a
//!    sample of the N without replacement. So k is hypergeometric, and k N / m is the estimate.
//! 2. *How many values do so many hashes stand for?* They are a sample of the values, with the rate p of the finer
//!    sketch. An exact sketch has the rate 1, so there is no second question.
//!
//! The estimate k N / (m p) is the maximum likelihood estimate. It is the share of the finer sketch's hashes that
//! belong, times that sketch's own estimate N / p. The coarser sketch has nothing to add. By itself it gives k over its
//! rate as the estimate, as the intersection of the two sketches does. Where all m hashes belong, so does the whole set
//! as far as is known. Then the estimate is the one that the finer sketch gives of itself, which
//! [never falls](crate::Sketch::estimate) and may be larger.
//!
//! Nor does the coarser sketch b tell more about a difference a - b. Its hashes outside a say nothing, and its hashes
//! inside a are known. So a answers for the difference, whichever of the two is finer.
//!
//! Above level 0, what a sketch has are [cells](crate::width), and two sets may share one by chance. So a common hash
//! need not be of a common value. In all this, k less the number expected by chance takes the place of k. The bounds
//! grow by what that number may be. Of a difference, p is also the probability that b does not hide the cell. Then the
//! number of values follows from that of cells. `bounds/chance.rs` has the formulas.
//!
//! The bounds are Clopper and Pearson's for the two steps together, with N and m taken as they are. The lower bound is
//! the smallest number of values for which k or more common hashes have at least the error probability of that side.
//! The upper bound is the largest for which k or fewer have. Where only one question is open, its answer is the result.
//! At equal levels, that is what [`interval::bounds`](crate::bounds::interval::bounds) gives for the intersection or
//! difference of the sketches, but for chance.
//!
//! As there, the lower bound gets half of the error probability, and the upper a third. A sketch is likelier to stay at
//! a level where few hashes belong. Few common ones are then likelier, too. The test `tests/between.rs` simulates the
//! coverage, and `tests/cells.rs` where many cells are shared by chance.

use crate::bounds::binomial;
use crate::bounds::chance::Chance;
use crate::bounds::hypergeometric::Draw;
use crate::bounds::interval::{Confidence, Interval, bounds, first, range};
use crate::host::Surroundings;
use crate::set::cells::{values, values_of};
use crate::set::threshold::{sampling_rate, scale_up};
use crate::set::width::WIDTH;
use crate::sketch::codec::EncodedSketch;
use crate::sketch::error::OperationError;
use crate::sketch::header::Header;
use crate::sketch::operations::Overlap;

/// The number of distinct values in both sets. Exact if both sketches are, or if one is exact and empty.
///
/// The estimate is at most either sketch's own estimate. The upper bound is at most either sketch's own upper bound at
/// that confidence. Either may be below the number of common hashes, of which some may be common by chance, as the
/// [module](self) says.
///
/// The estimate is not quite unbiased, unlike the estimate of the
/// [intersection](crate::sketch::operations::intersection) of few values' sketches. Where the other set has nearly all
/// values of the coarser sketch, that sketch's own estimate cuts it off. Where it has all hashes of the finer sketch,
/// the estimate is that sketch's own. And it is never below 0, where fewer hashes are common than are expected by
/// chance.
///
/// Complexity: linear in the number of hashes.
///
/// # Errors
///
/// [`OperationError::Seeds`] when the hashes come from hash functions of different seeds. [`OperationError::Kinds`]
/// when the values are of different kinds.
pub fn intersection<S: Surroundings>(
    a: &EncodedSketch<'_>,
    b: &EncodedSketch<'_>,
    confidence: Confidence,
    surroundings: &S,
) -> Result<Interval<u64>, OperationError> {
    let overlap = Overlap::of(a, b, surroundings)?;
    let (a, b) = ((a.header(), overlap.only_a), (b.header(), overlap.only_b));
    // At equal levels, the one of which more is common answers: if all is, by its own estimate.
    let is_a_finer = (a.0.level(), a.1) <= (b.0.level(), b.1);
    let ((finer, only), (coarser, _)) = if is_a_finer { (a, b) } else { (b, a) };
    let both = Part::common(finer, &overlap, overlap.both + only).bounds(confidence, surroundings);
    let most = bounds(coarser, confidence);
    let estimate = both.estimate.min(most.estimate);
    Ok(Interval {
        estimate,
        lower: both.lower,
        upper: both.upper.min(most.upper),
    }
    .in_order())
}

/// The number of distinct values in the first set but not in the second. Exact if both sketches are, or if the first is
/// exact and empty.
///
/// The estimate is at most the first sketch's own. The upper bound is at most the first sketch's own upper bound at
/// that confidence. Neither is below the number of hashes that only the first has. Arguments and complexity are as for
/// [`intersection`].
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
    Ok(Part::rest(a.header(), &overlap).bounds(confidence, surroundings))
}

/// The share of the values of the first set that are in the second. Exact if both sketches are, or if one is exact and
/// empty.
///
/// It is 1 if the first set is empty. If nothing is known, it is NaN with the bounds 0 and 1. That is so when the first
/// sketch has no hash at the common level. Arguments and complexity are as for [`intersection`].
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
    let examined = overlap.both + overlap.only_a;
    if a.is_empty() {
        return Ok(Interval::exactly(1.0));
    }
    if examined == 0 {
        return Ok(Interval {
            estimate: f64::NAN,
            lower: 0.0,
            upper: 1.0,
        });
    }
    if b.is_empty() {
        return Ok(Interval::exactly(0.0));
    }
    // The hashes at the common level are a sample of all values of a. Of those, there are at most `all`.
    let (all, sample) = (bounds(a, confidence).upper, examined as f64);
    let chance = Chance::of(&overlap);
    // But of fewer, a single common value is a larger share.
    let more = u64::from(!a.is_exact());
    let (lower, upper) = chance.widen(confidence, 1.0 / sample, |common| {
        let (least, most) = marked(all, examined, common, confidence);
        (least as f64 / all as f64, (most + more).min(all) as f64 / all as f64)
    });
    // An exact sketch has values, and any other cells.
    let of_a = match a.is_exact() {
        true => Interval {
            estimate: chance.common() / sample,
            lower,
            upper: upper.min(1.0),
        },
        false => shares_of_values(chance.common() / sample, (lower, upper), examined, &overlap, confidence),
    }
    .in_order();
    if a.level() <= b.level() {
        return Ok(of_a);
    }
    // Here b tells more about the intersection, and most if b is small. And a tells more about the rest.
    let both = Part::common(b, &overlap, overlap.both + overlap.only_b);
    let rest = Part::rest(a, &overlap);
    let (x, y) = (
        both.bounds(confidence, surroundings),
        rest.bounds(confidence, surroundings),
    );
    let share = |x: f64, y: f64| if x > 0.0 { x / (x + y) } else { 0.0 };
    let of_both = Interval {
        estimate: share(both.estimate(), rest.estimate()),
        lower: share(x.lower as f64, y.upper as f64),
        upper: share(x.upper as f64, y.lower as f64),
    };
    // Choosing the narrower is safe: where both are equally wide, `of_both` misses far less often than it may.
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

/// The Jaccard index of two sets: the number of values in both over that in either.
///
/// Two sets without values are equal, and have the index 1. If nothing is known, the index is NaN with the bounds 0 and
/// 1. That is so when neither of two derived sketches retains a hash.
///
/// Given how many hashes are in either sample, the number in both is hypergeometric. The binomial distribution is
/// wider, so its bounds are safe. They grow by what may be common by chance.
///
/// Complexity: linear in the number of hashes.
///
/// # Errors
///
/// [`OperationError::Seeds`] when the hashes come from hash functions of different seeds. [`OperationError::Kinds`]
/// when the values are of different kinds.
pub fn jaccard<S: Surroundings>(
    a: &EncodedSketch<'_>,
    b: &EncodedSketch<'_>,
    confidence: Confidence,
    surroundings: &S,
) -> Result<Interval<f64>, OperationError> {
    let overlap = Overlap::of(a, b, surroundings)?;
    let (a, b) = (a.header(), b.header());
    // A derived sketch without hashes may stand for an empty set, too.
    let may_be_empty = |sketch: &Header| sketch.is_empty() || sketch.is_derived() && sketch.retained() == 0;
    if a.is_empty() && b.is_empty() {
        return Ok(Interval::exactly(1.0));
    }
    if a.is_empty() && !may_be_empty(b) || b.is_empty() && !may_be_empty(a) {
        return Ok(Interval::exactly(0.0));
    }
    let either = overlap.either();
    if a.is_exact() && b.is_exact() {
        return Ok(Interval::exactly(overlap.both as f64 / either as f64));
    }
    if either == 0 {
        return Ok(Interval {
            estimate: f64::NAN,
            lower: 0.0,
            upper: 1.0,
        });
    }
    let chance = Chance::of(&overlap);
    let (lower, upper) = chance.widen(confidence, 1.0 / either as f64, |both| {
        let lower = match both {
            0 => 0.0,
            _ => crossing(|p| binomial::at_least(both, either, p) >= confidence.below()).0,
        };
        let upper = match both == either {
            true => 1.0,
            false => crossing(|p| binomial::at_most(both, either, p) < confidence.above()).1,
        };
        (lower, upper)
    });
    let estimate = chance.common() / either as f64;
    Ok(shares_of_values(estimate, (lower, upper), either, &overlap, confidence).in_order())
}

/// Of fewer cells, values share so few that no share differs by 1 in 250,000. The finest sketch's error is 1 in 2,500.
const MANY_CELLS: u64 = 1 << 23;

/// Shares of the values, from shares of the cells that they hit, of which `sample` are below the threshold.
///
/// The larger the number of cells, the smaller is the share of the values. That number has bounds, too.
fn shares_of_values(
    estimate: f64,
    (lower, upper): (f64, f64),
    sample: u64,
    overlap: &Overlap,
    confidence: Confidence,
) -> Interval<f64> {
    let threshold = overlap.threshold();
    let cells = scale_up(sample, threshold);
    if cells < MANY_CELLS {
        return Interval { estimate, lower, upper };
    }
    let of_values = |share: f64, cells: u64| match share >= 1.0 {
        true => 1.0,
        false => values(share * cells as f64, WIDTH) / values(cells as f64, WIDTH),
    };
    let (least, most) = range(sample, cells, sampling_rate(threshold), confidence);
    Interval {
        estimate: of_values(estimate, cells),
        lower: of_values(lower, most),
        upper: of_values(upper, least),
    }
}

/// The least and the most values of a population that may be marked, if `seen` of a sample are.
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
    /// The interval with bounds that include the estimate. At a low confidence they might not.
    fn in_order(self) -> Self {
        let Interval { estimate, lower, upper } = self;
        Interval {
            estimate,
            lower: if lower < estimate { lower } else { estimate },
            upper: if upper > estimate { upper } else { estimate },
        }
    }
}

/// A part of a sketch's values. Of `examined` hashes at the common level, `belonging` belong to it.
struct Part {
    whole: Header,
    /// How many of the hashes examined belong to the part, as far as is known: with what is common by chance left out.
    belonging: f64,
    /// How many hashes were examined: all that the sketch has at the common level.
    examined: u64,
    /// The probability that a cell of the part is not hidden by the other set.
    visible: f64,
    /// Where the part is what two sets have in common: how much of that is so by chance.
    chance: Option<Chance>,
}

impl Part {
    /// The values of the sketch that are in the other set too, which has `examined` hashes at the common level.
    fn common(sketch: &Header, overlap: &Overlap, examined: u64) -> Self {
        let chance = Chance::of(overlap);
        Part {
            whole: *sketch,
            belonging: chance.common(),
            examined,
            visible: 1.0,
            chance: Some(chance),
        }
    }

    /// The values of the first set that are not in the second.
    fn rest(a: &Header, overlap: &Overlap) -> Self {
        Part {
            whole: *a,
            belonging: overlap.only_a as f64,
            examined: overlap.both + overlap.only_a,
            visible: Chance::of(overlap).free_of_b(),
            chance: None,
        }
    }

    /// The probability that a cell of the part is among the sketch's hashes, and is not hidden.
    fn rate(&self) -> f64 {
        sampling_rate(self.whole.threshold()) * self.visible
    }

    /// How many cells stand behind each hash examined.
    fn scale(&self) -> f64 {
        self.whole.retained() as f64 / self.examined.max(1) as f64 / self.rate()
    }

    /// The estimated number of values.
    fn estimate(&self) -> f64 {
        let cells = self.belonging * self.scale();
        match self.whole.is_exact() {
            true => cells,
            false => values(cells, self.whole.width()),
        }
    }

    /// The estimated number of values as an integer, with its bounds.
    fn bounds<S: Surroundings>(&self, confidence: Confidence, surroundings: &S) -> Interval<u64> {
        let whole = bounds(&self.whole, confidence);
        let of_cells = |cells: u64| match self.whole.is_exact() {
            true => cells,
            false => values_of(cells, self.whole.width()),
        };
        let is_all = self.belonging == self.examined as f64;
        if self.examined == 0 && self.whole.retained() > 0 {
            return Interval {
                estimate: 0,
                lower: 0,
                upper: whole.upper,
            };
        }
        let estimate = match is_all && self.examined > 0 {
            true => whole.estimate,
            false => of_cells((self.belonging * self.scale()).round() as u64).min(whole.estimate),
        };
        let (lower, upper) = match &self.chance {
            None => self.cells(self.belonging as u64, confidence, surroundings),
            Some(chance) => {
                let (lower, upper) = chance.widen(confidence, self.scale(), |common| {
                    let (lower, upper) = self.cells(common, confidence, surroundings);
                    (lower as f64, upper as f64)
                });
                (lower as u64, upper.round() as u64)
            }
        };
        Interval {
            estimate,
            lower: of_cells(lower),
            upper: of_cells(upper).min(whole.upper),
        }
        .in_order()
    }

    /// The bounds for the number of cells, if so many of the hashes examined belong to the part.
    fn cells<S: Surroundings>(&self, belonging: u64, confidence: Confidence, surroundings: &S) -> (u64, u64) {
        let (examined, retained, rate) = (self.examined, self.whole.retained() as u64, self.rate());
        let estimate = (belonging as f64 * self.scale()).round() as u64;
        // If all hashes were examined, the first question is answered, and only the second is open.
        if examined == retained {
            return match rate == 1.0 {
                true => (belonging, belonging),
                false => range(belonging, estimate, rate, confidence),
            };
        }
        if rate == 1.0 {
            return marked(retained, examined, belonging, confidence);
        }
        let draw = Draw {
            population: retained,
            sample: examined,
        };
        let is_likely = |cells| {
            surroundings.check_for_interrupts();
            draw.at_least_of(belonging, cells, rate) >= confidence.below()
        };
        let is_unlikely = |cells| {
            surroundings.check_for_interrupts();
            draw.at_most_of(belonging, cells, rate) < confidence.above()
        };
        // The upper bound is at most that for all hashes of the sketch.
        let own = sampling_rate(self.whole.threshold());
        let all = match self.whole.is_exact() {
            true => retained,
            false => range(retained, scale_up(retained, self.whole.threshold()), own, confidence).1,
        };
        (
            first(belonging, estimate, is_likely),
            first(estimate + 1, all.max(estimate) + 1, is_unlikely) - 1,
        )
    }
}

/// The share, between 0 and 1, from which on `holds`. Returns the largest share found not to hold, and the smallest
/// found to hold. It is assumed not to hold for 0, and to hold for 1.
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
