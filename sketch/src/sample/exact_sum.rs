//! The exact sum of floating-point numbers, which is rounded only when it is read.
//!
//! So the order of the numbers makes no difference, and where numbers cancel, the others are left.
//!
//! Every finite number of 64 bits is an integer multiple of the smallest, 2^-1074. A sum of 2^63 of them is an integer
//! of 2,161 bits and a sign. Kulisch's long accumulator holds that ("Computer Arithmetic and Validity", 2008). This one
//! keeps only the words in use. For ordinary numbers, integers or amounts of money, those are three or four.

use crate::host::OutOfMemory;
use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;

/// Bits of a number's significand, with the leading one.
const SIGNIFICAND_BITS: usize = f64::MANTISSA_DIGITS as usize;

const WORD_BITS: usize = u64::BITS as usize;

/// The number of words that hold any sum: its 2,161 bits, and one word of nothing but sign.
const WORDS: usize = 35;

/// The most bytes in the encoded form of a sum: those of all words but the last.
pub(crate) const MAX_ENCODED_LEN: usize = (WORDS - 1) * size_of::<u64>();

/// A number times an integer, in two's complement: the place of its lowest word, and its words.
fn words_of(number: f64, times: u64) -> (usize, [u64; 4]) {
    let exponent = (number.to_bits() >> (SIGNIFICAND_BITS - 1) & 0x7FF) as usize;
    let fraction = number.to_bits() & ((1 << (SIGNIFICAND_BITS - 1)) - 1);
    // Subnormal numbers have the exponent of the smallest normal ones, and no leading one.
    let (significand, shift) = match exponent {
        0 => (fraction, 0),
        _ => (fraction | 1 << (SIGNIFICAND_BITS - 1), exponent - 1),
    };
    // The product has 53 + 64 bits, shifted by at most 63. Three words hold it, and the fourth holds the sign.
    let product = u128::from(significand) * u128::from(times);
    let bit = shift % WORD_BITS;
    let low = product << bit;
    let high = if bit == 0 {
        0
    } else {
        product >> (u128::BITS as usize - bit)
    };
    let mut words = [low as u64, (low >> WORD_BITS) as u64, high as u64, 0];
    if number.is_sign_negative() {
        negate(&mut words);
    }
    (shift / WORD_BITS, words)
}

fn is_negative(words: &[u64]) -> bool {
    words.last().is_some_and(|&top| top >> (WORD_BITS - 1) != 0)
}

/// The word with which two's complement continues above these.
fn sign_word(words: &[u64]) -> u64 {
    if is_negative(words) { u64::MAX } else { 0 }
}

fn negate(words: &mut [u64]) {
    let mut carry = true;
    for word in words {
        (*word, carry) = (!*word).overflowing_add(u64::from(carry));
    }
}

/// Adds words to others that start at the same place. The others are no fewer, and have room for the result.
fn add(words: &mut [u64], addend: &[u64]) {
    let sign = sign_word(addend);
    let mut carry = false;
    for (i, word) in words.iter_mut().enumerate() {
        let (sum, over) = word.overflowing_add(addend.get(i).copied().unwrap_or(sign));
        let (sum, over_again) = sum.overflowing_add(u64::from(carry));
        (*word, carry) = (sum, over | over_again);
    }
}

/// A sum in progress.
pub(crate) struct ExactSum<A: Allocator> {
    /// The sum in two's complement, the lowest word first. It is zero where there are no words.
    words: Vec<u64, A>,
    /// The place of the lowest word in a whole sum.
    start: usize,
}

impl<A: Allocator> ExactSum<A> {
    /// The sum zero. Allocates nothing.
    pub(crate) fn new_in(allocator: A) -> Self {
        ExactSum {
            words: Vec::new_in(allocator),
            start: 0,
        }
    }

    /// Adds a finite number.
    ///
    /// Complexity: constant. Allocates only where the number is of another magnitude than all before.
    pub(crate) fn add(&mut self, number: f64) -> Result<(), OutOfMemory> {
        // Zero would take a word at the lowest place, and all words up to the others.
        if number == 0.0 {
            return Ok(());
        }
        let (start, words) = words_of(number, 1);
        self.add_words(start, &words)
    }

