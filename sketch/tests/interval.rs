//! Intervals hold their confidence: computed over all phases of n for sketches of values, simulated for those that went
//! through set operations.

mod random;

use allocator_api2::alloc::Global;
use cvm_sketch::between::jaccard;
use cvm_sketch::interval::{Confidence, Interval, bounds};
use cvm_sketch::threshold::STEP;
use cvm_sketch::{EncodedSketch, Header, Sketch, operations};
use random::SplitMix;
use statrs::function::beta::beta_reg;
use statrs::function::gamma::ln_gamma;

fn confidence(number: f64) -> Confidence {
    Confidence::new(number).unwrap()
}

/// A header with a level and a number of retained hashes, by way of bytes as a sketch would have them: the hashes do
/// not matter to the bounds.
fn header(capacity: u32, level: u16, retained: u32) -> Header {
    header_of(capacity, level, retained, false)
}

fn header_of(capacity: u32, level: u16, retained: u32, is_derived: bool) -> Header {
    let mut bytes = vec![1, u8::from(is_derived)];
    bytes.extend(level.to_le_bytes());
    bytes.extend(capacity.to_le_bytes());
    bytes.extend(retained.to_le_bytes());
    bytes.extend([0; 8]);
    Header::parse(&bytes).unwrap()
}

/// The probability that the bounds of a sketch of n values miss n, for an ideal hash: below, and above.
///
/// As in `accuracy.rs`: the sketch stops at level j with k hashes when k < B of the hashes belong to level j, and at
/// least B to level j - 1.
fn misses(capacity: u32, n: u64, confidence: Confidence) -> (f64, f64) {
    let size = f64::from(capacity);
    let (mut below, mut above) = (0.0, 0.0);
    for level in 1_u16..200 {
        let p = STEP.powi(i32::from(level));
        let mean = n as f64 * p;
        if mean / STEP + 8.0 * (mean / STEP).sqrt() + 30.0 < size {
            break;
        }
        let reach = 8.0 * mean.sqrt() + 30.0;
        let highest = (mean + reach).min(size - 1.0).min(n as f64) as u32;
        let chance = |k: u32| {
            let (k, n) = (f64::from(k), n as f64);
            let ln_choose = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
            let point = (ln_choose + k * p.ln() + (n - k) * (-p).ln_1p()).exp();
            let (needed, q) = (size - k, (p / STEP - p) / (1.0 - p));
            match () {
                () if needed > n - k => 0.0,
                () if level == 1 => point,
                () => point * beta_reg(needed, n - k - needed + 1.0, q),
            }
        };
        // The bounds rise with k: those that miss are at both ends.
        let mut k = (mean - reach).max(0.0) as u32;
        while k <= highest && bounds(&header(capacity, level, k), confidence).upper < n {
            below += chance(k);
            k += 1;
        }
        let mut k = highest;
        while f64::from(k) > mean && bounds(&header(capacity, level, k), confidence).lower > n {
            above += chance(k);
            k -= 1;
        }
    }
    (below, above)
}

#[test]
fn bounds_cover_over_all_phases() {
    for capacity in [8_u32, 50, 190, 759, 8_517] {
        for number in [0.8, 0.9, 0.95, 0.99, 0.999] {
            let alpha = 1.0 - number;
            let mut worst: f64 = 0.0;
            // 24 phases of n far above the capacity, then sizes just above it, where a sketch is nearly exact.
            let far = (0..24).map(|phase| f64::from(capacity) / STEP.powf(12.0 + f64::from(phase) / 12.0));
            let near = (0..16).map(|step| f64::from(capacity) * 1.07_f64.powi(step));
            for n in far.chain(near) {
                let (below, above) = misses(capacity, n.round() as u64, confidence(number));
                assert!(
                    below + above <= alpha,
                    "capacity {capacity}, confidence {number}, n {n}: missed with {below} + {above}"
                );
                worst = worst.max(below + above);
            }
            // Nor are they wasteful; with few hashes the binomial is too coarse to come near.
            if capacity >= 190 {
                assert!(
                    worst > 0.75 * alpha,
                    "capacity {capacity}, confidence {number}: {worst}"
                );
            }
        }
    }
}

