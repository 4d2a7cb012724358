//! The sample: distinct values themselves, each with how often it occurred and what was measured of it.
//!
//! Which values are in the sample is decided as in the [sketch](crate::sketch), by the same hashes and thresholds. As thresholds
//! only fall, a value that is in the sample has been in it since its first row: so what is counted and summed over its rows
//! is exact. (Gibbons, "Distinct Sampling for Highly-Accurate Answers to Distinct Values Queries and Event Reports", VLDB 2001.)

use crate::codec::Header;
use crate::key::{Key, Secret};
use crate::measures::Measures;
use crate::sample_codec::{EncodedMeasures, EncodedSample, SAMPLE_FORMAT_VERSION, write_value};
use crate::sort::sort;
use crate::surroundings::{STEP, Surroundings, checking};
use crate::threshold::{HASH_BITS, threshold, truncate};
use crate::{Kind, OperationError, OutOfMemory, capacity};
use allocator_api2::alloc::Global;
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;
use hashbrown::HashTable;
use std::fmt;
use std::hash::BuildHasher;

/// The smallest legal size.
pub const MIN_SIZE: u32 = capacity::MIN_CAPACITY;

/// The largest legal size.
pub const MAX_SIZE: u32 = 1_000_000;

/// The size where nobody says one.
pub const DEFAULT_SIZE: u32 = 1_000;

/// How many bytes the text of one value may have.
pub const MAX_TEXT_LEN: usize = 1 << 20;

/// How many bytes the texts of all values may have together. With what else is kept of a million values, that is below 2^29, so
/// that the hexadecimal form of a sample stays below the 2^30 bytes that PostgreSQL takes for a value.
pub const MAX_TEXTS_LEN: usize = 1 << 27;

/// How many rows of one value are counted.
pub const MAX_OCCURRENCES: u64 = i64::MAX as u64;

/// A value in the sample.
struct Value<A: Surroundings> {
    hash: u64,
    occurrences: u64,
    /// Of the ways to write the value that occurred, the least, byte by byte.
    text: Vec<u8, A>,
    measures: Option<Box<Measures<A>, A>>,
}

impl<A: Surroundings> Value<A> {
    fn new_in(hash: u64, text: &[u8], allocator: A) -> Result<Self, SampleError> {
        if text.len() > MAX_TEXT_LEN {
            return Err(SampleError::TextLength(text.len()));
        }
        let mut own = Vec::new_in(allocator);
        own.try_reserve_exact(text.len()).map_err(|_| OutOfMemory)?;
        own.extend_from_slice(text);
        Ok(Value {
            hash,
            occurrences: 0,
            text: own,
            measures: None,
        })
    }

    fn occur(&mut self, times: u64) -> Result<(), SampleError> {
        let occurrences = self.occurrences.checked_add(times);
        self.occurrences = occurrences
            .filter(|&occurrences| occurrences <= MAX_OCCURRENCES)
            .ok_or(SampleError::Occurrences)?;
        Ok(())
    }

    fn measure(&mut self, number: f64) -> Result<(), OutOfMemory> {
        match &mut self.measures {
            Some(measures) => measures.add(number),
            None => self.set_measures(Measures::of(number, self.text.allocator().clone())?),
        }
    }

    fn set_measures(&mut self, measures: Measures<A>) -> Result<(), OutOfMemory> {
        let allocator = self.text.allocator().clone();
        self.measures = Some(Box::try_new_in(measures, allocator).map_err(|_| OutOfMemory)?);
        Ok(())
    }
}

/// A uniform sample of the distinct values of a multiset of rows, with what is known of each over its rows.
///
/// **Invariant**: as of a [sketch](crate::Sketch) of values, the level is the smallest at which fewer than `size` of the distinct
/// hashes belong, and the values in the sample are all whose hashes do. So a sample depends on the multiset of rows, its size and
/// its seed, and on nothing else.
pub struct Sample<A: Surroundings = Global> {
    /// T_level: kept beside the level because every row compares with it.
    threshold: u64,
    level: u16,
    size: u32,
    seed: u64,
    kind: Kind,
    /// Length of all texts together.
    texts_len: usize,
    secret: Secret,
    values: HashTable<Value<A>, A>,
}

