//! Sketches from values: in one call, or batch by batch.

use crate::capsule::Arrays;
use crate::error::TypeError;
use crate::sketch::Sketch;
use crate::values::{Values, threads};
use crate::{column, items, numpy};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDictMethods, PyList, PyTuple};

/// Adds items of any form.
fn add(items: &Bound<'_, PyAny>, values: &mut Values, asked: Option<i64>) -> PyResult<()> {
    let threads = threads(asked)?;
    if items.is_exact_instance_of::<PyList>() || items.is_exact_instance_of::<PyTuple>() {
        return items::add(items, values);
    }
    // While nobody has loaded NumPy, nothing is an array of its.
    let numpy = items::modules(items.py())?.get_item(intern!(items.py(), "numpy"))?;
    let array_type = numpy
        .map(|numpy| numpy.getattr_opt(intern!(items.py(), "ndarray")))
        .transpose()?;
    if let Some(array_type) = array_type.flatten() {
        if items.get_type().is(&array_type) {
            return numpy::add(items, values, threads);
        }
        if items.is_instance(&array_type)? {
            // Of a masked array, what is not masked.
            let compressed = items.getattr_opt(intern!(items.py(), "compressed"))?;
            let compressed = compressed.map(|compressed| compressed.call0()).transpose()?;
            return numpy::add(compressed.as_ref().unwrap_or(items), values, threads);
        }
    }
    match Arrays::of(items)? {
        Some(arrays) => column::add(items.py(), arrays, values, threads),
        None => items::add(items, values),
    }
}

/// The sketch of a collection of values.
///
/// Parameters
/// ----------
/// items : iterable, numpy.ndarray, or an object with __arrow_c_stream__ or __arrow_c_array__
///     One column: a list, a tuple, a generator; a NumPy array of one dimension; a column of pyarrow, polars, pandas or
///     duckdb, or a table that has one column. None, Arrow's null, NaT and pandas.NA are no values; NaN is one.
/// epsilon : float
///     The relative error, from 0.001 to 0.5.
/// delta : float
///     The probability that the error is larger, from 1e-9 to 0.1.
/// seed : int
///     The seed of the hashes, a signed integer of 64 bits. Sketches of different seeds do not unite.
/// kind : str, optional
///     The kind that the column has in PostgreSQL, as `Sketch.kind` names it, where the items' own type is another:
///     "integer", "floating point" and "numeric" for numbers, "enum" for labels, "jsonb" for documents, which are text or
///     what `json.loads` makes of it. Each value must be exactly the same there.
/// threads : int, optional
///     On how many threads to hash NumPy arrays and Arrow data, from 1 to 256. The sketch is the same for any. The default
///     is 1. Python's lock is released while hashes are made of these.
///
/// Returns
/// -------
/// Sketch
///     The sketch that `cvm_sketch_agg` of PostgreSQL makes of the same values: its bytes are equal. Of no values it is the
///     server's empty sketch, whatever accuracy and seed were named.
///
/// Raises
/// ------
/// TypeError
///     Where items are of a type that has no rule, or of several types.
/// ValueError
///     Where an argument is out of its range, or a value is none of the kind.
/// OverflowError
///     Where a value does not fit PostgreSQL's type, or an argument 64 bits.
///
/// Notes
/// -----
/// int is bigint to PostgreSQL, float double precision, Decimal numeric, str text, bytes bytea, bool boolean, UUID uuid, date,
/// datetime, time and timedelta what their names say. Text is that of a database in UTF-8 under a deterministic collation.
/// Strip trailing blanks where the column is char(n). Of citext, and of text under other collations, only the server knows
/// the hashes. pandas makes NULL of NaN in what it exports, so that only `to_numpy()` of its columns counts NaN.
///
/// Beside the sketch (about 0.2 MB at the default accuracy, for each thread) a call takes up to a megabyte for each thread of a
/// NumPy array, and a byte for each category of a dictionary-encoded column. Of Arrow data the producer holds an array at a
/// time. A str that is not ASCII keeps its UTF-8 form once it was counted, as Python does with those that it encodes.
///
/// Arrow's pointers are trusted, since nothing can check them. Types, lengths, offsets, views and keys are checked. A NumPy
/// array may be written to meanwhile: each of its items is counted as it was at some time of the call.
///
/// Examples
/// --------
/// >>> import cvm_count
/// >>> cvm_count.sketch(["a", "b", None, "a"]).estimate()
/// 2
/// >>> cvm_count.sketch(range(1_000_000)).bounds()
/// (981878, 1027144)
/// >>> cvm_count.sketch([1, 2.5])
/// Traceback (most recent call last):
/// TypeError: items must be of one type, not integer and floating point; kind="floating point" takes both
#[pyfunction]
#[pyo3(signature = (items, epsilon = 0.03, delta = 0.01, seed = 0, kind = None, threads = None))]
pub fn sketch(
    items: &Bound<'_, PyAny>,
    epsilon: f64,
    delta: f64,
    seed: i64,
    kind: Option<&str>,
    threads: Option<i64>,
) -> PyResult<Sketch> {
    let mut values = Values::new(epsilon, delta, seed, kind)?;
    add(items, &mut values, threads)?;
    Sketch::of(values.encode()?)
}

