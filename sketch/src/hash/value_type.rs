//! The types of values: the form in which each is hashed, and the kind that a sketch of it has.

use crate::hash::kind::Kind;
use crate::hash::single::Form;

/// A type of values, or several that are hashed alike and are of one kind. Whoever makes hashes finds here how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Integers of any width, and Oids.
    Integer,
    /// Floating-point numbers of either width.
    Float,
    /// Decimal numbers.
    Numeric,
    /// Text.
    Text,
    /// Text of a fixed length, of which trailing blanks are no part.
    BlankPaddedText,
    /// Text under a collation that calls different bytes equal.
    CollatedText,
    /// Strings of bytes.
    Bytes,
    /// Strings of bits: the number of bits in four bytes, then the bits, padded with zeros to whole bytes.
    BitString,
    /// Days since 2000-01-01.
    Date,
    /// Microseconds since 2000-01-01, with or without a zone.
    Timestamp,
    /// Microseconds since midnight.
    Time,
    /// The same with a zone.
    ZonedTime,
    /// Lengths of time.
    Interval,
    /// 0 or 1.
    Boolean,
    /// Other numbers of eight bytes: amounts of money, positions in a log, numbers of transactions.
    OtherNumber,
    /// Identifiers of 16 bytes.
    Uuid,
    /// Addresses in a network or in a table, as bytes.
    Address,
    /// Entries of access control lists.
    AccessItem,
    /// Enumerations, by their labels.
    Enum,
    /// Arrays.
    Array,
    /// Rows.
    Row,
    /// Ranges, and sets of them.
    Range,
    /// JSON documents.
    Json,
    /// Documents to be searched, and queries for them.
    TextSearch,
    /// Types that only their own functions can compare.
    Foreign,
}

impl ValueType {
    /// The form in which the values are hashed.
    pub const fn form(self) -> Form {
        match self {
            ValueType::Integer
            | ValueType::Date
            | ValueType::Timestamp
            | ValueType::Time
            | ValueType::Boolean
            | ValueType::OtherNumber => Form::Word,
            ValueType::Float => Form::Double,
            ValueType::Numeric => Form::Decimal,
            ValueType::Text
            | ValueType::Bytes
            | ValueType::BitString
            | ValueType::Uuid
            | ValueType::Address
            | ValueType::Enum => Form::Bytes,
            ValueType::BlankPaddedText => Form::BlankPadded,
            ValueType::ZonedTime => Form::ZonedTime,
            ValueType::Interval => Form::Interval,
            ValueType::AccessItem => Form::AccessItem,
            ValueType::Array | ValueType::Row | ValueType::Range | ValueType::Json | ValueType::TextSearch => {
                Form::Whole
            }
            ValueType::CollatedText | ValueType::Foreign => Form::Own,
        }
    }

    /// The kind of the values.
    pub const fn kind(self) -> Kind {
        match self {
            ValueType::Integer => Kind::Integer,
            ValueType::Float => Kind::Float,
            ValueType::Numeric => Kind::Numeric,
            ValueType::Text | ValueType::BlankPaddedText => Kind::Text,
            ValueType::CollatedText => Kind::CollatedText,
            ValueType::Bytes => Kind::Bytes,
            ValueType::BitString => Kind::Bits,
            ValueType::Date => Kind::Date,
            ValueType::Timestamp => Kind::Timestamp,
            ValueType::Time | ValueType::ZonedTime | ValueType::Interval => Kind::Time,
            ValueType::Enum => Kind::Enum,
            ValueType::Array => Kind::Array,
            ValueType::Row => Kind::Row,
            ValueType::Range => Kind::Range,
            ValueType::Json => Kind::Json,
            ValueType::Boolean
            | ValueType::OtherNumber
            | ValueType::Uuid
            | ValueType::Address
            | ValueType::AccessItem
            | ValueType::TextSearch
            | ValueType::Foreign => Kind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ValueType::*;

    /// Stored sketches say their kind, and what holds others has words of some types and hashes of the rest. So neither
    /// ever changes.
    #[test]
    fn forms_and_kinds_are_frozen() {
        for (value_type, form, kind) in [
            (Integer, Form::Word, Kind::Integer),
            (Float, Form::Double, Kind::Float),
            (Numeric, Form::Decimal, Kind::Numeric),
            (Text, Form::Bytes, Kind::Text),
            (BlankPaddedText, Form::BlankPadded, Kind::Text),
            (CollatedText, Form::Own, Kind::CollatedText),
            (Bytes, Form::Bytes, Kind::Bytes),
            (BitString, Form::Bytes, Kind::Bits),
            (Date, Form::Word, Kind::Date),
            (Timestamp, Form::Word, Kind::Timestamp),
            (Time, Form::Word, Kind::Time),
            (ZonedTime, Form::ZonedTime, Kind::Time),
            (Interval, Form::Interval, Kind::Time),
            (Boolean, Form::Word, Kind::Other),
            (OtherNumber, Form::Word, Kind::Other),
            (Uuid, Form::Bytes, Kind::Other),
            (Address, Form::Bytes, Kind::Other),
            (AccessItem, Form::AccessItem, Kind::Other),
            (Enum, Form::Bytes, Kind::Enum),
            (Array, Form::Whole, Kind::Array),
            (Row, Form::Whole, Kind::Row),
            (Range, Form::Whole, Kind::Range),
            (Json, Form::Whole, Kind::Json),
            (TextSearch, Form::Whole, Kind::Other),
            (Foreign, Form::Own, Kind::Other),
        ] {
            assert_eq!((value_type.form(), value_type.kind()), (form, kind), "{value_type:?}");
        }
    }
}