impl Sample<Global> {
    /// [`new_in`](Self::new_in) the global allocator.
    pub fn new(size: u32, seed: u64) -> Self {
        Self::new_in(size, seed, Kind::Unknown, Global)
    }
}

impl<A: Surroundings> Sample<A> {
    /// The sample of no values, which are to be of that kind. `seed` is the seed under which the values are hashed.
    ///
    /// # Panics
    ///
    /// When the size is not between [`MIN_SIZE`] and [`MAX_SIZE`].
    pub fn new_in(size: u32, seed: u64, kind: Kind, allocator: A) -> Self {
        assert!((MIN_SIZE..=MAX_SIZE).contains(&size), "illegal size {size}");
        Sample {
            threshold: 1 << HASH_BITS,
            level: 0,
            size,
            seed,
            kind,
            texts_len: 0,
            secret: Secret::random(),
            values: HashTable::new_in(allocator),
        }
    }

    /// What no rows give where nobody has said a size or a seed: in unions it takes on those of the other. Its sketch is the
    /// [sketch of nothing](Header::NOTHING).
    pub fn nothing_in(allocator: A) -> Self {
        Self::new_in(
            Header::NOTHING.capacity(),
            Header::NOTHING.seed(),
            Kind::Unknown,
            allocator,
        )
    }

    /// The number of values at which the sample thins: fewer are in it after every operation.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// The seed of the hash function.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The kind of the values.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The header of the sketch of the same values.
    pub fn header(&self) -> Header {
        Header::new(self.size, self.seed, self.kind, self.level, self.values.len(), false)
    }

    /// Whether a value of that 64-bit hash belongs into the sample, as most values of a long stream do not. Constant.
    #[inline(always)]
    pub fn belongs(&self, hash: u64) -> bool {
        truncate(hash) < self.threshold
    }

    /// Counts a row of a value that is in the sample already; false if it is not.
    ///
    /// Complexity: constant. Allocates nothing but for measures of another magnitude than those before.
    ///
    /// # Errors
    ///
    /// [`SampleError::Occurrences`], [`SampleError::OutOfMemory`].
    pub fn count(&mut self, hash: u64, measure: Option<f64>) -> Result<bool, SampleError> {
        let Some(value) = self.find(truncate(hash)) else {
            return Ok(false);
        };
        value.occur(1)?;
        if let Some(number) = measure {
            value.measure(number)?;
        }
        Ok(true)
    }

    /// Counts a row of a value, and takes the value into the sample if it belongs there. Of the ways to write it, the least is
    /// kept, byte by byte.
    ///
    /// Complexity: constant, amortized.
    ///
    /// # Errors
    ///
    /// Any [`SampleError`] but [`Seeds`](SampleError::Seeds) and [`Kinds`](SampleError::Kinds).
    pub fn insert(&mut self, hash: u64, text: &str, measure: Option<f64>) -> Result<(), SampleError> {
        if !self.belongs(hash) {
            return Ok(());
        }
        self.write(truncate(hash), text.as_bytes())?;
        self.count(hash, measure)?;
        self.thin()
    }

    fn find(&mut self, hash: u64) -> Option<&mut Value<A>> {
        self.values
            .find_mut(self.secret.hash_one(Key(hash)), |value| value.hash == hash)
    }

    /// Has a value of that hash, and keeps the lesser of the texts.
    fn write(&mut self, hash: u64, text: &[u8]) -> Result<(), SampleError> {
        let before = self
            .find(hash)
            .map(|value| (value.text.as_slice() <= text, value.text.len()));
        if matches!(before, Some((true, _))) {
            return Ok(());
        }
        let texts_len = self.texts_len + text.len() - before.map_or(0, |(_, length)| length);
        if texts_len > MAX_TEXTS_LEN {
            return Err(SampleError::TextsLength);
        }
        let written = Value::new_in(hash, text, self.values.allocator().clone())?;
        match self.find(hash) {
            Some(value) => value.text = written.text,
            None => self.place(written)?,
        }
        self.texts_len = texts_len;
        Ok(())
    }

