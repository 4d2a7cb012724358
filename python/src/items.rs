//! Python objects: from each to its hash. What an object is, its type says; each type is looked at once.

use crate::error::{OrRaise, OverflowError, TypeError, ValueError};
use crate::types::{self, Type};
use crate::values::{BLOCK, Turns, Values};
use crate::{json, numpy};
use cvm_sketch::Kind;
use cvm_sketch::hash::{self, Decimal, Single, ZonedTime};
use pyo3::ffi::PyTypeObject;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDate, PyDateTime, PyDelta, PyDeltaAccess, PyDict, PyFloat, PyInt, PyList,
    PyMemoryView, PyString, PyTime, PyTimeAccess, PyTuple, PyType,
};

/// How many items of a list are held at once. Holding them touches each, and the processor gets them all at the same time.
const HELD: usize = 256;

/// What an object is.
#[derive(Clone, Copy)]
pub enum Class {
    Boolean,
    Integer,
    Float,
    Text,
    Bytes,
    Decimal,
    DateTime,
    Date,
    Time,
    Duration,
    Uuid,
    /// NumPy's datetime64 or timedelta64.
    NumpyTime,
    /// What holds others: a dict, a list, a tuple.
    Holder,
    /// No value, as pandas has it.
    Missing,
}

/// The type of the objects seen last.
#[derive(Default)]
pub struct Seen {
    last: Option<(Py<PyType>, Class)>,
}

/// Adds all items of a list, a tuple or whatever else gives them one after the other.
pub fn add(items: &Bound<'_, PyAny>, values: &mut Values) -> PyResult<()> {
    let py = items.py();
    let (mut seen, mut turns) = (Seen::default(), Turns::new());
    if let Ok(list) = items.cast_exact::<PyList>() {
        let mut from = 0;
        // A list may change meanwhile, but for what is held.
        while from < list.len() {
            add_chunk(&list.get_slice(from, from + HELD), &mut seen, values)?;
            turns.give(py)?;
            from += HELD;
        }
        return Ok(());
    }
    if let Ok(tuple) = items.cast_exact::<PyTuple>() {
        for from in (0..tuple.len()).step_by(HELD) {
            let to = tuple.len().min(from + HELD);
            add_chunk(&tuple.get_slice(from, to).to_list(), &mut seen, values)?;
            turns.give(py)?;
        }
        return Ok(());
    }
    for (is_it, what) in [
        (
            items.is_instance_of::<PyString>(),
            "a str, of which the characters would be counted",
        ),
        (
            items.is_instance_of::<PyBytes>(),
            "bytes, of which the bytes would be counted",
        ),
        (
            items.is_instance_of::<PyMemoryView>(),
            "a memoryview, of which the bytes would be counted",
        ),
        (
            items.is_instance_of::<PyByteArray>(),
            "a bytearray, of which the bytes would be counted",
        ),
        (
            items.is_instance_of::<PyDict>(),
            "a dict; pass its keys() or its values()",
        ),
    ] {
        if is_it {
            return Err(TypeError::new_err(format!(
                "items must be a collection of values, not {what}"
            )));
        }
    }
    let mut iterator = items.try_iter()?;
    loop {
        let mut count = 0;
        let mut block = [0; BLOCK];
        let taken = iterator.by_ref().take(BLOCK);
        let mut is_over = true;
        for item in taken {
            is_over = false;
            if let Some(hash) = seen.hash(&item?, values)? {
                block[count] = hash;
                count += 1;
            }
        }
        values.add_hashes(&block[..count])?;
        if is_over {
            return Ok(());
        }
        turns.give(py)?;
    }
}

/// Adds the items of a list that nobody else has, of at most 1,024 items.
pub fn add_chunk(chunk: &Bound<'_, PyList>, seen: &mut Seen, values: &mut Values) -> PyResult<()> {
    let mut block = [0; BLOCK];
    let mut count = 0;
    for item in chunk.iter() {
        if let Some(hash) = seen.hash(&item, values)? {
            block[count] = hash;
            count += 1;
        }
    }
    values.add_hashes(&block[..count])
}

