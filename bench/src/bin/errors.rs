//! The error over many sets, in process, of more values than SQL counts in a reasonable time. Prints CSV: for each number of
//! values the quantiles of the relative error, its root mean square, and the share of sets whose error is beyond epsilon.

use cvm_sketch::{Accuracy, Sketch};

/// The default, from which the capacity of the sketches follows.
const EPSILON: f64 = 0.03;

/// So many sets of n values are counted as have this many values together, within bounds.
const VALUES: u64 = 1_000_000_000;
const LEAST_SETS: u64 = 500;
const MOST_SETS: u64 = 1_000;

/// The finalizer of SplitMix64: uniform hashes of consecutive integers.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// The relative error of the estimate for `n` values. Two sets have no value in common.
fn error(n: u64, set: u64) -> f64 {
    let mut sketch = Sketch::new(Accuracy::default().capacity(), 0);
    for i in 0..n {
        sketch
            .accumulate(mix((set << 32 | i).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
            .expect("ordinary memory");
    }
    sketch.settle().expect("ordinary memory");
    sketch.estimate() as f64 / n as f64 - 1.0
}

fn main() {
    println!("n,seeds,p01,p50,p99,rms,beyond");
    let mut first = 0;
    for step in 30..=70 {
        let n = 10_f64.powf(f64::from(step) / 10.0).round() as u64;
        let sets = (VALUES / n).clamp(LEAST_SETS, MOST_SETS);
        let mut errors: Vec<f64> = (first..first + sets).map(|set| error(n, set)).collect();
        first += sets;
        errors.sort_by(f64::total_cmp);
        let quantile = |share: f64| errors[(share * (sets - 1) as f64).round() as usize];
        let rms = (errors.iter().map(|error| error * error).sum::<f64>() / sets as f64).sqrt();
        let beyond = errors.iter().filter(|error| error.abs() > EPSILON).count() as f64 / sets as f64;
        println!(
            "{n},{sets},{:.5},{:.5},{:.5},{rms:.5},{beyond:.4}",
            quantile(0.01),
            quantile(0.5),
            quantile(0.99)
        );
    }
}
