//! The sample: distinct values themselves, each with how often it occurred and what was measured of it.
//!
//! The same hashes and thresholds as in the [sketch](crate::sketch) decide which values are in the sample. Thresholds
//! only fall, so a value in the sample has been there since its first row. Counts and sums over its rows are therefore
//! exact. (Gibbons, "Distinct Sampling for Highly-Accurate Answers to Distinct Values Queries and Event Reports", VLDB
//! 2001.)

use crate::host::{OutOfMemory, Surroundings, checking};
use crate::sample::codec::{
    EncodedMeasures, EncodedSample, MAX_OCCURRENCES, MAX_SIZE, MAX_TEXT_LEN, MAX_TEXTS_LEN, MIN_SIZE,
    SAMPLE_FORMAT_VERSION, append, write_value,
};
use crate::sample::measures::Measures;
use crate::set::secret::{Key, Secret};
use crate::set::sort::sort;
use crate::set::threshold::{HASH_BITS, MAX_LEVEL, threshold, truncate};
use crate::sketch::agreement::Common;
use crate::sketch::error::OperationError;
use crate::sketch::header::Header;
use crate::sketch::kind::Kind;
use allocator_api2::alloc::Global;
use allocator_api2::vec::Vec;
use hashbrown::HashTable;
use hashbrown::hash_table::OccupiedEntry;
use std::fmt;
use std::hash::BuildHasher;

/// The default size.
pub const DEFAULT_SIZE: u32 = 1_000;

/// How many bytes of replaced texts a sample always tolerates.
const REPLACED: usize = 1 << 10;

/// How many more it tolerates for each value. They pay for the walk over the values that moves the texts.
const REPLACED_PER_VALUE: usize = 16;

/// When one in so many values was removed, a walk moves together what the others have.
const REMOVED_ONE_IN: usize = 16;

/// A value in the sample.
///
/// Many groups have few values, each in memory that no cache holds. So a value takes half a cache line, and what few
/// rows need is elsewhere.
#[derive(Clone, Copy)]
struct Value {
    hash: u64,
    occurrences: u64,
    /// The place of its text among all texts. The text is the least, byte by byte, of the ways in which the value was
    /// written.
    text_start: u32,
    text_len: u32,
    /// The place of its measures among all measures, if it has any.
    measures: Option<u32>,
}

const _: () = assert!(size_of::<Value>() == 32);

impl Value {
    fn occur(&mut self, times: u64) -> Result<(), SampleError> {
        let occurrences = self.occurrences.checked_add(times);
        self.occurrences = occurrences
            .filter(|&occurrences| occurrences <= MAX_OCCURRENCES)
            .ok_or(SampleError::Occurrences)?;
        Ok(())
    }

