//! What two sketches tell of each other at once: exact where it can be known, within what is known of each, and bounds
//! that hold their confidence.

mod random;

use allocator_api2::alloc::Global;
use cvm_sketch::interval::{Confidence, Interval, bounds};
use cvm_sketch::threshold::STEP;
use cvm_sketch::{EncodedSketch, Header, Kind, OperationError, Sketch, between, operations};
use random::SplitMix;

fn confidence(number: f64) -> Confidence {
    Confidence::new(number).unwrap()
}

impl SplitMix {
    fn values(&mut self, count: u64) -> Vec<u64> {
        (0..count).map(|_| self.next()).collect()
    }
}

fn sketch(capacity: u32, parts: [&[u64]; 2]) -> Vec<u8> {
    let mut sketch = Sketch::new(capacity, 0);
    for part in parts {
        sketch.insert_all(part).unwrap();
    }
    sketch.encode()
}

fn parse(bytes: &[u8]) -> EncodedSketch<'_> {
    EncodedSketch::parse(bytes).unwrap()
}

fn intersection(a: &[u8], b: &[u8], number: f64) -> Interval<u64> {
    between::intersection(&parse(a), &parse(b), confidence(number), &Global).unwrap()
}

fn difference(a: &[u8], b: &[u8], number: f64) -> Interval<u64> {
    between::difference(&parse(a), &parse(b), confidence(number), &Global).unwrap()
}

fn containment(a: &[u8], b: &[u8], number: f64) -> Interval<f64> {
    between::containment(&parse(a), &parse(b), confidence(number), &Global).unwrap()
}

fn exactly<T: Copy>(value: T) -> Interval<T> {
    Interval {
        estimate: value,
        lower: value,
        upper: value,
    }
}

#[test]
fn what_can_be_known_is_exact() {
    let mut random = SplitMix(1);
    let (x, in_a, in_b) = (random.values(40), random.values(20), random.values(60));
    let (a, b, none) = (
        sketch(1_000, [&x, &in_a]),
        sketch(1_000, [&x, &in_b]),
        sketch(1_000, [&[], &[]]),
    );
    assert_eq!(intersection(&a, &b, 0.95), exactly(40));
    assert_eq!(difference(&a, &b, 0.95), exactly(20));
    assert_eq!(difference(&b, &a, 0.95), exactly(60));
    assert_eq!(containment(&a, &b, 0.95), exactly(40.0 / 60.0));
    let large = sketch(50, [&x, &in_b]);
    let nothing = Sketch::new(Header::NOTHING.capacity(), 0).encode();
    for none in [&none, &nothing] {
        assert_eq!(intersection(none, &large, 0.95), exactly(0));
        assert_eq!(intersection(&large, none, 0.95), exactly(0));
        assert_eq!(difference(none, &large, 0.95), exactly(0));
        assert_eq!(
            difference(&large, none, 0.95),
            bounds(parse(&large).header(), confidence(0.95))
        );
        assert_eq!(containment(none, &large, 0.95), exactly(1.0));
        assert_eq!(containment(&large, none, 0.95), exactly(0.0));
        assert_eq!(containment(none, none, 0.95), exactly(1.0));
    }
    // A difference without hashes may be empty, and may not: of the values of a, where no hash is left, nothing is
    // known.
    let nobody = operations::difference(&parse(&large), &parse(&large), 0, Global).unwrap();
    for other in [&none, &large] {
        let Interval { estimate, lower, upper } = containment(&nobody, other, 0.95);
        assert!(estimate.is_nan() && lower == 0.0 && upper == 1.0);
    }
    assert_eq!(intersection(&nobody, &none, 0.95), exactly(0));
    let few = intersection(&nobody, &large, 0.95);
    assert!(few.estimate == 0 && few.lower == 0 && few.upper > 0);
    // No hash of a few values is at the level of very many; then no more is known than that they are no more than there
    // are.
    let few = sketch(50, [&[0, 1, 2].map(|i| u64::MAX - (i << 16)), &[]]);
    let many = sketch(50, [&random.values(50_000), &[]]);
    assert_eq!(
        intersection(&few, &many, 0.95),
        Interval {
            estimate: 0,
            lower: 0,
            upper: 3
        }
    );
    assert_eq!(difference(&few, &many, 0.95).upper, 3);
    assert!(containment(&few, &many, 0.95).estimate.is_nan());
}

