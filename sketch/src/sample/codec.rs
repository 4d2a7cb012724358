//! Samples as bytes: the format version, the [encoded sketch](crate::sketch::codec), and what is known about each
//! value.
//!
//! The values come in the order of the sketch's hashes. `docs/format.md` describes each byte.
//!
//! Equal samples have equal bytes. Decoding treats its input as hostile: it checks everything before it allocates
//! anything. An [`EncodedSample`] is made only from bytes that passed.

use crate::host::{OutOfMemory, Surroundings, checking};
use crate::sample::entry::{Entry, Measured};
use crate::sample::exact_sum::WholeSum;
use crate::sample::measures::{Measures, infinite_total, is_canonical, order};
use crate::sample::varint;
use crate::set::capacity::MIN_CAPACITY;
use crate::sketch::codec::{EncodedSketch, FramedSketch};
use crate::sketch::header::{DecodeError, HEADER_LEN, Header, WHOLE_FORMAT_VERSION};
use allocator_api2::alloc::{Allocator, Global};
use allocator_api2::vec::Vec;
use std::fmt;

/// The format version that is written, and the only one so far.
pub const SAMPLE_FORMAT_VERSION: u8 = 1;

/// Length of what stands before the hashes: the version, and the header of the sketch.
pub const SAMPLE_HEADER_LEN: usize = 1 + HEADER_LEN;

/// The smallest legal size.
pub const MIN_SIZE: u32 = MIN_CAPACITY;

/// The largest legal size. [`MAX_TEXTS_LEN`] and `docs/format.md` depend on it.
pub const MAX_SIZE: u32 = 1_000_000;

/// The most bytes in the text of one value.
pub const MAX_TEXT_LEN: usize = 1 << 20;

/// The most bytes in the texts of all values together.
///
/// With all else that a sample of [`MAX_SIZE`] values holds, that is below 2^29. So the hexadecimal form of a sample
/// stays below 2^30 bytes, the most that PostgreSQL takes for a value.
pub const MAX_TEXTS_LEN: usize = 1 << 27;

/// The largest number of rows that is counted for one value.
pub const MAX_OCCURRENCES: u64 = i64::MAX as u64;

/// The bit below the length of the text. It is set if measures follow.
const MEASURED: u64 = 1;

/// The least and the greatest measure of a value, and the exact sum if all measures are finite.
#[derive(Clone, Copy)]
pub(crate) struct EncodedMeasures {
    pub(crate) least: f64,
    pub(crate) greatest: f64,
    pub(crate) finite_sum: WholeSum,
}

/// A value in an encoded sample, and what is known about it.
#[derive(Clone, Copy)]
pub struct SampledValue<'a> {
    pub(crate) hash: u64,
    occurrences: u64,
    text: &'a str,
    measures: Option<EncodedMeasures>,
}

impl<'a> SampledValue<'a> {
    /// The number of its rows, between 1 and 2^63 - 1.
    pub fn occurrences(&self) -> u64 {
        self.occurrences
    }

    /// The value as text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The least of its measures, if it has any. NaN is greater than every other number.
    pub fn least(&self) -> Option<f64> {
        self.measures.map(|measures| measures.least)
    }

    /// The greatest of its measures.
    pub fn greatest(&self) -> Option<f64> {
        self.measures.map(|measures| measures.greatest)
    }

    /// The exact sum of its measures, rounded to the nearest number.
    ///
    /// It is also infinite where the sum is beyond the largest number. [`has_overflowed`](Self::has_overflowed) tells.
    pub fn total(&self) -> Option<f64> {
        self.measures.map(|measures| {
            infinite_total(measures.least, measures.greatest).unwrap_or_else(|| measures.finite_sum.value())
        })
    }

    /// Whether all measures are finite, and their sum is not.
    pub fn has_overflowed(&self) -> bool {
        self.total().is_some_and(f64::is_infinite)
            && self.least().is_some_and(f64::is_finite)
            && self.greatest().is_some_and(f64::is_finite)
    }

