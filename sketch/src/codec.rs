//! Sketches as bytes, for their way between workers and to disk. `docs/format.md` describes the layout byte by byte.
//!
//! Equal sketches have equal bytes. Decoding treats its input as hostile: everything is checked before anything is
//! allocated, and an [`EncodedSketch`] exists only of bytes that passed.

use crate::OutOfMemory;
use crate::capacity::{MAX_CAPACITY, MIN_CAPACITY};
use crate::elias_fano::Layout;
use crate::sketch::Sketch;
use crate::threshold::{MAX_LEVEL, scale_up, threshold};
use allocator_api2::alloc::{Allocator, Global};
use allocator_api2::vec::Vec;
use bincode::Options;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The format version that [`Sketch::encode`] writes, and the only one so far.
pub const FORMAT_VERSION: u8 = 1;

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 20;

/// What stands before the hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    version: u8,
    /// Reserved: zero.
    flags: u8,
    level: u16,
    capacity: u32,
    retained: u32,
    seed: u64,
}

/// Fixed-width little-endian integers, and neither a byte more nor a byte less than the header has.
fn header_options() -> impl Options {
    bincode::DefaultOptions::new()
        .with_fixint_encoding()
        .with_limit(HEADER_LEN as u64)
        .reject_trailing_bytes()
}

impl<A: Allocator + Clone> Sketch<A> {
    /// The canonical bytes of the sketch, in memory of `allocator`, after `prefix` bytes that are zero and left to the
    /// caller.
    ///
    /// Complexity: that of sorting the retained hashes.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn encode_in<B: Allocator + Clone>(&self, prefix: usize, allocator: B) -> Result<Vec<u8, B>, OutOfMemory> {
        let mut hashes = Vec::new_in(allocator.clone());
        hashes.try_reserve_exact(self.retained()).map_err(|_| OutOfMemory)?;
        hashes.extend(self.hashes());
        hashes.sort_unstable();

        let header = Header {
            version: FORMAT_VERSION,
            flags: 0,
            level: self.level(),
            capacity: self.capacity(),
            retained: hashes.len() as u32,
            seed: self.seed(),
        };
        let layout = Layout::new(
            hashes.len(),
            threshold(self.level()).expect("a sketch's level is legal"),
        );
        let length = prefix + HEADER_LEN + layout.bytes();
        let mut bytes = Vec::new_in(allocator);
        bytes.try_reserve_exact(length).map_err(|_| OutOfMemory)?;
        bytes.resize(length, 0);
        let (head, payload) = bytes[prefix..].split_at_mut(HEADER_LEN);
        header_options()
            .serialize_into(head, &header)
            .expect("the header has its length");
        layout.encode(hashes.iter().copied(), payload);
        Ok(bytes)
    }

    /// The canonical bytes of the sketch, in ordinary memory.
    pub fn encode(&self) -> std::vec::Vec<u8> {
        self.encode_in(0, Global)
            .expect("ordinary memory is not checked for exhaustion")
            .to_vec()
    }
}

/// A sketch in its encoded form, known to be valid: its bytes are exactly what [`Sketch::encode`] writes for it.
#[derive(Clone, Copy, Debug)]
pub struct EncodedSketch<'a> {
    header: Header,
    threshold: u64,
    layout: Layout,
    payload: &'a [u8],
}

impl<'a> EncodedSketch<'a> {
    /// Checks all of `bytes`; allocates nothing.
    ///
    /// Complexity: linear in the length.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] that names the first fault.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        // The version first: a later version may have another header.
        match bytes.first() {
            Some(&FORMAT_VERSION) => {}
            Some(&version) => return Err(DecodeError::Version(version)),
            None => {
                return Err(DecodeError::Length {
                    is: 0,
                    should_be: HEADER_LEN,
                });
            }
        }
        let (head, payload) = bytes.split_at_checked(HEADER_LEN).ok_or(DecodeError::Length {
            is: bytes.len(),
            should_be: HEADER_LEN,
        })?;
        let header: Header = header_options().deserialize(head).expect("the header has its length");

        if header.flags != 0 {
            return Err(DecodeError::Flags(header.flags));
        }
        let Some(threshold) = threshold(header.level) else {
            return Err(DecodeError::Level(header.level));
        };
        if !(MIN_CAPACITY..=MAX_CAPACITY).contains(&header.capacity) {
            return Err(DecodeError::Capacity(header.capacity));
        }
        if header.retained >= header.capacity || u64::from(header.retained) > threshold {
            return Err(DecodeError::Retained(header.retained));
        }

