//! A growing set of hashes in little memory: a list of blocks, one more when all are full.
//!
//! Most groups of a GROUP BY hold few values, and millions of groups may grow at the same time. PostgreSQL's allocator
//! rounds chunks of up to 8 kB to powers of two. It keeps a chunk that is given back for requests of the same size. So
//! an array that moves to a larger one takes three times what it holds. Half of the new array is empty, and no group
//! needs what all groups have left behind. Blocks stay where they are, and only the last has room to spare.
//!
//! Adding to a set must touch little memory: with many groups, every cache line touched is a miss. So hashes are
//! appended without a look at the others. When all blocks are full, the new hashes are sorted, freed of repetitions,
//! and merged with the older ones. That is less work than a table's for new hashes, and more for repeated ones.

use crate::host::{CHECK_EVERY, OutOfMemory, Surroundings, checking, zeros};
use crate::set::packed::{Packed, Places, Row};
use crate::set::sort::{dedup, sort_into};
use crate::set::width::cut;
use allocator_api2::alloc::Allocator;
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;

/// How many hashes are appended at least before a sort: where some were repeated, and where none was.
const MIN_UNSORTED_REPEATED: usize = 7;
const MIN_UNSORTED_DISTINCT: usize = 106;

/// How many times each hash was repeated, on average, when a list is better off as a table.
///
/// A table finds hashes faster: each of a hundred that come forty times takes half as long there. But PostgreSQL keeps
/// most blocks of the list for other lists, so that both take memory.
const WORN: u32 = 16;

/// How many hashes are searched for one that is repeated.
const SAMPLE: usize = 32;

/// Lists of up to this many hashes are sorted on the stack.
const ON_STACK: usize = 128;

/// Some hashes, and the block that was full before this one came.
struct Block<const SIZE: usize, A: Allocator> {
    older: Option<Link<A>>,
    hashes: Packed<SIZE>,
}

/// How many hashes the first block holds.
const FIRST: usize = 21;

/// A block of one of the sizes in use. Each size is a power of two in bytes, but for the largest. That one is beyond what
/// PostgreSQL rounds and keeps: it goes back to the system when it is given back.
enum Link<A: Allocator> {
    /// The first block of a list, which needs no link.
    Of21(Box<Packed<FIRST>, A>),
    Of17(Box<Block<17, A>, A>),
    Of38(Box<Block<38, A>, A>),
    Of81(Box<Block<81, A>, A>),
    Of166(Box<Block<166, A>, A>),
    Of337(Box<Block<337, A>, A>),
    Of678(Box<Block<678, A>, A>),
    Of2044(Box<Block<2044, A>, A>),
}

/// Evaluates one expression for a first block, and another for any later block.
macro_rules! of_block {
    ($link:expr, $first:pat => $of_first:expr, $block:pat => $value:expr) => {
        match $link {
            Link::Of21($first) => $of_first,
            Link::Of17($block) => $value,
            Link::Of38($block) => $value,
            Link::Of81($block) => $value,
            Link::Of166($block) => $value,
            Link::Of337($block) => $value,
            Link::Of678($block) => $value,
            Link::Of2044($block) => $value,
        }
    };
}

impl<A: Surroundings> Link<A> {
    /// The next block of a list whose blocks are full and hold `len` hashes.
    ///
    /// Its size is a quarter of `len` or more, until the largest block is reached.
    #[cold]
    fn after(len: usize, allocator: A) -> Result<Self, OutOfMemory> {
        Ok(match len {
            0 => Link::Of21(Box::try_new_in(Packed::ZERO, allocator).map_err(|_| OutOfMemory)?),
            1..38 => Link::Of17(Block::new_in(allocator)?),
            38..152 => Link::Of38(Block::new_in(allocator)?),
            152..395 => Link::Of81(Block::new_in(allocator)?),
            395..727 => Link::Of166(Block::new_in(allocator)?),
            727..1_738 => Link::Of337(Block::new_in(allocator)?),
            1_738..3_094 => Link::Of678(Block::new_in(allocator)?),
            3_094.. => Link::Of2044(Block::new_in(allocator)?),
        })
    }