    pub(crate) fn measures(&self) -> Option<&EncodedMeasures> {
        self.measures.as_ref()
    }

    pub(crate) fn entry<A: Allocator>(&self) -> Entry<'_, A> {
        Entry {
            hash: self.hash,
            occurrences: self.occurrences,
            text: self.text.as_bytes(),
            measured: self.measures().map(Measured::Encoded),
        }
    }

    /// Takes the value with this hash from the front of `bytes`.
    fn read(hash: u64, bytes: &mut &'a [u8]) -> Result<Self, ValueFault> {
        let occurrences = varint::read(bytes).ok_or(ValueFault::Integer)?;
        if !(1..=MAX_OCCURRENCES).contains(&occurrences) {
            return Err(ValueFault::Occurrences(occurrences));
        }
        let length_and_mark = varint::read(bytes).ok_or(ValueFault::Integer)?;
        let length = length_and_mark >> 1;
        if length > MAX_TEXT_LEN as u64 {
            return Err(ValueFault::TextLength(length));
        }
        let text = take(bytes, length as usize)?;
        let text = std::str::from_utf8(text).map_err(|_| ValueFault::NotUtf8)?;
        if text.contains('\0') {
            return Err(ValueFault::Zero);
        }
        let measures = match length_and_mark & MEASURED {
            MEASURED => Some(EncodedMeasures::read(occurrences, bytes)?),
            _ => None,
        };
        Ok(SampledValue {
            hash,
            occurrences,
            text,
            measures,
        })
    }
}

pub(crate) fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], ValueFault> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(ValueFault::Cut)?;
    *bytes = rest;
    Ok(taken)
}

impl EncodedMeasures {
    /// The measures, in memory of `allocator`.
    pub(crate) fn decode_in<A: Allocator>(&self, allocator: A) -> Result<Measures<A>, OutOfMemory> {
        Measures::from_parts(self.least, self.greatest, &self.finite_sum, allocator)
    }

    /// Takes the measures of so many rows from the front of `bytes`.
    pub(crate) fn read(occurrences: u64, bytes: &mut &[u8]) -> Result<Self, ValueFault> {
        let mut number = || {
            let (&number, rest) = bytes.split_first_chunk().ok_or(ValueFault::Cut)?;
            *bytes = rest;
            Some(f64::from_le_bytes(number))
                .filter(|&number| is_canonical(number))
                .ok_or(ValueFault::Number)
        };
        let (least, greatest) = (number()?, number()?);
        if order(least, greatest).is_gt() {
            return Err(ValueFault::Order);
        }
        let mut sum: (usize, &[u8]) = (0, &[]);
        if infinite_total(least, greatest).is_none() {
            let mut length = || varint::read(bytes).ok_or(ValueFault::Integer);
            let (start, length) = (length()?, length()?);
            // A number that does not fit belongs to no sum.
            let start = usize::try_from(start).map_err(|_| ValueFault::Sum)?;
            let length = usize::try_from(length).map_err(|_| ValueFault::Sum)?;
            sum = (start, take(bytes, length)?);
        }
        let finite_sum = WholeSum::decode(sum.0, sum.1)
            .filter(|sum| sum.is_of(occurrences))
            .ok_or(ValueFault::Sum)?;
        Ok(EncodedMeasures {
            least,
            greatest,
            finite_sum,
        })
    }

    fn write<A: Allocator>(&self, bytes: &mut Vec<u8, A>) -> Result<(), OutOfMemory> {
        for number in [self.least, self.greatest] {
            append(&number.to_le_bytes(), bytes)?;
        }
        if infinite_total(self.least, self.greatest).is_some() {
            return Ok(());
        }
        self.finite_sum.encode(|start, sum| {
            varint::write(start as u64, bytes)?;
            varint::write(sum.len() as u64, bytes)?;
            append(sum, bytes)
        })
    }
}

