//! Bytes: golden files that every later release must read and write, and one broken input for each fault.

use allocator_api2::alloc::Global;
use cvm_sketch::codec::{DecodeError, EncodedSketch, FORMAT_VERSION, FramedSketch, HEADER_LEN, WHOLE_FORMAT_VERSION};
use cvm_sketch::hash;
use cvm_sketch::width::MAX_LEVEL;
use cvm_sketch::{Accuracy, Kind, MergeError, Sample, Sketch, operations, threshold, width};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The sketch of the integers 0 to n - 1.
fn sketch_of_first(n: u64, capacity: u32, seed: u64) -> Sketch {
    let mut sketch = Sketch::new(capacity, seed);
    for i in 0..n {
        sketch.insert_all(&[hash::integer(i as i64, seed)]).unwrap();
    }
    sketch
}

fn decode(bytes: &[u8]) -> Result<Sketch, DecodeError> {
    EncodedSketch::parse(bytes).map(|encoded| Sketch::decode_in(&encoded, Global).unwrap())
}

/// `CVM_WRITE_GOLDEN=1` writes the files that are missing. A file that is there is never rewritten: a format version is
/// what these bytes say it is.
#[test]
fn golden_files_read_and_write() {
    let default = Accuracy::default().capacity();
    let cases = [
        ("empty", sketch_of_first(0, default, 0)),
        ("one", sketch_of_first(1, default, 0)),
        ("exact-100", sketch_of_first(100, default, 0)),
        ("full-exact", sketch_of_first(u64::from(default) - 1, default, 0)),
        ("level-1", sketch_of_first(u64::from(default), default, 0)),
        ("estimate-100000", sketch_of_first(100_000, default, 0)),
        ("smallest-capacity", sketch_of_first(10_000, 8, 0)),
        ("seeded", sketch_of_first(5_000, 1_000, u64::MAX - 1)),
        // All of these are of integers, but were made before a sketch said so.
        ("kind-integer", sketch_of_first(100, default, 0).of_kind(Kind::Integer)),
        (
            "kind-other",
            sketch_of_first(10_000, 8, u64::MAX - 1).of_kind(Kind::Other),
        ),
    ];
    for (name, sketch) in cases {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/v2-{name}.bin"));
        if std::env::var_os("CVM_WRITE_GOLDEN").is_some() && !path.exists() {
            std::fs::write(&path, sketch.encode()).unwrap();
        }
        let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(sketch.encode() == golden, "v2-{name}: the bytes written have changed");
        assert_eq!(decode(&golden).unwrap(), sketch, "v2-{name}");
        // The same sketch, as releases before 0.3.0 wrote it.
        let path = path.with_file_name(format!("v1-{name}.bin"));
        let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(golden[0], WHOLE_FORMAT_VERSION);
        assert_eq!(decode(&golden).unwrap(), sketch, "v1-{name}");
        assert_eq!(
            FramedSketch::parse(&golden).unwrap().header().retained(),
            sketch.retained()
        );
        let copied = operations::copy(&EncodedSketch::parse(&golden).unwrap(), 0, Global).unwrap();
        assert_eq!(copied.to_vec(), sketch.encode(), "v1-{name}");
    }
}

#[test]
fn the_documented_example_is_true() {
    // docs/format.md walks through these bytes.
    let mut sketch = Sketch::new(8, 5);
    for hash in [0x40_u64 << 56, 0xC0 << 56 | 0x3_0000] {
        sketch.insert_all(&[hash]).unwrap();
    }
    let mut expected = vec![2, 0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];
    // Two values below 2^48: 47 low bits each, 12 bytes; then a bitmap of 2 + 1 bits.
    expected.extend([0, 0, 0, 0, 0, 0x40 | 0x80, 1, 0, 0, 0, 0, 0x20]);
    expected.push(0b101);
    assert_eq!(sketch.encode(), expected);
}

