use pyo3::prelude::*;
#[pymodule]
mod _cvm_count {}
