//! The hash of a value: a published function, frozen, since stored sketches outlive releases.
//!
//! It is XXH3 in its 64-bit form with a seed (Collet, <https://xxhash.com>; specified in the xxHash repository, stable
//! since version 0.8.0), so that other programs can make the same hashes. What is hashed for each kind of value is
//! fixed here:
//!
//! | Value | Bytes hashed |
//! |---|---|
//! | integer of any width, and what PostgreSQL stores as one | as a signed 64-bit integer, little-endian |
//! | floating-point number of either width | as a 64-bit IEEE 754 number, little-endian; -0 as 0, any NaN as one NaN |
//! | bytes, text | themselves |
//! | anything else | the 64-bit hash of its type under the same seed, little-endian |
//!
//! XXH3 is given the seed mixed, by the finalizer of MurmurHash3 (Appleby, public domain), which takes 0 to 0. It combines
//! the seed with a short key by exclusive or, so that under two seeds that differ in one bit, dense keys (0 to n, say)
//! could be the same set, and the errors of the two sketches the same.
//!
//! XXH3 is not a cryptographic function. With a seed that is random and kept secret, whoever chooses the values cannot
//! foresee which are sampled; with a known seed they can.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The seed as XXH3 is given it: MurmurHash3's 64-bit finalizer, which is a bijection.
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

/// The hash of a floating-point number: numbers that are equal in PostgreSQL hash alike, which makes 0 equal to -0 and
/// every NaN to every other. Neither allocates nor panics.
#[inline]
pub fn double(number: f64, seed: u64) -> u64 {
    let canonical = match number {
        0.0 => 0.0,
        number if number.is_nan() => f64::from_bits(0x7FF8_0000_0000_0000),
        number => number,
    };
    integer(canonical.to_bits() as i64, seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first two are published test vectors of XXH3 (empty input, seeds 0 and PRIME64); the rest were made by
    /// another implementation of XXH3, Python's `xxhash`, and of the finalizer, six lines of Python.
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
