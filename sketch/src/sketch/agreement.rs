//! The rules for two sketches in one operation: on what both agree.

use crate::hash::kind::Kind;
use crate::sketch::error::OperationError;
use crate::sketch::header::Header;

/// What two operands agree on.
pub(crate) struct Common {
    /// The higher level of the two, to which the other operand is brought.
    pub(crate) level: u16,
    /// The smaller capacity.
    pub(crate) capacity: u32,
    /// The seed of both.
    pub(crate) seed: u64,
    /// The kind of values, known to at least one of the two, or unknown.
    pub(crate) kind: Kind,
    /// The level of the derived operand; the higher one if both are derived.
    derived_level: Option<u16>,
}

impl Common {
    /// Neither operand is the sketch of nothing, which agrees with any. Each operation says what that sketch means to
    /// it.
    ///
    /// # Errors
    ///
    /// [`OperationError::Seeds`], [`OperationError::Kinds`].
    pub(crate) fn of(a: &Header, b: &Header) -> Result<Self, OperationError> {
        if a.seed() != b.seed() {
            return Err(OperationError::Seeds(a.seed(), b.seed()));
        }
        Ok(Common {
            level: a.level().max(b.level()),
            capacity: a.capacity().min(b.capacity()),
            seed: a.seed(),
            kind: common_kind(a.kind(), b.kind())?,
            derived_level: a.derived_level().max(b.derived_level()),
        })
    }

    /// Whether a union of that level is derived: whether a derived operand has the same level.
    ///
    /// At a higher level, which its own hashes call for, the union has all hashes that belong.
    pub(crate) fn is_union_derived(&self, level: u16) -> bool {
        self.derived_level == Some(level)
    }
}

/// The kind of a combination of two sketches. An unknown kind gives way to the other.
///
/// # Errors
///
/// [`OperationError::Kinds`] when both are known and differ.
pub(crate) fn common_kind(a: Kind, b: Kind) -> Result<Kind, OperationError> {
    match (a, b) {
        (one, Kind::Unknown) | (Kind::Unknown, one) => Ok(one),
        (one, another) if one == another => Ok(one),
        (one, another) => Err(OperationError::Kinds(one, another)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_combine_as_sets_do() {
        for a in Kind::ALL {
            assert_eq!(common_kind(a, a), Ok(a));
            assert_eq!(common_kind(a, Kind::Unknown), Ok(a));
            for b in Kind::ALL {
                assert_eq!(common_kind(a, b).is_ok(), common_kind(b, a).is_ok());
            }
        }
        assert_eq!(
            common_kind(Kind::Integer, Kind::Text),
            Err(OperationError::Kinds(Kind::Integer, Kind::Text))
        );
    }
}
