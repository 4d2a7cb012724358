//! The canonical level of a set from which hashes leave, too.

use crate::host::{OutOfMemory, Surroundings};
use crate::set::width::{MAX_LEVEL, level_of};
use allocator_api2::boxed::Box;

/// The number of levels.
const LEVELS: usize = MAX_LEVEL as usize + 1;

/// How many of the cells of a set have each level as their last. From that follows the smallest level above 0 to which
/// fewer than `capacity` belong, and how many do.
///
/// Level 0 has other cells, and is not counted here. A random cell is counted in constant time, amortized: the level
/// moves by one only where many come or go. Chosen hashes can move it through all levels.
pub(super) struct Levels<A: Surroundings> {
    last: Box<[u32; LEVELS], A>,
    level: u16,
    retained: u32,
}

impl<A: Surroundings> Levels<A> {
    /// The levels of the empty set.
    pub(super) fn new_in(allocator: A) -> Result<Self, OutOfMemory> {
        Ok(Levels {
            last: Box::try_new_in([0; LEVELS], allocator).map_err(|_| OutOfMemory)?,
            level: 1,
            retained: 0,
        })
    }

    /// The level of the set, if it is not 0.
    pub(super) fn level(&self) -> u16 {
        self.level
    }

    /// How many cells belong to [`level`](Self::level).
    pub(super) fn retained(&self) -> u32 {
        self.retained
    }

    /// How many cells have this level as their last.
    pub(super) fn of_last(&self, level: u16) -> u32 {
        self.last.get(usize::from(level)).copied().unwrap_or(0)
    }

    /// Counts a cell that was not in the set. Cannot panic.
    #[inline]
    pub(super) fn add(&mut self, cell: u64, capacity: u32) {
        let last = level_of(cell);
        if let Some(count) = self.last.get_mut(usize::from(last)) {
            *count += 1;
        }
        self.retained += u32::from(last >= self.level);
        while self.retained >= capacity && self.level < MAX_LEVEL {
            self.retained -= self.of_last(self.level);
            self.level += 1;
        }
    }

    /// Counts a cell of the set no more. `reserve`: the least level that the set has all cells of. The level does not
    /// fall below it, nor below 1. Cannot panic.
    #[inline]
    pub(super) fn remove(&mut self, cell: u64, capacity: u32, reserve: u16) {
        let last = level_of(cell);
        if let Some(count) = self.last.get_mut(usize::from(last)) {
            *count -= 1;
        }
        self.retained -= u32::from(last >= self.level);
        while self.level > reserve.max(1) {
            let more = self.retained + self.of_last(self.level - 1);
            if more >= capacity {
                break;
            }
            self.level -= 1;
            self.retained = more;
        }
    }

    /// How many cells there are of all levels.
    pub(super) fn cells(&self) -> usize {
        self.last.iter().map(|&count| count as usize).sum()
    }

    /// Forgets the cells that do not belong to `reserve`, which is at most the level of the set.
    pub(super) fn forget_below(&mut self, reserve: u16) {
        self.last[..usize::from(reserve)].fill(0);
    }
}
