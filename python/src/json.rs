//! JSON documents: from their text, or from what holds their parts, to hashes.

use crate::error::{TypeError, ValueError};
use crate::items::{Class, class_of, decimal, integer};
use crate::types::{self, Type};
use cvm_sketch::hash::{JsonTokens, compare_keys};
use pyo3::exceptions::PyRecursionError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

/// How deep a document may be.
const MAX_DEPTH: usize = 500;

/// The hash of a document, given as text.
pub fn hash_of_text(text: &Bound<'_, PyString>, seed: u64) -> PyResult<u64> {
    let py = text.py();
    let loads = py.import(intern!(py, "json"))?.getattr(intern!(py, "loads"))?;
    // All digits count. NaN and infinity become decimals, too, which are refused below.
    let number = py.import(intern!(py, "decimal"))?.getattr(intern!(py, "Decimal"))?;
    let options = PyDict::new(py);
    options.set_item(intern!(py, "parse_float"), &number)?;
    options.set_item(intern!(py, "parse_constant"), &number)?;
    let document = loads.call((text,), Some(&options)).map_err(|error| {
        if error.is_instance_of::<PyRecursionError>(py) {
            return too_deep();
        }
        error
    })?;
    hash(&document, seed)
}

/// The hash of a document, given as what `json.loads` makes of it.
pub fn hash(document: &Bound<'_, PyAny>, seed: u64) -> PyResult<u64> {
    let mut tokens = JsonTokens::new(seed);
    put(document, &mut tokens, seed, 0)?;
    Ok(tokens.finish())
}

fn put(part: &Bound<'_, PyAny>, tokens: &mut JsonTokens, seed: u64, depth: usize) -> PyResult<()> {
    if depth > MAX_DEPTH {
        return Err(too_deep());
    }
    if part.is_none() {
        tokens.null();
    } else if let Ok(object) = part.cast::<PyDict>() {
        return put_object(object, tokens, seed, depth);
    } else if part.is_instance_of::<PyList>() || part.is_instance_of::<PyTuple>() {
        tokens.begin_array();
        for element in part.try_iter()? {
            put(&element?, tokens, seed, depth + 1)?;
        }
        tokens.end_array();
    } else {
        match class_of(&part.get_type())? {
            Class::Boolean => tokens.boolean(part.is_truthy()?),
            Class::Integer => tokens.number(integer(part, Type::Numeric, seed)?),
            Class::Text => tokens.string(types::text(part.cast::<PyString>()?.to_str()?.as_bytes())?),
            Class::Decimal => tokens.number(finite(part, seed)?),
            Class::Float => {
                // As json.dumps writes it.
                let written = part.call_method0(intern!(part.py(), "__float__"))?.repr()?;
                let number = part.py().import(intern!(part.py(), "decimal"))?;
                tokens.number(finite(
                    &number.call_method1(intern!(part.py(), "Decimal"), (written,))?,
                    seed,
                )?);
            }
            _ => {
                let name = part.get_type().fully_qualified_name()?;
                return Err(TypeError::new_err(format!(
                    "a JSON document holds nothing of type {name}"
                )));
            }
        }
    }
    Ok(())
}

fn put_object(object: &Bound<'_, PyDict>, tokens: &mut JsonTokens, seed: u64, depth: usize) -> PyResult<()> {
    let mut members = Vec::with_capacity(object.len());
    for (key, value) in object.iter() {
        let Ok(key) = key.cast_into::<PyString>() else {
            return Err(TypeError::new_err("the keys of a JSON object must be of type str"));
        };
        let bytes = types::text(key.to_str()?.as_bytes())?.to_vec();
        members.push((bytes, value));
    }
    members.sort_by(|(a, _), (b, _)| compare_keys(a, b));
    tokens.begin_object();
    members.iter().for_each(|(key, _)| tokens.key(key));
    for (_, value) in &members {
        put(value, tokens, seed, depth + 1)?;
    }
    tokens.end_object();
    Ok(())
}

#[cold]
fn too_deep() -> PyErr {
    ValueError::new_err(format!("a JSON document is more than {MAX_DEPTH} levels deep"))
}

fn finite(number: &Bound<'_, PyAny>, seed: u64) -> PyResult<u64> {
    if !number.call_method0(intern!(number.py(), "is_finite"))?.is_truthy()? {
        return Err(ValueError::new_err(format!(
            "a JSON document holds {number}, which is no number of JSON"
        )));
    }
    decimal(number, Type::Numeric, seed)
}
