//! Rules that need only the datum: no catalog, no allocation. All common types have such a rule.
//! [`equality::of`](crate::hash::equality::of) says which type has which.

use crate::hash::numeric;
use crate::pg::pg_sys::{self, Datum};
use crate::pg::varlena;
use cvm_sketch::hash::{AccessItem, Form, Interval, Single, ZonedTime};
use std::ffi::CStr;

// Integers of 64 bits travel inside the datum. Shorter ones are read from its low end.
const _: () = assert!(size_of::<Datum>() == 8 && cfg!(target_endian = "little"));

/// A rule that needs only the datum.
pub(crate) trait PlainHash {
    /// The form in which values are hashed.
    const FORM: Form;

    /// What is hashed of a value, or `None` if it has to be detoasted first. Does not allocate, panic or raise an
    /// error.
    ///
    /// # Safety
    ///
    /// `value` is of a type that the implementation is for, and lives for `'a`.
    unsafe fn read<'a>(value: Datum) -> Option<Single<'a>>;

    /// The hash of a value; otherwise as [`read`](Self::read).
    ///
    /// # Safety
    ///
    /// As [`read`](Self::read).
    #[inline(always)]
    unsafe fn hash(value: Datum, seed: u64) -> Option<u64>
    where
        Self: Sized,
    {
        unsafe {
            match Self::FORM {
                // Out of line. Inside of callers for any rule it would cost all other rules registers.
                Form::Decimal => numeric::hash(varlena::plain_bytes(value)?, seed),
                _ => Some(Self::read(value)?.hash(seed)),
            }
        }
    }
}

/// Code that is compiled once for each rule. [`Plain::visit`] calls the one for a rule.
pub(crate) trait Visitor {
    type Output;
    fn visit<H: PlainHash>(self) -> Self::Output;
}

/// Declares rules. Each has the form in which the value is hashed, and an expression for what that form takes. Each
/// becomes a variant of [`Plain`] and an implementation of [`PlainHash`].
macro_rules! plain_hashes {
    ($($(#[$doc:meta])* $name:ident: $form:ident |$value:ident| $read:expr;)+) => {
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
            const FORM: Form = Form::$form;

            #[inline(always)]
            #[allow(unused_unsafe, reason = "what is in the datum itself is read without")]
            unsafe fn read<'a>($value: Datum) -> Option<Single<'a>> {
                // SAFETY: a pointer in the datum is valid as long as the row.
                Some(Single::$form(unsafe { $read }))
            }
        })+

        impl Plain {
            /// The form in which values are hashed.
            pub(crate) const fn form(self) -> Form {
                match self {
                    $(Plain::$name => each::$name::FORM),+
                }
            }

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

            /// The word that stands for a value inside of others; `None` if it has none, or has to be detoasted first.
            ///
            /// # Safety
            ///
            /// As [`PlainHash::read`].
            #[inline(always)]
            pub(crate) unsafe fn word(self, value: Datum) -> Option<u64> {
                unsafe {
                    match self {
                        $(Plain::$name => each::$name::read(value)?.word()),+
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
}

plain_hashes! {
    /// "char", signed as its cast to integer is.
    Int8: Word |value| i64::from(value.value() as i8);
    Int16: Word |value| i64::from(value.value() as i16);
    Int32: Word |value| i64::from(value.value() as i32);
    Int64: Word |value| value.value() as i64;
    UInt32: Word |value| i64::from(value.value() as u32);
    Boolean: Word |value| i64::from(value.value() as u8 != 0);
    Float32: Double |value| f64::from(f32::from_bits(value.value() as u32));
    Float64: Double |value| f64::from_bits(value.value() as u64);
    Numeric: Decimal |value| numeric::read(varlena::plain_bytes(value)?)?;
    Varlena: Bytes |value| varlena::plain_bytes(value)?;
    BlankPadded: BlankPadded |value| varlena::plain_bytes(value)?;
    /// Bytes that a zero ends.
    ZeroEnded: Bytes |value| CStr::from_ptr(value.cast_mut_ptr()).to_bytes();
    FixedBytes6: Bytes |value| fixed::<6>(value);
    FixedBytes8: Bytes |value| fixed::<8>(value);
    FixedBytes16: Bytes |value| fixed::<16>(value);
    ZonedTime: ZonedTime |value| zoned_time(&*value.cast_mut_ptr());
    Interval: Interval |value| interval(&*value.cast_mut_ptr());
    AccessItem: AccessItem |value| access_item(&*value.cast_mut_ptr());
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

#[inline(always)]
fn zoned_time(time: &pg_sys::TimeTzADT) -> ZonedTime {
    ZonedTime {
        microseconds: time.time,
        seconds_west: time.zone,
    }
}

#[inline(always)]
fn interval(interval: &pg_sys::Interval) -> Interval {
    Interval {
        months: interval.month,
        days: interval.day,
        microseconds: interval.time,
    }
}

/// The rights are in the lower half of a word, the grant options in the upper one. PostgreSQL 15 has 16 bits for each,
/// and later versions 32.
fn access_item(item: &pg_sys::AclItem) -> AccessItem {
    #[cfg(not(feature = "pg15"))]
    let (rights, grant_options) = (item.ai_privs as u32, (item.ai_privs >> 32) as u32);
    #[cfg(feature = "pg15")]
    let (rights, grant_options) = (item.ai_privs & 0xFFFF, item.ai_privs >> 16);
    AccessItem {
        grantee: item.ai_grantee.to_u32(),
        grantor: item.ai_grantor.to_u32(),
        rights,
        grant_options,
    }
}
