//! Arrow arrays: from their items to hashes. Offsets, views and keys are checked here, as they are read.

use crate::capsule::Arrays;
use crate::error::{OverflowError, TypeError, ValueError};
use crate::json;
use crate::types::{self, Type};
use crate::values::Values;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, GenericByteArray, GenericByteViewArray, PrimitiveArray, make_array};
use arrow_buffer::{ArrowNativeType, NullBuffer};
use arrow_schema::{DataType, Field, TimeUnit};
use cvm_sketch::hash;
use pyo3::prelude::*;
use pyo3::types::PyString;
use std::cell::Cell;
use std::sync::{Mutex, PoisonError};

/// How many items are hashed between two looks at whether to go on.
const PIECE: usize = 1 << 14;
const FEW: usize = 1 << 6;

/// Adds all items of the arrays.
pub fn add(py: Python<'_>, arrays: Arrays, values: &mut Values, threads: usize) -> PyResult<()> {
    let column = only_column(arrays.field())?;
    let Some(own) = type_of(column)? else {
        return Ok(());
    };
    let as_type = values.type_for(own)?;
    // Documents may be long.
    let piece = if as_type == Type::Document { FEW } else { PIECE };
    let pieces = Mutex::new(Pieces {
        arrays,
        rest: None,
        piece,
    });
    let added = values.add_by(py, threads, |values, watch| {
        while watch.check()? {
            let next = pieces.lock().unwrap_or_else(PoisonError::into_inner).next()?;
            let Some(piece) = next else {
                break;
            };
            add_array(&piece, as_type, values)?;
        }
        Ok(())
    });
    // A producer may wait for threads of its own, which may need Python's lock.
    py.detach(|| drop(pieces));
    added
}

/// The column itself, or the only one of a table.
fn only_column(field: &Field) -> PyResult<&Field> {
    let DataType::Struct(columns) = field.data_type() else {
        return Ok(field);
    };
    match &columns[..] {
        [only] => Ok(only),
        [] => Err(TypeError::new_err("a table without columns has nothing to count")),
        several => {
            let names: Vec<_> = several
                .iter()
                .take(10)
                .map(|column| format!("\"{}\"", column.name()))
                .collect();
            let more = if several.len() > names.len() { ", ..." } else { "" };
            Err(TypeError::new_err(format!(
                "items must be one column, not a table of {}: {}{more}; pass one of them",
                several.len(),
                names.join(", ")
            )))
        }
    }
}

/// What the items of a column are; `None` of a column that holds only nulls.
fn type_of(column: &Field) -> PyResult<Option<Type>> {
    match (column.extension_type_name(), column.data_type()) {
        (Some("arrow.uuid"), DataType::FixedSizeBinary(16)) => return Ok(Some(Type::Uuid)),
        // Text, until kind says that it is more.
        (None | Some("arrow.json"), _) => {}
        (Some(name), _) => {
            return Err(TypeError::new_err(format!(
                "a column of Arrow's extension type {name} has no rule to be hashed by; cast it to what it is stored as"
            )));
        }
    }
    let data_type = match column.data_type() {
        DataType::Dictionary(keys, values) if keys.is_dictionary_key_type() => values,
        own => own,
    };
    Ok(Some(match data_type {
        DataType::Null => return Ok(None),
        DataType::Boolean => Type::Boolean,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Type::Integer,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => Type::Integer,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Type::Float,
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => Type::Numeric,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Type::Text,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Type::Bytes,
        DataType::Date32 | DataType::Date64 => Type::Date,
        DataType::Timestamp(_, None) => Type::Timestamp,
        DataType::Timestamp(_, Some(_)) => Type::TimestampTz,
        DataType::Time32(_) | DataType::Time64(_) => Type::Time,
        DataType::Duration(_) => Type::Interval,
        other => {
            return Err(TypeError::new_err(format!(
                "a column of Arrow's type {other} has no rule to be hashed by"
            )));
        }
    }))
}