#[test]
fn bounds_are_ordered_at_every_level() {
    for level in [0, 1, 2, 10, 100, 180, 280] {
        for retained in [0, 1, 2, 7, 100, 8_000] {
            if level == 280 && retained > 7 {
                continue;
            }
            for number in [1e-9, 0.5, 0.95, 1.0 - 1e-12] {
                let Interval { estimate, lower, upper } = bounds(&header(8_517, level, retained), confidence(number));
                assert!(
                    lower <= estimate && estimate <= upper,
                    "level {level}, retained {retained}"
                );
                assert!(lower >= u64::from(retained));
                assert_eq!(lower == upper, level == 0 || (lower, upper) == (estimate, estimate));
            }
        }
    }
    // No hash at level j: (1 - p)^n is the error left above, a third of 5 %. Of a set whose own level this is, it is
    // known that 100 hashes belong to the level before.
    let none = bounds(&header_of(100, 20, 0, true), confidence(0.95));
    let expected = (0.05_f64 / 3.0).ln() / (-STEP.powi(20)).ln_1p();
    let own = bounds(&header(100, 20, 0), confidence(0.95));
    let least = (100.0 / STEP.powi(19)).round() as u64;
    assert_eq!((own.estimate, own.lower, own.upper), (least, 0, least));
    assert_eq!((none.estimate, none.lower), (0, 0));
    assert!(
        (none.upper as f64 - expected).abs() < 2.0,
        "{}, not {expected}",
        none.upper
    );
}

#[test]
fn a_confidence_that_is_none_is_refused() {
    for number in [0.0, 1.0, -0.5, 2.0, f64::NAN, f64::INFINITY] {
        assert!(Confidence::new(number).is_err());
    }
    let message = Confidence::new(2.0).unwrap_err().to_string();
    assert_eq!(message, "confidence must be greater than 0 and less than 1, not 2");
}

/// How often an interval missed, of how many times.
#[derive(Default)]
struct Tally {
    runs: u64,
    misses: u64,
}

impl Tally {
    fn add(&mut self, is_missed: bool) {
        self.runs += 1;
        self.misses += u64::from(is_missed);
    }

    /// A miss has at most probability alpha: the count is at most its mean and four standard deviations of the
    /// binomial.
    fn check(&self, alpha: f64, what: &str) {
        let expected = self.runs as f64 * alpha;
        let limit = expected + 4.0 * (expected * (1.0 - alpha)).sqrt();
        assert!(
            self.misses as f64 <= limit,
            "{what}: {} missed of {}",
            self.misses,
            self.runs
        );
    }
}

