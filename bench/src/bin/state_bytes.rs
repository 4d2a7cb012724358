//! Prints, as CSV, how many bytes a sketch of the default capacity takes when stored, against its number of values.

use cvm_sketch::{Accuracy, Sketch, hash};

fn main() {
    println!("distinct,retained,stored_bytes,bits_per_hash");
    let mut sketch = Sketch::new(Accuracy::default().capacity(), 0);
    let mut seen = 0;
    for size in [
        0,
        1,
        10,
        100,
        1_000,
        8_000,
        10_000,
        100_000,
        1_000_000,
        10_000_000,
        100_000_000,
    ] {
        for start in (seen..size).step_by(1 << 16) {
            let hashes: Vec<u64> = (start..size.min(start + (1 << 16)))
                .map(|value| hash::integer(value, 0))
                .collect();
            sketch.insert_all(&hashes).expect("ordinary memory");
        }
        seen = size;
        let (retained, bytes) = (sketch.retained(), sketch.encode().len());
        println!(
            "{size},{retained},{bytes},{:.1}",
            8.0 * bytes as f64 / retained.max(1) as f64
        );
    }
}
