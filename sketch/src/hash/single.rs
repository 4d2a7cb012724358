//! Values that hold no others, and what is hashed of them.

use crate::hash::decimal::{Decimal, decimal, scaled_decimal};
use crate::hash::function::{bytes, integer};

/// A value that holds no others, in the [form](Form) in which it is hashed. [`ValueType::form`] says which that is.
///
/// [`ValueType::form`]: crate::hash::ValueType::form
#[derive(Clone, Copy, Debug)]
pub enum Single<'a> {
    /// A number of eight bytes.
    Word(i64),
    /// A floating-point number of either width.
    Double(f64),
    /// A decimal number in digits of base 10,000.
    Decimal(Decimal<'a>),
    /// A decimal number: `unscaled` times 10^-`scale`.
    #[allow(missing_docs)]
    ScaledDecimal { unscaled: i128, scale: i32 },
    /// Bytes, compared as they are.
    Bytes(&'a [u8]),
    /// Text, compared [without trailing blanks](without_blanks).
    BlankPadded(&'a [u8]),
    /// A time of day with a zone.
    ZonedTime(ZonedTime),
    /// An interval.
    Interval(Interval),
    /// An entry of an access control list.
    AccessItem(AccessItem),
}

/// The form in which the values of a type are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As [`Single::Word`].
    Word,
    /// As [`Single::Double`].
    Double,
    /// As [`Single::Decimal`] or [`Single::ScaledDecimal`].
    Decimal,
    /// As [`Single::Bytes`].
    Bytes,
    /// As [`Single::BlankPadded`].
    BlankPadded,
    /// As [`Single::ZonedTime`].
    ZonedTime,
    /// As [`Single::Interval`].
    Interval,
    /// As [`Single::AccessItem`].
    AccessItem,
    /// By its parts or its tokens.
    Whole,
    /// By the hash function of the type itself, whose result is hashed as an integer.
    Own,
}

/// A time of day, and how far from Greenwich.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct ZonedTime {
    pub microseconds: i64,
    pub seconds_west: i32,
}

/// An interval, in the units that PostgreSQL keeps apart.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Interval {
    pub months: i32,
    pub days: i32,
    pub microseconds: i64,
}

/// Who grants which rights to whom: Oids of roles, and bits.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct AccessItem {
    pub grantee: u32,
    pub grantor: u32,
    pub rights: u32,
    pub grant_options: u32,
}

impl Single<'_> {
    /// The hash of the value where it stands alone. Neither allocates nor panics.
    #[inline(always)]
    pub fn hash(self, seed: u64) -> u64 {
        match self {
            Single::Word(word) => integer(word, seed),
            Single::Double(number) => double(number, seed),
            Single::Decimal(number) => decimal(number, seed),
            Single::ScaledDecimal { unscaled, scale } => scaled_decimal(unscaled, scale, seed),
            Single::Bytes(value) => bytes(value, seed),
            Single::BlankPadded(text) => bytes(without_blanks(text), seed),
            Single::ZonedTime(time) => {
                let mut all = [0; 12];
                all[..8].copy_from_slice(&time.microseconds.to_le_bytes());
                all[8..].copy_from_slice(&time.seconds_west.to_le_bytes());
                bytes(&all, seed)
            }
            Single::Interval(Interval {
                months,
                days,
                microseconds,
            }) => interval(months, days, microseconds, seed),
            Single::AccessItem(item) => {
                let [grantee, grantor, rights, grant_options] =
                    [item.grantee, item.grantor, item.rights, item.grant_options].map(u128::from);
                bytes(
                    &(grantee | grantor << 32 | rights << 64 | grant_options << 96).to_le_bytes(),
                    seed,
                )
            }
        }
    }

    /// The eight bytes that stand for the value inside of others; `None` if its hash does.
    #[inline(always)]
    pub fn word(self) -> Option<u64> {
        match self {
            Single::Word(word) => Some(word as u64),
            Single::Double(number) => Some(double_as_integer(number) as u64),
            Single::Decimal(_)
            | Single::ScaledDecimal { .. }
            | Single::Bytes(_)
            | Single::BlankPadded(_)
            | Single::ZonedTime(_)
            | Single::Interval(_)
            | Single::AccessItem(_) => None,
        }
    }
}

/// Dates are hashed as days since 2000-01-01. These lie between 1970-01-01 and that day.
pub const EPOCH_DAYS: i32 = 10_957;

/// Points in time are hashed as microseconds since 2000-01-01. These lie between 1970-01-01 and that day.
pub const EPOCH_MICROSECONDS: i64 = EPOCH_DAYS as i64 * DAY_MICROSECONDS;

const DAY_MICROSECONDS: i64 = 24 * 60 * 60 * 1_000_000;

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

