//! The hash of a value: a published function, frozen, since stored sketches outlive releases.
//!
//! The function is XXH3 in its 64-bit form with a seed, so other programs can make the same hashes. (Collet,
//! <https://xxhash.com>; specified in the xxHash repository, stable since version 0.8.0.) This table fixes what is
//! hashed for each kind of value:
//!
//! | Value | Bytes hashed |
//! |---|---|
//! | integer of any width, and what PostgreSQL stores as one | as a signed 64-bit integer, little-endian |
//! | floating-point number of either width | as a 64-bit IEEE 754 number, little-endian; -0 as 0, any NaN as one NaN |
//! | decimal number | its sign, its weight and its digits, as [`decimal`] says |
//! | bytes, text | themselves |
//! | a value that holds others | its shape, then each as its eight bytes or its hash under the seed: its [`Parts`] |
//! | anything else | the 64-bit hash of its type under the same seed, little-endian |
//!
//! `docs/hashes.md` says which of these each type of PostgreSQL is, and lists its bytes.
//!
//! The finalizer of MurmurHash3 (Appleby, public domain) mixes the seed before XXH3 gets it; it takes 0 to 0. XXH3
//! combines the seed with a short key by exclusive or. Without the finalizer, dense keys, say 0 to n, could be one set
//! under two seeds a bit apart. Both sketches would then have the same error.
//!
//! XXH3 is not a cryptographic function. While the seed is random and secret, whoever chooses the values cannot foresee
//! which are sampled. With a known seed they can.
//!
//! Each rule is written down here once. Whoever makes hashes only reads values, in whatever form they lie in memory:
//!
//! - [`ValueType`]: what types of values there are, in which [`Form`] each is hashed, and of which
//!   [`Kind`](crate::Kind) it is. A [`Single`] is a value in that form.
//! - [`Parts`]: arrays, rows and ranges. [`JsonTokens`], [`VectorTokens`], [`QueryTokens`]: what is read as tokens.
//! - [`decimal`](fn@decimal), [`scaled_decimal`], [`decimal_digits`]: numbers with any number of digits.
//! - [`bytes`], [`integer`]: the function itself. `sequence`: the same of bytes that come in pieces.

mod decimal;
mod function;
mod json;
pub(crate) mod kind;
mod parts;
mod sequence;
mod single;
mod text_search;
mod value_type;

pub use decimal::{
    DIGITS_AFTER_POINT, DIGITS_BEFORE_POINT, Decimal, DecimalError, decimal, decimal_digits, scaled_decimal,
};
pub use function::{bytes, integer};
pub use json::{JsonTokens, compare_keys};
pub use parts::{Bound, Parts};
pub use single::{
    AccessItem, EPOCH_DAYS, EPOCH_MICROSECONDS, Form, Interval, Single, ZonedTime, double, double_as_integer, interval,
    without_blanks,
};
pub use text_search::{QueryTokens, VectorTokens};
pub use value_type::ValueType;
