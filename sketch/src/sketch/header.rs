//! The header of a sketch: all that stands before the hashes in its bytes.

use crate::hash::kind::Kind;
use crate::set::capacity::{DEFAULT_CAPACITY, MAX_CAPACITY, MIN_CAPACITY};
use crate::set::estimate::estimate;
use crate::set::threshold as whole;
use crate::set::threshold::HASH_BITS;
use crate::set::width::{MAX_LEVEL, threshold, width};
use crate::sketch::flags::{Flags, RESERVED};
use bincode::Options;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The format version in which sketches are written.
pub const FORMAT_VERSION: u8 = 2;

/// The format version with [whole hashes](HASH_BITS). Releases before 0.3.0 wrote sketches in it, and every release
/// reads these. The sketch in a sample is always of this version.
pub const WHOLE_FORMAT_VERSION: u8 = 1;

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 20;

/// All of a sketch but its hashes. In the bytes, it stands before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    version: u8,
    flags: Flags,
    level: u16,
    capacity: u32,
    retained: u32,
    seed: u64,
}

/// Integers of fixed width, little-endian, in exactly as many bytes as the header has.
fn header_options() -> impl Options {
    bincode::DefaultOptions::new()
        .with_fixint_encoding()
        .with_limit(HEADER_LEN as u64)
        .reject_trailing_bytes()
}

impl Header {
    /// The sketch of nothing: the result of an aggregate over no values. It has the default capacity, seed 0 and no
    /// kind. A union with it is the other sketch. The other operations accept it beside any seed and kind.
    pub const NOTHING: Header = Header {
        version: FORMAT_VERSION,
        flags: Flags::NONE,
        level: 0,
        capacity: DEFAULT_CAPACITY,
        retained: 0,
        seed: 0,
    };

    /// `level` and `retained` must be legal for that capacity. At level 0 all hashes are there, and `is_derived` makes
    /// no difference.
    pub(crate) fn new(capacity: u32, seed: u64, kind: Kind, level: u16, retained: usize, is_derived: bool) -> Self {
        let flags = Flags::new(kind, is_derived && level > 0);
        Self::with_flags(capacity, seed, flags, level, retained)
    }

    /// As [`new`](Self::new), of a sketch with [whole hashes](WHOLE_FORMAT_VERSION).
    pub(crate) fn of_whole(
        capacity: u32,
        seed: u64,
        kind: Kind,
        level: u16,
        retained: usize,
        is_derived: bool,
    ) -> Self {
        Header {
            version: WHOLE_FORMAT_VERSION,
            ..Self::new(capacity, seed, kind, level, retained, is_derived)
        }
    }

    /// As [`new`](Self::new), from flags that are legal at the level.
    pub(crate) fn with_flags(capacity: u32, seed: u64, flags: Flags, level: u16, retained: usize) -> Self {
        debug_assert!(retained < capacity as usize);
        Header {
            version: FORMAT_VERSION,
            flags,
            level,
            capacity,
            retained: retained as u32,
            seed,
        }
    }

    /// Reads and checks the header of an encoded sketch, and leaves the hashes alone.
    ///
    /// Complexity: constant.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] that names the first fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        // The version comes first, since a later version may have another header.
        match bytes.first() {
            Some(&(FORMAT_VERSION | WHOLE_FORMAT_VERSION)) | None => {}
            Some(&version) => return Err(DecodeError::Version(version)),
        }
        let head = bytes.get(..HEADER_LEN).ok_or(DecodeError::Short(bytes.len()))?;
        let header: Header = header_options().deserialize(head).expect("the header has its length");

