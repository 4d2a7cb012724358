//! The canonical level of a set from which hashes leave, too.

use crate::host::{OutOfMemory, Surroundings};
use crate::set::threshold::{MAX_LEVEL, level_of};
use allocator_api2::boxed::Box;

/// The number of levels.
const LEVELS: usize = MAX_LEVEL as usize + 1;

/// How many of the hashes of a set have each level as their last. From that follows the smallest level to which fewer
/// than `capacity` belong, and how many do.
///
/// A random hash is counted in constant time, amortized: the level moves by one only where many come or go. Chosen
/// hashes can move it through all levels.
pub(super) struct Levels<A: Surroundings> {
    last: Box<[u32; LEVELS], A>,
    level: u16,
    retained: u32,
}

impl<A: Surroundings> Levels<A> {
    /// The levels of these hashes.
    pub(super) fn new_in(hashes: impl Iterator<Item = u64>, capacity: u32, allocator: A) -> Result<Self, OutOfMemory> {
        let mut levels = Levels {
            last: Box::try_new_in([0; LEVELS], allocator).map_err(|_| OutOfMemory)?,
            level: 0,
            retained: 0,
        };
        for hash in hashes {
            levels.add(hash, capacity);
        }
        Ok(levels)
    }

    /// The level of the set.
    pub(super) fn level(&self) -> u16 {
        self.level
    }

    /// How many hashes belong to [`level`](Self::level).
    pub(super) fn retained(&self) -> u32 {
        self.retained
    }

    /// How many hashes have this level as their last.
    pub(super) fn of_last(&self, level: u16) -> u32 {
        self.last.get(usize::from(level)).copied().unwrap_or(0)
    }

    /// Counts a hash that was not in the set. Cannot panic.
    #[inline]
    pub(super) fn add(&mut self, hash: u64, capacity: u32) {
        let last = level_of(hash);
        if let Some(count) = self.last.get_mut(usize::from(last)) {
            *count += 1;
        }
        self.retained += u32::from(last >= self.level);
        while self.retained >= capacity && self.level < MAX_LEVEL {
            self.retained -= self.of_last(self.level);
            self.level += 1;
        }
    }

    /// Counts a hash of the set no more. `reserve`: the least level that the set has all hashes of. The level does not
    /// fall below it. Cannot panic.
    #[inline]
    pub(super) fn remove(&mut self, hash: u64, capacity: u32, reserve: u16) {
        let last = level_of(hash);
        if let Some(count) = self.last.get_mut(usize::from(last)) {
            *count -= 1;
        }
        self.retained -= u32::from(last >= self.level);
        while self.level > reserve {
            let more = self.retained + self.of_last(self.level - 1);
            if more >= capacity {
                break;
            }
            self.level -= 1;
            self.retained = more;
        }
    }

    /// Forgets the hashes that do not belong to `reserve`, which is at most the level of the set.
    pub(super) fn forget_below(&mut self, reserve: u16) {
        self.last[..usize::from(reserve)].fill(0);
    }
}
