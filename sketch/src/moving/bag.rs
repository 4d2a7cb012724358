//! Numbers of which few are different, each with how often it is there.

use crate::host::{OutOfMemory, Surroundings};
use allocator_api2::vec::Vec;

/// A multiset of numbers, in ascending order.
pub(super) struct Bag<A: Surroundings> {
    counts: Vec<(u32, u64), A>,
}

impl<A: Surroundings> Bag<A> {
    /// The empty one; allocates nothing.
    pub(super) fn new_in(allocator: A) -> Self {
        Bag {
            counts: Vec::new_in(allocator),
        }
    }

    fn place(&self, number: u32) -> Result<usize, usize> {
        self.counts.binary_search_by_key(&number, |&(number, _)| number)
    }

    pub(super) fn add(&mut self, number: u32) -> Result<(), OutOfMemory> {
        match self.place(number) {
            Ok(place) => self.counts[place].1 += 1,
            Err(place) => {
                self.counts.try_reserve(1).map_err(|_| OutOfMemory)?;
                self.counts.insert(place, (number, 1));
            }
        }
        Ok(())
    }

    /// Takes a number out. False if it is not there.
    pub(super) fn remove(&mut self, number: u32) -> bool {
        let Ok(place) = self.place(number) else {
            return false;
        };
        self.counts[place].1 -= 1;
        if self.counts[place].1 == 0 {
            self.counts.remove(place);
        }
        true
    }

    pub(super) fn least(&self) -> Option<u32> {
        self.counts.first().map(|&(number, _)| number)
    }

    pub(super) fn greatest(&self) -> Option<u32> {
        self.counts.last().map(|&(number, _)| number)
    }
}
