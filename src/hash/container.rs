//! Values inside of values, and the walk over them.
//!
//! What is inside may be as deep as somebody likes, deeper than the stack would allow. So a value reads itself up to a
//! part that has parts, and its caller goes on with that one. Recursion walks the outer levels, since it costs least.
//! A loop walks the inner ones, with a list in memory of the values that are being read.

use crate::hash::array::{Elements, UnreadElements};
use crate::hash::composite::{Rows, UnreadColumns};
use crate::hash::part::Inner;
use crate::hash::range::{Bounds, UnreadBounds};
use crate::pg::error::OrRaise;
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::Datum;
use crate::pg::unguarded::{self, Aligned, check_interrupts};
use allocator_api2::vec::Vec;
use cvm_sketch::OutOfMemory;
use cvm_sketch::hash::Parts;
use std::ptr::NonNull;

/// The rule for a type whose values hold others.
pub(crate) enum Container {
    Array(NonNull<Elements>),
    Range(NonNull<Bounds>),
    Multirange(NonNull<Bounds>),
    Row(Rows),
}

/// How many values inside of one another recursion reads.
const NEAR: usize = 8;

impl Container {
    /// The hash of a value. As [`Rule::hash`](crate::hash::rule::Rule::hash).
    ///
    /// # Safety
    ///
    /// As [`Rule::hash`](crate::hash::rule::Rule::hash).
    pub(crate) unsafe fn hash<const LEARN: bool>(&mut self, value: Datum, seed: u64) -> Option<u64> {
        unsafe { hash_near::<LEARN>((NonNull::from(self), value), seed, 0) }
    }
}

/// The hash of a value inside of so many others.
///
/// # Safety
///
/// As [`Container::hash`]. Nothing else refers to the rule.
unsafe fn hash_near<const LEARN: bool>((container, value): Inner, seed: u64, depth: usize) -> Option<u64> {
    unsafe {
        unguarded::with_aligned(value, |value| {
            let mut parts = Parts::new(seed);
            let mut unread = Unread::of::<LEARN>((container, value), &mut parts)?;
            while let Some(inner) = unread.read::<LEARN>(&mut parts, seed)? {
                let hash = match depth < NEAR {
                    true => hash_near::<LEARN>(inner, seed, depth + 1)?,
                    false => hash_deep::<LEARN>(inner, seed)?,
                };
                parts.hash(hash);
            }
            Some(parts.finish())
        })
    }
}

/// [`hash_near`] without recursion.
///
/// # Safety
///
/// As [`hash_near`].
#[cold]
#[inline(never)]
unsafe fn hash_deep<const LEARN: bool>(outermost: Inner, seed: u64) -> Option<u64> {
    // SAFETY: the list ends with this call.
    unsafe {
        let mut around = Vec::new_in(ContextAllocator::current());
        let hash = walk::<LEARN>(outermost, seed, &mut around);
        // Where there is no hash, some values have not been read to the end.
        around.into_iter().for_each(|open: Open| open.value.free());
        hash
    }
}

/// Reads a value and those inside of it; `around` has those that are being read.
///
/// # Safety
///
/// As [`hash_near`].
unsafe fn walk<const LEARN: bool>(
    outermost: Inner,
    seed: u64,
    around: &mut Vec<Open, ContextAllocator>,
) -> Option<u64> {
    // SAFETY: a value is freed after all that is inside of it has been read.
    unsafe {
        let (mut container, mut value) = outermost;
        loop {
            match around.try_reserve(1) {
                Err(_) if LEARN => Err(OutOfMemory).or_raise(),
                reserved => reserved.ok()?,
            }
            let mut parts = Parts::new(seed);
            let aligned = Aligned::new(value);
            let Some(unread) = Unread::of::<LEARN>((container, aligned.value()), &mut parts) else {
                aligned.free();
                return None;
            };
            around.push(Open {
                value: aligned,
                parts,
                unread,
            });
            loop {
                let Open { parts, unread, .. } = around.last_mut()?;
                if let Some(inner) = unread.read::<LEARN>(parts, seed)? {
                    (container, value) = inner;
                    break;
                }
                let read = around.pop()?;
                read.value.free();
                let hash = read.parts.finish();
                match around.last_mut() {
                    None => return Some(hash),
                    Some(parent) => parent.parts.hash(hash),
                }
            }
        }
    }
}

/// A value that is being read.
struct Open {
    value: Aligned,
    /// What is hashed of it so far.
    parts: Parts,
    unread: Unread,
}

/// What has not been read yet of a value.
enum Unread {
    Elements(UnreadElements),
    Bounds(UnreadBounds),
    Columns(UnreadColumns),
}

impl Unread {
    /// Begins to read a value: adds what tells its shape to what is hashed of it.
    ///
    /// # Safety
    ///
    /// As [`hash_near`]; the value has a header of four bytes.
    #[inline(always)]
    unsafe fn of<const LEARN: bool>((mut container, value): Inner, parts: &mut Parts) -> Option<Self> {
        check_interrupts();
        unsafe {
            Some(match container.as_mut() {
                Container::Array(elements) => Unread::Elements(Elements::open(*elements, value, parts)),
                Container::Range(bounds) => Unread::Bounds(Bounds::open_range(*bounds, value, parts)),
                Container::Multirange(bounds) => Unread::Bounds(Bounds::open_multirange(*bounds, value, parts)),
                Container::Row(rows) => Unread::Columns(rows.open::<LEARN>(value, parts)?),
            })
        }
    }

    /// Reads on, up to a part that has parts itself, or to the end.
    ///
    /// # Safety
    ///
    /// As [`hash_near`]; the value and its rule are those that this was [made](Self::of) for.
    #[inline(always)]
    unsafe fn read<const LEARN: bool>(&mut self, parts: &mut Parts, seed: u64) -> Option<Option<Inner>> {
        // SAFETY: nothing inside of the value is being read any more, so that nothing else refers to its rule.
        unsafe {
            match self {
                Unread::Elements(elements) => elements.read::<LEARN>(parts, seed),
                Unread::Bounds(bounds) => bounds.read::<LEARN>(parts, seed),
                Unread::Columns(columns) => columns.read::<LEARN>(parts, seed),
            }
        }
    }
}
