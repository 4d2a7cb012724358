//! The hash of a value: a published function, frozen, since stored sketches outlive releases.
//!
//! The function is XXH3 in its 64-bit form with a seed, so other programs can make the same hashes. (Collet,
//! <https://xxhash.com>; specified in the xxHash repository, stable since version 0.8.0.) This table fixes what is
//! hashed for each kind of value:
//!
//! | Value | Bytes hashed |
//! |---|---|
//! | integer of any width, and what PostgreSQL stores as one | as a signed 64-bit integer, little-endian |
//! | floating-point number of either width | as a 64-bit IEEE 754 number, little-endian; -0 as 0, any NaN as one NaN |
//! | decimal number | its sign, its weight and its digits, as [`decimal`] says |
//! | bytes, text | themselves |
//! | a value that holds others | its shape, then each as its eight bytes or its hash under the seed: a [`Sequence`] |
//! | anything else | the 64-bit hash of its type under the same seed, little-endian |
//!
//! `docs/hashes.md` says which of these each type of PostgreSQL is, and lists its bytes.
//!
//! The finalizer of MurmurHash3 (Appleby, public domain) mixes the seed before XXH3 gets it; it takes 0 to 0. XXH3
//! combines the seed with a short key by exclusive or. Without the finalizer, dense keys, say 0 to n, could be one set
//! under two seeds a bit apart. Both sketches would then have the same error.
//!
//! XXH3 is not a cryptographic function. While the seed is random and secret, whoever chooses the values cannot foresee
//! which are sampled. With a known seed they can.

use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