        let layout = Layout::new(header.retained as usize, threshold);
        if payload.len() != layout.bytes() {
            return Err(DecodeError::Length {
                is: bytes.len(),
                should_be: HEADER_LEN + layout.bytes(),
            });
        }
        if !layout.is_padded_with_zeros(payload) {
            return Err(DecodeError::Padding);
        }
        let ones = layout.ones(payload);
        if ones != header.retained as usize {
            return Err(DecodeError::Count {
                is: ones,
                should_be: header.retained,
            });
        }
        let mut next_allowed = 0;
        for (position, hash) in layout.decode(payload).enumerate() {
            if hash < next_allowed {
                return Err(DecodeError::Order(position));
            }
            if hash >= threshold {
                return Err(DecodeError::NotOfLevel(position));
            }
            next_allowed = hash + 1;
        }
        Ok(EncodedSketch {
            header,
            threshold,
            layout,
            payload,
        })
    }

    /// As [`Sketch::capacity`].
    pub fn capacity(&self) -> u32 {
        self.header.capacity
    }

    /// As [`Sketch::seed`].
    pub fn seed(&self) -> u64 {
        self.header.seed
    }

    /// As [`Sketch::level`].
    pub fn level(&self) -> u16 {
        self.header.level
    }

    /// As [`Sketch::retained`].
    pub fn retained(&self) -> usize {
        self.header.retained as usize
    }

    /// As [`Sketch::estimate`].
    pub fn estimate(&self) -> u64 {
        scale_up(u64::from(self.header.retained), self.threshold)
    }

    /// The retained hashes in ascending order.
    pub fn hashes(&self) -> impl Iterator<Item = u64> + 'a {
        self.layout.decode(self.payload)
    }

    /// The sketch, in memory of `allocator`.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn decode_in<A: Allocator + Clone>(&self, allocator: A) -> Result<Sketch<A>, OutOfMemory> {
        Sketch::from_distinct_hashes(
            self.capacity(),
            self.seed(),
            self.level(),
            self.retained(),
            self.hashes(),
            allocator,
        )
    }
}

/// Why bytes are not a sketch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The format version is not one that this release reads.
    Version(u8),
    /// Reserved flags are set.
    Flags(u8),
    /// The level is beyond the last.
    Level(u16),
    /// The capacity is outside its legal range.
    Capacity(u32),
    /// More hashes are claimed than a sketch of that capacity and level can retain.
    Retained(u32),
    /// The bytes are fewer or more than the header asks for.
    #[allow(missing_docs)]
    Length { is: usize, should_be: usize },
    /// Unused bits are set.
    Padding,
    /// The header claims another number of hashes than there are.
    #[allow(missing_docs)]
    Count { is: usize, should_be: u32 },
    /// The hash at this position is not above the one before: unsorted or repeated.
    Order(usize),
    /// The hash at this position does not belong to the level.
    NotOfLevel(usize),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Version(version) => {
                write!(f, "format version must be {FORMAT_VERSION}, not {version}")
            }
            DecodeError::Flags(flags) => write!(f, "reserved flags must be 0, not {flags}"),
            DecodeError::Level(level) => write!(f, "level must be at most {MAX_LEVEL}, not {level}"),
            DecodeError::Capacity(capacity) => {
                write!(
                    f,
                    "capacity must be between {MIN_CAPACITY} and {MAX_CAPACITY}, not {capacity}"
                )
            }
            DecodeError::Retained(retained) => {
                write!(f, "{retained} hashes are more than the capacity and level allow")
            }
            DecodeError::Length { is, should_be } => {
                write!(f, "length must be {should_be} bytes, not {is}")
            }
            DecodeError::Padding => f.write_str("unused bits are set"),
            DecodeError::Count { is, should_be } => write!(f, "there are {is} hashes, not {should_be}"),
            DecodeError::Order(position) => {
                write!(f, "the hash at position {position} is not above the one before")
            }
            DecodeError::NotOfLevel(position) => {
                write!(f, "the hash at position {position} does not belong to the level")
            }
        }
    }
}

impl std::error::Error for DecodeError {}
