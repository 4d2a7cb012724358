//! Tails of the binomial distribution, for any size: n up to 2^63, and any p.
//!
//! Loader's saddle-point expansion gives the point probability ("Fast and Accurate Computation of Binomial
//! Probabilities", 2000). It loses no digits where logarithms of factorials would. At n = 10^13 those are near 10^14,
//! and only their difference matters. A tail is the sum of the points beyond. Each point is the one before times a
//! ratio.

use std::f64::consts::TAU;

/// P(X <= x) for X binomial with `n` trials of probability `p`.
///
/// Complexity: a few times the square root of `x`.
pub(crate) fn at_most(x: u64, n: u64, p: f64) -> f64 {
    if x >= n {
        return 1.0;
    }
    if x as f64 > n as f64 * p {
        return 1.0 - at_least(x + 1, n, p);
    }
    let (n, odds) = (n as f64, (1.0 - p) / p);
    tail(x as f64, point(x as f64, n, p), |k| k / (n - k + 1.0) * odds, -1.0)
}

/// P(X >= x) for X binomial with `n` trials of probability `p`.
///
/// Complexity: a few times the square root of `x`.
pub(crate) fn at_least(x: u64, n: u64, p: f64) -> f64 {
    if x > n {
        return 0.0;
    }
    if x == 0 {
        return 1.0;
    }
    if (x as f64) < n as f64 * p {
        return 1.0 - at_most(x - 1, n, p);
    }
    let (n, odds) = (n as f64, p / (1.0 - p));
    tail(x as f64, point(x as f64, n, p), |k| (n - k) / (k + 1.0) * odds, 1.0)
}

/// The sum of the points from `k` on in the direction of `step`. `ratio` gives the ratio of the next point to the one
/// at `k`.
pub(crate) fn tail(mut k: f64, mut point: f64, ratio: impl Fn(f64) -> f64, step: f64) -> f64 {
    let mut sum = 0.0;
    // From the mean outwards the points fall, and ever faster. So whatever follows a negligible point is negligible.
    while point > sum * 1e-17 {
        sum += point;
        point *= ratio(k);
        k += step;
    }
    f64::min(sum, 1.0)
}

/// P(X = x).
pub(crate) fn point(x: f64, n: f64, p: f64) -> f64 {
    if x == 0.0 {
        return (n * (-p).ln_1p()).exp();
    }
    if x == n {
        return (n * p.ln()).exp();
    }
    let excess = n * p - x;
    let rest = n - x;
    let exponent = stirling_error(n)
        - stirling_error(x)
        - stirling_error(rest)
        - deviance(x, excess, n * p)
        - deviance(rest, -excess, n * (1.0 - p));
    (n / (TAU * x * rest)).sqrt() * exponent.exp()
}

/// x ln(x / m) + m - x for the mean m = x + excess.
fn deviance(x: f64, excess: f64, mean: f64) -> f64 {
    let t = excess / x;
    // Near the mean the excess has the digits that matter, and far below x the mean has.
    x * (t - if t > -0.5 { t.ln_1p() } else { (mean / x).ln() })
}

/// ln(n!) less Stirling's approximation of it, ln(sqrt(2 pi n) (n / e)^n).
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        let ln_factorial: f64 = (2..=n as u32).map(|k| f64::from(k).ln()).sum();
        return ln_factorial - (TAU * n).sqrt().ln() - n * (n.ln() - 1.0);
    }
    // Stirling's series. The next term is below 10^-15.
    let square = n * n;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / square) / square) / square) / square)
        / n
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::function::beta::beta_reg;
    use statrs::function::gamma::gamma_ur;

    /// P(X >= x) is the regularized incomplete beta function I_p(x, n - x + 1), which statrs computes while n is small.
    #[test]
    fn tails_are_those_of_the_binomial_distribution() {
        for n in [1_u64, 2, 7, 15, 16, 17, 100, 1_000, 20_000] {
            for p in [1e-4, 0.01, 0.3, 0.5, 0.875, 0.999] {
                for x in [0, 1, n / 100, n / 10, n / 2, n - n / 10, n - 1, n] {
                    let expected = if x == 0 {
                        1.0
                    } else {
                        beta_reg(x as f64, (n - x) as f64 + 1.0, p)
                    };
                    let (above, below) = (at_least(x, n, p), if x == 0 { 0.0 } else { at_most(x - 1, n, p) });
                    for (is, should_be) in [(above, expected), (below, 1.0 - expected)] {
                        let tolerance = 1e-9 * should_be + 1e-11;
                        assert!(
                            (is - should_be).abs() < tolerance,
                            "n {n}, p {p}, x {x}: {is}, not {should_be}"
                        );
                    }
                }
            }
        }
    }

    /// With n large and p small, X is Poisson. Then P(X < x) is the incomplete gamma function Q(x, n p).
    #[test]
    fn tails_hold_for_large_numbers() {
        for n in [10_u64.pow(12), 10_u64.pow(13), 1 << 56] {
            for (x, mean) in [
                (5_u64, 9.0),
                (8_000, 8_000.0),
                (8_000, 8_200.0),
                (8_000, 7_700.0),
                (70_000, 70_500.0),
            ] {
                let expected = gamma_ur(x as f64, mean);
                let is = at_most(x - 1, n, mean / n as f64);
                assert!((is / expected - 1.0).abs() < 1e-6, "n {n}, x {x}: {is}, not {expected}");
                let above = at_least(x, n, mean / n as f64);
                assert!((is + above - 1.0).abs() < 1e-9);
            }
        }
    }
}
