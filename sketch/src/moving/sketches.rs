//! The union of a frame that whole sketches enter and leave.
//!
//! Encoded sketches have their hashes in ascending order, and so has the union here. A sketch enters or leaves in one
//! pass over both, without a look-up, whatever its hashes are.

use crate::hash::kind::Kind;
use crate::host::{CHECK_EVERY, CHECK_EVERY_BYTES, OutOfMemory, Surroundings, checking};
use crate::moving::bag::Bag;
use crate::set::width::{cell, cells, level_of, threshold};
use crate::sketch::agreement::common_kind;
use crate::sketch::codec::FramedSketch;
use crate::sketch::error::{MergeError, OperationError};
use crate::sketch::flags::Flags;
use crate::sketch::header::Header;
use allocator_api2::vec::Vec;

/// A hash as the reserve keeps it, and how often sketches of the frame retain it. A sketch of level 0 may retain two
/// hashes that are one at the reserve.
#[derive(Clone, Copy, Default)]
struct Held {
    hash: u64,
    times: u64,
}

/// How many hashes are moved without a check.
const AT_ONCE: usize = CHECK_EVERY_BYTES / size_of::<Held>();

/// With so many held hashes for each new one, the new ones are looked up. What lies between moves in one go.
const WORTH_SEARCHING: usize = 8;

/// How many hashes are held at most between two operations. Each operation passes over all of them, so these are fewer
/// than for [values](crate::MovingSketch).
fn most_held(capacity: u32) -> usize {
    capacity as usize / 2 * 3
}

/// The union of the sketches in a moving frame.
///
/// **Invariant**: the hashes below the threshold of the reserve are known, as a sketch of the reserve's level keeps
/// them, each with the number of times that sketches retain it. The level of the union is the smallest to which fewer
/// than `capacity` of the hashes belong. No sketch has a higher one. It is known if the reserve is 0, or is not above
/// it. The reserve only rises.
///
/// All answers are those of merging the sketches of the frame one after another, to the byte.
pub struct MovingUnion<A: Surroundings> {
    seed: u64,
    reserve: u16,
    /// What the sketches in the frame are. The sketch of nothing does not count, since it makes no difference.
    levels: Bag<A>,
    /// The levels of those that are derived.
    derived: Bag<A>,
    capacities: Bag<A>,
    /// The codes of the kinds. All that are not [`Kind::Unknown`], which has the least code, are one.
    kinds: Bag<A>,
    /// In ascending order of the hashes.
    held: Vec<Held, A>,
    /// The hashes of a sketch that enters or leaves, in ascending order.
    moving: Vec<u64, A>,
    /// Those that are one with another of the sketch: once for each time that `moving` leaves out. Hardly ever any.
    repeated: Vec<u64, A>,
}

impl<A: Surroundings> MovingUnion<A> {
    /// The union of an empty frame; allocates nothing.
    pub fn new_in(allocator: A) -> Self {
        let bag = || Bag::new_in(allocator.clone());
        MovingUnion {
            seed: Header::NOTHING.seed(),
            reserve: 0,
            levels: bag(),
            derived: bag(),
            capacities: bag(),
            kinds: bag(),
            held: Vec::new_in(allocator.clone()),
            moving: Vec::new_in(allocator.clone()),
            repeated: Vec::new_in(allocator),
        }
    }

    /// A sketch enters the frame.
    ///
    /// Complexity: linear in the number of its hashes and of those that are held.
    ///
    /// # Errors
    ///
    /// Those of [`Sketch::merge_framed`](crate::Sketch::merge_framed). The union must not be used then.
    pub fn enter(&mut self, sketch: &FramedSketch<'_>) -> Result<(), MergeError> {
        let header = sketch.header();
        if header.is_nothing() {
            return Ok(());
        }
        if self.levels.greatest().is_none() {
            self.seed = header.seed();
        }
        if header.seed() != self.seed {
            return Err(OperationError::Seeds(self.seed, header.seed()).into());
        }
        common_kind(self.kind(), header.kind())?;
        self.levels.add(u32::from(header.level()))?;
        if header.is_derived() {
            self.derived.add(u32::from(header.level()))?;
        }
        self.capacities.add(header.capacity())?;
        self.kinds.add(u32::from(header.kind().code()))?;
        self.read(sketch)?;
        self.insert()?;
        self.thin();
        Ok(())
    }

