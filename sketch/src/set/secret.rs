//! Where a table places a retained hash. There are two such tables, both hashbrown's: the stash, and the positions of a
//! sample.
//!
//! A random hash needs no further hashing. But sketches come from outside, and somebody may have chosen their hashes.
//! And copying one table into another with the same hash order fills it unevenly. So each table has a secret of its
//! own, and the product of hash and secret decides the place.
//!
//! hashbrown takes the bucket from the low bits of the product and a tag from its top seven. One folded product is good
//! in both on average, but keeps keys at regular distances at regular distances. A second product is as good as random
//! for these too. A look-up costs a cache miss, beside which both products are nothing.

use nohash_hasher::{IsEnabled, NoHashHasher};
use std::hash::{BuildHasher, Hash, Hasher, RandomState};

/// A retained hash as a key of a table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) u64);

impl Hash for Key {
    #[inline(always)]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
    }
}

impl IsEnabled for Key {}

/// The secret of a table.
#[derive(Clone, Copy)]
pub(crate) struct Secret {
    mask: u64,
    factors: [u64; 2],
}

impl Secret {
    /// A secret that nobody knows and no other table has. No answer may ever show it.
    pub(crate) fn random() -> Self {
        let source = RandomState::new();
        Self::of([0, 1, 2].map(|number| source.hash_one(number)))
    }

    pub(crate) fn of([mask, one, other]: [u64; 3]) -> Self {
        // An even factor loses bits.
        Secret {
            mask,
            factors: [one | 1, other | 1],
        }
    }
}

impl BuildHasher for Secret {
    type Hasher = SecretHasher;

    #[inline(always)]
    fn build_hasher(&self) -> SecretHasher {
        SecretHasher {
            secret: *self,
            product: NoHashHasher::default(),
        }
    }
}

/// Both halves of a product, combined by exclusive or.
#[inline(always)]
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> u64::BITS) as u64
}

/// A hasher that only multiplies.
pub(crate) struct SecretHasher {
    secret: Secret,
    product: NoHashHasher<Key>,
}

impl Hasher for SecretHasher {
    #[inline(always)]
    fn write_u64(&mut self, hash: u64) {
        let [one, other] = self.secret.factors;
        self.product
            .write_u64(folded(folded(hash ^ self.secret.mask, one), other));
    }

    fn write(&mut self, bytes: &[u8]) {
        self.product.write(bytes);
    }

