//! The set of retained hashes: a list while it is short, a hash table after that.
//!
//! Most groups of a GROUP BY hold few values, so a short set must be small: a list with room for 16, then 128 hashes. The
//! sizes are powers of two, which is what PostgreSQL's allocator hands out anyway, and few, since what a group outgrows
//! stays with the allocator until another group needs it. And adding to a short set must touch little memory, since with
//! many groups every cache line touched is a miss: hashes are appended to a list unseen, and sorted in, or found to be
//! repeated, when it is full or read. A long list that was full becomes a table, whether it has room again or not: then it had many
//! rows of few values, and each is found faster in a table than by sorting.

use crate::OutOfMemory;
use crate::key::{Key, Secret};
use crate::surroundings::{STEP, Surroundings, checking};
use allocator_api2::alloc::Allocator;
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;
use hashbrown::HashSet;

/// Room of a list, in hashes.
const LIST_SIZES: [usize; 2] = [16, 128];

/// How many distinct hashes a list of a size may hold. The rest of the room is for hashes appended unseen, so that the
/// list is not sorted too often.
const fn distinct_limit(size: usize) -> usize {
    size - size / 8
}

type Table<A> = HashSet<Key, Secret, A>;

/// A set of distinct hashes. [`append`](Self::append) may leave a list unsorted, with hashes repeated; all that reads the
/// set expects that [`settle`](Self::settle) was called since.
pub(crate) enum Retained<A: Allocator> {
    List(Vec<u64, A>),
    Table(Box<Table<A>, A>),
}

impl<A: Surroundings> Retained<A> {
    /// The empty set; allocates nothing.
    pub(crate) fn new_in(allocator: A) -> Self {
        Retained::List(Vec::new_in(allocator))
    }

    /// An empty set that can take `count` hashes without allocating.
    pub(crate) fn with_room_in(count: usize, allocator: A) -> Result<Self, OutOfMemory> {
        if count == 0 {
            return Ok(Self::new_in(allocator));
        }
        if let Some(size) = LIST_SIZES.into_iter().find(|&size| distinct_limit(size) >= count) {
            let mut list = Vec::new_in(allocator);
            list.try_reserve_exact(size).map_err(|_| OutOfMemory)?;
            return Ok(Retained::List(list));
        }
        Self::table_in(count, allocator)
    }

    /// An empty table that can take `count` hashes without allocating.
    fn table_in(count: usize, allocator: A) -> Result<Self, OutOfMemory> {
        let table = table_with_room(count, Secret::random(), allocator.clone())?;
        let table = Box::try_new_in(table, allocator).map_err(|_| OutOfMemory)?;
        Ok(Retained::Table(table))
    }

