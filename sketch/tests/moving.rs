//! Moving sketches against sketches made anew of what the frame holds: equal bytes after every step.

use allocator_api2::alloc::{AllocError, Allocator, Global};
use cvm_sketch::capacity::{DEFAULT_CAPACITY, MIN_CAPACITY};
use cvm_sketch::threshold::threshold;
use cvm_sketch::{
    EncodedSketch, FramedSketch, Header, Kind, MergeError, MovingSketch, MovingUnion, OutOfMemory, Sample, Sketch,
    Surroundings, operations,
};
use proptest::prelude::*;
use std::alloc::Layout;
use std::cell::Cell;
use std::collections::VecDeque;
use std::ptr::NonNull;

fn random(i: u64) -> u64 {
    (i ^ i >> 29)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .rotate_left(31)
        .wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

fn encoded(hashes: impl IntoIterator<Item = u64>, capacity: u32, seed: u64, kind: Kind) -> Vec<u8> {
    let mut sketch = Sketch::new(capacity, seed).of_kind(kind);
    sketch.insert_all(&hashes.into_iter().collect::<Vec<u64>>()).unwrap();
    sketch.encode()
}

/// A frame of hashes, and the moving sketch of it. That is made anew whenever it is not known any more.
struct Frame {
    hashes: VecDeque<u64>,
    sketch: MovingSketch<Global>,
    restarts: usize,
}

impl Frame {
    fn new(capacity: u32) -> Self {
        Frame {
            hashes: VecDeque::new(),
            sketch: MovingSketch::new_in(capacity, 3, Kind::Integer, Global),
            restarts: 0,
        }
    }

    fn enter(&mut self, hash: u64) {
        self.hashes.push_back(hash);
        self.sketch.enter(hash).unwrap();
    }

    fn leave(&mut self, position: usize) {
        let hash = self.hashes.remove(position).unwrap();
        if !self.sketch.leave(hash) {
            self.restarts += 1;
            self.sketch = MovingSketch::new_in(self.sketch.capacity(), 3, Kind::Integer, Global);
            for &hash in &self.hashes {
                self.sketch.enter(hash).unwrap();
            }
        }
    }

    fn check(&mut self) {
        self.sketch.shrink().unwrap();
        let anew = match self.hashes.is_empty() {
            true => Sketch::new(DEFAULT_CAPACITY, 0).encode(),
            false => encoded(self.hashes.iter().copied(), self.sketch.capacity(), 3, Kind::Integer),
        };
        assert_eq!(self.sketch.encode_in(0, Global).unwrap().as_slice(), anew);
        assert_eq!(self.sketch.header(), *EncodedSketch::parse(&anew).unwrap().header());
        assert_eq!(self.sketch.is_empty(), self.hashes.is_empty());
    }
}

/// Hashes that come again or do not, crowd at the low end, or lie at the thresholds of levels.
fn hash() -> impl Strategy<Value = u64> {
    prop_oneof![
        6 => (0_u64..2_000).prop_map(random),
        2 => (0_u64..30).prop_map(random),
        // Of few cells, of 48 bits or of 40.
        3 => (0_u64..60, 0_u64..4, prop_oneof![Just(6), Just(14), Just(22)])
            .prop_map(|(cell, part, bit)| random(cell) ^ part << bit),
        2 => (any::<u64>(), 0_u32..64).prop_map(|(hash, shift)| hash >> shift),
        1 => (0_u16..60, 0_u64..3).prop_map(|(level, next)| (threshold(level).unwrap() - 1 + next) << 8),
    ]
}

/// What happens to a frame: so many of these hashes enter, and then so many leave from there on.
fn steps() -> impl Strategy<Value = Vec<(Vec<u64>, usize, usize)>> {
    let enter = prop_oneof![
        4 => prop::collection::vec(hash(), 0..4),
        1 => prop::collection::vec(hash(), 0..150),
        // All of level 0 alone: thinning leaves none of them.
        1 => prop::collection::vec((threshold(1).unwrap()..threshold(0).unwrap()).prop_map(|hash| hash << 8), 0..60),
    ];
    let leave = prop_oneof![4 => 0_usize..4, 1 => 0_usize..150];
    let position = prop_oneof![4 => Just(0), 1 => 0_usize..1_000];
    prop::collection::vec((enter, leave, position), 1..60)
}

proptest! {
    #[test]
    fn a_moving_sketch_is_that_of_its_frame(capacity in prop_oneof![MIN_CAPACITY..40, 40_u32..200], steps in steps()) {
        let mut frame = Frame::new(capacity);
        for (enter, leave, position) in steps {
            enter.into_iter().for_each(|hash| frame.enter(hash));
            frame.check();
            for _ in 0..leave.min(frame.hashes.len()) {
                frame.leave(position % frame.hashes.len());
            }
            frame.check();
        }
    }
}

/// Streams at whose steady state the frame has 1 to 64 times as many distinct values as the capacity.
#[test]
fn a_steady_frame_is_read_once() {
    for rows in [100_u64, 1_000, 6_400] {
        for (name, value) in [
            ("all distinct", &(|i| i) as &dyn Fn(u64) -> u64),
            ("every value twice", &|i| i / 2),
            ("values that come back", &|i| random(i) % 3_000),
            ("few values", &|i| i % 7),
        ] {
            let mut frame = Frame::new(100);
            for i in 0..20_000 {
                frame.enter(random(value(i)));
                if frame.hashes.len() as u64 > rows {
                    frame.leave(0);
                }
                if i % 512 == 0 {
                    frame.check();
                }
            }
            assert_eq!(frame.restarts, 0, "{name}, {rows} rows");
        }
    }
}

/// A frame may shrink to about half before it has to be read anew.
#[test]
fn a_frame_that_shrinks_is_read_anew_once_for_each_halving() {
    let mut frame = Frame::new(100);
    for i in 0..64_000 {
        frame.enter(random(i));
    }
    while !frame.hashes.is_empty() {
        frame.leave(0);
        if frame.hashes.len().is_multiple_of(997) {
            frame.check();
        }
    }
    // From 64,000 to 100 there are 9.3 halvings.
    assert!((5..=18).contains(&frame.restarts), "{}", frame.restarts);
}

/// After a burst that needs no reserve, the frame goes on with few values.
#[test]
fn a_table_shrinks_with_its_frame() {
    let (taken, most) = (Cell::new(0), Cell::new(0));
    let memory = Counted {
        taken: &taken,
        most: &most,
        limit: usize::MAX,
    };
    let mut sketch = MovingSketch::new_in(DEFAULT_CAPACITY, 0, Kind::Unknown, memory);
    (0..16_000).for_each(|i| sketch.enter(random(i)).unwrap());
    assert!((0..15_990).all(|i| sketch.leave(random(i))));
    assert!(taken.get() > 16_000 * 16);
    sketch.shrink().unwrap();
    // 16 buckets of 17 bytes, the padding of a group, and the levels.
    assert!(taken.get() < 2_048, "{}", taken.get());
    let bytes = sketch.encode_in(0, Global).unwrap();
    assert_eq!(
        bytes.as_slice(),
        encoded((15_990..16_000).map(random), DEFAULT_CAPACITY, 0, Kind::Unknown)
    );
}

#[test]
fn what_is_not_in_the_frame_cannot_leave() {
    let mut sketch = MovingSketch::new_in(100, 0, Kind::Unknown, Global);
    assert!(!sketch.leave(1));
    sketch.enter(1 << 16).unwrap();
    assert!(!sketch.leave(2 << 16));
    let mut sketch = MovingSketch::new_in(100, 0, Kind::Unknown, Global);
    (0..1_000).for_each(|i| sketch.enter(random(i)).unwrap());
    let lowest = (0..1_000).map(random).min().unwrap();
    assert!(sketch.leave(lowest));
    assert!(!sketch.leave(lowest));
}

/// Memory that is counted, and of which there is only so much.
#[derive(Clone)]
struct Counted<'a> {
    taken: &'a Cell<usize>,
    most: &'a Cell<usize>,
    limit: usize,
}

