//! A sample is uniform, what is estimated from it is unbiased, and the bounds of predicates hold their confidence. All
//! seeds are fixed, so that the tests always end alike.

mod random;

use cvm_sketch::interval::{Confidence, bounds};
use cvm_sketch::threshold::STEP;
use cvm_sketch::{EncodedSample, Sample, hash};
use random::SplitMix;

/// The numbers of the values that are in the sample of `n` values, and its bytes.
fn sampled(n: u64, size: u32, hash: impl Fn(u64) -> u64) -> (Vec<u64>, Vec<u8>) {
    let mut sample = Sample::new(size, 0);
    for value in 0..n {
        let hash = hash(value);
        if sample.belongs(hash) {
            sample.insert(hash, &value.to_string(), None).unwrap();
        }
    }
    let bytes = sample.encode();
    let values = EncodedSample::parse(&bytes).unwrap().values();
    (values.map(|value| value.text().parse().unwrap()).collect(), bytes)
}

/// How often each of 200 integers is sampled under 4,000 seeds.
///
/// With c_i of R samples holding value i, N in all and p = N / (R n), the sum of (c_i - N / n)^2 / (R p (1 - p)) has
/// the chi-square distribution with n - 1 degrees of freedom, as long as no value is likelier than another and seeds
/// are independent: a mean of 199, and a standard deviation of sqrt(2 * 199) = 20. (In a sample of given size the
/// numbers are correlated by -1 / (n - 1), which makes the sum larger by n / (n - 1), half a percent.) Five standard
/// deviations are passed with a chance below 10^-5.
#[test]
fn every_value_is_as_likely_as_another() {
    const N: u64 = 200;
    const SEEDS: u64 = 4_000;
    let mut counts = vec![0_u32; N as usize];
    for seed in 0..SEEDS {
        let (values, _) = sampled(N, 32, |value| hash::integer(value as i64, seed));
        values.iter().for_each(|&value| counts[value as usize] += 1);
    }
    let all: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    let p = all / (SEEDS * N) as f64;
    let variance = SEEDS as f64 * p * (1.0 - p);
    let square: f64 = counts
        .iter()
        .map(|&count| (f64::from(count) - all / N as f64).powi(2) / variance)
        .sum();
    eprintln!("chi-square with 199 degrees of freedom: {square:.1}");
    assert!((100.0..300.0).contains(&square), "{square}");
    assert!((0.125..0.16).contains(&p), "{p}");
}

/// Predicates that hold for 0.1 % of the values to all of them, over six phases of n between two levels, and for one n
/// just above the size, where a sample is nearly exact.
#[test]
fn predicates_are_estimated_without_bias_and_within_their_bounds() {
    const RUNS: usize = 2_000;
    const SIZE: u32 = 64;
    const SHARES: [f64; 6] = [0.001, 0.01, 0.1, 0.5, 0.9, 1.0];
    const CONFIDENCES: [f64; 3] = [0.9, 0.95, 0.99];
    let mut random = SplitMix(17);
    let phases = (0..6).map(|phase| (1_000.0 * STEP.powf(-f64::from(phase) / 6.0)).round() as u64);
    let mut misses = [[0_u32; CONFIDENCES.len()]; SHARES.len()];
    let mut runs = 0;
    for n in phases.chain([70]) {
        let mut estimates = [(0.0, 0.0); SHARES.len()];
        for _ in 0..RUNS {
            let hashes: Vec<u64> = (0..n).map(|_| random.next()).collect();
            let (values, bytes) = sampled(n, SIZE, |value| hashes[value as usize]);
            let header = *EncodedSample::parse(&bytes).unwrap().header();
            assert_eq!(header.retained(), values.len());
            for (i, share) in SHARES.into_iter().enumerate() {
                // 0.1 % of 70 values is the first of them.
                let truth = ((n as f64 * share).round() as u64).max(1);
                let matching = values.iter().filter(|&&value| value < truth).count();
                let error = matching as f64 * header.weight() - truth as f64;
                estimates[i].0 += error;
                estimates[i].1 += error * error;
                for (j, number) in CONFIDENCES.into_iter().enumerate() {
                    let interval = bounds(&header.of_part(matching), Confidence::new(number).unwrap());
                    misses[i][j] += u32::from(!(interval.lower..=interval.upper).contains(&truth));
                    assert!(interval.lower >= matching as u64);
                }
            }
        }
        runs += RUNS;
        // The mean error of so many is within 4 of its own standard errors of zero: of 42 of them, one would be further
        // out once in 380 choices of the random numbers.
        for ((sum, squares), share) in estimates.into_iter().zip(SHARES) {
            let mean = sum / RUNS as f64;
            let standard_error = (squares / RUNS as f64 - mean * mean).sqrt() / (RUNS as f64).sqrt();
            assert!(
                mean.abs() <= 4.0 * standard_error + 1e-9,
                "{share} of {n}: {mean} +- {standard_error}"
            );
        }
    }
    for (misses, share) in misses.iter().zip(SHARES) {
        for (&misses, number) in misses.iter().zip(CONFIDENCES) {
            let alpha = 1.0 - number;
            eprintln!("{share} at {number}: missed {:.4}", f64::from(misses) / runs as f64);
            // At most alpha, and four standard deviations of the binomial distribution.
            let most = runs as f64 * alpha + 4.0 * (runs as f64 * alpha * (1.0 - alpha)).sqrt();
            assert!(
                f64::from(misses) <= most,
                "{share} at {number}: {misses} missed of {runs}"
            );
            // Nor are they wasteful, where the binomial distribution is not too coarse to come near.
            let least = if share >= 0.1 { runs as f64 * alpha / 4.0 } else { 0.0 };
            assert!(
                f64::from(misses) >= least,
                "{share} at {number}: only {misses} missed of {runs}"
            );
        }
    }
}