/// A text without its trailing blanks, of which `char(n)` makes none a part of its values.
#[inline]
pub fn without_blanks(text: &[u8]) -> &[u8] {
    let length = text.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    text.get(..length).unwrap_or(text)
}

/// The hash of an interval: that of its length in microseconds, by which PostgreSQL compares intervals. A month has 30
/// days, and a day has 24 hours. Neither allocates nor panics.
#[inline]
pub fn interval(months: i32, days: i32, microseconds: i64, seed: u64) -> u64 {
    let days = i128::from(months) * 30 + i128::from(days);
    let length = i128::from(microseconds) + days * i128::from(DAY_MICROSECONDS);
    bytes(&length.to_le_bytes(), seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_hash_alike() {
        assert_eq!(double(0.0, 1), double(-0.0, 1));
        assert_eq!(double(f64::NAN, 1), double(-f64::from_bits(0x7FF8_0000_0000_0001), 1));
        assert_ne!(double(1.0, 1), double(-1.0, 1));
        assert_ne!(double(1.0, 1), double(1.0, 2));
        // By another implementation, as those of `function`.
        assert_eq!(double(1.5, 0), 0x2561_A488_9FF6_3458);
    }

    #[test]
    fn intervals_are_as_long_as_their_microseconds() {
        // That of docs/hashes.md.
        let month = 4_033_834_677_654_087_064;
        assert_eq!(interval(1, 0, 0, 0), month);
        assert_eq!(interval(0, 30, 0, 0), month);
        assert_eq!(interval(2, -31, 24 * 3_600_000_000, 0), month);
        assert_ne!(interval(0, 31, 0, 0), month);
        for extreme in [(i32::MIN, i64::MIN), (i32::MAX, i64::MAX)] {
            let length = i128::from(extreme.0) * 31 * 86_400_000_000 + i128::from(extreme.1);
            assert_eq!(
                interval(extreme.0, extreme.0, extreme.1, 5),
                bytes(&length.to_le_bytes(), 5)
            );
        }
    }

    #[test]
    fn only_blanks_at_the_end_are_dropped() {
        assert_eq!(without_blanks(b"ab "), b"ab");
        assert_eq!(without_blanks(b" a b\t  "), b" a b\t");
        assert_eq!(without_blanks(b"   "), b"");
        assert_eq!(without_blanks(b""), b"");
        // That of docs/hashes.md.
        assert_eq!(
            bytes(without_blanks(b"ab   "), 0),
            -6_308_573_737_569_127_588_i64 as u64
        );
    }

    #[test]
    fn days_and_microseconds_begin_with_2000() {
        // 30 years of 365 days, and seven leap days, of 1972 to 1996.
        assert_eq!(EPOCH_DAYS, 30 * 365 + 7);
        assert_eq!(EPOCH_MICROSECONDS, 946_684_800_000_000);
    }

    #[test]
    fn each_form_is_hashed_as_docs_hashes_md_says() {
        let [a, b, c] = [[1, 0, 0, 0], [2, 0, 0, 0], [4, 0, 0, 0]];
        let zero: [u8; 4] = [0; 4];
        for (value, is_word, all) in [
            (Single::Word(-2), true, (-2_i64).to_le_bytes().to_vec()),
            (Single::Double(-0.0), true, vec![0; 8]),
            (Single::Double(1.5), true, 1.5_f64.to_le_bytes().to_vec()),
            (
                Single::Decimal(Decimal::NotANumber),
                false,
                2_i64.to_le_bytes().to_vec(),
            ),
            (
                Single::ScaledDecimal { unscaled: 10, scale: 1 },
                false,
                [zero, zero, a, zero].concat(),
            ),
            (Single::Bytes(b"a "), false, b"a ".to_vec()),
            (Single::BlankPadded(b"a "), false, b"a".to_vec()),
            (
                Single::ZonedTime(ZonedTime {
                    microseconds: 1,
                    seconds_west: 2,
                }),
                false,
                [a, zero, b].concat(),
            ),
            (
                Single::Interval(Interval {
                    months: 0,
                    days: 0,
                    microseconds: -1,
                }),
                false,
                vec![0xFF; 16],
            ),
            (
                Single::AccessItem(AccessItem {
                    grantee: 1,
                    grantor: 0,
                    rights: 2,
                    grant_options: 4,
                }),
                false,
                [a, zero, b, c].concat(),
            ),
        ] {
            assert_eq!(value.hash(7), bytes(&all, 7), "{value:?}");
            let word = is_word.then(|| u64::from_le_bytes(all.try_into().unwrap()));
            assert_eq!(value.word(), word, "{value:?}");
        }
    }
}
