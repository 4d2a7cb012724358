//! How many values are behind so many cells.
//!
//! n values fall into 2^w cells at random. Of these cells, D = 2^w (1 - exp(-n 2^-w)) are hit, on average. Solved for n,
//!
//! ```text
//! n = -2^w ln(1 - D 2^-w)
//! ```
//!
//! which is linear counting. (Whang, Vander-Zanden and Taylor, "A Linear-Time Probabilistic Counting Algorithm for
//! Database Applications", ACM TODS 15, 1990.) A sketch does not know D, but estimates it from the cells that belong to
//! its level. The error of n is that of D times 1 + n 2^-(w+1), about.

use crate::set::threshold::HASH_BITS;

/// The most values that are ever estimated.
pub(crate) const MOST: u64 = 1 << HASH_BITS;

/// The number of values, rounded to the nearest integer, that hit so many cells of `width` bits. Where that is no less
/// than all cells, it is 2^56.
///
/// It grows with the number of cells.
pub(crate) fn values_of(cells: u64, width: u32) -> u64 {
    // Of D cells, D^2 2^-(w+1) values are added: less than half a one.
    if cells < 1 << (width / 2) {
        return cells;
    }
    // What is added grows with the cells, but for its rounding. And that is far below the 1 by which cells differ.
    match values(cells as f64, width) {
        most if most == MOST as f64 => MOST,
        values => (cells + (values - cells as f64).round() as u64).min(MOST),
    }
}

/// As [`values_of`], not rounded.
pub(crate) fn values(cells: f64, width: u32) -> f64 {
    let all = (1_u64 << width) as f64;
    let share = cells / all;
    if share >= 1.0 {
        return MOST as f64;
    }
    (-all * (-share).ln_1p()).min(MOST as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::width::WIDTH;

    #[test]
    fn few_values_hardly_ever_share_a_cell() {
        for cells in [0, 1, 8_517, 1_000_000] {
            assert_eq!(values_of(cells, WIDTH), cells);
        }
        // n^2 / 2^41 of n values are lost: 10^12 / 2.2 x 10^12 of a million, 45 of ten million, 454,747 of a billion.
        assert_eq!(values_of(10_000_000 - 45, WIDTH), 10_000_000);
        assert_eq!(values_of(1_000_000_000 - 454_610, WIDTH), 1_000_000_000);
    }

    #[test]
    fn it_undoes_the_loss() {
        for width in [WIDTH, 48, 56] {
            let all = (1_u64 << width) as f64;
            for exponent in 0..40 {
                let values = 10_f64.powf(3.0 + f64::from(exponent) / 4.0);
                let cells = -all * (-values / all).exp_m1();
                // The last cells that are not hit say little.
                if values < 10.0 * all {
                    let back = values_of(cells.round() as u64, width) as f64;
                    let step = (values / all).exp();
                    assert!(
                        (back - values).abs() <= step + values * 1e-9,
                        "{values} at {width} bits: {back}"
                    );
                }
            }
        }
    }

    #[test]
    fn it_grows_with_the_cells() {
        let all = 1_u64 << WIDTH;
        let mut last = 0;
        let steps = (0..10_000)
            .chain((0..50_000).map(|i| i * (all / 50_000)))
            .chain(all - 10_000..all + 10);
        for cells in steps {
            let values = values_of(cells, WIDTH);
            assert!(values >= cells.min(last));
            last = values;
        }
        assert_eq!(
            (values_of(all - 1, WIDTH), values_of(all, WIDTH)),
            (30_484_935_391_432, MOST)
        );
    }
}
