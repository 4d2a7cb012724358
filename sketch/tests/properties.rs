//! The algebra of sketches, against an oracle that keeps every hash.

use allocator_api2::alloc::Global;
use cvm_sketch::capacity::MIN_CAPACITY;
use cvm_sketch::threshold::HASH_BITS;
use cvm_sketch::width::threshold;
use cvm_sketch::{Kind, OperationError, Sketch};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The definition, taken at its word: the smallest level at which fewer than `capacity` distinct cells belong, of 48
/// bits at level 0 and of 40 at the others.
fn oracle(hashes: &[u64], capacity: u32) -> (u16, BTreeSet<u64>) {
    (0..)
        .map(|level| {
            let kept = if level == 0 { 48 } else { 40 };
            let cell = |&hash: &u64| hash >> (64 - kept) << (HASH_BITS - kept);
            let cells: BTreeSet<u64> = hashes.iter().map(cell).collect();
            (
                level,
                cells
                    .range(..threshold(level).unwrap())
                    .copied()
                    .collect::<BTreeSet<u64>>(),
            )
        })
        .find(|(_, belonging)| belonging.len() < capacity as usize)
        .unwrap()
}

/// The number of values that so many hashes stand for, or that the capacity stands for at the level before.
fn estimate(retained: usize, level: u16, capacity: u32) -> u128 {
    let scaled_up = |count: usize, level| {
        let divisor = u128::from(threshold(level).unwrap());
        (((count as u128) << HASH_BITS) + divisor / 2) / divisor
    };
    match level {
        0 => retained as u128,
        _ => values_of(scaled_up(retained, level).max(scaled_up(capacity as usize, level - 1))),
    }
}

/// How many values hit so many of 2^40 cells.
fn values_of(cells: u128) -> u128 {
    let all = 2_f64.powi(40);
    match cells as f64 {
        hit if hit >= all => 1 << 56,
        hit => cells + (-all * (1.0 - hit / all).ln() - hit).max(0.0).round() as u128,
    }
}

fn sketch_of(hashes: &[u64], capacity: u32) -> Sketch {
    let mut sketch = Sketch::new(capacity, 0);
    for &hash in hashes {
        sketch.insert_all(&[hash]).unwrap();
    }
    sketch
}

fn merged(mut a: Sketch, b: &Sketch) -> Sketch {
    a.merge(b).unwrap();
    a
}

