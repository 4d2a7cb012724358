//! A set of hashes that is looked up again and again: a hash table, and in front of it the hashes seen lately.
//!
//! The table takes whatever hashes somebody may choose, and so computes where each of them is. Most rows of a column
//! with few values repeat a hash that was seen a moment ago, which two comparisons tell, at a place that the hash says
//! itself. What is remembered there was in the table, and still is if it is below the threshold: hashes leave the table
//! only when the threshold falls below them, and it never rises.

use crate::OutOfMemory;
use crate::key::{Key, Secret};
use crate::surroundings::{STEP, Surroundings, checking, zeros};
use allocator_api2::vec::Vec;
use hashbrown::HashSet;

type Set<A> = HashSet<Key, Secret, A>;

/// How many hashes are remembered at most: a megabyte's worth, which a processor's own cache holds.
const MAX_REMEMBERED: usize = 1 << 17;

pub(crate) struct Table<A: Surroundings> {
    set: Set<A>,
    /// Pairs: at the place of a hash, the two that were looked up there last, complemented, so that zero is none.
    recent: Vec<u64, A>,
}

impl<A: Surroundings> Table<A> {
    /// The table of these hashes, of which there are `count`.
    pub(crate) fn new_in(hashes: impl Iterator<Item = u64>, count: usize, allocator: A) -> Result<Self, OutOfMemory> {
        let mut set = set_with_room(count, Secret::random(), allocator.clone())?;
        set.extend(checking(hashes, allocator).map(Key));
        let recent = remembering(&set)?;
        Ok(Table { set, recent })
    }

    pub(crate) fn allocator(&self) -> &A {
        self.set.allocator()
    }

    pub(crate) fn len(&self) -> usize {
        self.set.len()
    }

    /// The bytes of the hash table.
    #[cfg(test)]
    pub(crate) fn room(&self) -> usize {
        self.set.allocation_size()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        self.set.iter().map(|key| key.0)
    }

    /// Whether this hash was seen lately, and so is in the table if it belongs. Cannot panic.
    #[inline(always)]
    pub(crate) fn remembers(&self, hash: u64) -> bool {
        let pairs = self.recent.as_chunks::<2>().0;
        let place = hash as usize & pairs.len().wrapping_sub(1);
        pairs
            .get(place)
            // Which of the two is chance: no branch between them.
            .is_some_and(|&[later, earlier]| (later ^ !hash).min(earlier ^ !hash) == 0)
    }

    /// Adds hashes. The slice is room to work in, and holds nothing of use afterwards.
    pub(crate) fn insert(&mut self, hashes: &mut [u64]) -> Result<(), OutOfMemory> {
        // Two places side by side, of which the first is that of the later.
        let pairs = self.recent.as_chunks_mut::<2>().0;
        let last = pairs.len() - 1;
        let mut count = 0;
        for i in 0..hashes.len() {
            let hash = hashes[i];
            let [later, earlier] = pairs[hash as usize & last];
            hashes[count] = hash;
            count += usize::from((later != !hash) & (earlier != !hash));
            pairs[hash as usize & last] = [!hash, if later == !hash { earlier } else { later }];
        }
        if count > 0 {
            self.insert_unknown(&mut hashes[..count])
        } else {
            Ok(())
        }
    }

    /// [`insert`](Self::insert) for hashes that were not seen lately.
    fn insert_unknown(&mut self, hashes: &mut [u64]) -> Result<(), OutOfMemory> {
        // The hashes come from rows far apart, so that each look-up misses the cache. Without a branch between them the
        // misses overlap. Most hashes of a long stream are there already.
        let mut absent = 0;
        for i in 0..hashes.len() {
            let hash = hashes[i];
            hashes[absent] = hash;
            absent += usize::from(!self.set.contains(&Key(hash)));
        }
        if absent > 0 {
            if self.set.capacity() - self.set.len() < absent {
                self.grow(absent)?;
            }
            self.set.extend(hashes[..absent].iter().map(|&hash| Key(hash)));
        }
        Ok(())
    }

    /// Makes the table larger, so that it has room for more keys. hashbrown would do it too, but in one go: of the
    /// largest tables, that takes most of a second.
    #[cold]
    fn grow(&mut self, more: usize) -> Result<(), OutOfMemory> {
        let set = &self.set;
        let count = (set.len() + more).max(set.capacity() + 1);
        // Of the same secret, so that the keys, which come in the order of their buckets, go to buckets in that order.
        let mut grown = set_with_room(count, *set.hasher(), set.allocator().clone())?;
        grown.extend(checking(set.iter().copied(), set.allocator().clone()));
        self.recent = remembering(&grown)?;
        self.set = grown;
        Ok(())
    }

    /// Drops every hash that is not below `threshold`.
    pub(crate) fn retain_below(&mut self, threshold: u64) -> Result<(), OutOfMemory> {
        let set = &mut self.set;
        let room = set.len();
        let allocator = set.allocator().clone();
        let mut left = STEP;
        set.retain(|key| {
            left -= 1;
            if left == 0 {
                left = STEP;
                allocator.check_for_interrupts();
            }
            key.0 < threshold
        });
        if set.capacity() < room {
            rebuild(set)?;
        }
        Ok(())
    }
}

/// Room to remember about as many hashes as a set has room for, and of a small set twice as many; none of them known
/// yet.
fn remembering<A: Surroundings>(set: &Set<A>) -> Result<Vec<u64, A>, OutOfMemory> {
    let wanted = set.capacity().max(2 * set.capacity().min(4_096));
    let places = wanted.next_power_of_two().clamp(2, MAX_REMEMBERED);
    zeros(places, set.allocator().clone())
}

#[cold]
fn set_with_room<A: Surroundings>(count: usize, secret: Secret, allocator: A) -> Result<Set<A>, OutOfMemory> {
    let mut set = Set::with_hasher_in(secret, allocator);
    set.try_reserve(count.max(1)).map_err(|_| OutOfMemory)?;
    Ok(set)
}

/// Puts the keys of a set in afresh, in the memory it has. Removed keys leave tombstones, which take room: without
/// this, the set would double although it never holds more keys than before.
fn rebuild<A: Surroundings>(keys: &mut Set<A>) -> Result<(), OutOfMemory> {
    let allocator = keys.allocator().clone();
    let mut kept = Vec::new_in(allocator.clone());
    kept.try_reserve_exact(keys.len()).map_err(|_| OutOfMemory)?;
    kept.extend(checking(keys.drain(), allocator.clone()));
    keys.extend(checking(kept.into_iter(), allocator));
    Ok(())
}
