//! Sketches as sets, against an oracle that keeps every hash.

use allocator_api2::alloc::Global;
use cvm_sketch::codec::{EncodedSketch, FramedSketch, Header};
use cvm_sketch::threshold::HASH_BITS;
use cvm_sketch::width::threshold;
use cvm_sketch::{Kind, OperationError, Sketch, between, interval, operations};
use proptest::prelude::*;
use std::collections::BTreeSet;

type Bytes = Vec<u8>;

fn sketch_of(hashes: &[u64], capacity: u32, seed: u64) -> Bytes {
    let mut sketch = Sketch::new(capacity, seed);
    sketch.insert_all(hashes).unwrap();
    sketch.encode()
}

fn parse(bytes: &Bytes) -> EncodedSketch<'_> {
    EncodedSketch::parse(bytes).expect("the result of an operation is a valid sketch")
}

fn framed(bytes: &Bytes) -> FramedSketch<'_> {
    FramedSketch::parse(bytes).expect("the result of an operation is a valid sketch")
}

macro_rules! operation {
    ($name:ident) => {
        fn $name(a: &Bytes, b: &Bytes) -> Bytes {
            operations::$name(&parse(a), &parse(b), 0, Global)
                .unwrap()
                .to_vec()
        }
    };
}
operation!(union);
operation!(intersection);
operation!(difference);

fn nothing() -> Bytes {
    sketch_of(&[], Header::NOTHING.capacity(), 0)
}

/// The set of a sketch, at its level.
fn sample(bytes: &Bytes) -> (u16, BTreeSet<u64>) {
    let sketch = parse(bytes);
    (sketch.header().level(), sketch.hashes().collect())
}

/// What a sketch of that level keeps of a 64-bit hash: 48 or 40 bits of it, as the upper ones of 56.
fn cell(hash: u64, level: u16) -> u64 {
    let kept = if level == 0 { 48 } else { 40 };
    hash >> (64 - kept) << (HASH_BITS - kept)
}

/// What a set operation should give: the sample of the set that it makes of all values, at the level of the operands
/// or, if that leaves too many, the first that does not.
fn oracle(operands: [&Bytes; 2], capacity: u32, values: impl IntoIterator<Item = u64>) -> (u16, BTreeSet<u64>) {
    let all: Vec<u64> = values.into_iter().collect();
    let start = operands
        .map(|bytes| parse(bytes).header().level())
        .into_iter()
        .max()
        .unwrap();
    (start..)
        .map(|level| {
            let cells: BTreeSet<u64> = all.iter().map(|&hash| cell(hash, level)).collect();
            (
                level,
                cells
                    .range(..threshold(level).unwrap())
                    .copied()
                    .collect::<BTreeSet<u64>>(),
            )
        })
        .find(|(_, sample)| sample.len() < capacity as usize)
        .unwrap()
}

fn hashes() -> impl Strategy<Value = Vec<u64>> {
    // From a pool of 400, so that sets overlap; some crowd at the low end, so that levels differ.
    let hash = (0_u64..400, prop_oneof![4 => Just(0), 1 => 0_u32..20])
        .prop_map(|(i, shift)| i.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> shift);
    proptest::collection::vec(hash, 0..400)
}

/// Hashes of which some share a cell, of 48 bits or of 40. What holds for the sets then still holds for unions.
///
/// But an intersection cannot tell such hashes apart, where its level keeps no more than what they share.
fn hashes_in_cells() -> impl Strategy<Value = Vec<u64>> {
    let parts = proptest::collection::vec((prop_oneof![6 => Just(0_u64), 1 => 0..4_u64], 0_u32..24), 400);
    (hashes(), parts).prop_map(|(mut hashes, parts)| {
        hashes
            .iter_mut()
            .zip(parts)
            .for_each(|(hash, (part, bit))| *hash ^= part << bit);
        hashes
    })
}