    pub(crate) fn allocator(&self) -> &A {
        match self {
            Retained::List(list) => list.allocator(),
            Retained::Table(table) => table.allocator(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Retained::List(list) => list.len(),
            Retained::Table(table) => table.len(),
        }
    }

    /// Adds hashes. The slice is room to work in, and holds nothing of use afterwards.
    pub(crate) fn append(&mut self, hashes: &mut [u64]) -> Result<(), OutOfMemory> {
        match self {
            Retained::List(list) => {
                if list.capacity() - list.len() < hashes.len() {
                    self.settle();
                    return self.append_to_settled(hashes);
                }
                list.extend_from_slice(hashes);
                Ok(())
            }
            Retained::Table(table) => {
                // The hashes come from rows far apart, so that each look-up misses the cache. Without a branch between
                // them the misses overlap. Most hashes of a long stream are there already.
                let mut absent = 0;
                for i in 0..hashes.len() {
                    let hash = hashes[i];
                    hashes[absent] = hash;
                    absent += usize::from(!table.contains(&Key(hash)));
                }
                if absent > 0 {
                    if table.capacity() - table.len() < absent {
                        grow(table, absent)?;
                    }
                    table.extend(hashes[..absent].iter().map(|&hash| Key(hash)));
                }
                Ok(())
            }
        }
    }

    /// [`append`](Self::append) to a list that had too little room for all of the hashes.
    fn append_to_settled(&mut self, hashes: &mut [u64]) -> Result<(), OutOfMemory> {
        if let Retained::List(list) = self {
            let count = list.len() + hashes.len();
            let [short, _] = LIST_SIZES;
            let mut grown = if list.capacity() > short {
                // It was full, so if it still has room, many of its rows were repeated, and most to come will be. A table tells
                // that at once, where a list would be sorted again and again.
                Self::table_in(count, list.allocator().clone())?
            } else if count > distinct_limit(list.capacity()) {
                Self::with_room_in(count, list.allocator().clone())?
            } else {
                return self.append(hashes);
            };
            match &mut grown {
                Retained::List(grown) => grown.extend_from_slice(list),
                Retained::Table(grown) => grown.extend(list.iter().map(|&hash| Key(hash))),
            }
            *self = grown;
        }
        self.append(hashes)
    }

    /// Makes a list ascend without repetition.
    pub(crate) fn settle(&mut self) {
        if let Retained::List(list) = self {
            // The stable sort, since it makes use of the part that is in order already.
            list.sort();
            list.dedup();
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        match self {
            Retained::List(list) => list.is_sorted_by(|a, b| a < b),
            Retained::Table(_) => true,
        }
    }

    pub(crate) fn contains(&self, hash: u64) -> bool {
        match self {
            Retained::List(list) => list.binary_search(&hash).is_ok(),
            Retained::Table(table) => table.contains(&Key(hash)),
        }
    }

    /// Drops every hash that is not below `threshold`.
    pub(crate) fn retain_below(&mut self, threshold: u64) -> Result<(), OutOfMemory> {
        match self {
            Retained::List(list) => list.retain(|&hash| hash < threshold),
            Retained::Table(table) => {
                let room = table.len();
                let allocator = table.allocator().clone();
                let mut left = STEP;
                table.retain(|key| {
                    left -= 1;
                    if left == 0 {
                        left = STEP;
                        allocator.check_for_interrupts();
                    }
                    key.0 < threshold
                });
                if table.capacity() < room {
                    rebuild(table)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        let (list, table) = match self {
            Retained::List(list) => (Some(list), None),
            Retained::Table(table) => (None, Some(table)),
        };
        let listed = list.into_iter().flat_map(|list| list.iter().copied());
        let tabled = table.into_iter().flat_map(|table| table.iter().map(|key| key.0));
        listed.chain(tabled)
    }
}

#[cold]
fn table_with_room<A: Surroundings>(count: usize, secret: Secret, allocator: A) -> Result<Table<A>, OutOfMemory> {
    let mut table = Table::with_hasher_in(secret, allocator);
    table.try_reserve(count).map_err(|_| OutOfMemory)?;
    Ok(table)
}

/// Makes a table larger, so that it has room for more keys. hashbrown would do it too, but in one go: of the largest tables,
/// that takes most of a second.
#[cold]
fn grow<A: Surroundings>(keys: &mut Table<A>, more: usize) -> Result<(), OutOfMemory> {
    let count = (keys.len() + more).max(keys.capacity() + 1);
    let allocator = keys.allocator();
    // Of the same secret, so that the keys, which come in the order of their buckets, go to buckets in that order.
    let mut grown = table_with_room(count, *keys.hasher(), allocator.clone())?;
    grown.extend(checking(keys.iter().copied(), allocator.clone()));
    *keys = grown;
    Ok(())
}

/// Puts the keys of a table in afresh, in the memory it has. Removed keys leave tombstones, which take room: without
/// this, the table would double although it never holds more keys than before.
fn rebuild<A: Surroundings>(keys: &mut Table<A>) -> Result<(), OutOfMemory> {
    let allocator = keys.allocator().clone();
    let mut kept = Vec::new_in(allocator.clone());
    kept.try_reserve_exact(keys.len()).map_err(|_| OutOfMemory)?;
    kept.extend(checking(keys.drain(), allocator.clone()));
    keys.extend(checking(kept.into_iter(), allocator));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::threshold::threshold;
    use allocator_api2::alloc::Global;

    fn filled(count: u64, stride: u64) -> Retained<Global> {
        let mut retained = Retained::new_in(Global);
        for i in 0..count {
            retained.append(&mut [i * stride]).unwrap();
        }
        retained.settle();
        retained
    }

    #[test]
    fn a_set_holds_what_was_appended_at_every_size() {
        for count in [0, 1, 14, 15, 16, 17, 112, 113, 128, 129, 1_000, 10_000] {
            let mut retained = filled(count, 3);
            for i in (0..count).rev() {
                retained.append(&mut [3 * i, 3 * (i / 2)]).unwrap();
            }
            retained.settle();
            assert_eq!(retained.len() as u64, count);
            assert!((0..count).all(|i| retained.contains(3 * i) && !retained.contains(3 * i + 1)));
            let mut hashes: std::vec::Vec<u64> = retained.iter().collect();
            hashes.sort_unstable();
            assert!(hashes.into_iter().eq((0..count).map(|i| 3 * i)));
        }
    }

    #[test]
    fn a_set_is_small_and_an_enum_costs_no_word() {
        assert!(size_of::<Retained<Global>>() <= 24);
        let room = |count| match filled(count, 1) {
            Retained::List(list) => list.capacity(),
            Retained::Table(_) => panic!("a table for {count}"),
        };
        assert_eq!([0, 1, 16, 17, 128].map(room), [0, 16, 16, 128, 128]);
        assert!(matches!(filled(129, 1), Retained::Table(_)));
    }

    #[test]
    fn many_rows_of_few_values_are_kept_in_a_table() {
        let is_table = |distinct: u64, rows: u64| {
            let mut retained = Retained::new_in(Global);
            for i in 0..rows {
                retained.append(&mut [i % distinct]).unwrap();
            }
            matches!(retained, Retained::Table(_))
        };
        assert_eq!([1, 13].map(|distinct| is_table(distinct, 10_000)), [false; 2]);
        assert_eq!([15, 100, 128].map(|distinct| is_table(distinct, 128)), [false; 3]);
        assert_eq!([15, 100, 128].map(|distinct| is_table(distinct, 300)), [true; 3]);
    }

    #[test]
    fn thinning_for_ever_does_not_grow_the_table() {
        let mut retained = Retained::with_room_in(8_517, Global).unwrap();
        let buckets = |retained: &Retained<Global>| match retained {
            Retained::Table(table) => table.allocation_size(),
            Retained::List(_) => 0,
        };
        let before = buckets(&retained);
        // A multiplicative generator: distinct, spread over all 56 bits.
        let mut hash = 1_u64;
        for level in 1..150 {
            let bound = threshold(level).unwrap();
            while retained.len() < 8_517 {
                hash = hash
                    .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                    .wrapping_add(0xD1B5_4A32_D192_ED03);
                let candidate = (hash >> 8) % threshold(level - 1).unwrap();
                retained.append(&mut [candidate]).unwrap();
            }
            retained.retain_below(bound).unwrap();
        }
        assert_eq!(buckets(&retained), before);
    }
}
