//! What any file needs of PostgreSQL.
//!
//! - [`pg_sys`]: its functions that may raise an ERROR, behind a guard that copies no message. [`unguarded`]: those
//!   where a guard costs too much, and what must hold there.
//! - [`error`]: raising an ERROR of ours, with its SQLSTATE. [`reserve`]: memory for what Rust allocates on its way.
//! - [`memory`]: its memory contexts as an allocator. [`varlena`]: the bytes of its values.
//! - [`call`]: the frame of a call: its arguments and its result. [`bytes_type`]: input and output of our types.
//! - [`expanded`]: the state of an aggregate as a value of its type.
//! - [`invalidation`]: whether the catalog has changed. [`query_tree`]: lists, nodes of queries and plans.

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
