//! Any bytes are a sample or are refused with a named fault; what is accepted is canonical, and unites with itself and
//! others as multisets of rows do; what of it is in a sketch, and what is not, is all of it.
#![no_main]

use allocator_api2::alloc::Global;
use cvm_sketch::sample::{MAX_OCCURRENCES, MAX_TEXT_LEN};
use cvm_sketch::sample_codec::parse_sample_header;
use cvm_sketch::{EncodedSample, EncodedSketch, Sample, SampleError, operations, sample_operations};
use fuzz::{Parts, Reader};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

fn decode(bytes: &[u8]) -> Sample {
    let encoded = EncodedSample::parse(bytes).expect("what is encoded is accepted");
    Sample::decode_in(&encoded, Global).expect("there is memory")
}

/// What is known of the values: text, occurrences, least, greatest and total, as bits, since NaN is not equal to
/// itself.
fn known(bytes: &[u8]) -> Vec<(String, u64, [Option<u64>; 3])> {
    let encoded = EncodedSample::parse(bytes).expect("what is encoded is accepted");
    let bits = |number: Option<f64>| number.map(f64::to_bits);
    encoded
        .values()
        .map(|value| {
            let measures = [value.least(), value.greatest(), value.total()].map(bits);
            (value.text().to_string(), value.occurrences(), measures)
        })
        .collect()
}

/// The sketch in a sample, with whole hashes.
fn stored_sketch(bytes: &[u8]) -> Parts {
    let length = parse_sample_header(bytes).expect("it is a sample").encoded_len();
    let sketch = &bytes[1..][..length];
    let parts = Parts::stored(sketch);
    assert_eq!(parts.encode(), sketch);
    parts
}

/// The sketch of the values that a sketch has kept, of a sample with the sketch `all`.
fn of_kept(kept: &Parts, all: &Parts) -> Parts {
    let mut of_kept = Parts {
        version: all.version,
        level: kept.level.max(all.level),
        ..kept.clone()
    };
    let cell = |hash: u64| hash >> kept.dropped() << kept.dropped();
    of_kept.hashes = all
        .hashes
        .iter()
        .copied()
        .filter(|&hash| kept.hashes.contains(&cell(hash)))
        .collect();
    let level = of_kept.level;
    of_kept.thin();
    of_kept.is_derived &= of_kept.level == level;
    of_kept
}

