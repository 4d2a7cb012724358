//! Sketches as text: `\x`, then two hexadecimal digits for each byte, as PostgreSQL writes bytea.
//!
//! Text is only another way to write bytes. [`EncodedSketch`](crate::EncodedSketch) decides whether they are a sketch.

use crate::host::{CHECK_EVERY_BYTES, OutOfMemory, Surroundings, zeros};
use allocator_api2::vec::Vec;
use const_hex::FromHexError;
use std::fmt;

const PREFIX: &[u8] = b"\\x";

/// The bytes of a text, in memory of `allocator`. In front are `prefix` bytes that are zero and left to the caller.
///
/// Complexity: linear in the length.
///
/// # Errors
///
/// A [`TextError`] that names the first fault; [`TextError::OutOfMemory`] when the allocator has no more.
pub fn decode_in<A: Surroundings>(text: &[u8], prefix: usize, allocator: A) -> Result<Vec<u8, A>, TextError> {
    let digits = text.strip_prefix(PREFIX).ok_or(TextError::Prefix)?;
    if digits.len() % 2 != 0 {
        return Err(TextError::OddDigits(digits.len()));
    }
    let mut bytes = zeros(prefix + digits.len() / 2, allocator.clone())?;
    let pieces = digits
        .chunks(2 * CHECK_EVERY_BYTES)
        .zip(bytes[prefix..].chunks_mut(CHECK_EVERY_BYTES));
    for (number, (digits, bytes)) in pieces.enumerate() {
        let fault = match (digits, const_hex::decode_to_slice(digits, bytes)) {
            // const-hex skips 0x or 0X as a prefix.
            ([b'0', b'x' | b'X', ..], _) => 1,
            (_, Ok(())) => {
                allocator.check_for_interrupts();
                continue;
            }
            (_, Err(FromHexError::InvalidHexCharacter { index, .. })) => index,
            (_, Err(FromHexError::OddLength | FromHexError::InvalidStringLength)) => {
                unreachable!("there are two digits for each byte")
            }
        };
        return Err(TextError::Digit(
            PREFIX.len() + number * 2 * CHECK_EVERY_BYTES + fault + 1,
        ));
    }
    Ok(bytes)
}

/// The text of bytes, in memory of `allocator`, before `suffix` bytes that are zero.
///
/// # Errors
///
/// [`OutOfMemory`] when the allocator has no more.
pub fn encode_in<A: Surroundings>(bytes: &[u8], suffix: usize, allocator: A) -> Result<Vec<u8, A>, OutOfMemory> {
    let length = PREFIX.len() + 2 * bytes.len();
    let mut text = zeros(length + suffix, allocator.clone())?;
    text[..PREFIX.len()].copy_from_slice(PREFIX);
    let pieces = bytes
        .chunks(CHECK_EVERY_BYTES)
        .zip(text[PREFIX.len()..length].chunks_mut(2 * CHECK_EVERY_BYTES));
    for (bytes, digits) in pieces {
        const_hex::encode_to_slice(bytes, digits).expect("there are two digits for each byte");
        allocator.check_for_interrupts();
    }
    Ok(text)
}

/// Why text stands for no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// It does not start with `\x`.
    Prefix,
    /// This number of digits is odd, and each byte takes two.
    OddDigits(usize),
    /// The byte at this position, counted from 1, is no hexadecimal digit.
    Digit(usize),
    /// The allocator has no more memory.
    OutOfMemory,
}

impl From<OutOfMemory> for TextError {
    fn from(_: OutOfMemory) -> Self {
        TextError::OutOfMemory
    }
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextError::Prefix => f.write_str("text must start with \\x"),
            TextError::OddDigits(count) => write!(f, "the number of hexadecimal digits must be even, not {count}"),
            TextError::Digit(position) => write!(f, "no hexadecimal digit at position {position}"),
            TextError::OutOfMemory => OutOfMemory.fmt(f),
        }
    }
}

impl std::error::Error for TextError {}

#[cfg(test)]
mod tests {
    use super::*;
    use allocator_api2::alloc::Global;

    fn decode(text: &str) -> Result<std::vec::Vec<u8>, TextError> {
        decode_in(text.as_bytes(), 0, Global).map(|bytes| bytes.to_vec())
    }

    #[test]
    fn text_stands_for_bytes() {
        assert_eq!(decode("\\x"), Ok(vec![]));
        assert_eq!(decode("\\x00fFA9"), Ok(vec![0, 0xFF, 0xA9]));
        let bytes: std::vec::Vec<u8> = (0..=255).collect();
        let text = encode_in(&bytes, 1, Global).unwrap();
        let (text, end) = text.split_at(text.len() - 1);
        assert_eq!((&text[..8], end), (&b"\\x000102"[..], &[0][..]));
        assert_eq!(decode(std::str::from_utf8(text).unwrap()), Ok(bytes));
        assert_eq!(decode_in(b"\\x07", 4, Global).unwrap()[..], [0, 0, 0, 0, 7]);
    }

    /// Long texts are read in pieces. A fault at the edge of any piece must be found like one in the first.
    #[test]
    fn faults_are_named_wherever_they_are() {
        let bytes: std::vec::Vec<u8> = (0..3 * CHECK_EVERY_BYTES + 5).map(|i| (i % 251) as u8).collect();
        let text = encode_in(&bytes, 0, Global).unwrap();
        assert_eq!(decode_in(&text, 0, Global).unwrap()[..], bytes);
        for place in [
            3,
            2 * CHECK_EVERY_BYTES + 1,
            2 * CHECK_EVERY_BYTES + 2,
            2 * CHECK_EVERY_BYTES + 3,
            6 * CHECK_EVERY_BYTES + 3,
            text.len() - 1,
        ] {
            for digit in [b'x', b'X', b'g', b' '] {
                let mut text = text.clone();
                text[place - 1] = b'0';
                text[place] = digit;
                assert_eq!(decode_in(&text, 0, Global).unwrap_err(), TextError::Digit(place + 1));
            }
        }
    }

    #[test]
    fn every_fault_is_named() {
        for (text, fault) in [
            ("", "text must start with \\x"),
            ("01", "text must start with \\x"),
            ("\\X01", "text must start with \\x"),
            ("\\x012", "the number of hexadecimal digits must be even, not 3"),
            ("\\x01 2", "no hexadecimal digit at position 5"),
            ("\\x0x01", "no hexadecimal digit at position 4"),
            ("\\x0X01", "no hexadecimal digit at position 4"),
            ("\\x0X", "no hexadecimal digit at position 4"),
            ("\\x0é", "the number of hexadecimal digits must be even, not 3"),
            ("\\x01é", "no hexadecimal digit at position 5"),
        ] {
            assert_eq!(decode(text).unwrap_err().to_string(), fault, "{text}");
        }
    }
}
