//! Tails of the hypergeometric distribution, for any size: populations up to 2^56.
//!
//! In a population of values some are marked, and a sample is drawn from it. Three binomial points make a point.
//! Suppose that each value belongs to the sample with the same probability, whatever it is. Given the size of the
//! sample, its marked values are then hypergeometric. So the point is the chance of so many marked values, times that
//! of so many others. It is divided by the chance of so many values in all.

use crate::bounds::binomial::{self, point, tail};
use crate::bounds::interval::first;

/// A probability so small that it makes no difference to any bound.
const NEVER: f64 = 1e-30;

/// A sample drawn from a population.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw {
    /// The number of values in the population. It is larger than the sample, which has at least one value.
    pub(crate) population: u64,
    /// The number of values in the sample.
    pub(crate) sample: u64,
}

impl Draw {
    /// P(X <= x) for X the number of marked values in the sample, if the population has `marked`.
    ///
    /// Complexity: a few times the square root of `x`.
    pub(crate) fn at_most(self, x: u64, marked: u64) -> f64 {
        if x >= marked.min(self.sample) {
            return 1.0;
        }
        if x as f64 > self.mean(marked) {
            return 1.0 - self.at_least(x + 1, marked);
        }
        let (marked_seen, unmarked) = (marked as f64, (self.population - marked) as f64);
        let sample = self.sample as f64;
        let ratio = |k: f64| k / (marked_seen - k + 1.0) * (unmarked - (sample - k)) / (sample - k + 1.0);
        tail(x as f64, self.point(x, marked), ratio, -1.0)
    }

    /// P(X >= x), with X and the complexity of [`at_most`](Self::at_most).
    pub(crate) fn at_least(self, x: u64, marked: u64) -> f64 {
        if x > marked.min(self.sample) {
            return 0.0;
        }
        // Where the unmarked values leave at least x places in the sample, marked ones take them.
        if x == 0 || x + (self.population - marked) <= self.sample {
            return 1.0;
        }
        if (x as f64) < self.mean(marked) {
            return 1.0 - self.at_most(x - 1, marked);
        }
        let (marked_seen, unmarked) = (marked as f64, (self.population - marked) as f64);
        let sample = self.sample as f64;
        let ratio = |k: f64| (marked_seen - k) / (k + 1.0) * (sample - k) / (unmarked - (sample - k) + 1.0);
        tail(x as f64, self.point(x, marked), ratio, 1.0)
    }

    /// [`at_most`](Self::at_most) where the number of marked values is random: binomial with `trials` of probability
    /// `p`.
    ///
    /// Complexity: a few times the square root of the number of values in the population.
    pub(crate) fn at_most_of(self, x: u64, trials: u64, p: f64) -> f64 {
        let (low, high) = likely(trials, p);
        // The more values are marked, the less likely are `x` or fewer. So the sum runs downwards, from the first
        // number where that is not negligible.
        let most = first(x, self.most_marked(x) + 1, |marked| self.at_most(x, marked) < NEVER) - 1;
        let mut marked = most.min(high);
        if marked < x {
            return 1.0;
        }
        let mut chance = self.at_most(x, marked);
        let (mut here, mut of_trials) = (self.point(x, marked), point(marked as f64, trials as f64, p));
        let mut sum = 0.0;
        loop {
            sum += chance * of_trials;
            if marked == low || marked == x {
                break;
            }
            marked -= 1;
            of_trials /= next_binomial(marked, trials, p);
            // One more marked value makes too many if the sample has x already, and that value is in it.
            here /= self.next_marked(x, marked);
            chance += here * self.next_is_in_sample(x, marked);
        }
        // With fewer than x marked values, the sample has no more than x.
        match marked.checked_sub(1) {
            Some(fewer) if marked == x => sum + binomial::at_most(fewer, trials, p),
            _ => sum,
        }
    }