    /// Adds another sum.
    pub(crate) fn add_sum<B: Allocator>(&mut self, other: &ExactSum<B>) -> Result<(), OutOfMemory> {
        if other.words.is_empty() {
            return Ok(());
        }
        self.add_words(other.start, &other.words)
    }

    /// Adds a sum in its whole form.
    pub(crate) fn add_whole(&mut self, other: &WholeSum) -> Result<(), OutOfMemory> {
        let words = &other.0;
        let start = words.iter().take_while(|&&word| word == 0).count();
        if start == WORDS {
            return Ok(());
        }
        // The words on top may be nothing but sign. One of them goes with the others.
        let signs = words.iter().rev().take_while(|&&word| word == sign_word(words)).count();
        self.add_words(start, &words[start..=WORDS - signs])
    }

    fn add_words(&mut self, start: usize, addend: &[u64]) -> Result<(), OutOfMemory> {
        let is_sign = |words: &[u64]| words.last() == Some(&sign_word(words));
        let end = start + addend.len() + usize::from(!is_sign(addend));
        self.widen(start, end)?;
        // The word on top was nothing but sign before the addition. So the sum cannot reach beyond it.
        if !is_sign(&self.words) {
            self.widen(start, self.start + self.words.len() + 1)?;
        }
        add(&mut self.words[start - self.start..], addend);
        Ok(())
    }

    /// Makes sure that there are words from `start` up to `end`.
    fn widen(&mut self, start: usize, end: usize) -> Result<(), OutOfMemory> {
        if self.words.is_empty() {
            self.start = start;
        }
        let below = self.start.saturating_sub(start);
        let above = end.saturating_sub(self.start + self.words.len());
        if below + above == 0 {
            return Ok(());
        }
        self.words.try_reserve(below + above).map_err(|_| OutOfMemory)?;
        let (length, sign) = (self.words.len(), sign_word(&self.words));
        self.words.resize(length + below + above, sign);
        self.words.copy_within(..length, below);
        self.words[..below].fill(0);
        self.start -= below;
        Ok(())
    }

    pub(crate) fn whole(&self) -> WholeSum {
        let mut whole = WholeSum::ZERO;
        let (words, sign) = (&mut whole.0[self.start..], sign_word(&self.words));
        words.fill(sign);
        words[..self.words.len()].copy_from_slice(&self.words);
        whole
    }
}

/// A sum with all its words, for reading.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct WholeSum([u64; WORDS]);

impl WholeSum {
    const ZERO: WholeSum = WholeSum([0; WORDS]);

    /// The nearest number of 64 bits, and the even one of two that are equally near. Infinity where the sum is beyond
    /// the largest number. Zero is positive.
    pub(crate) fn value(&self) -> f64 {
        let mut words = self.0;
        let is_negative = is_negative(&words);
        if is_negative {
            negate(&mut words);
        }
        let Some(top) = words.iter().rposition(|&word| word != 0) else {
            return 0.0;
        };
        let bits = WORD_BITS * (top + 1) - words[top].leading_zeros() as usize;
        let is_set = |bit: usize| words[bit / WORD_BITS] >> (bit % WORD_BITS) & 1 != 0;
        // A number's bits are its exponent, then its significand without the leading one. Adding the significand with
        // the leading one raises the exponent by one. Rounding up carries into the exponent where it has to.
        let magnitude = match bits.checked_sub(SIGNIFICAND_BITS) {
            None | Some(0) => words[0],
            Some(shift) => {
                let significand = (shift..bits)
                    .rev()
                    .fold(0, |bits, bit| bits << 1 | u64::from(is_set(bit)));
                let is_half = is_set(shift - 1);
                let is_more = words[..(shift - 1) / WORD_BITS].iter().any(|&word| word != 0)
                    || words[(shift - 1) / WORD_BITS] & ((1 << ((shift - 1) % WORD_BITS)) - 1) != 0;
                let is_up = is_half && (is_more || significand & 1 != 0);
                ((shift as u64) << (SIGNIFICAND_BITS - 1)) + significand + u64::from(is_up)
            }
        };
        let magnitude = f64::from_bits(magnitude.min(f64::INFINITY.to_bits()));
        if is_negative { -magnitude } else { magnitude }
    }

