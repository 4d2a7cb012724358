//! What two sketches that are combined agree on: the rules that every operation on two of them goes by.

use crate::sketch::error::OperationError;
use crate::sketch::header::Header;
use crate::sketch::kind::Kind;

/// What two operands agree on.
pub(crate) struct Common {
    /// The higher level of the two, to which the other is brought.
    pub(crate) level: u16,
    /// The smaller capacity.
    pub(crate) capacity: u32,
    /// The one seed.
    pub(crate) seed: u64,
    /// The kind of values that either knows.
    pub(crate) kind: Kind,
    /// The level of the operand that is derived, the higher one if both are.
    derived_level: Option<u16>,
}

impl Common {
    /// Neither is the sketch of nothing, which goes with any: what that means is for each operation to say.
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

    /// Whether the union is derived, which has that level: if a derived operand had it. At a higher one, which the
    /// union's own hashes call for, it has all that belong.
    pub(crate) fn is_union_derived(&self, level: u16) -> bool {
        self.derived_level == Some(level)
    }
}

/// The kind of what sketches of these two kinds are combined to: that of either where the other is unknown.
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
