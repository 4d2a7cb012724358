//! From the accuracy that a user asks for to the capacity that keeps the promise.
//!
//! # The formula
//!
//! The promise is P(|estimate / n - 1| > epsilon) <= delta for every n, over the choice of the hash function. Given the
//! level j, the number of retained hashes is close to Poisson with mean m = n p_j. A sketch of capacity B settles where
//! m lies between f B and B, with f = 7/8. Two bounds follow, and the capacity is the larger.
//!
//! 1. *Both tails, fine epsilon.* The relative error is close to normal with variance 1/m. At the smallest mean, f B,
//!    it stays within epsilon with probability 1 - delta when `B = z(delta/2)^2 / (f epsilon^2)`. Here z(q) is the
//!    upper q-quantile of the normal distribution.
//! 2. *The upper tail, coarse epsilon.* The Poisson distribution is skewed to the right, so the upper tail decides.
//!    `P(Poisson(m) > m (1 + epsilon))` is close to `P(Z > sqrt(2 m k))`. Here `k = (1 + epsilon) ln(1 + epsilon) -
//!    epsilon` is the Kullback-Leibler rate. Moreover, the sketch raises the level *because* many hashes belong, which
//!    biases the retained number upwards. A failure at level j only needs an overflow at the level before. That
//!    overflow is likely already for means down to f B (1 - f epsilon). Together, `B = z(delta)^2 / (2 f k (1 - f
//!    epsilon))`.
//!
//! The [estimate that never falls](crate::Sketch::estimate) is B over the rate of the level before, where that is more
//! than the retained hashes stand for. So it can only fail above more often: where B hashes belonged to that level, and
//! stood for too many values. Bound 2 has room for that, and below the estimate fails less often.
//!
//! Both are approximations. The factor `1 + epsilon/4 + delta/3` covers what they leave out. It was found by computing
//! the failure probability on a fine grid of (epsilon, delta) and of n. The test `tests/accuracy.rs` recomputes it.
//!
//! The bound of the published algorithm, for a stream of m rows, is `12 / epsilon^2 * log2(8 m / delta)`. It asks for
//! 438,631 hashes at epsilon 0.03, delta 0.01 and ten million rows. This formula asks for 8,517, which is 51 times
//! less.

use crate::set::threshold::{LAST_THRESHOLD, STEP};
use crate::set::width::LAST_CELLS;
use statrs::distribution::{ContinuousCDF, Normal};
use std::fmt;

/// Legal range of epsilon, the relative error. Both ends are included.
pub const EPSILON_RANGE: (f64, f64) = (0.001, 0.5);

/// Legal range of delta, the probability that the error exceeds epsilon. Both ends are included.
pub const DELTA_RANGE: (f64, f64) = (1e-9, 0.1);

/// Legal range of a standard error, for those who say the error so. Both ends are included.
pub const STANDARD_ERROR_RANGE: (f64, f64) = (0.0004, 0.5);

/// How many standard errors epsilon is, at the default delta.
///
/// The mean m of the retained hashes goes from f B to B as n grows, evenly in log n. So the variance of the relative
/// error is (1/f - 1) / ln(1/f) / B on average. With the B of the first bound, epsilon is 2.66 of its roots. The margin
/// makes that 2.7.
const STANDARD_ERRORS: f64 = 2.7;

/// The epsilon at which a sketch has that standard error, at the default delta. `None` if the error is NaN or outside
/// [`STANDARD_ERROR_RANGE`]. One that is coarser than the coarsest legal epsilon gets that epsilon.
///
/// Complexity: constant, and cheap enough for each row.
#[inline]
pub fn epsilon_of_standard_error(error: f64) -> Option<f64> {
    (STANDARD_ERROR_RANGE.0..=STANDARD_ERROR_RANGE.1)
        .contains(&error)
        .then(|| (STANDARD_ERRORS * error).min(EPSILON_RANGE.1))
}

/// The smallest legal capacity. At most seven hashes belong to the last level, so some level always has fewer than
/// eight.
pub const MIN_CAPACITY: u32 = 8;
const _: () = assert!(LAST_THRESHOLD < MIN_CAPACITY as u64);
const _: () = assert!(LAST_CELLS < MIN_CAPACITY as u64);

/// The largest legal capacity: no legal accuracy asks for more.
pub const MAX_CAPACITY: u32 = 1 << 26;

