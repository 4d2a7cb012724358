//! What a sketch asks of where it lives: memory, and whether to go on.

use allocator_api2::alloc::{Allocator, Global};
use allocator_api2::vec::Vec;
use std::fmt;

/// The allocator could not provide the memory that an operation needs. The sketch that reports it is unchanged, or
/// at least still a valid sketch of a part of its input; it must not be used as the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of memory")
    }
}

impl std::error::Error for OutOfMemory {}

/// Where the memory of a sketch comes from, and who may stop it at work.
pub trait Surroundings: Allocator + Clone {
    /// Called between steps of work that may take long, each a few milliseconds at most. It may unwind: what was worked
    /// on can then still be dropped, and must not be used otherwise.
    fn check_for_interrupts(&self) {}
}

impl Surroundings for Global {}

/// How many hashes are worked on between two checks. Each may be the first in a page of memory, which some systems take
/// 10 µs to give.
pub(crate) const STEP: usize = 1 << 11;

/// How many bytes are.
pub(crate) const BYTES_STEP: usize = 1 << 18;

/// `length` numbers that are zero.
pub(crate) fn zeros<T: Default + Clone, S: Surroundings>(
    length: usize,
    surroundings: S,
) -> Result<Vec<T, S>, OutOfMemory> {
    let mut numbers = Vec::new_in(surroundings.clone());
    numbers.try_reserve_exact(length).map_err(|_| OutOfMemory)?;
    while numbers.len() < length {
        numbers.resize(length.min(numbers.len() + BYTES_STEP / size_of::<T>()), T::default());
        surroundings.check_for_interrupts();
    }
    Ok(numbers)
}

/// The same items, with a check after every [`STEP`] of them.
pub(crate) fn checking<I: Iterator, S: Surroundings>(items: I, surroundings: S) -> impl Iterator<Item = I::Item> {
    let mut left = STEP;
    items.inspect(move |_| {
        left -= 1;
        if left == 0 {
            left = STEP;
            surroundings.check_for_interrupts();
        }
    })
}
