//! The sketch of a frame that values enter and leave.

use crate::host::{CHECK_EVERY, OutOfMemory, Surroundings, checking};
use crate::moving::levels::Levels;
use crate::set::capacity::{MAX_CAPACITY, MIN_CAPACITY};
use crate::set::secret::{Key, Secret};
use crate::set::sort::sort;
use crate::set::threshold::{HASH_BITS, threshold, truncate};
use crate::sketch::flags::Flags;
use crate::sketch::header::Header;
use crate::sketch::kind::Kind;
use allocator_api2::vec::Vec;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

/// Each hash, and how many rows of the frame have it.
type Rows<A> = HashMap<Key, u64, Secret, A>;

/// How many hashes are held at most.
fn most_held(capacity: u32) -> usize {
    2 * capacity as usize
}

/// The least number of hashes that there is room for, once there is one. A table of hashbrown's holds so many in 16
/// buckets.
const LEAST_ROOM: usize = 14;

/// The sketch of the values in a moving frame.
///
/// **Invariant**: the hashes below the threshold of the reserve are known, each with the number of rows that have it.
/// The level of the sketch is the smallest to which fewer than `capacity` of the frame's hashes belong. It is known if
/// it is above the reserve, or the reserve is 0. The reserve only rises.
///
/// All answers are those of a [`Sketch`](crate::Sketch) of the rows in the frame, to the byte.
///
/// The memory is that of at most twice `capacity` hashes, however many rows the frame has.
pub struct MovingSketch<A: Surroundings> {
    /// T_reserve.
    threshold: u64,
    reserve: u16,
    kind: Kind,
    capacity: u32,
    seed: u64,
    /// How many values are in the frame.
    values: u64,
    held: Rows<A>,
    /// What the level follows from, once the set has reached its capacity. Until then, the level is 0.
    levels: Option<Levels<A>>,
}

impl<A: Surroundings> MovingSketch<A> {
    /// The sketch of an empty frame, whose values are of that kind and hashed under that seed. Allocates nothing.
    ///
    /// # Panics
    ///
    /// When the capacity is not between [`MIN_CAPACITY`] and [`MAX_CAPACITY`].
    pub fn new_in(capacity: u32, seed: u64, kind: Kind, allocator: A) -> Self {
        assert!(
            (MIN_CAPACITY..=MAX_CAPACITY).contains(&capacity),
            "illegal capacity {capacity}"
        );
        MovingSketch {
            threshold: 1 << HASH_BITS,
            reserve: 0,
            kind,
            capacity,
            seed,
            values: 0,
            held: Rows::with_hasher_in(Secret::random(), allocator),
            levels: None,
        }
    }

    /// The capacity of the sketch.
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// The seed of the hash function.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Whether no value is in the frame.
    pub fn is_empty(&self) -> bool {
        self.values == 0
    }

    /// A value with that 64-bit hash enters the frame, if that takes neither memory nor long. Otherwise false: then
    /// [`enter`](Self::enter) has to follow. Cannot panic.
    #[inline]
    pub fn offer(&mut self, hash: u64) -> bool {
        let hash = truncate(hash);
        if hash < self.threshold {
            if self.held.len() >= self.room() {
                return false;
            }
            match self.held.entry(Key(hash)) {
                Entry::Occupied(mut entry) => *entry.get_mut() += 1,
                Entry::Vacant(entry) => {
                    entry.insert(1);
                    if let Some(levels) = &mut self.levels {
                        levels.add(hash, self.capacity);
                    }
                }
            }
        }
        self.values += 1;
        true
    }

    /// How many hashes may be held before the next one makes work.
    #[inline(always)]
    fn room(&self) -> usize {
        let most = match self.levels {
            None => self.capacity as usize - 1,
            Some(_) => most_held(self.capacity),
        };
        most.min(self.held.capacity())
    }

