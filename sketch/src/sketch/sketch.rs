//! The sketch: how a sample of hashes accumulates, merges and estimates.

use crate::hash::kind::Kind;
use crate::host::{OutOfMemory, Surroundings, checking};
use crate::set::batch::{BLOCKS, Batch, candidates};
use crate::set::capacity::{MAX_CAPACITY, MIN_CAPACITY};
use crate::set::retained::Retained;
use crate::set::sort::dedup;
use crate::set::threshold::{HASH_BITS, extend, truncate};
use crate::set::width::{MAX_LEVEL, cut, threshold};
use crate::sketch::agreement::Common;
use crate::sketch::codec::{EncodedSketch, FramedSketch};
use crate::sketch::error::{MergeError, OperationError};
use crate::sketch::flags::Flags;
use crate::sketch::header::Header;
use allocator_api2::alloc::Global;
use allocator_api2::vec::Vec;
use std::fmt;
use std::mem::offset_of;

/// The most hashes that wait.
const WAITING: usize = 7;

/// The most distinct hashes with which a full row goes on waiting.
const WORTH_KEEPING: usize = WAITING - 2;

/// A bit of `waits`, set while each hash is first looked up. It shares the byte of the count, since the path of a row
/// must touch no more memory.
const LOOKS_UP: u8 = 0x80;

/// The least threshold at which hashes are looked up. Below it less than a quarter of the hashes belong, and the
/// threshold alone rules out the others.
const WORTH_LOOKING_UP: u64 = 1 << (HASH_BITS - 2);

/// How many bytes [`Sketch::may_start`] looks at.
pub const START_LEN: usize = 16;

/// The bytes of the field at that offset.
fn field<const LENGTH: usize>(bytes: &[u8; START_LEN], offset: usize) -> [u8; LENGTH] {
    std::array::from_fn(|i| bytes[offset + i])
}

/// A sample of the distinct hashes of a multiset of values.
///
/// **Invariant**: the level is the smallest to which fewer than `capacity` of the distinct hashes belong. The retained
/// hashes are all that belong to it, each [cut](crate::width) to the bits that a sketch of that level keeps. The level
/// may be higher in a sketch made by intersection or difference, or merged with such a one. The
/// [header](Header::is_derived) then says so.
///
/// Hashes offered wait whole, in a row of seven, before the sketch looks at them. So the path of a row is one comparison
/// and one write, to memory side by side. Where few values come again and again, known hashes do not even wait.
/// Whatever reads a sketch needs it [settled](Self::settle) since the last hash, and panics if it is not.
///
/// | What adds hashes | is for | settles |
/// |---|---|---|
/// | [`offer`](Self::offer) | a row: takes no memory, cannot fail, and says when it is `accumulate`'s turn | no |
/// | [`accumulate`](Self::accumulate) | one hash after another | no |
/// | [`accumulate_all`](Self::accumulate_all) | many at once, which vector instructions compare | no |
/// | [`insert_all`](Self::insert_all) | the same | yes |
/// | [`merge`](Self::merge), [`merge_framed`](Self::merge_framed) | those of a sketch, in memory or encoded | yes |
/// | [`accumulate_framed`](Self::accumulate_framed) | those of one encoded sketch after another | no |
///
/// The allocator `A` provides all memory but the sketch's own. A sketch of up to seven hashes takes none. If values are
/// repeated, a sketch of up to five takes none, until it has dropped some 270 hashes.
#[repr(C)] // The fields that the path of a row touches come first, together.
pub struct Sketch<A: Surroundings = Global> {
    /// T_level, kept beside the level because every row compares with it.
    threshold: u64,
    /// The number of hashes that wait, and the bit [`LOOKS_UP`].
    waits: u8,
    flags: Flags,
    level: u16,
    capacity: u32,
    waiting: [u64; WAITING],
    seed: u64,
    retained: Retained<A>,
}

impl Sketch<Global> {
    /// The sketch of [`new_in`](Self::new_in), with memory of the global allocator.
    pub fn new(capacity: u32, seed: u64) -> Self {
        Self::new_in(capacity, seed, Global)
    }
}

