//! The parts of a `numeric`, read from its bytes.
//!
//! (PostgreSQL's `src/backend/utils/adt/numeric.c`. The layout is that of the disk, and has been the same since 9.1.)
#![forbid(unsafe_code)]

use cvm_sketch::hash::{self, Decimal};

/// The kind of a number, in the upper bits of its header.
const KIND: u16 = 0xC000;
const NEGATIVE: u16 = 0x4000;
const SHORT: u16 = 0x8000;
const SPECIAL: u16 = 0xC000;

/// Special values, by their whole header.
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;

/// A short header has sign, weight and scale. The scale says how a number is shown, not which it is.
const SHORT_NEGATIVE: u16 = 0x2000;
const SHORT_WEIGHT_NEGATIVE: u16 = 0x0040;
const SHORT_WEIGHT: u16 = 0x003F;

/// The number in the bytes after the varlena's header; `None` if they are none. Neither allocates nor panics.
#[inline(always)]
pub(crate) fn read(bytes: &[u8]) -> Option<Decimal<'_>> {
    let (&header, rest) = bytes.split_first_chunk()?;
    let header = u16::from_le_bytes(header);
    Some(match header & KIND {
        SPECIAL => match header {
            INFINITY => Decimal::Infinity,
            NEGATIVE_INFINITY => Decimal::NegativeInfinity,
            _ => Decimal::NotANumber,
        },
        SHORT => {
            let weight = i32::from(header & SHORT_WEIGHT);
            let is_weight_negative = header & SHORT_WEIGHT_NEGATIVE != 0;
            Decimal::Finite {
                is_negative: header & SHORT_NEGATIVE != 0,
                weight: if is_weight_negative {
                    weight - i32::from(SHORT_WEIGHT + 1)
                } else {
                    weight
                },
                digits: rest.as_chunks().0,
            }
        }
        kind => {
            let (&weight, digits) = rest.split_first_chunk()?;
            Decimal::Finite {
                is_negative: kind == NEGATIVE,
                weight: i32::from(i16::from_le_bytes(weight)),
                digits: digits.as_chunks().0,
            }
        }
    })
}

/// The hash of the number that [`read`] finds in the bytes. Neither allocates nor panics.
#[inline(never)]
pub(crate) fn hash(bytes: &[u8], seed: u64) -> Option<u64> {
    Some(hash::decimal(read(bytes)?, seed))
}