/// The estimated number of distinct values in a collection: `sketch(...).estimate()`, of which the arguments are those.
///
/// Examples
/// --------
/// >>> import cvm_count
/// >>> cvm_count.count_approx("to be or not to be".split())
/// 4
#[pyfunction]
#[pyo3(signature = (items, epsilon = 0.03, delta = 0.01, seed = 0, kind = None, threads = None))]
pub fn count_approx(
    items: &Bound<'_, PyAny>,
    epsilon: f64,
    delta: f64,
    seed: i64,
    kind: Option<&str>,
    threads: Option<i64>,
) -> PyResult<u64> {
    let mut values = Values::new(epsilon, delta, seed, kind)?;
    add(items, &mut values, threads)?;
    values.estimate()
}

/// The hash of a value under a seed, as `cvm_hash(value, seed)` of PostgreSQL: a signed integer of 64 bits.
///
/// Raises TypeError where the value is of a type that has no rule, or is None.
///
/// Examples
/// --------
/// >>> import cvm_count
/// >>> cvm_count.hash("word")
/// -2031626334120420267
#[pyfunction]
#[pyo3(signature = (value, seed = 0))]
pub fn hash(value: &Bound<'_, PyAny>, seed: i64) -> PyResult<i64> {
    let mut values = Values::with_seed(seed);
    match items::Seen::default().hash(value, &mut values)? {
        Some(hash) => Ok(hash as i64),
        None => Err(TypeError::new_err(format!(
            "{} is no value, and has no hash",
            value.repr()?
        ))),
    }
}

/// Makes one sketch of many batches.
///
/// Parameters are those of `sketch`. The batches must be of one type. One builder may be used by one thread at a time:
/// RuntimeError is raised otherwise. For several threads, make a builder on each and unite the sketches.
///
/// Examples
/// --------
/// >>> import cvm_count
/// >>> builder = cvm_count.Builder(epsilon=0.05)
/// >>> for batch in [[1, 2], [2, 3]]:
/// ...     builder.update(batch)
/// >>> builder.sketch().estimate()
/// 3
#[pyclass(module = "cvm_count")]
pub struct Builder {
    values: Values,
}

#[pymethods]
impl Builder {
    #[new]
    #[pyo3(signature = (epsilon = 0.03, delta = 0.01, seed = 0, kind = None))]
    fn new(epsilon: f64, delta: f64, seed: i64, kind: Option<&str>) -> PyResult<Self> {
        Ok(Builder {
            values: Values::new(epsilon, delta, seed, kind)?,
        })
    }

    /// Adds the items of a batch, as `sketch` takes them. Where this raises, a part of the batch may have been added, and
    /// something in place of a value that is at fault: make another builder then.
    #[pyo3(signature = (items, threads = None))]
    fn update(&mut self, items: &Bound<'_, PyAny>, threads: Option<i64>) -> PyResult<()> {
        if !self.values.is_untyped() {
            return add(items, &mut self.values, threads);
        }
        // A batch without values says nothing of the type of the next.
        let added = add(items, &mut self.values, threads);
        self.values.forget_type_of_none()?;
        added
    }

    /// The sketch of all batches so far. More may come.
    fn sketch(&mut self) -> PyResult<Sketch> {
        Sketch::of(self.values.encode()?)
    }
}