pub(crate) fn append<A: Allocator>(piece: &[u8], bytes: &mut Vec<u8, A>) -> Result<(), OutOfMemory> {
    bytes.try_reserve(piece.len()).map_err(|_| OutOfMemory)?;
    // `extend_from_slice` copies byte by byte.
    let start = bytes.len();
    bytes.resize(start + piece.len(), 0);
    bytes[start..].copy_from_slice(piece);
    Ok(())
}

/// Appends what is known about a value. The text is UTF-8 without zeros.
pub(crate) fn write_value<A: Allocator>(
    occurrences: u64,
    text: &[u8],
    measures: Option<&EncodedMeasures>,
    bytes: &mut Vec<u8, A>,
) -> Result<(), OutOfMemory> {
    varint::write(occurrences, bytes)?;
    let mark = if measures.is_some() { MEASURED } else { 0 };
    varint::write((text.len() as u64) << 1 | mark, bytes)?;
    append(text, bytes)?;
    measures.map_or(Ok(()), |measures| measures.write(bytes))
}

/// The header of the sketch in an encoded sample. The rest of the bytes is not read.
///
/// Complexity: constant.
///
/// # Errors
///
/// A [`SampleDecodeError`] that names the first fault.
pub fn parse_sample_header(bytes: &[u8]) -> Result<Header, SampleDecodeError> {
    let sketch = match bytes.split_first() {
        Some((&SAMPLE_FORMAT_VERSION, sketch)) => sketch,
        Some((&version, _)) => return Err(SampleDecodeError::Version(version)),
        None => return Err(SampleDecodeError::Empty),
    };
    if let Some(&version) = sketch.first()
        && version != WHOLE_FORMAT_VERSION
    {
        return Err(SampleDecodeError::SketchVersion(version));
    }
    let header = Header::parse(sketch).map_err(SampleDecodeError::Sketch)?;
    if header.capacity() > MAX_SIZE {
        return Err(SampleDecodeError::Size(header.capacity()));
    }
    Ok(header)
}

/// A sample in its encoded form, known to be valid. Its bytes are exactly those that
/// [`Sample::encode`](crate::Sample::encode) writes for it.
#[derive(Clone, Copy)]
pub struct EncodedSample<'a> {
    /// The sketch, with whole hashes.
    sketch: FramedSketch<'a>,
    values: &'a [u8],
}

impl<'a> EncodedSample<'a> {
    /// Checks all of `bytes`. Allocates nothing.
    ///
    /// Complexity: linear in the length.
    ///
    /// # Errors
    ///
    /// A [`SampleDecodeError`] that names the first fault.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SampleDecodeError> {
        Self::parse_in(bytes, &Global)
    }

    /// [Parses](Self::parse) where `surroundings` may stop it. They provide no memory.
    ///
    /// # Errors
    ///
    /// A [`SampleDecodeError`] that names the first fault.
    pub fn parse_in<S: Surroundings>(bytes: &'a [u8], surroundings: &S) -> Result<Self, SampleDecodeError> {
        let sketch_len = parse_sample_header(bytes)?.encoded_len();
        let bytes = &bytes[1..];
        let (sketch_bytes, values) = bytes.split_at(sketch_len.min(bytes.len()));
        let sketch = FramedSketch::parse_checked(sketch_bytes, surroundings).map_err(SampleDecodeError::Sketch)?;
        let (mut rest, mut texts_len) = (values, 0);
        for (position, hash) in checking(sketch.checked_hashes(), surroundings.clone()).enumerate() {
            let value =
                SampledValue::read(hash, &mut rest).map_err(|fault| SampleDecodeError::Value { position, fault })?;
            texts_len += value.text.len();
        }
        if !rest.is_empty() {
            return Err(SampleDecodeError::TooLong(rest.len()));
        }
        if texts_len > MAX_TEXTS_LEN {
            return Err(SampleDecodeError::Texts(texts_len));
        }
        Ok(EncodedSample { sketch, values })
    }

    /// The header of the sketch: seed, size (as capacity), level, number of values, kind.
    pub fn header(&self) -> &Header {
        self.sketch.stored_header()
    }

    /// The sketch of the same values. A sample keeps all bits of each hash, and a sketch only [some](crate::width). So
    /// this may be one hash short of the sketch that the values would have built, with a chance of some n 2^-40 for n
    /// values.
    ///
    /// Complexity: linear in the number of values.
    pub fn sketch<S: Surroundings>(&self, surroundings: &S) -> EncodedSketch<'a> {
        EncodedSketch::of_checked(self.sketch, surroundings)
    }

    /// The values in the order of their hashes.
    pub fn values(&self) -> impl Iterator<Item = SampledValue<'a>> + 'a {
        let mut rest = self.values;
        // The parser has read all values once, so each can be read again.
        self.sketch
            .checked_hashes()
            .map_while(move |hash| SampledValue::read(hash, &mut rest).ok())
    }
}

