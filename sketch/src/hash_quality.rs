//! Tests of the chain from value to hash, coin and place, on keys as regular as people make them.
//!
//! The coin of a hash is which levels it belongs to, and its place is that in the table.
//!
//! Seeds are fixed, so these tests pass or fail for ever. An ideal hash would break a bound in fewer than one in a
//! hundred choices of the seeds. Bounds are two-sided. A hash that spreads keys more evenly than chance is as wrong as
//! one that crowds them. `bad_hashes_are_found` shows that the tests find what they are for.

use crate::hash;
use crate::set::secret::{Key, Secret};
use crate::set::table::pairs_of;
use crate::set::threshold::{HASH_BITS, threshold, truncate};
use crate::sketch::Sketch;
use std::collections::BTreeSet;
use std::hash::BuildHasher;

type HashFunction = fn(&[u8], u64) -> u64;

/// A set of keys as bytes, which are what is hashed for every type.
struct Pattern {
    name: &'static str,
    keys: Vec<Vec<u8>>,
}

struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number between 0 and 1.
    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Patterns of `count` distinct keys each.
fn patterns(count: usize) -> Vec<Pattern> {
    let n = count as u64;
    let integers = |keys: &mut dyn Iterator<Item = u64>| -> Vec<Vec<u8>> {
        keys.take(count).map(|key| key.to_le_bytes().to_vec()).collect()
    };
    let distinct = |mut draw: Box<dyn FnMut() -> u64>| {
        let mut keys = BTreeSet::new();
        while keys.len() < count {
            keys.insert(draw());
        }
        integers(&mut keys.into_iter())
    };
    let mut random = SplitMix(1);
    let mut skewed = SplitMix(2);
    let mut uuids = SplitMix(3);
    let patterns = vec![
        ("random integers", distinct(Box::new(move || random.next()))),
        ("sequential integers", integers(&mut (0..))),
        ("negative integers", integers(&mut (1..).map(|i: u64| i.wrapping_neg()))),
        ("multiples of 8", integers(&mut (0..).map(|i| i << 3))),
        ("multiples of 2^16", integers(&mut (0..).map(|i| i << 16))),
        ("multiples of 2^32", integers(&mut (0..).map(|i| i << 32))),
        ("counters in the high bits", integers(&mut (0..).map(|i| i << 46))),
        ("counters in both halves", integers(&mut (0..).map(|i| i << 32 | i))),
        ("few bits set", {
            let bits = |a: u32, b: u32, c: u32, d: u32| 1 << a | 1 << b | 1 << c | 1 << d;
            let mut keys = (0..64).flat_map(move |a| {
                (0..=a).flat_map(move |b| (0..=b).flat_map(move |c| (0..=c).map(move |d| bits(a, b, c, d))))
            });
            let mut seen = BTreeSet::new();
            integers(&mut keys.by_ref().filter(|&key: &u64| seen.insert(key)))
        }),
        // A Zipf-drawn column has the ranks that were drawn: all small ones, and ever fewer of the large.
        (
            "Zipf-drawn ranks",
            distinct(Box::new(move || (2.0_f64.powf(skewed.fraction() * 40.0)) as u64)),
        ),
        (
            "numbers with fractions",
            (0..n)
                .map(|i| (i as f64 / 100.0).to_bits().to_le_bytes().to_vec())
                .collect(),
        ),
        ("words", (0..n).map(|i| format!("word{i}").into_bytes()).collect()),
        (
            "long strings with a prefix",
            (0..n)
                .map(|i| format!("https://example.org/articles/by-date/{i}").into_bytes())
                .collect(),
        ),
        (
            "near-equal strings",
            (0..n)
                .map(|i| {
                    // Of 300 bytes, two or three differ.
                    let mut key = vec![b'a'; 300];
                    key[(i % 300) as usize] = b'b' + (i / 300 % 20) as u8;
                    key[(i / 6_000 % 300) as usize] ^= 0x80;
                    key
                })
                .collect(),
        ),
        (
            "random uuids",
            (0..n)
                .map(|_| {
                    let (high, low) = (uuids.next(), uuids.next());
                    [
                        (high & !0xF000 | 0x4000).to_be_bytes(),
                        (low >> 2 | 1 << 63).to_be_bytes(),
                    ]
                    .concat()
                })
                .collect(),
        ),
        (
            "uuids in order",
            (0..n)
                .map(|i| {
                    [
                        (0x0190_0000_0000_7000 + (i << 16)).to_be_bytes(),
                        (1_u64 << 63 | i).to_be_bytes(),
                    ]
                    .concat()
                })
                .collect(),
        ),
    ];
    patterns
        .into_iter()
        .map(|(name, keys)| {
            assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), count, "{name}");
            Pattern { name, keys }
        })
        .collect()
}

