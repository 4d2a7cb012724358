//! Any text stands for bytes or is refused with a named fault, and the bytes say the text again.
#![no_main]

use allocator_api2::alloc::Global;
use cvm_sketch::EncodedSketch;
use cvm_sketch::text::{self, TextError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let digits = input.strip_prefix(b"\\x");
    match text::decode_in(input, 4, Global) {
        Ok(bytes) => {
            let (prefix, bytes) = bytes.split_at(4);
            assert_eq!(prefix, [0; 4]);
            let again = text::encode_in(bytes, 1, Global).expect("there is memory");
            assert_eq!(again.split_last(), Some((&0, &input.to_ascii_lowercase()[..])));
            // Whether or not they are a sketch, saying so does no harm.
            let _ = EncodedSketch::parse(bytes).map_err(|fault| fault.to_string());
        }
        Err(TextError::Prefix) => assert_eq!(digits, None),
        Err(TextError::OddDigits(count)) => {
            assert_eq!(digits.map(<[u8]>::len), Some(count));
            assert_eq!(count % 2, 1);
        }
        Err(TextError::Digit(position)) => {
            assert!(position > 2 && !input[position - 1].is_ascii_hexdigit());
            assert!(input[2..position - 1].iter().all(u8::is_ascii_hexdigit));
        }
        Err(TextError::OutOfMemory) => panic!("there is memory"),
    }
});