impl<A: Surroundings> Sketch<A> {
    /// The sketch of no values, of unknown kind.
    ///
    /// `seed` is the seed under which the values are hashed. The sketch only carries it along, so that sketches of
    /// different hash functions are never merged.
    ///
    /// # Panics
    ///
    /// When the capacity is not between [`MIN_CAPACITY`] and [`MAX_CAPACITY`].
    pub fn new_in(capacity: u32, seed: u64, allocator: A) -> Self {
        assert!(
            (MIN_CAPACITY..=MAX_CAPACITY).contains(&capacity),
            "illegal capacity {capacity}"
        );
        Sketch {
            threshold: 1 << HASH_BITS,
            waiting: [0; WAITING],
            waits: 0,
            flags: Flags::NONE,
            level: 0,
            capacity,
            seed,
            retained: Retained::new_in(allocator),
        }
    }

    /// The number of hashes at which the sketch thins. After every operation, it retains fewer.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// The seed of the hash function.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The kind of the values that were hashed.
    pub fn kind(&self) -> Kind {
        self.flags.kind()
    }

    /// The same sketch, with its values declared to be of that kind.
    pub fn of_kind(mut self, kind: Kind) -> Self {
        self.flags = Flags::new(kind, self.flags.is_derived());
        self
    }

    /// The level: each retained hash stands for (8/7)^level distinct values.
    pub fn level(&self) -> u16 {
        self.level
    }

    /// The number of retained hashes.
    ///
    /// # Panics
    ///
    /// When the sketch is not settled. Whatever else reads a sketch panics then, too.
    pub fn retained(&self) -> usize {
        assert!(self.is_settled(), "a sketch is settled before it is read");
        self.waiting().len() + self.retained.len()
    }

    /// The retained hashes, as integers of 56 bits, in no particular order. The bits that are not [kept](crate::width)
    /// are zero.
    ///
    /// # Panics
    ///
    /// When the sketch is not settled.
    pub fn hashes(&self) -> impl Iterator<Item = u64> {
        assert!(self.is_settled(), "a sketch is settled before it is read");
        self.waiting().iter().copied().chain(self.retained.iter())
    }

    /// All of the sketch but its hashes.
    pub fn header(&self) -> Header {
        Header::with_flags(self.capacity, self.seed, self.flags, self.level, self.retained())
    }

    /// Whether memory that starts like this may be a sketch.
    ///
    /// In a sketch, fields that depend on each other always agree. Other memory passes with a chance of about 2^-56.
    /// Whoever gets sketches by address can check them so, before making a reference.
    pub fn may_start(bytes: &[u8; START_LEN]) -> bool {
        let level = u16::from_ne_bytes(field(bytes, const { offset_of!(Self, level) }));
        let capacity = u32::from_ne_bytes(field(bytes, const { offset_of!(Self, capacity) }));
        threshold(level) == Some(u64::from_ne_bytes(field(bytes, const { offset_of!(Self, threshold) })))
            && (MIN_CAPACITY..=MAX_CAPACITY).contains(&capacity)
            && usize::from(bytes[const { offset_of!(Self, waits) }] & !LOOKS_UP) <= WAITING
            && Flags::of_byte(bytes[const { offset_of!(Self, flags) }]).are_legal()
    }

    /// The estimated number of distinct values, rounded to the nearest integer.
    ///
    /// It never falls as values are added, or as sketches of the same capacity are merged. For that, its mean is above
    /// the true number, by a small part of its error. (`set/estimate.rs` has the formula, the proof, and the bias.) If
    /// the sketch is [derived](Header::is_derived) after a merge, it may have fallen. Then it is unbiased.
    ///
    /// The number of retained hashes times their [weight](Header::weight) is always unbiased.
    pub fn estimate(&self) -> u64 {
        self.header().estimate()
    }

    /// Accumulates the 64-bit hash of a value, of which the upper bits count. False if the full row of hashes that wait
    /// prevents it. The caller then has to call [`accumulate`](Self::accumulate).
    ///
    /// This is the path of a row. It allocates nothing and cannot panic.
    #[inline(always)]
    pub fn offer(&mut self, hash: u64) -> bool {
        let hash = truncate(hash);
        if self.waits & LOOKS_UP != 0 {
            // Nearly all hashes are known or do not belong, as the branch predictor foresees. Chance decides which of
            // the two, so no branch separates them.
            let belongs = (hash.wrapping_sub(self.threshold) as i64 >> (i64::BITS - 1)) as u64;
            if self.retained.difference(hash) & belongs == 0 {
                return true;
            }
        }
        let Some(place) = self.waiting.get_mut(usize::from(self.waits & !LOOKS_UP)) else {
            return false;
        };
        // Chance decides whether a hash belongs, and no branch predictor foresees it. So each hash is written, and the
        // next overwrites it unless it counts.
        *place = hash;
        self.waits += u8::from(hash < self.threshold);
        true
    }