        if let Some(flags) = header.flags.reserved() {
            return Err(DecodeError::Flags(flags));
        }
        if let Some(kind) = header.flags.unknown_kind() {
            return Err(DecodeError::Kind(kind));
        }
        let last_level = if header.is_whole() { whole::MAX_LEVEL } else { MAX_LEVEL };
        if header.level > last_level {
            return Err(DecodeError::Level {
                is: header.level,
                last: last_level,
            });
        }
        if header.is_derived() && header.level == 0 {
            return Err(DecodeError::DerivedAtLevelZero);
        }
        if !(MIN_CAPACITY..=MAX_CAPACITY).contains(&header.capacity) {
            return Err(DecodeError::Capacity(header.capacity));
        }
        if header.retained >= header.capacity || u64::from(header.retained) > header.bound() {
            return Err(DecodeError::Retained(header.retained));
        }
        Ok(header)
    }

    /// Writes the header into `head`, of [`HEADER_LEN`] bytes.
    pub(crate) fn write(&self, head: &mut [u8]) {
        header_options()
            .serialize_into(head, self)
            .expect("the header has its length");
    }

    /// The format version: that of the bytes it was [parsed](Self::parse) from.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The sketch's [capacity](crate::Sketch::capacity).
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// The sketch's [seed](crate::Sketch::seed).
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The sketch's [kind](crate::Sketch::kind) of values.
    pub fn kind(&self) -> Kind {
        self.flags.kind()
    }

    /// The sketch's [level](crate::Sketch::level).
    pub fn level(&self) -> u16 {
        self.level
    }

    /// The number of retained hashes.
    pub fn retained(&self) -> usize {
        self.retained as usize
    }

    /// Whether the sketch was made by intersection or difference. Its level may then be higher than its hashes call
    /// for, and its estimate worse than its capacity promises.
    pub fn is_derived(&self) -> bool {
        self.flags.is_derived()
    }

    /// The level of a derived sketch.
    pub(crate) fn derived_level(&self) -> Option<u16> {
        self.is_derived().then_some(self.level)
    }

    /// Whether the sketch retains every hash of its set. Its estimate is then the exact number of distinct hashes.
    pub fn is_exact(&self) -> bool {
        self.level == 0
    }

    /// Whether the sketch is surely of an empty set: it is exact, and retains no hash.
    pub fn is_empty(&self) -> bool {
        self.is_exact() && self.retained == 0
    }

    /// Whether this is [`NOTHING`](Self::NOTHING), in either format version.
    pub fn is_nothing(&self) -> bool {
        self.as_read() == Self::NOTHING
    }

    /// Whether the hashes are whole, all 56 bits of them.
    pub(crate) fn is_whole(&self) -> bool {
        self.version == WHOLE_FORMAT_VERSION
    }

    /// The header of the sketch that a sketch with whole hashes is read as, if no two of its hashes share a cell.
    ///
    /// No values lead to a level beyond the last. Bytes that say so are read as of the last.
    pub(crate) fn as_read(&self) -> Self {
        Header {
            version: FORMAT_VERSION,
            level: self.level.min(MAX_LEVEL),
            ..*self
        }
    }

    /// The same with another number of retained hashes.
    pub(crate) fn with_retained(&self, retained: usize) -> Self {
        Header {
            retained: retained as u32,
            ..*self
        }
    }

    /// The sketch's [estimate](crate::Sketch::estimate).
    pub fn estimate(&self) -> u64 {
        let retained = u64::from(self.retained);
        let before = self.level.checked_sub(1).map(|before| self.threshold_of(before));
        match before {
            None => retained,
            Some(_) if self.is_derived() => estimate(retained, self.threshold(), None, self.capacity, self.width()),
            Some(_) => estimate(retained, self.threshold(), before, self.capacity, self.width()),
        }
    }

    /// The number of [cells](crate::width) per retained hash: 1 over the probability that a hash belongs to the level.
    ///
    /// Times the number of retained hashes, or of those of any subset, it is an unbiased estimate of the number of
    /// cells that values hit. There are that many values, but for the few that share a cell: one in 2,200 of 10^9.
    pub fn weight(&self) -> f64 {
        (1_u64 << HASH_BITS) as f64 / self.threshold() as f64
    }

    /// The header of a sketch of a subset: the same level, but `part` retained hashes.
    ///
    /// Its [`bounds`](crate::bounds::interval::bounds) are the bounds for the size of the subset. `part` is at most
    /// [`retained`](Self::retained).
    ///
    /// The level is not the subset's own, so the sketch of it is derived. But all hashes are those of the whole set.
    pub fn of_part(&self, part: usize) -> Self {
        debug_assert!(part <= self.retained());
        let is_whole = part > 0 && part == self.retained();
        let is_derived = self.is_derived() || !is_whole;
        Header {
            version: self.version,
            ..Header::new(self.capacity, self.seed, self.kind(), self.level, part, is_derived)
        }
    }

    /// How many bits of each hash the sketch has.
    pub(crate) fn width(&self) -> u32 {
        if self.is_whole() { HASH_BITS } else { width(self.level) }
    }

    /// The threshold of the level, which is above all hashes.
    pub(crate) fn threshold(&self) -> u64 {
        self.threshold_of(self.level)
    }

    fn threshold_of(&self, level: u16) -> u64 {
        let threshold = if self.is_whole() {
            whole::threshold(level)
        } else {
            threshold(level)
        };
        threshold.expect("a header's level is legal")
    }

    /// How many hashes of that width are below the threshold.
    pub(crate) fn bound(&self) -> u64 {
        self.threshold() >> (HASH_BITS - self.width())
    }
}

