//! What a sketch says of so many values that they share cells: of 10^9 to 10^12. Nobody can insert these. But a sketch
//! of them has only the smallest cells that they hit, and these can be drawn.
//!
//! n values fall into M = 2^40 cells. If n is random with Poisson's distribution, each cell is hit by chance, and each
//! on its own: with the probability 1 - exp(-a) for a = n / M. The smallest cells are a tiny part of all, so that n is
//! random makes no difference to them. From one that is hit to the next it is a geometric number of cells. Of two sets,
//! the values in one, in the other and in both hit a cell or not, each on their own.
//!
//! With k cells below the threshold, the variance of a is that of -ln(1 - k / T): (e^a - 1)(1 - e^-a) / (a^2 k), as a
//! share of a^2. Without lost values it is 1 / k. So the error is larger by g(a) = sqrt((e^a - 1)(1 - e^-a)) / a:
//! 1.000003 at 10^10 values, 1.0055 at 4 x 10^11, 1.035 at 10^12, 1.14 at 2 x 10^12, 5.2 at 8 x 10^12.

mod random;

use allocator_api2::alloc::Global;
use cvm_sketch::capacity::DEFAULT_CAPACITY;
use cvm_sketch::interval::{Confidence, Interval, bounds};
use cvm_sketch::threshold::STEP;
use cvm_sketch::{Accuracy, EncodedSketch, Sketch, between, operations};
use random::SplitMix;

const CELLS: f64 = (1_u64 << 40) as f64;
const NUMBERS: [f64; 3] = [0.8, 0.95, 0.99];

fn confidence(number: f64) -> Confidence {
    Confidence::new(number).unwrap()
}

fn parse(bytes: &[u8]) -> EncodedSketch<'_> {
    EncodedSketch::parse(bytes).unwrap()
}

