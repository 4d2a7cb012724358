//! `cvm_count`: approximate `count(DISTINCT)` for PostgreSQL.
//!
//! The sketch itself is the crate `cvm_sketch`, which knows nothing of PostgreSQL. Here is the glue, and all unsafe
//! code. What SQL sees is declared in `sql/cvm_count.sql`. Each folder imports from those above it in this list alone:
//!
//! - `pg`: what any file needs of PostgreSQL: its calls, its memory, its errors, its values.
//! - `hash`: from a datum to its hash, by the rule of its type.
//! - `row`: the path of a row that counts, sketches and samples share.
//! - `sketch`: the type `cvm_sketch`, its functions and aggregates, and `approx_count_distinct_cvm`.
//! - `sample`: the type `cvm_sample`, its functions and aggregates.
//! - `planner`: what is replaced in a query before it is planned, as the session's settings say.

mod pg;

mod hash;

mod row;

mod sketch;

mod sample;

mod planner;

pgrx::pg_module_magic!(name, version);

/// PostgreSQL calls this as it loads the library: as the server or a session starts, or when a session first needs it.
#[pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    pg::reserve::prepare();
    // SAFETY: PostgreSQL calls this once.
    unsafe {
        planner::settings::define();
        planner::hook::install();
    }
}

pgrx::extension_sql_file!("../sql/cvm_count.sql", name = "cvm_count");

#[cfg(any(test, feature = "pg_test"))]
mod tests {
    mod citus;
    mod server;
}

/// `cargo pgrx test` looks for this module at the root of the crate.
#[cfg(test)]
pub mod pg_test {
    /// Called once, before the tests.
    pub fn setup(_options: Vec<&str>) {}

    /// Settings of the server that the tests run in.
    #[must_use]
    pub fn postgresql_conf_options() -> Vec<&'static str> {
        vec![]
    }
}
