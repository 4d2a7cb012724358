//! NumPy arrays: from their items to hashes.
//!
//! Nothing keeps another thread from writing to an array. So no item is read where it lies: while Python's lock is held, NumPy
//! and Python copy a block, brought to one type, and the hashes are made of the copy. A block that is written to meanwhile
//! has old items or new ones.

use crate::column::unsigned;
use crate::error::{TypeError, ValueError};
use crate::items;
use crate::types::{self, Type};
use crate::values::{Turns, Values};
use cvm_sketch::hash;
use pyo3::buffer::PyBuffer;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PySlice};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many items are copied at once: half a megabyte, which the processor's own cache holds.
const COPIED: usize = 1 << 16;

/// How many items become objects at once, where Python has to look at each.
const LISTED: usize = 1 << 10;

/// NaT, "not a time".
const NOT_A_TIME: i64 = i64::MIN;

/// What stands in a block, brought to one type.
#[derive(Clone, Copy)]
enum Words {
    Boolean,
    Integers,
    Unsigned,
    Doubles,
    /// Days, or so many to the second.
    Days,
    Times(i64),
    Durations(i64),
}

impl Words {
    fn own(self) -> Type {
        match self {
            Words::Boolean => Type::Boolean,
            Words::Integers | Words::Unsigned => Type::Integer,
            Words::Doubles => Type::Float,
            Words::Days => Type::Date,
            Words::Times(_) => Type::Timestamp,
            Words::Durations(_) => Type::Interval,
        }
    }
}

/// Adds all items of an array.
pub fn add(array: &Bound<'_, PyAny>, values: &mut Values, threads: usize) -> PyResult<()> {
    let py = array.py();
    let dimensions: usize = array.getattr(intern!(py, "ndim"))?.extract()?;
    if dimensions != 1 {
        return Err(ValueError::new_err(format!(
            "a NumPy array must have one dimension, not {dimensions}; ravel() makes it so"
        )));
    }
    let length = array.len()?;
    let dtype = array.getattr(intern!(py, "dtype"))?;
    // "<i8" and the like: the order of the bytes, the kind, the size of an item.
    let written: String = dtype.getattr(intern!(py, "str"))?.extract()?;
    let (words, common) = match written.get(1..).unwrap_or_default() {
        "b1" => (Words::Boolean, "<u8"),
        "i1" | "i2" | "i4" | "i8" | "u1" | "u2" | "u4" => (Words::Integers, "<i8"),
        "u8" => (Words::Unsigned, "<u8"),
        "f2" | "f4" | "f8" => (Words::Doubles, "<f8"),
        time if time.starts_with(['M', 'm']) => (words_of_unit(&dtype)?, &*format!("<{time}")),
        listed if listed.starts_with(['S', 'U', 'O']) || written.starts_with("StringDType") => {
            return add_listed(array, length, values);
        }
        _ => {
            return Err(TypeError::new_err(format!(
                "a NumPy array of dtype {dtype} has no rule to be hashed by"
            )));
        }
    };
    let as_type = values.type_for(words.own())?;
    let common = (written != common).then_some(common);
    if length <= COPIED {
        return add_block(copy(array, common)?, words, as_type, values);
    }
    let array = array.as_unbound();
    let next = AtomicUsize::new(0);
    values.add_by(py, threads, |values, watch| {
        while watch.check()? {
            let from = next.fetch_add(COPIED, Ordering::Relaxed);
            if from >= length {
                break;
            }
            let block = Python::attach(|py| {
                let (from, to) = (from as isize, length.min(from + COPIED) as isize);
                copy(&array.bind(py).get_item(PySlice::new(py, from, to, 1))?, common)
            })?;
            add_block(block, words, as_type, values)?;
        }
        Ok(())
    })
}

/// A copy of an array of items of eight bytes each, brought to a common type, if it is named.
fn copy(array: &Bound<'_, PyAny>, common: Option<&str>) -> PyResult<Vec<i64>> {
    let py = array.py();
    let of_common = match common {
        Some(common) => &array.call_method1(intern!(py, "astype"), (common,))?,
        None => array,
    };
    match PyBuffer::get(of_common) {
        Ok(words) => words.to_vec(py),
        // Of another type than integers, or one that Python's buffers know nothing of, or not aligned.
        Err(_) => {
            let copied = of_common.call_method0(intern!(py, "copy"))?;
            PyBuffer::get(&copied.call_method1(intern!(py, "view"), (intern!(py, "<i8"),))?)?.to_vec(py)
        }
    }
}

