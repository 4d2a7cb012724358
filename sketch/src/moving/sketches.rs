//! The union of a frame that whole sketches enter and leave.
//!
//! Encoded sketches have their hashes in ascending order, and so has the union here. A sketch enters or leaves in one
//! pass over both, without a look-up, whatever its hashes are.

use crate::host::{CHECK_EVERY, OutOfMemory, Surroundings, checking};
use crate::set::threshold::{MAX_LEVEL, level_of, threshold};
use crate::sketch::Sketch;
use crate::sketch::agreement::common_kind;
use crate::sketch::codec::FramedSketch;
use crate::sketch::error::{MergeError, OperationError};
use crate::sketch::flags::Flags;
use crate::sketch::header::Header;
use crate::sketch::kind::Kind;
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;

/// A hash, and how many sketches of the frame retain it.
#[derive(Clone, Copy, Default)]
struct Held {
    hash: u64,
    sketches: u64,
}

/// The union of the sketches in a moving frame.
///
/// **Invariant**: for each hash below the threshold of the reserve, the number of sketches in the frame that retain it
/// is known. The level of the union is the smallest to which fewer than `capacity` of the hashes belong, but not below
/// that of any sketch. It is known as long as it is above the reserve, or the reserve is 0. The reserve only rises.
///
/// All answers are those of merging the sketches of the frame one after another, to the byte.
///
/// Sketches that are [derived](Header::is_derived), or of different capacities, can enter, but not leave again.
pub struct MovingUnion<A: Surroundings> {
    capacity: u32,
    seed: u64,
    reserve: u16,
    /// The kind of those sketches that know theirs, and their number.
    kind: (Kind, u64),
    /// How many sketches are in the frame. The sketch of nothing does not count: it makes no difference.
    sketches: u64,
    /// How many of them have each level.
    of_level: Box<[u64; MAX_LEVEL as usize + 1], A>,
    /// The highest level of a sketch in the frame; 0 if there is none.
    highest: u16,
    /// In ascending order of the hashes.
    held: Vec<Held, A>,
    /// Room for the hashes of a sketch that enters or leaves.
    moving: Vec<u64, A>,
    /// The union itself, once a sketch has entered that cannot leave.
    fixed: Option<Sketch<A>>,
}

/// How many hashes are held at most between two operations. Each operation passes over all of them, so these are fewer
/// than for [values](crate::MovingSketch).
fn most_held(capacity: u32) -> usize {
    capacity as usize / 2 * 3
}

