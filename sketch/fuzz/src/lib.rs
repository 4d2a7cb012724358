//! What the targets share: a sketch taken to pieces, and its encoding written a second time, after `docs/format.md`, so
//! that the encoder of the crate is not its own witness.

use cvm_sketch::capacity::{DEFAULT_CAPACITY, MAX_CAPACITY, MIN_CAPACITY};
use cvm_sketch::interval::{self, Confidence};
use cvm_sketch::threshold::{MAX_LEVEL, threshold};
use cvm_sketch::{EncodedSketch, Header, Kind};
use std::collections::BTreeSet;

/// All that a sketch says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    pub is_derived: bool,
    pub kind: Kind,
    pub level: u16,
    pub capacity: u32,
    pub seed: u64,
    pub hashes: BTreeSet<u64>,
}

impl Parts {
    pub fn of(sketch: &EncodedSketch<'_>) -> Self {
        let header = sketch.header();
        Parts {
            is_derived: header.is_derived(),
            kind: header.kind(),
            level: header.level(),
            capacity: header.capacity(),
            seed: header.seed(),
            hashes: sketch.hashes().collect(),
        }
    }

    pub fn threshold(&self) -> u64 {
        threshold(self.level).expect("the level is legal")
    }

    /// Makes it one that a sketch can say.
    pub fn legalize(&mut self) {
        self.level = self.level.min(MAX_LEVEL);
        self.is_derived &= self.level > 0;
        self.capacity = self.capacity.clamp(MIN_CAPACITY, MAX_CAPACITY);
        let bound = self.threshold();
        self.hashes = self
            .hashes
            .iter()
            .map(|hash| hash % bound)
            .take(self.capacity as usize - 1)
            .collect();
    }

    /// Raises the level until fewer hashes than the capacity belong.
    pub fn thin(&mut self) {
        loop {
            let bound = self.threshold();
            self.hashes.split_off(&bound);
            if self.hashes.len() < self.capacity as usize {
                return;
            }
            self.level += 1;
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let (count, bound) = (self.hashes.len(), self.threshold());
        let kind = Kind::ALL
            .iter()
            .position(|&kind| kind == self.kind)
            .expect("there are no others");
        let mut bytes = vec![1, u8::from(self.is_derived) | (kind as u8) << 1];
        bytes.extend(self.level.to_le_bytes());
        bytes.extend(self.capacity.to_le_bytes());
        bytes.extend((count as u32).to_le_bytes());
        bytes.extend(self.seed.to_le_bytes());
        if count > 0 {
            let low_bits = (bound / count as u64).ilog2();
            let (mut word, mut bits) = (0_u128, 0);
            for hash in &self.hashes {
                word |= u128::from(hash & ((1 << low_bits) - 1)) << bits;
                bits += low_bits;
                while bits >= 8 {
                    bytes.push(word as u8);
                    (word, bits) = (word >> 8, bits - 8);
                }
            }
            if bits > 0 {
                bytes.push(word as u8);
            }
            let mut bitmap = vec![0_u8; (count + ((bound - 1) >> low_bits) as usize).div_ceil(8)];
            for (i, hash) in self.hashes.iter().enumerate() {
                let position = (hash >> low_bits) as usize + i;
                bitmap[position / 8] |= 1 << (position % 8);
            }
            bytes.extend(bitmap);
        }
        bytes
    }
}

/// Numbers from the fuzzer's bytes; zeros after their end.
pub struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    pub fn number(&mut self, bytes: usize) -> u64 {
        let (head, rest) = self.0.split_at(bytes.min(self.0.len()));
        self.0 = rest;
        head.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
    }

    /// A kind of values. Most are unknown, and the rest often the same.
    pub fn kind(&mut self) -> Kind {
        match self.number(1) {
            few @ 0..4 => Kind::ALL[few as usize],
            any => Kind::ALL.get(any as usize >> 2).copied().unwrap_or_default(),
        }
    }

    /// A sketch of unknown kind that is legal, and of no particular history. Small numbers choose what is common, so
    /// that sketches meet: in capacity, seed, level and hashes.
    pub fn parts(&mut self) -> Parts {
        let form = self.number(1);
        let level = match form & 3 {
            0 => 0,
            1 => self.number(1) % 16,
            _ => self.number(2) % (u64::from(MAX_LEVEL) + 1),
        };
        let capacity = match form >> 2 & 3 {
            0 => u64::from(DEFAULT_CAPACITY),
            1 => self.number(3),
            _ => u64::from(MIN_CAPACITY) + self.number(1),
        };
        let mut parts = Parts {
            is_derived: form & 0x10 != 0,
            kind: Kind::Unknown,
            level: level as u16,
            capacity: capacity as u32,
            seed: if form & 0xE0 == 0xE0 { self.number(8) } else { 0 },
            hashes: BTreeSet::new(),
        };
        for _ in 0..self.number(1) {
            // One byte for hashes that other sketches are likely to have, three for one of any size.
            let hash = match self.number(1) {
                common @ 0..128 => common.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 8,
                shift => (self.number(2) << 40) >> (shift % 56),
            };
            parts.hashes.insert(hash);
        }
        parts.legalize();
        parts
    }
}

/// The estimate, written a second time after `docs/format.md`.
pub fn estimate(header: &Header) -> u64 {
    let scaled_up = |count: u64, level: u16| {
        let bound = u128::from(threshold(level).expect("the level is legal"));
        // At most as many hashes as there are below the threshold.
        let count = u128::from(count).min(bound);
        (((count << 56) + bound / 2) / bound) as u64
    };
    let unbiased = scaled_up(header.retained() as u64, header.level());
    match header.level() {
        level @ 1.. if !header.is_derived() => unbiased.max(scaled_up(u64::from(header.capacity()), level - 1)),
        _ => unbiased,
    }
}

/// What holds of the bounds of every sketch. They are by far what takes longest, so each is tried at one confidence.
pub fn check_bounds(header: &Header) {
    let confidence = [0.5, 0.95, 1.0 - 1e-12][header.retained() % 3];
    let bounds = interval::bounds(header, Confidence::new(confidence).expect("legal"));
    assert_eq!(header.estimate(), estimate(header));
    assert_eq!(bounds.estimate, header.estimate());
    assert!(
        bounds.lower <= bounds.estimate && bounds.estimate <= bounds.upper,
        "{bounds:?}"
    );
    assert!(bounds.lower >= header.retained() as u64, "{bounds:?}");
    assert!(!header.is_exact() || bounds.lower == bounds.upper, "{bounds:?}");
}
