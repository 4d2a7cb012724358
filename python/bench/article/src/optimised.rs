//! Made fast: only Python's hash of an item is kept, in a set that does not hash again, and the coins come from a generator of three
//! shifts.

use std::hash::{BuildHasher, RandomState};

use nohash_hasher::IntSet;
use pyo3::prelude::*;

use crate::threshold;

/// The approximate number of distinct items, which have a length and can be hashed. `seed` is that of the coins; without one they
/// differ from call to call.
#[pyfunction]
#[pyo3(signature = (items, epsilon=0.5, delta=0.001, seed=None))]
pub(crate) fn count_approx_optimised(
    items: &Bound<'_, PyAny>,
    epsilon: f64,
    delta: f64,
    seed: Option<u64>,
) -> PyResult<u64> {
    let threshold = threshold(epsilon, delta, items.len()?);
    let mut random = Xorshift::new(seed.unwrap_or_else(|| RandomState::new().hash_one(())));
    let mut kept = IntSet::with_capacity_and_hasher(threshold, Default::default());
    let mut halvings = 0;
    for item in items.try_iter()? {
        let hash = item?.hash()?;
        if random.next().leading_zeros() >= halvings {
            kept.insert(hash);
            while kept.len() >= threshold {
                kept.retain(|_| random.next().leading_zeros() >= 1);
                halvings += 1;
            }
        } else {
            kept.remove(&hash);
        }
    }
    Ok((kept.len() as u64) << halvings)
}

/// A row of pseudorandom numbers. (Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003; multiplied as in Vigna,
/// "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016.)
struct Xorshift(u64);

impl Xorshift {
    fn new(seed: u64) -> Self {
        // Zero has no successor but itself.
        Xorshift((seed ^ 0x9E37_79B9_7F4A_7C15).max(1))
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}
