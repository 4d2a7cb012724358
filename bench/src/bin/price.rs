//! What an item costs in process, already hashed, by the number of distinct values, one at a time and many at a time;
//! and by the number of distinct values in a group, of groups that grow together. Prints CSV: nanoseconds an item, the
//! least of five.

use cvm_sketch::Sketch;
use cvm_sketch::capacity::DEFAULT_CAPACITY;
use std::hint::black_box;
use std::time::Instant;

const ITEMS: u64 = 10_000_000;
const ROUNDS: usize = 5;

/// A bijection that makes uniform hashes of consecutive integers (the finalizer of SplitMix64).
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn least(work: impl Fn() -> u64) -> f64 {
    let times = (0..ROUNDS).map(|_| {
        let started = Instant::now();
        black_box(work());
        started.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min) * 1e9 / ITEMS as f64
}

fn one_at_a_time(items: &[u64]) -> u64 {
    let mut sketch = Sketch::new(DEFAULT_CAPACITY, 0);
    for &item in items {
        sketch.accumulate(item).expect("ordinary memory");
    }
    sketch.settle().expect("ordinary memory");
    sketch.estimate()
}

fn many_at_a_time(items: &[u64]) -> u64 {
    let mut sketch = Sketch::new(DEFAULT_CAPACITY, 0);
    for items in items.chunks(1 << 16) {
        sketch.insert_all(items).expect("ordinary memory");
    }
    sketch.estimate()
}

/// Groups in random order, each value `times` times.
fn groups(size: u64, times: u64) -> u64 {
    let count = ITEMS / size / times;
    let mut sketches: Vec<Sketch> = (0..count).map(|_| Sketch::new(DEFAULT_CAPACITY, 0)).collect();
    for i in 0..count * size * times {
        let random = mix(i);
        let group = ((u128::from(random) * u128::from(count)) >> 64) as u64;
        let value = mix(random.rotate_left(32)) % size;
        sketches[group as usize]
            .accumulate(mix(group * size + value))
            .expect("ordinary memory");
    }
    let settled = sketches.iter_mut().map(|sketch| {
        sketch.settle().expect("ordinary memory");
        sketch.estimate()
    });
    settled.sum()
}

fn main() {
    let reading: Vec<u64> = (0..ITEMS).map(mix).collect();
    println!("work,distinct,one,many");
    println!(
        "reading,,{:.2},",
        least(|| reading.iter().fold(0, |sum, item| sum ^ item))
    );
    for distinct in [1, 2, 10, 100, 1_000, 8_000, 100_000, ITEMS] {
        let items: Vec<u64> = (0..ITEMS).map(|i| mix(mix(i) % distinct)).collect();
        let items = if distinct == ITEMS { &reading } else { &items };
        let (one, many) = (least(|| one_at_a_time(items)), least(|| many_at_a_time(items)));
        println!("column,{distinct},{one:.2},{many:.2}");
    }
    for times in [1, 10] {
        for size in [5, 20, 100, 300, 1_000, 10_000] {
            println!("groups x {times},{size},{:.2},", least(|| groups(size, times)));
        }
    }
}