impl Surroundings for Counted<'_> {}

// SAFETY: the global allocator does it all.
unsafe impl Allocator for Counted<'_> {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let taken = self.taken.get() + layout.size();
        if taken > self.limit {
            return Err(AllocError);
        }
        self.taken.set(taken);
        self.most.set(self.most.get().max(taken));
        Global.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        self.taken.set(self.taken.get() - layout.size());
        unsafe { Global.deallocate(block, layout) }
    }
}

/// A table holds up to twice the capacity, in buckets of 17 bytes, of which it fills at least 7/16. While it grows,
/// there are two. So the bound is `2 * 17 * 16/7 * 3/2` bytes for each hash of the capacity, and little else.
#[test]
fn the_memory_of_a_moving_sketch_has_a_bound() {
    let (taken, most) = (Cell::new(0), Cell::new(0));
    let memory = Counted {
        taken: &taken,
        most: &most,
        limit: usize::MAX,
    };
    let mut sketch = MovingSketch::new_in(DEFAULT_CAPACITY, 0, Kind::Unknown, memory.clone());
    assert_eq!(most.get(), 0);
    for i in 0..3_000_000 {
        sketch.enter(random(i)).unwrap();
        if i >= 1_000_000 {
            assert!(sketch.leave(random(i - 1_000_000)));
        }
    }
    assert!(most.get() < 117 * DEFAULT_CAPACITY as usize + 4_096, "{}", most.get());
    drop(sketch);
    assert_eq!(taken.get(), 0);
}

