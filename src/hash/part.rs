//! The parts of a value: the elements of an array, the bounds of a range, the columns of a row. What a part adds to the
//! hash of the whole.

use crate::hash::container::Container;
use crate::hash::rule::Rule;
use crate::pg::pg_sys::Datum;
use cvm_sketch::hash::Sequence;
use std::ptr::NonNull;

/// A part that has parts itself: its rule, and its value.
pub(crate) type Inner = (NonNull<Container>, Datum);

/// Each part begins with one of these.
const NULL: u8 = 0;
const NOT_NULL: u8 = 1;

/// Adds a part that is NULL.
#[inline(always)]
pub(crate) fn put_null(sequence: &mut Sequence) {
    sequence.push(&[NULL]);
}

/// Adds a part by its hash, or by the word that is hashed of it.
#[inline(always)]
pub(crate) fn put_hash(hash: u64, sequence: &mut Sequence) {
    sequence.push_word(NOT_NULL, hash);
}

/// Adds a part that is not NULL; or returns it if it has parts itself. `None` as of [`Rule::hash`].
///
/// # Safety
///
/// As [`Rule::hash`].
#[inline(always)]
pub(crate) unsafe fn put<const LEARN: bool>(
    rule: &mut Rule,
    value: Datum,
    sequence: &mut Sequence,
    seed: u64,
) -> Option<Option<Inner>> {
    let word = unsafe {
        match rule {
            Rule::Container(container) => return Some(Some((NonNull::from(container), value))),
            Rule::Plain(plain) => plain.word(value),
            _ => None,
        }
    };
    let hash = match word {
        Some(word) => word as u64,
        None => unsafe { rule.hash::<LEARN>(value, seed)? },
    };
    put_hash(hash, sequence);
    Some(None)
}
