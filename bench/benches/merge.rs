//! Merging 10,000 full sketches of the default capacity, each of 100,000 values drawn from the same 200,000.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use cvm_sketch::{Accuracy, FramedSketch, Sketch, hash};
use std::hint::black_box;

const SKETCHES: i64 = 10_000;
const UNIVERSE: i64 = 200_000;

fn sketches() -> Vec<Sketch> {
    let capacity = Accuracy::default().capacity();
    // Only the smallest hashes can be retained, so only those are drawn from.
    let mut universe: Vec<u64> = (0..UNIVERSE).map(|i| hash::integer(i, 0)).collect();
    universe.sort_unstable();
    universe.truncate(25_000);
    (0..SKETCHES)
        .map(|number| {
            let mut sketch = Sketch::new(capacity, 0);
            for (position, &item) in universe.iter().enumerate() {
                if hash::integer(position as i64, number as u64 + 1).is_multiple_of(2) {
                    sketch.insert_all(&[item]).expect("ordinary memory");
                }
            }
            sketch
        })
        .collect()
}

/// The union of two ascending rows.
fn union(a: &[u64], b: &[u64], into: &mut Vec<u64>) {
    into.clear();
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        let (x, y) = (a[i], b[j]);
        into.push(x.min(y));
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    into.extend_from_slice(&a[i..]);
    into.extend_from_slice(&b[j..]);
}

fn merge(criterion: &mut Criterion) {
    let sketches = sketches();
    let encoded: Vec<Vec<u8>> = sketches.iter().map(Sketch::encode).collect();
    let sorted: Vec<Vec<u64>> = sketches
        .iter()
        .map(|sketch| {
            let mut hashes: Vec<u64> = sketch.hashes().collect();
            hashes.sort_unstable();
            hashes
        })
        .collect();
    let bytes = |lengths: usize| Throughput::Bytes(lengths as u64);

    let mut group = criterion.benchmark_group("merge 10,000 sketches");
    group.sample_size(10);
    group.throughput(bytes(encoded.iter().map(Vec::len).sum()));
    // What no merge can be faster than.
    group.bench_function("encoded, read alone", |b| {
        b.iter(|| {
            let words = black_box(&encoded).iter().flat_map(|bytes| bytes.as_chunks().0);
            words.fold(0, |sum, word| sum ^ u64::from_le_bytes(*word))
        })
    });
    group.bench_function("encoded", |b| {
        b.iter(|| {
            let mut merged = Sketch::new(Accuracy::default().capacity(), 0);
            for bytes in black_box(&encoded) {
                let sketch = FramedSketch::parse(bytes).expect("a valid sketch");
                merged.merge_framed(&sketch).expect("one seed");
            }
            merged.estimate()
        })
    });
    group.throughput(bytes(sorted.iter().map(|hashes| 8 * hashes.len()).sum()));
    group.bench_function("in memory", |b| {
        b.iter(|| {
            let mut merged = Sketch::new(Accuracy::default().capacity(), 0);
            for sketch in black_box(&sketches) {
                merged.merge(sketch).expect("one seed");
            }
            merged.estimate()
        })
    });
    group.bench_function("plain union of sorted arrays", |b| {
        b.iter(|| {
            let (mut merged, mut next) = (Vec::new(), Vec::new());
            for hashes in black_box(&sorted) {
                union(&merged, hashes, &mut next);
                std::mem::swap(&mut merged, &mut next);
            }
            merged.len()
        })
    });
    group.finish();
}

criterion_group!(benches, merge);
criterion_main!(benches);
