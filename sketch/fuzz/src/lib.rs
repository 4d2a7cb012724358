//! What the targets share: a sketch taken to pieces, and its encoding written a second time, after `docs/format.md`, so
//! that the codec of the crate is not its own witness.

use cvm_sketch::capacity::{DEFAULT_CAPACITY, MAX_CAPACITY, MIN_CAPACITY};
use cvm_sketch::codec::{FORMAT_VERSION, HEADER_LEN, WHOLE_FORMAT_VERSION};
use cvm_sketch::interval::{self, Confidence};
use cvm_sketch::threshold::{self as whole, HASH_BITS};
use cvm_sketch::width::{MAX_LEVEL, threshold, width};
use cvm_sketch::{EncodedSketch, Header, Kind};
use std::collections::BTreeSet;

/// All that a sketch says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    pub version: u8,
    pub is_derived: bool,
    pub kind: Kind,
    pub level: u16,
    pub capacity: u32,
    pub seed: u64,
    /// Of 56 bits each. Those that are not kept are zero.
    pub hashes: BTreeSet<u64>,
}

/// The threshold of a level as a whole hash.
fn bound(version: u8, level: u16) -> u64 {
    let bound = match version {
        WHOLE_FORMAT_VERSION => whole::threshold(level),
        _ => threshold(level),
    };
    bound.expect("the level is legal")
}

/// How many low bits of a whole hash are not kept.
fn dropped(version: u8, level: u16) -> u32 {
    match version {
        WHOLE_FORMAT_VERSION => 0,
        _ => HASH_BITS - width(level),
    }
}

/// What is kept of hashes.
fn cut(hashes: &BTreeSet<u64>, dropped: u32) -> BTreeSet<u64> {
    hashes.iter().map(|hash| hash >> dropped << dropped).collect()
}

impl Parts {
    /// What a sketch is read as.
    pub fn of(sketch: &EncodedSketch<'_>) -> Self {
        let header = sketch.header();
        Parts {
            version: header.version(),
            is_derived: header.is_derived(),
            kind: header.kind(),
            level: header.level(),
            capacity: header.capacity(),
            seed: header.seed(),
            hashes: sketch.hashes().collect(),
        }
    }

    /// What the bytes of a legal sketch say, in their own version.
    pub fn stored(bytes: &[u8]) -> Self {
        let mut reader = Reader(bytes);
        let [version, flags] = [(); 2].map(|()| reader.number(1) as u8);
        let (level, capacity, count) = (reader.number(2) as u16, reader.number(4) as u32, reader.number(4));
        let mut parts = Parts {
            version,
            is_derived: flags & 1 != 0,
            kind: Kind::ALL[usize::from(flags >> 1)],
            level,
            capacity,
            seed: reader.number(8),
            hashes: BTreeSet::new(),
        };
        if count == 0 {
            return parts;
        }
        let dropped = parts.dropped();
        let low_bits = ((parts.threshold() >> dropped) / count).ilog2() as usize;
        let is_set = |bytes: &[u8], bit: usize| bytes[bit / 8] >> (bit % 8) & 1 == 1;
        let (lows, bitmap) = bytes[HEADER_LEN..].split_at((count as usize * low_bits).div_ceil(8));
        let ones = (0..bitmap.len() * 8).filter(|&bit| is_set(bitmap, bit));
        for (i, bit) in ones.enumerate() {
            let low = (0..low_bits)
                .filter(|low| is_set(lows, i * low_bits + low))
                .fold(0, |bits, low| bits | 1 << low);
            parts.hashes.insert((((bit - i) as u64) << low_bits | low) << dropped);
        }
        parts
    }

    /// The sketch of the present version that this one is read as.
    pub fn read(&self) -> Self {
        let mut read = self.clone();
        read.version = FORMAT_VERSION;
        read.level = self.level.min(MAX_LEVEL);
        read.hashes = cut(&self.hashes, read.dropped());
        read.hashes.split_off(&read.threshold());
        read
    }

    pub fn threshold(&self) -> u64 {
        bound(self.version, self.level)
    }

    /// How many low bits of a whole hash are not kept.
    pub fn dropped(&self) -> u32 {
        dropped(self.version, self.level)
    }

    /// Makes it one that a sketch can say.
    pub fn legalize(&mut self) {
        self.level = match self.version {
            WHOLE_FORMAT_VERSION => self.level.min(whole::MAX_LEVEL),
            _ => self.level.min(MAX_LEVEL),
        };
        self.is_derived &= self.level > 0;
        self.capacity = self.capacity.clamp(MIN_CAPACITY, MAX_CAPACITY);
        let bound = self.threshold();
        let legal = self.hashes.iter().map(|hash| hash % bound).collect();
        self.hashes = cut(&legal, self.dropped())
            .into_iter()
            .take(self.capacity as usize - 1)
            .collect();
    }

    /// Raises the level until fewer hashes than the capacity belong.
    pub fn thin(&mut self) {
        loop {
            self.hashes = cut(&self.hashes, self.dropped());
            self.hashes.split_off(&self.threshold());
            if self.hashes.len() < self.capacity as usize {
                return;
            }
            self.level += 1;
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let dropped = self.dropped();
        let (count, bound) = (self.hashes.len(), self.threshold() >> dropped);
        let kind = Kind::ALL
            .iter()
            .position(|&kind| kind == self.kind)
            .expect("there are no others");
        let mut bytes = vec![self.version, u8::from(self.is_derived) | (kind as u8) << 1];
        bytes.extend(self.level.to_le_bytes());
        bytes.extend(self.capacity.to_le_bytes());
        bytes.extend((count as u32).to_le_bytes());
        bytes.extend(self.seed.to_le_bytes());
        if count > 0 {
            let low_bits = (bound / count as u64).ilog2();
            let (mut word, mut bits) = (0_u128, 0);
            let hashes = self.hashes.iter().map(|hash| hash >> dropped);
            for hash in hashes.clone() {
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
            for (i, hash) in hashes.enumerate() {
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
            version: FORMAT_VERSION,
            is_derived: form & 0x10 != 0,
            kind: Kind::Unknown,
            level: level as u16,
            capacity: capacity as u32,
            seed: if form & 0xE0 == 0xE0 { self.number(8) } else { 0 },
            hashes: BTreeSet::new(),
        };
        for _ in 0..self.number(1) {
            // One byte for hashes that other sketches are likely to have, or to have but for some low bits; three for
            // one of any size.
            let hash = match self.number(1) {
                common @ 0..96 => common.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 8,
                near @ 96..128 => {
                    let bit = [3, 7, 10, 14][near as usize / 8 % 4];
                    (near % 8).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 8 ^ 1 << bit
                }
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
    let Some(before) = header.level().checked_sub(1) else {
        return header.retained() as u64;
    };
    let dropped = dropped(header.version(), header.level());
    let all = 1_u128 << (HASH_BITS - dropped);
    let scaled_up = |count: u64, level: u16| {
        let bound = u128::from(bound(header.version(), level) >> dropped);
        // At most as many hashes as there are below the threshold.
        let count = u128::from(count).min(bound);
        (2 * count * all + bound) / (2 * bound)
    };
    let mut cells = scaled_up(header.retained() as u64, header.level());
    if !header.is_derived() {
        cells = cells.max(scaled_up(u64::from(header.capacity()), before));
    }
    if cells >= all {
        return 1 << 56;
    }
    // That many values hit so many cells.
    let (cells, all) = (cells as u64, all as f64);
    let lost = -all * (-(cells as f64) / all).ln_1p() - cells as f64;
    (cells + lost.round() as u64).min(1 << 56)
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