/// The arrays in pieces, for whoever comes next.
struct Pieces {
    arrays: Arrays,
    /// An array, and how many of its items were taken.
    rest: Option<(ArrayRef, usize)>,
    /// How many items are a piece.
    piece: usize,
}

impl Pieces {
    fn next(&mut self) -> PyResult<Option<ArrayRef>> {
        let (array, taken) = match self.rest.take() {
            Some(rest) => rest,
            None => match self.arrays.next()? {
                Some(array) => (column_of(array)?, 0),
                None => return Ok(None),
            },
        };
        // Each piece of a dictionary-encoded array would hash the dictionary again.
        let left = array.len() - taken;
        if left <= self.piece || array.as_any_dictionary_opt().is_some() {
            return Ok(Some(if taken == 0 { array } else { array.slice(taken, left) }));
        }
        let piece = array.slice(taken, self.piece);
        self.rest = Some((array, taken + self.piece));
        Ok(Some(piece))
    }
}

/// The array itself, or the only column of a table.
fn column_of(array: ArrayRef) -> PyResult<ArrayRef> {
    match array.as_struct_opt() {
        None => Ok(array),
        Some(table) if table.null_count() > 0 => Err(ValueError::new_err("a table has rows that are null")),
        Some(table) => Ok(table.column(0).clone()),
    }
}

/// Adds the items of an array.
fn add_array(array: &dyn Array, as_type: Type, values: &mut Values) -> PyResult<()> {
    match array.data_type() {
        DataType::Boolean => values.add_words(array.as_boolean().iter().flatten().map(i64::from)),
        DataType::Int8 => integers::<Int8Type>(array, as_type, values),
        DataType::Int16 => integers::<Int16Type>(array, as_type, values),
        DataType::Int32 => integers::<Int32Type>(array, as_type, values),
        DataType::Int64 => integers::<Int64Type>(array, as_type, values),
        DataType::UInt8 => integers::<UInt8Type>(array, as_type, values),
        DataType::UInt16 => integers::<UInt16Type>(array, as_type, values),
        DataType::UInt32 => integers::<UInt32Type>(array, as_type, values),
        DataType::UInt64 => primitives::<UInt64Type>(array, values, |value, seed| unsigned(value, as_type, seed)),
        DataType::Float16 => doubles::<Float16Type>(array, as_type, values, |value| value.to_f64()),
        DataType::Float32 => doubles::<Float32Type>(array, as_type, values, f64::from),
        DataType::Float64 => doubles::<Float64Type>(array, as_type, values, f64::from),
        &DataType::Decimal32(_, scale) => primitives::<Decimal32Type>(array, values, |value, seed| {
            types::scaled(value.into(), scale.into(), as_type, seed)
        }),
        &DataType::Decimal64(_, scale) => primitives::<Decimal64Type>(array, values, |value, seed| {
            types::scaled(value.into(), scale.into(), as_type, seed)
        }),
        &DataType::Decimal128(_, scale) => primitives::<Decimal128Type>(array, values, |value, seed| {
            types::scaled(value, scale.into(), as_type, seed)
        }),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if as_type == Type::Document => {
            documents(array, values)
        }
        DataType::Utf8 => strings(array.as_string::<i32>(), values, true),
        DataType::LargeUtf8 => strings(array.as_string::<i64>(), values, true),
        DataType::Utf8View => views(array.as_string_view(), values, true),
        DataType::Binary => strings(array.as_binary::<i32>(), values, false),
        DataType::LargeBinary => strings(array.as_binary::<i64>(), values, false),
        DataType::BinaryView => views(array.as_binary_view(), values, false),
        DataType::FixedSizeBinary(_) => {
            let items = array.as_fixed_size_binary().iter().flatten();
            values.add_bytes(items)
        }
        DataType::Date32 => words::<Date32Type>(array, values, |days| types::date(days.into())),
        DataType::Date64 => words::<Date64Type>(array, values, |milliseconds| {
            const DAY: i64 = 86_400_000;
            if milliseconds % DAY != 0 {
                return Err(ValueError::new_err("a date has a time of day"));
            }
            types::date(milliseconds / DAY)
        }),
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Second => timestamps::<TimestampSecondType>(array, values),
            TimeUnit::Millisecond => timestamps::<TimestampMillisecondType>(array, values),
            TimeUnit::Microsecond => timestamps::<TimestampMicrosecondType>(array, values),
            TimeUnit::Nanosecond => timestamps::<TimestampNanosecondType>(array, values),
        },
        DataType::Time32(TimeUnit::Second) => times::<Time32SecondType>(array, values, 1),
        DataType::Time32(_) => times::<Time32MillisecondType>(array, values, 1_000),
        DataType::Time64(TimeUnit::Microsecond) => times::<Time64MicrosecondType>(array, values, 1_000_000),
        DataType::Time64(_) => times::<Time64NanosecondType>(array, values, 1_000_000_000),
        DataType::Duration(unit) => match unit {
            TimeUnit::Second => durations::<DurationSecondType>(array, values, 1),
            TimeUnit::Millisecond => durations::<DurationMillisecondType>(array, values, 1_000),
            TimeUnit::Microsecond => durations::<DurationMicrosecondType>(array, values, 1_000_000),
            TimeUnit::Nanosecond => durations::<DurationNanosecondType>(array, values, 1_000_000_000),
        },
        DataType::Dictionary(..) => add_array(&*occurring(array)?, as_type, values),
        // All of them nulls: what else there is has no type.
        _ => Ok(()),
    }
}