/// Every kind has its number for ever, which stands above the flag of derived sketches; 0 is what all sketches had
/// before.
#[test]
fn kinds_have_frozen_numbers() {
    for (number, kind) in Kind::ALL.into_iter().enumerate() {
        let bytes = sketch_of_first(1_000, 100, 0).of_kind(kind).encode();
        assert_eq!(usize::from(bytes[1]), number << 1);
        let sketch = decode(&bytes).unwrap();
        assert_eq!((sketch.kind(), sketch.header().kind()), (kind, kind));
        assert_eq!(sketch == sketch_of_first(1_000, 100, 0), kind == Kind::Unknown);
    }
}

proptest! {
    #[test]
    fn a_sketch_comes_back(
        hashes in proptest::collection::vec(any::<u64>(), 0..800), capacity in 8_u32..1_000, seed: u64,
        kind in proptest::sample::select(&Kind::ALL[..]),
    ) {
        let mut sketch = Sketch::new(capacity, seed).of_kind(kind);
        for hash in hashes {
            sketch.insert_all(&[hash]).unwrap();
        }
        let bytes = sketch.encode();
        let encoded = EncodedSketch::parse(&bytes).unwrap();
        prop_assert_eq!(encoded.header().estimate(), sketch.estimate());
        let decoded = Sketch::decode_in(&encoded, Global).unwrap();
        prop_assert_eq!(&decoded, &sketch);
        prop_assert_eq!(decoded.encode(), bytes);
    }

    /// A sketch of version 1 is read as the cells of its hashes, at its level; and what it is written as is read alike.
    #[test]
    fn version_1_is_cut_as_it_is_read(
        hashes in proptest::collection::vec((0_u64..300, 0_u64..4, 0_u32..26), 0..300), size in 8_u32..200, other: u64,
    ) {
        let hash = |(i, part, bit): (u64, u64, u32)| hash::integer(i as i64, 0) ^ part << bit;
        let mut sample = Sample::new(size, 0);
        hashes.iter().for_each(|&drawn| sample.insert(hash(drawn), "", None).unwrap());
        // What a sample has in front of its values, of two bytes each.
        let bytes = sample.encode();
        let bytes = &bytes[1..bytes.len() - 2 * sample.header().retained()];
        prop_assert_eq!(bytes[0], WHOLE_FORMAT_VERSION);

        let level = sample.header().level();
        let whole = hashes.iter().map(|&drawn| hash(drawn) >> 8).filter(|&hash| hash < threshold::threshold(level).unwrap());
        let kept = if level == 0 { 48 } else { 40 };
        let cells: BTreeSet<u64> = whole.map(|hash| hash >> (56 - kept) << (56 - kept)).collect();
        let cells: Vec<u64> = cells.range(..width::threshold(level).unwrap()).copied().collect();
        let read = EncodedSketch::parse(bytes).unwrap();
        prop_assert_eq!(read.hashes().collect::<Vec<_>>(), cells.clone());
        prop_assert_eq!((read.header().level(), read.header().retained()), (level, cells.len()));
        let framed = FramedSketch::parse(bytes).unwrap();
        prop_assert_eq!(framed.hashes().collect::<Result<Vec<_>, _>>(), Ok(cells));

        let written = operations::copy(&read, 0, Global).unwrap().to_vec();
        prop_assert_eq!(written[0], FORMAT_VERSION);
        let mut with_other = [&written[..], bytes].map(|bytes| {
            let mut sketch = Sketch::new(150, 0);
            sketch.insert_all(&[other]).unwrap();
            sketch.merge_framed(&FramedSketch::parse(bytes).unwrap()).unwrap();
            sketch.encode()
        });
        with_other.sort();
        prop_assert_eq!(&with_other[0], &with_other[1]);
        prop_assert_eq!(decode(bytes).unwrap().encode(), written);
    }

    #[test]
    fn merging_framed_is_merging(
        a in proptest::collection::vec(any::<u64>(), 0..800), b in proptest::collection::vec(any::<u64>(), 0..800),
        sizes in (8_u32..600, 8_u32..600),
    ) {
        let sketch_of = |hashes: &[u64], capacity| {
            let mut sketch = Sketch::new(capacity, 0);
            hashes.iter().for_each(|&hash| sketch.insert_all(&[hash]).unwrap());
            sketch
        };
        let b = sketch_of(&b, sizes.1);
        let (mut direct, mut encoded) = (sketch_of(&a, sizes.0), sketch_of(&a, sizes.0));
        direct.merge(&b).unwrap();
        encoded.merge_framed(&FramedSketch::parse(&b.encode()).unwrap()).unwrap();
        prop_assert_eq!(direct, encoded);
    }

    /// Whatever is accepted is canonical: it encodes to the same bytes again.
    #[test]
    fn changed_bytes_are_refused_or_canonical(
        n in 0_u64..400, changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut bytes = sketch_of_first(n, 100, 0).encode();
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(sketch) = decode(&bytes) {
            prop_assert_eq!(sketch.encode(), bytes);
        }
    }
}

