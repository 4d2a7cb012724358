//! Ranges and multiranges: their flags and their bounds.

use crate::hash::part::{Inner, put};
use crate::hash::rule::Rule;
use crate::pg::pg_sys::{Datum, RangeBound, TypeCacheEntry};
use crate::pg::unguarded::{self, check_interrupts};
use cvm_sketch::hash::{Bound, Parts};
use std::ptr::NonNull;

/// The rule for ranges of one type, and for the multiranges of these.
pub(crate) struct Bounds {
    range_type: *mut TypeCacheEntry,
    rule: Rule,
}

impl Bounds {
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
    pub(crate) unsafe fn open_range(bounds: NonNull<Self>, range: Datum, parts: &mut Parts) -> UnreadBounds {
        let both = unsafe { unguarded::range_bounds(bounds.as_ref().range_type, range) };
        let [lower, upper] = match both {
            Some(both) => Self::begin(both, parts),
            None => {
                parts.begin_empty_range();
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
    pub(crate) unsafe fn open_multirange(bounds: NonNull<Self>, ranges: Datum, parts: &mut Parts) -> UnreadBounds {
        let count = unsafe { unguarded::multirange_len(ranges) };
        parts.begin_multirange(count);
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
    fn begin([lower, upper]: [RangeBound; 2], parts: &mut Parts) -> [Option<Datum>; 2] {
        let bound = |bound: &RangeBound| match (bound.infinite, bound.inclusive) {
            (true, _) => Bound::Infinite,
            (false, true) => Bound::Inclusive,
            (false, false) => Bound::Exclusive,
        };
        parts.begin_range(bound(&lower), bound(&upper));
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
    pub(crate) unsafe fn read<const LEARN: bool>(&mut self, parts: &mut Parts, seed: u64) -> Option<Option<Inner>> {
        // SAFETY: a multirange has as many ranges as `count` says. Of a range that is 0.
        unsafe {
            loop {
                let rule = &mut self.bounds.as_mut().rule;
                for bound in [&mut self.lower, &mut self.upper] {
                    if let Some(bound) = bound.take()
                        && let Some(inner) = put::<LEARN>(rule, bound, parts, seed)?
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
                [self.lower, self.upper] = Bounds::begin(both, parts);
            }
        }
    }
}
