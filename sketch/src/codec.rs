//! Sketches as bytes, for their way between workers and to disk. `docs/format.md` describes the layout byte by byte.
//!
//! Equal sketches have equal bytes. Decoding treats its input as hostile: everything is checked before anything is
//! allocated, and an [`EncodedSketch`] exists only of bytes that passed.

use crate::capacity::{DEFAULT_CAPACITY, MAX_CAPACITY, MIN_CAPACITY};
use crate::elias_fano::Layout;
use crate::flags::{Flags, RESERVED};
use crate::surroundings::{BYTES_STEP, Surroundings, checking, zeros};
use crate::threshold::{HASH_BITS, MAX_LEVEL, scale_up, threshold};
use crate::{Kind, OutOfMemory};
use allocator_api2::alloc::Global;
use allocator_api2::vec::Vec;
use bincode::Options;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The format version that is written, and the only one so far.
pub const FORMAT_VERSION: u8 = 1;

/// Length of the header in bytes.
pub const HEADER_LEN: usize = 20;

/// All of a sketch but its hashes: what stands before them in its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    version: u8,
    flags: Flags,
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

impl Header {
    /// The sketch of nothing: what no values give where nobody has said an accuracy or a seed. In operations on
    /// sketches it takes on those of the other.
    pub const NOTHING: Header = Header {
        version: FORMAT_VERSION,
        flags: Flags::NONE,
        level: 0,
        capacity: DEFAULT_CAPACITY,
        retained: 0,
        seed: 0,
    };

    /// `level` and `retained` are legal for a sketch of that capacity. At level 0 all hashes are there, and
    /// `is_derived` says nothing.
    pub(crate) fn new(capacity: u32, seed: u64, kind: Kind, level: u16, retained: usize, is_derived: bool) -> Self {
        let flags = Flags::new(kind, is_derived && level > 0);
        Self::with_flags(capacity, seed, flags, level, retained)
    }

    /// [`new`](Self::new) of flags that are legal at the level.
    pub(crate) fn with_flags(capacity: u32, seed: u64, flags: Flags, level: u16, retained: usize) -> Self {
        debug_assert!(level <= MAX_LEVEL && retained < capacity as usize);
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
        // The version first: a later version may have another header.
        match bytes.first() {
            Some(&FORMAT_VERSION) | None => {}
            Some(&version) => return Err(DecodeError::Version(version)),
        }
        let head = bytes.get(..HEADER_LEN).ok_or(DecodeError::Short(bytes.len()))?;
        let header: Header = header_options().deserialize(head).expect("the header has its length");

        header.flags.check()?;
        let Some(threshold) = threshold(header.level) else {
            return Err(DecodeError::Level(header.level));
        };
        if header.is_derived() && header.level == 0 {
            return Err(DecodeError::DerivedAtLevelZero);
        }
        if !(MIN_CAPACITY..=MAX_CAPACITY).contains(&header.capacity) {
            return Err(DecodeError::Capacity(header.capacity));
        }
        if header.retained >= header.capacity || u64::from(header.retained) > threshold {
            return Err(DecodeError::Retained(header.retained));
        }
        Ok(header)
    }

    /// As [`Sketch::capacity`](crate::Sketch::capacity).
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// As [`Sketch::seed`](crate::Sketch::seed).
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// As [`Sketch::kind`](crate::Sketch::kind).
    pub fn kind(&self) -> Kind {
        self.flags.kind()
    }

    /// As [`Sketch::level`](crate::Sketch::level).
    pub fn level(&self) -> u16 {
        self.level
    }

    /// The number of retained hashes.
    pub fn retained(&self) -> usize {
        self.retained as usize
    }

    /// Whether the sketch was made by intersection or difference, so that its level may be higher than its hashes call
    /// for: it then estimates less well than its capacity promises.
    pub fn is_derived(&self) -> bool {
        self.flags.is_derived()
    }

    /// The level of a derived sketch.
    pub(crate) fn derived_level(&self) -> Option<u16> {
        self.is_derived().then_some(self.level)
    }