/// How far the counts are from equal, in standard deviations.
///
/// Chi-square with k - 1 degrees of freedom has the mean k - 1 and the standard deviation sqrt(2 (k - 1)).
fn unevenness(counts: &[u32]) -> f64 {
    let expected = counts.iter().sum::<u32>() as f64 / counts.len() as f64;
    let chi_square: f64 = counts
        .iter()
        .map(|&count| (f64::from(count) - expected).powi(2) / expected)
        .sum();
    let freedom = counts.len() as f64 - 1.0;
    (chi_square - freedom) / (2.0 * freedom).sqrt()
}

fn histogram(size: usize, places: impl Iterator<Item = u64>) -> Vec<u32> {
    let mut counts = vec![0; size];
    places.for_each(|place| counts[place as usize] += 1);
    counts
}

/// What is wrong with the coins and the places of these keys, if anything.
fn fault(keys: &[Vec<u8>], function: HashFunction, seed: u64) -> Option<String> {
    let hashes: Vec<u64> = keys.iter().map(|key| truncate(function(key, seed))).collect();
    let n = hashes.len() as f64;

    // Coins: the number that belongs to a level is binomial. There are 16 plain + 2 x 9 composite + 1 decimal patterns,
    // and 4 seeds: 140 sets of hashes. With 5 levels each, one lies beyond five standard deviations with a probability
    // of 700 x 6e-7 = 0.0004.
    for level in [1, 4, 12, 24, 40] {
        let threshold = threshold(level).unwrap();
        let p = threshold as f64 / (1_u64 << HASH_BITS) as f64;
        let belonging = hashes.iter().filter(|&&hash| hash < threshold).count() as f64;
        let deviation = (belonging - n * p) / (n * p * (1.0 - p)).sqrt();
        if deviation.abs() > 5.0 {
            return Some(format!("level {level}: off by {deviation:.1} standard deviations"));
        }
    }

    // A hash has two places in the table. In hashbrown's, it has a position from the low bits and a tag from the top
    // seven. The places are checked for all keys, and for those of a level to which a fifth belongs. The latter are
    // what a table holds.
    let build = Secret::of([0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D0]);
    let level_12 = threshold(12).unwrap();
    let place = |hash: &u64| build.hash_one(Key(*hash));
    let belonging = || hashes.iter().filter(|&&hash| hash < level_12);
    let coin = |hash: &u64| hash >> (HASH_BITS - 4);
    let tables = [
        (
            "coins",
            histogram(256, hashes.iter().map(|hash| hash >> (HASH_BITS - 8))),
        ),
        (
            "positions",
            histogram(1_024, hashes.iter().map(|hash| place(hash) % 1_024)),
        ),
        (
            "positions in a level",
            histogram(1_024, belonging().map(|hash| place(hash) % 1_024)),
        ),
        (
            "tags in a level",
            histogram(128, belonging().map(|hash| place(hash) >> 57)),
        ),
        (
            "one place in a level",
            histogram(1_024, belonging().map(|&hash| pairs_of(hash, 1_025)[0] as u64)),
        ),
        (
            "other place in a level",
            histogram(1_024, belonging().map(|&hash| pairs_of(hash, 1_025)[1] as u64)),
        ),
        // Independence makes all pairs equally frequent.
        (
            "both places",
            histogram(
                1_024,
                hashes.iter().map(|&hash| {
                    let [one, other] = pairs_of(hash, 33);
                    ((one << 5) | other) as u64
                }),
            ),
        ),
        (
            "coin and position",
            histogram(1_024, hashes.iter().map(|hash| (coin(hash) << 6) | (place(hash) % 64))),
        ),
        (
            "tag and position",
            histogram(
                1_024,
                belonging().map(|hash| ((place(hash) >> 57) << 3) | (place(hash) % 8)),
            ),
        ),
    ];
    // On the right, chi-square has a longer tail than the normal distribution. With 127 degrees of freedom or more, six
    // standard deviations leave below 1e-6. The 140 x 9 tables leave below 0.0013.
    tables.into_iter().find_map(|(what, counts)| {
        let unevenness = unevenness(&counts);
        (unevenness.abs() > 6.0).then(|| format!("{what}: {unevenness:.1} standard deviations from even"))
    })
}