    /// Adds a value that is not there.
    fn place(&mut self, value: Value<A>) -> Result<(), OutOfMemory> {
        let secret = self.secret;
        let place = move |value: &Value<A>| secret.hash_one(Key(value.hash));
        // hashbrown would grow the table too, but in one go, which takes long of the largest.
        if self.values.len() == self.values.capacity() {
            let allocator = self.values.allocator().clone();
            let mut grown = HashTable::new_in(allocator.clone());
            grown
                .try_reserve(self.values.len() + 1, place)
                .map_err(|_| OutOfMemory)?;
            for value in checking(self.values.drain(), allocator) {
                grown.insert_unique(place(&value), value, place);
            }
            self.values = grown;
        }
        self.values.insert_unique(place(&value), value, place);
        Ok(())
    }

    /// Raises the level until fewer than `size` values are in the sample.
    fn thin(&mut self) -> Result<(), SampleError> {
        while self.values.len() >= self.size as usize {
            self.raise_to(self.level + 1);
        }
        Ok(())
    }

    fn raise_to(&mut self, level: u16) {
        let Some(threshold) = threshold(level).filter(|_| level > self.level) else {
            return;
        };
        (self.level, self.threshold) = (level, threshold);
        let allocator = self.values.allocator().clone();
        let mut left = STEP;
        let texts_len = &mut self.texts_len;
        self.values.retain(|value| {
            left -= 1;
            if left == 0 {
                left = STEP;
                allocator.check_for_interrupts();
            }
            let belongs = value.hash < threshold;
            if !belongs {
                *texts_len -= value.text.len();
            }
            belongs
        });
    }

    /// Makes this the sample of the rows of both, at the smaller of the two sizes: occurrences and sums add up. The
    /// [sample of nothing](Self::nothing_in) takes on size and seed of the other; a sample whose kind is unknown takes on that
    /// of the other.
    ///
    /// Complexity: linear in the number of values in `other`.
    ///
    /// # Errors
    ///
    /// [`SampleError::Seeds`] and [`SampleError::Kinds`], and the sample is unchanged. After any other, it must not be used.
    pub fn merge<B: Surroundings>(&mut self, other: &Sample<B>) -> Result<(), SampleError> {
        if other.header().is_nothing() {
            return Ok(());
        }
        if self.header().is_nothing() {
            (self.size, self.seed) = (other.size, other.seed);
        }
        if self.seed != other.seed {
            return Err(SampleError::Seeds(self.seed, other.seed));
        }
        self.kind = self.kind.common(other.kind).map_err(|error| match error {
            OperationError::Kinds(one, another) => SampleError::Kinds(one, another),
            _ => unreachable!("kinds agree or differ"),
        })?;
        self.size = self.size.min(other.size);
        self.raise_to(other.level);
        self.thin()?;
        let allocator = self.values.allocator().clone();
        for other in checking(other.values.iter(), allocator.clone()) {
            if other.hash >= self.threshold {
                continue;
            }
            self.write(other.hash, &other.text)?;
            if let Some(value) = self.find(other.hash) {
                value.occur(other.occurrences)?;
                match (&mut value.measures, &other.measures) {
                    (_, None) => {}
                    (Some(measures), Some(others)) => measures.merge(others)?,
                    (None, Some(others)) => value.set_measures(others.try_clone_in(allocator.clone())?)?,
                }
            }
            self.thin()?;
        }
        Ok(())
    }

