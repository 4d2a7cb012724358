//! The estimate never falls: as values are added, as sketches and samples are united, and from a part to its whole. All
//! seeds are fixed. `set/estimate.rs` has the proof, which these chains try.

mod random;

use allocator_api2::alloc::Global;
use cvm_sketch::capacity::DEFAULT_CAPACITY;
use cvm_sketch::{EncodedSketch, FramedSketch, Header, Kind, Sample, Sketch, operations};
use random::SplitMix;

impl SplitMix {
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A hash; in a crowded chain, one that may belong to many levels, so that single values raise the level by many.
    fn hash(&mut self, is_crowded: bool) -> u64 {
        let shift = if is_crowded { self.below(56) } else { 0 };
        self.next() >> shift
    }

    fn hashes(&mut self, most: u64, is_crowded: bool) -> Vec<u64> {
        (0..self.below(most + 1)).map(|_| self.hash(is_crowded)).collect()
    }

    fn capacity(&mut self) -> u32 {
        [8, 9, 10, 12, 16, 18, 25, 40, 58, 64][self.below(10) as usize]
    }
}

fn sketch(capacity: u32, hashes: &[u64]) -> Sketch {
    let mut sketch = Sketch::new(capacity, 0);
    sketch.insert_all(hashes).unwrap();
    sketch
}

fn parse(bytes: &[u8]) -> EncodedSketch<'_> {
    EncodedSketch::parse(bytes).unwrap()
}

/// What would be said without bias.
fn unbiased(header: &Header) -> f64 {
    header.retained() as f64 * header.weight()
}

/// One step of a chain: a value, some values, or a sketch, by each of the ways in which they come.
fn grow(chain: &mut Sketch, random: &mut SplitMix, is_crowded: bool) {
    let capacity = chain.capacity();
    match random.below(8) {
        0..3 => {
            chain.accumulate(random.hash(is_crowded)).unwrap();
            chain.settle().unwrap();
        }
        3 => chain.insert_all(&random.hashes(40, is_crowded)).unwrap(),
        4 => {
            let bytes = chain.encode();
            let hash = random.hash(is_crowded);
            let more = operations::with_hash(&parse(&bytes), Kind::Unknown, hash, 0, Global).unwrap();
            if let Some(more) = more {
                *chain = Sketch::decode_in(&parse(&more), Global).unwrap();
            }
        }
        way => {
            // A sketch of the same capacity, or a finer one, down to an empty one and up to a multiple.
            let finer = if random.below(2) == 0 {
                0
            } else {
                random.below(30) as u32
            };
            let most = [5, 30, 400][random.below(3) as usize];
            let part = sketch(capacity + finer, &random.hashes(most, is_crowded));
            let says = part.estimate();
            match way {
                5 => chain.merge(&part).unwrap(),
                6 => {
                    let bytes = part.encode();
                    chain.merge_framed(&FramedSketch::parse(&bytes).unwrap()).unwrap();
                }
                _ => {
                    let (a, b) = (chain.encode(), part.encode());
                    let union = operations::union(&parse(&b), &parse(&a), 0, Global).unwrap();
                    *chain = Sketch::decode_in(&parse(&union), Global).unwrap();
                }
            }
            assert_eq!(chain.capacity(), capacity);
            assert!(finer > 0 || chain.estimate() >= says, "below a part");
        }
    }
}

/// A hundred thousand chains of additions and unions. None falls, though what is estimated without bias falls once in a
/// hundred steps.
#[test]
fn no_chain_falls() {
    let (mut steps, mut falls_of_unbiased) = (0_u64, 0_u64);
    for seed in 0..100_000 {
        let mut random = SplitMix(seed);
        let is_crowded = random.below(4) == 0;
        let mut chain = Sketch::new(random.capacity(), 0);
        let (mut last, mut last_unbiased) = (0, 0.0);
        for _ in 0..random.below(100) {
            grow(&mut chain, &mut random, is_crowded);
            let (estimate, of_hashes) = (chain.estimate(), unbiased(&chain.header()));
            assert!(estimate >= last, "chain {seed}: {estimate} after {last}");
            assert!(estimate as f64 > of_hashes * (1.0 - 1e-12) - 0.51, "chain {seed}");
            falls_of_unbiased += u64::from(of_hashes < last_unbiased);
            steps += 1;
            (last, last_unbiased) = (estimate, of_hashes);
        }
    }
    eprintln!("{steps} steps, in which the unbiased estimate falls {falls_of_unbiased} times");
    assert!(falls_of_unbiased > steps / 200, "{falls_of_unbiased} of {steps}");
}

/// The default capacity, and that of an epsilon of 0.01, value for value through many levels.
#[test]
fn no_long_chain_falls() {
    for (capacity, values) in [(101, 400_000), (DEFAULT_CAPACITY, 150_000), (76_270, 400_000)] {
        let mut random = SplitMix(u64::from(capacity));
        let mut chain = Sketch::new(capacity, 0);
        let (mut last, mut last_unbiased, mut falls_of_unbiased) = (0, 0.0, 0);
        for value in 0..values {
            chain.accumulate(random.next()).unwrap();
            // A row that does not belong changes nothing. To settle a large sketch takes a walk over it.
            if capacity > 1_000 && value % 64 > 0 {
                continue;
            }
            chain.settle().unwrap();
            let (estimate, of_hashes) = (chain.estimate(), unbiased(&chain.header()));
            assert!(estimate >= last, "capacity {capacity}: {estimate} after {last}");
            falls_of_unbiased += u32::from(of_hashes < last_unbiased);
            (last, last_unbiased) = (estimate, of_hashes);
        }
        eprintln!("capacity {capacity}: the unbiased estimate falls {falls_of_unbiased} times");
        assert!(falls_of_unbiased > 0);
    }
}

