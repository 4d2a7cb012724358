//! The class Sketch, and unions of many.

use crate::error::{OrRaise, ValueError};
use allocator_api2::alloc::Global;
use cvm_sketch::interval::{Confidence, Interval, bounds};
use cvm_sketch::{
    Accuracy, EncodedSketch, FramedSketch, Header, OperationError, Sketch as Accumulated, between, hash, operations,
    text,
};
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyType};

/// A sketch of a column: how many distinct values it has, about. It never changes.
///
/// Its bytes are a value of PostgreSQL's type `cvm_sketch`. Make one by `sketch`, by a `Builder`, or of stored bytes by
/// `Sketch.from_bytes`. `a | b` is the union, `a & b` the intersection, `a - b` the difference; each raises ValueError
/// where the two are of different seeds or kinds.
///
/// Examples
/// --------
/// >>> import cvm_count
/// >>> monday, tuesday = cvm_count.sketch(range(0, 70_000)), cvm_count.sketch(range(50_000, 120_000))
/// >>> both = monday | tuesday
/// >>> int(both)
/// 119826
/// >>> cvm_count.Sketch.from_bytes(bytes(both)) == both
/// True
#[pyclass(frozen, module = "cvm_count")]
pub struct Sketch {
    /// Known to be valid.
    bytes: Vec<u8>,
    header: Header,
}

/// A question about two sketches, as the core answers it.
type Question<T> =
    fn(&EncodedSketch<'_>, &EncodedSketch<'_>, Confidence, &Global) -> Result<Interval<T>, OperationError>;

/// An operation on two sketches, as the core has it.
type Operation = fn(
    &EncodedSketch<'_>,
    &EncodedSketch<'_>,
    usize,
    Global,
) -> Result<allocator_api2::vec::Vec<u8, Global>, OperationError>;

impl Sketch {
    /// The sketch of these bytes.
    pub fn of(bytes: Vec<u8>) -> PyResult<Self> {
        let header = *EncodedSketch::parse(&bytes).or_raise()?.header();
        Ok(Sketch { bytes, header })
    }

    fn encoded(&self) -> PyResult<EncodedSketch<'_>> {
        EncodedSketch::parse(&self.bytes).or_raise()
    }

    fn ask<T>(&self, other: &Self, confidence: f64, question: Question<T>) -> PyResult<(T, T, T)> {
        let confidence = Confidence::new(confidence).or_raise()?;
        let answer = question(&self.encoded()?, &other.encoded()?, confidence, &Global).or_raise()?;
        Ok((answer.estimate, answer.lower, answer.upper))
    }

    fn combine(&self, other: &Self, operation: Operation) -> PyResult<Self> {
        let combined = operation(&self.encoded()?, &other.encoded()?, 0, Global).or_raise()?;
        Self::of(combined.to_vec())
    }
}

#[pymethods]
impl Sketch {
    /// The estimated number of distinct values.
    fn estimate(&self) -> u64 {
        self.header.estimate()
    }

    fn __int__(&self) -> u64 {
        self.estimate()
    }

    /// The bounds (lower, upper) between which the number of distinct values is with that probability, above 0 and below 1.
    #[pyo3(signature = (confidence = 0.95))]
    fn bounds(&self, confidence: f64) -> PyResult<(u64, u64)> {
        let interval = bounds(&self.header, Confidence::new(confidence).or_raise()?);
        Ok((interval.lower, interval.upper))
    }

