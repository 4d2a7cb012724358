//! The kinds of values that sketches are of: hashes of different kinds say nothing about each other.
//!
//! The integer 1 and the text `1` have different hashes. So a union of an integer and a text column with the same
//! values would count each value twice. A sketch that knows its kind can refuse.

use std::fmt;
use std::str::FromStr;

/// A kind of values.
///
/// One rule hashes all values of a kind where they stand alone, so that equal values have equal hashes.
/// [`Row`](Self::Row), [`Array`](Self::Array), [`Range`](Self::Range) and [`Other`](Self::Other) are exceptions, since
/// they hold many types.
///
/// The numbers are those of the encoded form, and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Kind {
    /// No kind was named, as for hashes that were made elsewhere, and for the sketch of nothing.
    #[default]
    Unknown = 0,
    /// Integers of any width.
    Integer = 1,
    /// Floating-point numbers of either width.
    Float = 2,
    /// Decimal numbers with any number of digits.
    Numeric = 3,
    /// Text, compared byte by byte.
    Text = 4,
    /// Text under a collation that calls different bytes equal.
    CollatedText = 5,
    /// Strings of bytes.
    Bytes = 6,
    /// Strings of bits.
    Bits = 7,
    /// Days.
    Date = 8,
    /// Points in time.
    Timestamp = 9,
    /// Times of day and intervals.
    Time = 10,
    /// Labels of an enumeration.
    Enum = 11,
    /// Rows.
    Row = 12,
    /// Arrays.
    Array = 13,
    /// Ranges and sets of ranges.
    Range = 14,
    /// JSON documents.
    Json = 15,
    /// Anything else.
    Other = 16,
}

impl Kind {
    /// All kinds, each at the place of its number.
    pub const ALL: [Kind; 17] = [
        Kind::Unknown,
        Kind::Integer,
        Kind::Float,
        Kind::Numeric,
        Kind::Text,
        Kind::CollatedText,
        Kind::Bytes,
        Kind::Bits,
        Kind::Date,
        Kind::Timestamp,
        Kind::Time,
        Kind::Enum,
        Kind::Row,
        Kind::Array,
        Kind::Range,
        Kind::Json,
        Kind::Other,
    ];

    /// The kind of that number, if there is one.
    pub(crate) fn of_code(code: u8) -> Option<Kind> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The number of the kind in the encoded form.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// The name that users see.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Unknown => "unknown",
            Kind::Integer => "integer",
            Kind::Float => "floating point",
            Kind::Numeric => "numeric",
            Kind::Text => "text",
            Kind::CollatedText => "text under a nondeterministic collation",
            Kind::Bytes => "bytes",
            Kind::Bits => "bit string",
            Kind::Date => "date",
            Kind::Timestamp => "timestamp",
            Kind::Time => "time or interval",
            Kind::Enum => "enum",
            Kind::Row => "row",
            Kind::Array => "array",
            Kind::Range => "range",
            Kind::Json => "jsonb",
            Kind::Other => "other",
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    /// The kind of that [name](Kind::name).
    ///
    /// # Errors
    ///
    /// [`UnknownKind`] when no kind has that name.
    fn from_str(name: &str) -> Result<Kind, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or(UnknownKind)
    }
}

/// No kind of values has that name. The message lists the names that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownKind;

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, others @ ..] = Kind::ALL.map(Kind::name);
        write!(f, "kind must be one of {first}")?;
        others.into_iter().try_for_each(|name| write!(f, ", {name}"))
    }
}

impl std::error::Error for UnknownKind {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_frozen() {
        for (code, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.code()), code);
            assert_eq!(Kind::of_code(code as u8), Some(kind));
        }
        assert_eq!(Kind::of_code(17), None);
    }

    #[test]
    fn names_are_of_one_kind_each() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!("Integer".parse::<Kind>(), Err(UnknownKind));
        assert!(UnknownKind.to_string().ends_with("jsonb, other"));
    }
}