const KEYS: usize = 100_000;
const SEEDS: [u64; 4] = [0, 1, 42, 0xD1B5_4A32_D192_ED03];

#[test]
fn coins_and_places_are_even_and_independent_on_every_pattern() {
    for pattern in patterns(KEYS) {
        for seed in SEEDS {
            if let Some(fault) = fault(&pattern.keys, hash::bytes, seed) {
                panic!("{}, seed {seed}: {fault}", pattern.name);
            }
        }
    }
}

/// A row of integers of eight bytes each, hashed like a row of PostgreSQL.
fn row(key: &[u8], seed: u64) -> u64 {
    let columns = key.as_chunks::<8>().0;
    let mut parts = hash::Parts::new(seed);
    parts.begin_row(columns.len() as u32);
    for column in columns {
        parts.hash(hash::bytes(column, seed));
    }
    parts.finish()
}

/// A row whose columns are rows of one column.
fn nested_row(key: &[u8], seed: u64) -> u64 {
    let inner: Vec<u8> = key
        .as_chunks::<8>()
        .0
        .iter()
        .flat_map(|column| row(column, seed).to_le_bytes())
        .collect();
    row(&inner, seed)
}

/// A decimal with a digit of base 10,000 in each column.
fn decimal(key: &[u8], seed: u64) -> u64 {
    let digits: Vec<[u8; 2]> = key.as_chunks::<8>().0.iter().map(|&[a, b, ..]| [a, b]).collect();
    let number = hash::Decimal::Finite {
        is_negative: false,
        weight: 1,
        digits: &digits,
    };
    hash::decimal(number, seed)
}

/// Composite keys that look the same to a hash that adds up parts, or combines them by exclusive or.
fn composite_patterns(count: usize) -> Vec<Pattern> {
    let n = count as u64;
    let root = n.isqrt() + 1;
    let pattern = |name, key: &dyn Fn(u64) -> Vec<u64>| Pattern {
        name,
        keys: (0..n)
            .map(|i| key(i).into_iter().flat_map(u64::to_le_bytes).collect())
            .collect(),
    };
    let one_of =
        |i: u64, columns: u64, value: u64| (0..columns).map(|j| if i % columns == j { value } else { 0 }).collect();
    let patterns = vec![
        pattern("pairs of small integers", &|i| vec![i / root, i % root]),
        pattern("pairs of equals", &|i| vec![i, i]),
        pattern("pairs with the same sum", &|i| vec![i, n - i]),
        pattern("pairs with the same exclusive or", &|i| vec![i, i ^ 0xFFFF_FFFF]),
        pattern("halves in each column", &|i| vec![i << 32, i << 32 | i]),
        pattern("one of nine columns", &|i| one_of(i, 9, 1 + i / 9)),
        pattern("one of fifty columns, all else alike", &|i| one_of(i, 50, 1 + i / 50)),
        pattern("columns of few values", &|i| (0..17).map(|j| i >> j & 1).collect()),
        pattern("ever more columns", &|i| {
            [vec![7; (i % 30) as usize], vec![i / 30 + 8]].concat()
        }),
    ];
    for Pattern { name, keys } in &patterns {
        assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), count, "{name}");
    }
    patterns
}

#[test]
fn so_they_are_on_composite_values() {
    for pattern in composite_patterns(KEYS) {
        for (shape, function) in [("row", row as HashFunction), ("row of rows", nested_row)] {
            for seed in SEEDS {
                if let Some(fault) = fault(&pattern.keys, function, seed) {
                    panic!("{} in a {shape}, seed {seed}: {fault}", pattern.name);
                }
            }
        }
    }
    // Digits of decimals are below 10,000, and the last one here is not 0.
    let keys: Vec<Vec<u8>> = (0..KEYS as u64)
        .map(|i| {
            [i / 9_999, 1 + i % 9_999]
                .into_iter()
                .flat_map(u64::to_le_bytes)
                .collect()
        })
        .collect();
    for seed in SEEDS {
        assert_eq!(fault(&keys, decimal, seed), None, "decimals, seed {seed}");
    }
}

