//! Selects those out of many hashes that belong to a level, and gathers them for look-up.
//!
//! In a long stream few hashes belong. Chance decides which, and no branch predictor foresees it. So a block of hashes
//! is compared at once, without a branch.

use crate::set::threshold::{HASH_BITS, truncate};
use wide::i32x8;

/// How many hashes are compared at once.
pub(crate) const BLOCK: usize = 64;

/// How many blocks are compared before any of their hashes is looked at.
///
/// Chance decides how many hashes belong. A processor that guesses wrong discards what it was reading ahead. So it
/// reads many blocks before the first guess.
pub(crate) const BLOCKS: usize = 32;

/// How many hashes are looked up together at most.
const LOOKUPS: usize = 128;

/// Truncated hashes that belong, gathered until there are enough to look up together.
pub(crate) struct Batch {
    hashes: [u64; LOOKUPS],
    count: usize,
}

impl Batch {
    pub(crate) fn new() -> Self {
        Batch {
            hashes: [0; LOOKUPS],
            count: 0,
        }
    }

    /// Whether the room left may be too small for another block.
    pub(crate) fn is_full(&self) -> bool {
        self.count > LOOKUPS - BLOCK
    }

    /// Adds the 64-bit hash if it belongs: if its truncated form is below the threshold. The batch must not be full.
    #[inline(always)]
    pub(crate) fn select(&mut self, hash: u64, threshold: u64) {
        let hash = truncate(hash);
        self.hashes[self.count % LOOKUPS] = hash;
        self.count += usize::from(hash < threshold);
    }

    /// Calls [`select`](Self::select) for each of the block's [`candidates`].
    #[inline(always)]
    pub(crate) fn select_candidates(&mut self, block: &[u64; BLOCK], mut candidates: u64, threshold: u64) {
        while candidates != 0 {
            self.select(block[candidates.trailing_zeros() as usize % BLOCK], threshold);
            candidates &= candidates - 1;
        }
    }

    /// The hashes gathered. Leaves the batch empty.
    pub(crate) fn take(&mut self) -> &mut [u64] {
        let count = std::mem::take(&mut self.count);
        &mut self.hashes[..count.min(LOOKUPS)]
    }
}

/// A bit for each hash whose upper 32 bits are at most the threshold's. All that belong have it, and hardly any other.
#[inline(always)]
pub(crate) fn candidates(block: &[u64; BLOCK], threshold: u64) -> u64 {
    let bound = (threshold >> (HASH_BITS - u32::BITS)).min(u64::from(u32::MAX)) as u32;
    // The vector instruction compares signed integers. Flipping the sign bit keeps the order of unsigned ones.
    let signed = |half: u32| (half ^ 1 << 31) as i32;
    let bound = i32x8::splat(signed(bound));
    let mut above = 0;
    for (position, eight) in block.as_chunks::<8>().0.iter().enumerate() {
        let upper = i32x8::from(eight.map(|hash| signed((hash >> u32::BITS) as u32)));
        above |= u64::from(upper.simd_gt(bound).to_bitmask()) << (8 * position);
    }
    !above
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::threshold::{MAX_LEVEL, threshold};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_block_is_selected_from_as_each_of_its_hashes(
            block in proptest::collection::vec(
                (any::<u64>(), 0_u32..64).prop_map(|(hash, shift)| hash >> shift),
                BLOCK,
            ),
            level in 0..=MAX_LEVEL,
            near: u64,
        ) {
            let threshold = threshold(level).unwrap();
            let mut block: [u64; BLOCK] = block.try_into().unwrap();
            // Hashes at the threshold itself, and one above and below.
            for (place, offset) in block.iter_mut().skip((near % 60) as usize).zip(0..3) {
                *place = (threshold - 1 + offset).min((1 << HASH_BITS) - 1) << (u64::BITS - HASH_BITS);
            }
            let (mut together, mut each) = (Batch::new(), Batch::new());
            together.select_candidates(&block, candidates(&block, threshold), threshold);
            block.iter().for_each(|&hash| each.select(hash, threshold));
            prop_assert_eq!(together.take(), each.take());
        }
    }
}