/// The items that are not null, each of a fixed width.
fn primitives<T: ArrowPrimitiveType>(
    array: &dyn Array,
    values: &mut Values,
    hash: impl Fn(T::Native, u64) -> PyResult<u64>,
) -> PyResult<()> {
    let array: &PrimitiveArray<T> = array.as_primitive();
    match array.null_count() {
        0 => values.try_add(array.values().iter().copied(), hash),
        _ => values.try_add(array.iter().flatten(), hash),
    }
}

/// Items for each of which an integer stands.
fn words<T: ArrowPrimitiveType>(
    array: &dyn Array,
    values: &mut Values,
    word: impl Fn(T::Native) -> PyResult<i64>,
) -> PyResult<()> {
    let array: &PrimitiveArray<T> = array.as_primitive();
    match array.null_count() {
        0 => values.try_add_words(array.values().iter().copied().map(word)),
        _ => values.try_add_words(array.iter().flatten().map(word)),
    }
}

fn integers<T: ArrowPrimitiveType<Native: Into<i64>>>(
    array: &dyn Array,
    as_type: Type,
    values: &mut Values,
) -> PyResult<()> {
    match as_type {
        Type::Integer => words::<T>(array, values, |value| Ok(value.into())),
        _ => primitives::<T>(array, values, |value, seed| types::integer(value.into(), as_type, seed)),
    }
}

fn doubles<T: ArrowPrimitiveType>(
    array: &dyn Array,
    as_type: Type,
    values: &mut Values,
    double: impl Fn(T::Native) -> f64,
) -> PyResult<()> {
    match as_type {
        Type::Float => words::<T>(array, values, |value| Ok(hash::double_as_integer(double(value)))),
        _ => primitives::<T>(array, values, |value, seed| types::double(double(value), as_type, seed)),
    }
}

/// The hash of an integer that may be larger than PostgreSQL's largest.
pub fn unsigned(value: u64, as_type: Type, seed: u64) -> PyResult<u64> {
    match i64::try_from(value) {
        Ok(value) => types::integer(value, as_type, seed),
        Err(_) if as_type == Type::Numeric => Ok(hash::scaled_decimal(value.into(), 0, seed)),
        Err(_) if as_type == Type::Float => match value as f64 {
            double if double as u128 == u128::from(value) => Ok(hash::double(double, seed)),
            _ => Err(ValueError::new_err(format!(
                "the integer {value} is no floating-point number"
            ))),
        },
        Err(_) => Err(OverflowError::new_err(format!(
            "the integer {value} is beyond PostgreSQL's bigint; kind=\"numeric\" takes it"
        ))),
    }
}