/// The keys of `patterns` are bytes. Typed values become bytes in these ways.
#[test]
fn typed_hashes_are_those_of_bytes() {
    for i in [0, 1, -1, i64::MIN, 1 << 40] {
        assert_eq!(hash::integer(i, 7), hash::bytes(&i.to_le_bytes(), 7));
        assert_eq!(
            hash::double(i as f64, 7),
            hash::bytes(&(i as f64).to_bits().to_le_bytes(), 7)
        );
    }
}

/// The first eight bytes as an integer.
fn head(key: &[u8]) -> u64 {
    let mut head = [0; 8];
    let length = key.len().min(8);
    head[..length].copy_from_slice(&key[..length]);
    u64::from_le_bytes(head)
}

#[test]
fn bad_hashes_are_found() {
    // A sum of the hashes of the columns ignores their order.
    let sum = |key: &[u8], seed| {
        let columns = key.as_chunks::<8>().0.iter();
        columns.fold(0_u64, |sum, column| sum.wrapping_add(hash::bytes(column, seed)))
    };
    assert!(
        composite_patterns(KEYS)
            .iter()
            .any(|pattern| fault(&pattern.keys, sum, 0).is_some()),
        "a sum of hashes"
    );

    let bad: [(&str, HashFunction); 3] = [
        ("identity", |key, _| head(key)),
        // Knuth's multiplicative hash spreads sequential integers far more evenly than chance.
        ("multiplication", |key, seed| {
            (head(key) ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15)
        }),
        // FNV-1a mixes the last bytes into the low bits only.
        ("FNV-1a", |key, seed| {
            key.iter().fold(0xCBF2_9CE4_8422_2325 ^ seed, |hash, &byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
            })
        }),
    ];
    let patterns = patterns(KEYS);
    for (name, function) in bad {
        let found = patterns
            .iter()
            .filter(|pattern| fault(&pattern.keys, function, 0).is_some())
            .count();
        assert!(found >= 5, "{name} passed all but {found} patterns");
    }
}

/// Each bit of a key flips each of the 56 bits that count with probability 1/2. The other bits make no difference.
#[test]
fn every_input_bit_flips_every_output_bit_half_of_the_time() {
    const BASES: usize = 4_096;
    for pattern in patterns(BASES) {
        for seed in [0, 42] {
            let bits = 8 * pattern.keys.iter().map(Vec::len).min().unwrap().min(40);
            let mut flips = vec![[0_u32; HASH_BITS as usize]; bits];
            for key in &pattern.keys {
                let before = truncate(hash::bytes(key, seed));
                let mut key = key.clone();
                for (bit, flips) in flips.iter_mut().enumerate() {
                    key[bit / 8] ^= 1 << (bit % 8);
                    let change = before ^ truncate(hash::bytes(&key, seed));
                    key[bit / 8] ^= 1 << (bit % 8);
                    for (output, count) in flips.iter_mut().enumerate() {
                        *count += (change >> output & 1) as u32;
                    }
                }
            }
            // Binomial(4096, 1/2) has the standard deviation 32. Flipping a bit of two keys that differ in that bit
            // alone is one experiment, not two. So regular keys may make it as much as 32 sqrt(2) = 45.
            //
            // There are at most 16 patterns x 2 x 320 x 56 cells. One is beyond six of these, 272, with a probability
            // of 570,000 x 2e-9 = 0.001.
            let cells = flips
                .iter()
                .flatten()
                .map(|&count| f64::from(count) - BASES as f64 / 2.0);
            let worst = cells.clone().map(f64::abs).fold(0.0, f64::max);
            assert!(
                worst < 272.0,
                "{}, seed {seed}: off by {worst} of {BASES}",
                pattern.name
            );
            // Nor are they too good: the mean square is between half and 2.25 times that of independent flips.
            let square = cells.map(|cell| cell * cell).sum::<f64>() / (bits * HASH_BITS as usize) as f64;
            assert!(
                (512.0..2_300.0).contains(&square),
                "{}, seed {seed}: {square}",
                pattern.name
            );
        }
    }
}