fuzz_target!(|bytes: &[u8]| {
    let header = parse_sample_header(bytes);
    let encoded = match EncodedSample::parse(bytes) {
        Ok(encoded) => encoded,
        Err(fault) => return assert!(!fault.to_string().is_empty()),
    };
    assert_eq!(header, Ok(*encoded.header()));
    assert_eq!(encoded.values().count(), encoded.header().retained());
    let sketch = encoded.sketch(&Global);
    let stored = stored_sketch(bytes);
    assert_eq!(Parts::of(&sketch), stored.read());
    for value in encoded.values() {
        assert!((1..=MAX_OCCURRENCES).contains(&value.occurrences()));
        assert!(value.text().len() <= MAX_TEXT_LEN && !value.text().contains('\0'));
        assert_eq!(value.least().is_some(), value.total().is_some());
        assert_eq!(value.greatest().is_some(), value.total().is_some());
        if let (Some(least), Some(greatest)) = (value.least(), value.greatest()) {
            assert!(least <= greatest || greatest.is_nan());
            assert!(!value.has_overflowed() || least.is_finite() && greatest.is_finite());
        }
    }
    assert_eq!(decode(bytes).encode(), bytes);

    let mut with_nothing = Sample::nothing_in(Global);
    with_nothing.merge(&decode(bytes)).expect("nothing goes with any");
    assert_eq!(with_nothing.encode(), bytes);
    let mut twice = decode(bytes);
    match twice.merge(&decode(bytes)) {
        Ok(()) => {
            let twice = known(&twice.encode());
            let once = known(bytes);
            assert_eq!(twice.len(), once.len());
            for (twice, once) in twice.into_iter().zip(once) {
                assert_eq!((&twice.0, twice.1, &twice.2[..2]), (&once.0, 2 * once.1, &once.2[..2]));
                let [twice, once] = [twice.2[2], once.2[2]].map(|bits| bits.map(f64::from_bits));
                let doubled = once.map(|once| 2.0 * once);
                // Twice a number is exact, but not twice what was rounded to one of the smallest.
                let is_small = once.is_some_and(|once| once.abs() < f64::MIN_POSITIVE);
                assert!(
                    is_small || twice.map(f64::to_bits) == doubled.map(f64::to_bits),
                    "{twice:?}, not {doubled:?}"
                );
            }
        }
        Err(error) => {
            assert_eq!(error, SampleError::Occurrences);
            assert!(encoded.values().any(|value| value.occurrences() > MAX_OCCURRENCES / 2));
        }
    }
    // The values that every other hash of the sketch has, at a level or two more, and those that it has not.
    let mut half = Parts::of(&sketch);
    half.level += half.hashes.len() as u16 % 3;
    half.is_derived = half.level > 0;
    half.hashes = half.hashes.into_iter().step_by(2).collect();
    half.legalize();
    let half = half.encode();
    let half = EncodedSketch::parse(&half).expect("it is legal");
    let both = sample_operations::intersection(&encoded, &half, 0, Global).expect("they combine");
    let rest = sample_operations::difference(&encoded, &half, 0, Global).expect("they combine");
    for (result, of_sketches) in [
        (&both, operations::intersection(&sketch, &half, 0, Global)),
        (&rest, operations::difference(&sketch, &half, 0, Global)),
    ] {
        let parsed = EncodedSample::parse(result).expect("the result of an operation is a sample");
        let of_sketches = of_sketches.expect("they combine");
        let kept = Parts::of(&EncodedSketch::parse(&of_sketches).expect("it is legal"));
        assert_eq!(stored_sketch(result), of_kept(&kept, &stored));
        assert!(kept.hashes.is_superset(&Parts::of(&parsed.sketch(&Global)).hashes));
        assert_eq!(decode(result).encode(), result[..]);
        let all = known(bytes);
        assert!(known(result).iter().all(|value| all.contains(value)));
    }
    // At the smallest size, either way round.
    let mut small = Sample::new_in(8, encoded.header().seed(), encoded.header().kind(), Global);
    let mut other = decode(bytes);
    let outcomes = [
        small.merge(&decode(bytes)),
        other.merge(&Sample::new_in(
            8,
            encoded.header().seed(),
            encoded.header().kind(),
            Global,
        )),
    ];
    assert_eq!(outcomes, [Ok(()), Ok(())]);
    assert_eq!(small.encode(), other.encode());
});

// Bytes changed at random are hardly ever a sample. So every other change is a row more, and half of these are followed
// by one of the bytes.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed & 1 != 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    let mut sample = match EncodedSample::parse(&data[..size]) {
        Ok(encoded) => Sample::decode_in(&encoded, Global).expect("there is memory"),
        Err(_) => Sample::new_in(
            8 + (seed >> 8 & 63),
            u64::from(seed >> 20),
            Reader(&data[..size]).kind(),
            Global,
        ),
    };
    let noise = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let text = ["", "a", "ab", "b", "é", "1.0", "1.00", "a longer text"][noise as usize >> 3 & 7];
    let number = match seed >> 4 & 7 {
        0 => None,
        1 => Some(0.0),
        2 => Some(f64::NAN),
        3 => Some(if noise & 1 == 0 {
            f64::INFINITY
        } else {
            f64::NEG_INFINITY
        }),
        4 => Some(if noise & 1 == 0 { f64::MAX } else { f64::MIN }),
        5 => Some((noise >> 40) as f64 / 8.0 - 1e6),
        6 => Some(f64::from_bits(noise)),
        _ => Some(f64::from_bits(noise & 0x800F_FFFF_FFFF_FFFF)),
    };
    // Few hashes, so that rows meet; all of them belong to many levels. Some share what a sketch keeps.
    let hash = (noise >> 20 & 31) << [8, 13, 20, 36][noise as usize >> 25 & 3];
    if sample.insert(hash, text, number).is_err() {
        return fuzzer_mutate(data, size, max_size);
    }
    let bytes = sample.encode();
    if bytes.len() > max_size {
        return fuzzer_mutate(data, size, max_size);
    }
    data[..bytes.len()].copy_from_slice(&bytes);
    match seed & 2 {
        0 => bytes.len(),
        _ => fuzzer_mutate(data, bytes.len(), max_size),
    }
});
