//! What the states of all aggregates have in common, as a trait; and the pointer to a state in a value of type
//! `internal`.

use crate::pg::call::raise_parameter;
use crate::pg::error::OrRaise;
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{Datum, NullableDatum};
use std::mem::offset_of;
use std::ptr::NonNull;

/// How many bytes [`Recognizable::may_start`] looks at.
pub(crate) use cvm_sketch::sketch::START_LEN;

/// A state that can be told from those of other aggregates.
pub(crate) trait Recognizable {
    /// Whether memory that starts with these bytes may hold such a state. True for every such state.
    fn may_start(bytes: &[u8; START_LEN]) -> bool;
}

/// The state of one group. It and all it refers to live in one memory context.
pub(crate) trait GroupState: Recognizable {
    /// The seed of its hashes.
    fn seed(&self) -> u64;

    /// Accumulates a hash, if that takes neither memory nor the value itself. Cannot raise an error. False where there
    /// is more to do.
    fn offer(&mut self, hash: u64) -> bool;
}

/// What a [`Marked`] state holds.
pub(crate) trait HasMark {
    /// Different from all others. Other memory starts so with a chance of 2^-128.
    const MARK: [u64; 2];
}

/// A state behind its mark.
#[repr(C)] // The mark stands first, where it is looked for in memory that may be something else.
pub(crate) struct Marked<T> {
    mark: [u64; 2],
    pub(crate) of: T,
}

impl<T: HasMark> Marked<T> {
    pub(crate) fn new(of: T) -> Self {
        Marked { mark: T::MARK, of }
    }

    /// Places the state in memory of `allocator`. Returns it as the result of a support function.
    pub(crate) fn place(of: T, allocator: ContextAllocator) -> Datum {
        Datum::from(allocator.place(Self::new(of)).or_raise().as_ptr())
    }
}

impl<T: HasMark> Recognizable for Marked<T> {
    #[inline(always)]
    fn may_start(bytes: &[u8; START_LEN]) -> bool {
        const { assert!(offset_of!(Self, mark) == 0 && size_of::<[u64; 2]>() == START_LEN) };
        let mark = T::MARK.map(u64::to_ne_bytes);
        bytes == mark.as_flattened()
    }
}

/// The state in an argument of an aggregate's support function.
///
/// # Safety
///
/// `state` is not NULL, and was made by a function of the same aggregate.
#[inline(always)]
pub(crate) unsafe fn trusted<S>(state: NullableDatum) -> NonNull<S> {
    // SAFETY: such a function returns the address of a state.
    unsafe { NonNull::new_unchecked(state.value.cast_mut_ptr()) }
}

/// The state in an argument of an aggregate's support function. `None` if it is another aggregate's.
///
/// A superuser can define an aggregate of support functions that do not belong together. PostgreSQL cannot tell them
/// apart: all states are of type internal.
///
/// # Safety
///
/// `state` is not NULL, and the state of an aggregate, which nothing else uses for `'a`.
#[inline(always)]
pub(crate) unsafe fn try_recognized<'a, S: Recognizable>(state: NullableDatum) -> Option<&'a mut S> {
    // SAFETY: whoever made the state, it is in memory of PostgreSQL's, where no state of an aggregate has less than two
    // words. Bytes may have any value.
    unsafe {
        let start = state.value.cast_mut_ptr::<[u8; START_LEN]>().read();
        S::may_start(&start).then(|| trusted(state).as_mut())
    }
}

/// As [`try_recognized`]. Raises an ERROR if the state is another aggregate's.
///
/// # Safety
///
/// As [`try_recognized`].
pub(crate) unsafe fn recognized<'a, S: Recognizable>(state: NullableDatum) -> &'a mut S {
    unsafe { try_recognized(state) }
        .unwrap_or_else(|| raise_parameter("the state was not made by an aggregate of cvm_count"))
}