/// The seed that XXH3 gets: MurmurHash3's 64-bit finalizer, a bijection, of the caller's seed.
#[inline]
const fn mixed(seed: u64) -> u64 {
    let seed = (seed ^ (seed >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let seed = (seed ^ (seed >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    seed ^ (seed >> 33)
}

/// The hash of bytes. Neither allocates nor panics.
#[inline]
pub fn bytes(bytes: &[u8], seed: u64) -> u64 {
    xxh3_64_with_seed(bytes, mixed(seed))
}

/// The hash of an integer of at most 64 bits. Neither allocates nor panics.
#[inline]
pub fn integer(integer: i64, seed: u64) -> u64 {
    xxh3_64_with_seed(&integer.to_le_bytes(), mixed(seed))
}

/// The hash of a floating-point number: that of [`double_as_integer`]. Neither allocates nor panics.
#[inline]
pub fn double(number: f64, seed: u64) -> u64 {
    integer(double_as_integer(number), seed)
}

/// The bits of a floating-point number, equal for numbers that PostgreSQL calls equal. PostgreSQL makes 0 equal to -0,
/// and every NaN equal to every other.
#[inline]
pub fn double_as_integer(number: f64) -> i64 {
    let canonical = match number {
        0.0 => 0.0,
        number if number.is_nan() => f64::from_bits(0x7FF8_0000_0000_0000),
        number => number,
    };
    canonical.to_bits() as i64
}

/// The parts of a decimal number of any length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decimal<'a> {
    /// The sum of `digits[i]` times 10,000^(`weight` - i), negated if `is_negative`.
    ///
    /// Each digit is below 10,000, and is two bytes, little-endian. Zeros at either end are allowed, and change
    /// nothing.
    #[allow(missing_docs)]
    Finite {
        is_negative: bool,
        weight: i32,
        digits: &'a [[u8; 2]],
    },
    /// Not a number. All of these are equal.
    NotANumber,
    /// Above every number.
    Infinity,
    /// Below every number.
    NegativeInfinity,
}

/// The hash of a decimal number. Equal numbers have equal hashes, however many zeros they are written with.
///
/// The bytes are:
///
/// - four for the class: 0 not negative, 1 negative;
/// - four for the weight, signed;
/// - the digits, without the zeros at either end, then zeros up to four digits.
///
/// Four decimals are hashed as integers: zero as 0, NaN as 2, infinity as 3, negative infinity as 4.
///
/// Neither allocates nor panics.
#[inline]
pub fn decimal(number: Decimal<'_>, seed: u64) -> u64 {
    let (is_negative, mut weight, mut digits) = match number {
        Decimal::Finite {
            is_negative,
            weight,
            digits,
        } => (is_negative, weight, digits),
        Decimal::NotANumber => return integer(2, seed),
        Decimal::Infinity => return integer(3, seed),
        Decimal::NegativeInfinity => return integer(4, seed),
    };
    // PostgreSQL stores no zeros at either end.
    if let [[0, 0], ..] | [.., [0, 0]] = digits {
        (weight, digits) = without_zeros(weight, digits);
    }
    let head = u64::from(is_negative) | u64::from(weight as u32) << u32::BITS;
    // Most numbers have few digits. Then the number of bytes is a constant, and what XXH3 does is known.
    let few = match digits {
        [] => return integer(0, seed),
        &[only] => u64::from(u16::from_le_bytes(only)),
        &[first, second, ..] if digits.len() <= 4 => {
            // Where the first two and the last two digits overlap, both put the same digit at the same place.
            let pair = |[a, b]: [[u8; 2]; 2]| u64::from(u32::from_le_bytes([a[0], a[1], b[0], b[1]]));
            let last = digits.last_chunk().map_or(0, |&last| pair(last));
            pair([first, second]) | last << (u16::BITS as usize * (digits.len() - 2))
        }
        _ => return many_digits(head, digits, seed),
    };
    let all: [u8; 16] = (u128::from(few) << u64::BITS | u128::from(head)).to_le_bytes();
    bytes(&all, seed)
}

/// The number without the zero digits at either end.
#[cold]
fn without_zeros(mut weight: i32, mut digits: &[[u8; 2]]) -> (i32, &[[u8; 2]]) {
    while let [[0, 0], rest @ ..] = digits {
        digits = rest;
        weight = weight.wrapping_sub(1);
    }
    while let [rest @ .., [0, 0]] = digits {
        digits = rest;
    }
    (weight, digits)
}

#[cold]
#[inline(never)]
fn many_digits(head: u64, digits: &[[u8; 2]], seed: u64) -> u64 {
    let mut sequence = Sequence::new(seed);
    sequence.push(&head.to_le_bytes());
    digits.iter().for_each(|digit| sequence.push(digit));
    sequence.finish()
}

/// The hash of bytes that come in pieces: that of [`bytes`] of all pieces, one after the other.
///
/// Whoever writes the pieces lets them tell where they end. Then different sequences have different bytes. So values
/// that are swapped, repeated or moved between neighbours have different hashes. They would not if the hashes of the
/// parts were added, or combined by exclusive or.
///
/// Allocates nothing.
pub struct Sequence {
    seed: u64,
    length: usize,
    buffer: [u8; Sequence::ROOM],
    /// What did not fit into the buffer. Most sequences are short and need no more.
    long: Option<Xxh3>,
}

impl Sequence {
    const ROOM: usize = 256;

    /// The sequence of no bytes.
    #[inline]
    pub fn new(seed: u64) -> Self {
        Sequence {
            seed,
            length: 0,
            buffer: [0; Self::ROOM],
            long: None,
        }
    }

    /// Adds a piece of fixed length, so that no byte has to say the length.
    #[inline]
    pub fn push<const N: usize>(&mut self, piece: &[u8; N]) {
        const { assert!(N <= Self::ROOM) }
        if self.length + N > Self::ROOM {
            self.spill();
        }
        if let Some(place) = self.buffer.get_mut(self.length..self.length + N) {
            place.copy_from_slice(piece);
            self.length += N;
        }
    }

    /// Adds a word, a hash or a value of eight bytes, after a mark that says which.
    #[inline]
    pub fn push_word(&mut self, mark: u8, word: u64) {
        let mut piece = [mark; 1 + size_of::<u64>()];
        piece[1..].copy_from_slice(&word.to_le_bytes());
        self.push(&piece);
    }

    #[cold]
    fn spill(&mut self) {
        let (seed, buffer) = (self.seed, &self.buffer[..self.length.min(Self::ROOM)]);
        self.long
            .get_or_insert_with(|| Xxh3::with_seed(mixed(seed)))
            .update(buffer);
        self.length = 0;
    }

    /// The hash of all bytes added.
    #[inline]
    pub fn finish(mut self) -> u64 {
        if self.long.is_some() {
            self.spill();
        }
        match &self.long {
            Some(long) => long.digest(),
            None => bytes(&self.buffer[..self.length.min(Self::ROOM)], self.seed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn digits(digits: &[u16]) -> Vec<[u8; 2]> {
        digits.iter().map(|digit| digit.to_le_bytes()).collect()
    }

    fn finite(is_negative: bool, weight: i32, of: &[u16]) -> u64 {
        decimal(
            Decimal::Finite {
                is_negative,
                weight,
                digits: &digits(of),
            },
            0,
        )
    }

    #[test]
    fn decimals_hash_by_what_they_are_worth() {
        assert_eq!(finite(false, 0, &[1]), finite(false, 0, &[1, 0, 0]));
        assert_eq!(finite(false, 0, &[1, 5]), finite(false, 2, &[0, 0, 1, 5, 0]));
        assert_eq!(finite(false, 0, &[]), finite(true, 7, &[0, 0]));
        let special = [Decimal::NotANumber, Decimal::Infinity, Decimal::NegativeInfinity];
        let mut hashes: BTreeSet<u64> = special.into_iter().map(|special| decimal(special, 0)).collect();
        for is_negative in [false, true] {
            for weight in [-65, -64, -3, -1, 0, 1, 63, 64, 300] {
                for digits in [
                    &[1_u16][..],
                    &[256],
                    &[1, 256],
                    &[256, 1],
                    &[1, 0, 1],
                    &[1, 2, 3, 4],
                    &[1, 2, 3, 4, 5],
                    &[9_999; 40],
                    &[9_999; 400],
                ] {
                    hashes.insert(finite(is_negative, weight, digits));
                }
            }
        }
        hashes.insert(finite(false, 0, &[]));
        assert_eq!(hashes.len(), 3 + 2 * 9 * 9 + 1);
    }

    #[test]
    fn a_decimal_is_hashed_as_documented() {
        // -1.0203 is minus 1 times 10,000^0 and 203 times 10,000^-1.
        assert_eq!(
            finite(true, 0, &[1, 203]),
            bytes(&[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 203, 0, 0, 0, 0, 0], 0)
        );
        let mut head = vec![0, 0, 0, 0, 0xFD, 0xFF, 0xFF, 0xFF];
        for digits in [
            &[1, 0][..],
            &[1, 0, 2, 0],
            &[1, 0, 2, 0, 3, 0],
            &[1, 0, 2, 0, 3, 0, 0x0F, 0x27],
        ] {
            let mut all = head.clone();
            all.extend(digits);
            all.resize(16, 0);
            let digits: Vec<u16> = digits
                .as_chunks()
                .0
                .iter()
                .map(|&digit| u16::from_le_bytes(digit))
                .collect();
            assert_eq!(finite(false, -3, &digits), bytes(&all, 0));
        }
        head.extend([1, 0, 2, 0, 3, 0, 4, 0, 5, 0]);
        assert_eq!(finite(false, -3, &[1, 2, 3, 4, 5]), bytes(&head, 0));
        assert_eq!(finite(false, 0, &[]), integer(0, 0));
        assert_eq!(decimal(Decimal::NotANumber, 0), integer(2, 0));
        let mut long = vec![0, 0, 0, 0, 1, 0, 0, 0];
        long.extend([7, 0].repeat(500));
        assert_eq!(finite(false, 1, &[7; 500]), bytes(&long, 0));
    }

    proptest! {
        #[test]
        fn a_sequence_is_its_bytes(
            pieces in proptest::collection::vec((any::<u8>(), any::<u64>()), 0..200),
            seed: u64,
        ) {
            let mut sequence = Sequence::new(seed);
            let mut all = Vec::new();
            for (mark, hash) in pieces {
                sequence.push_word(mark, hash);
                all.push(mark);
                all.extend(hash.to_le_bytes());
            }
            prop_assert_eq!(sequence.finish(), bytes(&all, seed));
        }
    }

    /// The first two are published test vectors of XXH3 (empty input, seeds 0 and PRIME64). Python's `xxhash`, another
    /// implementation of XXH3, made the rest, with the finalizer in six lines of Python.
    #[test]
    fn hashes_are_frozen() {
        assert_eq!(bytes(b"", 0), 0x2D06_8005_38D3_94C2);
        assert_eq!(xxh3_64_with_seed(b"", 0x9E37_79B1_85EB_CA8D), 0xA8A6_B918_B2F0_364A);
        assert_eq!(bytes(b"", 0x9E37_79B1_85EB_CA8D), 0x7C07_25DC_CD1E_AD71);
        assert_eq!(bytes(b"word", 0), 0xE3CE_369C_F66C_5C55);
        assert_eq!(bytes(&[b'x'; 300], 7), 0x97C0_FE61_0789_6C6C);
        assert_eq!(integer(0, 0), 0xC77B_3ABB_6F87_ACD9);
        assert_eq!(integer(-1, 42), 0x79F7_D801_6ACE_35BB);
        assert_eq!(double(1.5, 0), 0x2561_A488_9FF6_3458);
    }

    #[test]
    fn equal_numbers_hash_alike() {
        assert_eq!(double(0.0, 1), double(-0.0, 1));
        assert_eq!(double(f64::NAN, 1), double(-f64::from_bits(0x7FF8_0000_0000_0001), 1));
        assert_ne!(double(1.0, 1), double(-1.0, 1));
        assert_ne!(double(1.0, 1), double(1.0, 2));
    }
}