    /// The sample that these bytes are, in memory of `allocator`.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn decode_in(encoded: &EncodedSample<'_>, allocator: A) -> Result<Self, OutOfMemory> {
        let header = encoded.header();
        let mut sample = Sample::new_in(header.capacity(), header.seed(), header.kind(), allocator.clone());
        sample.raise_to(header.level());
        for value in checking(encoded.values(), allocator.clone()) {
            let text = value.text().as_bytes();
            let mut own = Value::new_in(value.hash, text, allocator.clone()).map_err(|_| OutOfMemory)?;
            own.occurrences = value.occurrences();
            if let Some(measures) = value.measures() {
                let EncodedMeasures {
                    least,
                    greatest,
                    finite_sum,
                } = measures;
                own.set_measures(Measures::from_parts(*least, *greatest, finite_sum, allocator.clone())?)?;
            }
            sample.texts_len += text.len();
            sample.place(own)?;
        }
        Ok(sample)
    }

    /// A copy whose memory comes from `allocator`.
    ///
    /// # Errors
    ///
    /// [`SampleError::OutOfMemory`] when the allocator has no more.
    pub fn try_clone_in<B: Surroundings>(&self, allocator: B) -> Result<Sample<B>, SampleError> {
        let mut copy = Sample::nothing_in(allocator);
        copy.merge(self)?;
        Ok(copy)
    }

    /// The canonical bytes of the sample, in memory of `allocator`, after `prefix` bytes that are zero and left to the caller.
    ///
    /// Complexity: that of sorting the hashes, and of copying the values.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn encode_in<B: Surroundings>(&self, prefix: usize, allocator: B) -> Result<Vec<u8, B>, OutOfMemory> {
        let mut hashes = Vec::new_in(allocator.clone());
        hashes.try_reserve_exact(self.values.len()).map_err(|_| OutOfMemory)?;
        hashes.extend(checking(self.values.iter().map(|value| value.hash), allocator.clone()));
        sort(&mut hashes, &allocator);

        let mut bytes = self.header().encode_in(&hashes, prefix + 1, allocator.clone())?;
        bytes[prefix] = SAMPLE_FORMAT_VERSION;
        for hash in checking(hashes.into_iter(), allocator) {
            let value = self
                .values
                .find(self.secret.hash_one(Key(hash)), |value| value.hash == hash)
                .expect("the hashes are those of the values");
            let measures = value.measures.as_ref().map(|measures| EncodedMeasures {
                least: measures.least(),
                greatest: measures.greatest(),
                finite_sum: measures.finite_sum(),
            });
            write_value(value.occurrences, &value.text, measures.as_ref(), &mut bytes)?;
        }
        Ok(bytes)
    }

    /// The canonical bytes of the sample, in ordinary memory.
    pub fn encode(&self) -> std::vec::Vec<u8> {
        self.encode_in(0, Global)
            .expect("ordinary memory is not checked for exhaustion")
            .to_vec()
    }
}

/// Why a sample could not take a row, or another sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleError {
    /// The hashes come from hash functions of different seeds.
    Seeds(u64, u64),
    /// The values are of different kinds.
    Kinds(Kind, Kind),
    /// A value occurs more often than can be counted.
    Occurrences,
    /// The text of a value has so many bytes, which is too long.
    TextLength(usize),
    /// All texts together are too long.
    TextsLength,
    /// The allocator has no more memory.
    OutOfMemory,
}

impl From<OutOfMemory> for SampleError {
    fn from(_: OutOfMemory) -> Self {
        SampleError::OutOfMemory
    }
}

impl fmt::Display for SampleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Seeds are shown as SQL shows them: as signed 64-bit integers.
            SampleError::Seeds(a, b) => {
                let (a, b) = (*a as i64, *b as i64);
                write!(f, "cvm_sample values must have the same seed, not {a} and {b}")
            }
            SampleError::Kinds(a, b) => {
                let (a, b) = (a.name(), b.name());
                write!(
                    f,
                    "cvm_sample values must be of the same kind of values, not {a} and {b}"
                )
            }
            SampleError::Occurrences => write!(f, "a value in the sample occurs more than {MAX_OCCURRENCES} times"),
            SampleError::TextLength(length) => {
                write!(
                    f,
                    "a value in a sample must have at most {MAX_TEXT_LEN} bytes as text, not {length}"
                )
            }
            SampleError::TextsLength => {
                write!(
                    f,
                    "the values in a sample must have at most {MAX_TEXTS_LEN} bytes together as text"
                )
            }
            SampleError::OutOfMemory => OutOfMemory.fmt(f),
        }
    }
}

impl std::error::Error for SampleError {}