/// A promise: the estimate is within a factor 1 ± `epsilon` of the truth with probability at least 1 - `delta`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    epsilon: f64,
    delta: f64,
}

/// The capacity of the default accuracy: a constant, since each group of a GROUP BY asks for it.
///
/// It is part of the stored format, too: the sketch of nothing has it ([`Header::NOTHING`](crate::Header::NOTHING)).
pub const DEFAULT_CAPACITY: u32 = 8_517;

impl Default for Accuracy {
    /// An error of at most 3 %, 99 times in 100.
    fn default() -> Self {
        Accuracy {
            epsilon: 0.03,
            delta: 0.01,
        }
    }
}

impl Accuracy {
    /// An accuracy from its two numbers.
    ///
    /// # Errors
    ///
    /// [`AccuracyError`] when either number is NaN or outside [`EPSILON_RANGE`] or [`DELTA_RANGE`].
    pub fn new(epsilon: f64, delta: f64) -> Result<Self, AccuracyError> {
        if !(EPSILON_RANGE.0..=EPSILON_RANGE.1).contains(&epsilon) {
            return Err(AccuracyError::Epsilon(epsilon));
        }
        if !(DELTA_RANGE.0..=DELTA_RANGE.1).contains(&delta) {
            return Err(AccuracyError::Delta(delta));
        }
        Ok(Accuracy { epsilon, delta })
    }

    /// The finest accuracy that a sketch of that capacity has at that delta. Its epsilon is rounded up to two digits.
    ///
    /// `None` if that accuracy is coarser than is legal.
    ///
    /// Complexity: constant.
    pub fn finest(capacity: u32, delta: f64) -> Option<Self> {
        let is_kept = |epsilon| Accuracy { epsilon, delta }.capacity() <= capacity;
        let (mut low, mut high) = EPSILON_RANGE;
        if !is_kept(high) {
            return None;
        }
        if is_kept(low) {
            return Some(Accuracy { epsilon: low, delta });
        }
        // The capacity falls as epsilon grows.
        for _ in 0..f64::MANTISSA_DIGITS {
            let middle = (low + high) / 2.0;
            if is_kept(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        let scale = 10_f64.powf(1.0 - high.log10().floor());
        let epsilon = ((high * scale).ceil() / scale).min(EPSILON_RANGE.1);
        Some(Accuracy { epsilon, delta })
    }

    /// What to say where this accuracy is asked of a sketch of that capacity, which has too little for it.
    pub fn too_fine_for(&self, capacity: u32) -> String {
        let has = match Accuracy::finest(capacity, self.delta) {
            Some(finest) => format!("it has epsilon {}", SqlNumber(finest.epsilon)),
            None => format!("its epsilon is above {}", SqlNumber(EPSILON_RANGE.1)),
        };
        let (epsilon, delta) = (SqlNumber(self.epsilon), SqlNumber(self.delta));
        format!("cannot downsample a cvm_sketch to epsilon {epsilon}, which is finer: at delta {delta}, {has}")
    }

    /// The relative error.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// The probability that the error exceeds [`epsilon`](Self::epsilon).
    pub fn delta(&self) -> f64 {
        self.delta
    }

    /// The smallest capacity known to keep the promise, between [`MIN_CAPACITY`] and [`MAX_CAPACITY`]. The
    /// [module](self) explains the formula.
    pub fn capacity(&self) -> u32 {
        let (epsilon, delta) = (self.epsilon, self.delta);
        let normal = Normal::standard();
        let z_two_sided = normal.inverse_cdf(1.0 - delta / 2.0);
        let z_upper = normal.inverse_cdf(1.0 - delta);
        let rate = (1.0 + epsilon) * epsilon.ln_1p() - epsilon;

        let both_tails = z_two_sided.powi(2) / (STEP * epsilon.powi(2));
        let upper_tail = z_upper.powi(2) / (2.0 * STEP * rate * (1.0 - STEP * epsilon));
        let margin = 1.0 + epsilon / 4.0 + delta / 3.0;
        (both_tails.max(upper_tail) * margin).ceil() as u32
    }
}

/// An accuracy outside the legal ranges, with the number that was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AccuracyError {
    /// Epsilon is NaN or outside [`EPSILON_RANGE`].
    Epsilon(f64),
    /// Delta is NaN or outside [`DELTA_RANGE`].
    Delta(f64),
}

impl fmt::Display for AccuracyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, (low, high), given) = match self {
            AccuracyError::Epsilon(given) => ("epsilon", EPSILON_RANGE, given),
            AccuracyError::Delta(given) => ("delta", DELTA_RANGE, given),
        };
        let [low, high, given] = [low, high, *given].map(SqlNumber);
        write!(f, "{name} must be between {low} and {high}, not {given}")
    }
}

