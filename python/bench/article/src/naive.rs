//! The Python form, word for word in Rust: it keeps the items themselves, in Python's own set.

use pyo3::prelude::*;
use pyo3::types::PySet;
use rand::Rng;

use crate::threshold;

/// The approximate number of distinct items, which have a length and can be hashed.
#[pyfunction]
#[pyo3(signature = (items, epsilon=0.5, delta=0.001))]
pub(crate) fn count_approx_naive(items: &Bound<'_, PyAny>, epsilon: f64, delta: f64) -> PyResult<u64> {
    let threshold = threshold(epsilon, delta, items.len()?);
    let mut random = rand::rng();
    let mut kept = PySet::empty(items.py())?;
    let mut probability = 1.0;
    for item in items.try_iter()? {
        let item = item?;
        kept.discard(&item)?;
        if random.random::<f64>() < probability {
            kept.add(item)?;
        }
        while kept.len() >= threshold {
            let half = PySet::empty(items.py())?;
            for item in &kept {
                if random.random::<bool>() {
                    half.add(item)?;
                }
            }
            kept = half;
            probability /= 2.0;
        }
    }
    Ok((kept.len() as f64 / probability) as u64)
}