fn timestamps<T: ArrowTimestampType>(array: &dyn Array, values: &mut Values) -> PyResult<()> {
    let per_second = per_second(T::UNIT);
    words::<T>(array, values, |value| types::timestamp(value, per_second))
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

fn times<T: ArrowPrimitiveType<Native: Into<i64>>>(
    array: &dyn Array,
    values: &mut Values,
    per_second: i64,
) -> PyResult<()> {
    words::<T>(array, values, |value| {
        types::time(types::microseconds(value.into(), per_second, "time")?)
    })
}

fn durations<T: ArrowPrimitiveType<Native = i64>>(
    array: &dyn Array,
    values: &mut Values,
    per_second: i64,
) -> PyResult<()> {
    primitives::<T>(array, values, |value, seed| {
        let microseconds = types::microseconds(value, per_second, "interval")?;
        Ok(hash::interval(0, 0, microseconds, seed))
    })
}

#[cold]
fn outside() -> PyErr {
    ValueError::new_err("invalid Arrow data: an offset or a key is out of bounds")
}

/// Items one behind the other. In texts no NUL may be.
fn strings<T: ByteArrayType>(array: &GenericByteArray<T>, values: &mut Values, is_text: bool) -> PyResult<()> {
    let (offsets, data) = (array.value_offsets(), array.value_data());
    let is_sound = Cell::new(true);
    let item = |from: T::Offset, to: T::Offset| {
        data.get(from.as_usize()..to.as_usize()).unwrap_or_else(|| {
            is_sound.set(false);
            &[]
        })
    };
    // One look at all is faster than one at each. But where an item is null, anything may be.
    let all = match (offsets.first(), offsets.last()) {
        (Some(&first), Some(&last)) => item(first, last),
        _ => &[],
    };
    let (least, greatest) = extremes(all);
    let may_have_nul = is_text && least == 0;
    let may_be_none = is_text && greatest >= 0x80;
    let items = offsets.windows(2).map(|ends| item(ends[0], ends[1]));
    match array.nulls() {
        None if may_have_nul => return Err(types::nul()),
        None if may_be_none => values.try_add(items, |item, seed| Ok(types::bytes(types::utf8(item)?, seed)))?,
        None => values.add_bytes(items)?,
        Some(nulls) => {
            let items = items.zip(nulls).filter(|(_, is_valid)| *is_valid).map(|(item, _)| item);
            match may_have_nul || may_be_none {
                false => values.add_bytes(items)?,
                true => values.try_add(items, |item, seed| Ok(types::bytes(types::utf8(item)?, seed)))?,
            }
        }
    }
    if is_sound.get() { Ok(()) } else { Err(outside()) }
}

/// Texts that are JSON documents, which Python reads.
fn documents(array: &dyn Array, values: &mut Values) -> PyResult<()> {
    array
        .to_data()
        .validate_full()
        .map_err(|error| ValueError::new_err(error.to_string()))?;
    let hash = |document: &str, seed| Python::attach(|py| json::hash_of_text(&PyString::new(py, document), seed));
    match array.data_type() {
        DataType::Utf8 => values.try_add(array.as_string::<i32>().iter().flatten(), hash),
        DataType::LargeUtf8 => values.try_add(array.as_string::<i64>().iter().flatten(), hash),
        _ => values.try_add(array.as_string_view().iter().flatten(), hash),
    }
}

/// The least byte and the greatest. Looks at all, which vector instructions do faster than stop at the first 0.
fn extremes(bytes: &[u8]) -> (u8, u8) {
    bytes.iter().fold((u8::MAX, 0), |(least, greatest), &byte| {
        (least.min(byte), greatest.max(byte))
    })
}

/// Items that are views: short ones themselves, long ones of other buffers.
fn views<T: ByteViewType>(array: &GenericByteViewArray<T>, values: &mut Values, is_text: bool) -> PyResult<()> {
    /// A view is the length of an item and, where it fits, the item; otherwise four bytes of it, a buffer and an offset.
    const VIEW: usize = 16;
    /// The bits of a view that are no part of an item of each length.
    const BESIDE: [u128; VIEW - 3] = {
        let mut beside = [0; VIEW - 3];
        let mut length = 0;
        while length < beside.len() {
            beside[length] = !((u128::MAX >> (8 * (VIEW - 4 - length))) & !(u32::MAX as u128));
            length += 1;
        }
        beside
    };
    let buffers = array.data_buffers();
    let (is_sound, nuls, others) = (Cell::new(true), Cell::new(0), Cell::new(0));
    let views: &[[u8; VIEW]] = array.views().inner().as_chunks().0;
    let item = |i: usize| {
        let view = &views[i];
        let part = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| view[at + byte])) as usize;
        let (length, buffer, offset) = (part(0), part(8), part(12));
        if let Some(short) = view[4..].get(..length) {
            // What is behind the item is no part of it.
            let word = u128::from_le_bytes(*view) | BESIDE[length];
            nuls.set(nuls.get() | zero_bytes(word as u64) | zero_bytes((word >> 64) as u64));
            others.set(others.get() | (u128::from_le_bytes(*view) & !BESIDE[length]));
            return short;
        }
        match buffers
            .get(buffer)
            .and_then(|buffer| buffer.get(offset..offset + length))
        {
            Some(long) => {
                let (least, greatest) = extremes(long);
                nuls.set(nuls.get() | u64::from(least == 0));
                others.set(others.get() | u128::from(greatest));
                long
            }
            None => {
                is_sound.set(false);
                &[][..]
            }
        }
    };
    match array.nulls() {
        None => values.add_bytes((0..views.len()).map(item))?,
        Some(nulls) => values.add_bytes(nulls.valid_indices().map(item))?,
    }
    if !is_sound.get() {
        return Err(outside());
    }
    if is_text && nuls.get() != 0 {
        return Err(types::nul());
    }
    // Bytes of 0x80 and above are parts of characters, or of nothing.
    if is_text && others.get() & ((u128::MAX / 255) << 7) != 0 {
        for i in (0..views.len()).filter(|&i| array.is_valid(i)) {
            types::utf8(item(i))?;
        }
    }
    Ok(())
}

