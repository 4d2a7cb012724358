//! Any bytes are a sketch or are refused with a named fault, and what is accepted is canonical. A sketch of format version
//! 1 is read as what is left of it in version 2.
#![no_main]

use allocator_api2::alloc::Global;
use cvm_sketch::codec::{FORMAT_VERSION, WHOLE_FORMAT_VERSION};
use cvm_sketch::{EncodedSketch, FramedSketch, Header, Kind, Sketch, operations};
use fuzz::{Parts, Reader, check_bounds};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fuzz_target!(|bytes: &[u8]| {
    let header = Header::parse(bytes);
    if let Ok(header) = header {
        // Of a claim that the bytes do not keep, as long as it takes not too long.
        if header.retained() < 1_000 {
            check_bounds(&header);
        }
        assert!(header.encoded_len() >= cvm_sketch::codec::HEADER_LEN + header.retained() / 8);
    }
    let sketch = match EncodedSketch::parse(bytes) {
        Ok(sketch) => sketch,
        Err(fault) => return assert!(!fault.to_string().is_empty()),
    };
    let stored = Parts::stored(bytes);
    assert_eq!(stored.encode(), bytes);
    let header = header.expect("the header of a sketch is legal");
    assert_eq!(
        (header.version(), header.level(), header.retained()),
        (stored.version, stored.level, stored.hashes.len())
    );
    assert!(stored.version == WHOLE_FORMAT_VERSION || header == *sketch.header());

    let parts = Parts::of(&sketch);
    assert_eq!(parts, stored.read());
    assert_eq!(sketch.hashes().count(), sketch.header().retained());
    check_bounds(sketch.header());
    let framed = FramedSketch::parse(bytes).expect("it was parsed");
    let hashes: Result<Vec<_>, _> = framed.hashes().collect();
    assert_eq!(hashes, Ok(sketch.hashes().collect()));

    let decoded = Sketch::decode_in(&sketch, Global).expect("there is memory");
    assert_eq!(decoded.header(), *sketch.header());
    assert_eq!(
        decoded.hashes().collect::<std::collections::BTreeSet<_>>(),
        parts.hashes
    );
    assert_eq!(decoded.encode(), parts.encode());
    let copied = operations::copy(&sketch, 0, Global).expect("there is memory");
    assert_eq!(copied.as_slice(), parts.encode());
});

// Bytes changed at random are hardly ever a sketch, for its length and its count have to fit. So every other change is
// one of what a sketch says, and half of these are followed by one of its bytes.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    let mut parts = match EncodedSketch::parse(&data[..size]) {
        Ok(_) if seed & 1 == 0 => Parts::stored(&data[..size]),
        _ if seed & 6 == 0 => Reader(&data[..size]).parts(),
        _ => return fuzzer_mutate(data, size, max_size),
    };
    let noise = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    match seed >> 4 & 7 {
        0 => parts.level = (noise >> 40) as u16 % 300,
        1 => parts.is_derived = !parts.is_derived,
        2 => parts.capacity = (noise >> 36) as u32,
        3 => parts.capacity = parts.hashes.len() as u32 + 1,
        4 => parts.seed = noise,
        5 => drop(parts.hashes.pop_last()),
        6 => parts.kind = Kind::ALL[noise as usize % Kind::ALL.len()],
        _ => drop(parts.hashes.insert(noise >> 8 >> (seed >> 8 & 63).min(55))),
    }
    if seed >> 14 & 7 == 0 {
        parts.version = WHOLE_FORMAT_VERSION + FORMAT_VERSION - parts.version;
    }
    parts.legalize();
    let bytes = parts.encode();
    if bytes.len() > max_size {
        return fuzzer_mutate(data, size, max_size);
    }
    data[..bytes.len()].copy_from_slice(&bytes);
    match seed & 8 {
        0 => bytes.len(),
        _ => fuzzer_mutate(data, bytes.len(), max_size),
    }
});