    /// Accumulates the 64-bit hash of a value, whose upper bits count.
    ///
    /// Complexity: constant, amortized; for most hashes of a long stream, one comparison.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    #[inline]
    pub fn accumulate(&mut self, hash: u64) -> Result<(), OutOfMemory> {
        if !self.offer(hash) {
            self.make_room()?;
            self.offer(hash);
        }
        Ok(())
    }

    /// Makes room in the full row of hashes that wait. It drops repeated ones, if that is worth it, or empties the row.
    ///
    /// Kept out of line, so that the path of a row saves no registers.
    #[inline(never)]
    fn make_room(&mut self) -> Result<(), OutOfMemory> {
        debug_assert_eq!(self.waiting().len(), WAITING, "the row is full");
        let distinct = self.retained.drop_repeated(&mut self.waiting);
        // This clears LOOKS_UP. Where there is a table, a flush follows, which may set the bit again.
        self.waits = distinct as u8;
        if distinct > WORTH_KEEPING { self.flush() } else { Ok(()) }
    }

    fn waiting(&self) -> &[u64] {
        &self.waiting[..usize::from(self.waits & !LOOKS_UP).min(WAITING)]
    }

    /// Empties the row of hashes that wait.
    fn flush(&mut self) -> Result<(), OutOfMemory> {
        let count = self.waiting().len();
        self.waits = 0;
        cut(&mut self.waiting, self.level);
        self.retained.append(&mut self.waiting[..count], self.level)?;
        self.thin_if_full()?;
        if self.threshold >= WORTH_LOOKING_UP && self.retained.is_small_table() {
            self.waits = LOOKS_UP;
        }
        Ok(())
    }

