//! How many bits of a hash a sketch keeps, and which hashes then belong to which level.
//!
//! A sketch keeps the upper bits of each hash: its *cell*. At level 0 these are 48 bits, at all other levels 40. In
//! memory the bits that are not kept are zero, so that cells of either width compare as hashes do.
//!
//! # Why so few
//!
//! Values that share a cell count once. Of n values, all cells at a width of w bits, n 2^-(w+1) are lost so, whatever
//! the level. That is a known share, which the [estimate](crate::Sketch::estimate) puts back. At 40 bits it is 0.05 %
//! of 10^9 values.
//!
//! At level 0 nothing is estimated, and two values that share a cell make the count wrong by one. The chance is n^2
//! 2^-49: one in 7.8 million for the most values that an exact sketch of the default capacity holds. Eight bits fewer
//! would make that one in 30,000.
//!
//! # Why the state still follows from the values
//!
//! The threshold of a level is the row's T_j, without the bits that are not kept. So a hash is below it if and only if
//! its cell is, and dropping bits commutes with thinning and with union. The width depends on the level alone, and not
//! on the capacity. So a sketch at a smaller capacity follows from one at a larger: of the cells that fill the larger
//! one, the smaller one would have been full before.

use crate::set::threshold::{HASH_BITS, threshold as whole_threshold};

/// How many bits of each hash a sketch keeps at level 0.
pub const EXACT_WIDTH: u32 = 48;

/// How many bits of each hash a sketch keeps at all other levels.
pub const WIDTH: u32 = 40;

/// How many bits of each hash a sketch of that level keeps.
pub const fn width(level: u16) -> u32 {
    if level == 0 { EXACT_WIDTH } else { WIDTH }
}

/// The bits of a hash that a sketch of that level keeps.
#[inline(always)]
pub(crate) const fn kept(level: u16) -> u64 {
    u64::MAX << (HASH_BITS - width(level))
}

/// The cell of a hash at that level: the hash with zeros for the bits that are not kept.
#[inline(always)]
pub(crate) fn cell(hash: u64, level: u16) -> u64 {
    hash & kept(level)
}

/// Replaces hashes by their cells.
#[inline(always)]
pub(crate) fn cut(hashes: &mut [u64], level: u16) {
    let kept = kept(level);
    hashes.iter_mut().for_each(|hash| *hash &= kept);
}

/// The cells at that level of the hashes that belong to it. The hashes ascend, and may be cut already.
pub(crate) fn cells(hashes: impl Iterator<Item = u64>, level: u16) -> impl Iterator<Item = u64> {
    let threshold = threshold(level).unwrap_or(0);
    let mut last = None;
    hashes
        .map_while(move |hash| (hash < threshold).then_some(cell(hash, level)))
        .filter(move |&cell| last.replace(cell) != Some(cell))
}

/// Number of levels. At the last one, seven cells are below the threshold.
const LEVELS: usize = {
    let mut levels = 1;
    while let Some(whole) = whole_threshold(levels - 1)
        && whole >> (HASH_BITS - WIDTH) > 7
    {
        levels += 1;
    }
    levels as usize
};

const THRESHOLDS: [u64; LEVELS] = {
    let mut thresholds = [0; LEVELS];
    let mut level = 0;
    while level < LEVELS {
        if let Some(whole) = whole_threshold(level as u16) {
            let dropped = HASH_BITS - width(level as u16);
            thresholds[level] = whole >> dropped << dropped;
        }
        level += 1;
    }
    thresholds
};

/// The last level of a sketch.
pub const MAX_LEVEL: u16 = (LEVELS - 1) as u16;

/// The number of cells below the threshold of the last level.
pub(crate) const LAST_CELLS: u64 = THRESHOLDS[LEVELS - 1] >> (HASH_BITS - WIDTH);

/// The threshold of a sketch's level, or `None` beyond [`MAX_LEVEL`]. A hash below it belongs to the level, and so does
/// its cell.
pub fn threshold(level: u16) -> Option<u64> {
    THRESHOLDS.get(usize::from(level)).copied()
}

/// For each number of significant bits, a level to which all hashes of so many bits belong: the last one.
const LAST_OF_BITS: [u16; HASH_BITS as usize + 1] = {
    let mut levels = [0; HASH_BITS as usize + 1];
    let mut bits = 0;
    while bits < levels.len() {
        while (levels[bits] as usize) < LEVELS - 1 && THRESHOLDS[levels[bits] as usize + 1] >= 1 << bits {
            levels[bits] += 1;
        }
        bits += 1;
    }
    levels
};

/// The last level to which a hash belongs. Of one with more than [`HASH_BITS`] bits it is 0. Cannot panic.
#[inline]
pub(crate) fn level_of(hash: u64) -> u16 {
    let bits = u64::BITS - hash.leading_zeros();
    let mut level = LAST_OF_BITS.get(bits as usize).copied().unwrap_or(0);
    // At most seven steps.
    while THRESHOLDS
        .get(usize::from(level) + 1)
        .is_some_and(|&threshold| hash < threshold)
    {
        level += 1;
    }
    level
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::capacity::MIN_CAPACITY;

    #[test]
    fn the_row_is_frozen() {
        assert_eq!(MAX_LEVEL, 193);
        assert_eq!(threshold(0), Some(1 << 56));
        assert_eq!(threshold(1), Some(63_050_394_783_186_944)); // 7/8 of all cells
        assert_eq!(threshold(100), Some(1_745_842 << 16));
        assert_eq!(threshold(MAX_LEVEL), Some(LAST_CELLS << 16));
        assert_eq!(threshold(MAX_LEVEL + 1), None);
        assert!(LAST_CELLS < u64::from(MIN_CAPACITY));
    }

    #[test]
    fn every_level_has_fewer_cells_than_the_one_before() {
        for level in 1..=MAX_LEVEL {
            let [this, before] = [level, level - 1].map(|level| threshold(level).unwrap());
            assert!(this < before && this > 0, "level {level}");
            assert_eq!(cell(this, level), this);
        }
    }

    #[test]
    fn a_hash_belongs_if_its_cell_does() {
        for level in 0..=MAX_LEVEL {
            let threshold = threshold(level).unwrap();
            for hash in [
                threshold - 1,
                threshold,
                threshold + 1,
                threshold / 3,
                whole_threshold(level).unwrap() - 1,
            ] {
                assert_eq!(
                    hash < threshold,
                    cell(hash, level) < threshold,
                    "{hash} at level {level}"
                );
            }
        }
    }

    #[test]
    fn a_hash_belongs_up_to_its_level_and_no_further() {
        let near = (0..=MAX_LEVEL).filter_map(threshold).flat_map(|t| [t - 1, t, t + 1]);
        let powers = (0..HASH_BITS).flat_map(|bits| [(1_u64 << bits) - 1, 1 << bits]);
        for hash in near.chain(powers).filter(|&hash| hash < 1 << HASH_BITS) {
            let level = level_of(hash);
            assert!(hash < threshold(level).unwrap(), "{hash}");
            assert!(threshold(level + 1).is_none_or(|next| hash >= next), "{hash}");
        }
    }
}
