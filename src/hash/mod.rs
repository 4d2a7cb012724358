//! From a datum to its hash.
//!
//! A call [`site`] keeps the [`hasher`] of its values. The [`rule`] that it goes by follows from the type's [`equality`], which asks the catalog.
//! [`plain`] has the rules of types that need nothing but the datum, with the help of [`numeric`]. [`jsonb`], [`text_search`],
//! [`enum_labels`] and [`own`], the type's own function, have a file each; arrays, ranges and rows are walked in [`container`].

mod container;
mod enum_labels;
pub(crate) mod equality;
mod function;
pub(crate) mod hashable;
pub(crate) mod hasher;
mod jsonb;
mod numeric;
mod own;
pub(crate) mod plain;
mod rule;
pub(crate) mod site;
mod text_search;