/// A valid sketch with its bytes changed by `change`, and the fault that decoding names.
fn fault(change: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = sketch_of_first(1_000, 100, 0).encode();
    assert!(decode(&bytes).is_ok());
    change(&mut bytes);
    decode(&bytes).expect_err("the fault passed").to_string()
}

#[test]
fn every_fault_is_named() {
    assert_eq!(
        fault(Vec::clear),
        format!("length must be at least {HEADER_LEN} bytes, not 0")
    );
    assert_eq!(
        fault(|bytes| bytes[0] = FORMAT_VERSION + 1),
        "format version must be 1 or 2, not 3"
    );
    assert_eq!(
        fault(|bytes| bytes.truncate(7)),
        "length must be at least 20 bytes, not 7"
    );
    assert_eq!(fault(|bytes| bytes[1] = 0x40), "flags must be below 64, not 64");
    assert_eq!(fault(|bytes| bytes[1] |= 0x80), "flags must be below 64, not 128");
    assert_eq!(fault(|bytes| bytes[1] = 17 << 1), "kind must be at most 16, not 17");
    assert_eq!(fault(|bytes| bytes[1] = 0x3F), "kind must be at most 16, not 31");
    assert_eq!(
        fault(|bytes| bytes[1..4].copy_from_slice(&[1, 0, 0])),
        "the derived flag must be 0 at level 0"
    );
    assert_eq!(
        fault(|bytes| bytes[2..4].copy_from_slice(&(MAX_LEVEL + 1).to_le_bytes())),
        "level must be at most 193, not 194"
    );
    assert_eq!(
        fault(|bytes| bytes[4..8].copy_from_slice(&7_u32.to_le_bytes())),
        "capacity must be between 8 and 67108864, not 7"
    );
    assert_eq!(
        fault(|bytes| bytes[8..12].copy_from_slice(&100_u32.to_le_bytes())),
        "100 hashes are more than the capacity and level allow"
    );
    assert!(fault(|bytes| bytes.push(0)).starts_with("length must be "));
    assert!(fault(|bytes| bytes.truncate(bytes.len() - 1)).starts_with("length must be "));
    assert_eq!(fault(|bytes| *bytes.last_mut().unwrap() |= 0x80), "unused bits are set");
    // A claim of far more hashes than there are bytes is refused by arithmetic, before any memory is asked for.
    assert!(
        fault(|bytes| {
            bytes[4..8].copy_from_slice(&(1_u32 << 26).to_le_bytes());
            bytes[8..12].copy_from_slice(&((1_u32 << 26) - 1).to_le_bytes());
        })
        .starts_with("length must be ")
    );
    let bitmap_bit = |bytes: &mut Vec<u8>, value: bool| {
        let bitmap = bytes.len() - 10;
        let (index, bit) = (bitmap..bytes.len())
            .flat_map(|index| (0..8).map(move |bit| (index, 1_u8 << bit)))
            .find(|&(index, bit)| (bytes[index] & bit != 0) != value)
            .unwrap();
        bytes[index] ^= bit;
    };
    let retained = sketch_of_first(1_000, 100, 0).retained();
    assert_eq!(
        fault(|bytes| bitmap_bit(bytes, true)),
        format!("there are {} hashes, not {retained}", retained + 1)
    );
    assert_eq!(
        fault(|bytes| bitmap_bit(bytes, false)),
        format!("there are {} hashes, not {retained}", retained - 1)
    );
}

