//! The set of retained hashes: a list while it grows, a table once hashes come again and again.

use crate::host::{OutOfMemory, Surroundings, checking};
use crate::set::list::List;
use crate::set::sort::{dedup_few, sort};
use crate::set::table::Table;
use crate::set::width::kept;
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;

/// How many hashes are dropped before a set takes memory for a few that come again and again.
const MAX_DROPPED: u32 = 271;

/// A set of distinct hashes.
///
/// [`append`](Self::append) may leave a list unsorted, with hashes repeated. All that reads the set expects a call of
/// [`settle`](Self::settle) since.
pub(crate) enum Retained<A: Surroundings> {
    Empty {
        allocator: A,
        /// How many repeated hashes the set dropped while it held none.
        repeated: u32,
    },
    List(List<A>),
    Table(Box<Table<A>, A>),
}

impl<A: Surroundings> Retained<A> {
    /// The empty set; allocates nothing.
    pub(crate) fn new_in(allocator: A) -> Self {
        Retained::Empty { allocator, repeated: 0 }
    }

    pub(crate) fn allocator(&self) -> &A {
        match self {
            Retained::Empty { allocator, .. } => allocator,
            Retained::List(list) => list.allocator(),
            Retained::Table(table) => table.allocator(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Retained::Empty { .. } => 0,
            Retained::List(list) => list.len(),
            Retained::Table(table) => table.len(),
        }
    }

    /// How many hashes are known to be distinct. In a settled set, that is all.
    pub(crate) fn known_distinct(&self) -> usize {
        match self {
            Retained::Empty { .. } => 0,
            Retained::List(list) => list.sorted(),
            Retained::Table(table) => table.len(),
        }
    }

    /// Whether this is a small table.
    ///
    /// In a small one, looking up each hash by itself, with [`difference`](Self::difference), takes no longer than
    /// several at once.
    pub(crate) fn is_small_table(&self) -> bool {
        matches!(self, Retained::Table(table) if table.is_small())
    }

    /// Zero if what is kept of this hash is known to be here. A table knows nearly all of its hashes, a list none. Cannot
    /// panic.
    #[inline(always)]
    pub(crate) fn difference(&self, hash: u64) -> u64 {
        match self {
            Retained::Table(table) => table.difference(hash),
            Retained::Empty { .. } | Retained::List(_) => u64::MAX,
        }
    }

    /// Moves the distinct hashes among some that wait to the front, and returns their number.
    ///
    /// It does so only while the set is empty, and few hashes have been repeated. So a set of few values takes no
    /// memory but the row in which they wait.
    pub(crate) fn drop_repeated<const COUNT: usize>(&mut self, waiting: &mut [u64; COUNT]) -> usize {
        match self {
            Retained::Empty { repeated, .. } if *repeated <= MAX_DROPPED => {
                let distinct = dedup_few(waiting);
                *repeated += (COUNT - distinct) as u32;
                distinct
            }
            _ => COUNT,
        }
    }

    /// Adds hashes that are cut for a sketch of that level and capacity. The slice serves as working room, and holds
    /// nothing of use afterwards.
    pub(crate) fn append(&mut self, hashes: &mut [u64], level: u16, capacity: u32) -> Result<(), OutOfMemory> {
        match self {
            Retained::Table(table) => table.insert(hashes),
            Retained::List(list) => {
                list.append(hashes, capacity)?;
                self.become_table_if_worn(level)
            }
            Retained::Empty { .. } => {
                self.begin()?;
                self.append(hashes, level, capacity)
            }
        }
    }

    /// As [`append`](Self::append), of the first `count` of an array.
    pub(crate) fn append_first<const COUNT: usize>(
        &mut self,
        count: usize,
        hashes: &mut [u64; COUNT],
        level: u16,
        capacity: u32,
    ) -> Result<(), OutOfMemory> {
        if let Retained::Empty { .. } = self {
            self.begin()?;
        }
        match self {
            Retained::List(list) => {
                list.append_first(count, hashes, capacity)?;
                self.become_table_if_worn(level)
            }
            _ => self.append(&mut hashes[..count], level, capacity),
        }
    }

    /// Makes an empty set a list.
    #[cold]
    fn begin(&mut self) -> Result<(), OutOfMemory> {
        if let Retained::Empty { allocator, repeated } = self {
            *self = Retained::List(List::new_in(allocator.clone(), *repeated)?);
        }
        Ok(())
    }

    #[inline(always)]
    fn become_table_if_worn(&mut self, level: u16) -> Result<(), OutOfMemory> {
        match self {
            Retained::List(list) if list.is_worn() => self.become_table(level),
            _ => Ok(()),
        }
    }

    #[cold]
    fn become_table(&mut self, level: u16) -> Result<(), OutOfMemory> {
        if let Retained::List(list) = self {
            list.sort()?;
            let allocator = list.allocator().clone();
            let table = Table::new_in(list.iter(), list.len(), kept(level), allocator.clone())?;
            let table = Box::try_new_in(table, allocator).map_err(|_| OutOfMemory)?;
            *self = Retained::Table(table);
        }
        Ok(())
    }

    /// Makes sure that no hash is held twice.
    pub(crate) fn settle(&mut self) -> Result<(), OutOfMemory> {
        match self {
            Retained::List(list) => list.sort(),
            Retained::Empty { .. } | Retained::Table(_) => Ok(()),
        }
    }

    /// Prepares a set to be counted, now and probably soon again. A list wears, until a table is made of it.
    pub(crate) fn wear(&mut self) {
        if let Retained::List(list) = self {
            list.wear();
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.known_distinct() == self.len()
    }

    /// Drops every hash that is not below `threshold`. The set must be settled.
    pub(crate) fn retain_below(&mut self, threshold: u64) {
        match self {
            Retained::Empty { .. } => {}
            Retained::List(list) => list.retain_below(threshold),
            Retained::Table(table) => table.retain_below(threshold),
        }
    }

    /// Replaces all hashes by their cells at that level. Equal ones become one. The set must be settled.
    pub(crate) fn cut(&mut self, level: u16) -> Result<(), OutOfMemory> {
        match self {
            Retained::Empty { .. } => Ok(()),
            Retained::List(list) => list.cut(level),
            Retained::Table(table) => table.cut(kept(level)),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        let (list, table) = match self {
            Retained::Empty { .. } => (None, None),
            Retained::List(list) => (Some(list), None),
            Retained::Table(table) => (None, Some(table)),
        };
        let listed = list.into_iter().flat_map(List::iter);
        let tabled = table.into_iter().flat_map(|table| table.iter());
        listed.chain(tabled)
    }

    /// The hashes of a settled set in ascending order, in memory of `allocator`.
    pub(crate) fn sorted_in<B: Surroundings>(&self, allocator: B) -> Result<Vec<u64, B>, OutOfMemory> {
        match self {
            Retained::Empty { .. } => Ok(Vec::new_in(allocator)),
            Retained::List(list) => list.to_vec_in(allocator),
            Retained::Table(table) => {
                let mut hashes = Vec::new_in(allocator.clone());
                hashes.try_reserve_exact(table.len()).map_err(|_| OutOfMemory)?;
                hashes.extend(checking(table.iter(), allocator.clone()));
                sort(&mut hashes, &allocator);
                Ok(hashes)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::capacity::MAX_CAPACITY;
    use allocator_api2::alloc::Global;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn random(i: u64) -> u64 {
        i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16 << 8
    }

    fn is_table(retained: &Retained<Global>) -> bool {
        matches!(retained, Retained::Table(_))
    }

    #[test]
    fn a_set_costs_no_more_than_the_aggregate_has_room_for() {
        // An allocator of one word makes it 40 bytes; this one takes none.
        assert!(size_of::<Retained<Global>>() <= 32);
    }

    /// Tries every size next to one at which the list takes a block, with each hash twice.
    #[test]
    fn a_set_holds_what_was_appended_at_every_size() {
        for around in [
            0_u64, 21, 38, 76, 114, 152, 233, 314, 395, 561, 727, 1_064, 1_401, 1_738, 2_416, 3_094, 5_138, 9_226,
        ] {
            for count in around.saturating_sub(8)..around + 9 {
                let mut retained = Retained::new_in(Global);
                for i in 0..count {
                    retained
                        .append(&mut [random(i), random(i / 2)], 0, MAX_CAPACITY)
                        .unwrap();
                }
                retained.settle().unwrap();
                assert!(!is_table(&retained));
                assert_eq!(retained.len() as u64, count);
                let sorted = retained.sorted_in(Global).unwrap();
                let expected: BTreeSet<u64> = (0..count).map(random).collect();
                assert!(sorted.into_iter().eq(expected));
            }
        }
    }

    proptest! {
        /// Lists and tables get hashes of few or many values, in pieces of any length, with thinning in between.
        #[test]
        fn a_set_is_a_set(
            pieces in prop::collection::vec(
                (prop::collection::vec(any::<u16>(), 0..128), 1_u16..2_000, 0_u16..40),
                0..120,
            ),
            is_settled_often: bool,
        ) {
            let mut retained = Retained::new_in(Global);
            let mut expected = BTreeSet::new();
            let mut bound = u64::MAX;
            for (piece, values, thins) in pieces {
                let mut hashes: std::vec::Vec<u64> =
                    piece.into_iter().map(|i| random(u64::from(i % values))).filter(|&hash| hash < bound).collect();
                expected.extend(hashes.iter().copied());
                retained.append(&mut hashes, 0, MAX_CAPACITY).unwrap();
                if is_settled_often || thins == 0 {
                    retained.settle().unwrap();
                }
                if thins == 0 {
                    bound = bound.min(1 << 56) / 8 * 7;
                    retained.retain_below(bound);
                    expected.retain(|&hash| hash < bound);
                }
            }
            retained.settle().unwrap();
            prop_assert_eq!(retained.len(), expected.len());
            prop_assert_eq!(retained.iter().collect::<BTreeSet<u64>>(), expected.clone());
            prop_assert!(retained.sorted_in(Global).unwrap().into_iter().eq(expected));
        }
    }

    /// Ten rows of each value leave a list, which is small. Hundreds make a table, which is fast.
    #[test]
    fn what_is_looked_up_again_and_again_is_a_table() {
        for distinct in [1_u64, 2, 10, 100, 1_000, 8_000] {
            let mut retained = Retained::new_in(Global);
            for i in 0..1_000 * distinct.max(16) {
                if i == 10 * distinct {
                    assert!(!is_table(&retained));
                }
                retained.append(&mut [random(i % distinct)], 0, MAX_CAPACITY).unwrap();
            }
            assert!(is_table(&retained));
            assert_eq!(retained.len() as u64, distinct);
        }
    }

    /// A running count reads the set after each row. What reads the hashes themselves wants them in order, as a list
    /// has them.
    #[test]
    fn what_is_counted_again_and_again_is_a_table() {
        for is_counted in [true, false] {
            let mut retained = Retained::new_in(Global);
            for i in 0..1_000 {
                retained.append(&mut [random(i)], 0, MAX_CAPACITY).unwrap();
                if is_counted {
                    retained.wear();
                }
                retained.settle().unwrap();
                assert_eq!(retained.len() as u64, i + 1);
            }
            assert_eq!(is_table(&retained), is_counted);
        }
    }
}
