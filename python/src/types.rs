//! What the values of a column are, as PostgreSQL has them, and when a value of one type is one of another.

use crate::error::{OverflowError, TypeError, ValueError};
use cvm_sketch::Kind;
use cvm_sketch::hash::{self, Decimal, EPOCH_DAYS, EPOCH_MICROSECONDS, ValueType};
use pyo3::PyResult;

/// A type of PostgreSQL. One rule hashes all its values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// smallint, integer, bigint.
    Integer,
    /// real, double precision.
    Float,
    /// numeric.
    Numeric,
    /// text, varchar.
    Text,
    /// An enum: the text of its label.
    Label,
    /// bytea.
    Bytes,
    /// boolean.
    Boolean,
    /// uuid.
    Uuid,
    /// date.
    Date,
    /// timestamp.
    Timestamp,
    /// timestamptz.
    TimestampTz,
    /// time.
    Time,
    /// timetz.
    TimeTz,
    /// interval.
    Interval,
    /// jsonb.
    Document,
}

impl Type {
    /// The kind of the values in a sketch.
    pub fn kind(self) -> Kind {
        match self {
            Type::Integer => ValueType::Integer,
            Type::Float => ValueType::Float,
            Type::Numeric => ValueType::Numeric,
            Type::Text => ValueType::Text,
            Type::Label => ValueType::Enum,
            Type::Bytes => ValueType::Bytes,
            Type::Boolean => ValueType::Boolean,
            Type::Uuid => ValueType::Uuid,
            Type::Date => ValueType::Date,
            Type::Timestamp | Type::TimestampTz => ValueType::Timestamp,
            Type::Time => ValueType::Time,
            Type::TimeTz => ValueType::ZonedTime,
            Type::Interval => ValueType::Interval,
            Type::Document => ValueType::Json,
        }
        .kind()
    }

    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Type::Integer => "integer",
            Type::Float => "floating point",
            Type::Numeric => "numeric",
            Type::Text => "text",
            Type::Label => "enum",
            Type::Bytes => "bytes",
            Type::Boolean => "boolean",
            Type::Uuid => "uuid",
            Type::Date => "date",
            Type::Timestamp => "timestamp",
            Type::TimestampTz => "timestamp with time zone",
            Type::Time => "time",
            Type::TimeTz => "time with time zone",
            Type::Interval => "interval",
            Type::Document => "jsonb",
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Type::Integer | Type::Float | Type::Numeric)
    }

    /// The type as which values of this type are hashed, where a kind is asked for.
    ///
    /// # Errors
    ///
    /// ValueError when values of this type are none of that kind.
    pub fn of_kind(self, wanted: Option<Kind>) -> PyResult<Self> {
        match (self, wanted) {
            (own, None) => Ok(own),
            (own, Some(wanted)) if wanted == own.kind() => Ok(own),
            (own, Some(Kind::Integer)) if own.is_number() => Ok(Type::Integer),
            (own, Some(Kind::Float)) if own.is_number() => Ok(Type::Float),
            (own, Some(Kind::Numeric)) if own.is_number() => Ok(Type::Numeric),
            (Type::Text, Some(Kind::Enum)) => Ok(Type::Label),
            (Type::Text, Some(Kind::Json)) => Ok(Type::Document),
            (own, Some(wanted)) => {
                let (own, wanted) = (own.name(), wanted.name());
                Err(ValueError::new_err(format!(
                    "{own} values are not of kind \"{wanted}\""
                )))
            }
        }
    }
}

/// The error of values of two types in one column.
#[cold]
pub fn mixed(first: Type, then: Type) -> pyo3::PyErr {
    let hint = match (first, then) {
        (Type::Integer, Type::Float) | (Type::Float, Type::Integer) => "; kind=\"floating point\" takes both",
        (Type::Integer, Type::Numeric) | (Type::Numeric, Type::Integer) => "; kind=\"numeric\" takes both",
        _ => "",
    };
    let (first, then) = (first.name(), then.name());
    TypeError::new_err(format!("items must be of one type, not {first} and {then}{hint}"))
}

/// The hash of an integer.
///
/// # Errors
///
/// ValueError when the type has no value that is exactly this one. That holds for all functions here.
#[inline(always)]
pub fn integer(value: i64, as_type: Type, seed: u64) -> PyResult<u64> {
    match as_type {
        Type::Float => {
            let double = value as f64;
            // The largest integer is rounded up to a double that saturates to it again.
            if double as i64 != value || double == i64::MAX as f64 {
                return Err(ValueError::new_err(format!(
                    "the integer {value} is no floating-point number"
                )));
            }
            Ok(hash::double(double, seed))
        }
        Type::Numeric => Ok(hash::scaled_decimal(value.into(), 0, seed)),
        _ => Ok(hash::integer(value, seed)),
    }
}

/// The hash of a floating-point number.
#[inline(always)]
pub fn double(value: f64, as_type: Type, seed: u64) -> PyResult<u64> {
    let not = |what| Err(ValueError::new_err(format!("the number {value} is no {what}")));
    match as_type {
        Type::Integer => {
            let integer = value as i64;
            if integer as f64 != value || value == i64::MAX as f64 {
                return not("integer of 64 bits");
            }
            Ok(hash::integer(integer, seed))
        }
        Type::Numeric => Ok(hash::decimal(
            match value {
                value if value.is_nan() => Decimal::NotANumber,
                f64::INFINITY => Decimal::Infinity,
                f64::NEG_INFINITY => Decimal::NegativeInfinity,
                value if value.trunc() == value && value.abs() < 2_f64.powi(127) => {
                    return Ok(hash::scaled_decimal(value as i128, 0, seed));
                }
                _ => return not("integer, and PostgreSQL rounds others as it makes a numeric of them"),
            },
            seed,
        )),
        _ => Ok(hash::double(value, seed)),
    }
}