const RUNS: u64 = 1_000;
const CAPACITY: u32 = 128;
const DISTINCT: usize = 4_000;

/// The relative error of the estimate of the keys, under each seed.
fn errors(pattern: &Pattern, seeds: impl Iterator<Item = u64>) -> Vec<f64> {
    seeds
        .map(|seed| {
            let mut sketch = Sketch::new(CAPACITY, seed);
            let hashes: Vec<u64> = pattern.keys.iter().map(|key| hash::bytes(key, seed)).collect();
            sketch.insert_all(&hashes).unwrap();
            sketch.estimate() as f64 / pattern.keys.len() as f64 - 1.0
        })
        .collect()
}

fn mean_and_spread(errors: &[f64]) -> (f64, f64) {
    let count = errors.len() as f64;
    let mean = errors.iter().sum::<f64>() / count;
    (
        mean,
        (errors.iter().map(|error| (error - mean).powi(2)).sum::<f64>() / count).sqrt(),
    )
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let ((mean_a, spread_a), (mean_b, spread_b)) = (mean_and_spread(a), mean_and_spread(b));
    let products = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b));
    products.sum::<f64>() / a.len() as f64 / spread_a / spread_b
}

/// No pattern is estimated worse or better than random integers, and different seeds err independently.
#[test]
fn errors_are_those_of_chance_and_independent_between_seeds() {
    for pattern in patterns(DISTINCT) {
        // People choose such seeds, from 0 on.
        let errors = errors(&pattern, 0..RUNS);
        let (mean, spread) = mean_and_spread(&errors);
        // The spread is between 1 / sqrt(B) and 1 / sqrt(7/8 B). Over 1,000 runs it has the relative standard error 1 /
        // sqrt(2,000) = 2.2 %. Four of these, and 2 % for the small capacity, make 0.89 to 1.19.
        let scaled = spread * f64::from(CAPACITY).sqrt();
        assert!((0.89..1.19).contains(&scaled), "{}: {scaled} / sqrt(B)", pattern.name);
        let standard_error = spread / (RUNS as f64).sqrt();
        assert!(mean.abs() < 4.0 * standard_error, "{}: bias {mean}", pattern.name);
        // A correlation of N pairs has the standard error 1 / sqrt(N). Each lag is the distance between two seeds.
        for lag in [1, 2, 3, 10, 64, 256] {
            let r = correlation(&errors[..errors.len() - lag], &errors[lag..]);
            let bound = 4.0 / ((errors.len() - lag) as f64).sqrt();
            assert!(r.abs() < bound, "{}, seeds {lag} apart: correlation {r}", pattern.name);
        }
    }
}

/// The correlations of the errors under 1,000 random seeds and under the same seeds with one bit flipped.
fn correlations(pattern: &Pattern, bits: &[u32]) -> Vec<f64> {
    let mut random = SplitMix(5);
    let seeds: Vec<u64> = (0..RUNS).map(|_| random.next()).collect();
    let before = errors(pattern, seeds.iter().copied());
    bits.iter()
        .map(|bit| correlation(&before, &errors(pattern, seeds.iter().map(|seed| seed ^ 1 << bit))))
        .collect()
}

/// XXH3 alone fails this, since it combines the seed with keys of up to 16 bytes by exclusive or.
///
/// Under two seeds that differ in an upper bit, keys that fill a range are then the same set.
#[test]
fn seeds_that_differ_in_one_bit_err_independently() {
    let bits = [0, 7, 16, 31, 32, 33, 40, 50, 63];
    let letters = b'a'..=b'z';
    let pairs = letters.clone().flat_map(|a| letters.clone().map(move |b| [a, b]));
    let codes = Pattern {
        name: "codes of three letters",
        keys: pairs
            .flat_map(|[a, b]| letters.clone().map(move |c| vec![a, b, c]))
            .collect(),
    };
    for pattern in patterns(DISTINCT).into_iter().chain([codes]) {
        for (bit, r) in bits.iter().zip(correlations(&pattern, &bits)) {
            // The bound is four and a half standard errors. Among 153 correlations, one above has a chance of one in a
            // thousand.
            let bound = 4.5 / (RUNS as f64).sqrt();
            assert!(r.abs() < bound, "{}, bit {bit}: correlation {r}", pattern.name);
        }
    }
}
