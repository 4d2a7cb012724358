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
//! | a value that holds others | its shape, then each as its eight bytes or its hash under the seed: a [`Sequence`] |
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
//! A file for each job:
//!
//! - [`bytes`], [`integer`]: the function. [`Sequence`]: the same of bytes that come in pieces.
//! - `single`: what is hashed of numbers, texts and times that are not hashed as they come.
//! - `decimal`: numbers with any number of digits, in each form in which they come.

mod decimal;
mod function;
mod sequence;
mod single;

pub use decimal::{
    DIGITS_AFTER_POINT, DIGITS_BEFORE_POINT, Decimal, DecimalError, decimal, decimal_digits, scaled_decimal,
};
pub use function::{bytes, integer};
pub use sequence::Sequence;
pub use single::{EPOCH_DAYS, EPOCH_MICROSECONDS, double, double_as_integer, interval, without_blanks};
