//! A set of hashes that is looked up again and again: a cuckoo hash table with a stash.
//!
//! The bits of each hash give it two pairs of neighbouring places, and it is in one of these four. A look-up takes four
//! loads and four comparisons, in two cache lines most of the time. A new hash takes a free one of its places. If there is
//! none, it takes that of another hash, which moves to a place of its own other three, and so on. (Pagh and Rodler,
//! "Cuckoo Hashing", Journal of Algorithms 51, 2004.) Pairs may begin anywhere, so that they overlap: the table can be
//! filled to 96 %. (Lehman and Panigrahy, "3.5-Way Cuckoo Hashing for the Price of 2-and-a-Bit", ESA 2009.) In rare cases
//! moving does not end soon. Then the last hash goes to a stash. (Kirsch, Mitzenmacher and Wieder, "More Robust Hashing:
//! Cuckoo Hashing with a Stash", SIAM Journal on Computing 39, 2009.)
//!
//! Sketches come from outside too, and somebody may have chosen their hashes to have the same places. Nearly all such
//! hashes are in the stash. Nobody can choose places there, and a look-up costs what the stash costs.

use crate::host::{CHECK_EVERY, OutOfMemory, Surroundings, checking, zeros};
use crate::set::secret::{Key, Secret};
use crate::set::threshold::HASH_BITS;
use crate::set::width::WIDTH;
use allocator_api2::vec::Vec;
use hashbrown::HashSet;

type Stash<A> = HashSet<Key, Secret, A>;

/// How many hashes move at most for a new one.
///
/// With so many moves, one in 1,700 random hashes ends in the stash of tables that grow.
const MOVES: usize = 40;

/// The most places that a core's own cache holds beside all else: a quarter of a megabyte.
const SMALL: usize = 1 << 15;

/// PostgreSQL's allocator rounds blocks of up to so many places up to a power of two.
const ROUNDED: usize = 1 << 10;

/// The least number of places in a table of `count` hashes. The table is at most nine tenths full.
fn places_for(count: usize) -> usize {
    count * 10 / 9 + 4
}

/// The most places that take no more memory than so many.
fn rounded(places: usize) -> usize {
    if places > ROUNDED {
        places
    } else {
        places.next_power_of_two()
    }
}

/// An odd number with random digits: those of the golden ratio.
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// The first places of the two pairs, among `count` places, where a hash may be.
///
/// The upper bits are zero in all hashes that belong to a high level, and the lower ones in all that are
/// [cut](Table::cut). So the bits in between are multiplied, and the product decides. A hash keeps its places as it is
/// cut.
#[inline(always)]
pub(crate) fn pairs_of(hash: u64, count: usize) -> [usize; 2] {
    let product = (hash >> (HASH_BITS - WIDTH)).wrapping_mul(FACTOR);
    let pairs = (count as u64).wrapping_sub(1);
    [product >> u32::BITS, u64::from(product as u32)].map(|bits| ((bits * pairs) >> u32::BITS) as usize)
}

/// The places where a hash may be. Two of them may be the same.
fn places_of(hash: u64, count: usize) -> [usize; 4] {
    let [one, other] = pairs_of(hash, count);
    [one, one + 1, other, other + 1]
}

pub(crate) struct Table<A: Surroundings> {
    /// Each hash plus one, so that zero marks a free place.
    places: Vec<u64, A>,
    /// The bits of a hash that are kept.
    kept: u64,
    /// How many hashes are in one of their places.
    placed: usize,
    stash: Stash<A>,
}

impl<A: Surroundings> Table<A> {
    /// The table of these hashes, with room for `count`. There are at most `count`, each [cut](Self::cut) to the bits
    /// that are `kept`.
    pub(crate) fn new_in(
        hashes: impl Iterator<Item = u64>,
        count: usize,
        kept: u64,
        allocator: A,
    ) -> Result<Self, OutOfMemory> {
        let mut table = Table {
            places: zeros(rounded(places_for(count)), allocator.clone())?,
            kept,
            placed: 0,
            stash: Stash::with_hasher_in(Secret::random(), allocator.clone()),
        };
        for hash in checking(hashes, allocator) {
            table.put(hash)?;
        }
        Ok(table)
    }

