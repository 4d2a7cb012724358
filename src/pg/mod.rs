//! What any file needs of PostgreSQL.
//!
//! There are two ways to call a function that may raise an ERROR: by [`pg_sys`], behind a guard that copies no message;
//! or, where a guard costs too much, by [`unguarded`], which says what must hold there. An ERROR of ours begins in
//! [`error`]. What Rust allocates on its way has a [`reserve`].

pub(crate) mod bytes_type;
pub(crate) mod call;
pub(crate) mod error;
pub(crate) mod expanded;
pub(crate) mod invalidation;
pub(crate) mod memory;
pub(crate) mod pg_sys;
pub(crate) mod query_tree;
pub(crate) mod reserve;
pub(crate) mod unguarded;
pub(crate) mod varlena;
