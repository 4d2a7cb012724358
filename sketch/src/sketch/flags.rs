//! The flags of a sketch in one byte, in memory and encoded: the derived mark and the kind.

use crate::hash::kind::Kind;
use serde::{Deserialize, Serialize};

/// The bit that marks a sketch whose level may be higher than its hashes call for.
const DERIVED: u8 = 1;

/// The kind has five bits, from bit 1 on.
const KIND_SHIFT: u32 = 1;
const KIND_MASK: u8 = 0x1F;

/// The least byte with a reserved bit set.
pub(crate) const RESERVED: u8 = 0x40;

/// The flags in their byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flags(u8);

impl Flags {
    /// The flags of a sketch that knows no kind and is not derived.
    pub(crate) const NONE: Flags = Flags(0);

    pub(crate) fn new(kind: Kind, is_derived: bool) -> Self {
        Flags(kind.code() << KIND_SHIFT | if is_derived { DERIVED } else { 0 })
    }

    /// Flags from any byte, to be checked.
    pub(crate) fn of_byte(byte: u8) -> Self {
        Flags(byte)
    }

    /// The byte, if a reserved bit is set.
    pub(crate) fn reserved(self) -> Option<u8> {
        (self.0 >= RESERVED).then_some(self.0)
    }

    /// The number of the kind, if no kind has it.
    pub(crate) fn unknown_kind(self) -> Option<u8> {
        let code = self.kind_code();
        Kind::of_code(code).is_none().then_some(code)
    }

    /// Whether a byte from outside is valid. Check this before reading the kind or the mark.
    pub(crate) fn are_legal(self) -> bool {
        self.reserved().is_none() && self.unknown_kind().is_none()
    }

    pub(crate) fn is_derived(self) -> bool {
        self.0 & DERIVED != 0
    }

    pub(crate) fn kind(self) -> Kind {
        Kind::of_code(self.kind_code()).unwrap_or_default()
    }

    fn kind_code(self) -> u8 {
        self.0 >> KIND_SHIFT & KIND_MASK
    }
}