    /// A sketch leaves the frame. False if the union is not known any more. It must not be used then: the frame has to
    /// be read anew.
    ///
    /// That is so where the reserve is used up, and where no such sketch is in the frame.
    ///
    /// Complexity: as that of [`enter`](Self::enter).
    ///
    /// # Errors
    ///
    /// [`MergeError::Decode`] when a hash is not legal. [`MergeError::Operation`] when the allocator has no more
    /// memory. The union must not be used then.
    pub fn leave(&mut self, sketch: &FramedSketch<'_>) -> Result<bool, MergeError> {
        let header = sketch.header();
        if header.is_nothing() {
            return Ok(true);
        }
        let was_in = header.seed() == self.seed
            && self.levels.remove(u32::from(header.level()))
            && (!header.is_derived() || self.derived.remove(u32::from(header.level())))
            && self.capacities.remove(header.capacity())
            && self.kinds.remove(u32::from(header.kind().code()));
        if !was_in {
            return Ok(false);
        }
        self.read(sketch)?;
        let all_were_held = self.remove();
        // With fewer hashes than the capacity, the level depends on some that are not held, unless a sketch decides it.
        let is_known =
            self.reserve == 0 || self.held.len() >= self.capacity() as usize || self.highest() >= self.reserve;
        Ok(all_were_held && is_known)
    }

    /// Reads the hashes of a sketch that belong to the reserve into `moving`.
    fn read(&mut self, sketch: &FramedSketch<'_>) -> Result<(), MergeError> {
        let threshold = threshold(self.reserve).unwrap_or(0);
        self.moving.clear();
        self.repeated.clear();
        let room = self.moving.try_reserve_exact(sketch.header().retained());
        room.map_err(|_| OutOfMemory)?;
        // The hashes of other sketches are as they are held.
        let is_cut = self.reserve > 0 && sketch.header().level() == 0;
        for hash in checking(sketch.hashes(), self.moving.allocator().clone()) {
            let mut hash = hash.map_err(MergeError::Decode)?;
            if hash >= threshold {
                break;
            }
            if is_cut {
                hash = cell(hash, self.reserve);
            }
            if is_cut && self.moving.last() == Some(&hash) {
                self.repeated.try_reserve(1).map_err(|_| OutOfMemory)?;
                self.repeated.push(hash);
            } else {
                self.moving.push(hash);
            }
        }
        Ok(())
    }

    /// Merges what was [read](Self::read) into what is held. The result grows at the end of its room, from the largest
    /// hash on, and then moves to the front.
    fn insert(&mut self) -> Result<(), OutOfMemory> {
        let (mut old, mut new) = (self.held.len(), self.moving.len());
        self.make_room(new)?;
        let surroundings = self.held.allocator().clone();
        let (held, moving) = (self.held.as_mut_slice(), self.moving.as_slice());
        let mut start = held.len();
        let mut until_check = CHECK_EVERY;
        let mut check = || {
            until_check -= 1;
            if until_check == 0 {
                until_check = CHECK_EVERY;
                surroundings.check_for_interrupts();
            }
        };
        while new > 0 && old / new >= WORTH_SEARCHING {
            let hash = moving[new - 1];
            let above = held[..old].partition_point(|held| held.hash < hash);
            start -= old - above;
            move_up(held, above..old, start, &surroundings);
            if held.get(start).is_none_or(|held| held.hash != hash) {
                start -= 1;
                held[start] = Held { hash, times: 0 };
            }
            held[start].times += 1;
            (old, new) = (above, new - 1);
            check();
        }
        while new > 0 && old > 0 {
            // Chance decides which is larger, and no branch predictor foresees it.
            let (one, other) = (held[old - 1], moving[new - 1]);
            let (takes_one, takes_other) = (one.hash >= other, other >= one.hash);
            start -= 1;
            held[start] = Held {
                hash: one.hash.max(other),
                times: one.times * u64::from(takes_one) + u64::from(takes_other),
            };
            old -= usize::from(takes_one);
            new -= usize::from(takes_other);
            check();
        }
        while new > 0 {
            start -= 1;
            new -= 1;
            held[start] = Held {
                hash: moving[new],
                times: 1,
            };
            check();
        }
        // The old ones below all new ones are where they were. What lies between them and the rest is free.
        move_down(&mut self.held, start, old, &surroundings);
        for hash in checking(self.repeated.iter(), surroundings) {
            if let Ok(place) = self.held.binary_search_by_key(hash, |held| held.hash) {
                self.held[place].times += 1;
            }
        }
        Ok(())
    }