impl Seen {
    /// The hash of an object; `None` of one that is no value.
    #[inline(always)]
    pub fn hash(&mut self, item: &Bound<'_, PyAny>, values: &mut Values) -> PyResult<Option<u64>> {
        if item.is_none() {
            return Ok(None);
        }
        let class = match &self.last {
            Some((last, class)) if last.as_ptr().cast::<PyTypeObject>() == item.get_type_ptr() => *class,
            _ => self.look(&item.get_type())?,
        };
        let seed = values.seed();
        let hash = match class {
            Class::Text => {
                let text = item.cast::<PyString>()?;
                match values.type_for(Type::Text)? {
                    Type::Document => json::hash_of_text(text, seed)?,
                    _ => types::bytes(types::text(text.to_str()?.as_bytes())?, seed),
                }
            }
            Class::Integer => integer(item, values.type_for(Type::Integer)?, seed)?,
            Class::Float => {
                let as_type = values.type_for(Type::Float)?;
                types::double(item.extract()?, as_type, seed)?
            }
            Class::Missing => return Ok(None),
            Class::NumpyTime => return numpy::hash_of_time(item, values),
            class => uncommon(item, class, values)?,
        };
        Ok(Some(hash))
    }

    #[cold]
    fn look(&mut self, of_type: &Bound<'_, PyType>) -> PyResult<Class> {
        let class = class_of(of_type)?;
        self.last = Some((of_type.clone().unbind(), class));
        Ok(class)
    }
}

/// The modules that are loaded, by name.
pub fn modules(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let modules = py.import(intern!(py, "sys"))?.getattr(intern!(py, "modules"))?;
    Ok(modules.cast_into()?)
}

/// What objects of a type are.
pub fn class_of(of_type: &Bound<'_, PyType>) -> PyResult<Class> {
    let py = of_type.py();
    // Where a module is not loaded, nothing is of its types.
    let loaded = |module: &str, name: &str| match modules(py)?.get_item(module)? {
        Some(module) => module.getattr_opt(name),
        None => Ok(None),
    };
    let is = |module, name| loaded(module, name)?.map_or(Ok(false), |class| of_type.is_subclass(&class));
    let is_of = |module, name| Ok::<_, PyErr>(loaded(module, name)?.is_some_and(|item| item.get_type().is(of_type)));
    // True is an integer to Python, a datetime is a date, and NaT is a datetime.
    if of_type.is_subclass_of::<PyBool>()? {
        return Ok(Class::Boolean);
    }
    if of_type.is_subclass_of::<PyInt>()? {
        return Ok(Class::Integer);
    }
    if of_type.is_subclass_of::<PyFloat>()? {
        return Ok(Class::Float);
    }
    if of_type.is_subclass_of::<PyString>()? {
        return Ok(Class::Text);
    }
    if of_type.is_subclass_of::<PyBytes>()? || of_type.is_subclass_of::<PyByteArray>()? {
        return Ok(Class::Bytes);
    }
    if of_type.is_subclass_of::<PyDict>()?
        || of_type.is_subclass_of::<PyList>()?
        || of_type.is_subclass_of::<PyTuple>()?
    {
        return Ok(Class::Holder);
    }
    if is_of("pandas", "NaT")? || is_of("pandas", "NA")? {
        return Ok(Class::Missing);
    }
    if of_type.is_subclass_of::<PyDateTime>()? {
        return Ok(Class::DateTime);
    }
    if of_type.is_subclass_of::<PyDate>()? {
        return Ok(Class::Date);
    }
    if of_type.is_subclass_of::<PyTime>()? {
        return Ok(Class::Time);
    }
    if is("numpy", "generic")? {
        // timedelta64 is a signedinteger to NumPy.
        for (name, class) in [
            ("datetime64", Some(Class::NumpyTime)),
            ("timedelta64", Some(Class::NumpyTime)),
            ("bool_", Some(Class::Boolean)),
            ("integer", Some(Class::Integer)),
            ("longdouble", None),
            ("floating", Some(Class::Float)),
        ] {
            if is("numpy", name)? {
                return class.ok_or_else(|| no_rule(of_type));
            }
        }
    } else if of_type.is_subclass_of::<PyDelta>()? {
        return Ok(Class::Duration);
    } else if is("decimal", "Decimal")? {
        return Ok(Class::Decimal);
    } else if is("uuid", "UUID")? {
        return Ok(Class::Uuid);
    }
    Err(no_rule(of_type))
}

fn no_rule(of_type: &Bound<'_, PyType>) -> PyErr {
    match of_type.fully_qualified_name() {
        Ok(name) => TypeError::new_err(format!("an item of type {name} has no rule to be hashed by")),
        Err(error) => error,
    }
}

