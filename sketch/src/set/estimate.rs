//! How many distinct values a sample of their hashes stands for, by an estimate that never falls.
//!
//! # The formula
//!
//! At level j, each hash belongs with probability p_j. So k retained hashes stand for k / p_j values, which is unbiased.
//! But that falls by chance when a level is entered: of B hashes, 7/8 stay on average, and often fewer. The state knows
//! better. At least B hashes belong to level j - 1, or the level would be lower. Hence
//!
//! ```text
//! estimate = max(k / p_j, B / p_(j-1))    at level j >= 1,    and k at level 0
//! ```
//!
//! The sketches of intersections and differences know no such thing. Their [estimate](crate::Header::estimate) is k /
//! p_j.
//!
//! # It never falls
//!
//! Let f(j) = B / p_j, which grows with j. At level j, fewer than B hashes are retained. So the estimate is below f(j),
//! and from level 1 on it is at least f(j - 1). Of two states of the same capacity, take one at level j and one at a
//! higher level i. The estimate of the first is below f(j), and that of the second at least f(i - 1) >= f(j). At the
//! same level, the one that retains more hashes has the larger estimate, or the same. So the estimate never falls as
//! long as the level never falls, and the number of hashes falls only where the level grows. That holds where hashes are
//! added, and where sketches are united at one capacity. Rounding to the nearest integer keeps the order.
//!
//! At the last levels, a threshold may be below B. So many hashes cannot belong, and no values lead there. But a sketch
//! from outside may say so. Then the threshold takes the place of B. With f(j) = min(B, T_j) / p_j all of this holds,
//! but that the estimate may reach f(j).
//!
//! Nothing here depends on which values led to a state. So of two sketches of one capacity, neither of them derived, the
//! union is never below either:
//!
//! - *Where the capacities differ*, the union has the smaller one. It is never below a part that has that capacity. It
//!   may be below a finer part. But it is never below what that part says once it is
//!   [downsampled](crate::sketch::operations::downsample) to the union's capacity.
//! - *Where a part is derived*, and the union is not, the union has a higher level i. Such a part, at level j, says k /
//!   p_j < f(j) <= f(i - 1). So the union is not below it. A union that is itself derived says k / p_j, and may be below
//!   a part. It is not below a derived part of its own level.
//!
//! # What it costs
//!
//! The estimate is at least k / p_j, so its mean is above the true number. The test `tests/accuracy.rs` computes by how
//! much. This is the largest bias, as a share of the typical error, 1.03 / sqrt(B):
//!
//! | Capacity B | is that of | n far above B | n at least 1.05 B |
//! |---|---|---|---|
//! | 8,517 and more | the default accuracy | 1/70 | 1/30 |
//! | 780 | epsilon 0.1 | 1/60 | 1/25 |
//! | 58 | the coarsest accuracy at a delta of 0.01 | 1/20 | 1/18 |
//! | 18 | the coarsest accuracy | 1/9 | |
//! | 8 | the smallest sample | 1/6 | |
//!
//! Where n is B, one more than an exact sketch has, the bias is 1/7 of the typical error. But the sample is nearly all
//! values there, and the whole error is a quarter of the typical one.
//!
//! The largest error over all n is smaller than that of k / p_j from a capacity of 58 on. At any one n it is at most
//! 2 % larger, and for the smallest sample 6 %.

use crate::set::threshold::{scale_up, threshold};

/// The estimated number of distinct values, rounded to the nearest integer, where `retained` hashes belong to `level`.
///
/// The level is the smallest to which fewer than `capacity` hashes belong. The [module](self) says why the estimate
/// never falls.
///
/// Complexity: constant.
pub(crate) fn estimate(retained: u64, level: u16, capacity: u32) -> u64 {
    let bound = threshold(level).expect("the level is legal");
    let Some(before) = level.checked_sub(1).and_then(threshold) else {
        return retained;
    };
    let least = u64::from(capacity).min(before);
    // Compares the two fractions without dividing. The products are below 2^26 * 2^56.
    match u128::from(retained) * u128::from(before) < u128::from(least) * u128::from(bound) {
        true => scale_up(least, before),
        false => scale_up(retained, bound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::capacity::{DEFAULT_CAPACITY, MAX_CAPACITY, MIN_CAPACITY};
    use crate::set::threshold::{HASH_BITS, MAX_LEVEL};

    /// All states of a capacity in order, from level to level and from hash to hash: that is the proof, rounding
    /// included.
    #[test]
    fn it_never_falls_from_state_to_state() {
        for capacity in (MIN_CAPACITY..=200).chain([779, 1_000, DEFAULT_CAPACITY, MAX_CAPACITY]) {
            let mut last = 0;
            for level in 0..=MAX_LEVEL {
                let most = (capacity - 1).min(threshold(level).unwrap().min(u64::from(u32::MAX)) as u32);
                // Of large capacities, the first and the last states of a level, and some between.
                let step = (most as usize / 500).max(1);
                for retained in (0..=most).step_by(step).chain([most]) {
                    let estimate = estimate(u64::from(retained), level, capacity);
                    assert!(
                        estimate >= last && estimate <= 1 << HASH_BITS,
                        "capacity {capacity}, level {level}, {retained} hashes: {estimate} after {last}"
                    );
                    last = estimate;
                }
            }
        }
    }

    #[test]
    fn it_is_the_larger_of_the_two() {
        // Level 1: 8 of all hashes, or 7 at 7/8.
        assert_eq!([7, 8, 9].map(|retained| estimate(retained, 0, 100)), [7, 8, 9]);
        assert_eq!([0, 6, 7].map(|retained| estimate(retained, 1, 8)), [8, 8, 8]);
        assert_eq!([86, 87, 88, 89].map(|k| estimate(k, 1, 100)), [100, 100, 101, 102]);
        // Level 2: 8 / (7/8) = 9.14, and 7 / (49/64) = 9.14 as well, rounded.
        assert_eq!([0, 6, 7].map(|retained| estimate(retained, 2, 8)), [9, 9, 9]);
        // No 2^26 hashes are below the threshold of the level before.
        assert_eq!(estimate(0, MAX_LEVEL, MAX_CAPACITY), 1 << HASH_BITS);
    }
}