    /// Puts all hashes offered in their place, so that the sketch can be read.
    ///
    /// Where only the row that waits has hashes, they stay there. So a sketch of few values takes no memory for reading
    /// either.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn settle(&mut self) -> Result<(), OutOfMemory> {
        if self.retained.len() > 0 || self.waiting().len() >= self.capacity as usize {
            return self.settle_retained();
        }
        let count = self.waiting().len();
        cut(&mut self.waiting, self.level);
        self.waiting[..count].sort_unstable();
        self.waits = dedup(&mut self.waiting[..count]) as u8;
        Ok(())
    }

    /// [Settles](Self::settle) a sketch of which only the estimate is asked, and probably soon again.
    ///
    /// A sketch whose hashes are written is better off with a list, in which they are in order. One that is counted
    /// after each row is better off with a table.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn settle_to_count(&mut self) -> Result<(), OutOfMemory> {
        if self.retained.len() > 0 {
            self.flush()?;
            self.retained.wear();
            return self.thin();
        }
        self.settle()
    }

    /// Settles the sketch so that no hash waits.
    fn settle_retained(&mut self) -> Result<(), OutOfMemory> {
        self.flush()?;
        self.thin()
    }

    fn is_settled(&self) -> bool {
        let waiting = self.waiting();
        (waiting.is_empty() || self.retained.len() == 0)
            && waiting.is_sorted_by(|a, b| a < b)
            && self.retained.is_settled()
    }

    /// [Accumulates](Self::accumulate_all) the hashes of many values and settles the sketch.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn insert_all(&mut self, hashes: &[u64]) -> Result<(), OutOfMemory> {
        self.accumulate_all(hashes)?;
        self.settle()
    }

    /// Accumulates the hashes of many values. Settling is what costs when they come in many batches.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn accumulate_all(&mut self, hashes: &[u64]) -> Result<(), OutOfMemory> {
        self.flush()?;
        let mut batch = Batch::new();
        let (blocks, rest) = hashes.as_chunks();
        for blocks in blocks.chunks(BLOCKS) {
            let mut marks = [0; BLOCKS];
            for (marks, block) in marks.iter_mut().zip(blocks) {
                *marks = candidates(block, self.threshold);
            }
            for (marks, block) in marks.into_iter().zip(blocks) {
                batch.select_candidates(block, marks, self.threshold);
                if batch.is_full() {
                    self.append(batch.take())?;
                }
            }
        }
        for &hash in rest {
            batch.select(hash, self.threshold);
        }
        self.append(batch.take())
    }

    fn append(&mut self, hashes: &mut [u64]) -> Result<(), OutOfMemory> {
        cut(hashes, self.level);
        self.retained.append(hashes, self.level)?;
        self.thin_if_full()
    }

    #[inline(always)]
    fn thin_if_full(&mut self) -> Result<(), OutOfMemory> {
        if self.retained.known_distinct() >= self.capacity as usize {
            self.thin()
        } else {
            Ok(())
        }
    }

    /// Raises the level until fewer than `capacity` hashes are retained.
    fn thin(&mut self) -> Result<(), OutOfMemory> {
        self.retained.settle()?;
        while self.retained.len() >= self.capacity as usize {
            self.raise_to(self.level + 1)?;
            // The sketch has all hashes of its level again.
            self.flags = Flags::new(self.kind(), false);
        }
        Ok(())
    }

    /// Raises the level to that one, if it is higher. The set must be settled, and no hash wait.
    fn raise_to(&mut self, level: u16) -> Result<(), OutOfMemory> {
        debug_assert!(level <= MAX_LEVEL);
        if let Some(threshold) = threshold(level)
            && level > self.level
        {
            let was_exact = self.level == 0;
            self.level = level;
            self.threshold = threshold;
            self.retained.retain_below(threshold);
            if was_exact {
                self.retained.cut(level)?;
            }
        }
        Ok(())
    }

    /// Makes this the sketch of the union of both multisets, at the smaller of the two capacities. One pass over both
    /// would have built the same sketch at that capacity.
    ///
    /// The [sketch of nothing](Header::NOTHING) has no accuracy or seed of its own, and takes on those of the other.
    /// Any sketch of unknown kind takes on the kind of the other.
    ///
    /// The union is [derived](Header::is_derived) when a derived part has the same level. At a higher level, it is the
    /// sketch that the values would have built.
    ///
    /// Complexity: linear in the number of hashes that `other` retains.
    ///
    /// # Errors
    ///
    /// [`OperationError::Seeds`] when the hashes come from different hash functions. [`OperationError::Kinds`] when
    /// they are of different kinds of values. Either leaves the sketch unchanged. [`OperationError::OutOfMemory`] when
    /// the allocator has no more.
    pub fn merge<B: Surroundings>(&mut self, other: &Sketch<B>) -> Result<(), OperationError> {
        let surroundings = self.retained.allocator().clone();
        self.absorb(&other.header(), checking(other.hashes(), surroundings))?;
        Ok(self.settle()?)
    }

    /// [Merges](Self::merge) an encoded sketch, without decoding it first.
    ///
    /// Its hashes ascend. Only those that belong to the higher level of the two are read: few, most of the time.
    ///
    /// # Errors
    ///
    /// [`MergeError::Operation`] with the errors of [`merge`](Self::merge). [`MergeError::Decode`] when a hash that was
    /// read is not legal. The sketch then has taken the hashes before it, and must not be used.
    pub fn merge_framed(&mut self, other: &FramedSketch<'_>) -> Result<(), MergeError> {
        self.accumulate_framed(other)?;
        Ok(self.settle().map_err(OperationError::from)?)
    }

    /// [Merges](Self::merge_framed) an encoded sketch without settling this one. Settling is what costs when many
    /// sketches add little.
    ///
    /// # Errors
    ///
    /// Those of [`merge_framed`](Self::merge_framed).
    pub fn accumulate_framed(&mut self, other: &FramedSketch<'_>) -> Result<(), MergeError> {
        let bound = threshold(self.level.max(other.header().level())).unwrap_or(0);
        let mut fault = Ok(());
        let belonging = other.hashes().map_while(|hash| match hash {
            Ok(hash) => (hash < bound).then_some(hash),
            Err(error) => {
                fault = Err(MergeError::Decode(error));
                None
            }
        });
        let surroundings = self.retained.allocator().clone();
        self.absorb(&other.header(), checking(belonging, surroundings))?;
        fault
    }

    fn absorb(&mut self, other: &Header, hashes: impl Iterator<Item = u64>) -> Result<(), OperationError> {
        if other.is_nothing() {
            return Ok(());
        }
        self.flush()?;
        // It matters only whether there are hashes, not how many.
        let count = self.retained.len().min(1);
        let header =
            |sketch: &Self| Header::with_flags(sketch.capacity, sketch.seed, sketch.flags, sketch.level, count);
        if header(self).is_nothing() {
            (self.capacity, self.seed) = (other.capacity(), other.seed());
        }
        let common = Common::of(&header(self), other)?;
        self.capacity = common.capacity;
        if common.level > self.level {
            self.retained.settle()?;
            self.raise_to(common.level)?;
        }
        self.flags = Flags::new(common.kind, common.is_union_derived(self.level));
        self.thin_if_full()?;
        let mut batch = Batch::new();
        for hash in hashes {
            batch.select(extend(hash), self.threshold);
            if batch.is_full() {
                self.append(batch.take())?;
            }
        }
        Ok(self.append(batch.take())?)
    }

    /// A copy whose memory comes from `allocator`.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn try_clone_in<B: Surroundings>(&self, allocator: B) -> Result<Sketch<B>, OutOfMemory> {
        Sketch::from_parts(&self.header(), self.hashes(), allocator)
    }

    /// The sketch of these bytes, in memory of `allocator`.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn decode_in(encoded: &EncodedSketch<'_>, allocator: A) -> Result<Self, OutOfMemory> {
        Self::from_parts(encoded.header(), encoded.hashes(), allocator)
    }

    fn from_parts(header: &Header, hashes: impl Iterator<Item = u64>, allocator: A) -> Result<Self, OutOfMemory> {
        let mut sketch = Sketch::new_in(header.capacity(), header.seed(), allocator.clone());
        sketch.raise_to(header.level())?;
        sketch.flags = Flags::new(header.kind(), header.is_derived());
        for hash in checking(hashes, allocator) {
            sketch.accumulate(extend(hash))?;
        }
        sketch.settle()?;
        Ok(sketch)
    }

    /// The hashes in ascending order, in memory of `allocator`.
    fn sorted_in<B: Surroundings>(&self, allocator: B) -> Result<Vec<u64, B>, OutOfMemory> {
        if self.retained.len() > 0 {
            return self.retained.sorted_in(allocator);
        }
        let mut hashes = Vec::new_in(allocator);
        hashes.try_reserve_exact(self.retained()).map_err(|_| OutOfMemory)?;
        hashes.extend_from_slice(self.waiting());
        Ok(hashes)
    }

    /// The canonical bytes of the sketch, in memory of `allocator`. In front are `prefix` bytes that are zero and left
    /// to the caller.
    ///
    /// Complexity: that of sorting the retained hashes.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn encode_in<B: Surroundings>(&self, prefix: usize, allocator: B) -> Result<Vec<u8, B>, OutOfMemory> {
        let hashes = self.sorted_in(allocator.clone())?;
        self.header().encode_in(&hashes, prefix, allocator)
    }

    /// Writes the canonical bytes of the sketch into `bytes`, which are as many as [`encoded_len`](Header::encoded_len)
    /// says. `allocator` provides memory for the work.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn encode_into<B: Surroundings>(&self, bytes: &mut [u8], allocator: B) -> Result<(), OutOfMemory> {
        let hashes = self.sorted_in(allocator.clone())?;
        self.header().encode_into(&hashes, bytes, &allocator);
        Ok(())
    }

    /// The canonical bytes of the sketch, in memory of the global allocator.
    pub fn encode(&self) -> std::vec::Vec<u8> {
        self.encode_in(0, Global)
            .expect("ordinary memory is not checked for exhaustion")
            .to_vec()
    }
}

/// Sketches are equal when their headers and all their hashes are. Their bytes are then equal, too.
impl<A: Surroundings, B: Surroundings> PartialEq<Sketch<B>> for Sketch<A> {
    fn eq(&self, other: &Sketch<B>) -> bool {
        self.header() == other.header() && self.encode() == other.encode()
    }
}

impl<A: Surroundings> fmt::Debug for Sketch<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sketch").field(&self.header()).finish()
    }
}
