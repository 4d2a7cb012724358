//! The promise: P(|estimate / n - 1| > epsilon) <= delta for every n, and how little the estimate is biased. Computed,
//! not sampled; then a seeded simulation of the sketch itself shows that the computation describes it.

mod random;

use cvm_sketch::capacity::{DEFAULT_CAPACITY, MIN_CAPACITY};
use cvm_sketch::threshold::STEP;
use cvm_sketch::{Accuracy, Sketch};
use random::SplitMix;
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::beta_reg;
use statrs::function::gamma::{gamma_lr, ln_gamma};
use std::ops::RangeInclusive;

/// Visits every way in which a sketch of n distinct values may end, for an ideal hash: `visit` gets its probability,
/// and over n, the number that is estimated without bias and the estimate. Those whose estimate is `passed_over` are
/// left out.
///
/// The sketch stops at level j with k hashes when k < B of the hashes belong to level j and at least B to level j - 1
/// (hence to every level before). Of n values, k belong to level j with the binomial probability of k in n at p_j; of
/// the other n - k, each belongs to level j - 1 with probability q = (p_(j-1) - p_j) / (1 - p_j). So the probability is
///
/// ```text
/// P(k of n at p_j) P(at least B - k of n - k at q)
/// ```
///
/// and the estimate is k / p_j, or B / p_(j-1) if that is larger: as if never fewer than B p_j / p_(j-1) belonged.
///
/// `n = None` stands for n so large that the binomials are Poisson; then `mean` is the mean at the level before the
/// first one considered, and any real number, so that all phases between two levels can be tried.
fn visit_ends(
    capacity: u32,
    n: Option<u64>,
    mean: f64,
    passed_over: RangeInclusive<f64>,
    mut visit: impl FnMut(f64, f64, f64),
) {
    let capacity = f64::from(capacity);
    for j in 0..200 {
        let p = STEP.powi(j);
        let m = n.map_or(mean * p, |n| n as f64 * p);
        // Beyond ten standard deviations and 40, nothing is left of either tail at delta = 1e-9.
        let reach = 10.0 * m.sqrt() + 40.0;
        if m / STEP + 10.0 * (m / STEP).sqrt() + 40.0 < capacity {
            break;
        }
        // At level 0 of finitely many values, all are there.
        let least = if n.is_some() && j == 0 { 0.0 } else { capacity * STEP };
        let mut k = (m - reach).max(0.0).floor();
        while k < capacity && k <= m + reach {
            let estimate = k.max(least) / m;
            if passed_over.contains(&estimate) {
                k = (m * passed_over.end()).floor() + 1.0;
                continue;
            }
            let needed = capacity - k;
            let (ln_point, overflow) = match n {
                None => (k * m.ln() - m - ln_gamma(k + 1.0), gamma_lr(needed, m / STEP - m)),
                // Every hash belongs to level 0, and there is no level before.
                Some(n) if j == 0 => (if k == n as f64 { 0.0 } else { f64::NEG_INFINITY }, 1.0),
                Some(n) => {
                    let n = n as f64;
                    if k > n {
                        break;
                    }
                    let ln_choose = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
                    let q = (p / STEP - p) / (1.0 - p);
                    let overflow = match () {
                        () if needed > n - k => 0.0,
                        () if j == 1 => 1.0,
                        () => beta_reg(needed, n - k - needed + 1.0, q),
                    };
                    (ln_choose + k * p.ln() + (n - k) * (-p).ln_1p(), overflow)
                }
            };
            visit(ln_point.exp() * overflow, k / m, estimate);
            k += 1.0;
        }
    }
}

/// The probability that the estimate of n distinct values is off by more than epsilon.
fn failure(capacity: u32, epsilon: f64, n: Option<u64>, mean: f64) -> f64 {
    let mut total = 0.0;
    visit_ends(capacity, n, mean, 1.0 - epsilon..=1.0 + epsilon, |probability, _, _| {
        total += probability;
    });
    total
}

/// The mean at the level before the first one considered, for that phase between two levels.
fn mean_at(capacity: u32, phase: f64) -> f64 {
    f64::from(capacity) / STEP.powf(14.0 + phase)
}

/// The worst failure probability over `phases` sizes between two levels, n being large.
fn worst_failure(capacity: u32, epsilon: f64, phases: u32) -> f64 {
    (0..phases)
        .map(|phase| {
            let mean = mean_at(capacity, f64::from(phase) / f64::from(phases));
            failure(capacity, epsilon, None, mean)
        })
        .fold(0.0, f64::max)
}