    /// P(X >= x), with X and the complexity of [`at_most_of`](Self::at_most_of).
    pub(crate) fn at_least_of(self, x: u64, trials: u64, p: f64) -> f64 {
        if x == 0 {
            return 1.0;
        }
        let (low, high) = likely(trials, p);
        let all = self.most_marked(x);
        let least = first(x, all, |marked| self.at_least(x, marked) >= NEVER);
        let mut marked = least.max(low);
        if marked > all {
            return 1.0;
        }
        let mut chance = self.at_least(x, marked);
        let (mut here, mut of_trials) = (self.point(x - 1, marked), point(marked as f64, trials as f64, p));
        let mut sum = 0.0;
        while marked < all && marked <= high {
            sum += chance * of_trials;
            chance += here * self.next_is_in_sample(x - 1, marked);
            here *= self.next_marked(x - 1, marked);
            of_trials *= next_binomial(marked, trials, p);
            marked += 1;
        }
        match marked > high {
            true => sum,
            // With `all` marked values or more, the unmarked ones leave at least x places in the sample.
            false => sum + binomial::at_least(all, trials, p),
        }
    }

    /// The most values that may be marked if at most `x` of the sample are.
    fn most_marked(self, x: u64) -> u64 {
        self.population - (self.sample - x)
    }

    /// P(X = x) with one marked value more than `marked`, over P(X = x) with `marked`.
    fn next_marked(self, x: u64, marked: u64) -> f64 {
        let unmarked = (self.population - marked) as f64;
        (marked + 1) as f64 / (marked + 1 - x) as f64 * (unmarked - (self.sample - x) as f64) / unmarked
    }

    /// The probability that the next marked value is in the sample, which has x marked ones already.
    fn next_is_in_sample(self, x: u64, marked: u64) -> f64 {
        (self.sample - x) as f64 / (self.population - marked) as f64
    }

    fn mean(self, marked: u64) -> f64 {
        marked as f64 * self.sample as f64 / self.population as f64
    }

    /// P(X = x). It is 0 where the population has too few unmarked values for it.
    fn point(self, x: u64, marked: u64) -> f64 {
        let unmarked = self.population - marked;
        if self.sample - x > unmarked {
            return 0.0;
        }
        let p = self.sample as f64 / self.population as f64;
        point(x as f64, marked as f64, p) * point((self.sample - x) as f64, unmarked as f64, p)
            / point(self.sample as f64, self.population as f64, p)
    }
}

/// The smallest and the largest number to which a binomial distribution gives more than a negligible probability.
fn likely(trials: u64, p: f64) -> (u64, u64) {
    let mean = trials as f64 * p;
    // Twelve standard deviations, and a tail of Poisson's where those are few.
    let reach = 12.0 * (mean * (1.0 - p)).sqrt() + 50.0;
    let (low, high) = ((mean - reach).max(0.0) as u64, ((mean + reach) as u64).min(trials));
    // Where hardly any trial may fail, or succeed, a point that far out is too small for a number, and so is no start.
    // Towards the mean the points rise.
    let is_likely = |x: u64| point(x as f64, trials as f64, p) >= NEVER;
    let middle = (mean as u64).clamp(low, high);
    (
        first(low, middle, is_likely),
        first(middle, high, |x| !is_likely(x + 1)),
    )
}

