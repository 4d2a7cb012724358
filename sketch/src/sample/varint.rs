//! Integers in as few bytes as they need (LEB128, of the DWARF format).
//!
//! Each byte has seven bits, the lowest first. The upper bit is set in all bytes but the last.

use crate::host::OutOfMemory;
use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;

/// Appends an integer.
pub(crate) fn write<A: Allocator>(mut number: u64, bytes: &mut Vec<u8, A>) -> Result<(), OutOfMemory> {
    bytes
        .try_reserve((u64::BITS as usize).div_ceil(7))
        .map_err(|_| OutOfMemory)?;
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    Ok(())
}

/// Takes an integer from the front of `bytes`. `None` if there is none, or one with more bytes than it needs.
pub(crate) fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7F);
        number |= bits << shift;
        if byte < 0x80 {
            let is_shortest = shift == 0 || byte != 0;
            return (is_shortest && number >> shift == bits).then_some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use allocator_api2::alloc::Global;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_integer_comes_back(number: u64, shift in 0_u32..64, rest: std::vec::Vec<u8>) {
            let number = number >> shift;
            let mut bytes = Vec::new_in(Global);
            write(number, &mut bytes).unwrap();
            prop_assert_eq!(bytes.len(), (u64::BITS - number.leading_zeros()).div_ceil(7).max(1) as usize);
            bytes.extend_from_slice(&rest);
            let mut left = &bytes[..];
            prop_assert_eq!(read(&mut left), Some(number));
            prop_assert_eq!(left, &rest[..]);
        }

        #[test]
        fn what_is_read_is_what_is_written(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut left = &bytes[..];
            if let Some(number) = read(&mut left) {
                let mut written = Vec::new_in(Global);
                write(number, &mut written).unwrap();
                prop_assert_eq!(&written[..], &bytes[..bytes.len() - left.len()]);
            }
        }
    }

    #[test]
    fn what_is_no_integer_is_refused() {
        for bytes in [
            &[][..],
            &[0x80],
            &[0x80, 0],
            &[0xFF; 10],
            &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2],
        ] {
            assert_eq!(read(&mut &bytes[..]), None, "{bytes:?}");
        }
        let most = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1];
        assert_eq!(read(&mut &most[..]), Some(u64::MAX));
    }
}