const DELTAS: [f64; 9] = [0.1, 0.05, 0.02, 0.01, 0.005, 1e-3, 1e-4, 1e-6, 1e-9];

#[test]
fn capacity_keeps_the_promise_over_all_phases() {
    let epsilons = [
        0.5, 0.45, 0.4, 0.35, 0.3, 0.25, 0.235, 0.22, 0.2, 0.18, 0.16, 0.15, 0.13, 0.115, 0.1, 0.09, 0.08, 0.0745,
        0.065, 0.055, 0.047, 0.04, 0.03, 0.025, 0.02, 0.0167, 0.0164, 0.01,
    ];
    for delta in DELTAS {
        for epsilon in epsilons {
            let capacity = Accuracy::new(epsilon, delta).unwrap().capacity();
            let worst = worst_failure(capacity, epsilon, 24);
            assert!(
                worst <= delta,
                "epsilon {epsilon}, delta {delta}: {capacity} fails at {worst}"
            );
            // Nor is it wasteful: a quarter less breaks the promise, but for coarse epsilon, where few hashes matter.
            if epsilon <= 0.1 {
                let less = worst_failure(capacity * 3 / 4, epsilon, 24);
                assert!(less > delta, "epsilon {epsilon}, delta {delta}: {capacity} is too much");
            }
        }
    }
}

/// Values that share a cell make the error larger, by the factor g of `tests/cells.rs`. That is as if epsilon were
/// smaller by that factor: 1.0055 at 4 x 10^11 values, 1.035 at 10^12.
#[test]
fn the_promise_has_room_for_values_that_share_cells() {
    for (epsilon, delta) in [
        (0.5, 0.1),
        (0.5, 0.001),
        (0.2, 0.01),
        (0.1, 0.05),
        (0.1, 1e-6),
        (0.05, 0.01),
        (0.03, 0.01),
        (0.02, 0.01),
        (0.01, 0.01),
        (0.01, 0.001),
        (0.002, 0.01),
    ] {
        let capacity = Accuracy::new(epsilon, delta).unwrap().capacity();
        let phases = if epsilon < 0.01 { 3 } else { 24 };
        let [within, beyond] = [1.0056, 1.0349].map(|g| worst_failure(capacity, epsilon / g, phases) / delta);
        eprintln!("epsilon {epsilon}, delta {delta}: fails {within:.3}, {beyond:.3} times as often as it may");
        assert!(
            within <= 1.0 && beyond <= 1.4,
            "epsilon {epsilon}, delta {delta}: {within}, {beyond}"
        );
    }
}

/// At the finest legal epsilons the sum has too many terms for a test of all phases, and is normal to all intents.
#[test]
fn capacity_keeps_the_promise_at_the_finest_epsilons() {
    for (epsilon, delta) in [
        (0.001, 0.1),
        (0.001, 0.01),
        (0.002, 0.1),
        (0.002, 1e-9),
        (0.005, 0.1),
        (0.005, 0.01),
    ] {
        let capacity = Accuracy::new(epsilon, delta).unwrap().capacity();
        let worst = worst_failure(capacity, epsilon, 3);
        assert!(
            worst <= delta,
            "epsilon {epsilon}, delta {delta}: {capacity} fails at {worst}"
        );
    }
}

/// Just above the capacity the binomial is far from Poisson, and tighter.
#[test]
fn capacity_keeps_the_promise_just_above_the_exact_range() {
    for delta in [0.1, 0.01, 1e-3, 1e-6] {
        for epsilon in [0.5, 0.3, 0.2, 0.1, 0.05] {
            let capacity = Accuracy::new(epsilon, delta).unwrap().capacity();
            for step in 0..40 {
                let n = (f64::from(capacity) * 1.1_f64.powi(step)).round() as u64;
                let failure = failure(capacity, epsilon, Some(n), 0.0);
                assert!(failure <= delta, "epsilon {epsilon}, delta {delta}, n {n}: {failure}");
            }
        }
    }
}