/// Zero if no byte of a word is. (Mycroft's formula: only a byte that is 0 borrows into its upper bit.)
fn zero_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    word.wrapping_sub(ONES) & !word & (ONES << 7)
}

/// The categories that occur in a dictionary-encoded array, those that are null left out.
fn occurring(array: &dyn Array) -> PyResult<ArrayRef> {
    let dictionary = array.as_any_dictionary();
    let categories = dictionary.values();
    let mut occurs = vec![false; categories.len()];
    let keys = dictionary.keys();
    match keys.data_type() {
        DataType::Int8 => mark::<Int8Type>(keys, &mut occurs),
        DataType::Int16 => mark::<Int16Type>(keys, &mut occurs),
        DataType::Int32 => mark::<Int32Type>(keys, &mut occurs),
        DataType::Int64 => mark::<Int64Type>(keys, &mut occurs),
        DataType::UInt8 => mark::<UInt8Type>(keys, &mut occurs),
        DataType::UInt16 => mark::<UInt16Type>(keys, &mut occurs),
        DataType::UInt32 => mark::<UInt32Type>(keys, &mut occurs),
        _ => mark::<UInt64Type>(keys, &mut occurs),
    }?;
    let nulls = NullBuffer::from(occurs);
    let data = categories.to_data().into_builder();
    let nulls = NullBuffer::union(categories.nulls(), Some(&nulls));
    let data = data
        .nulls(nulls)
        .build()
        .map_err(|error| ValueError::new_err(error.to_string()))?;
    Ok(make_array(data))
}

/// Marks the categories whose keys are there.
fn mark<T: ArrowDictionaryKeyType>(keys: &dyn Array, occurs: &mut [bool]) -> PyResult<()> {
    let keys: &PrimitiveArray<T> = keys.as_primitive();
    for key in keys.iter().flatten() {
        *occurs.get_mut(key.as_usize()).ok_or_else(outside)? = true;
    }
    Ok(())
}
