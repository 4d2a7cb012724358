//! The parts of a value: the elements of an array, the bounds of a range, the columns of a row.

use crate::hash::container::Container;
use crate::hash::rule::Rule;
use crate::pg::pg_sys::Datum;
use cvm_sketch::hash::Parts;
use std::ptr::NonNull;

/// A part that has parts itself: its rule, and its value.
pub(crate) type Inner = (NonNull<Container>, Datum);

/// Adds a part that is not NULL; or returns it if it has parts itself. `None` as of [`Rule::hash`].
///
/// # Safety
///
/// As [`Rule::hash`].
#[inline(always)]
pub(crate) unsafe fn put<const LEARN: bool>(
    rule: &mut Rule,
    value: Datum,
    parts: &mut Parts,
    seed: u64,
) -> Option<Option<Inner>> {
    let word = unsafe {
        match rule {
            Rule::Container(container) => return Some(Some((NonNull::from(container), value))),
            Rule::Plain(plain) => plain.word(value),
            _ => None,
        }
    };
    match word {
        Some(word) => parts.word(word),
        None => parts.hash(unsafe { rule.hash::<LEARN>(value, seed)? }),
    }
    Some(None)
}