    fn text<'a>(&self, texts: &'a [u8]) -> &'a [u8] {
        &texts[self.text_start as usize..][..self.text_len as usize]
    }
}

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
    secret: Secret,
    /// The position of each value among `values`, by its hash.
    positions: HashTable<u32, A>,
    values: Vec<Value, A>,
    /// The texts, one after the other, among remains of replaced ones.
    texts: Vec<u8, A>,
    /// The length of the texts in use.
    texts_len: usize,
    measures: Vec<Option<Measures<A>>, A>,
    /// How many values were removed since the last walk that moved all together. They may still have places in
    /// `measures`.
    removed: usize,
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
            secret: Secret::random(),
            positions: HashTable::new_in(allocator.clone()),
            values: Vec::new_in(allocator.clone()),
            texts: Vec::new_in(allocator.clone()),
            texts_len: 0,
            measures: Vec::new_in(allocator),
            removed: 0,
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
    pub fn header(&self) -> Header {
        Header::new(
            self.size,
            self.seed,
            self.kind,
            self.level,
            self.values.len(),
            self.is_derived,
        )
    }

    /// Whether a value of that 64-bit hash belongs to the sample. Most values of a long stream do not. Complexity:
    /// constant.
    #[inline(always)]
    pub fn belongs(&self, hash: u64) -> bool {
        truncate(hash) < self.threshold
    }

    /// Counts a row of a value that is in the sample. False if the value is not.
    ///
    /// Complexity: constant. Allocates only for measures of another magnitude than those before.
    ///
    /// # Errors
    ///
    /// [`SampleError::Occurrences`], [`SampleError::OutOfMemory`].
    pub fn count(&mut self, hash: u64, measure: Option<f64>) -> Result<bool, SampleError> {
        let Some(position) = self.find(truncate(hash)) else {
            return Ok(false);
        };
        self.occur(position, measure)?;
        Ok(true)
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
        let position = self.find_or_add(truncate(hash), text.as_bytes())?;
        self.occur(position, measure)?;
        Ok(self.thin()?)
    }

    /// Counts a row of the value at that position.
    fn occur(&mut self, position: usize, measure: Option<f64>) -> Result<(), SampleError> {
        self.values[position].occur(1)?;
        if let Some(number) = measure {
            match self.measures_of(position) {
                Some(measures) => measures.add(number)?,
                None => {
                    let measures = Measures::of(number, self.allocator())?;
                    self.set_measures(position, measures)?;
                }
            }
        }
        Ok(())
    }

    fn allocator(&self) -> A {
        self.values.allocator().clone()
    }

    /// The position of the value with that hash.
    fn find(&self, hash: u64) -> Option<usize> {
        let is_there = |&position: &u32| self.values[position as usize].hash == hash;
        let position = self.positions.find(self.secret.hash_one(Key(hash)), is_there);
        position.map(|&position| position as usize)
    }

    fn measures_of(&mut self, position: usize) -> Option<&mut Measures<A>> {
        let at = self.values[position].measures?;
        self.measures[at as usize].as_mut()
    }

    fn measures_at(&self, value: &Value) -> Option<&Measures<A>> {
        self.measures[value.measures? as usize].as_ref()
    }

    /// Gives measures to a value that has none.
    fn set_measures(&mut self, position: usize, measures: Measures<A>) -> Result<(), OutOfMemory> {
        self.measures.try_reserve(1).map_err(|_| OutOfMemory)?;
        self.values[position].measures = Some(self.measures.len() as u32);
        self.measures.push(Some(measures));
        Ok(())
    }

    /// Finds or adds the value of that hash, keeps the lesser of the texts, and returns the value's position.
    fn find_or_add(&mut self, hash: u64, text: &[u8]) -> Result<usize, SampleError> {
        let found = self.find(hash);
        let before = found.map(|position| self.values[position].text(&self.texts));
        if let (Some(position), Some(before)) = (found, before)
            && before <= text
        {
            return Ok(position);
        }
        if text.len() > MAX_TEXT_LEN {
            return Err(SampleError::TextLength(text.len()));
        }
        let texts_len = self.texts_len + text.len() - before.map_or(0, <[u8]>::len);
        if texts_len > MAX_TEXTS_LEN {
            return Err(SampleError::TextsLength);
        }
        if self.texts.len() + text.len() > self.room_for_texts(texts_len) {
            self.move_texts_together()?;
        }
        let (text_start, text_len) = (self.texts.len() as u32, text.len() as u32);
        append(text, &mut self.texts)?;
        self.texts_len = texts_len;
        let Some(position) = found else {
            let value = Value {
                hash,
                occurrences: 0,
                text_start,
                text_len,
                measures: None,
            };
            return Ok(self.place(value)?);
        };
        let value = &mut self.values[position];
        (value.text_start, value.text_len) = (text_start, text_len);
        Ok(position)
    }

    /// The most bytes of texts, with replaced ones, where `texts_len` are in use.
    ///
    /// Replaced texts take no more room than those in use, and a little. So the texts written since the last move pay
    /// for the next.
    fn room_for_texts(&self, texts_len: usize) -> usize {
        2 * texts_len + REPLACED + REPLACED_PER_VALUE * self.values.len()
    }

    /// Moves the texts in use together, and drops the replaced ones.
    ///
    /// Complexity: linear in the number of values and the length of their texts.
    fn move_texts_together(&mut self) -> Result<(), OutOfMemory> {
        let allocator = self.allocator();
        let mut texts = Vec::new_in(allocator.clone());
        for value in checking(self.values.iter_mut(), allocator) {
            let text_start = texts.len() as u32;
            append(value.text(&self.texts), &mut texts)?;
            value.text_start = text_start;
        }
        self.texts = texts;
        Ok(())
    }

    /// Adds a value that is not in the sample, and returns its position.
    fn place(&mut self, value: Value) -> Result<usize, OutOfMemory> {
        if self.positions.len() == self.positions.capacity() {
            // Removed values may have used up the room for others. The new room lasts until an eighth more values have
            // come.
            self.make_positions(self.values.len() + self.values.len() / 8 + 1)?;
        }
        self.values.try_reserve(1).map_err(|_| OutOfMemory)?;
        let position = self.values.len();
        self.values.push(value);
        // There is room, so the table never calls the function that hashes anew.
        let secret = self.secret;
        self.positions
            .insert_unique(secret.hash_one(Key(value.hash)), position as u32, |_| 0);
        Ok(position)
    }

    /// Makes the positions anew, with the given room and with checks in between.
    ///
    /// Growth by hashbrown has none, and takes long for the largest samples.
    fn make_positions(&mut self, room: usize) -> Result<(), OutOfMemory> {
        let mut positions = HashTable::new_in(self.allocator());
        positions.try_reserve(room, |_| 0).map_err(|_| OutOfMemory)?;
        for (position, value) in checking(self.values.iter().enumerate(), self.allocator()) {
            positions.insert_unique(self.secret.hash_one(Key(value.hash)), position as u32, |_| 0);
        }
        self.positions = positions;
        Ok(())
    }

    /// Raises the level until fewer than `size` values are in the sample.
    ///
    /// Complexity: one walk over the values. A few more if somebody chose values that all belong to many levels.
    fn thin(&mut self) -> Result<(), OutOfMemory> {
        if self.values.len() < self.size as usize {
            return Ok(());
        }
        // Most often the next level suffices. Steps that double find one that does, then halving the last step finds
        // the first.
        let (mut too_low, mut step) = (self.level, 1);
        let mut enough = loop {
            let level = MAX_LEVEL.min(too_low + step);
            if self.count_below(level) < self.size as usize {
                break level;
            }
            (too_low, step) = (level, 2 * step);
        };
        while enough - too_low > 1 {
            let level = (too_low + enough) / 2;
            match self.count_below(level) < self.size as usize {
                true => enough = level,
                false => too_low = level,
            }
        }
        // The sample has all values of its level again.
        self.is_derived = false;
        self.raise_to(enough)
    }

    /// The number of values that belong to the level.
    fn count_below(&self, level: u16) -> usize {
        let threshold = threshold(level).expect("no level is asked for beyond the last");
        checking(self.values.iter(), self.allocator())
            .filter(|value| value.hash < threshold)
            .count()
    }

    /// Drops every value that does not belong to the level, if that level is higher.
    ///
    /// Complexity: one look at each value, and more for each that leaves. A walk over everything once a sixteenth of
    /// the values was removed. If nobody chose the values, each level loses an eighth.
    fn raise_to(&mut self, level: u16) -> Result<(), OutOfMemory> {
        let Some(threshold) = threshold(level).filter(|_| level > self.level) else {
            return Ok(());
        };
        (self.level, self.threshold) = (level, threshold);
        self.removed += self.values.len() - self.count_below(level);
        if self.removed * REMOVED_ONE_IN >= self.values.len() {
            return self.retain();
        }
        for position in checking((0..self.values.len()).rev(), self.allocator()) {
            if self.values[position].hash >= threshold {
                self.remove(position);
            }
        }
        match self.texts.len() > self.room_for_texts(self.texts_len) {
            true => self.move_texts_together(),
            false => Ok(()),
        }
    }

    /// Drops one value. The last value takes its place.
    fn remove(&mut self, position: usize) {
        let value = self.values.swap_remove(position);
        self.texts_len -= value.text_len as usize;
        if let Some(at) = value.measures {
            self.measures[at as usize] = None;
        }
        self.entry_of(value.hash, position).remove();
        if let Some(&moved) = self.values.get(position) {
            let last = self.values.len();
            *self.entry_of(moved.hash, last).get_mut() = position as u32;
        }
    }

    /// The entry of the value with that hash at that position.
    fn entry_of(&mut self, hash: u64, position: usize) -> OccupiedEntry<'_, u32, A> {
        let key = self.secret.hash_one(Key(hash));
        let entry = self.positions.find_entry(key, |&at| at as usize == position);
        entry.expect("every value has its position")
    }

    /// Drops every value whose hash is not below the threshold, and moves together what remains.
    ///
    /// Complexity: linear in the number of values and the length of their texts.
    fn retain(&mut self) -> Result<(), OutOfMemory> {
        let (mut kept, mut texts, mut measures) = (0, Vec::new_in(self.allocator()), Vec::new_in(self.allocator()));
        for position in checking(0..self.values.len(), self.allocator()) {
            let mut value = self.values[position];
            if value.hash >= self.threshold {
                continue;
            }
            let text_start = texts.len() as u32;
            append(value.text(&self.texts), &mut texts)?;
            value.text_start = text_start;
            if let Some(at) = value.measures {
                value.measures = Some(measures.len() as u32);
                measures.try_reserve(1).map_err(|_| OutOfMemory)?;
                measures.push(self.measures[at as usize].take());
            }
            self.values[kept] = value;
            kept += 1;
        }
        self.values.truncate(kept);
        self.texts_len = texts.len();
        (self.texts, self.measures, self.removed) = (texts, measures, 0);
        self.make_positions(self.positions.len())
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
        self.agree_with(&other.header())?;
        let allocator = self.allocator();
        for value in checking(other.values.iter(), allocator.clone()) {
            if value.hash >= self.threshold {
                continue;
            }
            let position = self.find_or_add(value.hash, value.text(&other.texts))?;
            self.values[position].occur(value.occurrences)?;
            if let Some(measures) = other.measures_at(value) {
                match self.measures_of(position) {
                    Some(own) => own.merge(measures)?,
                    None => self.set_measures(position, measures.try_clone_in(allocator.clone())?)?,
                }
            }
            self.thin()?;
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
        let allocator = self.allocator();
        for value in checking(other.values(), allocator.clone()) {
            if value.hash >= self.threshold {
                continue;
            }
            let position = self.find_or_add(value.hash, value.text().as_bytes())?;
            self.values[position].occur(value.occurrences())?;
            if let Some(measures) = value.measures() {
                let measures = measures.decode_in(allocator.clone())?;
                match self.measures_of(position) {
                    Some(own) => own.merge(&measures)?,
                    None => self.set_measures(position, measures)?,
                }
            }
            self.thin()?;
        }
        Ok(())
    }

    /// Takes on the header of the union with a sample of header `other`. Drops what does not belong there.
    fn agree_with(&mut self, other: &Header) -> Result<(), SampleError> {
        if other.is_nothing() {
            return Ok(());
        }
        if self.header().is_nothing() {
            (self.size, self.seed) = (other.capacity(), other.seed());
        }
        let common = Common::of(&self.header(), other).map_err(|error| match error {
            OperationError::Seeds(one, another) => SampleError::Seeds(one, another),
            OperationError::Kinds(one, another) => SampleError::Kinds(one, another),
            _ => unreachable!("seeds and kinds agree or differ"),
        })?;
        (self.kind, self.size) = (common.kind, common.capacity);
        self.raise_to(common.level)?;
        self.is_derived = common.is_union_derived(common.level);
        Ok(self.thin()?)
    }

    /// The sample of these bytes, in memory of `allocator`.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn decode_in(encoded: &EncodedSample<'_>, allocator: A) -> Result<Self, OutOfMemory> {
        let header = encoded.header();
        let mut sample = Sample::new_in(header.capacity(), header.seed(), header.kind(), allocator.clone());
        sample.raise_to(header.level())?;
        sample.is_derived = header.is_derived();
        sample
            .values
            .try_reserve_exact(header.retained())
            .map_err(|_| OutOfMemory)?;
        sample.make_positions(header.retained())?;
        for value in checking(encoded.values(), allocator.clone()) {
            let text_start = sample.texts.len() as u32;
            append(value.text().as_bytes(), &mut sample.texts)?;
            let position = sample.place(Value {
                hash: value.hash,
                occurrences: value.occurrences(),
                text_start,
                text_len: value.text().len() as u32,
                measures: None,
            })?;
            if let Some(measures) = value.measures() {
                sample.set_measures(position, measures.decode_in(allocator.clone())?)?;
            }
        }
        sample.texts_len = sample.texts.len();
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
        hashes.try_reserve_exact(self.values.len()).map_err(|_| OutOfMemory)?;
        hashes.extend(checking(self.values.iter().map(|value| value.hash), allocator.clone()));
        sort(&mut hashes, &allocator);

        let mut bytes = self.header().encode_in(&hashes, prefix + 1, allocator.clone())?;
        bytes[prefix] = SAMPLE_FORMAT_VERSION;
        for hash in checking(hashes.into_iter(), allocator) {
            let position = self.find(hash).expect("the hashes are those of the values");
            let value = &self.values[position];
            let measures = self.measures_at(value).map(|measures| EncodedMeasures {
                least: measures.least(),
                greatest: measures.greatest(),
                finite_sum: measures.finite_sum(),
            });
            write_value(
                value.occurrences,
                value.text(&self.texts),
                measures.as_ref(),
                &mut bytes,
            )?;
        }
        Ok(bytes)
    }

    /// The canonical bytes of the sample, in memory of the global allocator.
    pub fn encode(&self) -> std::vec::Vec<u8> {
        self.encode_in(0, Global)
            .expect("ordinary memory is not checked for exhaustion")
            .to_vec()
    }
}

