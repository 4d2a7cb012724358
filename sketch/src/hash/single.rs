//! What is hashed of single values that are not hashed as they come.

use crate::hash::function::{bytes, integer};

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
}