/// Hashes of a multiset: mostly distinct, some repeated, some crowded at the low end so that high levels are reached,
/// some at the very ends of the range.
fn hashes() -> impl Strategy<Value = Vec<u64>> {
    let hash = prop_oneof![
        6 => any::<u64>(),
        2 => (0_u64..60).prop_map(|x| x.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        2 => (any::<u64>(), 0_u32..64).prop_map(|(x, shift)| x >> shift),
        1 => prop_oneof![Just(0), Just(u64::MAX), Just(255), Just(256)],
        // Of few cells, of 48 bits or of 40.
        3 => (0_u64..40, 0_u64..4, prop_oneof![Just(6), Just(14), Just(22)])
            .prop_map(|(cell, part, bit)| cell.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ part << bit),
    ];
    proptest::collection::vec(hash, 0..600)
}

/// As many values as wait in a row, or that many, and the same of rows.
fn few_or_many(many: usize) -> impl Strategy<Value = usize> {
    prop_oneof![1..10_usize, 1..many]
}

fn capacity() -> impl Strategy<Value = u32> {
    prop_oneof![MIN_CAPACITY..40, 100_u32..200, 300_u32..700]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_state_is_what_the_definition_says(hashes in hashes(), capacity in capacity()) {
        let sketch = sketch_of(&hashes, capacity);
        let (level, retained) = oracle(&hashes, capacity);
        prop_assert_eq!(sketch.level(), level);
        prop_assert_eq!(sketch.hashes().collect::<BTreeSet<u64>>(), retained.clone());
        prop_assert_eq!(sketch.retained(), retained.len());
        prop_assert_eq!(sketch.header().is_exact(), level == 0);
        prop_assert_eq!(u128::from(sketch.estimate()), estimate(retained.len(), level, capacity));
    }

    #[test]
    fn order_and_repetition_do_not_matter(
        (hashes, shuffled) in hashes().prop_flat_map(|h| (Just(h.clone()), Just([h.clone(), h].concat()).prop_shuffle())),
        capacity in capacity(),
    ) {
        prop_assert_eq!(sketch_of(&hashes, capacity), sketch_of(&shuffled, capacity));
    }

    #[test]
    fn inserting_many_at_once_is_inserting_each(hashes in hashes(), capacity in capacity()) {
        let mut sketch = Sketch::new(capacity, 0);
        sketch.insert_all(&hashes).unwrap();
        prop_assert_eq!(sketch, sketch_of(&hashes, capacity));
    }

    #[test]
    fn batches_need_no_settling_in_between(
        hashes in hashes(),
        capacity in capacity(),
        lengths in proptest::collection::vec(0..200_usize, 0..20),
    ) {
        let mut sketch = Sketch::new(capacity, 0);
        let mut rest = &hashes[..];
        for length in lengths {
            let (batch, others) = rest.split_at(length.min(rest.len()));
            sketch.accumulate_all(batch).unwrap();
            if let [one, others @ ..] = others {
                sketch.accumulate(*one).unwrap();
                rest = others;
            }
        }
        sketch.accumulate_all(rest).unwrap();
        sketch.settle().unwrap();
        prop_assert_eq!(sketch, sketch_of(&hashes, capacity));
    }

    #[test]
    fn partitioning_and_the_merge_tree_do_not_matter(
        hashes in hashes(),
        capacity in capacity(),
        parts in proptest::collection::vec(0_usize..5, 600),
        tree in proptest::collection::vec(any::<proptest::sample::Index>(), 4),
    ) {
        let mut partials: Vec<Sketch> = (0..5)
            .map(|part| {
                let share: Vec<u64> = hashes.iter().zip(&parts).filter(|&(_, &p)| p == part).map(|(&h, _)| h).collect();
                sketch_of(&share, capacity)
            })
            .collect();
        for pick in tree {
            let taken = partials.swap_remove(pick.index(partials.len()));
            let into = pick.index(partials.len());
            partials[into].merge(&taken).unwrap();
        }
        prop_assert_eq!(&partials[0], &sketch_of(&hashes, capacity));
    }

    #[test]
    fn merge_is_associative_commutative_and_idempotent(
        a in hashes(), b in hashes(), c in hashes(), sizes in (capacity(), capacity(), capacity()),
    ) {
        let [a, b, c] = [(a, sizes.0), (b, sizes.1), (c, sizes.2)].map(|(hashes, size)| move || sketch_of(&hashes, size));
        prop_assert_eq!(merged(merged(a(), &b()), &c()), merged(a(), &merged(b(), &c())));
        prop_assert_eq!(merged(a(), &b()), merged(b(), &a()));
        prop_assert_eq!(merged(a(), &a()), a());
        prop_assert_eq!(merged(a(), &Sketch::new(a().capacity(), 0)), a());
    }

    #[test]
    fn merging_capacities_gives_what_the_smaller_would_have_built(
        a in hashes(), b in hashes(), sizes in (capacity(), capacity()),
    ) {
        let both = merged(sketch_of(&a, sizes.0), &sketch_of(&b, sizes.1));
        prop_assert_eq!(both, sketch_of(&[a, b].concat(), sizes.0.min(sizes.1)));
    }
}

proptest! {
    /// Long streams of few values, of which more come in the course of time: a list becomes a table, which is looked up in
    /// every row until few hashes belong. Some are chosen to have the same places there. In between, the sketch is read,
    /// and merged with others.
    #[test]
    fn a_sketch_that_is_looked_up_again_and_again_is_what_the_definition_says(
        values in proptest::collection::vec(prop_oneof![any::<u64>(), any::<u16>().prop_map(|i| u64::from(i) << 48)], 1..300),
        mut capacity in capacity(),
        steps in proptest::collection::vec(
            (few_or_many(300), few_or_many(3_000), any::<bool>(), proptest::option::of((0_usize..300, self::capacity()))),
            1..8,
        ),
        mut random: u64,
    ) {
        let mut sketch = Sketch::new(capacity, 0);
        let mut offered = Vec::new();
        for (among, rows, is_read, merges) in steps {
            for _ in 0..rows {
                random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
                let value = values[(random >> 33) as usize % among.min(values.len())];
                sketch.accumulate(value).unwrap();
                offered.push(value);
            }
            if let Some((count, other_capacity)) = merges {
                let others = &values[..count.min(values.len())];
                sketch.merge(&sketch_of(others, other_capacity)).unwrap();
                offered.extend(others);
                capacity = capacity.min(other_capacity);
            }
            if is_read {
                sketch.settle().unwrap();
                let (level, retained) = oracle(&offered, capacity);
                prop_assert_eq!(sketch.level(), level);
                prop_assert_eq!(sketch.hashes().collect::<BTreeSet<u64>>(), retained);
            }
        }
        sketch.settle().unwrap();
        prop_assert_eq!(sketch, sketch_of(&offered, capacity));
    }
}

/// Tables on both sides of the size up to which every row is looked up in them, at level 0 and above.
#[test]
fn a_sketch_of_many_values_that_come_again_and_again_is_what_the_definition_says() {
    for (capacity, count) in [(30_000, 13_000), (30_000, 16_000), (30_000, 50_000), (12_000, 50_000)] {
        let value = |i: u64| (i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut sketch = Sketch::new(capacity, 0);
        for i in 0..25 * count {
            // In another order each time, and with half as many more at the end.
            let among = if i < 24 * count { count } else { count * 3 / 2 };
            sketch.accumulate(value(i * 7_919 % among)).unwrap();
        }
        sketch.settle().unwrap();
        let offered: Vec<u64> = (0..count)
            .chain((24 * count..25 * count).map(|i| i * 7_919 % (count * 3 / 2)))
            .map(value)
            .collect();
        let (level, retained) = oracle(&offered, capacity);
        assert_eq!(sketch.level(), level);
        assert_eq!(sketch.hashes().collect::<BTreeSet<u64>>(), retained);
    }
}

/// A few kinds, so that they meet, and often none.
fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Unknown), proptest::sample::select(&Kind::ALL[..4])]
}

