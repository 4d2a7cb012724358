//! From a datum to its hash.
//!
//! A call [`site`] keeps the [`hasher`] of its values, which goes by a [`rule`]. Which one follows from the type's
//! [`equality`], which asks the catalog. A file for each sort of rule:
//!
//! - [`plain`]: types that need nothing but the datum; [`numeric`] is one of them.
//! - [`jsonb`], [`text_search`], [`enum_labels`]; and [`type_hash`], the type's own function.
//! - [`array`](mod@array), [`range`], [`composite`]: values with parts. [`part`] hands each to its rule, for all three
//!   alike. [`container`] walks parts that have parts themselves.
//!
//! What is read here is hashed by `cvm_sketch::hash`, which says what goes in. To give a type another rule: which of the
//! core's types of values it is, is in `equality::of`; how its datums are read, in `plain`; the bytes that are hashed of
//! them, in the core and in docs/hashes.md. How values of the type are written in samples is in `sample::text`.
//!
//! Some files import each other in a circle, since the data does: a rule holds a container, and a container holds
//! rules.

mod array;
mod composite;
mod container;
mod cvm_hash;
mod enum_labels;
pub(crate) mod equality;
pub(crate) mod hasher;
mod jsonb;
mod numeric;
mod part;
pub(crate) mod plain;
mod range;
mod rule;
pub(crate) mod site;
mod text_search;
mod type_hash;
