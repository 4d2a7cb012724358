//! What `scripts/instructions` counts: each case is a function of its own, run over a known number of rows.

use cvm_sketch::capacity::DEFAULT_CAPACITY;
use cvm_sketch::{Sketch, hash};
use std::hint::black_box;

const ROWS: usize = 100_000;

#[inline(never)]
fn case_hash_integer(values: &[u64]) -> u64 {
    values
        .iter()
        .fold(0, |sum, &value| sum ^ hash::integer(value as i64, 0))
}

#[inline(never)]
fn case_hash_double(values: &[u64]) -> u64 {
    values.iter().fold(0, |sum, &value| sum ^ hash::double(value as f64, 0))
}

fn hash_bytes<const LENGTH: usize>(values: &[u64]) -> u64 {
    let mut text = [b'x'; LENGTH];
    values.iter().fold(0, |sum, &value| {
        text[..8].copy_from_slice(&value.to_le_bytes());
        sum ^ hash::bytes(black_box(&text[..]), 0)
    })
}

#[inline(never)]
fn case_hash_text_of_9(values: &[u64]) -> u64 {
    hash_bytes::<9>(values)
}

#[inline(never)]
fn case_hash_uuid(values: &[u64]) -> u64 {
    hash_bytes::<16>(values)
}

#[inline(never)]
fn case_hash_text_of_25(values: &[u64]) -> u64 {
    hash_bytes::<25>(values)
}

#[inline(never)]
fn case_hash_text_of_200(values: &[u64]) -> u64 {
    hash_bytes::<200>(values)
}

/// A number below 100,000,000 with two decimal places: three digits of base 10,000.
#[inline(never)]
fn case_hash_decimal(values: &[u64]) -> u64 {
    values.iter().fold(0, |sum, &value| {
        let digits = [1, value % 10_000, 2_500].map(|digit| (digit as u16).to_le_bytes());
        let number = hash::Decimal::Finite {
            is_negative: value % 2 == 0,
            weight: 1,
            digits: black_box(&digits[..]),
        };
        sum ^ hash::decimal(number, 0)
    })
}

/// What is hashed of `ROW(integer, integer)`.
#[inline(never)]
fn case_hash_pair(values: &[u64]) -> u64 {
    values.iter().fold(0, |sum, &value| {
        let mut row = hash::Parts::new(0);
        row.begin_row(2);
        row.word(value);
        row.word(7);
        sum ^ row.finish()
    })
}

/// Rows of a long stream: one in twelve belongs to the level, and is retained already.
#[inline(never)]
fn case_insert_into_full_sketch(sketch: &mut Sketch, hashes: &[u64]) {
    sketch.insert_all(hashes).expect("ordinary memory");
}

fn accumulate_groups(hashes: &[u64], size: usize) -> usize {
    hashes
        .chunks(size)
        .map(|group| {
            let mut sketch = Sketch::new(DEFAULT_CAPACITY, 0);
            for &hash in group {
                sketch.accumulate(hash).expect("ordinary memory");
            }
            sketch.settle().expect("ordinary memory");
            sketch.retained()
        })
        .sum()
}

/// Rows of GROUP BY: sketches of ten values.
#[inline(never)]
fn case_accumulate_groups_of_10(hashes: &[u64]) -> usize {
    accumulate_groups(hashes, 10)
}

/// Rows of GROUP BY: sketches of a hundred values.
#[inline(never)]
fn case_accumulate_groups_of_100(hashes: &[u64]) -> usize {
    accumulate_groups(hashes, 100)
}

/// Rows of a column of a hundred values.
#[inline(never)]
fn case_accumulate_few_values(hashes: &[u64]) -> usize {
    let mut sketch = Sketch::new(DEFAULT_CAPACITY, 0);
    for i in 0..ROWS {
        sketch.accumulate(hashes[i % 100]).expect("ordinary memory");
    }
    sketch.settle().expect("ordinary memory");
    sketch.retained()
}

fn main() {
    let values: Vec<u64> = (0..ROWS as u64).collect();
    let hashes: Vec<u64> = values.iter().map(|&value| hash::integer(value as i64, 0)).collect();
    black_box(case_hash_integer(&values));
    black_box(case_hash_double(&values));
    black_box(case_hash_text_of_9(&values));
    black_box(case_hash_uuid(&values));
    black_box(case_hash_text_of_25(&values));
    black_box(case_hash_text_of_200(&values));
    black_box(case_hash_decimal(&values));
    black_box(case_hash_pair(&values));

    let mut sketch = Sketch::new(DEFAULT_CAPACITY, 0);
    // Until it is no growing set any more.
    for _ in 0..20 {
        sketch.insert_all(&hashes).expect("ordinary memory");
    }
    case_insert_into_full_sketch(&mut sketch, &hashes);
    black_box(case_accumulate_groups_of_10(&hashes));
    black_box(case_accumulate_groups_of_100(&hashes));
    black_box(case_accumulate_few_values(&hashes));
    println!("{ROWS}");
}