fn capacity() -> impl Strategy<Value = u32> {
    prop_oneof![8_u32..40, 100_u32..500]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn operations_are_those_of_sets(a in hashes(), b in hashes(), c in hashes_in_cells(), sizes in (capacity(), capacity())) {
        let (x, y) = (sketch_of(&a, sizes.0, 3), sketch_of(&b, sizes.1, 3));
        let (a, b): (BTreeSet<u64>, BTreeSet<u64>) = (a.into_iter().collect(), b.into_iter().collect());
        let smaller = sizes.0.min(sizes.1);
        let operands = [&x, &y];
        prop_assert_eq!(sample(&union(&x, &y)), oracle(operands, smaller, a.union(&b).copied()));
        prop_assert_eq!(sample(&intersection(&x, &y)), oracle(operands, smaller, a.intersection(&b).copied()));
        prop_assert_eq!(sample(&difference(&x, &y)), oracle(operands, smaller, a.difference(&b).copied()));
        let z = sketch_of(&c, sizes.0, 3);
        let c: BTreeSet<u64> = c.into_iter().collect();
        prop_assert_eq!(sample(&union(&z, &y)), oracle([&z, &y], smaller, c.union(&b).copied()));
        for result in [union(&x, &y), intersection(&x, &y), difference(&x, &y)] {
            prop_assert_eq!(parse(&result).header().capacity(), smaller);
            prop_assert_eq!(parse(&result).header().seed(), 3);
        }
    }

    #[test]
    fn union_is_merge(a in hashes_in_cells(), b in hashes_in_cells(), c in hashes_in_cells(), sizes in (capacity(), capacity(), capacity())) {
        let (a, b, c) = (sketch_of(&a, sizes.0, 0), sketch_of(&b, sizes.1, 0), sketch_of(&c, sizes.2, 0));
        // Derived operands too.
        for (x, y) in [(&a, &b), (&intersection(&a, &b), &c), (&c, &difference(&a, &b)),
                       (&intersection(&a, &b), &difference(&b, &c))] {
            let mut merged = Sketch::decode_in(&parse(x), Global).unwrap();
            merged.merge(&Sketch::decode_in(&parse(y), Global).unwrap()).unwrap();
            prop_assert_eq!(merged.encode(), union(x, y));
            let mut merged = Sketch::decode_in(&parse(x), Global).unwrap();
            merged.merge_framed(&framed(y)).unwrap();
            prop_assert_eq!(merged.encode(), union(x, y));
        }
    }

    #[test]
    fn union_knows_no_order_where_hashes_share_cells(
        a in hashes_in_cells(), b in hashes_in_cells(), c in hashes_in_cells(), d in hashes_in_cells(),
        sizes in (capacity(), capacity(), capacity()),
    ) {
        let all = [&a[..], &b, &c].concat();
        let (a, b) = (sketch_of(&a, sizes.0, 0), sketch_of(&b, sizes.1, 0));
        let (c, d) = (sketch_of(&c, sizes.2, 0), sketch_of(&d, sizes.0, 0));
        let derived = difference(&c, &d);
        for (x, y, z) in [(&a, &b, &c), (&a, &b, &derived), (&derived, &c, &a)] {
            prop_assert_eq!(union(x, y), union(y, x));
            prop_assert_eq!(union(&union(x, y), z), union(x, &union(y, z)));
            prop_assert_eq!(union(&union(x, y), y), union(x, y));
        }
        prop_assert_eq!(union(&union(&a, &b), &c), sketch_of(&all, sizes.0.min(sizes.1).min(sizes.2), 0));
    }

    #[test]
    fn union_and_intersection_know_no_order(
        a in hashes(), b in hashes(), c in hashes(), d in hashes(), sizes in (capacity(), capacity(), capacity()),
    ) {
        let (a, b) = (sketch_of(&a, sizes.0, 0), sketch_of(&b, sizes.1, 0));
        let (c, d) = (sketch_of(&c, sizes.2, 0), sketch_of(&d, sizes.0, 0));
        let derived = intersection(&c, &d);
        for (x, y, z) in [(&a, &b, &c), (&a, &b, &derived), (&derived, &nothing(), &a), (&nothing(), &nothing(), &b)] {
            prop_assert_eq!(union(x, y), union(y, x));
            prop_assert_eq!(union(&union(x, y), z), union(x, &union(y, z)));
            prop_assert_eq!(union(&union(x, y), y), union(x, y));
            prop_assert_eq!(intersection(x, y), intersection(y, x));
            prop_assert_eq!(intersection(&intersection(x, y), z), intersection(x, &intersection(y, z)));
        }
    }

    #[test]
    fn only_a_sketch_that_values_would_build_is_unmarked(a in hashes(), b in hashes(), c in hashes(), size in capacity()) {
        let sketches = [&a, &b, &c].map(|hashes| sketch_of(hashes, size, 0));
        let sets = [a, b, c].map(|hashes| hashes.into_iter().collect::<BTreeSet<u64>>());
        let cases = [
            (union(&sketches[0], &sketches[1]), &sets[0] | &sets[1]),
            (intersection(&sketches[0], &sketches[1]), &sets[0] & &sets[1]),
            (difference(&sketches[0], &sketches[1]), &sets[0] - &sets[1]),
            (union(&intersection(&sketches[0], &sketches[1]), &sketches[2]), &(&sets[0] & &sets[1]) | &sets[2]),
            (union(&sketches[2], &difference(&sketches[0], &sketches[1])), &(&sets[0] - &sets[1]) | &sets[2]),
        ];
        for (result, set) in cases {
            let built = sketch_of(&set.into_iter().collect::<Vec<_>>(), size, 0);
            if !parse(&result).header().is_derived() {
                prop_assert_eq!(result, built);
            } else {
                prop_assert!(parse(&result).header().level() >= parse(&built).header().level());
            }
        }
    }

    #[test]
    fn one_value_more_is_an_insertion(hashes in hashes_in_cells(), hash: u64, size in capacity()) {
        let before = sketch_of(&hashes, size, 9);
        let after = sketch_of(&[&hashes[..], &[hash]].concat(), size, 9);
        let result = operations::with_hash(&parse(&before), Kind::Unknown, hash, 0, Global).unwrap();
        prop_assert_eq!(result.map_or(before, |bytes| bytes.to_vec()), after);
    }

    #[test]
    fn downsampling_is_building_at_the_smaller_capacity(hashes in hashes_in_cells(), sizes in (capacity(), capacity())) {
        let (small, large) = (sizes.0.min(sizes.1), sizes.0.max(sizes.1));
        let large = sketch_of(&hashes, large, 0);
        let result = operations::downsample(&parse(&large), small, 0, Global).unwrap().to_vec();
        prop_assert_eq!(result, sketch_of(&hashes, small, 0));
    }
}

