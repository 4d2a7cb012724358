//! What the states of all aggregates have in common, as a trait; and the pointer to a state in a value of type
//! `internal`.

use crate::pg::call::raise_parameter;
use crate::pg::pg_sys::NullableDatum;
use std::ptr::NonNull;

/// How many bytes [`GroupState::may_start`] looks at.
pub(crate) use cvm_sketch::sketch::START_LEN;

/// The state of one group. It and all it refers to live in one memory context.
pub(crate) trait GroupState {
    /// Whether memory that starts with these bytes may hold such a state. True for every such state.
    fn may_start(bytes: &[u8; START_LEN]) -> bool;

    /// The seed of its hashes.
    fn seed(&self) -> u64;

    /// Accumulates a hash, if that takes neither memory nor the value itself. Cannot raise an error. False where there
    /// is more to do.
    fn offer(&mut self, hash: u64) -> bool;
}

/// The state in an argument of an aggregate's support function.
///
/// # Safety
///
/// `state` is not NULL, and was made by a function of the same aggregate.
#[inline(always)]
pub(crate) unsafe fn trusted<S: GroupState>(state: NullableDatum) -> NonNull<S> {
    // SAFETY: such a function returns the address of a state.
    unsafe { NonNull::new_unchecked(state.value.cast_mut_ptr()) }
}

/// The state in an argument of an aggregate's support function. Raises an ERROR if it is another aggregate's.
///
/// A superuser can define an aggregate of support functions that do not belong together. PostgreSQL cannot tell them
/// apart: all states are of type internal.
///
/// # Safety
///
/// `state` is not NULL, and the state of an aggregate, which nothing else uses for `'a`.
pub(crate) unsafe fn recognized<'a, S: GroupState>(state: NullableDatum) -> &'a mut S {
    // SAFETY: whoever made the state, it is in memory of PostgreSQL's, where no state of an aggregate has less than two
    // words. Bytes may have any value.
    unsafe {
        let start = state.value.cast_mut_ptr::<[u8; START_LEN]>().read();
        if !S::may_start(&start) {
            raise_parameter("the state was not made by an aggregate of cvm_count");
        }
        trusted(state).as_mut()
    }
}
