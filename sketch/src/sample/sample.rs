//! The sample: distinct values themselves, each with how often it occurred and what was measured of it.
//!
//! The same hashes and thresholds as in the [sketch](crate::sketch) decide which values are in the sample. Thresholds
//! only fall, so a value in the sample has been there since its first row. Counts and sums over its rows are therefore
//! exact. (Gibbons, "Distinct Sampling for Highly-Accurate Answers to Distinct Values Queries and Event Reports", VLDB
//! 2001.)

use crate::hash::kind::Kind;
use crate::host::{OutOfMemory, Surroundings, checking};
use crate::sample::codec::{EncodedSample, MAX_SIZE, MIN_SIZE, SAMPLE_FORMAT_VERSION};
use crate::sample::entry::{Entry, Measured};
use crate::sample::error::SampleError;
use crate::sample::log::{Log, Record};
use crate::sample::values::Values;
use crate::set::sort::sort;
use crate::set::threshold::{HASH_BITS, MAX_LEVEL, threshold, truncate};
use crate::sketch::agreement::Common;
use crate::sketch::error::OperationError;
use crate::sketch::header::Header;
use allocator_api2::alloc::Global;
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;

/// The default size.
pub const DEFAULT_SIZE: u32 = 1_000;

/// A sample of so many values is decoded to a table. A log would soon become one.
const MANY: usize = 1 << 9;

/// A uniform sample of the distinct values of a multiset of rows, with what the rows say of each.
///
/// **Invariant**: as in a [sketch](crate::Sketch), the level is the smallest to which fewer than `size` distinct hashes
/// belong. The values in the sample are all whose hashes belong to it. So the sample depends only on the multiset of
/// rows, its size and its seed.
///
/// The level may be higher in samples from [intersections and differences](crate::sample::operations) with a sketch.
/// The [header](Header::is_derived) then says so.
pub struct Sample<A: Surroundings = Global> {
    /// T_level, kept beside the level because every row compares with it.
    threshold: u64,
    level: u16,
    is_derived: bool,
    size: u32,
    seed: u64,
    kind: Kind,
    contents: Contents<A>,
}

/// What is in a sample. The form makes no difference to what it says.
enum Contents<A: Surroundings> {
    /// The entries of a small sample of level 0. There are fewer than `size`.
    Log(Log<A>),
    Values(Box<Values<A>, A>),
}