#[test]
fn unsorted_repeated_and_foreign_hashes_are_named() {
    // Two hashes at level 0, capacity 8: two blocks of 47 low bits, or 38 at level 1, then the bitmap.
    let two = |first: u64, second: u64, bitmap: u8, level: u16| {
        let low_bits = if level == 0 { 47 } else { 38 };
        let low = (u128::from(second) << low_bits | u128::from(first)).to_le_bytes();
        let mut bytes = vec![FORMAT_VERSION, 0, level as u8, 0, 8, 0, 0, 0, 2, 0, 0, 0];
        bytes.extend([0; 8]);
        bytes.extend(&low[..(2 * low_bits as usize).div_ceil(8)]);
        bytes.push(bitmap);
        decode(&bytes).map_err(|error| error.to_string())
    };
    assert!(two(1, 2, 0b011, 0).is_ok());
    assert_eq!(
        two(2, 1, 0b011, 0).unwrap_err(),
        "the hash at position 1 is below the one before"
    );
    assert_eq!(two(2, 2, 0b011, 0).unwrap_err(), "the hash at position 1 is repeated");
    // Level 1 ends at 7/8 of 2^40 = 3.5 * 2^38.
    assert!(two(1, 1 << 36, 0b10001, 1).is_ok());
    assert_eq!(
        two(1, 1 << 37, 0b10001, 1).unwrap_err(),
        "the hash at position 1 does not belong to the level"
    );
}

/// A merge reads the hashes that belong to the union's level. What is wrong with one of them is named, and what lies
/// beyond is left alone.
#[test]
fn a_merge_checks_what_it_reads() {
    let other = sketch_of_first(1_000, 100, 0);
    let bytes = other.encode();
    // The low bits of the hashes come first. Two neighbours whose low bits are cleared are the same hash, if their
    // upper bits are; or else they may still ascend.
    let low_bits = {
        let ratio = (cvm_sketch::width::threshold(other.level()).unwrap() >> 16) / other.retained() as u64;
        ratio.ilog2() as usize
    };
    let cleared = |positions: std::ops::Range<usize>| {
        let mut bytes = bytes.clone();
        for bit in positions.start * low_bits..positions.end * low_bits {
            bytes[HEADER_LEN + bit / 8] &= !(1 << (bit % 8));
        }
        bytes
    };
    let merged = |mut into: Sketch, bytes: &[u8]| {
        into.merge_framed(&FramedSketch::parse(bytes).unwrap())
            .map(|()| into.encode())
    };
    let retained = other.retained();
    let faults = (0..retained - 1)
        .filter(|&first| {
            let broken = cleared(first..first + 2);
            let empty = merged(Sketch::new(100, 0), &broken);
            assert_eq!(empty.is_err(), decode(&broken).is_err());
            matches!(
                empty,
                Err(MergeError::Decode(DecodeError::Repeated(_) | DecodeError::Order(_)))
            )
        })
        .count();
    assert!(faults > 0);

    // A header may claim more hashes than the bitmap has, or fewer. A merge that reads to the end notices.
    let last = (8 * HEADER_LEN..8 * bytes.len())
        .rev()
        .find(|bit| bytes[bit / 8] >> (bit % 8) & 1 == 1)
        .unwrap();
    let flipped = |bit: usize| {
        let mut bytes = bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    for (broken, is) in [(flipped(last), retained - 1), (flipped(last + 1), retained + 1)] {
        assert_eq!(
            merged(Sketch::new(100, 0), &broken).unwrap_err(),
            MergeError::Decode(DecodeError::Count {
                is,
                should_be: retained as u32
            })
        );
    }
    // One that has none at all.
    let mut none = bytes.clone();
    none[HEADER_LEN + (retained * low_bits).div_ceil(8)..].fill(0);
    let into = sketch_of_first(100_000, 100, 0);
    assert!(merged(into, &none).is_err());

    // A union at a higher level has no use for the largest hashes.
    let large = sketch_of_first(100_000, 100, 0);
    assert_ne!(bytes, cleared(retained - 2..retained));
    assert_eq!(
        merged(large, &cleared(retained - 2..retained)).unwrap(),
        sketch_of_first(100_000, 100, 0).encode()
    );
}
