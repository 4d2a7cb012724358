//! A small sample: what its rows say, one after the other.
//!
//! Most groups of a GROUP BY have few rows. Where groups are many, every cache line that a row touches is a miss, and a
//! table of values takes a row through six of them. So the rows of a small sample are only appended, without a look at
//! those before. When the room is used up, the rows of each value become one entry.
//!
//! The bytes are in blocks of one size. [`List`](crate::set::list) says why no array grows there.

use crate::host::{OutOfMemory, Surroundings, zeros};
use crate::sample::codec::{EncodedMeasures, MAX_OCCURRENCES, append, take};
use crate::sample::entry::{Entry, Measured};
use crate::sample::measures::Measures;
use crate::sample::varint;
use crate::set::threshold::HASH_BITS;
use allocator_api2::alloc::Allocator;
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;

/// How many bytes are appended at least before rows of the same value are looked for.
const MIN_ROOM: usize = 2 << 10;

/// The most bytes.
const MAX_ROOM: usize = 32 << 10;

/// There are fewer entries than this. They are sorted without a check for interrupts.
const MAX_ENTRIES: usize = 1 << 10;

/// A log of so many values, or fewer, is worn when so many times as many entries were repeated. A table does less work
/// for those.
const WORN: u32 = 8;
const WORN_LEN: u32 = 16;

/// The bytes in a block. With the link they are a power of two.
const BLOCK: usize = 240;

struct Block<A: Allocator> {
    older: Option<Link<A>>,
    bytes: [u8; BLOCK],
}

type Link<A> = Box<Block<A>, A>;

/// Each entry begins with a word. The hash is above these bits. In them are [`MEASURED`], and above that the length of
/// the text, which follows. A number comes last.
const TAG_BITS: u32 = 8;
const MEASURED: u64 = 1;

/// In place of the length: the rest is as in an encoded sample. So are entries of long texts and of several rows.
const ENCODED: u64 = 127;

const _: () = assert!(HASH_BITS + TAG_BITS <= u64::BITS && ENCODED < 1 << (TAG_BITS - 1));

/// Entries in the order in which they came. A value may have several.
pub(crate) struct Log<A: Surroundings> {
    /// The last block, which leads to those before it. All but the last are full.
    last: Option<Link<A>>,
    allocator: A,
    /// How many rows all entries are of, and so at most one value.
    rows: u64,
    /// How many bytes there are, and how many there may be until equal values are looked for.
    len: u32,
    room: u32,
    entries: u32,
    /// How many entries were of a value that had one.
    repeated: u32,
}

impl<A: Surroundings> Log<A> {
    pub(crate) fn new_in(allocator: A) -> Self {
        Log {
            last: None,
            allocator,
            rows: 0,
            len: 0,
            room: MIN_ROOM as u32,
            entries: 0,
            repeated: 0,
        }
    }

    pub(crate) fn allocator(&self) -> &A {
        &self.allocator
    }

    /// The number of entries. There are no more values.
    pub(crate) fn len(&self) -> usize {
        self.entries as usize
    }

    /// Appends an entry, if fewer than `size` are there with it. False if there is no room.
    #[inline]
    pub(crate) fn push<B: Surroundings>(&mut self, entry: &Entry<'_, B>, size: u32) -> Result<bool, OutOfMemory> {
        let len = entry.text.len() as u64;
        match entry.measured {
            None if entry.occurrences == 1 && len < ENCODED => self.push_pieces(entry, len << 1, &[], size),
            Some(Measured::One(number)) if entry.occurrences == 1 && len < ENCODED => {
                self.push_pieces(entry, len << 1 | MEASURED, &number.to_le_bytes(), size)
            }
            _ => self.push_encoded(entry, size),
        }
    }

    #[inline]
    fn push_pieces<B: Surroundings>(
        &mut self,
        entry: &Entry<'_, B>,
        tag: u64,
        number: &[u8],
        size: u32,
    ) -> Result<bool, OutOfMemory> {
        let head = (entry.hash << TAG_BITS | tag).to_le_bytes();
        if !self.has_room(head.len() + entry.text.len() + number.len(), entry.occurrences, size) {
            return Ok(false);
        }
        for piece in [&head, entry.text, number] {
            self.append(piece)?;
        }
        self.count(entry.occurrences);
        Ok(true)
    }

    #[cold]
    fn push_encoded<B: Surroundings>(&mut self, entry: &Entry<'_, B>, size: u32) -> Result<bool, OutOfMemory> {
        if entry.text.len() > MAX_ROOM {
            return Ok(false);
        }
        let mut record = Vec::new_in(self.allocator.clone());
        write_encoded(entry, &mut record)?;
        let has_room = self.has_room(record.len(), entry.occurrences, size);
        if has_room {
            self.append(&record)?;
            self.count(entry.occurrences);
        }
        Ok(has_room)
    }

