//! The hash function: XXH3 in its 64-bit form, under a seed that is mixed first.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The seed that XXH3 gets: MurmurHash3's 64-bit finalizer, a bijection, of the caller's seed.
#[inline]
pub(crate) const fn mixed(seed: u64) -> u64 {
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

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