/// The hash of an integer.
#[inline(always)]
pub fn integer(item: &Bound<'_, PyAny>, as_type: Type, seed: u64) -> PyResult<u64> {
    match item.extract::<i64>() {
        Ok(value) => types::integer(value, as_type, seed),
        Err(error) => large(item, as_type, seed, error),
    }
}

/// The hash of an integer that has more than 64 bits, or of no integer at all, as `error` then says.
#[cold]
fn large(item: &Bound<'_, PyAny>, as_type: Type, seed: u64, error: PyErr) -> PyResult<u64> {
    let py = item.py();
    if !error.is_instance_of::<OverflowError>(py) {
        return Err(error);
    }
    match as_type {
        Type::Numeric => {
            let written = item.call_method0(intern!(py, "__index__"))?.str()?;
            let written = written.to_str()?;
            let digits = written.trim_start_matches('-');
            hash::decimal_digits(digits.len() < written.len(), digits.as_bytes(), 0, seed).or_raise()
        }
        Type::Float => {
            // NumPy's integers are rounded before they are compared.
            let item = item.call_method0(intern!(py, "__index__"))?;
            let double: f64 = item.extract()?;
            if !item.eq(double)? {
                return Err(ValueError::new_err(format!(
                    "the integer {item} is no floating-point number"
                )));
            }
            types::double(double, as_type, seed)
        }
        _ => Err(OverflowError::new_err(
            "an integer is beyond PostgreSQL's bigint, of 64 bits; kind=\"numeric\" takes it",
        )),
    }
}

/// The hash of an object of one of the less common classes.
fn uncommon(item: &Bound<'_, PyAny>, class: Class, values: &mut Values) -> PyResult<u64> {
    let (py, seed) = (item.py(), values.seed());
    match class {
        Class::Boolean => {
            values.type_for(Type::Boolean)?;
            Ok(hash::integer(item.is_truthy()?.into(), seed))
        }
        Class::Bytes => {
            values.type_for(Type::Bytes)?;
            match item.cast::<PyByteArray>() {
                Ok(array) => Ok(hash::bytes(&array.to_vec(), seed)),
                Err(_) => Ok(hash::bytes(item.cast::<PyBytes>()?.as_bytes(), seed)),
            }
        }
        Class::Uuid => {
            values.type_for(Type::Uuid)?;
            let bytes = item.getattr(intern!(py, "bytes"))?;
            Ok(hash::bytes(bytes.cast::<PyBytes>()?.as_bytes(), seed))
        }
        Class::Decimal => {
            let as_type = values.type_for(Type::Numeric)?;
            decimal(item, as_type, seed)
        }
        Class::Date => {
            values.type_for(Type::Date)?;
            // The ordinal of 1970-01-01.
            const EPOCH: i64 = 719_163;
            let ordinal: i64 = item.call_method0(intern!(py, "toordinal"))?.extract()?;
            Ok(hash::integer(types::date(ordinal - EPOCH)?, seed))
        }
        Class::DateTime => {
            let is_zoned = !item.call_method0(intern!(py, "utcoffset"))?.is_none();
            values.type_for(if is_zoned { Type::TimestampTz } else { Type::Timestamp })?;
            let (days, microseconds) = parts(&item.sub(epoch(py, is_zoned)?)?)?;
            let since_1970 = i64::from(days) * 86_400_000_000 + microseconds;
            Ok(hash::integer(types::timestamp(since_1970, 1_000_000)?, seed))
        }
        Class::Duration => {
            values.type_for(Type::Interval)?;
            let (days, microseconds) = parts(item)?;
            Ok(hash::interval(0, days, microseconds, seed))
        }
        Class::Holder if values.wanted() == Some(Kind::Json) => {
            values.type_for(Type::Document)?;
            json::hash(item, seed)
        }
        Class::Holder => Err(TypeError::new_err(format!(
            "an item of type {} has no rule to be hashed by, unless it is a JSON document: kind=\"jsonb\" takes it as one",
            item.get_type().fully_qualified_name()?
        ))),
        _ => time_of_day(item.cast()?, values),
    }
}