/// A hundred sets of 3,000 values inside of a million: the intersection's own sketch is good to 20 % or so.
#[test]
fn a_small_set_inside_of_a_large_one_is_counted() {
    let mut random = SplitMix(2);
    let values = random.values(1_000_000);
    let large = sketch(8_517, [&values, &[]]);
    for (i, part) in values.chunks_exact(3_000).take(100).enumerate() {
        let small = sketch(8_517, [part, &[]]);
        let Interval { estimate, lower, upper } = intersection(&small, &large, 0.95);
        // 25 of 25 hashes or so are in the large one: if a share of 1 - 3.7 / 25 were, that would have a probability of
        // 2.5 %.
        let told = operations::intersection(&parse(&small), &parse(&large), 0, Global).unwrap();
        let told = parse(&told).header().retained() as f64;
        assert_eq!((estimate, upper), (3_000, 3_000), "set {i}");
        assert!(
            lower as f64 >= 3_000.0 * 0.025_f64.powf(1.0 / told) - 1.0,
            "set {i}: {lower}"
        );
        assert_eq!(difference(&small, &large, 0.95).estimate, 0);
        let share = containment(&small, &large, 0.95);
        assert!(share.estimate == 1.0 && share.upper == 1.0 && share.lower * 3_000.0 == lower as f64);
        // And 3,000 of the million, which are known to 1 % or so.
        let share = containment(&large, &small, 0.95);
        assert!((share.estimate / 0.003 - 1.0).abs() < 0.05, "set {i}: {share:?}");
        assert!(share.upper < 0.003 * 1.05, "set {i}: {share:?}");
    }
}

#[test]
fn answers_keep_to_what_is_known_of_each_set() {
    let mut random = SplitMix(3);
    for round in 0..400 {
        let size = |random: &mut SplitMix| 1 << (random.next() % 14);
        let [both, only_a, only_b] = [(); 3].map(|()| size(&mut random)).map(|size| random.values(size));
        let capacities = [(); 2].map(|()| [8, 50, 400][random.next() as usize % 3]);
        let (mut a, b) = (
            sketch(capacities[0], [&both, &only_a]),
            sketch(capacities[1], [&both, &only_b]),
        );
        if round % 4 == 0 {
            a = operations::difference(
                &parse(&a),
                &parse(&sketch(50, [&only_a[..only_a.len() / 2], &[]])),
                0,
                Global,
            )
            .unwrap()
            .to_vec();
        }
        let (x, y) = (parse(&a), parse(&b));
        let (in_a, in_b) = (x.header().estimate(), y.header().estimate());
        let common = operations::intersection(&x, &y, 0, Global).unwrap();
        let rest = operations::difference(&x, &y, 0, Global).unwrap();
        let (common, rest) = (*parse(&common).header(), *parse(&rest).header());
        for number in [1e-9, 0.5, 0.95, 1.0 - 1e-12] {
            let of_a = bounds(x.header(), confidence(number));
            let of_b = bounds(y.header(), confidence(number));
            let inside = intersection(&a, &b, number);
            assert_eq!(intersection(&b, &a, number), inside, "it has no order");
            assert!(inside.lower <= inside.estimate && inside.estimate <= inside.upper);
            assert!(inside.estimate <= in_a.min(in_b) && inside.upper <= of_a.upper.min(of_b.upper));
            // A hash in both is all but surely of a value in both. At the highest confidence that is not enough.
            let is_sure = number < 0.99;
            assert!(inside.lower >= common.retained() as u64 || inside.lower == inside.estimate || !is_sure);
            let outside = difference(&a, &b, number);
            assert!(outside.lower <= outside.estimate && outside.estimate <= outside.upper);
            assert!(outside.estimate <= in_a && outside.upper <= of_a.upper && outside.lower >= rest.retained() as u64);
            let share = containment(&a, &b, number);
            assert!(0.0 <= share.lower && share.upper <= 1.0);
            assert!(share.estimate.is_nan() || share.lower <= share.estimate && share.estimate <= share.upper);
            // Two samples of one level know no more than their intersection and their difference, unless these are
            // thinned.
            if x.header().level() == y.header().level() && capacities[0] == capacities[1] {
                // Where all hashes of a sketch belong, its own estimate is the answer.
                let (all, of_rest) = (x.header().retained(), bounds(&rest, confidence(number)));
                let is_all = [x.header(), y.header()].map(|header| header.retained() == common.retained());
                let estimate = match is_all {
                    _ if common.retained() == 0 => 0,
                    [true, true] => in_a.min(in_b),
                    [true, false] => in_a,
                    [false, true] => in_b,
                    [false, false] => common.estimate(),
                };
                assert_eq!(inside.estimate, estimate.min(in_a).min(in_b));
                match all > 0 && rest.retained() == all {
                    true => assert_eq!(outside, of_a),
                    false => assert_eq!(outside, of_rest),
                }
                let Interval { lower, upper, .. } = bounds(&common, confidence(number));
                let upper = upper.max(estimate).min(of_b.upper).min(of_a.upper);
                assert_eq!(inside.upper, upper.max(inside.estimate));
                assert!(inside.lower == lower || !is_sure && inside.lower < lower);
            }
        }
    }
}