    /// Makes room for so many more hashes, at the end of those that are held.
    fn make_room(&mut self, more: usize) -> Result<(), OutOfMemory> {
        let surroundings = self.held.allocator().clone();
        let len = self.held.len() + more;
        if len > self.held.capacity() {
            // The vector would do so itself, but without checks in between.
            let mut held = Vec::new_in(surroundings.clone());
            held.try_reserve_exact(len + len / 4).map_err(|_| OutOfMemory)?;
            held.extend(checking(self.held.iter().copied(), surroundings.clone()));
            self.held = held;
        }
        while self.held.len() < len {
            self.held.resize(len.min(self.held.len() + AT_ONCE), Held::default());
            surroundings.check_for_interrupts();
        }
        Ok(())
    }

    /// Takes what was [read](Self::read) out of what is held. False if any of it was not held.
    fn remove(&mut self) -> bool {
        let surroundings = self.held.allocator().clone();
        // What is repeated is in `moving` once more, which drops it.
        for hash in checking(self.repeated.iter(), surroundings.clone()) {
            match self.held.binary_search_by_key(hash, |held| held.hash) {
                Ok(place) if self.held[place].times > 1 => self.held[place].times -= 1,
                _ => return false,
            }
        }
        let (mut kept, mut gone) = (0, 0);
        let mut until_check = CHECK_EVERY;
        for i in 0..self.held.len() {
            // Chance decides which leave, and no branch predictor foresees it.
            let mut held = self.held[i];
            let leaves = self.moving.get(gone) == Some(&held.hash);
            held.times -= u64::from(leaves);
            gone += usize::from(leaves);
            self.held[kept] = held;
            kept += usize::from(held.times > 0);
            until_check -= 1;
            if until_check == 0 {
                until_check = CHECK_EVERY;
                surroundings.check_for_interrupts();
            }
        }
        self.held.truncate(kept);
        gone == self.moving.len()
    }

    /// Raises the reserve if it has too many hashes, for the largest capacity in the frame.
    fn thin(&mut self) {
        let capacity = self.capacities.greatest().unwrap_or(Header::NOTHING.capacity());
        if self.reserve == 0 && self.held.len() > most_held(capacity) {
            // So many hashes, but perhaps fewer cells.
            self.reserve = 1;
            self.drop_others();
            self.cut();
        }
        if let Some(first_beyond) = self.held.get(most_held(capacity)) {
            self.reserve = level_of(first_beyond.hash) + 1;
            self.drop_others();
        }
    }

    /// Drops the hashes that do not belong to the reserve.
    fn drop_others(&mut self) {
        let left = self.below(self.reserve);
        self.held.truncate(left);
    }

    /// Keeps of each hash what the reserve does.
    fn cut(&mut self) {
        let surroundings = self.held.allocator().clone();
        let mut kept = 0;
        for i in checking(0..self.held.len(), surroundings) {
            let Held { hash, times } = self.held[i];
            let hash = cell(hash, self.reserve);
            match self.held[..kept].last_mut() {
                Some(last) if last.hash == hash => last.times += times,
                _ => {
                    self.held[kept] = Held { hash, times };
                    kept += 1;
                }
            }
        }
        self.held.truncate(kept);
    }

