//! Operations on any sketches that decoding accepts, of either format version, whether or not values would ever build
//! them: the results are sketches, those that the operations on sets say, and the laws of sets hold.
#![no_main]

use allocator_api2::alloc::Global;
use cvm_sketch::capacity::{MAX_CAPACITY, MIN_CAPACITY};
use cvm_sketch::codec::{FORMAT_VERSION, WHOLE_FORMAT_VERSION};
use cvm_sketch::interval::{self, Confidence};
use cvm_sketch::{EncodedSketch, FramedSketch, Kind, MergeError, OperationError, Sketch, between, operations};
use fuzz::{Parts, Reader, check_bounds};
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;

type Bytes = Vec<u8>;
type Outcome = Result<Bytes, OperationError>;

fn parse(bytes: &Bytes) -> EncodedSketch<'_> {
    EncodedSketch::parse(bytes).expect("a legal sketch is accepted, and so is the result of an operation")
}

fn decode(bytes: &Bytes) -> Sketch {
    Sketch::decode_in(&parse(bytes), Global).expect("there is memory")
}

fn is_nothing(bytes: &Bytes) -> bool {
    parse(bytes).header().is_nothing()
}

macro_rules! operation {
    ($name:ident) => {
        fn $name(a: &Bytes, b: &Bytes) -> Outcome {
            Ok(operations::$name(&parse(a), &parse(b), 0, Global)?.to_vec())
        }
    };
}
operation!(union);
operation!(intersection);
operation!(difference);

/// What the operation on sets gives, at the higher level and the smaller capacity; neither operand is nothing.
fn oracle(a: &Parts, b: &Parts, set: impl Fn(&BTreeSet<u64>, &BTreeSet<u64>) -> BTreeSet<u64>) -> Parts {
    let mut result = Parts {
        version: FORMAT_VERSION,
        is_derived: false,
        kind: [a.kind, b.kind]
            .into_iter()
            .find(|&kind| kind != Kind::Unknown)
            .unwrap_or_default(),
        level: a.level.max(b.level),
        capacity: a.capacity.min(b.capacity),
        seed: a.seed,
        hashes: BTreeSet::new(),
    };
    // What both keep at the level that they have in common.
    let [a, b] = [a, b].map(|parts| {
        result.hashes = parts.hashes.clone();
        let bound = result.threshold();
        let kept = result
            .hashes
            .iter()
            .map(|hash| hash >> result.dropped() << result.dropped());
        kept.filter(|&hash| hash < bound).collect()
    });
    result.hashes = set(&a, &b);
    result.thin();
    result
}

