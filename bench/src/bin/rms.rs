//! The root mean square of the error, in process, over sets of more values than SQL counts in a reasonable time. Prints
//! CSV.

use cvm_sketch::Sketch;
use cvm_sketch::capacity::DEFAULT_CAPACITY;

const TRIES: u64 = 200;

/// The finalizer of SplitMix64: uniform hashes of consecutive integers.
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn main() {
    println!("n,tries,mean_error,rms_error");
    for step in 24..=84 {
        let n = 10_f64.powf(f64::from(step) / 12.0) as u64;
        let errors = (0..TRIES).map(|set| {
            let mut sketch = Sketch::new(DEFAULT_CAPACITY, 0);
            for i in 0..n {
                sketch
                    .accumulate(mix((set << 32 | i).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
                    .expect("ordinary memory");
            }
            sketch.settle().expect("ordinary memory");
            sketch.estimate() as f64 / n as f64 - 1.0
        });
        let errors: Vec<f64> = errors.collect();
        let mean = errors.iter().sum::<f64>() / TRIES as f64;
        let rms = (errors.iter().map(|error| error * error).sum::<f64>() / TRIES as f64).sqrt();
        println!("{n},{TRIES},{mean},{rms}");
    }
}
