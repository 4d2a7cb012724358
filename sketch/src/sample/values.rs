//! The values of a large sample, in a table by their hashes.

use crate::host::{OutOfMemory, Surroundings, checking};
use crate::sample::codec::{MAX_OCCURRENCES, MAX_TEXT_LEN, MAX_TEXTS_LEN, append};
use crate::sample::entry::{Entry, Measured};
use crate::sample::error::SampleError;
use crate::sample::measures::Measures;
use crate::set::secret::{Key, Secret};
use allocator_api2::vec::Vec;
use hashbrown::HashTable;
use hashbrown::hash_table::OccupiedEntry;
use std::hash::BuildHasher;

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

/// Distinct values, each with what its rows say.
pub(crate) struct Values<A: Surroundings> {
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

impl<A: Surroundings> Values<A> {
    /// No values, and room for so many.
    pub(crate) fn with_room_in(room: usize, allocator: A) -> Result<Self, OutOfMemory> {
        let mut values = Values {
            secret: Secret::random(),
            positions: HashTable::new_in(allocator.clone()),
            values: Vec::new_in(allocator.clone()),
            texts: Vec::new_in(allocator.clone()),
            texts_len: 0,
            measures: Vec::new_in(allocator),
            removed: 0,
        };
        values.values.try_reserve_exact(room).map_err(|_| OutOfMemory)?;
        values.make_positions(room)?;
        Ok(values)
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The hashes, in no order.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = u64> {
        self.values.iter().map(|value| value.hash)
    }

    /// The values, in no order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'_, A>> {
        self.values.iter().map(|value| self.entry(value))
    }

    /// The value of that hash.
    pub(crate) fn get(&self, hash: u64) -> Option<Entry<'_, A>> {
        self.find(hash).map(|position| self.entry(&self.values[position]))
    }

    fn entry(&self, value: &Value) -> Entry<'_, A> {
        Entry {
            hash: value.hash,
            occurrences: value.occurrences,
            text: value.text(&self.texts),
            measured: self.measures_at(value).map(Measured::Of),
        }
    }

    /// Counts a row of the value with that hash. False if that is not here.
    #[inline]
    pub(crate) fn count(&mut self, hash: u64, measure: Option<f64>) -> Result<bool, SampleError> {
        let Some(position) = self.find(hash) else {
            return Ok(false);
        };
        self.values[position].occur(1)?;
        if let Some(number) = measure {
            self.measure(position, &Measured::<A>::One(number))?;
        }
        Ok(true)
    }

    /// Adds what some rows say of a value, and the value if it is not here.
    pub(crate) fn add<B: Surroundings>(&mut self, entry: &Entry<'_, B>) -> Result<(), SampleError> {
        let position = self.find_or_add(entry.hash, entry.text)?;
        self.values[position].occur(entry.occurrences)?;
        if let Some(measured) = &entry.measured {
            self.measure(position, measured)?;
        }
        Ok(())
    }

    /// Adds measures to those of the value at that position.
    fn measure<B: Surroundings>(&mut self, position: usize, measured: &Measured<'_, B>) -> Result<(), OutOfMemory> {
        let allocator = self.allocator();
        match self.measures_of(position) {
            Some(measures) => measured.add_to(measures, allocator),
            None => {
                let measures = measured.to_measures_in(allocator)?;
                self.set_measures(position, measures)
            }
        }
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

    /// The number of values whose hashes are below the threshold.
    pub(crate) fn count_below(&self, threshold: u64) -> usize {
        checking(self.values.iter(), self.allocator())
            .filter(|value| value.hash < threshold)
            .count()
    }

    /// Drops every value whose hash is not below the threshold.
    ///
    /// Complexity: one look at each value, and more for each that leaves. A walk over everything once a sixteenth of
    /// the values was removed. If nobody chose the values, each level loses an eighth.
    pub(crate) fn retain_below(&mut self, threshold: u64) -> Result<(), OutOfMemory> {
        self.removed += self.values.len() - self.count_below(threshold);
        if self.removed * REMOVED_ONE_IN >= self.values.len() {
            return self.retain(threshold);
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
    fn retain(&mut self, threshold: u64) -> Result<(), OutOfMemory> {
        let (mut kept, mut texts, mut measures) = (0, Vec::new_in(self.allocator()), Vec::new_in(self.allocator()));
        for position in checking(0..self.values.len(), self.allocator()) {
            let mut value = self.values[position];
            if value.hash >= threshold {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::threshold::HASH_BITS;
    use allocator_api2::alloc::Global;

    fn add(values: &mut Values<Global>, hash: u64, text: &str) {
        let entry = Entry::<Global> {
            hash,
            occurrences: 1,
            text: text.as_bytes(),
            measured: Some(Measured::One(1.0)),
        };
        values.add(&entry).unwrap();
    }

    /// Each text of the value is less than the one before, and a byte shorter.
    #[test]
    fn texts_that_were_replaced_take_no_more_than_those_that_count() {
        let mut values = Values::with_room_in(0, Global).unwrap();
        add(&mut values, 2, "another");
        let mut text = "b".repeat(3_000);
        for round in 0..3_000 {
            text.truncate(3_000 - round);
            text.push('a');
            add(&mut values, 1, &text);
            assert_eq!(values.texts_len, text.len() + 7);
            assert!(values.texts.len() <= values.room_for_texts(values.texts_len));
        }
        for (hash, text, rows) in [(1, "ba", 3_000), (2, "another", 1)] {
            let entry = values.get(hash).unwrap();
            assert_eq!((entry.text, entry.occurrences), (text.as_bytes(), rows));
            let measures = entry.measured.unwrap().to_measures_in(Global).unwrap().encoded();
            assert_eq!(measures.finite_sum.value(), rows as f64);
        }
    }

    /// Values that leave a sample leave nothing behind.
    #[test]
    fn thinning_for_ever_does_not_grow_a_table() {
        let mut values = Values::with_room_in(0, Global).unwrap();
        let (mut hash, mut threshold) = (1_u64, 1_u64 << HASH_BITS);
        for _ in 0..200_000 {
            hash = hash
                .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                .wrapping_add(0xD1B5_4A32_D192_ED03);
            if hash >> 8 >= threshold {
                continue;
            }
            add(&mut values, hash >> 8, "a text");
            while values.len() >= 100 {
                threshold = threshold / 8 * 7;
                values.retain_below(threshold).unwrap();
            }
            assert!(values.positions.len() == values.len());
        }
        assert_eq!(values.texts_len, values.len() * 6);
        assert!(values.texts.len() <= values.room_for_texts(values.texts_len));
        assert!(values.measures.len() <= values.len() + values.removed && values.removed <= 100 / REMOVED_ONE_IN);
        assert!(values.values.capacity() <= 128 && values.positions.capacity() <= 112);
    }
}