    /// Whether `count` finite numbers can have this sum.
    pub(crate) fn is_of(&self, count: u64) -> bool {
        let reaches = |number: f64| {
            let mut words = self.0;
            let (start, most) = words_of(number, count);
            add(&mut words[start..], &most);
            words
        };
        // The sum plus the largest total of so many numbers must not be negative. Minus that total, it must not be
        // positive.
        let less = reaches(f64::MIN);
        !is_negative(&reaches(f64::MAX)) && (is_negative(&less) || less == [0; WORDS])
    }

    /// The encoded form: the number of zero bytes left out in front, and the other bytes, lowest first. They are in
    /// two's complement.
    ///
    /// Bytes on top that only repeat the sign are left out, too. Zero has no bytes.
    pub(crate) fn encode<T>(&self, write: impl FnOnce(usize, &[u8]) -> T) -> T {
        let bytes = self.0.map(u64::to_le_bytes);
        let bytes = bytes.as_flattened();
        let start = bytes.iter().take_while(|&&byte| byte == 0).count() % bytes.len();
        let bytes = &bytes[start..];
        let length = (1..bytes.len())
            .rev()
            .find(|&top| !is_redundant(bytes[top - 1], bytes[top]))
            .map_or(1, |top| top + 1);
        write(start, if bytes[0] == 0 { &[] } else { &bytes[..length] })
    }

    /// The sum of that encoded form. `None` if [`encode`](Self::encode) never writes it.
    pub(crate) fn decode(start: usize, encoded: &[u8]) -> Option<Self> {
        let end = start.checked_add(encoded.len()).filter(|&end| end <= MAX_ENCODED_LEN)?;
        let mut bytes = [[0; size_of::<u64>()]; WORDS];
        let is_negative = encoded.last().is_some_and(|&top| top >> 7 != 0);
        bytes.as_flattened_mut()[start..end].copy_from_slice(encoded);
        bytes.as_flattened_mut()[end..].fill(if is_negative { u8::MAX } else { 0 });
        let sum = WholeSum(bytes.map(u64::from_le_bytes));
        sum.encode(|own_start, own| own_start == start && own == encoded)
            .then_some(sum)
    }
}

