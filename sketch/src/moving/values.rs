//! The sketch of a frame that values enter and leave.

use crate::hash::kind::Kind;
use crate::host::{CHECK_EVERY, OutOfMemory, Surroundings, checking};
use crate::moving::levels::Levels;
use crate::set::capacity::{MAX_CAPACITY, MIN_CAPACITY};
use crate::set::secret::{Key, Secret};
use crate::set::sort::{dedup, sort};
use crate::set::threshold::{HASH_BITS, truncate};
use crate::set::width::{cell, cut, threshold};
use crate::sketch::flags::Flags;
use crate::sketch::header::Header;
use allocator_api2::vec::Vec;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::BuildHasher;

/// A hash as the reserve keeps it, and how many rows of the frame have it.
#[derive(Clone, Copy)]
struct Held {
    hash: u64,
    rows: u64,
}

/// The place of a hash in the table. Hashes that share a cell at the levels above 0 have the same place. So it takes one
/// look to know whether another hash of a cell is there.
#[inline(always)]
fn place(secret: &Secret, hash: u64) -> u64 {
    secret.hash_one(Key(cell(hash, 1)))
}

/// How many hashes are held at most.
fn most_held(capacity: u32) -> usize {
    2 * capacity as usize
}

/// The least number of hashes that there is room for, once there is one. A table of hashbrown's holds so many in 16
/// buckets.
const LEAST_ROOM: usize = 14;

