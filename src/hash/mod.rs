//! From a datum to its hash.
//!
//! A call [`site`] keeps the [`hasher`] of its values, which goes by a [`rule`]. Which one follows from the type's
//! [`equality`], which asks the catalog. A file for each sort of rule:
//!
//! - [`plain`]: types that need nothing but the datum; [`numeric`] is one of them.
//! - [`jsonb`], [`text_search`], [`enum_labels`]; and [`own`], the type's own function.
//! - [`array`](mod@array), [`range`], [`row`]: values with parts. [`part`] says what a part adds to the hash, and
//!   [`container`] walks parts that have parts themselves.
//!
//! Some files import each other in a circle, since the data does: a rule holds a container, and a container holds
//! rules.

mod array;
mod container;
mod enum_labels;
pub(crate) mod equality;
mod function;
pub(crate) mod hasher;
mod jsonb;
mod numeric;
mod own;
mod part;
pub(crate) mod plain;
mod range;
mod row;
mod rule;
pub(crate) mod site;
mod text_search;