/// The plain normal bound, z^2 / (f epsilon^2), is what a first attempt would use. It fails: the check above can.
#[test]
fn the_plain_normal_bound_breaks_the_promise() {
    for (epsilon, delta, expected) in [(0.5, 0.001, 0.0048), (0.2, 0.01, 0.0104)] {
        let z = Normal::standard().inverse_cdf(1.0 - delta / 2.0);
        let capacity = (z * z / (STEP * epsilon * epsilon)).ceil() as u32;
        let worst = worst_failure(capacity, epsilon, 24);
        assert!(worst > delta && (worst / expected - 1.0).abs() < 0.02, "{worst}");
    }
}

/// The mean error and the root mean square of the error: of the unbiased estimate, and of the one that never falls.
#[derive(Clone, Copy, Default)]
struct Errors {
    probability: f64,
    unbiased: (f64, f64),
    never_falling: (f64, f64),
}

fn errors(capacity: u32, n: Option<u64>, mean: f64) -> Errors {
    let mut errors = Errors::default();
    let nothing = 1.0..=0.0;
    visit_ends(capacity, n, mean, nothing, |probability, unbiased, estimate| {
        errors.probability += probability;
        for ((mean, square), estimate) in [(&mut errors.unbiased, unbiased), (&mut errors.never_falling, estimate)] {
            *mean += probability * (estimate - 1.0);
            *square += probability * (estimate - 1.0).powi(2);
        }
    });
    for (_, square) in [&mut errors.unbiased, &mut errors.never_falling] {
        *square = square.sqrt();
    }
    errors
}

/// Over all phases: the bias is a small part of the error, and the error does not grow.
#[test]
fn the_estimate_is_hardly_biased_and_errs_no_more() {
    let coarsest = Accuracy::new(0.5, 0.1).unwrap().capacity();
    let coarse = Accuracy::new(0.5, 0.01).unwrap().capacity();
    assert_eq!((coarsest, coarse), (18, 58));
    // The largest share of its error that the bias may be, and the largest growth of the error at any n.
    for (capacity, share, growth) in [
        (MIN_CAPACITY, 1.0 / 6.0, 0.06),
        (coarsest, 1.0 / 9.0, 0.01),
        (coarse, 1.0 / 20.0, 0.0),
        (101, 1.0 / 30.0, 0.0),
        (211, 1.0 / 40.0, 0.0),
        (779, 1.0 / 60.0, 0.01),
        (DEFAULT_CAPACITY, 1.0 / 70.0, 0.01),
        (76_270, 1.0 / 70.0, 0.01),
    ] {
        let phases: Vec<Errors> = (0..64)
            .map(|phase| errors(capacity, None, mean_at(capacity, f64::from(phase) / 64.0)))
            .collect();
        let largest = |of: fn(&Errors) -> f64| phases.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        let before = largest(|errors| errors.unbiased.1);
        let after = largest(|errors| errors.never_falling.1);
        let biased = largest(|errors| errors.never_falling.0 / errors.never_falling.1);
        let grown = largest(|errors| errors.never_falling.1 / errors.unbiased.1 - 1.0);
        eprintln!(
            "capacity {capacity}: bias at most {:.4} %, 1 / {:.1} of the error; error {:.4} %, was {:.4} %; {:+.2} % at most",
            100.0 * largest(|errors| errors.never_falling.0),
            1.0 / biased,
            100.0 * after,
            100.0 * before,
            100.0 * grown
        );
        assert!(phases.iter().all(|errors| (errors.probability - 1.0).abs() < 1e-9));
        assert!(phases.iter().all(|errors| errors.unbiased.0.abs() < 1e-9));
        // A bias there is, or else this computes something else; and never a negative one.
        assert!(phases.iter().all(|errors| errors.never_falling.0 > -1e-9));
        assert!(
            0.01 < biased && biased < share && grown < growth,
            "capacity {capacity}: {biased}, {grown}"
        );
        // At the n where the error is largest, it is smaller now.
        assert!(after < before || capacity <= coarsest, "capacity {capacity}: {after}");
    }
}

