//! Decimal numbers of any length, by what they are worth.

use crate::hash::function::{bytes, integer};
use crate::hash::sequence::Sequence;
use std::fmt;

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
#[inline(always)]
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
    let head = head(is_negative, weight);
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

/// The class and the weight, as they are hashed.
#[inline]
const fn head(is_negative: bool, weight: i32) -> u64 {
    is_negative as u64 | (weight as u32 as u64) << u32::BITS
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
    many_digits_of(head, digits.iter().copied(), seed)
}

fn many_digits_of(head: u64, digits: impl Iterator<Item = [u8; 2]>, seed: u64) -> u64 {
    let mut sequence = Sequence::new(seed);
    sequence.push(&head.to_le_bytes());
    digits.for_each(|digit| sequence.push(&digit));
    sequence.finish()
}

/// The hash of `unscaled` times 10^-`scale`: that of the [`decimal`] of this value. Neither allocates nor panics.
#[inline]
pub fn scaled_decimal(unscaled: i128, scale: i32, seed: u64) -> u64 {
    /// Four digits of base 10,000 are one of this base.
    const PART: u64 = 10_000_u64.pow(4);
    let exponent = -i64::from(scale);
    let last_place = exponent.div_euclid(4) as i32;
    // So many decimal zeros bring the last digit of base 10,000 to its place.
    let zeros = 10_u64.pow(exponent.rem_euclid(4) as u32);
    let first_part = PART / zeros;
    let magnitude = unscaled.unsigned_abs();
    let parts = match u64::try_from(magnitude) {
        Ok(magnitude) => [0, magnitude / first_part, magnitude % first_part * zeros],
        Err(_) => {
            let (upper, first_part) = (magnitude / u128::from(first_part), u128::from(first_part));
            [
                (upper / u128::from(PART)) as u64,
                (upper % u128::from(PART)) as u64,
                (magnitude % first_part) as u64 * zeros,
            ]
        }
    };
    let mut digits = [[0; 2]; 12];
    for (place, part) in digits.as_chunks_mut::<4>().0.iter_mut().zip(parts) {
        *place = [part / 10_000_u64.pow(3), part / 10_000_u64.pow(2), part / 10_000, part]
            .map(|digit| ((digit % 10_000) as u16).to_le_bytes());
    }
    let is_not_zero = |digit: &[u8; 2]| *digit != [0; 2];
    let (Some(first), Some(last)) = (
        digits.iter().position(is_not_zero),
        digits.iter().rposition(is_not_zero),
    ) else {
        return integer(0, seed);
    };
    let number = Decimal::Finite {
        is_negative: unscaled < 0,
        weight: last_place + (digits.len() - 1 - first) as i32,
        digits: digits.get(first..=last).unwrap_or(&digits),
    };
    decimal(number, seed)
}

/// A number that PostgreSQL's `numeric` does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// A byte among the digits is none.
    NotADigit(u8),
    /// It has more than [`DIGITS_BEFORE_POINT`].
    TooLarge,
    /// It has more than [`DIGITS_AFTER_POINT`].
    TooPrecise,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecimalError::NotADigit(byte) => write!(f, "digits must be 0 to 9, not the byte {byte}"),
            DecimalError::TooLarge => write!(
                f,
                "a number must have at most {DIGITS_BEFORE_POINT} digits before the decimal point"
            ),
            DecimalError::TooPrecise => write!(
                f,
                "a number must have at most {DIGITS_AFTER_POINT} digits after the decimal point"
            ),
        }
    }
}

impl std::error::Error for DecimalError {}

/// How many decimal digits a `numeric` has before the point, at most.
pub const DIGITS_BEFORE_POINT: u32 = 131_072;

/// How many decimal digits a `numeric` has after the point, at most.
pub const DIGITS_AFTER_POINT: u32 = 16_383;

