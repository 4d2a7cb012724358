//! The extension's functions in this database.
//!
//! They are looked up by the extension's row in `pg_extension`, whatever search_path says.
//!
//! A name is not enough. The extension's owner may add functions to it, under names that an earlier version did not
//! have. Whoever runs a query calls what the hook puts into it. So a function counts as the extension's under three
//! conditions:
//!
//! - it is of the library that `cvm_hash` is of;
//! - it returns what it should;
//! - it belongs to a superuser. Which one differs: functions of a later version belong to whoever updated the
//!   extension.

use crate::pg::pg_sys::{self, Datum, Oid};
use crate::pg::varlena;
use crate::planner::catalog_rows::{FunctionRow, first_row, function_of_name, functions_of_aggregate, with_function};
use std::ffi::CStr;

/// The first version of the extension that has all functions that the planner hook knows.
const SINCE: [u32; 3] = [0, 3, 0];

/// The functions of the extension that the planner hook replaces, and those that it puts in their place.
#[derive(Clone, Copy)]
pub(crate) struct Functions {
    /// `approx_count_distinct_cvm` with one, two and three arguments.
    pub(crate) count: [Oid; 3],
    /// `cvm_sketch_agg` with one to four arguments.
    sketch: [Oid; 4],
    /// `cvm_sketch_agg_hashed` with one to four arguments.
    pub(crate) hashed: [Oid; 4],
    pub(crate) hash: Oid,
    pub(crate) estimate: Oid,
    pub(crate) of_kind: Oid,
    /// The type `cvm_sketch`.
    pub(crate) sketch_type: Oid,
    /// `cvm_sample_of`, which makes of one row what the aggregates below make of many.
    pub(crate) sample_of: Oid,
    /// `cvm_sample_union_agg`
    pub(crate) sample_union: Oid,
    /// The type `cvm_sample`.
    pub(crate) sample_type: Oid,
    /// `cvm_sample_agg` with one to three arguments.
    sample: [Oid; 3],
    /// `cvm_sample_agg_measured` with two to four arguments.
    sample_measured: [Oid; 3],
}

/// What an aggregate of the extension makes of values.
#[derive(Clone, Copy)]
pub(crate) enum ValueCall {
    /// `approx_count_distinct_cvm(...)`
    Count,
    /// `cvm_sketch_agg(...)`
    Sketch,
    /// `cvm_sample_agg(...)`
    Sample,
    /// `cvm_sample_agg_measured(...)`
    MeasuredSample,
}

impl Functions {
    /// The functions in this database; `None` if the extension is not there, or lacks one of them.
    pub(crate) fn find() -> Option<Functions> {
        const VALUE: Oid = pg_sys::ANYELEMENTOID;
        const NUMBER: Oid = pg_sys::FLOAT8OID;
        const HASH: Oid = pg_sys::INT8OID;
        const SEED: Oid = pg_sys::INT8OID;
        const SIZE: Oid = pg_sys::INT4OID;
        let Extension { oid, schema } = Extension::find()?;
        let hash = function_of_name(schema, c"cvm_hash", &[VALUE, SEED])?;
        let origin = Origin::of(oid, hash)?;
        let sketch_type = origin.type_of_input(schema, c"cvm_sketch_in")?;
        let sample_type = origin.type_of_input(schema, c"cvm_sample_in")?;

        let function = |name, arguments: &[Oid], returned| {
            function_of_name(schema, name, arguments).filter(|&found| origin.is_of(found, name, returned))
        };
        let aggregate = |name, arguments: &[Oid], returned| {
            function_of_name(schema, name, arguments).filter(|&found| origin.is_of_aggregate(found, returned))
        };
        let count = |arguments| aggregate(c"approx_count_distinct_cvm", arguments, pg_sys::INT8OID);
        let sketch = |arguments| aggregate(c"cvm_sketch_agg", arguments, sketch_type);
        let hashed = |arguments| aggregate(c"cvm_sketch_agg_hashed", arguments, sketch_type);
        let sample = |arguments| aggregate(c"cvm_sample_agg", arguments, sample_type);
        let sample_measured = |arguments| aggregate(c"cvm_sample_agg_measured", arguments, sample_type);
        Some(Functions {
            count: [
                count(&[VALUE])?,
                count(&[VALUE, NUMBER])?,
                count(&[VALUE, NUMBER, NUMBER])?,
            ],
            sketch: [
                sketch(&[VALUE])?,
                sketch(&[VALUE, NUMBER])?,
                sketch(&[VALUE, NUMBER, NUMBER])?,
                sketch(&[VALUE, NUMBER, NUMBER, SEED])?,
            ],
            hashed: [
                hashed(&[HASH])?,
                hashed(&[HASH, NUMBER])?,
                hashed(&[HASH, NUMBER, NUMBER])?,
                hashed(&[HASH, NUMBER, NUMBER, SEED])?,
            ],
            hash,
            estimate: function(c"cvm_sketch_estimate", &[sketch_type], pg_sys::INT8OID)?,
            of_kind: function(c"cvm_sketch_of_kind", &[sketch_type, pg_sys::TEXTOID], sketch_type)?,
            sketch_type,
            sample_of: function(c"cvm_sample_of", &[VALUE, NUMBER, SIZE, SEED], sample_type)?,
            sample_union: aggregate(c"cvm_sample_union_agg", &[sample_type], sample_type)?,
            sample_type,
            sample: [
                sample(&[VALUE])?,
                sample(&[VALUE, SIZE])?,
                sample(&[VALUE, SIZE, SEED])?,
            ],
            sample_measured: [
                sample_measured(&[VALUE, NUMBER])?,
                sample_measured(&[VALUE, NUMBER, SIZE])?,
                sample_measured(&[VALUE, NUMBER, SIZE, SEED])?,
            ],
        })
    }