fn check_pair(a: &Bytes, b: &Bytes) {
    let (x, y) = (Parts::of(&parse(a)), Parts::of(&parse(b)));
    let confidence = Confidence::new(0.95).expect("legal");
    let jaccard = between::jaccard(&parse(a), &parse(b), confidence, &Global);
    let mut merged = decode(a);
    let merge = merged.merge(&decode(b)).map(|()| merged.encode());
    let mut merged = decode(a);
    let framed = FramedSketch::parse(b).expect("a valid sketch");
    let merge_framed = merged.merge_framed(&framed).map(|()| merged.encode());
    let (both, either, rest) = (intersection(a, b), union(a, b), difference(a, b));
    assert_eq!(merge, either);
    assert_eq!(merge_framed, either.clone().map_err(MergeError::Operation));

    if is_nothing(a) || is_nothing(b) {
        assert_eq!(either, Ok(if is_nothing(a) { &y } else { &x }.encode()));
        let other = if is_nothing(a) { &y } else { &x };
        let empty = Parts {
            version: FORMAT_VERSION,
            is_derived: other.level > 0,
            kind: other.kind,
            level: other.level,
            capacity: x.capacity.min(y.capacity),
            seed: other.seed,
            hashes: BTreeSet::new(),
        };
        assert_eq!(both, Ok(empty.encode()));
        assert_eq!(rest, Ok(x.encode()));
        assert!(jaccard.is_ok());
        check_between(a, b, confidence);
        return;
    }
    let kinds_differ = x.kind != y.kind && ![x.kind, y.kind].contains(&Kind::Unknown);
    if x.seed != y.seed || kinds_differ {
        let error = match x.seed == y.seed {
            true => OperationError::Kinds(x.kind, y.kind),
            false => OperationError::Seeds(x.seed, y.seed),
        };
        assert_eq!([both, either, rest], [const { () }; 3].map(|()| Err(error)));
        assert_eq!(jaccard.unwrap_err(), error);
        assert_eq!(
            between::intersection(&parse(a), &parse(b), confidence, &Global),
            Err(error)
        );
        return;
    }
    let (both, either, rest) = (both.unwrap(), either.unwrap(), rest.unwrap());

    let derived_level = [&x, &y]
        .into_iter()
        .filter(|parts| parts.is_derived)
        .map(|parts| parts.level)
        .max();
    let level = x.level.max(y.level);
    for (result, mut expected, keeps_mark) in [
        (&either, oracle(&x, &y, |x, y| x | y), false),
        (&both, oracle(&x, &y, |x, y| x & y), true),
        (&rest, oracle(&x, &y, |x, y| x - y), true),
    ] {
        expected.is_derived = match keeps_mark {
            false => derived_level == Some(expected.level),
            true => level > 0 && expected.level == level,
        };
        assert_eq!(expected.encode(), *result);
    }

    // A union is never below a part of its capacity, whatever led to that, unless it is derived.
    let whole = *parse(&either).header();
    for part in [parse(a), parse(b)].map(|part| *part.header()) {
        let is_promised = part.capacity() == whole.capacity() && !whole.is_derived();
        assert!(!is_promised || whole.estimate() >= part.estimate());
    }

    let jaccard = jaccard.unwrap();
    assert!(0.0 <= jaccard.lower && jaccard.lower <= jaccard.upper && jaccard.upper <= 1.0);
    if jaccard.estimate.is_nan() {
        assert_eq!((jaccard.lower, jaccard.upper), (0.0, 1.0));
    } else {
        assert!(jaccard.lower <= jaccard.estimate && jaccard.estimate <= jaccard.upper);
    }
    check_between(a, b, confidence);
    let mirrored = between::jaccard(&parse(b), &parse(a), confidence, &Global).unwrap();
    assert_eq!(format!("{mirrored:?}"), format!("{jaccard:?}"));
    assert_eq!(union(b, a), Ok(either));
    assert_eq!(intersection(b, a), Ok(both));
}

/// What both sketches say together is within what each says.
fn check_between(a: &Bytes, b: &Bytes, confidence: Confidence) {
    let (x, y) = (parse(a), parse(b));
    let [of_x, of_y] = [&x, &y].map(|sketch| interval::bounds(sketch.header(), confidence));
    let both = between::intersection(&x, &y, confidence, &Global).expect("they combine");
    assert!(both.lower <= both.estimate && both.estimate <= both.upper);
    assert!(both.estimate <= of_x.estimate.min(of_y.estimate) && both.upper <= of_x.upper.min(of_y.upper));
    assert_eq!(between::intersection(&y, &x, confidence, &Global), Ok(both));
    let rest = between::difference(&x, &y, confidence, &Global).expect("they combine");
    assert!(rest.lower <= rest.estimate && rest.estimate <= rest.upper);
    assert!(rest.estimate <= of_x.estimate && rest.upper <= of_x.upper);
    let share = between::containment(&x, &y, confidence, &Global).expect("they combine");
    assert!(0.0 <= share.lower && share.upper <= 1.0);
    assert!(share.estimate.is_nan() || share.lower <= share.estimate && share.estimate <= share.upper);
}