/// Just above the capacity the sample is nearly all values, and errs little. There what is known of the level before
/// counts for more: the bias is a larger part of the error at that n, but a small one of the typical error further up.
#[test]
fn the_bias_is_small_just_above_the_exact_range() {
    // The largest share of the typical error that the bias may be, from 5 % above the capacity on.
    for (capacity, share) in [
        (Accuracy::new(0.5, 0.01).unwrap().capacity(), 1.0 / 18.0),
        (101, 1.0 / 20.0),
        (780, 1.0 / 25.0),
        (DEFAULT_CAPACITY, 1.0 / 30.0),
    ] {
        let typical = 1.03 / f64::from(capacity).sqrt();
        let near = (0..60)
            .map(|step| 1.001_f64.powi(step))
            .take_while(|&times| times < 1.05);
        let further = (0..)
            .map(|step| 1.05 * 1.01_f64.powi(step))
            .take_while(|&times| times < 3.0);
        let (mut worst_near, mut worst, mut grown): (f64, f64, f64) = (0.0, 0.0, 0.0);
        for times in near.chain(further) {
            let errors = errors(capacity, Some((f64::from(capacity) * times).round() as u64), 0.0);
            let bias = errors.never_falling.0 / typical;
            let worst = if times < 1.05 { &mut worst_near } else { &mut worst };
            *worst = worst.max(bias);
            grown = grown.max(errors.never_falling.1 / errors.unbiased.1 - 1.0);
        }
        eprintln!(
            "capacity {capacity}: bias 1 / {:.1} of the typical error, and 1 / {:.1} just above; error {:+.2} % at most",
            1.0 / worst,
            1.0 / worst_near,
            100.0 * grown
        );
        assert!(worst < share, "capacity {capacity}: {worst}");
        // With one value too many for an exact sketch, the estimate is the larger half of a normal distribution: the
        // bias is 1 / sqrt(2 pi) of sqrt(1 / 7 B), which is 1 / 6.8.
        assert!(
            (1.0 / 7.0..1.0 / 6.5).contains(&worst_near),
            "capacity {capacity}: {worst_near}"
        );
        assert!(grown < 0.02, "capacity {capacity}: {grown}");
    }
}

/// The real sketch fails as often as the computation says: no more, which would break the promise, and no less, which
/// would mean that the computation describes something else.
#[test]
fn the_sketch_fails_as_often_as_computed() {
    const RUNS: u64 = 20_000;
    let (epsilon, delta) = (0.2, 0.1);
    let capacity = Accuracy::new(epsilon, delta).unwrap().capacity();
    for phase in 0..6 {
        let n = (f64::from(capacity) * 20.0 * STEP.powf(-f64::from(phase) / 6.0)).round() as u64;
        let expected = failure(capacity, epsilon, Some(n), 0.0);
        let (mut failures, mut sum, mut squares) = (0_u64, 0.0, 0.0);
        let mut random = SplitMix(phase as u64);
        for _ in 0..RUNS {
            let mut sketch = Sketch::new(capacity, 0);
            let hashes: Vec<u64> = (0..n).map(|_| random.next()).collect();
            sketch.insert_all(&hashes).unwrap();
            let error = sketch.estimate() as f64 / n as f64 - 1.0;
            failures += u64::from(error.abs() > epsilon);
            sum += error;
            squares += error * error;
        }
        let runs = RUNS as f64;
        // Binomial: standard deviation sqrt(runs p (1 - p)), four of them either way. Rounding the estimate to an
        // integer moves it by 0.03 % at most here, which moves a failure probability by less than one more of them.
        let tolerance = 5.0 * (runs * expected * (1.0 - expected)).sqrt();
        let difference = failures as f64 - runs * expected;
        assert!(
            difference.abs() < tolerance,
            "n {n}: {failures} failures, {} expected",
            runs * expected
        );
        // The mean is within four standard errors of the computed one. The bias itself is some five of them.
        let spread = (squares / runs).sqrt();
        let computed = errors(capacity, Some(n), 0.0).never_falling;
        let mean = sum / runs;
        assert!(
            (mean - computed.0).abs() < 4.0 * spread / runs.sqrt(),
            "n {n}: bias {mean}, not {}",
            computed.0
        );
        // The standard error of a root mean square is a share 1 / sqrt(2 runs) of it, for normal errors; these are
        // somewhat heavier in the tail. Four of them are 2 %.
        assert!(
            (spread / computed.1 - 1.0).abs() < 0.025,
            "n {n}: error {spread}, not {}",
            computed.1
        );
        // Relative standard error between that of the fullest and the emptiest sketch; 5 % for small numbers.
        let scaled = spread * f64::from(capacity).sqrt();
        assert!(
            (0.95..1.05 / STEP.sqrt()).contains(&scaled),
            "n {n}: {scaled} / sqrt(B)"
        );
    }
}