#[test]
fn sketches_that_do_not_go_together_are_refused() {
    let of = |seed, kind| Sketch::new(50, seed).of_kind(kind).encode();
    let a = of(1, Kind::Integer);
    for (b, error) in [
        (of(2, Kind::Integer), OperationError::Seeds(1, 2)),
        (of(1, Kind::Text), OperationError::Kinds(Kind::Integer, Kind::Text)),
    ] {
        let (a, b, number) = (parse(&a), parse(&b), confidence(0.95));
        assert_eq!(between::intersection(&a, &b, number, &Global), Err(error));
        assert_eq!(between::difference(&a, &b, number, &Global), Err(error));
        assert_eq!(between::containment(&a, &b, number, &Global), Err(error));
    }
}

/// How often the truth was below the interval, and above, of how many times.
#[derive(Clone, Copy, Default)]
struct Tally {
    runs: u64,
    below: u64,
    above: u64,
}

impl Tally {
    /// With a tolerance for shares that are computed in another way than the truth.
    fn add(&mut self, truth: f64, lower: f64, upper: f64) {
        self.runs += 1;
        self.below += u64::from(truth < lower - 1e-12);
        self.above += u64::from(truth > upper + 1e-12);
    }

    /// A miss has at most probability alpha: the count is at most its mean and four standard deviations of the
    /// binomial.
    fn check(&self, alpha: f64, what: &str) {
        let expected = self.runs as f64 * alpha;
        let limit = expected + 4.0 * (expected * (1.0 - alpha)).sqrt();
        assert!(
            (self.below + self.above) as f64 <= limit,
            "{what}: missed below {} and above {} times of {}",
            self.below,
            self.above,
            self.runs
        );
    }
}