fn merge(a: &Result<Sketch, OperationError>, b: &Result<Sketch, OperationError>) -> Result<Sketch, OperationError> {
    let (Ok(a), Ok(b)) = (a, b) else {
        return Err(a.as_ref().err().or(b.as_ref().err()).copied().unwrap());
    };
    let mut merged = a.try_clone_in(Global).unwrap();
    merged.merge(b).map(|()| merged)
}

proptest! {
    #[test]
    fn merging_sketches_of_any_kinds_knows_no_order(
        a in hashes(), b in hashes(), c in hashes(), kinds in (kind(), kind(), kind()), sizes in (capacity(), capacity()),
    ) {
        let [a, b, c] = [(a, kinds.0, sizes.0), (b, kinds.1, sizes.1), (c, kinds.2, sizes.0)]
            .map(|(hashes, kind, size)| Ok(sketch_of(&hashes, size).of_kind(kind)));
        let left = merge(&merge(&a, &b), &c);
        let right = merge(&a, &merge(&b, &c));
        // Which two of three kinds an error names depends on the order, and whether there is an error does not.
        prop_assert_eq!(left.is_err(), right.is_err());
        if let (Ok(left), Ok(right)) = (left, right) {
            prop_assert_eq!(left, right);
        }
        match (merge(&a, &b), merge(&b, &a)) {
            (Ok(one), Ok(other)) => prop_assert_eq!(one, other),
            (one, other) => {
                prop_assert_eq!(one.unwrap_err(), OperationError::Kinds(kinds.0, kinds.1));
                prop_assert_eq!(other.unwrap_err(), OperationError::Kinds(kinds.1, kinds.0));
            }
        }
        prop_assert_eq!(merge(&a, &a), a);
    }
}

#[test]
fn sketches_of_different_seeds_do_not_merge() {
    let mut a = sketch_of(&[1 << 20, 2 << 20], 10);
    let before = a.encode();
    let error = a.merge(&Sketch::new(10, u64::MAX)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cvm_sketch values must have the same seed, not 0 and -1"
    );
    assert_eq!(a.encode(), before);
}