#[test]
fn nothing_takes_on_what_the_other_says() {
    let other = sketch_of(&[1 << 60, 2 << 60], 40, 7);
    let (nothing, empty) = (nothing(), sketch_of(&[], 40, 7));
    assert_eq!(union(&nothing, &other), other);
    assert_eq!(union(&other, &nothing), other);
    assert_eq!(union(&nothing, &nothing), nothing);
    assert_eq!(union(&nothing, &empty), empty);
    assert_eq!(intersection(&nothing, &other), intersection(&other, &nothing));
    assert_eq!(intersection(&nothing, &empty), empty);
    assert_eq!(intersection(&nothing, &nothing), nothing);
    assert_eq!(difference(&other, &nothing), other);
    assert_eq!(difference(&nothing, &other), nothing);
    for capacity in [100, 100_000] {
        assert_eq!(
            operations::downsample(&parse(&nothing), capacity, 0, Global)
                .unwrap()
                .to_vec(),
            nothing
        );
    }
    let mut merged = Sketch::new(Header::NOTHING.capacity(), 0);
    merged.merge_framed(&framed(&other)).unwrap();
    merged.merge_framed(&framed(&nothing)).unwrap();
    assert_eq!(merged.encode(), other);
}

/// Two small sketches that have nothing in common leave the bytes of the sketch of nothing, in whichever order a large
/// one comes to them.
#[test]
fn intersections_do_not_depend_on_their_order() {
    let of = |range: std::ops::Range<u64>| {
        let hashes: Vec<u64> = range.map(|i| (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        sketch_of(&hashes, Header::NOTHING.capacity(), 0)
    };
    let (a, b, c) = (of(0..1_000), of(1_000..3_000), of(0..30_000));
    assert_eq!(intersection(&a, &b), nothing());
    let first = intersection(&intersection(&a, &b), &c);
    assert!(parse(&first).header().level() > 0 && parse(&first).header().is_derived());
    assert_eq!(intersection(&intersection(&a, &c), &b), first);
    assert_eq!(intersection(&intersection(&c, &b), &a), first);
    assert_eq!(intersection(&c, &intersection(&b, &a)), first);
}

#[test]
fn what_cannot_be_is_an_error() {
    let many: Vec<u64> = (1..200_u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    let (a, b) = (sketch_of(&many, 20, 1), sketch_of(&many[50..], 20, 2));
    let seeds = OperationError::Seeds(1, 2);
    assert_eq!(operations::union(&parse(&a), &parse(&b), 0, Global).unwrap_err(), seeds);
    assert_eq!(
        operations::intersection(&parse(&a), &parse(&b), 0, Global).unwrap_err(),
        seeds
    );
    assert_eq!(
        operations::difference(&parse(&a), &parse(&b), 0, Global).unwrap_err(),
        seeds
    );
    assert_eq!(
        seeds.to_string(),
        "cvm_sketch values must have the same seed, not 1 and 2"
    );

    let derived = intersection(&a, &sketch_of(&many[50..], 20, 1));
    assert!(parse(&derived).header().is_derived());
    let derived = parse(&derived);
    assert_eq!(
        operations::with_hash(&derived, Kind::Unknown, 1, 0, Global).unwrap_err(),
        OperationError::Derived
    );
    assert_eq!(
        operations::downsample(&derived, 10, 0, Global).unwrap_err(),
        OperationError::Derived
    );
    let error = operations::downsample(&parse(&a), 21, 0, Global).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot downsample a cvm_sketch of capacity 20 to 21, which is larger"
    );
}

#[test]
fn a_prefix_is_left_to_the_caller() {
    let a = sketch_of(&[1 << 60], 40, 7);
    let bytes = operations::union(&parse(&a), &parse(&a), 4, Global).unwrap();
    assert_eq!((&bytes[..4], &bytes[4..]), (&[0_u8; 4][..], &a[..]));
}

/// The kind of a result and whether there is one, for every pair of kinds and every way to combine two sketches.
#[test]
fn kinds_combine_alike_in_every_operation() {
    let hashes: Vec<u64> = (1..200_u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
    let of_kind = |hashes: &[u64], kind| {
        let mut sketch = Sketch::new(60, 3).of_kind(kind);
        sketch.insert_all(hashes).unwrap();
        sketch
    };
    let confidence = interval::Confidence::new(0.95).unwrap();
    for one in Kind::ALL {
        for other in Kind::ALL {
            let (a, b) = (of_kind(&hashes[..150], one), of_kind(&hashes[100..], other));
            let (x, y) = (a.encode(), b.encode());
            let expected = match (one, other) {
                (kind, Kind::Unknown) | (Kind::Unknown, kind) => Ok(kind),
                _ if one == other => Ok(one),
                _ => Err(OperationError::Kinds(one, other)),
            };
            let outcomes = [
                operations::union(&parse(&x), &parse(&y), 0, Global),
                operations::intersection(&parse(&x), &parse(&y), 0, Global),
                operations::difference(&parse(&x), &parse(&y), 0, Global),
            ];
            for (outcome, unknown) in outcomes.into_iter().zip([union, intersection, difference]) {
                let outcome = outcome.map(|bytes| bytes.to_vec());
                assert_eq!(
                    outcome.as_ref().map(|bytes| parse(bytes).header().kind()),
                    expected.as_ref().map(|&kind| kind)
                );
                // But for the kind, it is what sketches that do not know theirs give.
                if let Ok(mut bytes) = outcome {
                    bytes[1] &= 1;
                    let [x, y] = [&x, &y].map(|bytes| [&[bytes[0], bytes[1] & 1][..], &bytes[2..]].concat());
                    assert_eq!(bytes, unknown(&x, &y));
                }
            }
            assert_eq!(
                between::jaccard(&parse(&x), &parse(&y), confidence, &Global).map(drop),
                expected.map(drop)
            );
            let mut merged = of_kind(&hashes[..150], one);
            assert_eq!(merged.merge(&b).map(|()| merged.kind()), expected);
            assert!(expected.is_ok() || merged == a, "an error changes nothing");
            let mut merged = of_kind(&hashes[..150], one);
            let outcome = merged.merge_framed(&framed(&y)).map(|()| merged.kind());
            assert_eq!(outcome, expected.map_err(cvm_sketch::MergeError::Operation));
            for hash in [hashes[0], hashes[199 - 1], u64::MAX] {
                let added = operations::with_hash(&parse(&x), other, hash, 0, Global);
                let added = added.map(|bytes| bytes.map_or(x.clone(), |bytes| bytes.to_vec()));
                match expected {
                    Ok(kind) => {
                        let mut inserted = of_kind(&hashes[..150], kind);
                        inserted.insert_all(&[hash]).unwrap();
                        assert_eq!(added, Ok(inserted.encode()));
                    }
                    Err(error) => assert_eq!(added, Err(error)),
                }
            }
        }
    }
}

/// A sketch whose kind is said later is that of values of the kind, and what is known is not changed.
#[test]
fn kinds_are_said_later() {
    let of = |n: u64, kind| {
        let mut sketch = Sketch::new(40, 7).of_kind(kind);
        (0..n).for_each(|i| sketch.insert_all(&[i.wrapping_mul(0x9E37_79B9_7F4A_7C15)]).unwrap());
        sketch.encode()
    };
    let said = |sketch: &Bytes, kind| {
        let said = operations::of_kind(&parse(sketch), kind, 0, Global);
        said.map(|bytes| bytes.map(|bytes| bytes.to_vec()))
    };
    for n in [0, 3, 39, 40, 3_000] {
        assert_eq!(said(&of(n, Kind::Unknown), Kind::Text), Ok(Some(of(n, Kind::Text))));
        assert_eq!(said(&of(n, Kind::Text), Kind::Text), Ok(None));
        assert_eq!(said(&of(n, Kind::Text), Kind::Unknown), Ok(None));
        let error = OperationError::Kinds(Kind::Text, Kind::Integer);
        assert_eq!(said(&of(n, Kind::Text), Kind::Integer), Err(error));
    }
    assert_eq!(said(&nothing(), Kind::Text), Ok(None));
    let derived = difference(&of(3_000, Kind::Unknown), &of(1_000, Kind::Unknown));
    let expected = difference(&of(3_000, Kind::Text), &of(1_000, Kind::Text));
    assert!(parse(&derived).header().is_derived());
    assert_eq!(said(&derived, Kind::Text), Ok(Some(expected)));
}

/// The sketch of nothing has no kind of its own, and any that is known is kept.
#[test]
fn kinds_are_kept() {
    let integers = |n: u64| {
        let mut sketch = Sketch::new(40, 0).of_kind(Kind::Integer);
        (0..n).for_each(|i| sketch.insert_all(&[i.wrapping_mul(0x9E37_79B9_7F4A_7C15)]).unwrap());
        sketch.encode()
    };
    for sketch in [integers(0), integers(3), integers(3_000)] {
        assert_eq!(union(&nothing(), &sketch), sketch);
        assert_eq!(union(&sketch, &nothing()), sketch);
        assert_eq!(difference(&sketch, &nothing()), sketch);
        let none = intersection(&sketch, &nothing());
        assert_eq!(none, intersection(&nothing(), &sketch));
        let (none, all) = (parse(&none), parse(&sketch));
        assert_eq!(
            (none.header().level(), none.header().retained()),
            (all.header().level(), 0)
        );
        assert_eq!(none.header().kind(), Kind::Integer);
        let smaller = operations::downsample(&parse(&sketch), 20, 0, Global).unwrap().to_vec();
        assert_eq!(parse(&smaller).header().kind(), Kind::Integer);
        let copy = Sketch::decode_in(&parse(&sketch), Global).unwrap();
        assert_eq!(copy.try_clone_in(Global).unwrap().encode(), sketch);
    }
}
