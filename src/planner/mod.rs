//! Before a query is planned, the [`hook`] replaces in it what a session wants replaced, by its [`settings`].
//!
//! Each file imports from those above it in this list alone:
//!
//! - [`plans`]: plans that PostgreSQL keeps, and makes anew when a setting changes.
//! - [`catalog_rows`]: reading rows of PostgreSQL's catalogs.
//! - [`extension`]: the extension's functions in this database.
//! - [`citus`]: Citus's tables, which queries read them, and for whom a session works.
//! - [`catalog`]: what these two have found, kept until it may have changed.
//! - [`settings`]: what a session asks for.
//! - [`foreign_tables`]: aggregates that PostgreSQL has another server compute.
//! - [`bodies`]: functions in FROM that PostgreSQL may replace by their body.
//! - [`asked`]: whether a query has anything that some setting would have replaced.
//! - [`inline`]: putting the bodies of functions into FROM clauses.
//! - [`nodes`]: reading and making aggregates, calls of functions and constants.
//! - [`pushdown`]: the form of an aggregate that Citus pushes down to the shards.
//! - [`gathering`]: having Citus gather the rows of an aggregate that has no such form.
//! - [`replacement`]: which aggregates are replaced, and by what.
//! - [`hook`]: the path of a query.

mod asked;
mod bodies;
mod catalog;
mod catalog_rows;
mod citus;
mod extension;
mod foreign_tables;
mod gathering;
pub(crate) mod hook;
mod inline;
mod nodes;
mod plans;
mod pushdown;
mod replacement;
pub(crate) mod settings;