    /// The kind of the values, as `cvm_sketch_info` of PostgreSQL names it: "integer", "text" and so on; "unknown" of no values.
    #[getter]
    fn kind(&self) -> &'static str {
        self.header.kind().name()
    }

    /// The level: each retained hash stands for (8/7) ** level distinct values.
    #[getter]
    fn level(&self) -> u16 {
        self.header.level()
    }

    /// The number of hashes in the sketch.
    #[getter]
    fn retained(&self) -> usize {
        self.header.retained()
    }

    /// The number of hashes that the sketch never reaches, from 8 to 67,108,864. It follows from epsilon and delta.
    #[getter]
    fn capacity(&self) -> u32 {
        self.header.capacity()
    }

    /// The seed of the hashes, a signed integer of 64 bits.
    #[getter]
    fn seed(&self) -> i64 {
        self.header.seed() as i64
    }

    /// Whether the estimate is the exact number.
    #[getter]
    fn is_exact(&self) -> bool {
        self.header.is_exact()
    }

    /// Whether the sketch comes from an intersection or a difference, and so may be less accurate than its capacity says.
    #[getter]
    fn is_derived(&self) -> bool {
        self.header.is_derived()
    }

    /// The Jaccard index of the two sets, with its bounds: (estimate, lower, upper), each from 0 to 1. Where nothing is
    /// known, the estimate is NaN.
    #[pyo3(signature = (other, confidence = 0.95))]
    fn jaccard(&self, other: &Self, confidence: f64) -> PyResult<(f64, f64, f64)> {
        self.ask(other, confidence, between::jaccard)
    }

    /// The share of this set's values that are in the other: (estimate, lower, upper), each from 0 to 1. Where nothing is
    /// known, the estimate is NaN.
    #[pyo3(signature = (other, confidence = 0.95))]
    fn containment(&self, other: &Self, confidence: f64) -> PyResult<(f64, f64, f64)> {
        self.ask(other, confidence, between::containment)
    }

    /// The number of distinct values in both sets: (estimate, lower, upper).
    #[pyo3(signature = (other, confidence = 0.95))]
    fn intersection_bounds(&self, other: &Self, confidence: f64) -> PyResult<(u64, u64, u64)> {
        self.ask(other, confidence, between::intersection)
    }

    /// The number of distinct values in this set but not in the other: (estimate, lower, upper).
    #[pyo3(signature = (other, confidence = 0.95))]
    fn difference_bounds(&self, other: &Self, confidence: f64) -> PyResult<(u64, u64, u64)> {
        self.ask(other, confidence, between::difference)
    }

    /// The sketch that the same values would have made at a coarser accuracy. ValueError where it is finer, or where this
    /// sketch is derived.
    #[pyo3(signature = (epsilon, delta = 0.01))]
    fn downsample(&self, epsilon: f64, delta: f64) -> PyResult<Self> {
        let asked = Accuracy::new(epsilon, delta).or_raise()?;
        match operations::downsample(&self.encoded()?, asked.capacity(), 0, Global) {
            Err(OperationError::Capacity { is, .. }) => Err(ValueError::new_err(asked.too_fine_for(is))),
            result => Self::of(result.or_raise()?.to_vec()),
        }
    }

    fn __or__(&self, other: &Self) -> PyResult<Self> {
        self.combine(other, operations::union)
    }

    fn __and__(&self, other: &Self) -> PyResult<Self> {
        self.combine(other, operations::intersection)
    }

    fn __sub__(&self, other: &Self) -> PyResult<Self> {
        self.combine(other, operations::difference)
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }

    fn __hash__(&self) -> u64 {
        hash::bytes(&self.bytes, 0)
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.bytes)
    }

    /// The sketch of these bytes, as `bytes(sketch)` and PostgreSQL's binary format have them: bytes, a bytearray or a
    /// memoryview. All of them are checked. ValueError names what is wrong with them.
    #[classmethod]
    fn from_bytes(_class: &Bound<'_, PyType>, data: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::of(PyBuffer::<u8>::get(data)?.to_vec(data.py())?)
    }

    fn __str__(&self) -> PyResult<String> {
        let written = text::encode_in(&self.bytes, 0, Global).or_raise()?;
        Ok(String::from_utf8_lossy(&written).into_owned())
    }

    /// The sketch of a text, as `str(sketch)` and SQL have it: `\x` and hexadecimal digits.
    #[classmethod]
    fn from_str(_class: &Bound<'_, PyType>, written: &str) -> PyResult<Self> {
        Self::of(text::decode_in(written.as_bytes(), 0, Global).or_raise()?.to_vec())
    }

    fn __repr__(&self) -> PyResult<String> {
        let header = &self.header;
        let mut parts = vec![match header.is_exact() {
            true => format!("exactly {} distinct", grouped(self.estimate())),
            false => {
                let (lower, upper) = self.bounds(0.95)?;
                format!(
                    "about {} distinct, {} to {} with 95 %",
                    grouped(self.estimate()),
                    grouped(lower),
                    grouped(upper)
                )
            }
        }];
        parts.push(format!("kind {}", self.kind()));
        if header.is_derived() {
            parts.push("derived".into());
        } else if let Some(accuracy) = Accuracy::finest(header.capacity(), Accuracy::default().delta()) {
            parts.push(format!("epsilon {}", accuracy.epsilon()));
        }
        if header.seed() != 0 {
            parts.push("seeded".into());
        }
        parts.push(format!("{} bytes", grouped(self.bytes.len() as u64)));
        Ok(format!("<Sketch: {}>", parts.join("; ")))
    }

    fn __copy__<'py>(this: Bound<'py, Self>) -> Bound<'py, Self> {
        this
    }

    fn __deepcopy__<'py>(this: Bound<'py, Self>, _memo: &Bound<'py, PyAny>) -> Bound<'py, Self> {
        this
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        Ok((py.get_type::<Self>().getattr("from_bytes")?, (self.__bytes__(py),)))
    }
}

/// A number with commas between each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The union of sketches: the sketch of all their values, at the coarsest accuracy among them. None among them is left out;
/// of none at all, it is the server's empty sketch. ValueError where they are of different seeds or kinds.
///
/// Examples
/// --------
/// >>> import cvm_count
/// >>> days = [cvm_count.sketch(range(day * 10, day * 10 + 20)) for day in range(5)]
/// >>> cvm_count.union(days).estimate()
/// 60
#[pyfunction]
pub fn union(sketches: &Bound<'_, PyAny>) -> PyResult<Sketch> {
    let nothing = Header::NOTHING;
    let mut union = Accumulated::new(nothing.capacity(), nothing.seed());
    for sketch in sketches.try_iter()? {
        let sketch = sketch?;
        if sketch.is_none() {
            continue;
        }
        let sketch = sketch.cast::<Sketch>()?.get();
        let framed = FramedSketch::parse(&sketch.bytes).or_raise()?;
        union.accumulate_framed(&framed).or_raise()?;
        sketches.py().check_signals()?;
    }
    union.settle().or_raise()?;
    Sketch::of(union.encode())
}
