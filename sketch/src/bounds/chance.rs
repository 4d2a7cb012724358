//! Cells that two sets share by chance.
//!
//! Two values, one of each set, may hit the same [cell](crate::width). Then both sketches have it, though the sets share
//! no value there. Of two sets without a common value, |A| |B| / 2^w cells are shared so.
//!
//! # How many
//!
//! Of the cells that no common value hits, values of one set alone hit one or not, independently of the other set's.
//! So of the T cells at the common level, let x be those that only a has, y those that only b has, and z those that
//! neither has. Then f = x y / z more are shared by chance, on average. With k shared ones in all, k - f are hit by
//! common values. Per T cells, [C](crate::set::cells) then gives
//!
//! ```text
//! C(k - f) = C(all of a) + C(all of b) - C(all of either)
//! ```
//!
//! which is inclusion-exclusion: values in both = |A| + |B| - |A u B|.
//!
//! The number itself is Poisson's. And f is not known, but computed from x, y and z, which vary too. To first order,
//! the variance of k - f that comes from chance is f (1 + x / z) (1 + y / z).
//!
//! # What only one set has
//!
//! Every cell that only a has is hit by a value of a - b. But b hides some: a share of 1 - q, those that it has itself.
//! So a cell that a - b hits is seen with the probability p q, in place of p. For that q = (x + z) / T, the bounds are
//! those of any sketch. They need no variance of chance: given the cells of b, each other cell is hit or not on its
//! own.

use crate::bounds::binomial;
use crate::bounds::interval::{Confidence, first};
use crate::set::threshold::HASH_BITS;
use crate::set::width::WIDTH;
use crate::sketch::operations::Overlap;

/// Poisson's distribution is the binomial one of so many trials.
const TRIALS: u64 = 1 << HASH_BITS;

/// An expected number that makes no difference to an estimate: the standard error of a number of hashes is at least
/// 0.35, where seven of eight are sampled.
const NEGLIGIBLE: f64 = 0.01;

/// How many of the cells that two samples share, they share by chance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chance {
    shared: u64,
    /// The expected number by chance, at most all that are shared.
    expected: f64,
    /// The same, or 0 where it makes no difference.
    left_out: f64,
    /// The expected number, if the sets have no common value.
    of_strangers: f64,
    /// The standard deviation of what is left, as a multiple of Poisson's.
    spread: f64,
    /// The share of all cells that the second set does not hit.
    free_of_b: f64,
}

impl Chance {
    /// Exact sketches share nothing by chance, as far as they are exact.
    pub(crate) fn of(overlap: &Overlap) -> Self {
        let shared = overlap.both;
        if overlap.level == 0 {
            return Chance {
                shared,
                expected: 0.0,
                left_out: 0.0,
                of_strangers: 0.0,
                spread: 1.0,
                free_of_b: 1.0,
            };
        }
        let cells = (overlap.threshold() >> (HASH_BITS - WIDTH)) as f64;
        let [k, x, y] = [shared, overlap.only_a, overlap.only_b].map(|count| count as f64);
        let neither = (cells - k - x - y).max(1.0);
        let expected = (x * y / neither).min(k);
        Chance {
            shared,
            expected,
            left_out: if expected < NEGLIGIBLE { 0.0 } else { expected },
            of_strangers: (k + x) * (k + y) / cells,
            spread: ((1.0 + x / neither) * (1.0 + y / neither)).sqrt(),
            free_of_b: ((x + neither) / cells).min(1.0),
        }
    }

    /// The share of all cells that the second set does not hit.
    pub(crate) fn free_of_b(&self) -> f64 {
        self.free_of_b
    }

    /// How many shared cells are hit by common values, on average.
    pub(crate) fn common(&self) -> f64 {
        self.shared as f64 - self.left_out
    }

    /// The bounds of something of which each common cell counts `scale`. `of` gives the bounds for so many common
    /// cells, if none is shared by chance.
    ///
    /// The distances of a bound from the estimate, that by sampling and that by chance, are independent. So their
    /// squares add up.
    pub(crate) fn widen(&self, confidence: Confidence, scale: f64, of: impl Fn(u64) -> (f64, f64)) -> (f64, f64) {
        let (expected, common) = (self.expected, self.common().round());
        let (least, most) = of(common as u64);
        let (estimate, rounded) = (self.common() * scale, common * scale);
        let [low, high] = [estimate.min(rounded), estimate.max(rounded)];
        let by_chance = |count: f64| (count - expected).abs() * self.spread * scale;
        let lower = match self.most(confidence.below()) {
            _ if self.may_be_all(confidence.below()) => 0.0,
            0 => least,
            count => (low - (rounded - least).hypot(by_chance(count as f64))).max(0.0),
        };
        let upper = match self.least(confidence.above()) {
            _ if self.left_out == 0.0 => most,
            count => high + (most - rounded).hypot(by_chance(count as f64)),
        };
        (lower, upper)
    }

    /// Whether strangers share so many cells with at least that probability.
    fn may_be_all(&self, alpha: f64) -> bool {
        binomial::at_least(self.shared, TRIALS, self.of_strangers / TRIALS as f64) >= alpha
    }

    /// The number that is exceeded with at most that probability.
    fn most(&self, alpha: f64) -> u64 {
        first(0, self.reach(), |count| {
            binomial::at_least(count + 1, TRIALS, self.expected / TRIALS as f64) <= alpha
        })
    }

    /// The number that is not reached with at most that probability.
    fn least(&self, alpha: f64) -> u64 {
        first(0, self.reach(), |count| {
            binomial::at_most(count, TRIALS, self.expected / TRIALS as f64) > alpha
        })
    }

    /// A number above all that matter: twelve standard deviations, and Poisson's tail where those are few.
    fn reach(&self) -> u64 {
        (self.expected + 12.0 * self.expected.sqrt() + 50.0) as u64
    }
}
