//! The measures of a value, the numbers on its rows: the least, the greatest and the exact sum.
//!
//! The order is PostgreSQL's: NaN is greater than every other number, and equal to itself. -0 and 0 are equal, and kept
//! as 0, so that it makes no difference which came first.

use crate::host::OutOfMemory;
use crate::sample::codec::EncodedMeasures;
use crate::sample::exact_sum::{ExactSum, WholeSum};
use allocator_api2::alloc::Allocator;
use std::cmp::Ordering;

/// The number that stands for all that are equal to it.
fn canonical(number: f64) -> f64 {
    match number {
        0.0 => 0.0,
        number if number.is_nan() => f64::from_bits(0x7FF8_0000_0000_0000),
        number => number,
    }
}

/// Whether a number is the one that stands for all that are equal to it.
pub(crate) fn is_canonical(number: f64) -> bool {
    canonical(number).to_bits() == number.to_bits()
}

/// The order of two canonical numbers.
pub(crate) fn order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// The measures of at least one number.
pub(crate) struct Measures<A: Allocator> {
    least: f64,
    greatest: f64,
    /// The sum of the finite numbers.
    sum: ExactSum<A>,
}

impl<A: Allocator> Measures<A> {
    /// The measures of one number.
    pub(crate) fn of(number: f64, allocator: A) -> Result<Self, OutOfMemory> {
        let number = canonical(number);
        let mut measures = Measures {
            least: number,
            greatest: number,
            sum: ExactSum::new_in(allocator),
        };
        measures.add_to_sum(number)?;
        Ok(measures)
    }

    /// Measures from their parts.
    pub(crate) fn from_parts(least: f64, greatest: f64, sum: &WholeSum, allocator: A) -> Result<Self, OutOfMemory> {
        let mut own = ExactSum::new_in(allocator);
        own.add_whole(sum)?;
        Ok(Measures {
            least,
            greatest,
            sum: own,
        })
    }

    /// A copy in memory of `allocator`.
    pub(crate) fn try_clone_in<B: Allocator>(&self, allocator: B) -> Result<Measures<B>, OutOfMemory> {
        let mut sum = ExactSum::new_in(allocator);
        sum.add_sum(&self.sum)?;
        Ok(Measures {
            least: self.least,
            greatest: self.greatest,
            sum,
        })
    }

    /// Adds a number.
    pub(crate) fn add(&mut self, number: f64) -> Result<(), OutOfMemory> {
        let number = canonical(number);
        self.reach(number, number);
        self.add_to_sum(number)
    }

    /// Adds the measures of other numbers.
    pub(crate) fn merge<B: Allocator>(&mut self, other: &Measures<B>) -> Result<(), OutOfMemory> {
        self.reach(other.least, other.greatest);
        self.sum.add_sum(&other.sum)
    }

    /// The measures as they stand in an encoded sample.
    pub(crate) fn encoded(&self) -> EncodedMeasures {
        EncodedMeasures {
            least: self.least,
            greatest: self.greatest,
            finite_sum: self.sum.whole(),
        }
    }

    fn reach(&mut self, least: f64, greatest: f64) {
        if order(least, self.least).is_lt() {
            self.least = least;
        }
        if order(greatest, self.greatest).is_gt() {
            self.greatest = greatest;
        }
    }

    fn add_to_sum(&mut self, number: f64) -> Result<(), OutOfMemory> {
        if number.is_finite() {
            self.sum.add(number)
        } else {
            Ok(())
        }
    }
}

/// The sum of numbers between these, if they are not all finite. `None` if they are.
///
/// The sum is NaN if there is a NaN, or infinity of both signs.
pub(crate) fn infinite_total(least: f64, greatest: f64) -> Option<f64> {
    (!least.is_finite() || !greatest.is_finite()).then(|| match (least, greatest) {
        (_, greatest) if greatest.is_nan() => f64::NAN,
        (f64::NEG_INFINITY, f64::INFINITY) => f64::NAN,
        (_, f64::INFINITY) => f64::INFINITY,
        _ => f64::NEG_INFINITY,
    })
}
