//! The rule by which the values of a type are hashed, down to the values inside of values.
//!
//! Two values that `=` calls equal must hash alike, else they are counted twice; two that it does not must not, else
//! they are counted once. PostgreSQL's own hash functions only promise the first, since who uses them compares the
//! values then. So all types of PostgreSQL have rules of ours. `docs/hashes.md` lists them, with the bytes that go in.

use crate::hash::container::{Bounds, Container, Elements, Rows};
use crate::hash::enum_labels::Labels;
use crate::hash::equality::{self, Collated, Equality, NotHashable};
use crate::hash::own::TypeHash;
use crate::hash::plain::Plain;
use crate::hash::{jsonb, text_search};
use crate::pg::error::OrRaise;
use crate::pg::memory::{self, ContextAllocator};
use crate::pg::pg_sys::{Datum, Oid};
use crate::pg::{invalidation, unguarded, varlena};
use cvm_sketch::Kind;
use cvm_sketch::hash;

/// The rule for one type under one collation.
pub(crate) enum Rule {
    Plain(Plain),
    /// A `name` under a collation that may call different bytes equal: the rule of text.
    NameAsText(TypeHash),
    Enum(Labels),
    Jsonb,
    TsVector,
    TsQuery,
    /// The values hold others, with rules of their own.
    Container(Container),
    /// Whatever the type's own hash function says.
    Own(TypeHash),
}

impl Rule {
    /// A rule that refers to nothing, for the time until there is another.
    pub(crate) const NONE: Self = Rule::Jsonb;

    /// The rule for the values of a type, and what kind of values these are.
    ///
    /// # Safety
    ///
    /// The rule is not used after the end of the allocator's memory context.
    pub(crate) unsafe fn new(
        declared: Oid,
        collation: Oid,
        allocator: ContextAllocator,
    ) -> Result<(Self, Kind), NotHashable> {
        let declared = Collated {
            of_type: declared,
            collation,
        };
        let (mut equality, kind) = equality::of(declared)?;
        let mut collation = declared.collation;
        let mut outermost = Rule::NONE;
        let mut place = &raw mut outermost;
        // Ranges of ranges and arrays of domains over arrays may be as deep as somebody likes, and each holds values of
        // one type.
        loop {
            // SAFETY: the caller vouches for the lifetime. `place` is that of a rule, the outermost one or one that was
            // put into the memory context.
            unsafe {
                let (rule, inside) = Self::of_equality(equality, collation, allocator);
                *place = rule;
                let Some((inner, part)) = inside else {
                    return Ok((outermost, kind));
                };
                memory::check_for_interrupts();
                place = inner;
                collation = part.collation;
                equality = equality::of(part)?.0;
            }
        }
    }

    /// The rule that goes with an equality. Where the values hold others of one type, that is returned too, and where
    /// its rule belongs.
    ///
    /// # Safety
    ///
    /// As [`new`](Self::new).
    unsafe fn of_equality(
        equality: Equality,
        collation: Oid,
        allocator: ContextAllocator,
    ) -> (Self, Option<(*mut Rule, Collated)>) {
        // SAFETY: the caller vouches for the lifetime.
        unsafe {
            let bounds = |entry| {
                let bounds = allocator.place(Bounds::new(entry)).or_raise();
                (bounds, &raw mut (*bounds.as_ptr()).rule)
            };
            let rule = match equality {
                Equality::Plain(plain) => Rule::Plain(plain),
                Equality::NameAsText(function) => Rule::NameAsText(TypeHash::new(function, collation, allocator)),
                Equality::Label => {
                    invalidation::watch();
                    Rule::Enum(Labels::new_in(allocator))
                }
                Equality::Jsonb => Rule::Jsonb,
                Equality::TsVector => Rule::TsVector,
                Equality::TsQuery => Rule::TsQuery,
                Equality::Array(element) => {
                    let elements = allocator.place(Elements::new(element.of_type)).or_raise();
                    let inside = &raw mut (*elements.as_ptr()).rule;
                    return (Rule::Container(Container::Array(elements)), Some((inside, element)));
                }
                Equality::Range(entry, bound) => {
                    let (bounds, inside) = bounds(entry);
                    return (Rule::Container(Container::Range(bounds)), Some((inside, bound)));
                }
                Equality::Multirange(entry, bound) => {
                    let (bounds, inside) = bounds(entry);
                    return (Rule::Container(Container::Multirange(bounds)), Some((inside, bound)));
                }
                Equality::Row(_) => Rule::Container(Container::Row(Rows::new_in(allocator))),
                Equality::Own(function) => Rule::Own(TypeHash::new(function, collation, allocator)),
            };
            (rule, None)
        }
    }

    /// The hash of a value; `None` if that takes a row type or a label that has not been looked up before.
    ///
    /// With `LEARN`, these are looked up, and `None` says that the value is not what its type says. Otherwise this
    /// allocates no more than a copy of a value that has to be detoasted, and a list of the values around the one that
    /// is read in a very deep one, and frees both; and it calls no function behind pgrx's guard: an ERROR passes as
    /// [`unguarded`] says.
    ///
    /// # Safety
    ///
    /// `value` is of the type that the rule was made for. With `LEARN`, the caller is behind pgrx's guard.
    pub(crate) unsafe fn hash<const LEARN: bool>(&mut self, value: Datum, seed: u64) -> Option<u64> {
        // SAFETY: the caller vouches for the type. What a rule refers to lives as long as it, and nothing else refers
        // to it.
        unsafe {
            match self {
                Rule::Plain(plain) => match plain.hash(value, seed) {
                    None => unguarded::with_packed(value, |value| plain.hash(value, seed)),
                    hash => hash,
                },
                Rule::NameAsText(own) => Some(unguarded::with_text(value, |text| own.call(text, seed))),
                Rule::Enum(labels) => {
                    if LEARN && labels.known(value).is_none() {
                        labels.look_up(value).or_raise();
                    }
                    Some(hash::bytes(labels.known(value)?, seed))
                }
                Rule::Jsonb => with_plain_bytes(value, |bytes| {
                    let memory = ContextAllocator::current();
                    match jsonb::hash(bytes, seed, unguarded::check_interrupts, memory)? {
                        Err(error) if LEARN => Err(error).or_raise(),
                        hash => hash.ok(),
                    }
                }),
                Rule::TsVector => with_plain_bytes(value, |bytes| {
                    text_search::hash_vector(bytes, seed, unguarded::check_interrupts)
                }),
                Rule::TsQuery => with_plain_bytes(value, |bytes| {
                    text_search::hash_query(bytes, seed, unguarded::check_interrupts)
                }),
                Rule::Container(container) => container.hash::<LEARN>(value, seed),
                Rule::Own(own) => Some(own.call(value, seed)),
            }
        }
    }
}

/// Calls `hash` with the bytes of a value, detoasting it for that time if need be.
///
/// # Safety
///
/// `value` is a varlena.
#[inline]
unsafe fn with_plain_bytes(value: Datum, hash: impl Fn(&[u8]) -> Option<u64>) -> Option<u64> {
    // SAFETY: the caller vouches for the varlena.
    unsafe {
        match varlena::plain_bytes(value) {
            Some(bytes) => hash(bytes),
            None => unguarded::with_packed(value, |value| hash(varlena::plain_bytes(value)?)),
        }
    }
}
