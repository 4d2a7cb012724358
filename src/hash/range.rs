//! Ranges and multiranges: their flags and their bounds.

use crate::hash::part::{Inner, put};
use crate::hash::rule::Rule;
use crate::pg::pg_sys::{Datum, RangeBound, TypeCacheEntry};
use crate::pg::unguarded::{self, check_interrupts};
use cvm_sketch::hash::Sequence;
use std::ptr::NonNull;

/// The rule for ranges of one type, and for the multiranges of these.
pub(crate) struct Bounds {
    range_type: *mut TypeCacheEntry,
    rule: Rule,
}

impl Bounds {
    const EMPTY: u8 = 1;
    const LOWER_INFINITE: u8 = 2;
    const LOWER_INCLUSIVE: u8 = 4;
    const UPPER_INFINITE: u8 = 8;
    const UPPER_INCLUSIVE: u8 = 16;

    /// Bounds of ranges of a type, with the rule for them.
    pub(crate) fn new(range_type: *mut TypeCacheEntry, rule: Rule) -> Self {
        Bounds { range_type, rule }
    }

    /// Adds the flags of a range. The bounds are still to be read.
    ///
    /// # Safety
    ///
    /// `range` is a range of that type with a header of four bytes.
    #[inline(always)]
    pub(crate) unsafe fn open_range(bounds: NonNull<Self>, range: Datum, sequence: &mut Sequence) -> UnreadBounds {
        let both = unsafe { unguarded::range_bounds(bounds.as_ref().range_type, range) };
        let [lower, upper] = match both {
            Some(both) => Self::put_flags(both, sequence),
            None => {
                sequence.push(&[Self::EMPTY]);
                [None, None]
            }
        };
        UnreadBounds {
            bounds,
            lower,
            upper,
            ranges: range,
            next: 0,
            count: 0,
        }
    }

    /// Adds the number of ranges. The ranges are still to be read.
    ///
    /// # Safety
    ///
    /// `ranges` is a multirange of that type with a header of four bytes.
    #[inline(always)]
    pub(crate) unsafe fn open_multirange(
        bounds: NonNull<Self>,
        ranges: Datum,
        sequence: &mut Sequence,
    ) -> UnreadBounds {
        let count = unsafe { unguarded::multirange_len(ranges) };
        sequence.push(&count.to_le_bytes());
        UnreadBounds {
            bounds,
            lower: None,
            upper: None,
            ranges,
            next: 0,
            count,
        }
    }

    /// Adds the flags of a range that is not empty, and returns the bounds that there are.
    #[inline(always)]
    fn put_flags([lower, upper]: [RangeBound; 2], sequence: &mut Sequence) -> [Option<Datum>; 2] {
        let flag = |is_set, flag| if is_set { flag } else { 0 };
        sequence.push(&[flag(lower.infinite, Self::LOWER_INFINITE)
            | flag(lower.inclusive, Self::LOWER_INCLUSIVE)
            | flag(upper.infinite, Self::UPPER_INFINITE)
            | flag(upper.inclusive, Self::UPPER_INCLUSIVE)]);
        [lower, upper].map(|bound| (!bound.infinite).then_some(bound.val))
    }
}

/// What has not been read yet: bounds of one range, and further ranges of a multirange.
pub(crate) struct UnreadBounds {
    bounds: NonNull<Bounds>,
    lower: Option<Datum>,
    upper: Option<Datum>,
    ranges: Datum,
    next: u32,
    count: u32,
}

impl UnreadBounds {
    /// Adds bounds to the hash. Stops at the first that has parts itself, and returns it; returns `Some(None)` at the
    /// end.
    ///
    /// # Safety
    ///
    /// As [`Rule::hash`] for the range or multirange. Nothing else refers to the rule.
    #[inline(always)]
    pub(crate) unsafe fn read<const LEARN: bool>(
        &mut self,
        sequence: &mut Sequence,
        seed: u64,
    ) -> Option<Option<Inner>> {
        // SAFETY: a multirange has as many ranges as `count` says. Of a range that is 0.
        unsafe {
            loop {
                let rule = &mut self.bounds.as_mut().rule;
                for bound in [&mut self.lower, &mut self.upper] {
                    if let Some(bound) = bound.take()
                        && let Some(inner) = put::<LEARN>(rule, bound, sequence, seed)?
                    {
                        return Some(Some(inner));
                    }
                }
                if self.next == self.count {
                    return Some(None);
                }
                check_interrupts();
                let both = unguarded::multirange_bounds(self.bounds.as_ref().range_type, self.ranges, self.next);
                self.next += 1;
                [self.lower, self.upper] = Bounds::put_flags(both, sequence);
            }
        }
    }
}