impl Sample<Global> {
    /// The sample of [`new_in`](Self::new_in), of unknown kind, with memory of the global allocator.
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
            is_derived: false,
            size,
            seed,
            kind,
            contents: Contents::Log(Log::new_in(allocator)),
        }
    }

    /// The sample of no rows, where nobody gave a size or a seed. In unions it takes on those of the other. Its sketch
    /// is the [sketch of nothing](Header::NOTHING).
    pub fn nothing_in(allocator: A) -> Self {
        Self::new_in(
            Header::NOTHING.capacity(),
            Header::NOTHING.seed(),
            Kind::Unknown,
            allocator,
        )
    }

    /// The number of values at which the sample thins. After every operation, it has fewer.
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
    ///
    /// Complexity: of a small sample, that of sorting its hashes, in memory of the global allocator.
    pub fn header(&self) -> Header {
        self.header_of(match &self.contents {
            Contents::Log(log) => {
                let sorted = log.sorted_in(Global);
                sorted
                    .expect("ordinary memory is not checked for exhaustion")
                    .hashes()
                    .count()
            }
            Contents::Values(values) => values.len(),
        })
    }

    /// As [`header`](Self::header), for what does not depend on how many values there are, but on whether there are any.
    fn header_in_short(&self) -> Header {
        self.header_of(self.at_most())
    }

    fn header_of(&self, retained: usize) -> Header {
        Header::of_whole(self.size, self.seed, self.kind, self.level, retained, self.is_derived)
    }

    /// A number than which there are no more values. It is zero if there are none.
    fn at_most(&self) -> usize {
        match &self.contents {
            Contents::Log(log) => log.len(),
            Contents::Values(values) => values.len(),
        }
    }

    /// Whether a value of that 64-bit hash belongs to the sample. Most values of a long stream do not. Complexity:
    /// constant.
    #[inline(always)]
    pub fn belongs(&self, hash: u64) -> bool {
        truncate(hash) < self.threshold
    }

    /// Counts a row of a value that is in the sample. False if the value is not, or if the sample is so small that it
    /// does not know yet.
    ///
    /// Complexity: constant. Allocates only for measures of another magnitude than those before.
    ///
    /// # Errors
    ///
    /// [`SampleError::Occurrences`], [`SampleError::OutOfMemory`].
    pub fn count(&mut self, hash: u64, measure: Option<f64>) -> Result<bool, SampleError> {
        match &mut self.contents {
            Contents::Log(_) => Ok(false),
            Contents::Values(values) => values.count(truncate(hash), measure),
        }
    }

    /// Counts a row of a value, and takes the value into the sample if it belongs there.
    ///
    /// Of the ways to write the value, the sample keeps the least, byte by byte.
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
        self.add(&Entry::<A> {
            hash: truncate(hash),
            occurrences: 1,
            text: text.as_bytes(),
            measured: measure.map(Measured::One),
        })
    }

    /// Adds what some rows say of a value that belongs to the sample.
    fn add<B: Surroundings>(&mut self, entry: &Entry<'_, B>) -> Result<(), SampleError> {
        let values = match &mut self.contents {
            Contents::Values(values) => values,
            Contents::Log(log) => {
                if log.push(entry, self.size)? || log.make_room(self.size)? && log.push(entry, self.size)? {
                    return Ok(());
                }
                self.values()?
            }
        };
        values.add(entry)?;
        match values.len() < self.size as usize {
            true => Ok(()),
            false => self.thin(),
        }
    }

    /// The values in a table, which a log becomes.
    fn values(&mut self) -> Result<&mut Values<A>, SampleError> {
        if let Contents::Log(log) = &self.contents {
            let allocator = log.allocator().clone();
            let room = self.size.min(2 * log.len() as u32);
            let mut values = Values::with_room_in(room as usize, allocator.clone())?;
            let bytes = log.to_bytes_in(allocator.clone())?;
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                values.add(&Record::take(&mut rest).entry::<A>())?;
            }
            let values = Box::try_new_in(values, allocator).map_err(|_| OutOfMemory)?;
            self.contents = Contents::Values(values);
        }
        match &mut self.contents {
            Contents::Values(values) => Ok(values),
            Contents::Log(_) => unreachable!("it became a table"),
        }
    }

    fn allocator(&self) -> A {
        match &self.contents {
            Contents::Log(log) => log.allocator().clone(),
            Contents::Values(values) => Box::allocator(values).clone(),
        }
    }

    /// Raises the level until fewer than `size` values are in the sample.
    ///
    /// Complexity: one walk over the values. A few more if somebody chose values that all belong to many levels.
    fn thin(&mut self) -> Result<(), SampleError> {
        let (level, size) = (self.level, self.size as usize);
        if self.at_most() < size {
            return Ok(());
        }
        let values = self.values()?;
        if values.len() < size {
            return Ok(());
        }
        let is_enough = |level| {
            let threshold = threshold(level).expect("no level is asked for beyond the last");
            values.count_below(threshold) < size
        };
        // Most often the next level suffices. Steps that double find one that does, then halving the last step finds
        // the first.
        let (mut too_low, mut step) = (level, 1);
        let mut enough = loop {
            let level = MAX_LEVEL.min(too_low + step);
            if is_enough(level) {
                break level;
            }
            (too_low, step) = (level, 2 * step);
        };
        while enough - too_low > 1 {
            let level = (too_low + enough) / 2;
            match is_enough(level) {
                true => enough = level,
                false => too_low = level,
            }
        }
        // The sample has all values of its level again.
        self.is_derived = false;
        self.raise_to(enough)
    }

    /// Drops every value that does not belong to the level, if that level is higher.
    fn raise_to(&mut self, level: u16) -> Result<(), SampleError> {
        let Some(threshold) = threshold(level).filter(|_| level > self.level) else {
            return Ok(());
        };
        self.values()?.retain_below(threshold)?;
        (self.level, self.threshold) = (level, threshold);
        Ok(())
    }

    /// Makes this the sample of the rows of both, at the smaller of the two sizes. Occurrences and sums add up.
    ///
    /// The [sample of nothing](Self::nothing_in) takes on size and seed of the other. A sample of unknown kind takes on
    /// the kind of the other. The union is derived where that of [sketches](crate::Sketch::merge) is.
    ///
    /// Complexity: linear in the number of values in `other`.
    ///
    /// # Errors
    ///
    /// [`SampleError::Seeds`] and [`SampleError::Kinds`] leave the sample unchanged. After any other error, it must not
    /// be used.
    pub fn merge<B: Surroundings>(&mut self, other: &Sample<B>) -> Result<(), SampleError> {
        self.agree_with(&other.header_in_short())?;
        let allocator = self.allocator();
        match &other.contents {
            Contents::Log(log) => {
                let bytes = log.to_bytes_in(allocator)?;
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let record = Record::take(&mut rest);
                    if record.hash < self.threshold {
                        self.add(&record.entry::<A>())?;
                    }
                }
            }
            Contents::Values(values) => {
                for entry in checking(values.entries(), allocator) {
                    if entry.hash < self.threshold {
                        self.add(&entry)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// [Merges](Self::merge) an encoded sample. Only what belongs to this one is decoded.
    ///
    /// Complexity: linear in the number of values in `other`.
    ///
    /// # Errors
    ///
    /// Those of [`merge`](Self::merge).
    pub fn merge_encoded(&mut self, other: &EncodedSample<'_>) -> Result<(), SampleError> {
        self.agree_with(other.header())?;
        for value in checking(other.values(), self.allocator()) {
            if value.hash < self.threshold {
                self.add(&value.entry::<A>())?;
            }
        }
        Ok(())
    }

    /// Takes on the header of the union with a sample of header `other`. Drops what does not belong there.
    fn agree_with(&mut self, other: &Header) -> Result<(), SampleError> {
        if other.is_nothing() {
            return Ok(());
        }
        let mut own = self.header_in_short();
        if own.is_nothing() {
            (self.size, self.seed) = (other.capacity(), other.seed());
            own = self.header_in_short();
        }
        let common = Common::of(&own, other).map_err(|error| match error {
            OperationError::Seeds(one, another) => SampleError::Seeds(one, another),
            OperationError::Kinds(one, another) => SampleError::Kinds(one, another),
            _ => unreachable!("seeds and kinds agree or differ"),
        })?;
        (self.kind, self.size) = (common.kind, common.capacity);
        self.raise_to(common.level)?;
        self.is_derived = common.is_union_derived(common.level);
        self.thin()
    }

    /// The sample of these bytes, in memory of `allocator`.
    ///
    /// # Errors
    ///
    /// [`SampleError::OutOfMemory`] when the allocator has no more.
    pub fn decode_in(encoded: &EncodedSample<'_>, allocator: A) -> Result<Self, SampleError> {
        let header = encoded.header();
        let mut sample = Sample::new_in(header.capacity(), header.seed(), header.kind(), allocator.clone());
        if header.level() > 0 || header.retained() >= MANY {
            let values = Values::with_room_in(header.retained(), allocator.clone())?;
            let values = Box::try_new_in(values, allocator.clone()).map_err(|_| OutOfMemory)?;
            sample.contents = Contents::Values(values);
        }
        sample.raise_to(header.level())?;
        sample.is_derived = header.is_derived();
        for value in checking(encoded.values(), allocator) {
            sample.add(&value.entry::<A>())?;
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

    /// The canonical bytes of the sample, in memory of `allocator`. In front are `prefix` bytes that are zero and left
    /// to the caller.
    ///
    /// Complexity: that of sorting the hashes, and of copying the values.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn encode_in<B: Surroundings>(&self, prefix: usize, allocator: B) -> Result<Vec<u8, B>, OutOfMemory> {
        let mut hashes = Vec::new_in(allocator.clone());
        hashes.try_reserve_exact(self.at_most()).map_err(|_| OutOfMemory)?;
        let start = |hashes: &[u64]| {
            let header = self.header_of(hashes.len());
            let mut bytes = header.encode_in(hashes, prefix + 1, allocator.clone())?;
            bytes[prefix] = SAMPLE_FORMAT_VERSION;
            Ok(bytes)
        };
        match &self.contents {
            Contents::Log(log) => {
                let sorted = log.sorted_in(allocator.clone())?;
                hashes.extend(sorted.hashes());
                let mut bytes = start(&hashes)?;
                bytes.try_reserve_exact(sorted.bytes_len()).map_err(|_| OutOfMemory)?;
                for value in sorted.values() {
                    value?.entry().write(&mut bytes)?;
                }
                Ok(bytes)
            }
            Contents::Values(values) => {
                hashes.extend(checking(values.hashes(), allocator.clone()));
                sort(&mut hashes, &allocator);
                let mut bytes = start(&hashes)?;
                for hash in checking(hashes.into_iter(), allocator) {
                    let entry = values.get(hash).expect("the hashes are those of the values");
                    entry.write(&mut bytes)?;
                }
                Ok(bytes)
            }
        }
    }

    /// The canonical bytes of the sample, in memory of the global allocator.
    pub fn encode(&self) -> std::vec::Vec<u8> {
        self.encode_in(0, Global)
            .expect("ordinary memory is not checked for exhaustion")
            .to_vec()
    }
}