#[test]
fn bounds_cover_after_set_operations() {
    const RUNS: u64 = 1_500;
    const NUMBERS: [f64; 3] = [0.9, 0.95, 0.99];
    let names = ["a", "union", "intersection", "difference", "three-way", "jaccard"];
    let mut random = SplitMix(4);
    let mut totals: [[Tally; 3]; 6] = Default::default();
    // (values in a, share of them that is in b as well, values in b, capacities), over phases between levels.
    for phase in 0..6 {
        for (share, ratio, capacities) in [
            (0.002, 1.0, (64, 64)),
            (0.05, 1.0, (64, 64)),
            (0.3, 3.0, (64, 64)),
            (0.7, 1.0, (128, 64)),
            (1.0, 1.0, (64, 64)),
            (1.0, 5.0, (64, 200)),
        ] {
            let in_a = (700.0 * STEP.powf(-f64::from(phase) / 6.0)).round() as u64;
            let in_both = ((in_a as f64 * share).round() as u64).max(1);
            let in_b = ((in_a as f64 * ratio).round() as u64).max(in_both);
            let mut tallies: [[Tally; 3]; 6] = Default::default();
            for _ in 0..RUNS {
                let (mut a, mut b) = (Sketch::new(capacities.0, 0), Sketch::new(capacities.1, 0));
                let both: Vec<u64> = (0..in_both).map(|_| random.next()).collect();
                for (sketch, size) in [(&mut a, in_a), (&mut b, in_b)] {
                    let rest: Vec<u64> = (in_both..size).map(|_| random.next()).collect();
                    sketch.insert_all(&both).unwrap();
                    sketch.insert_all(&rest).unwrap();
                }
                let (a, b) = (a.encode(), b.encode());
                let (a, b) = (EncodedSketch::parse(&a).unwrap(), EncodedSketch::parse(&b).unwrap());
                let union = operations::union(&a, &b, 0, Global).unwrap();
                let intersection = operations::intersection(&a, &b, 0, Global).unwrap();
                let difference = operations::difference(&a, &b, 0, Global).unwrap();
                let (x, y) = (
                    EncodedSketch::parse(&difference).unwrap(),
                    EncodedSketch::parse(&intersection).unwrap(),
                );
                let three_way = operations::union(&x, &y, 0, Global).unwrap();
                let header = |bytes: &[u8]| Header::parse(bytes).unwrap();
                let cases = [
                    (*a.header(), in_a),
                    (header(&union), in_a + in_b - in_both),
                    (header(&intersection), in_both),
                    (header(&difference), in_a - in_both),
                    (header(&three_way), in_a),
                ];
                let truth = in_both as f64 / (in_a + in_b - in_both) as f64;
                for (i, number) in NUMBERS.into_iter().enumerate() {
                    for (case, (sketch, truth)) in cases.iter().enumerate() {
                        let interval = bounds(sketch, confidence(number));
                        tallies[case][i].add(!(interval.lower..=interval.upper).contains(truth));
                    }
                    let interval = jaccard(&a, &b, confidence(number), &Global).unwrap();
                    tallies[5][i].add(!(interval.lower..=interval.upper).contains(&truth));
                }
            }
            for (case, name) in names.iter().enumerate() {
                for (i, number) in NUMBERS.into_iter().enumerate() {
                    let what = format!("{name} at {number}, {in_a} and {in_b} values, {in_both} in both");
                    tallies[case][i].check(1.0 - number, &what);
                    totals[case][i].runs += tallies[case][i].runs;
                    totals[case][i].misses += tallies[case][i].misses;
                }
            }
        }
    }
    // Intervals that never miss would be too wide: over all cases they miss at least a third as often as they may, but
    // for the Jaccard index, whose hypergeometric distribution is narrower than the binomial.
    for (case, name) in names.iter().enumerate() {
        for (i, number) in NUMBERS.into_iter().enumerate() {
            let rate = totals[case][i].misses as f64 / totals[case][i].runs as f64;
            eprintln!("{name} at {number}: missed {rate:.4}");
            totals[case][i].check(1.0 - number, name);
            let least = if *name == "jaccard" { 0.1 } else { 1.0 / 3.0 };
            assert!(rate > least * (1.0 - number), "{name} at {number}: missed only {rate}");
        }
    }
}

#[test]
fn the_jaccard_index_of_exact_sketches_is_exact() {
    let sketch = |range: std::ops::Range<u64>, seed| {
        let mut sketch = Sketch::new(1_000, seed);
        let hashes: Vec<u64> = range.map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        sketch.insert_all(&hashes).unwrap();
        sketch.encode()
    };
    let index = |a: &[u8], b: &[u8]| {
        let (a, b) = (EncodedSketch::parse(a).unwrap(), EncodedSketch::parse(b).unwrap());
        let Interval { estimate, lower, upper } = jaccard(&a, &b, confidence(0.95), &Global).unwrap();
        (lower, estimate, upper)
    };
    assert_eq!(index(&sketch(0..60, 0), &sketch(40..100, 0)), (0.2, 0.2, 0.2));
    assert_eq!(index(&sketch(0..60, 0), &sketch(0..0, 0)), (0.0, 0.0, 0.0));
    assert_eq!(index(&sketch(0..0, 0), &sketch(0..0, 0)), (1.0, 1.0, 1.0));
    // Full and no overlap of sketches that are not exact: one end is known.
    let (lower, estimate, upper) = index(&sketch(0..9_000, 0), &sketch(0..9_000, 0));
    assert!(
        lower > 0.99 && lower < 1.0 && estimate == 1.0 && upper == 1.0,
        "{lower}"
    );
    let (lower, estimate, upper) = index(&sketch(0..9_000, 0), &sketch(10_000..19_000, 0));
    assert!(
        lower == 0.0 && estimate == 0.0 && upper > 0.0 && upper < 0.01,
        "{upper}"
    );
    // The sketch of nothing goes with any seed.
    let nothing = Sketch::new(Header::NOTHING.capacity(), 0).encode();
    assert_eq!(index(&sketch(0..9_000, 5), &nothing), (0.0, 0.0, 0.0));
    // A difference without hashes may be empty, and may not.
    let full = sketch(0..9_000, 0);
    let full = EncodedSketch::parse(&full).unwrap();
    let none = operations::difference(&full, &full, 0, Global).unwrap();
    let (lower, estimate, upper) = index(&none, &nothing);
    assert!(lower == 0.0 && estimate.is_nan() && upper == 1.0);
}