/// A part is what any condition leaves of the values: the rows of a FILTER, or of a narrower window.
#[test]
fn no_part_is_above_its_whole() {
    let mut random = SplitMix(1);
    let mut levels = 0;
    for round in 0..20_000 {
        let is_crowded = random.below(4) == 0;
        let (capacity, whole) = (random.capacity(), random.hashes(500, is_crowded));
        let shares = random.below(20);
        let part: Vec<u64> = whole.iter().copied().filter(|_| random.below(20) <= shares).collect();
        let (part, whole) = (sketch(capacity, &part), sketch(capacity, &whole));
        levels += u32::from(part.level() < whole.level());
        assert!(part.estimate() <= whole.estimate(), "round {round}");
    }
    assert!(levels > 10_000, "{levels} parts of a lower level");
}

/// Of sketches of any capacities, each made by values alone: the union is not below the parts that have its capacity,
/// nor below what a finer part says at that capacity. Below what the finer part itself says it may be.
#[test]
fn a_union_is_below_finer_parts_alone() {
    let mut random = SplitMix(2);
    let (mut finer_parts, mut below) = (0, 0);
    for round in 0..30_000 {
        let is_crowded = random.below(4) == 0;
        let shared = random.hashes(300, is_crowded);
        let parts: Vec<Sketch> = (0..2 + random.below(3))
            .map(|_| {
                let own = random.hashes(300, is_crowded);
                sketch(random.capacity(), &[&shared[..], &own[..]].concat())
            })
            .collect();
        let mut union = Sketch::new(64, 0);
        for part in &parts {
            union.merge(part).unwrap();
        }
        for part in &parts {
            let (bytes, says) = (part.encode(), part.estimate());
            let coarser = operations::downsample(&parse(&bytes), union.capacity(), 0, Global).unwrap();
            assert!(union.estimate() >= parse(&coarser).header().estimate(), "round {round}");
            if part.capacity() == union.capacity() {
                assert!(
                    union.estimate() >= says,
                    "round {round}: {} after {says}",
                    union.estimate()
                );
            } else {
                finer_parts += 1;
                below += u32::from(union.estimate() < says);
            }
        }
    }
    eprintln!("{below} of {finer_parts} finer parts are above the union");
    assert!(below > 0 && below < finer_parts / 2);
}

/// Of parts of one capacity that may be derived: a union that is not derived is not below any of them, and one that is
/// derived not below the derived ones of its level.
#[test]
fn a_union_with_derived_parts() {
    let mut random = SplitMix(3);
    let (mut derived, mut below) = (0, 0);
    for round in 0..30_000 {
        let capacity = random.capacity();
        let shared = random.hashes(300, false);
        let parts: Vec<Vec<u8>> = (0..2)
            .map(|_| {
                let [a, b] = [(); 2].map(|()| {
                    let own = random.hashes(200, false);
                    sketch(capacity, &[&shared[..], &own[..]].concat()).encode()
                });
                match random.below(3) {
                    0 => a.to_vec(),
                    1 => operations::intersection(&parse(&a), &parse(&b), 0, Global)
                        .unwrap()
                        .to_vec(),
                    _ => operations::difference(&parse(&a), &parse(&b), 0, Global)
                        .unwrap()
                        .to_vec(),
                }
            })
            .collect();
        let [a, b] = [&parts[0], &parts[1]].map(|bytes| parse(bytes));
        let union = operations::union(&a, &b, 0, Global).unwrap();
        let union = *parse(&union).header();
        if union.is_derived() {
            // As before, and without bias.
            assert_eq!(union.estimate(), unbiased(&union).round() as u64);
            derived += 1;
        }
        for part in [a.header(), b.header()] {
            let is_promised = !union.is_derived() || part.is_derived() && part.level() == union.level();
            assert!(!is_promised || union.estimate() >= part.estimate(), "round {round}");
            below += u32::from(union.estimate() < part.estimate());
        }
    }
    eprintln!("{derived} unions are derived, and {below} times below a part");
    assert!(derived > 5_000 && below > 0);
}

/// Of a sample, the number of distinct values.
#[test]
fn no_sample_falls() {
    let mut random = SplitMix(4);
    for round in 0..2_000 {
        let size = random.capacity();
        let mut chain = Sample::new(size, 0);
        let mut last = 0;
        for _ in 0..random.below(60) {
            if random.below(2) == 0 {
                let hash = random.next();
                chain.insert(hash, &hash.to_string(), None).unwrap();
            } else {
                let mut part = Sample::new(size, 0);
                for hash in random.hashes(30, false) {
                    part.insert(hash, &hash.to_string(), None).unwrap();
                }
                chain.merge(&part).unwrap();
                last = last.max(part.header().estimate());
            }
            let estimate = chain.header().estimate();
            assert!(estimate >= last, "round {round}: {estimate} after {last}");
            last = estimate;
        }
    }
}
