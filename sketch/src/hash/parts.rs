//! Values that hold others: their shape, and their parts one after the other.

use crate::hash::sequence::Sequence;
use crate::hash::single::Single;

/// Each part begins with one of these.
const NULL: u8 = 0;
const NOT_NULL: u8 = 1;

/// Flags of a range.
const EMPTY: u8 = 1;
const LOWER_INFINITE: u8 = 2;
const LOWER_INCLUSIVE: u8 = 4;
const UPPER_INFINITE: u8 = 8;
const UPPER_INCLUSIVE: u8 = 16;

/// The hash of a value that holds others, as its parts come.
///
/// First comes its shape, by one of the functions whose names begin with `begin`. Then come its parts: the elements of
/// an array, the columns of a row, the bounds of a range. A part that holds others itself is hashed for itself, under
/// the same seed, and [its hash](Self::hash) is the part.
///
/// Neither allocates nor panics.
///
/// ```
/// use cvm_sketch::hash::{Parts, Single};
///
/// // ARRAY[1, NULL]
/// let mut array = Parts::new(0);
/// array.begin_array(&[2, 1]);
/// array.single(Single::Word(1));
/// array.null();
/// assert_eq!(array.finish(), 3_302_194_188_687_591_990);
/// ```
pub struct Parts(Sequence);

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The range has no end there.
    Infinite,
    /// It ends there, and the value is a part of it.
    Inclusive,
    /// It ends there, and the value is no part of it.
    Exclusive,
}

impl Parts {
    /// A value of which nothing has been told.
    #[inline]
    pub fn new(seed: u64) -> Self {
        Parts(Sequence::new(seed))
    }

    /// The value is an array. `shape` has the length of each dimension, then the lower bound of each. An empty array has
    /// no dimensions. The elements follow, those of the last dimension next to each other.
    #[inline]
    pub fn begin_array(&mut self, shape: &[i32]) {
        self.0.push(&(shape.len() as u32 / 2).to_le_bytes());
        shape.iter().for_each(|number| self.0.push(&number.to_le_bytes()));
    }

    /// The value is a row of so many columns. They follow.
    #[inline]
    pub fn begin_row(&mut self, columns: u32) {
        self.0.push(&columns.to_le_bytes());
    }

    /// The value is a set of so many ranges. Each follows as if it were the value itself.
    #[inline]
    pub fn begin_multirange(&mut self, ranges: u32) {
        self.0.push(&ranges.to_le_bytes());
    }

    /// The value is a range without values. Nothing follows.
    #[inline]
    pub fn begin_empty_range(&mut self) {
        self.0.push(&[EMPTY]);
    }

    /// The value is a range. The lower bound and the upper one follow, but for one that is infinite.
    #[inline]
    pub fn begin_range(&mut self, lower: Bound, upper: Bound) {
        let flag = |bound, infinite, inclusive| match bound {
            Bound::Infinite => infinite,
            Bound::Inclusive => inclusive,
            Bound::Exclusive => 0,
        };
        let flags = flag(lower, LOWER_INFINITE, LOWER_INCLUSIVE) | flag(upper, UPPER_INFINITE, UPPER_INCLUSIVE);
        self.0.push(&[flags]);
    }

    /// Adds a part that is NULL.
    #[inline(always)]
    pub fn null(&mut self) {
        self.0.push(&[NULL]);
    }

    /// Adds a part that holds no others.
    #[inline(always)]
    pub fn single(&mut self, value: Single<'_>) {
        match value.word() {
            Some(word) => self.word(word),
            None => self.hash(value.hash(self.0.seed())),
        }
    }

    /// Adds a part by the [word](Single::word) that stands for it.
    #[inline(always)]
    pub fn word(&mut self, word: u64) {
        self.0.push_word(NOT_NULL, word);
    }

    /// Adds a part by its hash under the same seed.
    #[inline(always)]
    pub fn hash(&mut self, hash: u64) {
        self.0.push_word(NOT_NULL, hash);
    }

    /// The hash of the value, after its last part.
    #[inline]
    pub fn finish(self) -> u64 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::decimal::scaled_decimal;
    use crate::hash::function::bytes;

    /// The hashes are those of docs/hashes.md.
    fn assert_hash(hash: i64, put: impl Fn(&mut Parts)) {
        let mut parts = Parts::new(0);
        put(&mut parts);
        assert_eq!(parts.finish(), hash as u64);
    }

    #[test]
    fn arrays_of_docs_hashes_md() {
        assert_hash(3_302_194_188_687_591_990, |array| {
            array.begin_array(&[2, 1]);
            array.single(Single::Word(1));
            array.null();
        });
        assert_hash(5_238_470_482_016_868_669, |array| array.begin_array(&[]));
        assert_hash(-6_669_076_249_822_020_756, |array| {
            array.begin_array(&[2, 0]);
            array.single(Single::Bytes(b"a"));
            array.hash(bytes(b"b", 0));
        });
    }

    #[test]
    fn a_row_of_docs_hashes_md() {
        assert_hash(-7_337_898_105_329_324_421, |row| {
            row.begin_row(3);
            row.word(1);
            row.single(Single::Bytes(b"a"));
            row.null();
        });
    }

    #[test]
    fn ranges_of_docs_hashes_md() {
        let from_1_to_3 = |range: &mut Parts| {
            range.begin_range(Bound::Inclusive, Bound::Exclusive);
            range.single(Single::Word(1));
            range.single(Single::Word(3));
        };
        assert_hash(-7_987_261_290_852_016_807, from_1_to_3);
        assert_hash(-2_220_562_881_957_146_901, Parts::begin_empty_range);
        assert_hash(8_912_934_074_023_365_337, |range| {
            range.begin_range(Bound::Infinite, Bound::Inclusive);
            range.hash(scaled_decimal(5, 0, 0));
        });
        assert_hash(-3_644_503_381_683_884_018, |ranges| {
            ranges.begin_multirange(1);
            from_1_to_3(ranges);
        });
    }

    #[test]
    fn flags_of_ranges_are_frozen() {
        for (lower, upper, flags) in [
            (Bound::Infinite, Bound::Infinite, 2 | 8),
            (Bound::Inclusive, Bound::Inclusive, 4 | 16),
            (Bound::Exclusive, Bound::Exclusive, 0),
            (Bound::Exclusive, Bound::Infinite, 8),
        ] {
            let mut range = Parts::new(9);
            range.begin_range(lower, upper);
            assert_eq!(range.finish(), bytes(&[flags], 9));
        }
    }

    #[test]
    fn parts_are_under_the_seed_of_the_whole() {
        for value in [Single::Bytes(b"a"), Single::ScaledDecimal { unscaled: 7, scale: 0 }] {
            let [mut one, mut other] = [Parts::new(7), Parts::new(7)];
            one.single(value);
            other.hash(value.hash(7));
            assert_eq!(one.finish(), other.finish());
        }
    }
}