    /// What a function makes of values, if it is one of these aggregates.
    pub(crate) fn value_call(&self, function: Oid) -> Option<ValueCall> {
        if self.count.contains(&function) {
            Some(ValueCall::Count)
        } else if self.sketch.contains(&function) {
            Some(ValueCall::Sketch)
        } else if self.sample.contains(&function) {
            Some(ValueCall::Sample)
        } else if self.sample_measured.contains(&function) {
            Some(ValueCall::MeasuredSample)
        } else {
            None
        }
    }
}

/// The extension in this database.
struct Extension {
    oid: Oid,
    schema: Oid,
}

impl Extension {
    /// `None` if it is not there, or in a version before [`SINCE`].
    fn find() -> Option<Extension> {
        let name = Datum::from(c"cvm_count".as_ptr());
        // SAFETY: the key's column is of type name, compared by nameeq. The columns read are two Oids and a text, and
        // never NULL. The current memory context is that of a planner, which can free.
        unsafe {
            let key = (pg_sys::Anum_pg_extension_extname as _, pg_sys::F_NAMEEQ, name);
            let index = Oid::from(pg_sys::ExtensionNameIndexId);
            first_row(pg_sys::ExtensionRelationId, index, key, |row, descriptor| {
                const COUNT: usize = pg_sys::Natts_pg_extension as usize;
                let (mut values, mut nulls) = ([Datum::null(); COUNT], [false; COUNT]);
                pg_sys::heap_deform_tuple(row, descriptor, values.as_mut_ptr(), nulls.as_mut_ptr());
                let column = |number: u32| values[number as usize - 1];
                let oid = |number| Oid::from_u32(column(number).value() as u32);
                varlena::with_bytes(column(pg_sys::Anum_pg_extension_extversion), is_new_enough).then(|| Extension {
                    oid: oid(pg_sys::Anum_pg_extension_oid),
                    schema: oid(pg_sys::Anum_pg_extension_extnamespace),
                })
            })
            .flatten()
        }
    }
}

/// Whether a version, numbers with points between, is [`SINCE`] or a later one.
fn is_new_enough(version: &[u8]) -> bool {
    let mut numbers = [0; 3];
    for (number, part) in numbers.iter_mut().zip(version.split(|&byte| byte == b'.')) {
        match str::from_utf8(part).ok().and_then(|part| part.parse().ok()) {
            Some(part) => *number = part,
            None => return false,
        }
    }
    numbers >= SINCE
}

/// Where the extension's own functions come from.
struct Origin {
    extension: Oid,
    /// The library of `cvm_hash`, as its row in `pg_proc` names it.
    library: Datum,
}

impl Origin {
    /// That of `cvm_hash`, if a library has it: only a superuser can make such a function.
    fn of(extension: Oid, hash: Oid) -> Option<Origin> {
        with_function(hash, |row| {
            let origin = Origin {
                extension,
                library: row.copy(pg_sys::Anum_pg_proc_probin)?,
            };
            origin.is_of(hash, c"cvm_hash", pg_sys::INT8OID).then_some(origin)
        })
    }

    /// The type of what the library reads from text by the function of that name.
    fn type_of_input(&self, schema: Oid, name: &CStr) -> Option<Oid> {
        let input = function_of_name(schema, name, &[pg_sys::CSTRINGOID])?;
        with_function(input, |row| Some(row.form().prorettype)).filter(|&returned| self.is_of(input, name, returned))
    }

    /// Whether a function is the extension's, returns a type, and calls what the library has under that name.
    fn is_of(&self, function: Oid, symbol: &CStr, returned: Oid) -> bool {
        self.is_member(function, returned) && self.is_in_library(function, Some(symbol))
    }

    /// Whether an aggregate is the extension's, returns a type, and calls nothing outside of the library.
    fn is_of_aggregate(&self, aggregate: Oid, returned: Oid) -> bool {
        let is_ours = |&function: &Oid| function == Oid::INVALID || self.is_in_library(function, None);
        functions_of_aggregate(aggregate)
            .is_some_and(|called| self.is_member(aggregate, returned) && called.iter().all(is_ours))
    }

    /// Whether a function is a member of the extension, returns a type, and belongs to a superuser. Only a superuser
    /// makes an extension's functions.
    fn is_member(&self, function: Oid, returned: Oid) -> bool {
        // SAFETY: PostgreSQL answers for any Oid.
        let extension = unsafe { pg_sys::getExtensionOfObject(pg_sys::ProcedureRelationId, function) };
        let is_such_a_one = |row: &FunctionRow| {
            let form = row.form();
            // SAFETY: as above.
            Some(form.prorettype == returned && unsafe { pg_sys::superuser_arg(form.proowner) })
        };
        extension == self.extension && with_function(function, is_such_a_one).unwrap_or(false)
    }

    /// Whether a function is in the library, under a name if one is given.
    fn is_in_library(&self, function: Oid, symbol: Option<&CStr>) -> bool {
        let is = |row: &FunctionRow| {
            let library = row.copy(pg_sys::Anum_pg_proc_probin)?;
            let source = row.copy(pg_sys::Anum_pg_proc_prosrc)?;
            // SAFETY: all three are texts, in the memory of a planner, which can free.
            let is_same = unsafe {
                let bytes_are = |text, bytes: &[u8]| varlena::with_bytes(text, |text| text == bytes);
                varlena::with_bytes(self.library, |ours| bytes_are(library, ours))
                    && symbol.is_none_or(|symbol| bytes_are(source, symbol.to_bytes()))
            };
            Some(row.form().prolang == Oid::from(pg_sys::ClanguageId) && is_same)
        };
        with_function(function, is).unwrap_or(false)
    }
}
