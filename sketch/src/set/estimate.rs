//! How many distinct values a sample of their hashes stands for, by an estimate that never falls.
//!
//! # The formula
//!
//! At level j, each hash belongs with probability p_j. So k retained hashes stand for k / p_j values, which is unbiased.
//! But that falls by chance when a level is entered: of B hashes, 7/8 stay on average, and often fewer. The state knows
//! better. At least B hashes belong to level j - 1, or the level would be lower. Hence
//!
//! ```text
//! estimate = C(max(k / p_j, B / p_(j-1)))    at level j >= 1,    and k at level 0
//! ```
//!
//! where C says how many values are behind [so many cells](crate::set::cells). It grows with their number, so it changes
//! nothing in what follows, which leaves it out.
//!
//! The sketches of intersections and differences know no such thing. Their [estimate](crate::Header::estimate) is
//! C(k / p_j).
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

use crate::set::cells::values_of;
use crate::set::threshold::{HASH_BITS, scale_up};

/// The estimated number of distinct values, rounded to the nearest integer, where `retained` hashes of `width` bits are
/// below `bound`, the threshold of a level.
///
/// `before` is the threshold of the level before, to which `capacity` hashes or more belong. It is `None` where a sketch
/// is derived, for then nothing is known about that level. The [module](self) says why the estimate never falls.
///
/// Complexity: constant.
pub(crate) fn estimate(retained: u64, bound: u64, before: Option<u64>, capacity: u32, width: u32) -> u64 {
    let cells = match before {
        Some(before) => {
            let least = u64::from(capacity).min(before >> (HASH_BITS - width));
            // Compares the two fractions without dividing. The products are below 2^26 * 2^56.
            match u128::from(retained) * u128::from(before) < u128::from(least) * u128::from(bound) {
                true => scale_up(least, before),
                false => scale_up(retained, bound),
            }
        }
        None => scale_up(retained, bound),
    };
    values_of(cells, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::capacity::{DEFAULT_CAPACITY, MAX_CAPACITY, MIN_CAPACITY};
    use crate::set::threshold as whole;
    use crate::set::width::{MAX_LEVEL, threshold, width};

    /// What a sketch of that level says, or with `is_whole` a sample.
    fn said(retained: u64, level: u16, capacity: u32, is_whole: bool) -> u64 {
        let (threshold, width): (fn(u16) -> Option<u64>, u32) = match is_whole {
            true => (whole::threshold, HASH_BITS),
            false => (threshold, width(level)),
        };
        match level.checked_sub(1) {
            Some(before) => estimate(retained, threshold(level).unwrap(), threshold(before), capacity, width),
            None => retained,
        }
    }

    /// All states of a capacity in order, from level to level and from hash to hash: that is the proof, rounding
    /// included.
    #[test]
    fn it_never_falls_from_state_to_state() {
        for capacity in (MIN_CAPACITY..=200).chain([779, 1_000, DEFAULT_CAPACITY, MAX_CAPACITY]) {
            for (is_whole, last_level) in [(false, MAX_LEVEL), (true, whole::MAX_LEVEL)] {
                let mut last = 0;
                for level in 0..=last_level {
                    let legal = match is_whole {
                        true => whole::threshold(level).unwrap(),
                        false => threshold(level).unwrap() >> (HASH_BITS - width(level)),
                    };
                    let most = (capacity - 1).min(legal.min(u64::from(u32::MAX)) as u32);
                    // Of large capacities, the first and the last states of a level, and some between.
                    let step = (most as usize / 500).max(1);
                    for retained in (0..=most).step_by(step).chain([most]) {
                        let estimate = said(u64::from(retained), level, capacity, is_whole);
                        assert!(
                            estimate >= last && estimate <= 1 << HASH_BITS,
                            "capacity {capacity}, level {level}, {retained} hashes: {estimate} after {last}"
                        );
                        last = estimate;
                    }
                }
            }
        }
    }

    #[test]
    fn it_is_the_larger_of_the_two() {
        let said = |retained, level, capacity| {
            let [sketch, sample] = [false, true].map(|is_whole| said(retained, level, capacity, is_whole));
            assert_eq!(sketch, sample);
            sketch
        };
        // Level 1: 8 of all hashes, or 7 at 7/8.
        assert_eq!([7, 8, 9].map(|retained| said(retained, 0, 100)), [7, 8, 9]);
        assert_eq!([0, 6, 7].map(|retained| said(retained, 1, 8)), [8, 8, 8]);
        assert_eq!([86, 87, 88, 89].map(|k| said(k, 1, 100)), [100, 100, 101, 102]);
        // Level 2: 8 / (7/8) = 9.14, and 7 / (49/64) = 9.14 as well, rounded.
        assert_eq!([0, 6, 7].map(|retained| said(retained, 2, 8)), [9, 9, 9]);
    }

    #[test]
    fn at_the_last_levels_fewer_hashes_belong_than_the_capacity() {
        assert_eq!(said(0, MAX_LEVEL, MAX_CAPACITY, false), 1 << HASH_BITS);
        assert_eq!(said(0, whole::MAX_LEVEL, MAX_CAPACITY, true), 1 << HASH_BITS);
    }

    /// Of 10^12 values, 40 % share a cell with another.
    #[test]
    fn it_puts_back_what_shares_a_cell() {
        let (values, level, all) = (1e12, 150, (1_u64 << 40) as f64);
        let rate = threshold(level).unwrap() as f64 / (1_u64 << HASH_BITS) as f64;
        let cells = -all * (-values / all).exp_m1() * rate;
        let said = said(cells.round() as u64, level, 8, false) as f64;
        assert!((said / values - 1.0).abs() < 2.0 / cells, "{said} by {cells} cells");
    }
}