/// A number written as SQL writes it: 2, 0.001, 1e-9, Infinity.
pub struct SqlNumber(pub f64);

impl fmt::Display for SqlNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            f64::INFINITY => f.write_str("Infinity"),
            f64::NEG_INFINITY => f.write_str("-Infinity"),
            number if number != 0.0 && !(1e-4..1e15).contains(&number.abs()) => write!(f, "{number:e}"),
            number => write!(f, "{number}"),
        }
    }
}

impl std::error::Error for AccuracyError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finest_accuracy_of_a_capacity_is_what_asked_for_it() {
        for epsilon in [0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1] {
            for delta in [1e-9, 0.001, 0.01, 0.1] {
                let accuracy = Accuracy::new(epsilon, delta).unwrap();
                assert_eq!(Accuracy::finest(accuracy.capacity(), delta), Some(accuracy));
                let coarser = Accuracy::finest(accuracy.capacity() - 1, delta).unwrap();
                assert!(coarser.epsilon() >= epsilon && coarser.capacity() < accuracy.capacity());
            }
        }
        assert_eq!(Accuracy::finest(MIN_CAPACITY, 1e-9), None);
        assert_eq!(Accuracy::finest(MAX_CAPACITY, 0.1).unwrap().epsilon(), EPSILON_RANGE.0);
    }

    #[test]
    fn every_legal_accuracy_has_a_legal_capacity() {
        let finest = Accuracy::new(EPSILON_RANGE.0, DELTA_RANGE.0).unwrap().capacity();
        let coarsest = Accuracy::new(EPSILON_RANGE.1, DELTA_RANGE.1).unwrap().capacity();
        assert!(finest <= MAX_CAPACITY, "{finest}");
        assert!(coarsest >= MIN_CAPACITY, "{coarsest}");
    }

    #[test]
    fn a_legal_standard_error_has_a_legal_epsilon() {
        for error in [STANDARD_ERROR_RANGE.0, 0.001, 0.02, 0.18, 0.19, STANDARD_ERROR_RANGE.1] {
            let epsilon = epsilon_of_standard_error(error).unwrap();
            assert!(Accuracy::new(epsilon, Accuracy::default().delta()).is_ok(), "{error}");
            assert_eq!(epsilon, (2.7 * error).min(0.5));
        }
        for error in [f64::NAN, f64::NEG_INFINITY, -0.1, 0.0, 0.0003, 0.51, f64::INFINITY] {
            assert_eq!(epsilon_of_standard_error(error), None, "{error}");
        }
    }

    #[test]
    fn capacities_are_frozen() {
        let capacity = |epsilon, delta| Accuracy::new(epsilon, delta).unwrap().capacity();
        assert_eq!(Accuracy::default().capacity(), DEFAULT_CAPACITY);
        assert_eq!(capacity(0.01, 0.01), 76_270);
        assert_eq!(capacity(0.01, 0.001), 124_095);
        assert_eq!(capacity(0.5, 0.001), 101);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for epsilon in [f64::NAN, f64::INFINITY, -0.1, 0.0, 0.0009, 0.51] {
            assert!(matches!(Accuracy::new(epsilon, 0.01), Err(AccuracyError::Epsilon(_))));
        }
        for delta in [f64::NAN, f64::NEG_INFINITY, -0.1, 0.0, 1e-10, 0.11] {
            assert!(matches!(Accuracy::new(0.03, delta), Err(AccuracyError::Delta(_))));
        }
        let message = Accuracy::new(2.0, 0.01).unwrap_err().to_string();
        assert_eq!(message, "epsilon must be between 0.001 and 0.5, not 2");
        let message = Accuracy::new(0.03, f64::NEG_INFINITY).unwrap_err().to_string();
        assert_eq!(message, "delta must be between 1e-9 and 0.1, not -Infinity");
    }
}