/// Whoever has no memory is told so, however far it got.
#[test]
fn memory_may_end_anywhere() {
    let bytes: Vec<Vec<u8>> = (0..40)
        .map(|part| encoded((part * 50..part * 50 + 200).map(random), 100, 0, Kind::Unknown))
        .collect();
    let mut failures = [0, 0];
    for limit in (0..60_000).step_by(500) {
        let (taken, most) = (Cell::new(0), Cell::new(0));
        let memory = Counted {
            taken: &taken,
            most: &most,
            limit,
        };
        let mut sketch = MovingSketch::new_in(400, 0, Kind::Unknown, memory.clone());
        failures[0] += usize::from((0..3_000).any(|i| sketch.enter(random(i)) == Err(OutOfMemory)));
        let mut union = MovingUnion::new_in(memory.clone());
        let all = bytes
            .iter()
            .try_for_each(|part| union.enter(&FramedSketch::parse(part).unwrap()));
        failures[1] += usize::from(all.is_err());
        drop((sketch, union));
        assert_eq!(taken.get(), 0);
    }
    assert!(
        failures.iter().all(|&failures| (1..120).contains(&failures)),
        "{failures:?}"
    );
}

/// The bytes of a sketch that may enter a union.
#[derive(Clone, Debug)]
struct Part {
    bytes: Vec<u8>,
}

/// Four hashes that share a cell of 40 bits. Two of them share one of 48.
fn in_few_cells(i: u64) -> u64 {
    random(i / 4) ^ (i % 2) << 15 ^ (i % 4 / 2) << 17
}

/// The sketch as releases before 0.3.0 wrote it: what a sample has in front of its values.
fn of_version_1(hashes: impl Iterator<Item = u64>, size: u32, seed: u64, kind: Kind) -> Vec<u8> {
    let mut sample = Sample::new_in(size, seed, kind, Global);
    hashes.for_each(|hash| sample.insert(hash, "", None).unwrap());
    let bytes = sample.encode();
    // Each value takes two bytes: one for how often it occurs, and one for its length.
    bytes[1..bytes.len() - 2 * sample.header().retained()].to_vec()
}

/// What is odd about a part.
#[derive(Clone, Copy, Debug)]
enum Odd {
    No,
    OtherCapacity,
    OtherSeed,
    OtherKind,
    UnknownKind,
    Derived,
    Nothing,
    Large,
    /// All of its hashes belong to level 0 alone, so that thinning leaves none of them.
    InNoLevel,
    /// Some of its hashes share cells.
    InFewCells,
    /// As releases before 0.3.0 wrote it.
    OfVersion1,
}

fn part() -> impl Strategy<Value = Part> {
    let values = prop_oneof![
        Just(0..0),
        (0_u64..3_000, 1_u64..400).prop_map(|(from, count)| from..from + count)
    ];
    let odd = prop_oneof![
        40 => Just(Odd::No),
        6 => Just(Odd::OtherCapacity),
        1 => Just(Odd::OtherSeed),
        1 => Just(Odd::OtherKind),
        20 => Just(Odd::UnknownKind),
        6 => Just(Odd::Derived),
        3 => Just(Odd::Nothing),
        4 => Just(Odd::Large),
        10 => Just(Odd::InNoLevel),
        10 => Just(Odd::InFewCells),
        6 => Just(Odd::OfVersion1),
    ];
    (values, odd).prop_map(|(values, odd)| {
        let capacity = if matches!(odd, Odd::OtherCapacity) { 40 } else { 60 };
        let seed = u64::from(matches!(odd, Odd::OtherSeed));
        let kind = match odd {
            Odd::OtherKind => Kind::Text,
            Odd::UnknownKind => Kind::Unknown,
            _ => Kind::Integer,
        };
        let of = |values: std::ops::Range<u64>| encoded(values.map(random), capacity, seed, kind);
        let bytes = match odd {
            Odd::Nothing => Sketch::new(DEFAULT_CAPACITY, 0).encode(),
            Odd::Large => of(0..20_000),
            Odd::InNoLevel => {
                let above = values.clone().take(59).map(|i| random(i) | 0xF0 << 56);
                encoded(above, capacity, seed, kind)
            }
            Odd::InFewCells => encoded(values.clone().map(in_few_cells), capacity, seed, kind),
            Odd::OfVersion1 => of_version_1(values.clone().map(in_few_cells), capacity, seed, kind),
            Odd::Derived => {
                let [a, b] = [of(values.clone()), of(values.start..values.end + 3_000)];
                let [a, b] = [&a, &b].map(|bytes| EncodedSketch::parse(bytes).unwrap());
                operations::intersection(&a, &b, 0, Global).unwrap().to_vec()
            }
            _ => of(values),
        };
        Part { bytes }
    })
}

