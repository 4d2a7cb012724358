//! What a sketch says of itself in one byte, in memory as in its bytes: whether it is derived, and the kind of its
//! values.

use crate::sketch::kind::Kind;
use serde::{Deserialize, Serialize};

/// The bit of a sketch whose level may be higher than its hashes call for.
const DERIVED: u8 = 1;

/// The kind starts at bit 1, and has five.
const KIND_SHIFT: u32 = 1;
const KIND_MASK: u8 = 0x1F;

/// The first number that takes a bit which is reserved.
pub(crate) const RESERVED: u8 = 0x40;

/// The byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flags(u8);

impl Flags {
    /// Those of a sketch of values of which nobody has said the kind.
    pub(crate) const NONE: Flags = Flags(0);

    pub(crate) fn new(kind: Kind, is_derived: bool) -> Self {
        Flags(kind.code() << KIND_SHIFT | if is_derived { DERIVED } else { 0 })
    }

    /// Those in a byte that may have any value, to be checked.
    pub(crate) fn of_byte(byte: u8) -> Self {
        Flags(byte)
    }

    /// The byte, if a bit is set that is reserved.
    pub(crate) fn reserved(self) -> Option<u8> {
        (self.0 >= RESERVED).then_some(self.0)
    }

    /// The number of the kind, if there is no kind of that number.
    pub(crate) fn unknown_kind(self) -> Option<u8> {
        let code = self.kind_code();
        Kind::of_code(code).is_none().then_some(code)
    }

    /// Whether a byte that comes from outside says what it may. Nothing else is to be asked of another.
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