#[test]
fn hashes_in_the_lowest_corner_end_at_the_last_level() {
    // The 2,000 lowest cells: no threshold down to 8 separates them until fewer than 8 are left.
    let hashes: Vec<u64> = (0..2_000).map(|cell| cell << 24).collect();
    let sketch = sketch_of(&hashes, MIN_CAPACITY);
    assert_eq!(sketch.level(), cvm_sketch::width::MAX_LEVEL);
    assert_eq!(sketch.retained(), 7);
    assert_eq!(sketch.estimate(), 1 << 56);
}

/// An allocator that gives out a limited number of bytes in all.
mod limited {
    use allocator_api2::alloc::{AllocError, Allocator, Global};
    use cvm_sketch::Surroundings;
    use std::alloc::Layout;
    use std::cell::Cell;
    use std::ptr::NonNull;

    #[derive(Clone, Copy)]
    pub struct Limited<'a>(pub &'a Cell<usize>);

    impl Surroundings for Limited<'_> {}

    // SAFETY: every block comes from, and goes back to, the global allocator.
    unsafe impl Allocator for Limited<'_> {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            let left = self.0.get().checked_sub(layout.size()).ok_or(AllocError)?;
            self.0.set(left);
            Global.allocate(layout)
        }
        unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
            unsafe { Global.deallocate(block, layout) }
        }
    }
}

/// Millions of groups are read at the end of a GROUP BY: reading must not be what takes their memory.
#[test]
fn a_sketch_of_up_to_seven_values_takes_no_memory() {
    let left = std::cell::Cell::new(0);
    let mut sketch = Sketch::new_in(5_000, 0, limited::Limited(&left));
    for hash in [5_u64, 3, 5, 1, 3, 9, 7].map(|hash| hash << 40) {
        sketch.accumulate(hash).unwrap();
    }
    sketch.settle().unwrap();
    assert_eq!(sketch.estimate(), 5);
    assert!(sketch.hashes().eq([1_u64, 3, 5, 7, 9].map(|hash| hash << 32)));
    for hash in [8_u64, 8].map(|hash| hash << 40) {
        sketch.accumulate(hash).unwrap();
    }
    sketch.settle().unwrap();
    assert_eq!(sketch.estimate(), 6);
    assert_eq!(sketch.try_clone_in(limited::Limited(&left)).unwrap(), sketch);
}

/// Nor does one of up to five that come again and again, for some 250 rows.
#[test]
fn a_sketch_of_five_values_takes_no_memory_while_they_are_repeated() {
    let left = std::cell::Cell::new(0);
    let mut sketch = Sketch::new_in(5_000, 0, limited::Limited(&left));
    for row in 0..250_u64 {
        sketch.accumulate(((row ^ row >> 3) % 5) << 40).unwrap();
        if row % 100 == 50 {
            sketch.settle().unwrap();
        }
    }
    sketch.settle().unwrap();
    assert_eq!(sketch.estimate(), 5);
}

/// Reading in between, as a running window does, changes nothing.
#[test]
fn settling_after_every_value_gives_the_same_sketch() {
    for capacity in [8, 9, 100, 500] {
        let (mut often, mut once) = (Sketch::new(capacity, 0), Sketch::new(capacity, 0));
        for i in 0..2_000_u64 {
            let hash = (i % 700).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            often.accumulate(hash).unwrap();
            once.accumulate(hash).unwrap();
            often.settle().unwrap();
        }
        once.settle().unwrap();
        assert_eq!(often, once);
        assert_eq!(often.encode(), once.encode());
    }
}

#[test]
fn running_out_of_memory_is_reported_at_every_point() {
    let mut failures = 0;
    for limit in (0..900_000).step_by(2_237) {
        let left = std::cell::Cell::new(limit);
        let mut sketch = Sketch::new_in(5_000, 0, limited::Limited(&left));
        let fed = (0..10_000_u64).try_for_each(|i| sketch.accumulate(i.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let fed = fed.and_then(|()| sketch.settle());
        let encoded = fed.and_then(|()| {
            assert_eq!(sketch.level(), 6);
            sketch.encode_in(0, limited::Limited(&left))
        });
        failures += usize::from(encoded.is_err());
    }
    assert!((100..400).contains(&failures), "{failures}");
}
