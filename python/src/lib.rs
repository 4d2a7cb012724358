//! The sketches of `cvm_count` in Python. The hash rules, the sketch and its operations are those of the core crate
//! `cvm_sketch`; here they meet Python, NumPy and Arrow.
//!
//! - [`sketch`], [`builder`]: the two classes.
//! - [`items`], [`numpy`], [`column`]: from objects, arrays and Arrow data to hashes. [`capsule`]: how Arrow data comes in.
//! - [`values`]: what they add to, on how many threads. [`types`]: what values are to PostgreSQL. [`error`]: exceptions.

mod builder;
mod capsule;
mod column;
mod error;
mod items;
mod numpy;
mod sketch;
mod types;
mod values;

use pyo3::prelude::*;

/// The compiled part of the package `cvm_count`, which describes it.
#[pymodule]
mod _cvm_count {
    #[pymodule_export]
    use crate::builder::{Builder, count_approx, hash, sketch};
    #[pymodule_export]
    use crate::sketch::{Sketch, union};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
