//! Sketches as text: `\x`, then two hexadecimal digits for each byte, as PostgreSQL writes bytea.
//!
//! Text is no more than another way to write bytes. Whether these are a sketch is for
//! [`EncodedSketch`](crate::EncodedSketch) to say.

use crate::OutOfMemory;
use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use const_hex::FromHexError;
use std::fmt;

const PREFIX: &[u8] = b"\\x";

/// The bytes that a text stands for, in memory of `allocator`, after `prefix` bytes that are zero and left to the caller.
///
/// Complexity: linear in the length.
///
/// # Errors
///
/// A [`TextError`] that names the first fault; [`TextError::OutOfMemory`] when the allocator has no more.
pub fn decode_in<A: Allocator>(text: &[u8], prefix: usize, allocator: A) -> Result<Vec<u8, A>, TextError> {
    let digits = text.strip_prefix(PREFIX).ok_or(TextError::Prefix)?;
    // const-hex would take 0x or 0X for a prefix, and skip it.
    if let [b'0', b'x' | b'X', ..] = digits {
        return Err(TextError::Digit(PREFIX.len() + 2));
    }
    let mut bytes = zeros(prefix + digits.len() / 2, allocator)?;
    match const_hex::decode_to_slice(digits, &mut bytes[prefix..]) {
        Ok(()) => Ok(bytes),
        Err(FromHexError::InvalidHexCharacter { index, .. }) => Err(TextError::Digit(PREFIX.len() + index + 1)),
        Err(FromHexError::OddLength | FromHexError::InvalidStringLength) => Err(TextError::OddDigits(digits.len())),
    }
}

/// The text of bytes, in memory of `allocator`, before `suffix` bytes that are zero.
///
/// # Errors
///
/// [`OutOfMemory`] when the allocator has no more.
pub fn encode_in<A: Allocator>(bytes: &[u8], suffix: usize, allocator: A) -> Result<Vec<u8, A>, OutOfMemory> {
    let length = PREFIX.len() + 2 * bytes.len();
    let mut text = zeros(length + suffix, allocator)?;
    text[..PREFIX.len()].copy_from_slice(PREFIX);
    const_hex::encode_to_slice(bytes, &mut text[PREFIX.len()..length]).expect("there are two digits for each byte");
    Ok(text)
}

fn zeros<A: Allocator>(length: usize, allocator: A) -> Result<Vec<u8, A>, OutOfMemory> {
    let mut bytes = Vec::new_in(allocator);
    bytes.try_reserve_exact(length).map_err(|_| OutOfMemory)?;
    bytes.resize(length, 0);
    Ok(bytes)
}

/// Why text does not stand for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// It does not start with `\x`.
    Prefix,
    /// This many digits are not two for each byte.
    OddDigits(usize),
    /// There is no hexadecimal digit at this position, counted in bytes from 1.
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
