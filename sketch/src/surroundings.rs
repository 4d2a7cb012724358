//! What a sketch asks of where it lives: memory, and whether to go on.

use allocator_api2::alloc::{Allocator, Global};

/// Where the memory of a sketch comes from, and who may stop it at work.
pub trait Surroundings: Allocator + Clone {
    /// Called between steps of work that may take long, each a few milliseconds at most. It may unwind: what was worked on
    /// can then still be dropped, and must not be used otherwise.
    fn check_for_interrupts(&self) {}
}

impl Surroundings for Global {}

/// How many hashes are worked on between two checks. Each may be a miss of the cache, which is 100 ns or so.
pub(crate) const STEP: usize = 1 << 14;

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