    fn hashes(&self) -> Row<'_> {
        of_block!(self, hashes => hashes.row(), block => block.hashes.row())
    }

    fn places(&mut self) -> Places<'_> {
        of_block!(self, hashes => hashes.places(), block => block.hashes.places())
    }

    fn older(&self) -> Option<&Self> {
        of_block!(self, _ => None, block => block.older.as_ref())
    }

    /// The place of the link to the block before this one. A first block has none.
    fn older_mut(&mut self) -> Option<&mut Option<Self>> {
        of_block!(self, _ => None, block => Some(&mut block.older))
    }

    fn take_older(&mut self) -> Option<Self> {
        self.older_mut().and_then(Option::take)
    }

    fn allocator(&self) -> &A {
        of_block!(self, hashes => Box::allocator(hashes), block => Box::allocator(block))
    }
}

impl<const SIZE: usize, A: Surroundings> Block<SIZE, A> {
    fn new_in(allocator: A) -> Result<Box<Self, A>, OutOfMemory> {
        let empty = Block {
            older: None,
            hashes: Packed::ZERO,
        };
        Box::try_new_in(empty, allocator).map_err(|_| OutOfMemory)
    }
}

/// Hashes, of which the first `sorted` ascend. The others have no order, and may repeat these and each other.
pub(crate) struct List<A: Surroundings> {
    /// The last block, which leads to those before it. All but the last are full.
    last: Link<A>,
    /// How many hashes the last block holds.
    in_last: u16,
    len: u32,
    sorted: u32,
    /// How many hashes were found to be repeated. [`wear`](Self::wear) counts more.
    repeated: u32,
}

impl<A: Surroundings> List<A> {
    /// The empty list, for a set that already dropped `repeated` hashes.
    pub(crate) fn new_in(allocator: A, repeated: u32) -> Result<Self, OutOfMemory> {
        Ok(List {
            last: Link::after(0, allocator)?,
            in_last: 0,
            len: 0,
            sorted: 0,
            repeated,
        })
    }

    pub(crate) fn allocator(&self) -> &A {
        self.last.allocator()
    }

    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// How many hashes are known to be distinct.
    pub(crate) fn sorted(&self) -> usize {
        self.sorted as usize
    }

    /// Whether hashes come again so often that a table is better.
    pub(crate) fn is_worn(&self) -> bool {
        self.repeated / WORN > self.len.max(16)
    }

    /// Appends hashes without a look at the others. Sorts when that may make room. The sketch has that capacity.
    pub(crate) fn append(&mut self, mut hashes: &[u64], capacity: u32) -> Result<(), OutOfMemory> {
        loop {
            let in_last = usize::from(self.in_last);
            let places = self.last.places();
            let (now, later) = hashes.split_at(hashes.len().min(places.len() - in_last));
            places.pack(in_last, now);
            self.in_last += now.len() as u16;
            self.len += now.len() as u32;
            if later.is_empty() {
                return Ok(());
            }
            hashes = later;
            self.make_room(capacity)?;
        }
    }

    /// As [`append`](Self::append), of the first `count` of an array. Most of the time that has room, and is then
    /// written as a whole: what is written behind the first ones does not count.
    #[inline(always)]
    pub(crate) fn append_first<const COUNT: usize>(
        &mut self,
        count: usize,
        hashes: &[u64; COUNT],
        capacity: u32,
    ) -> Result<(), OutOfMemory> {
        if self.last.places().pack_array(usize::from(self.in_last), hashes) {
            self.in_last += count as u16;
            self.len += count as u32;
            return Ok(());
        }
        self.append(&hashes[..count], capacity)
    }