    /// Whether there is room for an entry of so many bytes and rows.
    #[inline]
    fn has_room(&self, len: usize, rows: u64, size: u32) -> bool {
        self.len as usize + len <= self.room as usize
            && self.len() + 1 < most_entries(size)
            && self.rows.saturating_add(rows) <= MAX_OCCURRENCES
    }

    /// Counts an entry of so many rows.
    #[inline]
    fn count(&mut self, rows: u64) {
        self.rows += rows;
        self.entries += 1;
    }

    #[inline]
    fn append(&mut self, mut bytes: &[u8]) -> Result<(), OutOfMemory> {
        while !bytes.is_empty() {
            let start = self.len as usize % BLOCK;
            if start == 0 {
                self.add_block()?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - start));
            if let Some(last) = &mut self.last {
                last.bytes[start..][..now.len()].copy_from_slice(now);
            }
            self.len += now.len() as u32;
            bytes = later;
        }
        Ok(())
    }

    #[cold]
    fn add_block(&mut self) -> Result<(), OutOfMemory> {
        let block = Block {
            older: self.last.take(),
            bytes: [0; BLOCK],
        };
        self.last = Some(Box::try_new_in(block, self.allocator.clone()).map_err(|_| OutOfMemory)?);
        Ok(())
    }

    /// Makes room where there was none: the entries of each value become one. False if that would not help for long.
    #[cold]
    pub(crate) fn make_room(&mut self, size: u32) -> Result<bool, OutOfMemory> {
        let most = most_entries(size);
        let is_full = self.len() + 1 >= most;
        if is_full && self.repeated < self.entries / 4 {
            return Ok(false);
        }
        let sorted = self.sorted_in(self.allocator.clone())?;
        let mut bytes = Vec::new_in(self.allocator.clone());
        bytes.try_reserve_exact(sorted.bytes.len()).map_err(|_| OutOfMemory)?;
        let mut distinct = 0;
        for same in sorted.by_value() {
            match same {
                [one] => append(sorted.record(one), &mut bytes)?,
                same => write_encoded(&sorted.value(same)?.entry(), &mut bytes)?,
            }
            distinct += 1;
        }
        drop(sorted);
        self.replace(&bytes)?;
        let repeated = self.entries - distinct;
        self.repeated = self.repeated.saturating_add(repeated);
        self.entries = distinct;
        // Where few values come again, the next look may wait for longer.
        let times = if repeated < distinct / 8 { 4 } else { 2 };
        self.room = (times * bytes.len()).clamp(MIN_ROOM, MAX_ROOM) as u32;
        let is_large = 2 * bytes.len() > MAX_ROOM || is_full && 2 * self.len() > most;
        let is_worn = self.repeated / WORN > distinct.max(WORN_LEN);
        Ok(!is_large && !is_worn)
    }

    /// Replaces all bytes.
    fn replace(&mut self, bytes: &[u8]) -> Result<(), OutOfMemory> {
        let mut spare = self.last.take();
        self.len = 0;
        for piece in bytes.chunks(BLOCK) {
            let Some(mut block) = spare else {
                return self.append(&bytes[self.len as usize..]);
            };
            spare = std::mem::replace(&mut block.older, self.last.take());
            block.bytes[..piece.len()].copy_from_slice(piece);
            self.last = Some(block);
            self.len += piece.len() as u32;
        }
        Ok(())
    }

    /// All bytes, in memory of `allocator`.
    pub(crate) fn to_bytes_in<B: Surroundings>(&self, allocator: B) -> Result<Vec<u8, B>, OutOfMemory> {
        let mut bytes = zeros(self.len as usize, allocator)?;
        let (mut end, mut link) = (bytes.len(), &self.last);
        while let Some(block) = link
            && end > 0
        {
            let start = (end - 1) / BLOCK * BLOCK;
            bytes[start..end].copy_from_slice(&block.bytes[..end - start]);
            (end, link) = (start, &block.older);
        }
        Ok(bytes)
    }

    /// The entries by their hashes, in memory of `allocator`.
    ///
    /// Complexity: that of sorting the hashes.
    pub(crate) fn sorted_in<B: Surroundings>(&self, allocator: B) -> Result<Sorted<B>, OutOfMemory> {
        let bytes = self.to_bytes_in(allocator.clone())?;
        let mut places = Vec::new_in(allocator);
        places.try_reserve_exact(self.len()).map_err(|_| OutOfMemory)?;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let start = bytes.len() - rest.len();
            let hash = Record::take(&mut rest).hash;
            let end = bytes.len() - rest.len();
            places.push(Place {
                hash,
                start: start as u32,
                end: end as u32,
            });
        }
        places.sort_unstable_by_key(|place| place.hash);
        Ok(Sorted { bytes, places })
    }
}