    /// How many of the hashes that are held belong to a level, as they are held.
    fn below(&self, level: u16) -> usize {
        let threshold = threshold(level).unwrap_or(0);
        self.held.partition_point(|held| held.hash < threshold)
    }

    /// The hashes that are held and belong to a level, as a sketch of that level keeps them.
    fn cells(&self, level: u16) -> impl Iterator<Item = u64> {
        let held = self.held.iter().map(|held| held.hash);
        cells(checking(held, self.held.allocator().clone()), level)
    }

    /// The capacity of the union.
    fn capacity(&self) -> u32 {
        self.capacities.least().unwrap_or(Header::NOTHING.capacity())
    }

    /// The kind of the union.
    fn kind(&self) -> Kind {
        let code = self.kinds.greatest().unwrap_or(0);
        Kind::of_code(code as u8).unwrap_or_default()
    }

    /// The highest level of a sketch in the frame.
    fn highest(&self) -> u16 {
        self.levels.greatest().unwrap_or(0) as u16
    }

    /// The header of the union: that of the [sketch of nothing](Header::NOTHING) if the frame is empty.
    pub fn header(&self) -> Header {
        if self.levels.greatest().is_none() {
            return Header::NOTHING;
        }
        let (level, retained) = self.level();
        let is_derived = self.derived.greatest() == Some(u32::from(level));
        let flags = Flags::new(self.kind(), is_derived);
        Header::with_flags(self.capacity(), self.seed, flags, level, retained)
    }

    /// The level of the union, and how many hashes it retains.
    fn level(&self) -> (u16, usize) {
        let last_of_capacity = self.capacity() as usize - 1;
        let least = self.highest().max(self.reserve);
        if self.held.len() <= last_of_capacity && least == 0 {
            return (0, self.held.len());
        }
        if self.reserve > 0 {
            // If so many hashes belong to a level, the sketch has a higher one.
            let by_hashes = self
                .held
                .get(last_of_capacity)
                .map_or(0, |last| level_of(last.hash) + 1);
            let level = least.max(by_hashes);
            return (level, self.below(level));
        }
        // Hashes that are held may be one at the levels above 0. So the cells have to be counted.
        let level = least.max(1);
        let by_cells = self.cells(1).nth(last_of_capacity).map_or(0, |last| level_of(last) + 1);
        let level = level.max(by_cells);
        (level, self.cells(level).count())
    }

    /// The canonical bytes of the union, as [`Sketch::encode_in`](crate::Sketch::encode_in) gives them.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn encode_in<B: Surroundings>(&self, prefix: usize, allocator: B) -> Result<Vec<u8, B>, OutOfMemory> {
        let header = self.header();
        let mut hashes = Vec::new_in(allocator.clone());
        hashes.try_reserve_exact(header.retained()).map_err(|_| OutOfMemory)?;
        match self.reserve {
            0 => hashes.extend(self.cells(header.level())),
            _ => {
                let retained = self.held[..header.retained()].iter().map(|held| held.hash);
                hashes.extend(checking(retained, allocator.clone()));
            }
        }
        header.encode_in(&hashes, prefix, allocator)
    }
}

/// Moves the hashes in a range up, so that they start at `to`.
fn move_up<S: Surroundings>(held: &mut [Held], range: std::ops::Range<usize>, to: usize, surroundings: &S) {
    let mut left = range.len();
    while left > 0 {
        let count = left.min(AT_ONCE);
        left -= count;
        let from = range.start + left;
        held.copy_within(from..from + count, to + left);
        if left > 0 {
            surroundings.check_for_interrupts();
        }
    }
}

/// Moves the hashes from `from` on down, so that they start at `to`, and drops what they leave.
fn move_down<A: Surroundings>(held: &mut Vec<Held, A>, from: usize, to: usize, surroundings: &A) {
    let count = held.len() - from;
    for step in (0..count).step_by(AT_ONCE) {
        let end = count.min(step + AT_ONCE);
        held.copy_within(from + step..from + end, to + step);
        surroundings.check_for_interrupts();
    }
    held.truncate(to + count);
}