/// 1970-01-01, in UTC or in no zone.
fn epoch(py: Python<'_>, is_zoned: bool) -> PyResult<&Bound<'_, PyAny>> {
    static EPOCHS: PyOnceLock<[Py<PyAny>; 2]> = PyOnceLock::new();
    let epochs = EPOCHS.get_or_try_init(py, || {
        let utc = pyo3::types::PyTzInfo::utc(py)?.to_owned();
        let epoch = |zone| PyDateTime::new(py, 1970, 1, 1, 0, 0, 0, 0, zone).map(|epoch| epoch.into_any().unbind());
        Ok::<_, PyErr>([epoch(None)?, epoch(Some(&utc))?])
    })?;
    Ok(epochs[usize::from(is_zoned)].bind(py))
}

/// The days of a timedelta, and the microseconds besides.
fn parts(item: &Bound<'_, PyAny>) -> PyResult<(i32, i64)> {
    let delta = item.cast::<PyDelta>()?;
    // pandas has them.
    if let Some(nanoseconds) = item.getattr_opt(intern!(item.py(), "nanoseconds"))? {
        types::microseconds(nanoseconds.extract()?, 1_000_000_000, "interval")?;
    }
    let microseconds = i64::from(delta.get_seconds()) * 1_000_000 + i64::from(delta.get_microseconds());
    Ok((delta.get_days(), microseconds))
}

fn time_of_day(time: &Bound<'_, PyTime>, values: &mut Values) -> PyResult<u64> {
    let seconds = (i64::from(time.get_hour()) * 60 + i64::from(time.get_minute())) * 60 + i64::from(time.get_second());
    let microseconds = seconds * 1_000_000 + i64::from(time.get_microsecond());
    let py = time.py();
    if time.getattr(intern!(py, "tzinfo"))?.is_none() {
        values.type_for(Type::Time)?;
        return Ok(hash::integer(types::time(microseconds)?, values.seed()));
    }
    let offset = time.call_method0(intern!(py, "utcoffset"))?;
    if offset.is_none() {
        return Err(ValueError::new_err("a time has a zone whose offset depends on the day"));
    }
    let (days, offset) = parts(&offset)?;
    let offset = i64::from(days) * 86_400_000_000 + offset;
    if offset.abs() >= 16 * 3_600_000_000 {
        return Err(ValueError::new_err(
            "a time has a zone 16 hours or more from Greenwich, which PostgreSQL does not have",
        ));
    }
    if offset % 1_000_000 != 0 {
        return Err(ValueError::new_err(
            "a time has a zone whose offset is no whole number of seconds",
        ));
    }
    values.type_for(Type::TimeTz)?;
    let zoned = ZonedTime {
        microseconds,
        seconds_west: -(offset / 1_000_000) as i32,
    };
    Ok(Single::ZonedTime(zoned).hash(values.seed()))
}

/// The hash of a decimal.
pub fn decimal(item: &Bound<'_, PyAny>, as_type: Type, seed: u64) -> PyResult<u64> {
    let py = item.py();
    let parts = item.call_method0(intern!(py, "as_tuple"))?;
    let (is_negative, digits, exponent): (i32, Vec<u8>, Bound<'_, PyAny>) = parts.extract()?;
    let is_negative = is_negative != 0;
    if as_type == Type::Float {
        let double: f64 = item.extract()?;
        return match double.is_nan() || item.eq(double)? {
            true => types::double(double, as_type, seed),
            false => Err(ValueError::new_err(format!(
                "the decimal {item} is no floating-point number"
            ))),
        };
    }
    let Ok(exponent) = exponent.extract::<i64>() else {
        let special = match exponent.extract::<&str>()? {
            "F" if is_negative => Decimal::NegativeInfinity,
            "F" => Decimal::Infinity,
            _ => Decimal::NotANumber,
        };
        return match as_type {
            Type::Numeric => Ok(hash::decimal(special, seed)),
            _ => Err(ValueError::new_err(format!("the decimal {item} is no integer"))),
        };
    };
    if as_type == Type::Numeric {
        let digits: Vec<u8> = digits.into_iter().map(|digit| digit + b'0').collect();
        return hash::decimal_digits(is_negative, &digits, exponent, seed).or_raise();
    }
    // int() of it, which takes as long as the number has digits.
    let whole = match exponent {
        -100..=100 => item.call_method0(intern!(py, "__int__"))?,
        _ => py.None().into_bound(py),
    };
    if !whole.eq(item)? {
        return Err(ValueError::new_err(format!(
            "the decimal {item} is no integer of 64 bits"
        )));
    }
    integer(&whole, as_type, seed)
}