/// What is wrong with the bytes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueFault {
    /// The bytes end before the value does.
    Cut,
    /// An integer is cut off, or takes more bytes than it needs.
    Integer,
    /// The value does not occur, or occurs too often to be counted.
    Occurrences(u64),
    /// The text is longer than any may be.
    TextLength(u64),
    /// The text is not UTF-8.
    NotUtf8,
    /// The text has a zero byte.
    Zero,
    /// A measure is -0, or another NaN than the canonical one.
    Number,
    /// The least measure is above the greatest.
    Order,
    /// The sum is longer than it needs to be, or beyond any sum of so many measures.
    Sum,
}

impl fmt::Display for ValueFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueFault::Cut => f.write_str("is cut off"),
            ValueFault::Integer => f.write_str("has an integer that is cut off or longer than it needs to be"),
            ValueFault::Occurrences(occurrences) => {
                write!(f, "must occur between 1 and {MAX_OCCURRENCES} times, not {occurrences}")
            }
            ValueFault::TextLength(length) => write!(f, "must have at most {MAX_TEXT_LEN} bytes, not {length}"),
            ValueFault::NotUtf8 => f.write_str("is not UTF-8"),
            ValueFault::Zero => f.write_str("has a zero byte"),
            ValueFault::Number => f.write_str("has a measure that is -0 or not the usual NaN"),
            ValueFault::Order => f.write_str("has a least measure above the greatest"),
            ValueFault::Sum => f.write_str("has a sum that its measures cannot have"),
        }
    }
}

/// Why bytes are not a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleDecodeError {
    /// There are no bytes.
    Empty,
    /// The format version is not one that this release reads.
    Version(u8),
    /// The format version of the sketch is another than that of [whole hashes](WHOLE_FORMAT_VERSION).
    SketchVersion(u8),
    /// The sketch is not valid.
    Sketch(DecodeError),
    /// The size is above the largest.
    Size(u32),
    /// A value is not valid. The position counts from 0.
    #[allow(missing_docs)]
    Value { position: usize, fault: ValueFault },
    /// All texts together are longer than they may be.
    Texts(usize),
    /// So many bytes follow after the last value.
    TooLong(usize),
}

impl fmt::Display for SampleDecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SampleDecodeError::Empty => f.write_str("there are no bytes"),
            SampleDecodeError::Version(version) => {
                write!(f, "format version must be {SAMPLE_FORMAT_VERSION}, not {version}")
            }
            SampleDecodeError::SketchVersion(version) => {
                write!(
                    f,
                    "its sketch: format version must be {WHOLE_FORMAT_VERSION}, not {version}"
                )
            }
            SampleDecodeError::Sketch(fault) => write!(f, "its sketch: {fault}"),
            SampleDecodeError::Size(size) => write!(f, "size must be at most {MAX_SIZE}, not {size}"),
            SampleDecodeError::Value { position, fault } => write!(f, "the value at position {position} {fault}"),
            SampleDecodeError::Texts(length) => {
                write!(
                    f,
                    "all values together must have at most {MAX_TEXTS_LEN} bytes, not {length}"
                )
            }
            SampleDecodeError::TooLong(length) => write!(f, "there must be 0 bytes after the last value, not {length}"),
        }
    }
}

impl std::error::Error for SampleDecodeError {}
