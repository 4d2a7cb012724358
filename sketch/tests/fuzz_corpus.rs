//! What fuzzing starts from: sketches, texts and samples in `sketch/fuzz/corpus`, valid ones and one broken in each
//! way.
//!
//! `CVM_WRITE_GOLDEN=1` writes the files that are missing. A file that is there is never rewritten, and says for ever
//! what its name says.

use allocator_api2::alloc::Global;
use cvm_sketch::sample_codec::ValueFault;
use cvm_sketch::text::{self, TextError};
use cvm_sketch::width::MAX_LEVEL;
use cvm_sketch::{
    DecodeError, EncodedSample, EncodedSketch, Kind, Sample, SampleDecodeError, Sketch, hash, operations,
    sample_operations,
};
use std::path::PathBuf;

/// The bytes of a file of the corpus, which `make` makes if it is missing and to be written.
fn file(target: &str, name: &str, make: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/corpus/{target}/{name}"));
    if std::env::var_os("CVM_WRITE_GOLDEN").is_some() && !path.exists() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, make()).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The sketch of the integers from `from` to `to` - 1.
fn sketch_of(from: i64, to: i64, capacity: u32, seed: u64) -> Vec<u8> {
    let mut sketch = Sketch::new(capacity, seed);
    let hashes: Vec<u64> = (from..to).map(|i| hash::integer(i, seed)).collect();
    sketch.insert_all(&hashes).unwrap();
    sketch.encode()
}

fn intersection(a: &[u8], b: &[u8]) -> Vec<u8> {
    let [a, b] = [a, b].map(|bytes| EncodedSketch::parse(bytes).unwrap());
    operations::intersection(&a, &b, 0, Global).unwrap().to_vec()
}

#[test]
fn valid_sketches() {
    let cases = [
        ("nothing", sketch_of(0, 0, 8_517, 0)),
        ("one", sketch_of(0, 1, 8, 0)),
        ("exact", sketch_of(0, 120, 200, 7)),
        ("kind", [&[2, 2][..], &sketch_of(0, 3, 8, 0)[2..]].concat()),
        ("last-kind", [&[2, 32][..], &sketch_of(0, 3, 8, 0)[2..]].concat()),
        ("thinned", sketch_of(0, 1_000_000, 40, 0)),
        (
            "derived",
            intersection(&sketch_of(0, 1_000, 40, 0), &sketch_of(500, 2_000, 60, 0)),
        ),
        (
            "derived-empty",
            intersection(&sketch_of(0, 1_000, 40, 0), &sketch_of(1_000, 2_000, 40, 0)),
        ),
    ];
    for (name, bytes) in cases {
        let bytes = file("decode", &format!("valid-{name}"), || bytes);
        // Such a sketch, as releases before 0.3.0 wrote it.
        let of_version_1 = file("decode", &format!("v1-{name}"), || {
            unreachable!("nothing writes it any more")
        });
        for (version, read) in [(2, bytes), (1, of_version_1)] {
            let sketch = EncodedSketch::parse(&read).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let written = Sketch::decode_in(&sketch, Global).unwrap().encode();
            assert_eq!((read[0], written == read), (version, version == 2), "{name}");
            assert_eq!(
                EncodedSketch::parse(&written).unwrap().header(),
                sketch.header(),
                "{name}"
            );
            assert_eq!(sketch.header().is_derived(), name.contains("derived"), "{name}");
            assert_eq!(sketch.header().kind() != Kind::Unknown, name.contains("kind"), "{name}");
        }
    }
}

/// The sketch of level 0 and capacity 8 whose two hashes are stored with these low bits, and this bitmap of high ones.
fn two(low: [u64; 2], bitmap: u8) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0];
    bytes.extend([0; 8]);
    bytes.extend(&(u128::from(low[1]) << 47 | u128::from(low[0])).to_le_bytes()[..12]);
    bytes.push(bitmap);
    bytes
}