/// The sketch of the values in a moving frame.
///
/// **Invariant**: the hashes below the threshold of the reserve are known, as a sketch of the reserve's level keeps
/// them, each with the number of rows that have it. The level of the sketch is the smallest to which fewer than
/// `capacity` of the frame's hashes belong. It is known if it is above the reserve, or the reserve is 0. The reserve
/// only rises.
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
    secret: Secret,
    held: HashTable<Held, A>,
    /// What the level follows from where it is not 0. It is there once the set has reached its capacity.
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
            secret: Secret::random(),
            held: HashTable::new_in(allocator),
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
            let hash = cell(hash, self.reserve);
            let place = place(&self.secret, hash);
            // There is room, so the table never calls the function that places anew.
            match self.held.entry(place, |held| held.hash == hash, |_| 0) {
                Entry::Occupied(mut entry) => entry.get_mut().rows += 1,
                Entry::Vacant(entry) => {
                    entry.insert(Held { hash, rows: 1 });
                    if self.levels.is_some()
                        && !self.has_other_of_cell(place, hash)
                        && let Some(levels) = &mut self.levels
                    {
                        levels.add(hash, self.capacity);
                    }
                }
            }
        }
        self.values += 1;
        true
    }

    /// Whether another hash is held that shares a cell with this one, at the levels above 0.
    #[inline]
    fn has_other_of_cell(&self, place: u64, hash: u64) -> bool {
        // Above 0, the reserve holds the cells themselves.
        self.reserve == 0
            && self
                .held
                .find(place, |held| held.hash != hash && cell(held.hash, 1) == cell(hash, 1))
                .is_some()
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
            let mut cells = Vec::new_in(allocator.clone());
            cells.try_reserve_exact(self.held.len()).map_err(|_| OutOfMemory)?;
            cells.extend(checking(
                self.held.iter().map(|held| cell(held.hash, 1)),
                allocator.clone(),
            ));
            sort(&mut cells, &allocator);
            let distinct = dedup(&mut cells);
            let mut levels = Levels::new_in(allocator.clone())?;
            for &cell in checking(cells[..distinct].iter(), allocator) {
                levels.add(cell, self.capacity);
            }
            self.levels = Some(levels);
        }
        self.thin()?;
        if self.held.len() == self.held.capacity() {
            self.rebuild()?;
        }
        Ok(())
    }

    /// Gives the table as much room as it needs, and keeps of each hash what the reserve does.
    ///
    /// hashbrown would make room itself, but without checks in between.
    fn rebuild(&mut self) -> Result<(), OutOfMemory> {
        let allocator = self.held.allocator().clone();
        let mut rebuilt: HashTable<Held, A> = HashTable::new_in(allocator.clone());
        rebuilt
            .try_reserve(LEAST_ROOM.max(self.held.len() / 4 * 5), |_| 0)
            .map_err(|_| OutOfMemory)?;
        for &Held { hash, rows } in checking(self.held.iter(), allocator) {
            let hash = cell(hash, self.reserve);
            let place = place(&self.secret, hash);
            match rebuilt.find_mut(place, |held| held.hash == hash) {
                Some(held) => held.rows += rows,
                None => {
                    rebuilt.insert_unique(place, Held { hash, rows }, |_| 0);
                }
            }
        }
        self.held = rebuilt;
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
    fn thin(&mut self) -> Result<(), OutOfMemory> {
        let most = most_held(self.capacity);
        if self.levels.is_some() && self.reserve == 0 && self.held.len() >= most {
            // So many hashes, but perhaps fewer cells.
            self.reserve = 1;
            self.drop_others();
            self.cut()?;
        }
        let Some(levels) = &mut self.levels else {
            return Ok(());
        };
        let mut left = self.held.len();
        let before = self.reserve;
        // Chosen hashes may be of levels that drop one hash each. So what starts makes some room, if the level allows.
        while left >= most || self.reserve > before && left > most / 32 * 31 && self.reserve + 1 < levels.level() {
            left -= levels.of_last(self.reserve) as usize;
            self.reserve += 1;
        }
        if self.reserve > before {
            self.drop_others();
        }
        Ok(())
    }

    /// Keeps of each hash what the reserve does.
    fn cut(&mut self) -> Result<(), OutOfMemory> {
        if self
            .levels
            .as_ref()
            .is_none_or(|levels| levels.cells() < self.held.len())
        {
            return self.rebuild();
        }
        // All are of different cells, and have the places of their cells.
        let allocator = self.held.allocator().clone();
        for held in checking(self.held.iter_mut(), allocator) {
            held.hash = cell(held.hash, self.reserve);
        }
        Ok(())
    }

    /// Drops the hashes that do not belong to the reserve.
    fn drop_others(&mut self) {
        if let Some(levels) = &mut self.levels {
            levels.forget_below(self.reserve);
        }
        self.threshold = threshold(self.reserve).unwrap_or(0);
        let (threshold, allocator) = (self.threshold, self.held.allocator().clone());
        let mut until_check = CHECK_EVERY;
        self.held.retain(|held| {
            until_check -= 1;
            if until_check == 0 {
                until_check = CHECK_EVERY;
                allocator.check_for_interrupts();
            }
            held.hash < threshold
        });
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
        let hash = cell(hash, self.reserve);
        let place = place(&self.secret, hash);
        let Ok(mut entry) = self.held.find_entry(place, |held| held.hash == hash) else {
            return false;
        };
        entry.get_mut().rows -= 1;
        if entry.get().rows == 0 {
            entry.remove();
            if self.levels.is_some()
                && !self.has_other_of_cell(place, hash)
                && let Some(levels) = &mut self.levels
            {
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
        match &self.levels {
            Some(levels) if self.reserve > 0 || self.held.len() >= self.capacity as usize => levels.level(),
            _ => 0,
        }
    }

    /// The header of the sketch: that of the [sketch of nothing](Header::NOTHING) if the frame is empty.
    pub fn header(&self) -> Header {
        if self.is_empty() {
            return Header::NOTHING;
        }
        let retained = match &self.levels {
            Some(levels) if self.level() > 0 => levels.retained() as usize,
            _ => self.held.len(),
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
        let most = if self.reserve == 0 {
            self.held.len()
        } else {
            header.retained()
        };
        hashes.try_reserve_exact(most).map_err(|_| OutOfMemory)?;
        let held = checking(self.held.iter(), allocator.clone());
        hashes.extend(held.map(|held| held.hash).filter(|&hash| hash < threshold));
        cut(&mut hashes, header.level());
        sort(&mut hashes, &allocator);
        let distinct = dedup(&mut hashes);
        header.encode_in(&hashes[..distinct], prefix, allocator)
    }
}