/// The hash of `unscaled` times 10^-`scale`.
#[inline(always)]
pub fn scaled(unscaled: i128, scale: i32, as_type: Type, seed: u64) -> PyResult<u64> {
    if as_type == Type::Numeric {
        return Ok(hash::scaled_decimal(unscaled, scale, seed));
    }
    let integer_value = match u32::try_from(scale) {
        Ok(scale) => {
            let unit = 10_i128.checked_pow(scale);
            match unit {
                Some(unit) if unscaled % unit == 0 => Some(unscaled / unit),
                None if unscaled == 0 => Some(0),
                _ => None,
            }
        }
        Err(_) => 10_i128
            .checked_pow(scale.unsigned_abs())
            .and_then(|unit| unscaled.checked_mul(unit)),
    };
    match integer_value.and_then(|value| i64::try_from(value).ok()) {
        Some(value) => integer(value, as_type, seed),
        None => Err(ValueError::new_err(format!(
            "the decimal {unscaled}e{} is no integer of 64 bits, as kind=\"{}\" needs",
            -i64::from(scale),
            as_type.name()
        ))),
    }
}

/// The hash of bytes: [`hash::bytes`], of which only what short ones take is compiled into the loops over many.
#[inline(always)]
pub fn bytes(bytes: &[u8], seed: u64) -> u64 {
    #[inline(never)]
    fn of_long(bytes: &[u8], seed: u64) -> u64 {
        hash::bytes(bytes, seed)
    }
    if bytes.len() <= 16 {
        hash::bytes(bytes, seed)
    } else {
        of_long(bytes, seed)
    }
}

/// The bytes of a text.
#[inline(always)]
pub fn text(text: &[u8]) -> PyResult<&[u8]> {
    if text.contains(&0) {
        return Err(nul());
    }
    Ok(text)
}

/// The bytes of a text that may be none.
#[inline(always)]
pub fn utf8(bytes: &[u8]) -> PyResult<&[u8]> {
    match std::str::from_utf8(bytes) {
        Ok(_) => text(bytes),
        Err(_) => Err(ValueError::new_err("invalid Arrow data: a text is not UTF-8")),
    }
}

/// The error of a text that holds the character NUL.
#[cold]
pub fn nul() -> pyo3::PyErr {
    ValueError::new_err("a text holds the character NUL, which no text of PostgreSQL does")
}

#[cold]
fn beyond<T>(what: &str) -> PyResult<T> {
    Err(OverflowError::new_err(format!(
        "a {what} is beyond the range of PostgreSQL's {what}"
    )))
}

/// Microseconds from a number of units, of which a second has `per_second`. `what` names the type that keeps them.
#[inline(always)]
pub fn microseconds(number: i64, per_second: i64, what: &str) -> PyResult<i64> {
    const MICROSECONDS: i64 = 1_000_000;
    if per_second > MICROSECONDS {
        let per_microsecond = per_second / MICROSECONDS;
        if number % per_microsecond != 0 {
            return Err(ValueError::new_err(
                "a time has nanoseconds, where PostgreSQL has whole microseconds: round it first",
            ));
        }
        return Ok(number / per_microsecond);
    }
    match number.checked_mul(MICROSECONDS / per_second) {
        Some(microseconds) => Ok(microseconds),
        None => beyond(what),
    }
}

/// What stands for a point in time, given in units since 1970, of which a second has `per_second`.
#[inline(always)]
pub fn timestamp(since_1970: i64, per_second: i64) -> PyResult<i64> {
    const WHAT: &str = "timestamp";
    // From 4714-11-24 BC until before 294277-01-01.
    const RANGE: std::ops::Range<i64> = -211_813_488_000_000_000..9_223_371_331_200_000_000;
    // Counted from 2000, the year 1700 is beyond 64 bits of nanoseconds; counted from 1970, 294276 is beyond microseconds.
    let since_2000 = if since_1970 == i64::MAX {
        // The last number there is stands for infinity, where others have one.
        None
    } else if per_second > 1_000_000 {
        microseconds(since_1970, per_second, WHAT)?.checked_sub(EPOCH_MICROSECONDS)
    } else {
        let since_2000 = since_1970.checked_sub(EPOCH_MICROSECONDS / 1_000_000 * per_second);
        since_2000
            .map(|units| microseconds(units, per_second, WHAT))
            .transpose()?
    };
    match since_2000 {
        Some(since_2000) if RANGE.contains(&since_2000) => Ok(since_2000),
        _ => beyond(WHAT),
    }
}

/// What stands for a day, given in days since 1970.
#[inline(always)]
pub fn date(since_1970: i64) -> PyResult<i64> {
    // From 4714-11-24 BC to 5874897-12-31.
    const RANGE: std::ops::Range<i64> = -2_451_545..2_145_031_949;
    match since_1970.checked_sub(EPOCH_DAYS.into()) {
        Some(date) if RANGE.contains(&date) => Ok(date),
        _ => beyond("date"),
    }
}

/// What stands for a time of day, given in microseconds since midnight.
#[inline(always)]
pub fn time(since_midnight: i64) -> PyResult<i64> {
    if !(0..=86_400_000_000).contains(&since_midnight) {
        return beyond("time");
    }
    Ok(since_midnight)
}