#[test]
fn bounds_cover() {
    const RUNS: u64 = 200;
    const NUMBERS: [f64; 3] = [0.8, 0.95, 0.99];
    let names = ["intersection", "a - b", "b - a", "a in b", "b in a"];
    let mut random = SplitMix(4);
    let mut totals = [[Tally::default(); 3]; 5];
    // Capacities, and values in a and in b: an exact one beside one that is not; levels that are near, and far; of
    // which each is the finer; and so few hashes that hardly any is left.
    for ((capacity_a, capacity_b), size_a, size_b) in [
        ((64, 64), 60, 100),
        ((64, 64), 60, 700),
        ((64, 64), 100, 200),
        ((64, 64), 100, 1_000),
        ((64, 64), 700, 700),
        ((64, 200), 700, 700),
        ((200, 64), 190, 180),
        ((400, 64), 700, 150),
        ((8, 8), 20, 100),
        ((16, 16), 100, 1_000),
        ((64, 64), 200, 20_000),
        ((400, 400), 3_000, 5_000),
        ((400, 400), 3_000, 9_000),
    ] {
        for phase in 0..2 {
            for share in [0.005, 0.05, 0.3, 0.7, 0.95, 1.0] {
                let size_b = (f64::from(size_b) * STEP.powf(-f64::from(phase) / 2.0)).round() as u64;
                let both = ((size_a.min(size_b) as f64 * share).round() as u64).max(1);
                let mut tallies = [[Tally::default(); 3]; 5];
                for run in 0..RUNS {
                    let x = random.values(both);
                    let mut a = sketch(capacity_a, [&x, &random.values(size_a - both)]);
                    let b = sketch(capacity_b, [&x, &random.values(size_b - both)]);
                    // Every fourth time, a is a derived sketch: what is left when other values are taken away again.
                    if run % 4 == 0 {
                        let others = random.values(size_a);
                        let other = sketch(capacity_a, [&others, &[]]);
                        let union = operations::union(&parse(&a), &parse(&other), 0, Global).unwrap();
                        a = operations::difference(&parse(&union), &parse(&other), 0, Global)
                            .unwrap()
                            .to_vec();
                    }
                    let [truth, only_a, only_b] = [both, size_a - both, size_b - both].map(|count| count as f64);
                    for (i, number) in NUMBERS.into_iter().enumerate() {
                        for (case, truth, interval) in [
                            (0, truth, intersection(&a, &b, number)),
                            (1, only_a, difference(&a, &b, number)),
                            (2, only_b, difference(&b, &a, number)),
                        ] {
                            tallies[case][i].add(truth, interval.lower as f64, interval.upper as f64);
                        }
                        for (case, truth, interval) in [
                            (3, truth / size_a as f64, containment(&a, &b, number)),
                            (4, truth / size_b as f64, containment(&b, &a, number)),
                        ] {
                            tallies[case][i].add(truth, interval.lower, interval.upper);
                        }
                    }
                }
                for (case, name) in names.iter().enumerate() {
                    for (i, number) in NUMBERS.into_iter().enumerate() {
                        let tally = tallies[case][i];
                        let what = format!(
                            "{name} at {number}, {size_a} and {size_b} values, {both} in both, capacities {capacity_a} and {capacity_b}"
                        );
                        tally.check(1.0 - number, &what);
                        // Few hashes are too coarse to come near what may be missed, and with hardly any or all values
                        // common one end is all but known.
                        if capacity_a.min(capacity_b) == 400 && (0.3..0.9).contains(&share) {
                            totals[case][i].runs += tally.runs;
                            totals[case][i].below += tally.below;
                            totals[case][i].above += tally.above;
                        }
                    }
                }
            }
        }
    }
    // Intervals that never miss would be too wide.
    for (case, name) in names.iter().enumerate() {
        for (i, number) in NUMBERS.into_iter().enumerate() {
            let Tally { runs, below, above } = totals[case][i];
            let rate = |misses: u64| misses as f64 / runs as f64;
            eprintln!(
                "{name} at {number}: missed below {:.4}, above {:.4}",
                rate(below),
                rate(above)
            );
            totals[case][i].check(1.0 - number, name);
            assert!(
                rate(below + above) > 0.25 * (1.0 - number),
                "{name} at {number}: missed only {below} + {above}"
            );
        }
    }
}
