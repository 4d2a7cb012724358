//! Arrays: their shape and their elements.

use crate::hash::part::{Inner, put};
use crate::hash::rule::Rule;
use crate::pg::pg_sys::{self, ArrayType, Datum, Oid};
use crate::pg::unguarded::check_interrupts;
use cvm_sketch::hash::Parts;
use std::ffi::CStr;
use std::ptr::NonNull;

/// The rule for arrays of one type.
pub(crate) struct Elements {
    layout: Layout,
    rule: Rule,
}

impl Elements {
    /// Elements of a type, with the rule for them.
    pub(crate) fn new(of_type: Oid, rule: Rule) -> Self {
        Elements {
            layout: Layout::of_type(of_type),
            rule,
        }
    }

    /// Adds the number of dimensions, their lengths and their lower bounds. The elements are still to be read.
    ///
    /// # Safety
    ///
    /// `array` is an array of such elements with a header of four bytes.
    #[inline(always)]
    pub(crate) unsafe fn open(elements: NonNull<Self>, array: Datum, parts: &mut Parts) -> UnreadElements {
        // SAFETY: the head says how many dimensions there are. Their lengths and lower bounds follow it. Then comes a
        // bit for each element, if any is NULL, and the elements that are not.
        unsafe {
            let head: *mut ArrayType = array.cast_mut_ptr();
            let dimensions = (*head).ndim as usize;
            let shape = std::slice::from_raw_parts(head.add(1).cast::<i32>(), 2 * dimensions);
            let count = match dimensions {
                0 => 0,
                _ => shape[..dimensions].iter().map(|&length| length as usize).product(),
            };
            let start: *mut u8 = head.cast();
            // PostgreSQL aligns offsets, not addresses: an array may start at any multiple of its own alignment.
            let head_len = size_of::<ArrayType>() + size_of_val(shape);
            let (nulls, at) = match (*head).dataoffset {
                0 => (
                    None,
                    start.add(head_len.next_multiple_of(pg_sys::MAXIMUM_ALIGNOF as usize)),
                ),
                offset => (NonNull::new(start.add(head_len)), start.add(offset as usize)),
            };
            parts.begin_array(shape);
            UnreadElements {
                elements,
                at,
                nulls,
                next: 0,
                count,
            }
        }
    }
}

/// The elements of an array that have not been read yet.
pub(crate) struct UnreadElements {
    elements: NonNull<Elements>,
    /// The next element that is not NULL.
    at: *const u8,
    /// A bit for each element, if any is NULL.
    nulls: Option<NonNull<u8>>,
    next: usize,
    count: usize,
}

impl UnreadElements {
    /// Adds elements to the hash. Stops at the first that has parts itself, and returns it; returns `Some(None)` at the
    /// end.
    ///
    /// # Safety
    ///
    /// As [`Rule::hash`] for the array. Nothing else refers to the rule.
    #[inline(always)]
    pub(crate) unsafe fn read<const LEARN: bool>(&mut self, parts: &mut Parts, seed: u64) -> Option<Option<Inner>> {
        // SAFETY: the array has as many elements, and bits, as `count` says. `place` points to the next element that is
        // not NULL.
        unsafe {
            let Elements { layout, rule } = self.elements.as_mut();
            // The compiler keeps these two in registers.
            let (mut place, nulls) = (self.at, self.nulls);
            for i in self.next..self.count {
                check_interrupts();
                if nulls.is_some_and(|nulls| nulls.add(i / 8).read() >> (i % 8) & 1 == 0) {
                    parts.null();
                    continue;
                }
                let value = layout.read(place);
                place = layout.after(place);
                if let Some(inner) = put::<LEARN>(rule, value, parts, seed)? {
                    (self.at, self.next) = (place, i + 1);
                    return Some(Some(inner));
                }
            }
        }
        Some(None)
    }
}

/// How the elements of an array lie in memory one after the other.
struct Layout {
    length: i16,
    is_by_value: bool,
    alignment: usize,
}

impl Layout {
    fn of_type(of: Oid) -> Self {
        let (mut length, mut is_by_value, mut alignment) = (0, false, 0);
        // SAFETY: PostgreSQL raises an ERROR if there is no such type.
        unsafe { pg_sys::get_typlenbyvalalign(of, &mut length, &mut is_by_value, &mut alignment) };
        Layout {
            length,
            is_by_value,
            alignment: match alignment as u8 {
                pg_sys::TYPALIGN_CHAR => 1,
                pg_sys::TYPALIGN_SHORT => 2,
                pg_sys::TYPALIGN_INT => 4,
                _ => 8,
            },
        }
    }

    /// The element at an address.
    ///
    /// # Safety
    ///
    /// An element starts there.
    #[inline]
    unsafe fn read(&self, at: *const u8) -> Datum {
        // SAFETY: PostgreSQL aligns a value that it passes by value as it does an integer of that length.
        unsafe {
            match (self.is_by_value, self.length) {
                (false, _) => Datum::from(at),
                (true, 1) => Datum::from(i64::from(at.cast::<i8>().read())),
                (true, 2) => Datum::from(i64::from(at.cast::<i16>().read())),
                (true, 4) => Datum::from(i64::from(at.cast::<i32>().read())),
                (true, _) => Datum::from(at.cast::<i64>().read()),
            }
        }
    }

    /// The address after the element at an address, where the next one may be.
    ///
    /// # Safety
    ///
    /// An element starts there.
    #[inline]
    unsafe fn after(&self, at: *const u8) -> *const u8 {
        unsafe {
            let length = match self.length {
                -1 => pgrx::varlena::varsize_any(at.cast()),
                -2 => CStr::from_ptr(at.cast()).count_bytes() + 1,
                length => length as usize,
            };
            let end = at.add(length);
            end.add(end.align_offset(self.alignment))
        }
    }
}
