//! Hashes in six bytes each: the 48 bits that a sketch keeps at most.
//!
//! Four bytes of each hash are in one row, and two in another. So vector instructions take them apart and put them
//! together.

use crate::set::threshold::HASH_BITS;
use crate::set::width::EXACT_WIDTH;
use std::ops::Range;

/// The lowest bits of a hash, which no sketch keeps.
const DROPPED: u32 = HASH_BITS - EXACT_WIDTH;

/// Room for `SIZE` hashes.
pub(crate) struct Packed<const SIZE: usize> {
    lower: [u32; SIZE],
    upper: [u16; SIZE],
}

/// Some packed hashes.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    lower: &'a [u32],
    upper: &'a [u16],
}

/// Places for packed hashes.
pub(crate) struct Places<'a> {
    lower: &'a mut [u32],
    upper: &'a mut [u16],
}

impl<const SIZE: usize> Packed<SIZE> {
    pub(crate) const ZERO: Self = Packed {
        lower: [0; SIZE],
        upper: [0; SIZE],
    };

    pub(crate) fn row(&self) -> Row<'_> {
        Row {
            lower: &self.lower,
            upper: &self.upper,
        }
    }

    pub(crate) fn places(&mut self) -> Places<'_> {
        Places {
            lower: &mut self.lower,
            upper: &mut self.upper,
        }
    }
}

#[inline(always)]
fn lower(hash: u64) -> u32 {
    (hash >> DROPPED) as u32
}

#[inline(always)]
fn upper(hash: u64) -> u16 {
    (hash >> (DROPPED + u32::BITS)) as u16
}

#[inline(always)]
fn joined(lower: u32, upper: u16) -> u64 {
    (u64::from(upper) << u32::BITS | u64::from(lower)) << DROPPED
}

impl<'a> Row<'a> {
    pub(crate) fn len(self) -> usize {
        self.lower.len()
    }

    pub(crate) fn range(self, range: Range<usize>) -> Self {
        Row {
            lower: &self.lower[range.clone()],
            upper: &self.upper[range],
        }
    }

    pub(crate) fn iter(self) -> impl DoubleEndedIterator<Item = u64> + 'a {
        let (lower, upper) = (self.lower.iter(), self.upper.iter());
        lower.zip(upper).map(|(&lower, &upper)| joined(lower, upper))
    }

    /// Of each hash 32 bits, of which a sketch of any level keeps 24.
    pub(crate) fn lower_bits(self) -> &'a [u32] {
        self.lower
    }

    /// Writes the hashes into as many places.
    #[inline]
    pub(crate) fn unpack(self, places: &mut [u64]) {
        let count = places.len();
        // All as long as each other, so that no vector instruction needs to ask.
        let (lower, upper) = (&self.lower[..count], &self.upper[..count]);
        for i in 0..count {
            places[i] = joined(lower[i], upper[i]);
        }
    }
}

impl Places<'_> {
    pub(crate) fn len(&self) -> usize {
        self.lower.len()
    }

    /// Writes hashes from that place on.
    #[inline]
    pub(crate) fn pack(self, from: usize, hashes: &[u64]) {
        let count = hashes.len();
        let (lower_places, upper_places) = (&mut self.lower[from..][..count], &mut self.upper[from..][..count]);
        for i in 0..count {
            lower_places[i] = lower(hashes[i]);
            upper_places[i] = upper(hashes[i]);
        }
    }

    /// Writes hashes from that place on, if all have room. Their number is known when this is compiled, so that no loop
    /// is left of it.
    #[inline(always)]
    pub(crate) fn pack_array<const COUNT: usize>(self, from: usize, hashes: &[u64; COUNT]) -> bool {
        let lower_room = self.lower.get_mut(from..).and_then(|room| room.first_chunk_mut());
        let upper_room = self.upper.get_mut(from..).and_then(|room| room.first_chunk_mut());
        let (Some(lower_room), Some(upper_room)) = (lower_room, upper_room) else {
            return false;
        };
        *lower_room = hashes.map(lower);
        *upper_room = hashes.map(upper);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes() -> [u64; 21] {
        std::array::from_fn(|i| match i {
            0 => 0,
            1 => (1 << HASH_BITS) - (1 << DROPPED),
            i => (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16 << DROPPED,
        })
    }

    fn unpacked<const SIZE: usize>(packed: &Packed<SIZE>) -> [u64; SIZE] {
        let mut hashes = [0; SIZE];
        packed.row().unpack(&mut hashes);
        hashes
    }

    #[test]
    fn what_is_packed_comes_back() {
        let (mut packed, hashes) = (Packed::<21>::ZERO, hashes());
        assert_eq!(size_of_val(&packed), 128);
        packed.places().pack(0, &hashes[..9]);
        packed.places().pack(9, &hashes[9..]);
        assert_eq!(unpacked(&packed), hashes);
        assert!(packed.row().range(3..7).iter().eq(hashes[3..7].iter().copied()));
    }

    #[test]
    fn an_array_is_packed_where_it_has_room() {
        let (mut packed, hashes) = (Packed::<21>::ZERO, hashes());
        for from in [14, 0, 7] {
            assert!(
                packed
                    .places()
                    .pack_array::<7>(from, hashes[from..][..7].try_into().unwrap())
            );
        }
        for from in [15, 20, 21, 22] {
            assert!(!packed.places().pack_array::<7>(from, &[0; 7]));
        }
        assert_eq!(unpacked(&packed), hashes);
    }
}