impl SplitMix {
    /// Above 0, at most 1.
    fn share(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

/// Two sets, by the number of their values.
#[derive(Clone, Copy, Debug)]
struct Sets {
    both: f64,
    only_a: f64,
    only_b: f64,
}

impl Sets {
    fn a(&self) -> f64 {
        self.both + self.only_a
    }

    fn b(&self) -> f64 {
        self.both + self.only_b
    }

    fn either(&self) -> f64 {
        self.both + self.only_a + self.only_b
    }

    /// Sketches of these capacities, of the smallest cells that each set hits: as many as fill a sketch, which is all
    /// that its level depends on.
    fn draw(&self, capacities: [u32; 2], random: &mut SplitMix) -> [Vec<u8>; 2] {
        let [a, b, either] = [self.a(), self.b(), self.either()].map(|values| values / CELLS);
        let hit = -(-either).exp_m1();
        // Of the cells that are hit, these are hit by b alone, and these by a alone.
        let only_b = ((-a).exp() - (-either).exp()) / hit;
        let only_a = ((-b).exp() - (-either).exp()) / hit;
        let wanted = [a, b].map(|values| values > 0.0);
        let mut hashes: [Vec<u64>; 2] = Default::default();
        let is_full = |hashes: &Vec<u64>, i: usize| !wanted[i] || hashes.len() >= capacities[i] as usize;
        let mut cell = 0_u64;
        while !is_full(&hashes[0], 0) || !is_full(&hashes[1], 1) {
            cell += (-random.share().ln() / either) as u64;
            let which = random.share();
            let belongs = [which > only_b, which <= only_b || which > only_a + only_b];
            for (i, hashes) in hashes.iter_mut().enumerate() {
                if belongs[i] && !is_full(hashes, i) {
                    hashes.push(cell << 24);
                }
            }
            cell += 1;
        }
        assert!(cell < 1 << 40);
        [0, 1].map(|i| {
            let mut sketch = Sketch::new(capacities[i], 0);
            sketch.insert_all(&hashes[i]).unwrap();
            sketch.encode()
        })
    }
}

/// How often the truth was outside of an interval, of how many times.
#[derive(Clone, Copy, Default)]
struct Tally {
    runs: u64,
    below: u64,
    above: u64,
}

impl Tally {
    fn add(&mut self, truth: f64, lower: f64, upper: f64) {
        self.runs += 1;
        self.below += u64::from(truth < lower * (1.0 - 1e-12));
        self.above += u64::from(truth > upper * (1.0 + 1e-12));
    }

    fn add_all(&mut self, other: &Tally) {
        self.runs += other.runs;
        self.below += other.below;
        self.above += other.above;
    }

    fn rate(&self) -> f64 {
        (self.below + self.above) as f64 / self.runs as f64
    }

    /// A miss has at most probability alpha: the count is at most its mean and four standard deviations of the
    /// binomial, and one.
    fn check(&self, alpha: f64, what: &str) {
        let expected = self.runs as f64 * alpha;
        let limit = expected + 4.0 * (expected * (1.0 - alpha)).sqrt() + 1.0;
        assert!(
            (self.below + self.above) as f64 <= limit,
            "{what}: missed below {} and above {} times of {}",
            self.below,
            self.above,
            self.runs
        );
    }
}

/// Mean and root mean square of relative errors.
#[derive(Clone, Copy, Default)]
struct Errors {
    runs: f64,
    sum: f64,
    squares: f64,
}

impl Errors {
    fn add(&mut self, error: f64) {
        self.runs += 1.0;
        self.sum += error;
        self.squares += error * error;
    }

    fn mean(&self) -> f64 {
        self.sum / self.runs
    }

    fn typical(&self) -> f64 {
        (self.squares / self.runs).sqrt()
    }

    /// The mean is within four standard errors of 0, and a bias that is this share of the typical error.
    fn check(&self, bias: f64, what: &str) {
        let limit = (4.0 / self.runs.sqrt() + bias) * self.typical();
        assert!(
            self.mean().abs() <= limit,
            "{what}: bias {:.6} of {:.6}",
            self.mean(),
            self.typical()
        );
    }
}

/// How much larger the error is at so many values.
fn growth(values: f64) -> f64 {
    let a = values / CELLS;
    (a.exp_m1() * -(-a).exp_m1()).sqrt() / a
}

/// One sketch: of the values, or the union of sketches of parts, which is the same to the byte.
#[test]
fn the_estimate_keeps_its_promise() {
    for values in [1e9, 1e10, 1e11, 4e11, 1e12] {
        // The largest bias of an estimate that never falls, as `set/estimate.rs` says, as a share of the error.
        for (accuracy, bias, runs) in [
            ((0.5, 0.1), 1.0 / 9.0, 900_u32),
            ((0.2, 0.1), 1.0 / 20.0, 600),
            ((0.03, 0.01), 1.0 / 60.0, 60),
            ((0.01, 0.01), 1.0 / 60.0, 3),
        ] {
            let accuracy = Accuracy::new(accuracy.0, accuracy.1).unwrap();
            let capacity = accuracy.capacity();
            let mut random = SplitMix(u64::from(capacity) + values as u64);
            let (mut errors, mut failures) = (Errors::default(), Tally::default());
            let mut tallies = [Tally::default(); 3];
            for run in 0..runs {
                // Over six phases between two levels.
                let values = values * STEP.powf(f64::from(run % 6) / 6.0);
                let sets = Sets {
                    both: values / 4.0,
                    only_a: values / 4.0,
                    only_b: values / 2.0,
                };
                let [a, b] = sets.draw([capacity, capacity], &mut random);
                let union = operations::union(&parse(&a), &parse(&b), 0, Global).unwrap();
                let union = *parse(&union).header();
                let estimate = union.estimate() as f64;
                errors.add(estimate / values - 1.0);
                failures.add(
                    values,
                    estimate / (1.0 + accuracy.epsilon()),
                    estimate / (1.0 - accuracy.epsilon()),
                );
                for (tally, number) in tallies.iter_mut().zip(NUMBERS) {
                    let interval = bounds(&union, confidence(number));
                    tally.add(values, interval.lower as f64, interval.upper as f64);
                }
            }
            let what = format!("{values:e} values at capacity {capacity}");
            let scaled = errors.typical() * f64::from(capacity).sqrt() / growth(values);
            eprintln!(
                "{what}: bias {:+.3} % of {:.3} %, that is {scaled:.3} g / sqrt(B); fails {:.4}; bounds miss {:.4} {:.4} {:.4}",
                100.0 * errors.mean(),
                100.0 * errors.typical(),
                failures.rate(),
                tallies[0].rate(),
                tallies[1].rate(),
                tallies[2].rate(),
            );
            // C is convex, so that its mean is above C of the mean: by (e^a - 1)^2 e^-a / (2 a k), to second order.
            let a = values / CELLS;
            let convex = a.exp_m1().powi(2) * (-a).exp() / (2.0 * a * STEP * f64::from(capacity));
            errors.check(bias + convex / errors.typical(), &what);
            // Between the errors of the fullest and the emptiest sketch. For few runs the standard error of a root mean
            // square counts, 1 / sqrt(2 runs): four of them. For few hashes the error is some 10 % larger.
            let tolerance = 4.0 / f64::from(2 * runs).sqrt() + if capacity < 100 { 0.12 } else { 0.01 };
            assert!(
                scaled > 1.0 - tolerance && scaled < 1.0 / STEP.sqrt() + tolerance,
                "{what}: {scaled}"
            );
            if values <= 4e11 {
                failures.check(accuracy.delta(), &what);
            }
            for (tally, number) in tallies.iter().zip(NUMBERS) {
                tally.check(1.0 - number, &format!("{what}, bounds at {number}"));
            }
        }
    }
}

/// Beyond, cells say less and less, and in the end there are none left to hit.
#[test]
fn beyond_the_limit_estimates_grow_and_bounds_hold() {
    let mut random = SplitMix(5);
    let mut last = 0.0;
    for values in [2e12, 4e12, 8e12] {
        let (mut errors, mut tally) = (Errors::default(), Tally::default());
        for _ in 0..60 {
            let sets = Sets {
                both: 0.0,
                only_a: values,
                only_b: 0.0,
            };
            let [a, _] = sets.draw([DEFAULT_CAPACITY, 8], &mut random);
            let interval = bounds(parse(&a).header(), confidence(0.95));
            errors.add(interval.estimate as f64 / values - 1.0);
            tally.add(values, interval.lower as f64, interval.upper as f64);
        }
        eprintln!("{values:e}: {:+.4}, {:.4}", errors.mean(), errors.typical());
        tally.check(0.05, "beyond");
        let mean = values * (1.0 + errors.mean());
        assert!(mean > last);
        last = mean;
    }
}

/// What the sketches of two sets say of both, each with its bounds and the truth.
fn answers(sets: &Sets, a: &[u8], b: &[u8], number: f64) -> [(Interval<f64>, f64); 6] {
    let (a, b, confidence) = (parse(a), parse(b), confidence(number));
    let of_values = |interval: Interval<u64>| Interval {
        estimate: interval.estimate as f64,
        lower: interval.lower as f64,
        upper: interval.upper as f64,
    };
    let all = [
        (
            of_values(between::intersection(&a, &b, confidence, &Global).unwrap()),
            sets.both,
        ),
        (
            of_values(between::difference(&a, &b, confidence, &Global).unwrap()),
            sets.only_a,
        ),
        (
            of_values(between::difference(&b, &a, confidence, &Global).unwrap()),
            sets.only_b,
        ),
        (
            between::containment(&a, &b, confidence, &Global).unwrap(),
            sets.both / sets.a(),
        ),
        (
            between::containment(&b, &a, confidence, &Global).unwrap(),
            sets.both / sets.b(),
        ),
        (
            between::jaccard(&a, &b, confidence, &Global).unwrap(),
            sets.both / sets.either(),
        ),
    ];
    for (Interval { estimate, lower, upper }, _) in &all {
        assert!(estimate.is_nan() || lower <= estimate && estimate <= upper);
    }
    let (own, others) = (
        bounds(a.header(), confidence).upper as f64,
        bounds(b.header(), confidence).upper as f64,
    );
    assert!(all[0].0.upper <= own.min(others) && all[1].0.upper <= own && all[2].0.upper <= others);
    all
}

const NAMES: [&str; 6] = ["intersection", "a - b", "b - a", "a in b", "b in a", "jaccard"];

#[test]
fn what_two_sets_share_keeps_its_promise() {
    for values in [1e9, 1e10, 1e11, 1e12] {
        let mut totals = [[Tally::default(); 3]; 6];
        // Capacities, and how many times the values of a are in b.
        for (capacities, times, runs) in [
            ([8, 8], 1.0, 240_u32),
            ([100, 100], 1.0, 120),
            ([100, 100], 10.0, 60),
            ([100, 1_000], 1.0, 36),
            ([1_000, 100], 1.0, 36),
            ([1_000, 1_000], 30.0, 12),
            ([DEFAULT_CAPACITY; 2], 1.0, 12),
            ([DEFAULT_CAPACITY, 1_000], 1.0, 8),
            ([1_000, 76_270], 1.0, 1),
            ([76_270; 2], 1.0, 1),
        ] {
            // Disjoint, half overlapping, and a inside of b.
            for share in [0.0, 0.01, 0.5, 1.0] {
                let mut tallies = [[Tally::default(); 3]; 6];
                let mut errors = [Errors::default(); 6];
                let mut random = SplitMix(values as u64 + u64::from(capacities[0] + 7 * capacities[1]));
                for run in 0..runs {
                    let values = values * STEP.powf(f64::from(run % 6) / 6.0);
                    let in_a = values / times;
                    let sets = Sets {
                        both: in_a * share,
                        only_a: in_a * (1.0 - share),
                        only_b: values - in_a * share,
                    };
                    let [a, b] = sets.draw(capacities, &mut random);
                    for (i, number) in NUMBERS.into_iter().enumerate() {
                        for (case, (interval, truth)) in answers(&sets, &a, &b, number).into_iter().enumerate() {
                            tallies[case][i].add(truth, interval.lower, interval.upper);
                            if i == 0 && truth > 0.0 && !interval.estimate.is_nan() {
                                errors[case].add(interval.estimate / truth - 1.0);
                            }
                        }
                    }
                }
                for case in 0..NAMES.len() {
                    let what = format!(
                        "{} of {values:e} values, capacities {capacities:?}, 1 to {times}, share {share}",
                        NAMES[case]
                    );
                    for (i, number) in NUMBERS.into_iter().enumerate() {
                        tallies[case][i].check(1.0 - number, &format!("{what}, at {number}"));
                        totals[case][i].add_all(&tallies[case][i]);
                    }
                    // Where few cells are common, the estimate is often cut off at 0.
                    if share == 0.5 && times == 1.0 && capacities[0].min(capacities[1]) >= 100 {
                        errors[case].check(0.1, &what);
                    }
                }
            }
        }
        for (case, name) in NAMES.iter().enumerate() {
            let rates = totals[case].map(|tally| tally.rate());
            eprintln!("{name} of {values:e} values: missed {rates:.4?}");
            for (tally, number) in totals[case].iter().zip(NUMBERS) {
                tally.check(1.0 - number, &format!("{name} of {values:e} values at {number}"));
            }
            // Intervals that never miss would be too wide. At 10^12 they are wider than they need be.
            let least = if values > 1e11 { 0.05 } else { 0.2 };
            assert!(
                rates[0] > least * 0.2,
                "{name} of {values:e} values: missed only {rates:?}"
            );
        }
    }
}

/// Large samples at low levels have nearly all cells, of which some are common by chance. That number varies as
/// Poisson's does, while the binomial distribution of what is sampled hardly varies.
#[test]
fn what_is_shared_by_chance_is_no_surprise_at_low_levels() {
    let mut random = SplitMix(6);
    let mut values = |count: u64| -> Vec<u64> { (0..count).map(|_| random.next()).collect() };
    // Of 300,000 and 300,000 values, 9 x 10^10 / 2^40 = 0.08 cells are common by chance; of 1.2 million each, 1.3.
    for (capacity, size, both, runs) in [
        (1_u32 << 18, 300_000_u64, 0_u64, 10),
        (1 << 18, 300_000, 1, 10),
        (1 << 20, 1_200_000, 0, 8),
    ] {
        let mut tallies = [[Tally::default(); 2]; 6];
        for _ in 0..runs {
            let common = values(both);
            let [a, b] = [(); 2].map(|()| {
                let mut sketch = Sketch::new(capacity, 0);
                sketch.insert_all(&common).unwrap();
                sketch.insert_all(&values(size - both)).unwrap();
                assert!((1..=2).contains(&sketch.level()));
                sketch.encode()
            });
            let rest = (size - both) as f64;
            let sets = Sets {
                both: both as f64,
                only_a: rest,
                only_b: rest,
            };
            for (i, number) in [0.8, 0.95].into_iter().enumerate() {
                for (case, (interval, truth)) in answers(&sets, &a, &b, number).into_iter().enumerate() {
                    tallies[case][i].add(truth, interval.lower, interval.upper);
                }
            }
        }
        for (case, name) in NAMES.iter().enumerate() {
            let what = format!("{name} of {size} values, {both} in both, capacity {capacity}");
            eprintln!("{what}: missed {:.3?}", tallies[case].map(|tally| tally.rate()));
            for (tally, number) in tallies[case].iter().zip([0.8, 0.95]) {
                tally.check(1.0 - number, &format!("{what}, at {number}"));
            }
        }
    }
}
