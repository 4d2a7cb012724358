//! Rules that need only the datum: no catalog, no allocation. All common types have such a rule.
//! [`equality::of`](crate::hash::equality::of) says which type has which.

use crate::hash::numeric;
use crate::pg::pg_sys::{self, Datum};
use crate::pg::varlena;
use cvm_sketch::hash;
use std::ffi::CStr;

// Integers of 64 bits travel inside the datum. Shorter ones are read from its low end.
const _: () = assert!(size_of::<Datum>() == 8 && cfg!(target_endian = "little"));

/// A rule that needs only the datum.
pub(crate) trait PlainHash {
    /// The hash of a value, or `None` if it has to be detoasted first. Does not allocate, panic or raise an error.
    ///
    /// # Safety
    ///
    /// `value` is of a type that the implementation is for.
    unsafe fn hash(value: Datum, seed: u64) -> Option<u64>;

    /// The integer that stands for the value in hashing; `None` for rules without one.
    ///
    /// # Safety
    ///
    /// As [`hash`](Self::hash).
    unsafe fn word(_value: Datum) -> Option<i64> {
        None
    }
}

/// Code that is compiled once for each rule. [`Plain::visit`] calls the one for a rule.
pub(crate) trait Visitor {
    type Output;
    fn visit<H: PlainHash>(self) -> Self::Output;
}

/// Declares rules. Each has an expression for the hash of a datum, or for its [word](PlainHash::word). Each becomes a
/// variant of [`Plain`] and an implementation of [`PlainHash`].
macro_rules! plain_hashes {
    ($($(#[$doc:meta])* $name:ident: $rule:ident |$value:ident $(, $seed:ident)?| $made:expr;)+) => {
        /// The rules that need only the datum.
        #[derive(Clone, Copy)]
        pub(crate) enum Plain {
            $($(#[$doc])* $name),+
        }

        /// A marker type per rule, so that callers are compiled for each rule.
        mod each {
            $(pub(crate) struct $name;)+
        }

        $(impl PlainHash for each::$name {
            plain_hashes!($rule |$value $(, $seed)?| $made);
        })+

        impl Plain {
            /// As [`PlainHash::hash`].
            ///
            /// # Safety
            ///
            /// As [`PlainHash::hash`].
            #[inline(always)]
            pub(crate) unsafe fn hash(self, value: Datum, seed: u64) -> Option<u64> {
                unsafe {
                    match self {
                        $(Plain::$name => each::$name::hash(value, seed)),+
                    }
                }
            }

            /// As [`PlainHash::word`].
            ///
            /// # Safety
            ///
            /// As [`PlainHash::word`].
            #[inline(always)]
            pub(crate) unsafe fn word(self, value: Datum) -> Option<i64> {
                unsafe {
                    match self {
                        $(Plain::$name => each::$name::word(value)),+
                    }
                }
            }

            /// Calls the visitor with the rule's implementation.
            pub(crate) fn visit<V: Visitor>(self, visitor: V) -> V::Output {
                match self {
                    $(Plain::$name => visitor.visit::<each::$name>()),+
                }
            }
        }
    };

    (hash |$value:ident, $seed:ident| $made:expr) => {
        #[inline(always)]
        unsafe fn hash($value: Datum, $seed: u64) -> Option<u64> {
            // SAFETY: a pointer in the datum is valid as long as the row.
            unsafe { $made }
        }
    };

    (word |$value:ident| $made:expr) => {
        #[inline(always)]
        unsafe fn hash(value: Datum, seed: u64) -> Option<u64> {
            unsafe { Some(hash::integer(Self::word(value)?, seed)) }
        }

        #[inline(always)]
        unsafe fn word($value: Datum) -> Option<i64> {
            Some($made)
        }
    };
}

plain_hashes! {
    /// "char", signed as its cast to integer is.
    Int8: word |value| i64::from(value.value() as i8);
    Int16: word |value| i64::from(value.value() as i16);
    Int32: word |value| i64::from(value.value() as i32);
    Int64: word |value| value.value() as i64;
    UInt32: word |value| i64::from(value.value() as u32);
    Boolean: word |value| i64::from(value.value() as u8 != 0);
    Float32: word |value| hash::double_as_integer(f64::from(f32::from_bits(value.value() as u32)));
    Float64: word |value| hash::double_as_integer(f64::from_bits(value.value() as u64));
    Numeric: hash |value, seed| numeric::hash(varlena::plain_bytes(value)?, seed);
    /// Bytes of variable length, compared as they are.
    Bytes: hash |value, seed| Some(hash::bytes(varlena::plain_bytes(value)?, seed));
    /// Bytes of variable length, compared without trailing blanks.
    BlankPadded: hash |value, seed| Some(hash::bytes(hash::without_blanks(varlena::plain_bytes(value)?), seed));
    /// Bytes that a zero ends.
    ZeroEnded: hash |value, seed| Some(hash::bytes(CStr::from_ptr(value.cast_mut_ptr()).to_bytes(), seed));
    FixedBytes6: hash |value, seed| Some(hash::bytes(fixed::<6>(value), seed));
    FixedBytes8: hash |value, seed| Some(hash::bytes(fixed::<8>(value), seed));
    FixedBytes12: hash |value, seed| Some(hash::bytes(fixed::<12>(value), seed));
    FixedBytes16: hash |value, seed| Some(hash::bytes(fixed::<16>(value), seed));
    Interval: hash |value, seed| Some({
        let interval: &pg_sys::Interval = &*value.cast_mut_ptr();
        hash::interval(interval.month, interval.day, interval.time, seed)
    });
    AclItem: hash |value, seed| Some(hash::bytes(&rights(&*value.cast_mut_ptr()), seed));
}

/// A fixed number of bytes, by reference.
///
/// # Safety
///
/// `value` points to so many bytes, which live for `'a`.
#[inline(always)]
unsafe fn fixed<'a, const LENGTH: usize>(value: Datum) -> &'a [u8; LENGTH] {
    unsafe { &*value.cast_mut_ptr() }
}

/// Who grants which rights to whom, as PostgreSQL keeps it since 16: 32 bits for the rights and 32 for the grant
/// options. PostgreSQL 15 has 16 bits for each.
fn rights(item: &pg_sys::AclItem) -> [u8; 16] {
    #[cfg(not(feature = "pg15"))]
    let rights = item.ai_privs;
    #[cfg(feature = "pg15")]
    let rights = u64::from(item.ai_privs & 0xFFFF) | u64::from(item.ai_privs >> 16) << 32;
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&item.ai_grantee.to_u32().to_le_bytes());
    bytes[4..8].copy_from_slice(&item.ai_grantor.to_u32().to_le_bytes());
    bytes[8..].copy_from_slice(&rights.to_le_bytes());
    bytes
}
