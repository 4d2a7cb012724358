//! What a value costs, already hashed: 10 million items, 100,000 distinct, in random order.
//!
//! The published algorithm as fast as it has been reported (hash only, no-rehash set, small fast random number generator,
//! link-time optimisation) runs beside ours, and the `cvmcount` crate, which is what looking for CVM in Rust finds.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use cvm_sketch::{Accuracy, Sketch};
use cvmcount::CVMBuilder;
use reference::PublishedCvm;
use std::hint::black_box;

const ITEMS: u64 = 10_000_000;
const DISTINCT: u64 = 100_000;
/// The published bound at epsilon 0.5 and delta 0.001, for that many items.
const PUBLISHED_BUFFER: usize = 1_739;

/// A bijection that makes uniform hashes of consecutive integers (the finalizer of SplitMix64).
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Every distinct hash equally often, in random order.
fn shuffled() -> Vec<u64> {
    let mut order: Vec<(u64, u64)> = (0..ITEMS).map(|i| (mix(i), mix(1 << 40 | (i % DISTINCT)))).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, hash)| hash).collect()
}

fn ours(items: &[u64], capacity: u32) -> u64 {
    let mut sketch = Sketch::new(capacity, 0);
    sketch.insert_all(items).expect("ordinary memory");
    sketch.estimate()
}

fn published(items: &[u64], buffer: usize) -> f64 {
    let mut state = PublishedCvm::new(buffer, 1);
    for &item in items {
        state.insert(item);
    }
    state.estimate()
}

fn stream(criterion: &mut Criterion) {
    let items = shuffled();
    let default = Accuracy::default().capacity();
    let mut group = criterion.benchmark_group("stream of 10 M");
    group.sample_size(10).throughput(Throughput::Elements(ITEMS));
    // What no algorithm can be faster than: 80 MB come from memory.
    group.bench_function("reading alone", |b| {
        b.iter(|| black_box(&items).iter().fold(0_u64, |sum, item| sum ^ item))
    });
    for capacity in [PUBLISHED_BUFFER as u32, default] {
        group.bench_function(BenchmarkId::new("cvm_count", capacity), |b| {
            b.iter(|| ours(black_box(&items), capacity))
        });
        group.bench_function(BenchmarkId::new("published CVM", capacity), |b| {
            b.iter(|| published(black_box(&items), capacity as usize))
        });
    }
    group.bench_function("cvmcount crate", |b| {
        b.iter(|| {
            let mut state = CVMBuilder::new()
                .epsilon(0.5)
                .delta(0.001)
                .estimated_size(ITEMS as usize)
                .build::<u64>()
                .expect("legal parameters");
            black_box(&items).iter().for_each(|&item| state.process_element(item));
            state.calculate_final_result()
        })
    });
    group.finish();
}

/// A sketch that has seen n distinct values, made of those of their hashes that are small enough to be retained: of n
/// hashes, about 16 B lie below 16 B / n.
fn sketch_at(n: f64, capacity: u32) -> Sketch {
    let mut sketch = Sketch::new(capacity, 0);
    let count = (16.0 * f64::from(capacity)).min(n);
    let scale = count / n;
    for i in 0..count as u64 {
        sketch
            .insert_all(&[(mix(i) as f64 * scale) as u64])
            .expect("ordinary memory");
    }
    sketch
}

/// Whether an item costs the same however many distinct values went before: items that no longer belong, and items that
/// are retained, which is where the table is searched.
fn flatness(criterion: &mut Criterion) {
    let capacity = Accuracy::default().capacity();
    let fresh: Vec<u64> = (0..1_000_000).map(|i| mix(1 << 50 | i)).collect();
    let mut group = criterion.benchmark_group("item after n distinct");
    group
        .sample_size(20)
        .throughput(Throughput::Elements(fresh.len() as u64));
    for exponent in [5, 6, 7, 8, 9, 12] {
        let mut sketch = sketch_at(10_f64.powi(exponent), capacity);
        group.bench_function(BenchmarkId::new("new", format!("10^{exponent}")), |b| {
            b.iter(|| sketch.insert_all(black_box(&fresh)))
        });
        let hashes: Vec<u64> = sketch.hashes().map(|hash| hash << 8).collect();
        let retained: Vec<u64> = (0..fresh.len() as u64)
            .map(|i| hashes[(mix(i) % hashes.len() as u64) as usize])
            .collect();
        group.bench_function(BenchmarkId::new("retained", format!("10^{exponent}")), |b| {
            b.iter(|| sketch.insert_all(black_box(&retained)))
        });
    }
    group.finish();
}

criterion_group!(benches, stream, flatness);
criterion_main!(benches);