/// Why bytes are not a sketch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The format version is not one that this release reads.
    Version(u8),
    /// Reserved flags are set.
    Flags(u8),
    /// No kind of values has that number.
    Kind(u8),
    /// A sketch that retains every hash is marked as derived, where the mark has no meaning.
    DerivedAtLevelZero,
    /// The level is beyond the last of its format version.
    #[allow(missing_docs)]
    Level { is: u16, last: u16 },
    /// The capacity is outside its legal range.
    Capacity(u32),
    /// The header claims more hashes than a sketch of that capacity and level can retain.
    Retained(u32),
    /// The bytes are fewer than a header has.
    Short(usize),
    /// The bytes are fewer or more than the header implies.
    #[allow(missing_docs)]
    Length { is: usize, should_be: usize },
    /// Unused bits are set.
    Padding,
    /// The header claims another number of hashes than there are.
    #[allow(missing_docs)]
    Count { is: usize, should_be: u32 },
    /// The hash at this position is below the one before.
    Order(usize),
    /// The hash at this position repeats the one before.
    Repeated(usize),
    /// The hash at this position does not belong to the level.
    NotOfLevel(usize),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Version(version) => {
                write!(
                    f,
                    "format version must be {WHOLE_FORMAT_VERSION} or {FORMAT_VERSION}, not {version}"
                )
            }
            DecodeError::Flags(flags) => write!(f, "flags must be below {RESERVED}, not {flags}"),
            DecodeError::Kind(kind) => {
                write!(f, "kind must be at most {}, not {kind}", Kind::ALL.len() - 1)
            }
            DecodeError::DerivedAtLevelZero => f.write_str("the derived flag must be 0 at level 0"),
            DecodeError::Level { is, last } => write!(f, "level must be at most {last}, not {is}"),
            DecodeError::Capacity(capacity) => {
                write!(
                    f,
                    "capacity must be between {MIN_CAPACITY} and {MAX_CAPACITY}, not {capacity}"
                )
            }
            DecodeError::Retained(retained) => {
                write!(f, "{retained} hashes are more than the capacity and level allow")
            }
            DecodeError::Short(is) => write!(f, "length must be at least {HEADER_LEN} bytes, not {is}"),
            DecodeError::Length { is, should_be } => {
                write!(f, "length must be {should_be} bytes, not {is}")
            }
            DecodeError::Padding => f.write_str("unused bits are set"),
            DecodeError::Count { is, should_be } => write!(f, "there are {is} hashes, not {should_be}"),
            DecodeError::Order(position) => {
                write!(f, "the hash at position {position} is below the one before")
            }
            DecodeError::Repeated(position) => write!(f, "the hash at position {position} is repeated"),
            DecodeError::NotOfLevel(position) => {
                write!(f, "the hash at position {position} does not belong to the level")
            }
        }
    }
}

impl std::error::Error for DecodeError {}
