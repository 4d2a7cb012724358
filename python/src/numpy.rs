//! NumPy arrays: from their items to hashes.
//!
//! Nothing keeps another thread from writing to an array. So no item is read where it lies: while Python's lock is held, NumPy
//! and Python copy a block, brought to one type, and the hashes are made of the copy. A block that is written to meanwhile
//! has old items or new ones.

use crate::column::unsigned;
use crate::error::{TypeError, ValueError};
use crate::items;
use crate::types::{self, Type};
use crate::values::Values;
use cvm_sketch::hash;
use pyo3::buffer::{Element, PyBuffer};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyList, PySlice, PyString};
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

    /// The name of NumPy's type that blocks are brought to; `None` of times, which keep theirs.
    fn common(self) -> Option<&'static str> {
        match self {
            Words::Boolean => Some("u1"),
            Words::Integers => Some("i8"),
            Words::Unsigned => Some("u8"),
            Words::Doubles => Some("f8"),
            Words::Days | Words::Times(_) | Words::Durations(_) => None,
        }
    }
}

/// Adds all items of an array.
pub fn add(array: &Bound<'_, PyAny>, values: &mut Values, threads: usize) -> PyResult<()> {
    let py = array.py();
    // Of a masked array, what is not masked.
    let array = match array.getattr_opt(intern!(py, "compressed"))? {
        Some(compressed) => &compressed.call0()?,
        None => array,
    };
    let dimensions: usize = array.getattr(intern!(py, "ndim"))?.extract()?;
    if dimensions != 1 {
        return Err(ValueError::new_err(format!(
            "a NumPy array must have one dimension, not {dimensions}; ravel() makes it so"
        )));
    }
    let length = array.len()?;
    let dtype = array.getattr(intern!(py, "dtype"))?;
    let kind: char = dtype.getattr(intern!(py, "kind"))?.extract()?;
    let item_size: usize = dtype.getattr(intern!(py, "itemsize"))?.extract()?;
    let words = match kind {
        'b' => Words::Boolean,
        'i' => Words::Integers,
        'u' if item_size < 8 => Words::Integers,
        'u' => Words::Unsigned,
        'f' if item_size <= 8 => Words::Doubles,
        'M' | 'm' => of_unit(&dtype, kind)?,
        'S' | 'U' | 'T' | 'O' => return add_listed(array, length, values),
        _ => {
            return Err(TypeError::new_err(format!("a NumPy array of dtype {dtype} has no rule to be hashed by")));
        }
    };
    let as_type = values.type_for(words.own())?;
    let array = array.as_unbound();
    let next = AtomicUsize::new(0);
    values.add_by(py, threads, |values, watch| {
        while watch.check()? {
            let from = next.fetch_add(COPIED, Ordering::Relaxed);
            if from >= length {
                break;
            }
            let block = Python::attach(|py| {
                let slice = PySlice::new(py, from as isize, (from + COPIED).min(length) as isize, 1);
                copy(&array.bind(py).get_item(slice)?, words)
            })?;
            add_block(block, words, as_type, values)?;
        }
        Ok(())
    })
}

/// What the items of a datetime64 or timedelta64 are.
fn of_unit(dtype: &Bound<'_, PyAny>, kind: char) -> PyResult<Words> {
    let numpy = dtype.py().import("numpy")?;
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
            "a NumPy array of dtype {dtype} has no rule to be hashed by; astype() to the unit D, s, ms, us or ns"
        ))),
    }
}

/// A copied block.
enum Block {
    Bytes(Vec<u8>),
    Signed(Vec<i64>),
    Unsigned(Vec<u64>),
    Doubles(Vec<f64>),
}