/// The union as aggregation makes it, or why there is none.
fn union_of<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Result<Vec<u8>, MergeError> {
    let mut union = Sketch::new(DEFAULT_CAPACITY, 0);
    for part in parts {
        union.accumulate_framed(&FramedSketch::parse(&part.bytes).unwrap())?;
    }
    union.settle().unwrap();
    Ok(union.encode())
}

fn moving_union_of<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Result<MovingUnion<Global>, MergeError> {
    let mut union = MovingUnion::new_in(Global);
    for part in parts {
        union.enter(&FramedSketch::parse(&part.bytes).unwrap())?;
    }
    Ok(union)
}

fn union_bytes(union: &MovingUnion<Global>) -> Vec<u8> {
    let bytes = union.encode_in(0, Global).unwrap().to_vec();
    assert_eq!(union.header(), *EncodedSketch::parse(&bytes).unwrap().header());
    bytes
}

proptest! {
    /// Frames of 1 to 12 parts slide over parts of all kinds. Where merging fails, so does the moving union. A frame
    /// without the parts that do not fit has an answer again.
    #[test]
    fn a_moving_union_is_that_of_its_frame(parts in prop::collection::vec(part(), 1..60), rows in 1_usize..12) {
        let mut union = moving_union_of([]).unwrap();
        let mut is_known = true;
        for end in 0..parts.len() {
            let frame = &parts[(end + 1).saturating_sub(rows)..=end];
            if end >= rows && is_known {
                is_known = union.leave(&FramedSketch::parse(&parts[end - rows].bytes).unwrap()).unwrap();
            }
            let entered = match is_known {
                true => union.enter(&FramedSketch::parse(&parts[end].bytes).unwrap()),
                false => moving_union_of(frame).map(|anew| union = anew),
            };
            is_known = entered.is_ok();
            let expected = union_of(frame);
            prop_assert_eq!(expected.as_ref().err(), entered.as_ref().err());
            if let Ok(expected) = expected {
                prop_assert_eq!(union_bytes(&union), expected);
            }
        }
    }
}

/// 200 days, each of 2,500 visitors out of 15,000 or out of a million, and frames of any length. One of the days is
/// coarser than the others, and another is derived.
#[test]
fn a_steady_union_is_read_once() {
    for (name, visitors) in [("the same", 15_000), ("always others", 1_000_000)] {
        let mut days: Vec<Part> = (0..200)
            .map(|day| Part {
                bytes: encoded(
                    (0..2_500).map(|i| random(random(day * 2_500 + i) % visitors)),
                    if day == 70 { 900 } else { 1_000 },
                    0,
                    Kind::Text,
                ),
            })
            .collect();
        let day = EncodedSketch::parse(&days[130].bytes).unwrap();
        days[130].bytes = operations::intersection(&day, &day, 0, Global).unwrap().to_vec();
        for rows in [7, 28, 90] {
            let mut union = moving_union_of([]).unwrap();
            for (end, day) in days.iter().enumerate() {
                if end >= rows {
                    let oldest = FramedSketch::parse(&days[end - rows].bytes).unwrap();
                    assert!(union.leave(&oldest).unwrap(), "{name}, {rows} rows, day {end}");
                }
                union.enter(&FramedSketch::parse(&day.bytes).unwrap()).unwrap();
                let frame = &days[(end + 1).saturating_sub(rows)..=end];
                assert_eq!(
                    union_bytes(&union),
                    union_of(frame).unwrap(),
                    "{name}, {rows} rows, day {end}"
                );
            }
        }
    }
}

#[test]
fn what_is_not_in_the_frame_cannot_leave_a_union() {
    let [one, other, third] = [0..50, 50..90, 25..60].map(|values| encoded(values.map(random), 100, 0, Kind::Integer));
    let [one, other, third] = [&one, &other, &third].map(|bytes| FramedSketch::parse(bytes).unwrap());
    let mut union = MovingUnion::new_in(Global);
    assert_eq!(union.leave(&one), Ok(false));
    for gone in [other, third] {
        let mut union = MovingUnion::new_in(Global);
        union.enter(&one).unwrap();
        assert_eq!(union.leave(&gone), Ok(false));
    }
    union.enter(&one).unwrap();
    assert_eq!(union.leave(&one), Ok(true));
    assert_eq!(union.header(), Header::NOTHING);
}