/// Why a sample could not take a row or another sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleError {
    /// The hashes come from hash functions of different seeds.
    Seeds(u64, u64),
    /// The values are of different kinds.
    Kinds(Kind, Kind),
    /// A value occurs too often to be counted.
    Occurrences,
    /// The text of a value is too long, with so many bytes.
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
            // SQL shows seeds as signed 64-bit integers.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Each text of the value is less than the one before, and a byte shorter.
    #[test]
    fn texts_that_were_replaced_take_no_more_than_those_that_count() {
        let mut sample = Sample::new(8, 0);
        sample.insert(2 << 8, "another", Some(1.0)).unwrap();
        let mut text = "b".repeat(3_000);
        for round in 0..3_000 {
            text.truncate(3_000 - round);
            text.push('a');
            sample.insert(1 << 8, &text, Some(1.0)).unwrap();
            assert_eq!(sample.texts_len, text.len() + 7);
            assert!(sample.texts.len() <= sample.room_for_texts(sample.texts_len));
        }
        let bytes = sample.encode();
        let encoded = EncodedSample::parse(&bytes).unwrap();
        let known: std::vec::Vec<_> = encoded.values().map(|value| (value.text(), value.total())).collect();
        assert_eq!(known, [("ba", Some(3_000.0)), ("another", Some(1.0))]);
    }

    /// Values that leave a sample leave nothing behind.
    #[test]
    fn thinning_for_ever_does_not_grow_a_sample() {
        let mut sample = Sample::new(100, 0);
        let mut hash = 1_u64;
        for _ in 0..200_000 {
            hash = hash
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .wrapping_add(0xD1B5_4A32_D192_ED03);
            sample.insert(hash, "a text", Some(1.0)).unwrap();
            assert!(sample.values.len() < 100 && sample.positions.len() == sample.values.len());
        }
        assert_eq!(sample.texts_len, sample.values.len() * 6);
        assert!(sample.texts.len() <= sample.room_for_texts(sample.texts_len));
        assert!(
            sample.measures.len() <= sample.values.len() + sample.removed && sample.removed <= 100 / REMOVED_ONE_IN
        );
        assert!(sample.values.capacity() <= 128 && sample.positions.capacity() <= 112);
    }
}
