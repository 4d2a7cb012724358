//! `cvm_count`: approximate `count(DISTINCT)` for PostgreSQL.
//!
//! The sketch itself is the crate `cvm_sketch`, which knows nothing of PostgreSQL. Here is the glue, and all unsafe
//! code. A row runs forward through the files: `aggregate` unpacks the call, `hasher` turns the datum into a hash by
//! the `rule` of its type, the sketch in its `state` takes it, in memory that `memory` gets from PostgreSQL.
//!
//! Which rule a type has follows from its `equality`, which asks the catalog. `plain_hash` has the rules of types that
//! need nothing but the datum, with the help of `varlena` and `numeric`; `jsonb`, `text_search`, `enum_labels` and
//! `type_hash`, the type's own function, have a file each; arrays, ranges and rows are walked in `container`. Beneath
//! them are `raising`, functions of PostgreSQL's that are called without a guard, and `catalog_changes`, which tells
//! when what a call site has learned of its types has to be learned anew.
//! All else of PostgreSQL is called by `pg_sys`, behind a guard that copies no message; an ERROR of ours begins in
//! `error`, and what Rust allocates on its way has a `reserve`.
//!
//! Stored sketches come in through `sketch_type`; `sketch_functions` and `sketch_aggregate` work on them, the latter
//! with a state in `expanded` form. What SQL sees is declared in `sql/cvm_count.sql`.
//!
//! Samples, which hold values themselves, have the same files: `sample_type`, `sample_functions` and
//! `sample_aggregate`, whose rows run through `hasher` too, and through `value_text` when they enter a sample.
//! `bytes_type` is what both types come in by.
//!
//! Beside the way of a row stands the `planner_hook`: what a session wants, by its `settings`, is replaced in the query
//! before that is planned, with the help of `catalog`, `hashable`, `foreign_tables` and `query_tree`. `gathering` tells Citus what
//! not to divide. `plans` has those made anew that a changed setting makes wrong.

mod aggregate;
mod bytes_type;
mod call;
mod catalog;
mod catalog_changes;
mod container;
mod enum_labels;
mod equality;
mod error;
mod expanded;
mod foreign_tables;
mod gathering;
mod hash_function;
mod hashable;
mod hasher;
mod jsonb;
mod memory;
mod numeric;
mod pg_sys;
mod plain_hash;
mod planner_hook;
mod plans;
mod query_tree;
mod raising;
mod reserve;
mod rule;
mod sample_aggregate;
mod sample_functions;
mod sample_type;
mod settings;
mod sketch_aggregate;
mod sketch_functions;
mod sketch_type;
mod state;
mod text_search;
mod type_hash;
mod value_text;
mod varlena;

pgrx::pg_module_magic!(name, version);

/// Called by PostgreSQL as it loads the library: at the start of the server or of a session, or when a session first
/// needs it.
#[pgrx::pg_guard]
pub extern "C-unwind" fn _PG_init() {
    reserve::prepare();
    // SAFETY: PostgreSQL calls this once.
    unsafe {
        settings::define();
        planner_hook::install();
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