    #[inline(always)]
    fn finish(&self) -> u64 {
        self.product.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers as random as the digits of pi.
    const SECRETS: [[u64; 3]; 2] = [
        [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D0],
        [0x082E_FA98_EC4E_6C89, 0x4528_21E6_38D0_1377, 0xBE54_66CF_34E9_0C6C],
    ];

    /// How many keys share a group of buckets in hashbrown. While groups are full, each step to the next is longer by
    /// as many.
    const GROUP: usize = 16;

    /// A table that places keys as hashbrown's does, and counts the groups that insertions look at. It grows from few
    /// buckets to many, or has all its room from the start.
    struct Probes<F> {
        place: F,
        keys: Vec<u64>,
        taken: Vec<bool>,
        steps: u64,
    }

    impl<F: Fn(u64) -> u64> Probes<F> {
        fn new(buckets: usize, place: F) -> Self {
            Probes {
                place,
                keys: vec![],
                taken: vec![false; buckets],
                steps: 0,
            }
        }

        fn put(&mut self, key: u64) {
            let mask = self.taken.len() - 1;
            let mut start = (self.place)(key) as usize & mask;
            let mut stride = 0;
            loop {
                self.steps += 1;
                let free = (start..start + GROUP).map(|at| at & mask).find(|&at| !self.taken[at]);
                if let Some(free) = free {
                    self.taken[free] = true;
                    return;
                }
                stride += GROUP;
                start = (start + stride) & mask;
            }
        }

        fn insert(&mut self, key: u64) {
            if self.keys.len() >= self.taken.len() / 8 * 7 {
                // Growth does not count: only the steps of insertions are of interest.
                let steps = self.steps;
                self.taken = vec![false; 2 * self.taken.len()];
                for at in 0..self.keys.len() {
                    self.put(self.keys[at]);
                }
                self.steps = steps;
            }
            self.put(key);
            self.keys.push(key);
        }

        /// The keys in the order of their buckets, in which a table is read.
        fn in_order(mut self) -> Vec<u64> {
            let mask = self.taken.len() as u64 - 1;
            self.keys.sort_by_key(|&key| (self.place)(key) & mask);
            self.keys
        }
    }

    fn steps_per_key(keys: &[u64], buckets: usize, place: impl Fn(u64) -> u64) -> f64 {
        let mut probes = Probes::new(buckets, place);
        keys.iter().for_each(|&key| probes.insert(key));
        probes.steps as f64 / keys.len() as f64
    }

    /// A place that only moves bits of the 56-bit hash, so that everybody knows it.
    fn known_place(hash: u64) -> u64 {
        hash ^ ((hash ^ (hash << 8)) << 30)
    }

    const COUNT: u64 = 20_000;

    /// Distinct, sorted keys that somebody may choose: regular in the low bits, the high ones or both.
    fn families() -> Vec<(String, Vec<u64>)> {
        let mut families = vec![];
        for shift in 0..=40 {
            families.push((
                format!("multiples of 2^{shift}"),
                (0..COUNT).map(|i| i << shift).collect(),
            ));
        }
        for step in [
            3_u64,
            1_000_003,
            (1 << 40) / 7,
            (1 << 30) + 1,
            0x9E37_79B9_7F4A_7C15 >> 24,
        ] {
            families.push((format!("steps of {step}"), (0..COUNT).map(|i| i * step).collect()));
        }
        let high_and_low = (0..COUNT).map(|i| ((i % 251) << 48) | (i / 251)).collect();
        families.push(("high and low bits".into(), high_and_low));
        let one_place = (0..COUNT).map(|i| i << 14 | 5).collect();
        families.push(("one place in a table that takes the low bits".into(), one_place));
        families
    }

    /// Random keys take 1.02 to 1.14 steps. Chosen keys take no more, and no key can take less than 1.
    #[test]
    fn chosen_keys_take_as_many_steps_as_random_ones() {
        for secret in SECRETS.map(Secret::of) {
            for (name, keys) in families() {
                for buckets in [64, 1 << 16] {
                    let steps = steps_per_key(&keys, buckets, |key| secret.hash_one(Key(key)));
                    assert!((1.0..1.2).contains(&steps), "{name}: {steps}");
                }
            }
        }
        // The count notices keys that were chosen for their places.
        let crafted: Vec<u64> = (0..COUNT).map(|i| i << 30).collect();
        assert!(steps_per_key(&crafted, 1 << 16, known_place) > 100.0);
    }

    /// A table is read in the order of its buckets into another table, which grows meanwhile.
    #[test]
    fn the_order_of_another_table_is_as_good_as_any() {
        let keys: Vec<u64> = (0..COUNT).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 8).collect();
        let [one, other] = SECRETS.map(Secret::of);
        let mut read = Probes::new(64, |key| one.hash_one(Key(key)));
        keys.iter().for_each(|&key| read.insert(key));
        let read = read.in_order();
        assert_ne!(read, keys);
        let steps = steps_per_key(&read, 64, |key| other.hash_one(Key(key)));
        assert!((1.0..1.2).contains(&steps), "{steps}");
        // Two tables never have the same secret.
        let places: std::collections::BTreeSet<u64> = (0..100).map(|_| Secret::random().hash_one(Key(1))).collect();
        assert_eq!(places.len(), 100);
    }

    /// The tags of the keys that share a bucket decide how many keys a look-up compares.
    #[test]
    fn places_and_tags_of_chosen_keys_are_spread() {
        for secret in SECRETS.map(Secret::of) {
            for (name, keys) in families() {
                let (mut places, mut tags) = ([0_u32; 128], [0_u32; 128]);
                for key in keys {
                    let hash = secret.hash_one(Key(key));
                    places[(hash % 128) as usize] += 1;
                    tags[(hash >> 57) as usize] += 1;
                }
                // 156 are expected of each, with a standard deviation of 12.5.
                for counts in [places, tags] {
                    let bounds = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
                    assert!(*bounds.0 > 90 && *bounds.1 < 225, "{name}: {bounds:?}");
                }
            }
        }
    }
}
