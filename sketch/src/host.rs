//! What a sketch needs from the program around it: memory, and a check whether to go on.

use allocator_api2::alloc::{Allocator, Global};
use allocator_api2::vec::Vec;
use std::fmt;

/// The allocator could not provide the memory that an operation needs.
///
/// The sketch that reports it is unchanged, or is a valid sketch of a part of its input. It must not be used as the
/// answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of memory")
    }
}

impl std::error::Error for OutOfMemory {}

/// Where the memory of a sketch comes from, and who may stop its work.
pub trait Surroundings: Allocator + Clone {
    /// Long work calls this between its steps, each of which takes a few milliseconds at most.
    ///
    /// It may unwind. The caller may then only drop what it was working on.
    fn check_for_interrupts(&self) {}
}

impl Surroundings for Global {}

/// How many hashes a loop handles between two checks. Each may be the first in a page of memory, which some systems
/// take 10 µs to provide.
pub(crate) const CHECK_EVERY: usize = 1 << 11;

/// How many bytes a loop handles between two checks.
pub(crate) const CHECK_EVERY_BYTES: usize = 1 << 18;

/// `length` zeros.
pub(crate) fn zeros<T: Default + Clone, S: Surroundings>(
    length: usize,
    surroundings: S,
) -> Result<Vec<T, S>, OutOfMemory> {
    let mut numbers = Vec::new_in(surroundings.clone());
    numbers.try_reserve_exact(length).map_err(|_| OutOfMemory)?;
    while numbers.len() < length {
        numbers.resize(
            length.min(numbers.len() + CHECK_EVERY_BYTES / size_of::<T>()),
            T::default(),
        );
        surroundings.check_for_interrupts();
    }
    Ok(numbers)
}

/// The same items, with a check after every [`CHECK_EVERY`] of them.
pub(crate) fn checking<I: Iterator, S: Surroundings>(items: I, surroundings: S) -> impl Iterator<Item = I::Item> {
    let mut left = CHECK_EVERY;
    items.inspect(move |_| {
        left -= 1;
        if left == 0 {
            left = CHECK_EVERY;
            surroundings.check_for_interrupts();
        }
    })
}