/// A copy of a block, brought to one type.
fn copy(block: &Bound<'_, PyAny>, words: Words) -> PyResult<Block> {
    fn copied<T: Element>(block: &Bound<'_, PyAny>) -> PyResult<Vec<T>> {
        PyBuffer::get(block)?.to_vec(block.py())
    }
    let py = block.py();
    let dtype = match words.common() {
        Some(name) => PyString::intern(py, name).into_any(),
        None => {
            let own = block.getattr(intern!(py, "dtype"))?;
            own.call_method1(intern!(py, "newbyteorder"), (intern!(py, "="),))?
        }
    };
    let only_if_needed = [(intern!(py, "copy"), false)].into_py_dict(py)?;
    let mut block = block.call_method(intern!(py, "astype"), (dtype,), Some(&only_if_needed))?;
    if words.common().is_none() {
        block = block.call_method1(intern!(py, "view"), (intern!(py, "i8"),))?;
    }
    Ok(match words {
        Words::Boolean => Block::Bytes(copied(&block)?),
        Words::Unsigned => Block::Unsigned(copied(&block)?),
        Words::Doubles => Block::Doubles(copied(&block)?),
        Words::Integers | Words::Days | Words::Times(_) | Words::Durations(_) => Block::Signed(copied(&block)?),
    })
}

fn add_block(block: Block, words: Words, as_type: Type, values: &mut Values) -> PyResult<()> {
    match (block, words) {
        (Block::Bytes(block), _) => values.add(block.into_iter(), |value, seed| Ok(hash::integer(value.into(), seed))),
        (Block::Unsigned(block), _) => values.add(block.into_iter(), |value, seed| unsigned(value, as_type, seed)),
        (Block::Doubles(block), _) => values.add(block.into_iter(), |value, seed| types::double(value, as_type, seed)),
        (Block::Signed(block), Words::Days | Words::Times(_) | Words::Durations(_)) => {
            let times = block.into_iter().filter(|&value| value != NOT_A_TIME);
            values.add(times, |value, seed| time_hash(value, words, seed))
        }
        (Block::Signed(block), _) if as_type == Type::Integer => {
            values.add(block.into_iter(), |value, seed| Ok(hash::integer(value, seed)))
        }
        (Block::Signed(block), _) => values.add(block.into_iter(), |value, seed| types::integer(value, as_type, seed)),
    }
}

/// The hash of a time or a duration in NumPy's units.
#[inline(always)]
fn time_hash(value: i64, words: Words, seed: u64) -> PyResult<u64> {
    match words {
        Words::Times(per_second) => {
            let since_1970 = types::microseconds(value, per_second)?;
            Ok(hash::integer(types::timestamp(since_1970)?, seed))
        }
        Words::Durations(per_second) => Ok(hash::interval(0, 0, types::microseconds(value, per_second)?, seed)),
        _ => Ok(hash::integer(types::date(value)?, seed)),
    }
}

/// The hash of a datetime64 or timedelta64 that stands alone; `None` of NaT.
pub fn hash_of_time(item: &Bound<'_, PyAny>, values: &mut Values) -> PyResult<Option<u64>> {
    let py = item.py();
    let value: i64 = item.call_method1(intern!(py, "astype"), (intern!(py, "i8"),))?.extract()?;
    if value == NOT_A_TIME {
        return Ok(None);
    }
    let dtype = item.getattr(intern!(py, "dtype"))?;
    let words = of_unit(&dtype, dtype.getattr(intern!(py, "kind"))?.extract()?)?;
    values.type_for(words.own())?;
    time_hash(value, words, values.seed()).map(Some)
}

/// Adds the items of an array of strings or objects, as Python has them.
fn add_listed(array: &Bound<'_, PyAny>, length: usize, values: &mut Values) -> PyResult<()> {
    let py = array.py();
    let mut seen = items::Seen::default();
    for from in (0..length).step_by(LISTED) {
        let slice = PySlice::new(py, from as isize, (from + LISTED).min(length) as isize, 1);
        let listed = array.get_item(slice)?.call_method0(intern!(py, "tolist"))?;
        items::add_chunk(listed.cast::<PyList>()?, &mut seen, values)?;
        py.check_signals()?;
    }
    Ok(())
}