    /// Whether the sketch retains every hash of its set, so that its estimate is the exact number of distinct hashes.
    pub fn is_exact(&self) -> bool {
        self.level == 0
    }

    /// Whether this is [`NOTHING`](Self::NOTHING).
    pub fn is_nothing(&self) -> bool {
        *self == Self::NOTHING
    }

    /// As [`Sketch::estimate`](crate::Sketch::estimate).
    pub fn estimate(&self) -> u64 {
        scale_up(u64::from(self.retained), self.threshold())
    }

    /// How many distinct values each retained hash stands for: 1 over the probability that a hash belongs to the level.
    pub fn weight(&self) -> f64 {
        (1_u64 << HASH_BITS) as f64 / self.threshold() as f64
    }

    /// As the header would be of the sketch of those values alone of which `part` of the retained hashes are, for
    /// [`bounds`](crate::interval::bounds) of their number. `part` is at most [`retained`](Self::retained).
    pub fn of_part(&self, part: usize) -> Self {
        debug_assert!(part <= self.retained());
        Header {
            retained: part as u32,
            ..*self
        }
    }

    /// The length of the whole encoded sketch in bytes.
    pub fn encoded_len(&self) -> usize {
        HEADER_LEN + self.layout().bytes()
    }

    pub(crate) fn threshold(&self) -> u64 {
        threshold(self.level).expect("a header's level is legal")
    }

    fn layout(&self) -> Layout {
        Layout::new(self.retained(), self.threshold())
    }

    /// Writes the sketch of this header and these hashes, which ascend and are as many as the header says, into
    /// `bytes`, as many as [`encoded_len`](Self::encoded_len) says.
    pub(crate) fn encode_into<S: Surroundings>(&self, hashes: &[u64], bytes: &mut [u8], surroundings: &S) {
        debug_assert!(hashes.len() == self.retained() && bytes.len() == self.encoded_len());
        for step in bytes.chunks_mut(BYTES_STEP) {
            step.fill(0);
            surroundings.check_for_interrupts();
        }
        self.encode_into_zeros(hashes, bytes, surroundings);
    }

    fn encode_into_zeros<S: Surroundings>(&self, hashes: &[u64], bytes: &mut [u8], surroundings: &S) {
        let (head, payload) = bytes.split_at_mut(HEADER_LEN);
        header_options()
            .serialize_into(head, self)
            .expect("the header has its length");
        let hashes = checking(hashes.iter().copied(), surroundings.clone());
        self.layout().encode(hashes, payload);
    }

    /// [`encode_into`](Self::encode_into) new memory of `allocator`, after `prefix` bytes that are left to the caller.
    pub(crate) fn encode_in<A: Surroundings>(
        &self,
        hashes: &[u64],
        prefix: usize,
        allocator: A,
    ) -> Result<Vec<u8, A>, OutOfMemory> {
        let mut bytes = zeros(prefix + self.encoded_len(), allocator.clone())?;
        self.encode_into_zeros(hashes, &mut bytes[prefix..], &allocator);
        Ok(bytes)
    }
}

/// A sketch in its encoded form, of which the header and the length are known to be valid. Its hashes are checked as
/// they are read: for whoever reads only some of them.
#[derive(Clone, Copy, Debug)]
pub struct FramedSketch<'a> {
    header: Header,
    layout: Layout,
    payload: &'a [u8],
}

