//! Before a query is planned, the [`hook`] replaces in it what a session wants replaced, by its [`settings`].

mod catalog;
mod foreign_tables;
mod gathering;
pub(crate) mod hook;
mod plans;
pub(crate) mod settings;