    /// A value with that 64-bit hash enters the frame.
    ///
    /// Complexity: constant, amortized.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn enter(&mut self, hash: u64) -> Result<(), OutOfMemory> {
        if !self.offer(hash) {
            self.make_room()?;
            let is_in = self.offer(hash);
            debug_assert!(is_in, "there is room");
        }
        Ok(())
    }

    #[cold]
    fn make_room(&mut self) -> Result<(), OutOfMemory> {
        let allocator = self.held.allocator().clone();
        if self.levels.is_none() && self.held.len() + 1 >= self.capacity as usize {
            let hashes = checking(self.held.keys().map(|key| key.0), allocator.clone());
            self.levels = Some(Levels::new_in(hashes, self.capacity, allocator.clone())?);
        }
        self.thin();
        if self.held.len() == self.held.capacity() {
            self.rebuild()?;
        }
        Ok(())
    }

    /// Gives the table as much room as it needs. hashbrown would do so itself, but without checks in between.
    fn rebuild(&mut self) -> Result<(), OutOfMemory> {
        let allocator = self.held.allocator().clone();
        let mut held = Rows::with_hasher_in(*self.held.hasher(), allocator.clone());
        held.try_reserve(LEAST_ROOM.max(self.held.len() / 4 * 5))
            .map_err(|_| OutOfMemory)?;
        held.extend(checking(self.held.iter().map(|(&key, &rows)| (key, rows)), allocator));
        self.held = held;
        Ok(())
    }

    /// Prepares the sketch to be [encoded](Self::encode_in), which passes over the whole table. Where few values are
    /// left of those that it was made for, it becomes smaller.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn shrink(&mut self) -> Result<(), OutOfMemory> {
        let is_large = self.held.len().max(LEAST_ROOM) < self.held.capacity() / 16;
        if is_large { self.rebuild() } else { Ok(()) }
    }

    /// Raises the reserve while it has too many hashes.
    fn thin(&mut self) {
        let Some(levels) = &mut self.levels else {
            return;
        };
        let mut left = self.held.len();
        let before = self.reserve;
        let most = most_held(self.capacity);
        // Chosen hashes may be of levels that drop one hash each. So what starts makes some room, if the level allows.
        while left >= most || self.reserve > before && left > most / 32 * 31 && self.reserve + 1 < levels.level() {
            left -= levels.of_last(self.reserve) as usize;
            self.reserve += 1;
        }
        if self.reserve > before {
            levels.forget_below(self.reserve);
            self.threshold = threshold(self.reserve).unwrap_or(0);
            let (threshold, allocator) = (self.threshold, self.held.allocator().clone());
            let mut until_check = CHECK_EVERY;
            self.held.retain(|&Key(hash), _| {
                until_check -= 1;
                if until_check == 0 {
                    until_check = CHECK_EVERY;
                    allocator.check_for_interrupts();
                }
                hash < threshold
            });
        }
    }

    /// A value with that 64-bit hash leaves the frame. False if the sketch is not known any more. It must not be used
    /// then: the frame has to be read anew.
    ///
    /// That is so where the reserve is used up, and where no such value is in the frame. Cannot panic.
    ///
    /// Complexity: constant, amortized.
    #[inline]
    #[must_use]
    pub fn leave(&mut self, hash: u64) -> bool {
        let hash = truncate(hash);
        // Without a reserve, any hash may be one on which the level depends.
        if self.values == 0 || !self.has_reserve() {
            return false;
        }
        self.values -= 1;
        if hash >= self.threshold {
            return true;
        }
        let Entry::Occupied(mut entry) = self.held.entry(Key(hash)) else {
            return false;
        };
        *entry.get_mut() -= 1;
        if *entry.get() == 0 {
            entry.remove();
            if let Some(levels) = &mut self.levels {
                levels.remove(hash, self.capacity, self.reserve);
            }
        }
        self.has_reserve()
    }

    /// Whether all hashes are known on which the level depends, should values leave.
    #[inline(always)]
    fn has_reserve(&self) -> bool {
        self.reserve == 0 || self.reserve < self.level()
    }

    #[inline(always)]
    fn level(&self) -> u16 {
        self.levels.as_ref().map_or(0, Levels::level)
    }

    /// The header of the sketch: that of the [sketch of nothing](Header::NOTHING) if the frame is empty.
    pub fn header(&self) -> Header {
        if self.is_empty() {
            return Header::NOTHING;
        }
        let retained = match &self.levels {
            None => self.held.len(),
            Some(levels) => levels.retained() as usize,
        };
        Header::with_flags(
            self.capacity,
            self.seed,
            Flags::new(self.kind, false),
            self.level(),
            retained,
        )
    }

    /// The canonical bytes of the sketch, as [`Sketch::encode_in`](crate::Sketch::encode_in) gives them.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn encode_in<B: Surroundings>(&self, prefix: usize, allocator: B) -> Result<Vec<u8, B>, OutOfMemory> {
        let header = self.header();
        let threshold = header.threshold();
        let mut hashes = Vec::new_in(allocator.clone());
        hashes.try_reserve_exact(header.retained()).map_err(|_| OutOfMemory)?;
        let held = checking(self.held.keys(), allocator.clone());
        hashes.extend(held.map(|key| key.0).filter(|&hash| hash < threshold));
        sort(&mut hashes, &allocator);
        header.encode_in(&hashes, prefix, allocator)
    }
}