    /// Makes room where the last block is full. It sorts, if that may drop many hashes, or adds a block.
    fn make_room(&mut self, capacity: u32) -> Result<(), OutOfMemory> {
        let (sorted, capacity) = (self.sorted(), capacity as usize);
        let unsorted = self.len() - sorted;
        let worth = if self.has_repeated() {
            MIN_UNSORTED_REPEATED.max(sorted / 3)
        } else {
            // Once there are as many as the capacity, the sketch thins and needs no more room. Where it has thinned
            // before, that is soon, and a sort for so few would cost more than their room.
            let until_thinning = if sorted < capacity / 8 * 7 {
                capacity - sorted
            } else {
                capacity / 2
            };
            MIN_UNSORTED_DISTINCT.max(sorted.min(until_thinning))
        };
        if unsorted > worth {
            return self.sort();
        }
        let next = Link::after(self.len(), self.allocator().clone())?;
        let older = std::mem::replace(&mut self.last, next);
        if let Some(place) = self.last.older_mut() {
            *place = Some(older);
        }
        self.in_last = 0;
        Ok(())
    }

    /// Whether hashes were repeated before, or are among the last ones, which the cache still holds.
    fn has_repeated(&self) -> bool {
        let in_last = usize::from(self.in_last);
        let count = in_last.min(self.len() - self.sorted()).min(SAMPLE);
        self.repeated > 0 || seem_repeated(self.last.hashes().range(in_last - count..in_last))
    }

    /// Notes that the next sort moves all hashes for a few new ones. These then count as repeated, so that a set that
    /// is counted again and again soon is worn.
    pub(crate) fn wear(&mut self) {
        let unsorted = self.len - self.sorted;
        if unsorted > 0 && unsorted < self.sorted / 8 {
            self.repeated = self.repeated.saturating_add(self.sorted);
        }
    }

    /// Makes the hashes ascend, without repetition.
    ///
    /// Complexity: linear in the number of hashes, and n log n in the number appended since the last sort.
    pub(crate) fn sort(&mut self) -> Result<(), OutOfMemory> {
        if self.sorted == self.len {
            return Ok(());
        }
        let (len, unsorted) = (self.len(), self.len() - self.sorted());
        let before = self.len;
        if let Link::Of21(first) = &mut self.last {
            let mut hashes = [0; FIRST];
            let hashes = &mut hashes[..len];
            first.row().unpack(hashes);
            hashes.sort_unstable();
            let distinct = dedup(hashes);
            first.places().pack(0, &hashes[..distinct]);
            self.in_last = distinct as u16;
            self.len = distinct as u32;
            self.sorted = self.len;
        } else if let Some(all) = [0; ON_STACK].get_mut(..len)
            && let Some(new) = [0; ON_STACK].get_mut(..unsorted)
        {
            self.sort_in(all, new);
        } else {
            let allocator = self.allocator().clone();
            self.sort_in(&mut zeros(len, allocator.clone())?, &mut zeros(unsorted, allocator)?);
        }
        self.repeated = self.repeated.saturating_add(before - self.len);
        Ok(())
    }

    /// [`sort`](Self::sort) with working room for all hashes, and for those appended since the last sort.
    fn sort_in(&mut self, all: &mut [u64], new: &mut [u64]) {
        self.copy_to(all);
        sort_into(&all[self.sorted()..], new, self.allocator());
        let distinct = dedup(new);
        let merged = merge(all, self.sorted(), &new[..distinct], self.allocator());
        self.replace(merged);
    }

    /// Replaces the hashes by `hashes`, which ascend and are no more than before.
    fn replace(&mut self, hashes: &[u64]) {
        self.truncate(hashes.len());
        self.sorted = self.len;
        let (mut rest, mut link) = (hashes, Some(&mut self.last));
        let mut filled = usize::from(self.in_last);
        while let Some(block) = link {
            let (before, these) = rest.split_at(rest.len() - filled);
            block.places().pack(0, these);
            rest = before;
            link = block.older_mut().and_then(Option::as_mut);
            filled = link.as_ref().map_or(0, |block| block.hashes().len());
        }
    }

    /// Drops all hashes but the first `len`, and the blocks that the rest does not need.
    fn truncate(&mut self, len: usize) {
        let mut surplus = self.len() - len;
        while surplus >= usize::from(self.in_last)
            && let Some(older) = self.last.take_older()
        {
            surplus -= usize::from(self.in_last);
            self.in_last = older.hashes().len() as u16;
            self.last = older;
        }
        self.in_last -= surplus as u16;
        self.len = len as u32;
        self.sorted = self.sorted.min(self.len);
    }