/// The number of entries that a log of a sample of that size has fewer than.
fn most_entries(size: u32) -> usize {
    MAX_ENTRIES.min(size as usize)
}

/// Appends an entry to `bytes`, in the form for any.
fn write_encoded<A: Surroundings, B: Allocator>(
    entry: &Entry<'_, B>,
    bytes: &mut Vec<u8, A>,
) -> Result<(), OutOfMemory> {
    append(&(entry.hash << TAG_BITS | ENCODED << 1).to_le_bytes(), bytes)?;
    entry.write(bytes)
}

/// An entry as it was appended.
pub(crate) struct Record<'a> {
    pub(crate) hash: u64,
    occurrences: u64,
    text: &'a [u8],
    number: Option<f64>,
    measures: Option<EncodedMeasures>,
}

impl<'a> Record<'a> {
    /// Takes a record from the front of `bytes`, which is not empty.
    pub(crate) fn take(bytes: &mut &'a [u8]) -> Self {
        Self::try_take(bytes).expect("a log has whole records")
    }

    fn try_take(bytes: &mut &'a [u8]) -> Option<Self> {
        let head = u64::from_le_bytes(take_chunk(bytes)?);
        let (len, is_measured) = (head >> 1 & ENCODED, head & MEASURED != 0);
        let mut record = Record {
            hash: head >> TAG_BITS,
            occurrences: 1,
            text: &[],
            number: None,
            measures: None,
        };
        if len < ENCODED {
            record.text = take(bytes, len as usize).ok()?;
            if is_measured {
                record.number = Some(f64::from_le_bytes(take_chunk(bytes)?));
            }
        } else {
            record.occurrences = varint::read(bytes)?;
            let length_and_mark = varint::read(bytes)?;
            record.text = take(bytes, (length_and_mark >> 1) as usize).ok()?;
            if length_and_mark & MEASURED != 0 {
                record.measures = Some(EncodedMeasures::read(record.occurrences, bytes).ok()?);
            }
        }
        Some(record)
    }

    pub(crate) fn entry<A: Allocator>(&self) -> Entry<'_, A> {
        let number = self.number.map(Measured::One);
        Entry {
            hash: self.hash,
            occurrences: self.occurrences,
            text: self.text,
            measured: number.or(self.measures.as_ref().map(Measured::Encoded)),
        }
    }
}

fn take_chunk<const LEN: usize>(bytes: &mut &[u8]) -> Option<[u8; LEN]> {
    let (&chunk, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(chunk)
}

/// Where the record of an entry is.
struct Place {
    hash: u64,
    start: u32,
    end: u32,
}

/// The entries of a log in the order of their hashes.
pub(crate) struct Sorted<A: Surroundings> {
    bytes: Vec<u8, A>,
    places: Vec<Place, A>,
}

impl<A: Surroundings> Sorted<A> {
    /// The places of the entries of each value.
    fn by_value(&self) -> impl Iterator<Item = &[Place]> {
        self.places.chunk_by(|one, other| one.hash == other.hash)
    }

    fn record(&self, place: &Place) -> &[u8] {
        &self.bytes[place.start as usize..place.end as usize]
    }

    /// What the entries of one value say together.
    fn value(&self, same: &[Place]) -> Result<Value<'_, A>, OutOfMemory> {
        let allocator = self.bytes.allocator();
        let mut value = Value {
            hash: 0,
            occurrences: 0,
            text: &[],
            measures: None,
        };
        for place in same {
            let record = Record::take(&mut self.record(place));
            if value.occurrences == 0 || record.text < value.text {
                value.text = record.text;
            }
            value.hash = record.hash;
            // No more than all rows of the log.
            value.occurrences += record.occurrences;
            if let Some(measured) = record.entry::<A>().measured {
                match &mut value.measures {
                    Some(measures) => measured.add_to(measures, allocator.clone())?,
                    None => value.measures = Some(measured.to_measures_in(allocator.clone())?),
                }
            }
        }
        Ok(value)
    }

    /// About as many bytes as all entries take.
    pub(crate) fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    /// The distinct hashes, in ascending order.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = u64> {
        self.by_value().map(|same| same[0].hash)
    }

    /// The values in the order of their hashes.
    pub(crate) fn values(&self) -> impl Iterator<Item = Result<Value<'_, A>, OutOfMemory>> {
        self.by_value().map(|same| self.value(same))
    }
}

/// What a log says of one value.
pub(crate) struct Value<'a, A: Allocator> {
    hash: u64,
    occurrences: u64,
    text: &'a [u8],
    measures: Option<Measures<A>>,
}

impl<A: Allocator> Value<'_, A> {
    pub(crate) fn entry(&self) -> Entry<'_, A> {
        Entry {
            hash: self.hash,
            occurrences: self.occurrences,
            text: self.text,
            measured: self.measures.as_ref().map(Measured::Of),
        }
    }
}