fn check_one(a: &Bytes, kind: Kind, hash: u64, capacity: u32) {
    let x = Parts::of(&parse(a));
    check_bounds(parse(a).header());
    assert_eq!(decode(a).encode(), x.encode());
    assert_eq!(union(a, a), Ok(x.encode()));
    assert_eq!(Parts::of(&parse(&intersection(a, a).unwrap())).hashes, x.hashes);
    let itself_left = difference(a, a).unwrap();
    assert!(is_nothing(a) || parse(&itself_left).header().retained() == 0);

    let with_hash = operations::with_hash(&parse(a), kind, hash, 0, Global);
    let downsampled = operations::downsample(&parse(a), capacity, 0, Global);
    if x.is_derived {
        assert_eq!(with_hash.unwrap_err(), OperationError::Derived);
        assert_eq!(downsampled.unwrap_err(), OperationError::Derived);
        return;
    }
    let expected = match [x.kind, kind] {
        [one, other] if one == other || other == Kind::Unknown => one,
        [Kind::Unknown, other] => other,
        [one, other] => {
            assert_eq!(with_hash.as_ref().unwrap_err(), &OperationError::Kinds(one, other));
            one
        }
    };
    if let Ok(with_hash) = with_hash {
        let cell = hash >> 8 >> x.dropped() << x.dropped();
        let mut inserted = decode(a).of_kind(expected);
        inserted.insert_all(&[hash]).expect("there is memory");
        assert_eq!(
            with_hash.is_none(),
            expected == x.kind && (cell >= x.threshold() || x.hashes.contains(&cell))
        );
        assert_eq!(with_hash.map_or(x.encode(), |bytes| bytes.to_vec()), inserted.encode());
    }
    if parse(a).header().is_nothing() {
        assert_eq!(downsampled.unwrap().to_vec(), x.encode());
        return;
    }
    if capacity > x.capacity {
        let error = OperationError::Capacity {
            is: x.capacity,
            asked: capacity,
        };
        assert_eq!(downsampled.unwrap_err(), error);
        return;
    }
    let mut expected = Parts { capacity, ..x };
    expected.thin();
    assert_eq!(downsampled.unwrap().to_vec(), expected.encode());
}

/// Both sides of an associative law, unless a part of one is an error.
fn check_associative(operation: impl Fn(&Bytes, &Bytes) -> Outcome, [a, b, c]: [&Bytes; 3]) {
    if let (Ok(left), Ok(right)) = (operation(a, b), operation(b, c)) {
        assert_eq!(operation(&left, c), operation(a, &right));
    }
}

fuzz_target!(|data: &[u8]| {
    let mut reader = Reader(data);
    let mut sketches = [(); 3].map(|()| reader.parts());
    let (hash, capacity) = (reader.number(8), reader.number(2) as u32);
    // Last, so that inputs from before there were kinds go on to say the same.
    sketches.iter_mut().for_each(|parts| parts.kind = reader.kind());
    let kind = reader.kind();
    // After those, for the same reason.
    for parts in &mut sketches {
        if reader.number(1) & 1 == 1 {
            parts.version = WHOLE_FORMAT_VERSION;
            // What is not kept in the other version, so that hashes share what is.
            let low_bits = reader.number(1);
            let more: Vec<_> = parts.hashes.iter().map(|hash| hash ^ low_bits).collect();
            parts.hashes.extend(more);
            parts.legalize();
        }
    }
    let [a, b, c] = sketches.each_ref().map(Parts::encode);
    for (bytes, parts) in [&a, &b, &c].into_iter().zip(&sketches) {
        assert_eq!(Parts::stored(bytes), *parts);
        assert_eq!(Parts::of(&parse(bytes)), parts.read());
    }
    check_one(&a, kind, hash, capacity.clamp(MIN_CAPACITY, MAX_CAPACITY));
    check_pair(&a, &b);
    check_pair(&c, &a);
    let seeds = sketches.each_ref().map(|parts| parts.seed);
    if seeds.iter().all(|&seed| seed == seeds[0]) {
        check_associative(union, [&a, &b, &c]);
        // An intersection at level 0 tells more hashes apart than one above. So the order matters where some share a
        // cell.
        let exact = sketches.iter().map(Parts::read).filter(|parts| parts.level == 0);
        let all: BTreeSet<_> = exact.flat_map(|parts| parts.hashes).collect();
        let cells: BTreeSet<_> = all.iter().map(|hash| hash >> 16).collect();
        if cells.len() == all.len() {
            check_associative(intersection, [&a, &b, &c]);
        }
    }
});