impl<'a> FramedSketch<'a> {
    /// Checks the header of `bytes`, and that they are as many as it asks for.
    ///
    /// Complexity: constant.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] that names the first fault.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let header = Header::parse(bytes)?;
        if bytes.len() != header.encoded_len() {
            return Err(DecodeError::Length {
                is: bytes.len(),
                should_be: header.encoded_len(),
            });
        }
        Ok(FramedSketch {
            header,
            layout: header.layout(),
            payload: &bytes[HEADER_LEN..],
        })
    }

    /// All but the hashes.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The retained hashes in ascending order, each below the threshold of the level, or the fault of the first that is
    /// not; what comes behind a fault means nothing. That they are as many as the header says is known at the end.
    pub fn hashes(&self) -> impl Iterator<Item = Result<u64, DecodeError>> + 'a {
        let sketch = *self;
        let threshold = sketch.header.threshold();
        let mut row = sketch.layout.decode(sketch.payload);
        let mut is_at_end = false;
        let mut position = 0;
        let mut before = None;
        std::iter::from_fn(move || {
            let Some(hash) = row.next() else {
                let is_read_before = std::mem::replace(&mut is_at_end, true);
                if is_read_before || row.is_whole() {
                    return None;
                }
                return sketch.check_bits().err().map(Err);
            };
            let checked = match before.replace(hash) {
                Some(before) if before == hash => Err(DecodeError::Repeated(position)),
                Some(before) if before > hash => Err(DecodeError::Order(position)),
                _ if hash >= threshold => Err(DecodeError::NotOfLevel(position)),
                _ => Ok(hash),
            };
            position += 1;
            Some(checked)
        })
    }

    /// What can be said of the bits of the hashes without reading any.
    fn check_bits(&self) -> Result<(), DecodeError> {
        if !self.layout.is_padded_with_zeros(self.payload) {
            return Err(DecodeError::Padding);
        }
        let ones = self.layout.ones(self.payload);
        if ones != self.header.retained() {
            return Err(DecodeError::Count {
                is: ones,
                should_be: self.header.retained,
            });
        }
        Ok(())
    }
}

/// A sketch in its encoded form, known to be valid: its bytes are exactly what
/// [`Sketch::encode`](crate::Sketch::encode) writes for it.
#[derive(Clone, Copy, Debug)]
pub struct EncodedSketch<'a>(FramedSketch<'a>);

impl<'a> EncodedSketch<'a> {
    /// Checks all of `bytes`; allocates nothing.
    ///
    /// Complexity: linear in the length.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] that names the first fault.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::parse_in(bytes, &Global)
    }

    /// [`parse`](Self::parse) where somebody may stop it. Nothing is allocated there.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`] that names the first fault.
    pub fn parse_in<S: Surroundings>(bytes: &'a [u8], surroundings: &S) -> Result<Self, DecodeError> {
        let framed = FramedSketch::parse(bytes)?;
        framed.check_bits()?;
        checking(framed.hashes(), surroundings.clone()).try_for_each(|hash| hash.map(drop))?;
        Ok(EncodedSketch(framed))
    }

    /// All but the hashes.
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// The retained hashes in ascending order.
    pub fn hashes(&self) -> impl Iterator<Item = u64> + 'a {
        self.0.layout.decode(self.0.payload)
    }
}

/// Why bytes are not a sketch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The format version is not one that this release reads.
    Version(u8),
    /// Reserved flags are set.
    Flags(u8),
    /// There is no kind of values of that number.
    Kind(u8),
    /// A sketch that retains every hash is marked as made by intersection or difference, which then says nothing.
    DerivedAtLevelZero,
    /// The level is beyond the last.
    Level(u16),
    /// The capacity is outside its legal range.
    Capacity(u32),
    /// More hashes are claimed than a sketch of that capacity and level can retain.
    Retained(u32),
    /// The bytes are fewer than a header has.
    Short(usize),
    /// The bytes are fewer or more than the header asks for.
    #[allow(missing_docs)]
    Length { is: usize, should_be: usize },
    /// Unused bits are set.
    Padding,
    /// The header claims another number of hashes than there are.
    #[allow(missing_docs)]
    Count { is: usize, should_be: u32 },
    /// The hash at this position is below the one before.
    Order(usize),
    /// The hash at this position is the one before once more.
    Repeated(usize),
    /// The hash at this position does not belong to the level.
    NotOfLevel(usize),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Version(version) => {
                write!(f, "format version must be {FORMAT_VERSION}, not {version}")
            }
            DecodeError::Flags(flags) => write!(f, "flags must be below {RESERVED}, not {flags}"),
            DecodeError::Kind(kind) => {
                write!(f, "kind must be at most {}, not {kind}", Kind::ALL.len() - 1)
            }
            DecodeError::DerivedAtLevelZero => f.write_str("the derived flag must be 0 at level 0"),
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
