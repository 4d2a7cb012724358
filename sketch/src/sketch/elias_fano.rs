//! Elias-Fano coding of an ascending row of integers below a known bound.
//!
//! (Elias, "Efficient Storage and Retrieval by Content and Address of Static Files", J. ACM 21, 1974. Fano, "On the
//! Number of Bits Required to Implement an Associative Memory", MIT 1971.)
//!
//! Each of the `count` integers below `bound` has its low `l = floor(log2(bound / count))` bits stored as they are. The
//! rest is in unary: for the i-th value, bit `(value >> l) + i` of a bitmap is set.
//!
//! That takes at most `log2(bound / count) + 2` bits for each integer. Information theory asks for `log2(bound / count)
//! + 1.44`. The length follows from `count` and `bound` alone, so it can be checked before anything is read.

/// The layout of a row of `count` integers below `bound`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    count: usize,
    low_bits: u32,
    low_bytes: usize,
    high_bits: usize,
}

impl Layout {
    /// `bound` is at most 2^56, and `count` at most `bound` and 2^32.
    pub(crate) fn new(count: usize, bound: u64) -> Self {
        debug_assert!(count as u64 <= bound && bound <= 1 << 56);
        if count == 0 {
            return Layout {
                count,
                low_bits: 0,
                low_bytes: 0,
                high_bits: 0,
            };
        }
        let low_bits = (bound / count as u64).ilog2();
        Layout {
            count,
            low_bits,
            low_bytes: (count * low_bits as usize).div_ceil(8),
            high_bits: count + ((bound - 1) >> low_bits) as usize,
        }
    }

    /// The length of the row in bytes: the low bits, then the bitmap. Zeros pad each to whole bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.low_bytes + self.high_bits.div_ceil(8)
    }

    /// Writes an ascending row into `bytes`, which are zero and as many as [`bytes`](Self::bytes) says.
    pub(crate) fn encode(&self, row: impl Iterator<Item = u64>, bytes: &mut [u8]) {
        let (low, high) = bytes.split_at_mut(self.low_bytes);
        // Nothing is read back that was just written, which the processor would have to wait for.
        let (mut low_start, mut low_word, mut low_filled) = (0, 0, 0);
        let (mut high_start, mut high_word) = (0, 0);
        for (i, value) in row.enumerate() {
            // At most 7 + 56 bits, so one word holds them.
            low_word |= (value & low_mask(self.low_bits)) << low_filled;
            write_word(low, low_start, low_word);
            low_filled += self.low_bits;
            low_start += low_filled as usize / 8;
            low_word >>= low_filled / 8 * 8;
            low_filled %= 8;
            let position = (value >> self.low_bits) as usize + i;
            if position / 64 != high_start / 8 {
                write_word(high, high_start, high_word);
                (high_start, high_word) = (position / 64 * 8, 0);
            }
            high_word |= 1 << (position % 64);
        }
        write_word(high, high_start, high_word);
    }

    /// Reads a row from `bytes`, which are as many as [`bytes`](Self::bytes) says.
    ///
    /// They may hold anything. So may the row then, but it is never longer than `count`. The row and
    /// [`is_padded_with_zeros`](Self::is_padded_with_zeros) tell whether [`encode`](Self::encode) writes such bytes.
    pub(crate) fn decode<'a>(&self, bytes: &'a [u8]) -> Row<'a> {
        let (low, high) = bytes.split_at(self.low_bytes);
        Row {
            low,
            high,
            low_bits: self.low_bits,
            remaining: self.count,
            index: 0,
            word: read_word(high, 0),
            word_start: 0,
        }
    }

    /// The number of integers that the bitmap holds.
    pub(crate) fn ones(&self, bytes: &[u8]) -> usize {
        bytes[self.low_bytes..]
            .iter()
            .map(|byte| byte.count_ones() as usize)
            .sum()
    }

    pub(crate) fn is_padded_with_zeros(&self, bytes: &[u8]) -> bool {
        let (low, high) = bytes.split_at(self.low_bytes);
        is_clear_from(low, self.count * self.low_bits as usize) && is_clear_from(high, self.high_bits)
    }
}

