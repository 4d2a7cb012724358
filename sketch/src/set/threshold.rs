//! The fixed row of thresholds that says which hashes belong to which level.
//!
//! A hash is an integer of [`HASH_BITS`] bits. A sample keeps all of them, and so did sketches before format version 2.
//! A sketch keeps [fewer](crate::set::width). A whole hash belongs to level j when it is below T_j, where
//!
//! ```text
//! T_0 = 2^56,   T_(j+1) = T_j - floor(T_j / 8)
//! ```
//!
//! So all hashes belong to level 0. Of the hashes at one level, 7/8 belong to the next. Integers make the row exact on
//! every machine.
//!
//! The factor 7/8 is inside a verified family of factors. (Karayel, Watt, Khu, Meel and Tan, "Verification of the CVM
//! Algorithm with a Functional Probabilistic Invariant", ITP 2025.) It keeps a sketch between 7/8 and all of its
//! capacity. So the same promise needs 43 % less memory than with the published factor 1/2.
//!
//! Why 56 bits: with n distinct values, about n / 2^57 of them share a hash with another value. At n = 10^13, that is a
//! relative error of 0.007 %. A sample says exact things about single values, so hardly two of its values may share one.

/// Number of significant bits of a whole hash: the upper ones of the 64-bit hash of a value.
pub const HASH_BITS: u32 = 56;

/// Of so many hashes of one level, all but one belong to the next.
const STEP_PART: u64 = 8;

/// The share of the hashes of one level that belong to the next.
pub const STEP: f64 = 1.0 - 1.0 / STEP_PART as f64;

/// T_0, above every hash.
const ALL: u64 = 1 << HASH_BITS;

/// Number of levels. The row ends at T = 7, where an eighth of the threshold rounds to nothing.
const LEVELS: usize = {
    let mut threshold = ALL;
    let mut levels = 1;
    while threshold >= STEP_PART {
        threshold -= threshold / STEP_PART;
        levels += 1;
    }
    levels
};

const THRESHOLDS: [u64; LEVELS] = {
    let mut thresholds = [ALL; LEVELS];
    let mut level = 1;
    while level < LEVELS {
        thresholds[level] = thresholds[level - 1] - thresholds[level - 1] / STEP_PART;
        level += 1;
    }
    thresholds
};

/// The threshold of the last level, and so the number of hashes that may belong to it.
pub(crate) const LAST_THRESHOLD: u64 = THRESHOLDS[LEVELS - 1];

/// The last level.
pub const MAX_LEVEL: u16 = (LEVELS - 1) as u16;

/// The part of a 64-bit hash that a sketch keeps.
#[inline(always)]
pub(crate) fn truncate(hash: u64) -> u64 {
    hash >> (u64::BITS - HASH_BITS)
}

/// A 64-bit hash from which [`truncate`] makes this one.
#[inline(always)]
pub(crate) fn extend(hash: u64) -> u64 {
    hash << (u64::BITS - HASH_BITS)
}

/// T_level, or `None` beyond [`MAX_LEVEL`]. A whole hash below it belongs to the level.
pub const fn threshold(level: u16) -> Option<u64> {
    if level <= MAX_LEVEL {
        Some(THRESHOLDS[level as usize])
    } else {
        None
    }
}

/// The probability that a hash is below the threshold.
pub(crate) fn sampling_rate(threshold: u64) -> f64 {
    threshold as f64 / ALL as f64
}

/// The number of distinct values that `count` retained hashes stand for: `count * 2^56 / threshold`, rounded to the
/// nearest integer.
pub(crate) fn scale_up(count: u64, threshold: u64) -> u64 {
    // No overflow: distinct hashes make count <= threshold, so the result is at most 2^56.
    ((u128::from(count) * u128::from(ALL) + u128::from(threshold / 2)) / u128::from(threshold)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_is_frozen() {
        assert_eq!(threshold(0), Some(72_057_594_037_927_936));
        assert_eq!(threshold(1), Some(63_050_394_783_186_944));
        assert_eq!(threshold(100), Some(114_415_551_797));
        assert_eq!(threshold(MAX_LEVEL), Some(7));
        assert_eq!(threshold(MAX_LEVEL + 1), None);
        assert_eq!(MAX_LEVEL, 280);
    }

    #[test]
    fn each_level_keeps_seven_eighths() {
        for level in 1..200 {
            let ratio = threshold(level).unwrap() as f64 / threshold(level - 1).unwrap() as f64;
            assert!((ratio - STEP).abs() < 1e-4, "level {level}: {ratio}");
        }
    }

    #[test]
    fn scaling_up_rounds_to_nearest_and_never_overflows() {
        assert_eq!(scale_up(5, ALL), 5);
        assert_eq!(scale_up(7, threshold(1).unwrap()), 8);
        assert_eq!(scale_up(3, threshold(1).unwrap()), 3); // 3.43
        assert_eq!(scale_up(7, 7), ALL);
    }
}