/// The hash of the number that decimal digits write: that of the [`decimal`] of this value.
///
/// The digits are `b'0'` to `b'9'`, the highest first, of which the last is worth 10^`exponent`. No digits are zero.
/// Zeros at either end are not counted. Neither allocates nor panics.
///
/// # Errors
///
/// [`DecimalError`] when PostgreSQL has no such number.
///
/// ```
/// use cvm_sketch::hash::{decimal_digits, scaled_decimal};
///
/// assert_eq!(decimal_digits(true, b"0150", -2, 7), Ok(scaled_decimal(-15, 1, 7)));
/// ```
pub fn decimal_digits(is_negative: bool, digits: &[u8], exponent: i64, seed: u64) -> Result<u64, DecimalError> {
    if let Some(&other) = digits.iter().find(|digit| !digit.is_ascii_digit()) {
        return Err(DecimalError::NotADigit(other));
    }
    let is_not_zero = |digit: &u8| *digit != b'0';
    let (Some(first), Some(last)) = (
        digits.iter().position(is_not_zero),
        digits.iter().rposition(is_not_zero),
    ) else {
        return Ok(integer(0, seed));
    };
    let lowest = exponent.saturating_add((digits.len() - 1 - last) as i64);
    let highest = lowest.saturating_add((last - first) as i64);
    if highest >= i64::from(DIGITS_BEFORE_POINT) {
        return Err(DecimalError::TooLarge);
    }
    if lowest < -i64::from(DIGITS_AFTER_POINT) {
        return Err(DecimalError::TooPrecise);
    }
    let digits = digits.get(first..=last).unwrap_or(digits);
    // The first digit of base 10,000 ends where the place of the next decimal one is a multiple of four.
    let first_length = digits.len().min(highest.rem_euclid(4) as usize + 1);
    let (first, others) = digits.split_at_checked(first_length).unwrap_or((digits, &[]));
    let digit = |decimals: &[u8], zeros: u32| {
        let number = decimals
            .iter()
            .fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
        (number * 10_u16.pow(zeros)).to_le_bytes()
    };
    let first_zeros = match others {
        [] => lowest.rem_euclid(4) as u32,
        _ => 0,
    };
    let others = others
        .chunks(4)
        .map(|decimals| digit(decimals, 4 - decimals.len() as u32));
    let weight = highest.div_euclid(4) as i32;
    let mut few = [[0; 2]; 4];
    if others.len() < few.len() {
        let all = std::iter::once(digit(first, first_zeros)).chain(others);
        few.iter_mut().zip(all).for_each(|(place, digit)| *place = digit);
        let number = Decimal::Finite {
            is_negative,
            weight,
            digits: &few,
        };
        return Ok(decimal(number, seed));
    }
    let all = std::iter::once(digit(first, first_zeros)).chain(others);
    Ok(many_digits_of(head(is_negative, weight), all, seed))
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

    /// The bytes of `unscaled` times 10^`exponent`, from the decimal digits, which are written out down to a place
    /// that is a multiple of four.
    fn bytes_of_decimal(is_negative: bool, unscaled: &str, exponent: i64) -> Vec<u8> {
        let places = exponent.div_euclid(4) * 4;
        let mut text = unscaled.to_owned() + &"0".repeat((exponent - places) as usize);
        while !text.len().is_multiple_of(4) {
            text.insert(0, '0');
        }
        let mut digits: Vec<u16> = text
            .as_bytes()
            .chunks(4)
            .map(|four| std::str::from_utf8(four).unwrap().parse().unwrap())
            .collect();
        let mut weight = places / 4 + digits.len() as i64 - 1;
        while digits.first() == Some(&0) {
            digits.remove(0);
            weight -= 1;
        }
        while digits.last() == Some(&0) {
            digits.pop();
        }
        if digits.is_empty() {
            return vec![0; 8];
        }
        digits.resize(digits.len().max(4), 0);
        let mut all = u32::from(is_negative).to_le_bytes().to_vec();
        all.extend((weight as i32).to_le_bytes());
        all.extend(digits.into_iter().flat_map(u16::to_le_bytes));
        all
    }

    #[test]
    fn decimals_of_docs_hashes_md() {
        for (unscaled, scale, hash) in [
            (0, 2, -4_072_596_861_322_023_719_i64),
            (0, i32::MIN, -4_072_596_861_322_023_719),
            (150, 2, 291_402_954_551_842_807),
            (15, 1, 291_402_954_551_842_807),
            (-100_000_203, 4, -4_859_632_114_741_298_476),
        ] {
            assert_eq!(scaled_decimal(unscaled, scale, 0), hash as u64);
            let digits = unscaled.unsigned_abs().to_string();
            assert_eq!(
                decimal_digits(unscaled < 0, digits.as_bytes(), -i64::from(scale), 0),
                Ok(hash as u64)
            );
        }
    }

    #[test]
    fn what_numeric_does_not_hold_is_refused() {
        let digits = |digits: &[u8], exponent| decimal_digits(false, digits, exponent, 0);
        assert_eq!(digits(b"1", 131_072), Err(DecimalError::TooLarge));
        assert_eq!(digits(b"10", 131_071), Err(DecimalError::TooLarge));
        assert!(digits(b"0900", 131_069).is_ok());
        assert_eq!(digits(b"1", -16_384), Err(DecimalError::TooPrecise));
        assert_eq!(digits(b"10", -16_384), digits(b"1", -16_383));
        assert!(digits(b"1", -16_383).is_ok());
        for exponent in [i64::MIN, i64::MAX] {
            assert!(digits(b"1", exponent).is_err());
            assert_eq!(digits(b"000", exponent), Ok(integer(0, 0)));
            assert_eq!(digits(b"", exponent), Ok(integer(0, 0)));
        }
        let nines = [b'9'; 131_072 + 16_383];
        assert_eq!(
            digits(&nines, -16_383),
            Ok(bytes(
                &bytes_of_decimal(false, std::str::from_utf8(&nines).unwrap(), -16_383),
                0
            ))
        );
        assert_eq!(digits(b"1.5", 0), Err(DecimalError::NotADigit(b'.')));
    }

    #[test]
    fn scaled_decimals_have_no_bounds() {
        for unscaled in [i128::MIN, i128::MIN + 1, -1, 0, 1, i128::MAX] {
            for scale in [i32::MIN, i32::MIN + 1, -5, -1, 0, 1, 38, i32::MAX] {
                let digits = unscaled.unsigned_abs().to_string();
                let all = bytes_of_decimal(unscaled < 0, &digits, -i64::from(scale));
                assert_eq!(scaled_decimal(unscaled, scale, 3), bytes(&all, 3));
            }
        }
    }

    proptest! {
        #[test]
        fn a_scaled_decimal_is_what_its_digits_write(
            drawn: i128,
            fewer in 0_u32..128,
            zeros in 0_u32..39,
            scale in -60..60_i32,
            seed: u64,
        ) {
            let unit = 10_i128.pow(zeros);
            let unscaled = (drawn >> fewer) / unit * unit;
            let digits = unscaled.unsigned_abs().to_string();
            let all = bytes_of_decimal(unscaled < 0, &digits, -i64::from(scale));
            prop_assert_eq!(scaled_decimal(unscaled, scale, seed), bytes(&all, seed));
            prop_assert_eq!(
                decimal_digits(unscaled < 0, digits.as_bytes(), -i64::from(scale), seed),
                Ok(bytes(&all, seed))
            );
        }

        #[test]
        fn digits_of_any_length_are_hashed_as_documented(
            is_negative: bool,
            digits in "0{0,9}[0-9]{0,90}0{0,9}",
            exponent in -9_000..9_000_i64,
        ) {
            let expected = bytes(&bytes_of_decimal(is_negative, &digits, exponent), 5);
            prop_assert_eq!(decimal_digits(is_negative, digits.as_bytes(), exponent, 5), Ok(expected));
        }

        #[test]
        fn a_decimal_of_base_10_000_is_the_same_in_decimal_digits(
            is_negative: bool,
            weight in -4_000..4_000_i32,
            of in proptest::collection::vec(0..10_000_u16, 0..60),
        ) {
            let written: String = of.iter().map(|digit| format!("{digit:04}")).collect();
            let exponent = 4 * (i64::from(weight) + 1 - of.len() as i64);
            prop_assert_eq!(
                decimal_digits(is_negative, written.as_bytes(), exponent, 0),
                Ok(finite(is_negative, weight, &of))
            );
        }
    }
}