impl<A: Surroundings> MovingUnion<A> {
    /// The union of an empty frame.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn new_in(allocator: A) -> Result<Self, OutOfMemory> {
        Ok(MovingUnion {
            capacity: Header::NOTHING.capacity(),
            seed: Header::NOTHING.seed(),
            reserve: 0,
            kind: (Kind::Unknown, 0),
            sketches: 0,
            of_level: Box::try_new_in([0; _], allocator.clone()).map_err(|_| OutOfMemory)?,
            highest: 0,
            held: Vec::new_in(allocator.clone()),
            moving: Vec::new_in(allocator),
            fixed: None,
        })
    }

    /// A sketch enters the frame.
    ///
    /// Complexity: linear in the number of its hashes and of those that are held.
    ///
    /// # Errors
    ///
    /// Those of [`Sketch::merge_framed`]. The union must not be used then.
    pub fn enter(&mut self, sketch: &FramedSketch<'_>) -> Result<(), MergeError> {
        let header = sketch.header();
        if header.is_nothing() {
            return Ok(());
        }
        if self.sketches == 0 && self.fixed.is_none() {
            (self.capacity, self.seed) = (header.capacity(), header.seed());
        }
        if self.fixed.is_none() && (header.is_derived() || header.capacity() != self.capacity) {
            self.fix()?;
        }
        if let Some(fixed) = &mut self.fixed {
            return fixed.accumulate_framed(sketch);
        }
        if header.seed() != self.seed {
            return Err(OperationError::Seeds(self.seed, header.seed()).into());
        }
        self.kind.0 = common_kind(self.kind.0, header.kind()).map_err(MergeError::Operation)?;
        self.kind.1 += u64::from(header.kind() != Kind::Unknown);
        self.sketches += 1;
        self.of_level[usize::from(header.level())] += 1;
        self.highest = self.highest.max(header.level());
        self.read(sketch)?;
        self.insert()?;
        self.thin();
        Ok(())
    }

    /// A sketch leaves the frame. False if the union is not known any more. It must not be used then: the frame has to
    /// be read anew.
    ///
    /// That is so where the reserve is used up, where a sketch that cannot leave has entered, and where no such sketch
    /// is in the frame.
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
        let of_level = &mut self.of_level[usize::from(header.level())];
        let is_in = *of_level > 0 && self.sketches > 0 && header.seed() == self.seed;
        if self.fixed.is_some() || !is_in || header.is_derived() || header.capacity() != self.capacity {
            return Ok(false);
        }
        *of_level -= 1;
        self.sketches -= 1;
        while self.highest > 0 && self.of_level[usize::from(self.highest)] == 0 {
            self.highest -= 1;
        }
        if header.kind() != Kind::Unknown {
            if header.kind() != self.kind.0 {
                return Ok(false);
            }
            self.kind.1 -= 1;
            if self.kind.1 == 0 {
                self.kind.0 = Kind::Unknown;
            }
        }
        self.read(sketch)?;
        let all_were_held = self.remove();
        // With fewer hashes than the capacity, the level depends on some that are not held, unless a sketch decides it.
        let is_known = self.reserve == 0 || self.held.len() >= self.capacity as usize || self.highest >= self.reserve;
        Ok(all_were_held && is_known)
    }

    /// Reads the hashes of a sketch that belong to the reserve into `moving`.
    fn read(&mut self, sketch: &FramedSketch<'_>) -> Result<(), MergeError> {
        let threshold = threshold(self.reserve).unwrap_or(0);
        self.moving.clear();
        let room = self.moving.try_reserve(sketch.header().retained());
        room.map_err(|_| OutOfMemory)?;
        for hash in checking(sketch.hashes(), self.moving.allocator().clone()) {
            let hash = hash.map_err(MergeError::Decode)?;
            if hash >= threshold {
                break;
            }
            self.moving.push(hash);
        }
        Ok(())
    }

    /// Merges what was [read](Self::read) into what is held. The result grows at the end of its room, from the largest
    /// hash on, and then moves to the front.
    fn insert(&mut self) -> Result<(), OutOfMemory> {
        let surroundings = self.held.allocator().clone();
        let (mut old, mut new) = (self.held.len(), self.moving.len());
        self.held.try_reserve(new).map_err(|_| OutOfMemory)?;
        self.held.resize(old + new, Held::default());
        let (held, moving) = (self.held.as_mut_slice(), self.moving.as_slice());
        let mut start = held.len();
        let mut until_check = CHECK_EVERY;
        while old > 0 && new > 0 {
            // Chance decides which is larger, and no branch predictor foresees it.
            let (one, other) = (held[old - 1], moving[new - 1]);
            let (takes_one, takes_other) = (one.hash >= other, other >= one.hash);
            start -= 1;
            held[start] = Held {
                hash: one.hash.max(other),
                sketches: one.sketches * u64::from(takes_one) + u64::from(takes_other),
            };
            old -= usize::from(takes_one);
            new -= usize::from(takes_other);
            until_check -= 1;
            if until_check == 0 {
                until_check = CHECK_EVERY;
                surroundings.check_for_interrupts();
            }
        }
        while new > 0 {
            start -= 1;
            new -= 1;
            held[start] = Held {
                hash: moving[new],
                sketches: 1,
            };
        }
        // The old ones below all new ones are where they were. What lies between them and the rest is free.
        let len = old + (held.len() - start);
        held.copy_within(start.., old);
        self.held.truncate(len);
        Ok(())
    }

    /// Takes what was [read](Self::read) out of what is held. False if any of it was not held.
    fn remove(&mut self) -> bool {
        let surroundings = self.held.allocator().clone();
        let (mut kept, mut gone) = (0, 0);
        let mut until_check = CHECK_EVERY;
        for i in 0..self.held.len() {
            // Chance decides which leave, and no branch predictor foresees it.
            let mut held = self.held[i];
            let leaves = self.moving.get(gone) == Some(&held.hash);
            held.sketches -= u64::from(leaves);
            gone += usize::from(leaves);
            self.held[kept] = held;
            kept += usize::from(held.sketches > 0);
            until_check -= 1;
            if until_check == 0 {
                until_check = CHECK_EVERY;
                surroundings.check_for_interrupts();
            }
        }
        self.held.truncate(kept);
        gone == self.moving.len()
    }

    /// Raises the reserve if it has too many hashes.
    fn thin(&mut self) {
        if let Some(first_beyond) = self.held.get(most_held(self.capacity)) {
            self.reserve = level_of(first_beyond.hash) + 1;
            let left = self.belonging(self.reserve);
            self.held.truncate(left);
        }
    }

    /// How many of the hashes that are held belong to a level.
    fn belonging(&self, level: u16) -> usize {
        let threshold = threshold(level).unwrap_or(0);
        self.held.partition_point(|held| held.hash < threshold)
    }

    /// The level of the union.
    fn level(&self) -> u16 {
        // If so many hashes belong to a level, the sketch has a higher one.
        let by_hashes = match self.held.get(self.capacity as usize - 1) {
            Some(last) => level_of(last.hash) + 1,
            None => self.reserve,
        };
        by_hashes.max(self.highest)
    }

    /// Makes the union a sketch from which no other can be taken any more.
    #[cold]
    fn fix(&mut self) -> Result<(), OutOfMemory> {
        let allocator = self.held.allocator().clone();
        let header = self.moving_header();
        let hashes = self.retained(&header);
        let mut fixed = Sketch::from_parts(&header, hashes, allocator)?;
        fixed.settle()?;
        self.held.clear();
        self.fixed = Some(fixed);
        Ok(())
    }

    /// Puts all hashes in their place, so that the union can be read.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    pub fn settle(&mut self) -> Result<(), OutOfMemory> {
        self.fixed.as_mut().map_or(Ok(()), Sketch::settle)
    }

    /// The header of the union: that of the [sketch of nothing](Header::NOTHING) if the frame is empty.
    ///
    /// # Panics
    ///
    /// When the union is not [settled](Self::settle).
    pub fn header(&self) -> Header {
        self.fixed.as_ref().map_or_else(|| self.moving_header(), Sketch::header)
    }

    fn moving_header(&self) -> Header {
        if self.sketches == 0 {
            return Header::NOTHING;
        }
        let level = self.level();
        let flags = Flags::new(self.kind.0, false);
        Header::with_flags(self.capacity, self.seed, flags, level, self.belonging(level))
    }

    /// The hashes of the sketch with that header.
    fn retained(&self, header: &Header) -> impl Iterator<Item = u64> {
        self.held[..header.retained()].iter().map(|held| held.hash)
    }

    /// The canonical bytes of the union, as [`Sketch::encode_in`] gives them.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`] when the allocator has no more.
    ///
    /// # Panics
    ///
    /// When the union is not [settled](Self::settle).
    pub fn encode_in<B: Surroundings>(&self, prefix: usize, allocator: B) -> Result<Vec<u8, B>, OutOfMemory> {
        if let Some(fixed) = &self.fixed {
            return fixed.encode_in(prefix, allocator);
        }
        let header = self.moving_header();
        let mut hashes = Vec::new_in(allocator.clone());
        hashes.try_reserve_exact(header.retained()).map_err(|_| OutOfMemory)?;
        hashes.extend(checking(self.retained(&header), allocator.clone()));
        header.encode_in(&hashes, prefix, allocator)
    }
}