/// What the items of a datetime64 or timedelta64 are.
fn words_of_unit(dtype: &Bound<'_, PyAny>) -> PyResult<Words> {
    let kind: char = dtype.getattr(intern!(dtype.py(), "kind"))?.extract()?;
    let numpy = dtype.py().import(intern!(dtype.py(), "numpy"))?;
    let (unit, count): (String, i64) = numpy.call_method1("datetime_data", (dtype,))?.extract()?;
    let per_second = match unit.as_str() {
        "s" => Some(1),
        "ms" => Some(1_000),
        "us" => Some(1_000_000),
        "ns" => Some(1_000_000_000),
        _ => None,
    };
    match (kind, per_second, unit.as_str(), count) {
        ('M', _, "D", 1) => Ok(Words::Days),
        ('M', Some(per_second), _, 1) => Ok(Words::Times(per_second)),
        ('m', Some(per_second), _, 1) => Ok(Words::Durations(per_second)),
        _ => Err(TypeError::new_err(format!(
            "NumPy's {dtype} has no rule to be hashed by; astype() to the unit {}s, ms, us or ns",
            if kind == 'M' { "D, " } else { "" }
        ))),
    }
}

/// Adds the items of a copied block.
fn add_block(block: Vec<i64>, words: Words, as_type: Type, values: &mut Values) -> PyResult<()> {
    let block = block.into_iter();
    let double_of = |bits: i64| f64::from_bits(bits as u64);
    match (words, as_type) {
        (Words::Boolean, _) | (Words::Integers, Type::Integer) => values.add_words(block),
        (Words::Integers, _) => values.try_add(block, |value, seed| types::integer(value, as_type, seed)),
        (Words::Unsigned, _) => values.try_add(block, |value, seed| unsigned(value as u64, as_type, seed)),
        (Words::Doubles, Type::Float) => values.add_words(block.map(|bits| hash::double_as_integer(double_of(bits)))),
        (Words::Doubles, _) => values.try_add(block, |bits, seed| types::double(double_of(bits), as_type, seed)),
        (Words::Days | Words::Times(_) | Words::Durations(_), _) => {
            let times = block.filter(|&value| value != NOT_A_TIME);
            values.try_add(times, |value, seed| time_hash(value, words, seed))
        }
    }
}

/// The hash of a time or a duration in NumPy's units.
#[inline(always)]
fn time_hash(value: i64, words: Words, seed: u64) -> PyResult<u64> {
    match words {
        Words::Times(per_second) => Ok(hash::integer(types::timestamp(value, per_second)?, seed)),
        Words::Durations(per_second) => {
            let microseconds = types::microseconds(value, per_second, "interval")?;
            Ok(hash::interval(0, 0, microseconds, seed))
        }
        _ => Ok(hash::integer(types::date(value)?, seed)),
    }
}

/// The hash of a datetime64 or timedelta64 that stands alone; `None` of NaT.
pub fn hash_of_time(item: &Bound<'_, PyAny>, values: &mut Values) -> PyResult<Option<u64>> {
    let py = item.py();
    let value: i64 = item
        .call_method1(intern!(py, "astype"), (intern!(py, "i8"),))?
        .extract()?;
    if value == NOT_A_TIME {
        return Ok(None);
    }
    let dtype = item.getattr(intern!(py, "dtype"))?;
    let words = words_of_unit(&dtype)?;
    values.type_for(words.own())?;
    time_hash(value, words, values.seed()).map(Some)
}

/// Adds the items of an array of strings or objects, as Python has them.
fn add_listed(array: &Bound<'_, PyAny>, length: usize, values: &mut Values) -> PyResult<()> {
    let py = array.py();
    let (mut seen, mut turns) = (items::Seen::default(), Turns::new());
    for from in (0..length).step_by(LISTED) {
        let slice = PySlice::new(py, from as isize, (from + LISTED).min(length) as isize, 1);
        let listed = array.get_item(slice)?.call_method0(intern!(py, "tolist"))?;
        items::add_chunk(listed.cast::<PyList>()?, &mut seen, values)?;
        turns.give(py)?;
    }
    Ok(())
}