    /// Drops every hash that is not below `threshold`. All hashes must be sorted.
    pub(crate) fn retain_below(&mut self, threshold: u64) {
        debug_assert_eq!(self.sorted, self.len, "hashes are dropped from the end");
        let from_last = self.blocks().flat_map(|block| block.iter().rev());
        let surplus = checking(from_last, self.allocator().clone())
            .take_while(|&hash| hash >= threshold)
            .count();
        self.truncate(self.len() - surplus);
    }

    /// Replaces all hashes by their cells at that level. Equal ones become one. All hashes must be sorted.
    pub(crate) fn cut(&mut self, level: u16) -> Result<(), OutOfMemory> {
        let mut hashes = self.to_vec_in(self.allocator().clone())?;
        cut(&mut hashes, level);
        let distinct = dedup(&mut hashes);
        self.replace(&hashes[..distinct]);
        Ok(())
    }

    /// The hashes of each block, from the last block to the first.
    fn blocks(&self) -> impl Iterator<Item = Row<'_>> {
        let last = self.last.hashes().range(0..usize::from(self.in_last));
        let older = std::iter::successors(self.last.older(), |block| block.older());
        std::iter::once(last).chain(older.map(Link::hashes))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        self.blocks().flat_map(Row::iter)
    }

    /// The hashes from the first to the last, in memory of `allocator`.
    pub(crate) fn to_vec_in<B: Surroundings>(&self, allocator: B) -> Result<Vec<u64, B>, OutOfMemory> {
        let mut hashes = zeros(self.len(), allocator)?;
        self.copy_to(&mut hashes);
        Ok(hashes)
    }

    fn copy_to(&self, hashes: &mut [u64]) {
        let mut left = hashes.len();
        for block in checking(self.blocks(), self.allocator().clone()) {
            let start = left - block.len();
            block.unpack(&mut hashes[start..left]);
            left = start;
        }
    }
}

/// Whether two of at most [`SAMPLE`] hashes agree in 32 bits. That almost always tells whether two are equal.
///
/// Vector instructions compare all with all, which is less work than a sort.
fn seem_repeated(hashes: Row<'_>) -> bool {
    let count = hashes.len().min(SAMPLE);
    // Twice in a row, so that hashes at any distance lie side by side.
    let mut halves = [0_u32; 2 * SAMPLE];
    let bits = &hashes.lower_bits()[..count];
    halves[..count].copy_from_slice(bits);
    halves[count..2 * count].copy_from_slice(bits);
    let mut equal = 0;
    for distance in 1..=count / 2 {
        let pairs = halves[..count].iter().zip(&halves[distance..]);
        equal |= pairs.fold(0, |equal, (a, b)| equal | u32::from(a == b));
    }
    equal > 0
}

/// The union of the first `old` of `all` and of `new`. Both ascend without repetition.
///
/// `all` has room for the hashes of `new` too. The union grows at its end, from the largest hash on, and is returned.
fn merge<'a, A: Surroundings>(all: &'a mut [u64], mut old: usize, new: &[u64], surroundings: &A) -> &'a [u64] {
    let (mut rest, mut start) = (new.len(), all.len());
    let mut left = CHECK_EVERY;
    while old > 0 && rest > 0 {
        // Chance decides which is larger, and no branch predictor foresees it.
        let (one, other) = (all[old - 1], new[rest - 1]);
        start -= 1;
        all[start] = one.max(other);
        old -= usize::from(one >= other);
        rest -= usize::from(other >= one);
        left -= 1;
        if left == 0 {
            left = CHECK_EVERY;
            surroundings.check_for_interrupts();
        }
    }
    start -= rest;
    all[start..][..rest].copy_from_slice(&new[..rest]);
    start -= old;
    all.copy_within(..old, start);
    &all[start..]
}

impl<A: Surroundings> Drop for List<A> {
    /// Drops block after block. A list of millions of hashes has more blocks than a stack has room for calls.
    fn drop(&mut self) {
        while let Some(older) = self.last.take_older() {
            self.last = older;
        }
    }
}