/// Whether the byte on top only repeats the sign of the one below it.
fn is_redundant(below: u8, top: u8) -> bool {
    matches!((below >> 7, top), (0, 0) | (1, u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use allocator_api2::alloc::Global;
    use proptest::prelude::*;

    fn sum_of(numbers: &[f64]) -> ExactSum<Global> {
        let mut sum = ExactSum::new_in(Global);
        numbers.iter().for_each(|&number| sum.add(number).unwrap());
        sum
    }

    fn encoded(sum: &WholeSum) -> (usize, std::vec::Vec<u8>) {
        sum.encode(|start, bytes| (start, bytes.to_vec()))
    }

    /// Any finite number, with numbers of similar magnitude as likely as others.
    fn finite() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>().prop_filter("finite", |number| number.is_finite()),
            (-1000_i64..1000).prop_map(|number| number as f64 / 8.0),
            (any::<u64>(), 0_u64..4)
                .prop_map(|(bits, exponent)| f64::from_bits(bits & !(0x7FF << 52) | exponent << 52)),
        ]
    }

    proptest! {
        #[test]
        fn a_sum_is_the_same_in_any_order_and_any_parts(
            numbers in proptest::collection::vec(finite(), 0..40),
            cut in any::<proptest::sample::Index>(),
            rotation: usize,
        ) {
            let all = sum_of(&numbers).whole();
            let mut reordered = numbers.clone();
            reordered.reverse();
            reordered.rotate_left(rotation % numbers.len().max(1));
            prop_assert!(sum_of(&reordered).whole() == all);
            let (one, other) = numbers.split_at(cut.index(numbers.len() + 1));
            let (mut merged, other) = (sum_of(one), sum_of(other));
            let mut through_bytes = sum_of(one);
            merged.add_sum(&other).unwrap();
            through_bytes.add_whole(&other.whole()).unwrap();
            prop_assert!(merged.whole() == all && through_bytes.whole() == all);
            // Taking all away again leaves nothing.
            numbers.iter().for_each(|number| merged.add(-number).unwrap());
            prop_assert!(merged.whole() == WholeSum::ZERO);
            prop_assert!(all.is_of(numbers.len() as u64));
            let (start, bytes) = encoded(&all);
            prop_assert!(WholeSum::decode(start, &bytes) == Some(all));
        }

        /// One number, and the sum of two, are rounded as the processor rounds them.
        #[test]
        fn a_sum_is_rounded_to_nearest(a in finite(), b in finite()) {
            prop_assert_eq!(sum_of(&[a]).whole().value(), a);
            prop_assert_eq!(sum_of(&[a, b]).whole().value(), a + b);
        }

        #[test]
        fn what_is_decoded_is_what_is_encoded(start in 0_usize..300, bytes in proptest::collection::vec(
            prop_oneof![Just(0_u8), Just(0xFF), Just(0x80), any::<u8>()], 0..300)) {
            if let Some(sum) = WholeSum::decode(start, &bytes) {
                prop_assert_eq!(encoded(&sum), (start, bytes));
            }
        }
    }

    #[test]
    fn numbers_that_cancel_leave_what_is_left() {
        assert_eq!(sum_of(&[1e300, 1.0, -1e300, 5e-324]).whole().value(), 1.0);
        assert_eq!(sum_of(&[1e16, 1.0, 1.0, -1e16]).whole().value(), 2.0);
        assert_eq!(sum_of(&[f64::MAX, f64::MAX, f64::MIN]).whole().value(), f64::MAX);
        assert_eq!(sum_of(&[f64::MAX, f64::MAX]).whole().value(), f64::INFINITY);
        assert_eq!(sum_of(&[f64::MIN, f64::MIN]).whole().value(), f64::NEG_INFINITY);
        assert_eq!(sum_of(&[0.1; 10]).whole().value(), 1.0);
        assert_eq!(sum_of(&[5e-324, 5e-324]).whole().value(), 1e-323);
        let zero = sum_of(&[0.1, -0.1, -0.0]).whole().value();
        assert!(zero == 0.0 && zero.is_sign_positive());
    }

    #[test]
    fn a_sum_beyond_its_count_is_none() {
        let most = sum_of(&[f64::MAX, f64::MAX]).whole();
        assert!(most.is_of(2) && most.is_of(u64::MAX) && !most.is_of(1));
        let least = sum_of(&[f64::MIN, f64::MIN, -5e-324]).whole();
        assert!(least.is_of(3) && !least.is_of(2));
        assert!(WholeSum::ZERO.is_of(0) && !sum_of(&[5e-324]).whole().is_of(0));
        let top = WholeSum::decode(MAX_ENCODED_LEN - 1, &[0x40]).unwrap();
        assert!(!top.is_of(u64::MAX >> 1));
    }

    #[test]
    fn ordinary_sums_are_small() {
        let money: std::vec::Vec<f64> = (0..1_000_000).map(|i| f64::from(i) / 100.0).collect();
        let sum = sum_of(&money);
        assert_eq!(sum.whole().value(), 4_999_995_000.0);
        assert!(sum.words.len() <= 5, "{}", sum.words.len());
        assert!(encoded(&sum.whole()).1.len() <= 13);
        assert_eq!(encoded(&sum_of(&[1.0]).whole()).1.len(), 1);
        assert_eq!(encoded(&sum_of(&[-1.0]).whole()).1.len(), 1);
    }
}
