//! The published CVM algorithm, with a random coin at every row, as the project's starting point has it: 64-bit hashes
//! in a set that does not hash again, and a small fast random number generator. Tests and benchmarks compare with it.
//! It needs the length of the stream, and its states cannot be merged.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

use nohash_hasher::IntSet;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// The buffer size that the paper's bound asks for: `12 / epsilon^2 * log2(8 m / delta)` for a stream of m rows
/// (Chakraborty, Vinodchandran and Meel, arXiv 2301.10191).
pub fn published_buffer(epsilon: f64, delta: f64, rows: f64) -> usize {
    (12.0 / epsilon.powi(2) * (8.0 * rows / delta).log2()).ceil() as usize
}

/// The state: at most `buffer` hashes, each kept with probability 2^-halvings.
#[derive(Clone, Debug)]
pub struct PublishedCvm {
    kept: IntSet<u64>,
    buffer: usize,
    halvings: u32,
    random: SmallRng,
}

impl PublishedCvm {
    /// The state of an empty stream. `seed` is that of the coins.
    pub fn new(buffer: usize, seed: u64) -> Self {
        PublishedCvm {
            kept: IntSet::with_capacity_and_hasher(buffer, Default::default()),
            buffer,
            halvings: 0,
            random: SmallRng::seed_from_u64(seed),
        }
    }

    /// Takes the next row's hash: whatever was tossed for it before, only this coin counts.
    pub fn insert(&mut self, hash: u64) {
        if self.coin(self.halvings) {
            self.kept.insert(hash);
            while self.kept.len() >= self.buffer {
                self.halve(1);
            }
        } else {
            self.kept.remove(&hash);
        }
    }

    /// The estimated number of distinct hashes.
    pub fn estimate(&self) -> f64 {
        self.kept.len() as f64 * 2_f64.powi(self.halvings as i32)
    }

    /// The merge that suggests itself, and that is **wrong**: take the lower rate, thin the other side to it, unite.
    /// A value that both sides saw has had two chances to survive. Kept to show by how much that overestimates.
    pub fn naive_merge(&mut self, mut other: PublishedCvm) {
        let halvings = self.halvings.max(other.halvings);
        self.halve(halvings - self.halvings);
        other.halve(halvings - other.halvings);
        self.kept.extend(other.kept);
        while self.kept.len() >= self.buffer {
            self.halve(1);
        }
    }

    fn halve(&mut self, times: u32) {
        let mut kept = std::mem::take(&mut self.kept);
        kept.retain(|_| self.coin(times));
        self.kept = kept;
        self.halvings += times;
    }

    /// True with probability 2^-halvings.
    fn coin(&mut self, halvings: u32) -> bool {
        self.random.random::<u64>().leading_zeros() >= halvings
    }
}