    pub(crate) fn allocator(&self) -> &A {
        self.stash.allocator()
    }

    pub(crate) fn len(&self) -> usize {
        self.placed + self.stash.len()
    }

    /// Whether looking up one hash takes no longer than each of several at once, whose cache misses overlap.
    pub(crate) fn is_small(&self) -> bool {
        self.places.len() <= SMALL
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u64> {
        let placed = self.places.iter().filter(|&&held| held != 0).map(|&held| held - 1);
        placed.chain(self.stash.iter().map(|key| key.0))
    }

    /// Whether this hash is in one of its places.
    fn is_placed(&self, hash: u64) -> bool {
        self.difference(hash) == 0
    }

    /// Zero if what is kept of the hash is in one of its places. Cannot panic.
    ///
    /// Otherwise the least exclusive or of it with what its places hold.
    #[inline(always)]
    pub(crate) fn difference(&self, hash: u64) -> u64 {
        let held = (hash & self.kept) + 1;
        // Chance decides in which of the places it is, so no branch separates them.
        let [one, other] = pairs_of(hash, self.places.len()).map(|pair| match self.places.get(pair..pair + 2) {
            Some(&[first, second]) => (first ^ held).min(second ^ held),
            _ => u64::MAX,
        });
        one.min(other)
    }

    /// Adds hashes. The slice serves as working room, and holds nothing of use afterwards.
    pub(crate) fn insert(&mut self, hashes: &mut [u64]) -> Result<(), OutOfMemory> {
        // The hashes come from rows far apart, so each look-up misses the cache. Without a branch between the look-ups,
        // the misses overlap. Most hashes of a long stream are in the table already.
        let mut unknown = 0;
        for i in 0..hashes.len() {
            let hash = hashes[i];
            hashes[unknown] = hash;
            unknown += usize::from(!self.is_placed(hash));
        }
        for &hash in &hashes[..unknown] {
            self.put(hash)?;
            if places_for(self.len()) > self.places.len() {
                self.grow()?;
            }
        }
        Ok(())
    }

    /// Adds a hash, where the table has places enough.
    fn put(&mut self, hash: u64) -> Result<(), OutOfMemory> {
        if self.is_placed(hash) || self.stash.contains(&Key(hash)) {
            return Ok(());
        }
        let mut moved = hash;
        // The place that the moved hash has left, which it must not take again.
        let mut left = usize::MAX;
        for moves in 0..MOVES {
            let places = places_of(moved, self.places.len());
            if let Some(free) = places.into_iter().find(|&place| self.places[place] == 0) {
                self.places[free] = moved + 1;
                self.placed += 1;
                return Ok(());
            }
            // Bits of the hash and of the count decide which one moves on, so that none goes to and fro.
            let turn = (moved >> (HASH_BITS - WIDTH)) as usize ^ moves;
            let place = (turn..turn + places.len())
                .map(|turn| places[turn % places.len()])
                .find(|&place| place != left)
                .unwrap_or(places[0]);
            let out = std::mem::replace(&mut self.places[place], moved + 1);
            (moved, left) = (out - 1, place);
        }
        if self.stash.len() == self.stash.capacity() {
            self.grow_stash()?;
        }
        self.stash.insert(Key(moved));
        Ok(())
    }

    /// Makes the table a quarter larger. By the time there is a table, few hashes are new.
    #[cold]
    fn grow(&mut self) -> Result<(), OutOfMemory> {
        *self = Self::new_in(self.iter(), self.len() * 5 / 4, self.kept, self.allocator().clone())?;
        Ok(())
    }

    /// Makes the stash larger, with checks in between.
    ///
    /// Growth by hashbrown has none. With all hashes of the largest tables in the stash, it takes most of a second.
    #[cold]
    fn grow_stash(&mut self) -> Result<(), OutOfMemory> {
        let stash = &self.stash;
        // The keys come in the order of their buckets. Under the same secret, they go to buckets in that order.
        let mut grown = Stash::with_hasher_in(*stash.hasher(), stash.allocator().clone());
        grown.try_reserve(stash.capacity() + 1).map_err(|_| OutOfMemory)?;
        grown.extend(checking(stash.iter().copied(), stash.allocator().clone()));
        self.stash = grown;
        Ok(())
    }

    /// Keeps fewer bits of all hashes. Equal ones become one.
    pub(crate) fn cut(&mut self, kept: u64) -> Result<(), OutOfMemory> {
        self.kept = kept;
        let allocator = self.allocator().clone();
        for place in checking(0..self.places.len(), allocator.clone()) {
            let Some(hash) = std::mem::take(&mut self.places[place]).checked_sub(1) else {
                continue;
            };
            // Two that are equal have the same places, and those in front of this place are cut.
            if self.is_placed(hash) {
                self.placed -= 1;
            } else {
                self.places[place] = (hash & kept) + 1;
            }
        }
        let stash = std::mem::replace(
            &mut self.stash,
            Stash::with_hasher_in(Secret::random(), allocator.clone()),
        );
        for Key(hash) in checking(stash.into_iter(), allocator) {
            self.put(hash & kept)?;
        }
        Ok(())
    }

    /// Drops every hash that is not below `threshold`.
    pub(crate) fn retain_below(&mut self, threshold: u64) {
        let allocator = self.allocator().clone();
        let Table {
            places, placed, stash, ..
        } = self;
        *placed = 0;
        for held in checking(places.iter_mut(), allocator.clone()) {
            *held = if *held <= threshold { *held } else { 0 };
            *placed += usize::from(*held != 0);
        }
        let mut left = CHECK_EVERY;
        stash.retain(|&Key(hash)| {
            left -= 1;
            if left == 0 {
                left = CHECK_EVERY;
                allocator.check_for_interrupts();
            }
            if hash >= threshold {
                return false;
            }
            // A place may be free now. No hash is moved to free one: all in the stash may be chosen, and there are many
            // levels.
            let free = places_of(hash, places.len())
                .into_iter()
                .find(|&place| places[place] == 0);
            if let Some(place) = free {
                places[place] = hash + 1;
                *placed += 1;
            }
            free.is_none()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::threshold::{HASH_BITS, threshold};
    use crate::set::width::kept;
    use allocator_api2::alloc::Global;
    use std::collections::BTreeSet;

    fn random(i: u64) -> u64 {
        let mixed = (i ^ (i >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 16 << 8
    }

    type HashOf = fn(u64) -> u64;

    /// Each hash comes twice, at every size, while the table grows.
    #[test]
    fn one_random_hash_in_a_thousand_is_stashed() {
        let mut table = Table::new_in(std::iter::empty(), 0, kept(0), Global).unwrap();
        let (mut stashed, mut all) = (0, 0);
        for i in 1..100_000_u64 {
            table.insert(&mut [random(i), random(i / 2 + 1)]).unwrap();
            assert_eq!(table.len() as u64, i.max(2) - u64::from(i == 1));
            (stashed, all) = (stashed + table.stash.len(), all + table.len());
        }
        println!("stashed {stashed} of {all}");
        assert!(stashed * 1_000 < all, "{stashed} of {all}");
        assert!(table.places.len() <= rounded(places_for(table.len() * 5 / 4)));
    }

    #[test]
    fn a_table_is_a_set_whatever_the_hashes_are() {
        let kinds: [(&str, HashOf); 6] = [
            ("random", random),
            ("of few places", |i| random(i / 256) >> 16 << 16 | (i % 256) << 8),
            ("of fewer places", |i| {
                0x0123_4567_0000 | (i / 256) << 48 | (i % 256) << 8
            }),
            ("one after another, of few places", |i| i << 8),
            ("one after another", |i| i << 16),
            ("up to the last", |i| (1 << HASH_BITS) - 256 - (i << 8)),
        ];
        for (name, hash_of) in kinds {
            let mut table = Table::new_in((0..10).map(hash_of), 10, kept(0), Global).unwrap();
            let mut expected: BTreeSet<u64> = (0..10).map(hash_of).collect();
            for round in 0..40_u64 {
                for i in 0..500 {
                    let mut hashes = [i, i * 7 % 500, i].map(|i| hash_of(i + 300 * round));
                    expected.extend(hashes);
                    table.insert(&mut hashes).unwrap();
                }
                assert_eq!(table.len(), expected.len(), "{name}");
                let threshold = *expected.iter().nth(expected.len() * 7 / 8).unwrap();
                table.retain_below(threshold);
                expected.retain(|&hash| hash < threshold);
                assert_eq!(table.len(), expected.len(), "{name}");
                let held: std::vec::Vec<u64> = table.iter().collect();
                assert_eq!(held.len(), expected.len(), "{name}");
                assert_eq!(held.into_iter().collect::<BTreeSet<u64>>(), expected, "{name}");
            }
        }
    }

    /// Somebody may choose hashes that all belong to many levels. Moving a million of them at each would take minutes.
    #[test]
    fn thinning_leaves_the_stash_as_it_is() {
        let chosen = |i: u64| 0x0123_0000_0000 | (i / 256) << 24 | (i % 256) << 8;
        let mut table = Table::new_in((0..20_000).map(chosen), 20_000, kept(0), Global).unwrap();
        let stashed = |table: &Table<Global>| table.stash.iter().map(|key| key.0).collect::<std::vec::Vec<u64>>();
        let before = stashed(&table);
        // Of 256 with the same places, at most four are not there.
        assert!((19_600..20_000).contains(&before.len()));
        for level in 1..50 {
            table.retain_below(threshold(level).unwrap());
            assert_eq!(stashed(&table), before);
        }
        table.retain_below(chosen(5_000));
        assert_eq!(table.len(), 5_000);
    }

    /// The last of these levels comes after 3 x 10^11 distinct values, and a quarter of its 31,900 cells is held.
    #[test]
    fn thinning_for_ever_does_not_grow_a_table() {
        let mut table = Table::new_in((0..8_517).map(random), 8_517, kept(0), Global).unwrap();
        let (places, mut threshold, mut i) = (table.places.len(), 1 << HASH_BITS, 8_517);
        for level in 1..=130 {
            threshold -= threshold / 8;
            table.retain_below(threshold);
            table.cut(kept(level)).unwrap();
            while table.len() < 8_517 {
                i += 1;
                table.insert(&mut [(random(i) % threshold) & kept(level)]).unwrap();
            }
            assert_eq!(table.places.len(), places);
            let stashed = table.stash.len();
            assert!(stashed < 85, "{stashed} at level {level}");
        }
    }

    /// Hashes that share cells, by twos and by hundreds, of a table and of its stash.
    #[test]
    fn a_table_is_cut_to_the_cells_of_its_hashes() {
        let kinds: [HashOf; 4] = [
            |i| random(i),
            |i| random(i / 2) ^ ((i % 2) << 15),
            |i| random(i / 200) >> 16 << 16 | (i % 200) << 8,
            |i| random(i / 200 % 16) >> 16 << 16 | (i / 3_200 * 200 + i % 200) << 8,
        ];
        for hash_of in kinds {
            for count in [0, 1, 2, 10, 1_000, 8_000] {
                let mut table = Table::new_in((0..count).map(hash_of), count as usize, kept(0), Global).unwrap();
                let expected: BTreeSet<u64> = (0..count).map(|i| hash_of(i) >> 16 << 16).collect();
                table.cut(kept(1)).unwrap();
                assert_eq!(table.len(), expected.len());
                assert_eq!(table.placed, table.places.iter().filter(|&&held| held != 0).count());
                assert!(table.iter().collect::<BTreeSet<u64>>() == expected);
                // And goes on as a set.
                table
                    .insert(&mut expected.iter().copied().take(100).collect::<std::vec::Vec<u64>>())
                    .unwrap();
                assert_eq!(table.len(), expected.len());
            }
        }
    }
}
