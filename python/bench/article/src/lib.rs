//! `count_approx` in Rust, twice, as the article that this project starts from has it: written down as it comes to mind, and made
//! fast. The algorithm is CVM with a random coin at every row (Chakraborty, Vinodchandran and Meel, arXiv 2301.10191), as in
//! `reference`. `article/__init__.py` has the form in Python.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod naive;
mod optimised;

/// The two forms, as a Python module.
#[pyo3::pymodule]
mod _article {
    #[pymodule_export]
    use crate::naive::count_approx_naive;
    #[pymodule_export]
    use crate::optimised::count_approx_optimised;
}

/// How many items are kept at most: what the paper's bound asks for, for a stream of `rows` items.
fn threshold(epsilon: f64, delta: f64, rows: usize) -> usize {
    (12.0 / epsilon.powi(2) * (8.0 * rows.max(1) as f64 / delta).log2()).ceil() as usize
}