#[test]
fn a_sketch_for_every_fault() {
    use DecodeError as E;
    let valid = two([1, 2], 0b011);
    assert!(EncodedSketch::parse(&valid).is_ok());
    let changed = |at: usize, byte: u8| {
        let mut bytes = valid.clone();
        bytes[at] = byte;
        bytes
    };
    let length = E::Length { is: 32, should_be: 33 };
    let cases = [
        ("fault-no-bytes", vec![], E::Short(0)),
        ("fault-header-cut", valid[..19].to_vec(), E::Short(19)),
        ("fault-version", changed(0, 3), E::Version(3)),
        ("fault-reserved-flag", changed(1, 64), E::Flags(64)),
        ("fault-kind", changed(1, 17 << 1), E::Kind(17)),
        ("fault-derived-at-level-0", changed(1, 1), E::DerivedAtLevelZero),
        (
            "fault-level",
            changed(3, 2),
            E::Level {
                is: 512,
                last: MAX_LEVEL,
            },
        ),
        ("fault-capacity-small", changed(4, 7), E::Capacity(7)),
        ("fault-capacity-large", changed(7, 8), E::Capacity((8 << 24) + 8)),
        ("fault-retained", changed(8, 8), E::Retained(8)),
        ("fault-cut", valid[..32].to_vec(), length),
        (
            "fault-too-long",
            [&valid[..], &[0]].concat(),
            E::Length { is: 34, should_be: 33 },
        ),
        ("fault-padding", two([1, 2], 0b1011), E::Padding),
        ("fault-count", two([1, 2], 0b111), E::Count { is: 3, should_be: 2 }),
        ("fault-unsorted", two([2, 1], 0b011), E::Order(1)),
        ("fault-repeated", two([2, 2], 0b011), E::Repeated(1)),
        (
            "fault-not-of-level",
            [&[2, 0, 193, 0][..], &[8, 0, 0, 0, 1, 0, 0, 0], &[0; 8], &[3, 2]].concat(),
            E::NotOfLevel(0),
        ),
    ];
    for (name, bytes, fault) in cases {
        let bytes = file("decode", name, || bytes);
        assert_eq!(EncodedSketch::parse(&bytes).unwrap_err(), fault, "{name}");
    }
}

#[test]
fn texts() {
    let text = |bytes: &[u8]| text::encode_in(bytes, 0, Global).unwrap().to_vec();
    let cases = [
        ("valid", text(&sketch_of(0, 5, 8, 3)), Ok(())),
        (
            "valid-upper",
            [b"\\x", &text(&sketch_of(0, 5, 8, 3)).to_ascii_uppercase()[2..]].concat(),
            Ok(()),
        ),
        ("valid-not-a-sketch", b"\\x0700".to_vec(), Ok(())),
        ("valid-empty", b"\\x".to_vec(), Ok(())),
        ("fault-empty", vec![], Err(TextError::Prefix)),
        ("fault-prefix", b"0100".to_vec(), Err(TextError::Prefix)),
        ("fault-odd", b"\\x010".to_vec(), Err(TextError::OddDigits(3))),
        ("fault-digit", b"\\x01g0".to_vec(), Err(TextError::Digit(5))),
    ];
    for (name, bytes, outcome) in cases {
        let bytes = file("text", name, || bytes);
        assert_eq!(text::decode_in(&bytes, 0, Global).map(drop), outcome, "{name}");
    }
}

/// The sample of these rows of a hash, a text and a measure.
fn sample_of(rows: &[(u64, &str, Option<f64>)], size: u32) -> Vec<u8> {
    let mut sample = Sample::new_in(size, 3, Kind::Text, Global);
    for &(hash, text, measure) in rows {
        sample.insert(hash << 8, text, measure).unwrap();
    }
    sample.encode()
}