/// The integers of a row, in stored order.
pub(crate) struct Row<'a> {
    low: &'a [u8],
    high: &'a [u8],
    low_bits: u32,
    remaining: usize,
    index: usize,
    /// What is left of eight bytes of the bitmap, the first of which is byte `word_start`.
    word: u64,
    word_start: usize,
}

impl Row<'_> {
    /// Whether a row that was read to its end had as many integers as it should, and no more.
    pub(crate) fn is_whole(&self) -> bool {
        let rest = self.high.get(self.word_start + 8..).unwrap_or_default();
        self.remaining == 0 && self.word == 0 && rest.iter().all(|&byte| byte == 0)
    }
}

impl Iterator for Row<'_> {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        if self.remaining == 0 {
            return None;
        }
        while self.word == 0 {
            self.word_start += 8;
            if self.word_start >= self.high.len() {
                return None;
            }
            self.word = read_word(self.high, self.word_start);
        }
        let position = self.word_start * 8 + self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;

        let low_start = self.index * self.low_bits as usize;
        // The shift and the mask concern at most 7 + 56 bits, so one word holds them.
        let low = (read_word(self.low, low_start / 8) >> (low_start % 8)) & low_mask(self.low_bits);
        let value = ((position - self.index) as u64) << self.low_bits | low;
        self.index += 1;
        self.remaining -= 1;
        Some(value)
    }
}

fn low_mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// Eight bytes as a little-endian integer. Bytes beyond the end count as zero.
#[inline]
fn read_word(bytes: &[u8], start: usize) -> u64 {
    match bytes.get(start..start + 8) {
        Some(word) => u64::from_le_bytes(word.try_into().expect("eight bytes")),
        None => bytes
            .iter()
            .skip(start)
            .rev()
            .fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

/// Writes eight bytes as a little-endian integer. Those beyond the end are left out.
#[inline]
fn write_word(bytes: &mut [u8], start: usize, word: u64) {
    let bytes = bytes.get_mut(start..).unwrap_or_default();
    match bytes.first_chunk_mut() {
        Some(place) => *place = word.to_le_bytes(),
        None => bytes.copy_from_slice(&word.to_le_bytes()[..bytes.len()]),
    }
}

fn is_clear_from(bytes: &[u8], start: usize) -> bool {
    bytes.get(start / 8).is_none_or(|byte| byte >> (start % 8) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn a_row_comes_back(
            (bound, row) in (1_u64..=1 << 56).prop_flat_map(|bound| {
                (Just(bound), proptest::collection::btree_set(0..bound, 0..200.min(bound as usize + 1)))
            })
        ) {
            let row: BTreeSet<u64> = row;
            let layout = Layout::new(row.len(), bound);
            let mut bytes = vec![0; layout.bytes()];
            layout.encode(row.iter().copied(), &mut bytes);
            let mut read = layout.decode(&bytes);
            prop_assert!(read.by_ref().eq(row.iter().copied()));
            prop_assert!(read.is_whole());
            prop_assert_eq!(layout.ones(&bytes), row.len());
            prop_assert!(layout.is_padded_with_zeros(&bytes));
            let bits = (bound as f64 / row.len().max(1) as f64).log2() + 2.0;
            prop_assert!(bytes.len() as f64 * 8.0 <= row.len() as f64 * bits + 16.0);
        }

        #[test]
        fn any_bytes_decode_without_harm(count in 0_usize..100, extra in 0_u64..1 << 56, noise: u64) {
            let layout = Layout::new(count, (count as u64 + extra).min(1 << 56));
            let mut x = noise;
            let bytes: Vec<u8> = (0..layout.bytes())
                .map(|_| { x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1); (x >> 56) as u8 })
                .collect();
            let mut read = layout.decode(&bytes);
            prop_assert!(read.by_ref().count() <= count);
            prop_assert_eq!(read.is_whole(), layout.ones(&bytes) == count);
        }
    }
}