/// P(X = x + 1) / P(X = x) of the binomial distribution.
fn next_binomial(x: u64, trials: u64, p: f64) -> f64 {
    (trials - x) as f64 / (x + 1) as f64 * (p / (1.0 - p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::binomial;
    use statrs::function::factorial::ln_binomial;

    /// Compares with the sum of all points on one side, each made from logarithms of factorials.
    #[test]
    fn tails_are_those_of_the_hypergeometric_distribution() {
        for population in [2_u64, 3, 10, 100, 2_000] {
            for sample in [1, 2, population / 10, population / 2, population - 1] {
                if sample == 0 || sample >= population {
                    continue;
                }
                for marked in [0, 1, 2, population / 7, population / 2, population - 1, population] {
                    let point = |x: u64| match sample
                        .checked_sub(x)
                        .filter(|&rest| x <= marked && rest <= population - marked)
                    {
                        None => 0.0,
                        Some(rest) => (ln_binomial(marked, x) + ln_binomial(population - marked, rest)
                            - ln_binomial(population, sample))
                        .exp(),
                    };
                    let draw = Draw { population, sample };
                    for x in [0, 1, 2, sample / 3, sample / 2, sample] {
                        if x > sample {
                            continue;
                        }
                        let (below, above) = ((0..=x).map(point).sum::<f64>(), (x..=sample).map(point).sum::<f64>());
                        for (is, should_be) in [(draw.at_most(x, marked), below), (draw.at_least(x, marked), above)] {
                            assert!(
                                (is - should_be).abs() < 1e-9 * should_be + 1e-11,
                                "{draw:?}, {marked} marked, x {x}: {is}, not {should_be}"
                            );
                        }
                    }
                }
            }
        }
    }

    /// Compares with the sum over all numbers of marked values, weighted by the binomial distribution.
    #[test]
    fn tails_of_a_binomial_number_of_marked_values() {
        for (population, sample) in [
            (2, 1),
            (10, 3),
            (100, 1),
            (100, 50),
            (100, 99),
            (3_000, 40),
            (3_000, 2_940),
        ] {
            let draw = Draw { population, sample };
            for (trials, p) in [
                (0, 0.3),
                (1, 0.5),
                (60, 0.9),
                (5_000, 0.01),
                (4_000, 0.5),
                (3_200, 0.875),
                (90_000, 0.001),
                (100, 1e-9),
                (60, 1.0 - 1e-9),
                (3_000, 1.0 - 1e-6),
            ] {
                let chances = (0..=trials)
                    .map(|marked| point(marked as f64, trials as f64, p))
                    .enumerate();
                for x in [0, 1, 2, sample / 3, sample / 2, sample - 1, sample] {
                    if x > sample {
                        continue;
                    }
                    let sums = chances.clone().fold([0.0, 0.0], |[below, above], (marked, chance)| {
                        let marked = marked as u64;
                        // If more values are marked than the population has, the sample counts as having more than any
                        // x.
                        let (at_most, at_least) = match marked <= population {
                            true => (draw.at_most(x, marked), draw.at_least(x, marked)),
                            false => (0.0, 1.0),
                        };
                        [below + chance * at_most, above + chance * at_least]
                    });
                    let more = if x < sample {
                        draw.at_least_of(x + 1, trials, p)
                    } else {
                        0.0
                    };
                    for (is, should_be) in [
                        (draw.at_most_of(x, trials, p), sums[0]),
                        (draw.at_least_of(x, trials, p), sums[1]),
                    ] {
                        assert!(
                            (is - should_be).abs() < 1e-8 * should_be + 1e-13,
                            "{draw:?}, {trials} trials of {p}, x {x}: {is}, not {should_be}"
                        );
                    }
                    if x < sample {
                        assert!((draw.at_most_of(x, trials, p) + more - 1.0).abs() < 1e-9);
                    }
                }
            }
        }
        // These are as large as sketches get.
        let draw = Draw {
            population: 7_000_000,
            sample: 2_500_000,
        };
        for trials in [9_990_000, 10_000_000, 10_010_000] {
            let (below, above) = (
                draw.at_most_of(1_250_000, trials, 0.35),
                draw.at_least_of(1_250_001, trials, 0.35),
            );
            assert!((below + above - 1.0).abs() < 1e-7, "{below} + {above}");
        }
    }

    /// A sample of a large population is binomial.
    #[test]
    fn tails_hold_for_large_populations() {
        for population in [10_u64.pow(13), 1 << 56] {
            for (sample, share) in [(100_u64, 0.1), (8_000, 0.5), (70_000, 0.999), (70_000, 1e-5)] {
                let marked = (population as f64 * share) as u64;
                let p = marked as f64 / population as f64;
                let mean = sample as f64 * p;
                for x in [mean * 0.98, mean, mean * 1.02].map(|x| (x as u64).min(sample)) {
                    let draw = Draw { population, sample };
                    let (is, expected) = (draw.at_most(x, marked), binomial::at_most(x, sample, p));
                    assert!(
                        (is - expected).abs() < 1e-6 * expected + 1e-9,
                        "{draw:?}, x {x}: {is}, not {expected}"
                    );
                    let above = draw.at_least(x + 1, marked);
                    assert!((is + above - 1.0).abs() < 1e-9);
                }
            }
        }
    }
}