#[test]
fn valid_samples() {
    let thinned: Vec<String> = (0..1_000).map(|i| i.to_string()).collect();
    let thinned: Vec<_> = thinned
        .iter()
        .map(|text| (hash::bytes(text.as_bytes(), 3) >> 8, text.as_str(), Some(0.1)))
        .collect();
    let mut even = Sketch::new(12, 3);
    let hashes: Vec<u64> = thinned.iter().step_by(2).map(|row| row.0 << 8).collect();
    even.insert_all(&hashes).unwrap();
    let (sample, even) = (sample_of(&thinned, 12), even.encode());
    let (sample, even) = (
        EncodedSample::parse(&sample).unwrap(),
        EncodedSketch::parse(&even).unwrap(),
    );
    let derived = sample_operations::intersection(&sample, &even, 0, Global)
        .unwrap()
        .to_vec();
    let cases = [
        ("valid-nothing", Sample::nothing_in(Global).encode()),
        (
            "valid-counted",
            sample_of(&[(1, "a", None), (1, "a", None), (2, "é", None)], 8),
        ),
        (
            "valid-measured",
            sample_of(
                &[
                    (1, "", Some(1e300)),
                    (1, "", Some(-1e300)),
                    (1, "", Some(0.1)),
                    (9, "b", None),
                ],
                100,
            ),
        ),
        (
            "valid-not-finite",
            sample_of(
                &[
                    (1, "a", Some(f64::NAN)),
                    (2, "b", Some(f64::INFINITY)),
                    (3, "c", Some(f64::NEG_INFINITY)),
                ],
                8,
            ),
        ),
        ("valid-thinned", sample_of(&thinned, 12)),
        ("valid-derived", derived),
        (
            "valid-derived-empty",
            [&[1, 1, 1, 1, 0, 8, 0, 0, 0][..], &[0; 12]].concat(),
        ),
    ];
    for (name, bytes) in cases {
        let bytes = file("sample", name, || bytes);
        let sample = EncodedSample::parse(&bytes).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(Sample::decode_in(&sample, Global).unwrap().encode(), bytes, "{name}");
        assert_eq!(sample.header().is_derived(), name.contains("derived"), "{name}");
    }
}

#[test]
fn a_sample_for_every_fault() {
    use SampleDecodeError as E;
    let valid = sample_of(&[(1, "a", Some(1.0))], 8);
    // Version, sketch of one hash, and then: one row, a text of one byte with measures, least, greatest, and the sum.
    let (head, value) = valid.split_at(1 + 28);
    let with = |value: &[u8]| [head, value].concat();
    let changed = |at: usize, byte: u8| {
        let mut bytes = valid.clone();
        bytes[at] = byte;
        bytes
    };
    let at_0 = |fault| E::Value { position: 0, fault };
    let one = &value[3..11];
    let cases = [
        ("fault-empty", vec![], E::Empty),
        ("fault-version", changed(0, 3), E::Version(3)),
        ("fault-sketch", changed(1, 2), E::SketchVersion(2)),
        ("fault-size", changed(7, 16), E::Size(8 + (16 << 16))),
        ("fault-no-value", with(&[]), at_0(ValueFault::Integer)),
        (
            "fault-occurrences",
            with(&[0, 2, b'a']),
            at_0(ValueFault::Occurrences(0)),
        ),
        (
            "fault-text-length",
            with(&[1, 0x82, 0x80, 0x80, 1, b'a']),
            at_0(ValueFault::TextLength((1 << 20) + 1)),
        ),
        ("fault-cut", with(&[1, 4, b'a']), at_0(ValueFault::Cut)),
        ("fault-not-utf8", with(&[1, 2, 0xC3]), at_0(ValueFault::NotUtf8)),
        ("fault-zero", with(&[1, 2, 0]), at_0(ValueFault::Zero)),
        (
            "fault-number",
            with(&[&[1, 3, b'a'], one, &[0, 0, 0, 0, 0, 0, 0, 0x80]].concat()),
            at_0(ValueFault::Number),
        ),
        (
            "fault-order",
            with(&[&[1, 3, b'a'], one, &[0; 8]].concat()),
            at_0(ValueFault::Order),
        ),
        (
            "fault-sum",
            with(&[&[1, 3, b'a'], one, one, &[1, 0]].concat()),
            at_0(ValueFault::Sum),
        ),
        ("fault-too-long", with(&[value, &[7]].concat()), E::TooLong(1)),
    ];
    for (name, bytes, fault) in cases {
        let bytes = file("sample", name, || bytes);
        assert_eq!(EncodedSample::parse(&bytes).map(drop), Err(fault), "{name}");
    }
}
