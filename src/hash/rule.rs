//! The rule by which the values of a type are hashed, down to the values inside of values.
//!
//! Values that are equal by `=` must hash alike, else they are counted twice. Others must hash differently, else they
//! are counted once. PostgreSQL's own hash functions only promise the first, since their callers compare the values,
//! too. So all types of PostgreSQL have rules of ours. `docs/hashes.md` lists them, with the bytes that go in, and
//! `cvm_sketch::hash` has them.

use crate::hash::array::Elements;
use crate::hash::composite::Rows;
use crate::hash::container::Container;
use crate::hash::enum_labels::Labels;
use crate::hash::equality::{self, Collated, Equality, NotHashable, Whole};
use crate::hash::plain::Plain;
use crate::hash::range::Bounds;
use crate::hash::type_hash::TypeHash;
use crate::hash::{jsonb, text_search};
use crate::pg::error::OrRaise;
use crate::pg::memory::{self, ContextAllocator};
use crate::pg::pg_sys::{Datum, Oid};
use crate::pg::{invalidation, unguarded, varlena};
use allocator_api2::vec::Vec;
use cvm_sketch::hash;
use cvm_sketch::{Kind, OutOfMemory};

/// The rule for one type under one collation.
pub(crate) enum Rule {
    Plain(Plain),
    /// A `name` under a collation by which different bytes may be equal. It is hashed as text.
    NameAsText(TypeHash),
    Enum(Labels),
    Jsonb,
    TsVector,
    TsQuery,
    /// The values have parts, with rules of their own.
    Container(Container),
    /// By the type's own hash function.
    Own(TypeHash),
}

impl Rule {
    /// A placeholder that holds no pointer, used while the rule is made anew.
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
        let mut compared = Collated {
            of_type: declared,
            collation,
        };
        let (mut equality, value_type) = equality::of(compared)?;
        // Ranges of ranges and arrays of domains over arrays may be as deep as somebody likes.
        let mut around = Vec::new_in(allocator);
        let mut rule = loop {
            break match equality {
                Equality::Parts(whole, part) => {
                    memory::check_for_interrupts();
                    around.try_reserve(1).map_err(|_| OutOfMemory).or_raise();
                    around.push((whole, part));
                    compared = part;
                    equality = equality::of(part)?.0;
                    continue;
                }
                Equality::Plain(plain) => Rule::Plain(plain),
                Equality::NameAsText(function) => {
                    Rule::NameAsText(unsafe { TypeHash::new(function, compared.collation, allocator) })
                }
                Equality::Label => {
                    invalidation::watch();
                    Rule::Enum(Labels::new_in(allocator))
                }
                Equality::Jsonb => Rule::Jsonb,
                Equality::TsVector => Rule::TsVector,
                Equality::TsQuery => Rule::TsQuery,
                Equality::Row(_) => Rule::Container(Container::Row(Rows::new_in(allocator))),
                Equality::Own(function) => Rule::Own(unsafe { TypeHash::new(function, compared.collation, allocator) }),
            };
        };
        while let Some((whole, part)) = around.pop() {
            rule = Rule::Container(match whole {
                Whole::Array => Container::Array(allocator.place(Elements::new(part.of_type, rule)).or_raise()),
                Whole::Range(entry) => Container::Range(allocator.place(Bounds::new(entry, rule)).or_raise()),
                Whole::Multirange(entry) => Container::Multirange(allocator.place(Bounds::new(entry, rule)).or_raise()),
            });
        }
        Ok((rule, value_type.kind()))
    }

    /// The hash of a value; `None` if that takes a row type or a label that has not been looked up before.
    ///
    /// With `LEARN`, this looks them up, and `None` means that the value is not valid for its type. Without, it calls
    /// no function behind pgrx's guard: an ERROR passes as [`unguarded`] says. It allocates no more than a copy of a
    /// value that has to be detoasted, and a list of open values in a very deep one. It frees both.
    ///
    /// # Safety
    ///
    /// `value` is of the type that the rule was made for. With `LEARN`, the caller is behind pgrx's guard.
    pub(crate) unsafe fn hash<const LEARN: bool>(&mut self, value: Datum, seed: u64) -> Option<u64> {
        // SAFETY: what a rule refers to lives as long as it, and nothing else refers to it.
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

/// Calls `hash` with the bytes of a value, and detoasts it for that time if need be.
///
/// # Safety
///
/// `value` is a varlena.
#[inline]
unsafe fn with_plain_bytes(value: Datum, hash: impl Fn(&[u8]) -> Option<u64>) -> Option<u64> {
    unsafe {
        match varlena::plain_bytes(value) {
            Some(bytes) => hash(bytes),
            None => unguarded::with_packed(value, |value| hash(varlena::plain_bytes(value)?)),
        }
    }
}
