//! What the planner hook has to know of the catalog, kept until PostgreSQL says that it may have changed.
//!
//! Only Oids are kept. They are looked up by the extension's entry in `pg_extension`, whatever search_path says, and
//! forgotten when any function or relation changes that they may depend on.
//!
//! A name is not enough. Who owns the extension may add functions of his own to it, under names that a version before
//! did not have; and what the hook puts into a query is called by whoever runs the query. So a function counts as the
//! extension's if it is of the library that `cvm_hash` is of, returns what it should, and belongs to a superuser. Which
//! one, may differ: those of a later version belong to whom it was that updated the extension.

use crate::pg::invalidation::SysCacheId;
use crate::pg::pg_sys::{self, Datum, HeapTuple, Oid, TupleDesc};
use crate::pg::unguarded::expand_arguments;
use crate::pg::varlena;
use crate::planner::plans;
use pgrx::pg_guard;
use std::cell::Cell;
use std::ffi::{CStr, c_int};

/// The first version of the extension that has all functions that the planner hook knows.
const SINCE: [u32; 3] = [0, 3, 0];

/// The functions of the extension that the planner hook replaces, and those that it puts in their place.
#[derive(Clone, Copy)]
pub(crate) struct Functions {
    /// `approx_count_distinct_cvm` with one, two and three arguments.
    pub(crate) count: [Oid; 3],
    /// `cvm_sketch_agg` with one to four arguments.
    pub(crate) sketch: [Oid; 4],
    /// `cvm_sketch_agg_hashed` with one to four arguments.
    pub(crate) hashed: [Oid; 4],
    pub(crate) hash: Oid,
    pub(crate) estimate: Oid,
    pub(crate) of_kind: Oid,
    /// The type `cvm_sketch`.
    pub(crate) sketch_type: Oid,
    /// `cvm_sample_of`, which makes of one row what the aggregates below do of many.
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
    /// What a function makes of values, if it is one of these.
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

/// The table in which Citus lists its tables.
#[derive(Clone, Copy)]
pub(crate) struct CitusTables {
    table: Oid,
    /// The number of its column `logicalrelid`.
    column: pg_sys::AttrNumber,
    /// The index on that column, if there is one.
    index: Oid,
}

/// Something looked up, and whether it still holds.
struct Known<T: Copy> {
    /// The generation in which it was looked up, and what was found, if it was there.
    found: Cell<Option<(u64, Option<T>)>>,
    /// Goes up whenever the catalog may have changed.
    generation: Cell<u64>,
}

impl<T: Copy> Known<T> {
    const fn new() -> Self {
        Known {
            found: Cell::new(None),
            generation: Cell::new(0),
        }
    }

    fn forget(&self) {
        self.generation.set(self.generation.get().wrapping_add(1));
    }

    /// What is known, or what `look_up` finds. What has changed while it looked is looked up again by the next call.
    fn get(&self, look_up: impl FnOnce() -> Option<T>) -> Option<T> {
        let generation = self.generation.get();
        if let Some((then, found)) = self.found.get()
            && then == generation
        {
            return found;
        }
        let found = look_up();
        self.found.set(Some((generation, found)));
        found
    }
}

thread_local! {
    static FUNCTIONS: Known<Functions> = const { Known::new() };
    static CITUS_TABLES: Known<CitusTables> = const { Known::new() };
    static IS_TOLD: Cell<bool> = const { Cell::new(false) };
    static HAS_MET_CITUS: Cell<bool> = const { Cell::new(false) };
}

/// The extension's functions in this database; `None` if it is not there, or is of a version that lacks one of them.
pub(crate) fn functions() -> Option<Functions> {
    be_told();
    FUNCTIONS.with(|known| known.get(find_functions))
}

/// Citus's list of its tables; `None` if Citus is not in this database.
pub(crate) fn citus_tables() -> Option<CitusTables> {
    be_told();
    let tables = CITUS_TABLES.with(|known| known.get(find_citus_tables));
    if tables.is_some() {
        HAS_MET_CITUS.set(true);
    }
    tables
}

/// Whether this session has seen Citus. Looks nothing up.
pub(crate) fn has_met_citus() -> bool {
    HAS_MET_CITUS.get()
}

/// Has PostgreSQL tell of changes, from the first question on.
fn be_told() {
    if !IS_TOLD.replace(true) {
        // SAFETY: the callbacks are guarded and have the types that PostgreSQL calls them by. Creating or dropping the
        // extension, and moving it to another version or schema, changes functions.
        unsafe {
            use pg_sys::SysCacheIdentifier::{PROCOID, RELOID};
            pg_sys::CacheRegisterSyscacheCallback(PROCOID as _, Some(function_changed), Datum::null());
            // Of callbacks for relations alone PostgreSQL takes few, and needs most itself.
            pg_sys::CacheRegisterSyscacheCallback(RELOID as _, Some(relation_changed), Datum::null());
        }
    }
}

/// # Safety
///
/// Called by PostgreSQL.
#[pg_guard]
unsafe extern "C-unwind" fn function_changed(_argument: Datum, _cache: SysCacheId, hash: u32) {
    // What only says that a setting has changed says nothing of functions.
    if !plans::is_mark(hash) {
        FUNCTIONS.with(Known::forget);
    }
}

/// # Safety
///
/// Called by PostgreSQL.
#[pg_guard]
unsafe extern "C-unwind" fn relation_changed(_argument: Datum, _cache: SysCacheId, _hash: u32) {
    CITUS_TABLES.with(Known::forget);
}

fn find_functions() -> Option<Functions> {
    const VALUE: Oid = pg_sys::ANYELEMENTOID;
    const NUMBER: Oid = pg_sys::FLOAT8OID;
    const HASH: Oid = pg_sys::INT8OID;
    const SEED: Oid = pg_sys::INT8OID;
    const SIZE: Oid = pg_sys::INT4OID;
    let extension = find_extension()?;
    let hash = function_of_name(extension.schema, c"cvm_hash", &[VALUE, SEED])?;
    let origin = Origin::of(extension.oid, hash)?;
    let sketch_type = origin.type_of_input(extension.schema, c"cvm_sketch_in")?;
    let sample_type = origin.type_of_input(extension.schema, c"cvm_sample_in")?;

    let function = |name, arguments: &[Oid], returned| {
        function_of_name(extension.schema, name, arguments).filter(|&found| origin.is_of(found, name, returned))
    };
    let aggregate = |name, arguments: &[Oid], returned| {
        function_of_name(extension.schema, name, arguments).filter(|&found| origin.is_of_aggregate(found, returned))
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

/// The extension in this database.
struct Extension {
    oid: Oid,
    schema: Oid,
}

/// The extension, if it is there in a version that has all that is looked for.
fn find_extension() -> Option<Extension> {
    let name = Datum::from(c"cvm_count".as_ptr());
    // SAFETY: the column is of type name, compared by nameeq. The columns read are never NULL, and are two Oids and a
    // text; the memory is that of a planner, which can free.
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

/// The function of that name and those arguments in a schema, whosever it is.
fn function_of_name(schema: Oid, name: &CStr, arguments: &[Oid]) -> Option<Oid> {
    // SAFETY: the vector is made of as many Oids as it is told of, and is freed after its only use.
    unsafe {
        let vector = pg_sys::buildoidvector(arguments.as_ptr(), arguments.len() as c_int);
        let function = pg_sys::GetSysCacheOid(
            pg_sys::SysCacheIdentifier::PROCNAMEARGSNSP as _,
            pg_sys::Anum_pg_proc_oid as _,
            Datum::from(name.as_ptr()),
            Datum::from(vector),
            Datum::from(schema),
            Datum::null(),
        );
        pg_sys::pfree(vector.cast());
        (function != Oid::INVALID).then_some(function)
    }
}

/// Where the extension's own functions come from.
struct Origin {
    extension: Oid,
    /// The library of `cvm_hash`, as its entry names it.
    library: Datum,
}

impl Origin {
    /// That of `cvm_hash`, if it is a function of a library: those only a superuser can make.
    fn of(extension: Oid, hash: Oid) -> Option<Origin> {
        with_function(hash, |entry| {
            let origin = Origin {
                extension,
                library: entry.copy(pg_sys::Anum_pg_proc_probin)?,
            };
            origin.is_of(hash, c"cvm_hash", pg_sys::INT8OID).then_some(origin)
        })
    }

    /// The type of what the library reads from text by the function of that name.
    fn type_of_input(&self, schema: Oid, name: &CStr) -> Option<Oid> {
        let input = function_of_name(schema, name, &[pg_sys::CSTRINGOID])?;
        with_function(input, |entry| Some(entry.form().prorettype))
            .filter(|&returned| self.is_of(input, name, returned))
    }

    /// Whether a function is the extension's, returns a type, and calls what the library has under that name.
    fn is_of(&self, function: Oid, symbol: &CStr, returned: Oid) -> bool {
        self.is_member(function, returned) && self.is_in_library(function, Some(symbol))
    }

    /// Whether an aggregate is the extension's, returns a type, and all that it calls is in the library.
    fn is_of_aggregate(&self, aggregate: Oid, returned: Oid) -> bool {
        // SAFETY: the entry is there until it is released, and starts with what the header says.
        let called = unsafe {
            let cache = pg_sys::SysCacheIdentifier::AGGFNOID as _;
            let row = pg_sys::SearchSysCache1(cache, Datum::from(aggregate));
            let Some(entry) = row.as_ref() else { return false };
            let header = entry.t_data;
            let form = header.cast::<u8>().add(usize::from((*header).t_hoff));
            let form = &*form.cast::<pg_sys::FormData_pg_aggregate>();
            let called = [
                form.aggtransfn,
                form.aggfinalfn,
                form.aggcombinefn,
                form.aggserialfn,
                form.aggdeserialfn,
            ];
            pg_sys::ReleaseSysCache(row);
            called
        };
        let is_ours = |&function: &Oid| function == Oid::INVALID || self.is_in_library(function, None);
        self.is_member(aggregate, returned) && called.iter().all(is_ours)
    }

    /// Whether a function is a member of the extension, returns a type, and belongs to a superuser: only as one are an
    /// extension's functions made.
    fn is_member(&self, function: Oid, returned: Oid) -> bool {
        // SAFETY: any Oid may be asked about.
        let extension = unsafe { pg_sys::getExtensionOfObject(pg_sys::ProcedureRelationId, function) };
        let is_such_a_one = |entry: &FunctionEntry| {
            let form = entry.form();
            // SAFETY: as above.
            Some(form.prorettype == returned && unsafe { pg_sys::superuser_arg(form.proowner) })
        };
        extension == self.extension && with_function(function, is_such_a_one).unwrap_or(false)
    }

    /// Whether a function is in the library, under a name if one is given.
    fn is_in_library(&self, function: Oid, symbol: Option<&CStr>) -> bool {
        let is = |entry: &FunctionEntry| {
            let library = entry.copy(pg_sys::Anum_pg_proc_probin)?;
            let source = entry.copy(pg_sys::Anum_pg_proc_prosrc)?;
            // SAFETY: all three are texts, in the memory of a planner, which can free.
            let is_same = unsafe {
                let bytes_are = |text, bytes: &[u8]| varlena::with_bytes(text, |text| text == bytes);
                varlena::with_bytes(self.library, |ours| bytes_are(library, ours))
                    && symbol.is_none_or(|symbol| bytes_are(source, symbol.to_bytes()))
            };
            Some(entry.form().prolang == Oid::from(pg_sys::ClanguageId) && is_same)
        };
        with_function(function, is).unwrap_or(false)
    }
}

/// Whether PostgreSQL may put the body of a function into a query, in place of a call in FROM.
pub(crate) fn has_body(function: Oid) -> bool {
    let may_be_put = |entry: &FunctionEntry| {
        let form = entry.form();
        let is_sql = form.prolang == Oid::from(pg_sys::SQLlanguageId);
        // Since 19, others may have a function that writes their body.
        let has_one = is_sql || cfg!(feature = "pg19") && form.prosupport != Oid::INVALID;
        let is_plain = form.prokind as u8 == pg_sys::PROKIND_FUNCTION
            && form.provolatile as u8 != pg_sys::PROVOLATILE_VOLATILE
            && !form.proisstrict
            && !form.prosecdef
            && form.proretset
            && entry.is_null(pg_sys::Anum_pg_proc_proconfig);
        Some(has_one && is_plain)
    };
    with_function(function, may_be_put).unwrap_or(false)
}

/// Puts the named and default arguments of a call in their places, as PostgreSQL does before it looks for a body.
///
/// # Safety
///
/// `call` is a copy that may be changed.
pub(crate) unsafe fn put_arguments_in_place(call: &mut pg_sys::FuncExpr) {
    with_function(call.funcid, |entry| {
        // SAFETY: the caller vouches for the call, and the entry is that of its function.
        call.args = unsafe { expand_arguments(call.args, call.funcresulttype, entry.0) };
        Some(())
    });
}

/// The entry of a function in `pg_proc`.
struct FunctionEntry(HeapTuple);

impl FunctionEntry {
    fn form(&self) -> &pg_sys::FormData_pg_proc {
        // SAFETY: PostgreSQL's own rows have the shape of its header, and `with_function` holds the row.
        unsafe {
            let header = (*self.0).t_data;
            &*header.cast::<u8>().add(usize::from((*header).t_hoff)).cast()
        }
    }

    fn is_null(&self, column: u32) -> bool {
        // SAFETY: the column is one of pg_proc, which says itself of what they are.
        unsafe { pg_sys::heap_attisnull(self.0, column as c_int, std::ptr::null_mut()) }
    }

    /// A copy of a text, in the current memory context; `None` if it is NULL.
    fn copy(&self, column: u32) -> Option<Datum> {
        let mut is_null = false;
        // SAFETY: the column is one of pg_proc, and a text.
        unsafe {
            let cache = pg_sys::SysCacheIdentifier::PROCOID as _;
            let text = pg_sys::SysCacheGetAttr(cache, self.0, column as pg_sys::AttrNumber, &mut is_null);
            (!is_null).then(|| Datum::from(pg_sys::pg_detoast_datum_copy(text.cast_mut_ptr())))
        }
    }
}

/// What `read` makes of the entry of a function, if there is one.
fn with_function<T>(function: Oid, read: impl FnOnce(&FunctionEntry) -> Option<T>) -> Option<T> {
    // SAFETY: any Oid may be asked about. Where an ERROR comes between, PostgreSQL releases the entry.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::PROCOID as _;
        let row = pg_sys::SearchSysCache1(cache, Datum::from(function));
        if row.is_null() {
            return None;
        }
        let result = read(&FunctionEntry(row));
        pg_sys::ReleaseSysCache(row);
        result
    }
}

fn find_citus_tables() -> Option<CitusTables> {
    let relation = |name: &CStr| {
        // SAFETY: the name is a string.
        let relation = unsafe { pg_sys::get_relname_relid(name.as_ptr(), Oid::from(pg_sys::PG_CATALOG_NAMESPACE)) };
        (relation != Oid::INVALID).then_some(relation)
    };
    let table = relation(c"pg_dist_partition")?;
    // SAFETY: any Oid may be asked about.
    unsafe {
        let column = pg_sys::get_attnum(table, c"logicalrelid".as_ptr());
        let is_such_a_table = pg_sys::get_rel_relkind(table) as u8 == pg_sys::RELKIND_RELATION
            && column > 0
            && pg_sys::get_atttype(table, column) == pg_sys::REGCLASSOID
            && is_of_superuser(table);
        is_such_a_table.then(|| CitusTables {
            table,
            column,
            index: relation(c"pg_dist_partition_logical_relid_index").unwrap_or(Oid::INVALID),
        })
    }
}

/// Whether a relation belongs to a superuser, as all do that Citus has made.
fn is_of_superuser(relation: Oid) -> bool {
    // SAFETY: the entry is there until it is released, and starts with what the header says.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::RELOID as _;
        let row = pg_sys::SearchSysCache1(cache, Datum::from(relation));
        let Some(entry) = row.as_ref() else { return false };
        let header = entry.t_data;
        let form = header.cast::<u8>().add(usize::from((*header).t_hoff));
        let owner = (*form.cast::<pg_sys::FormData_pg_class>()).relowner;
        pg_sys::ReleaseSysCache(row);
        pg_sys::superuser_arg(owner)
    }
}

impl CitusTables {
    /// Whether a relation is in the list.
    pub(crate) fn contains(&self, relation: Oid) -> bool {
        // SAFETY: the column is of type regclass, compared as Oids are.
        unsafe {
            let key = (self.column, pg_sys::F_OIDEQ, Datum::from(relation));
            first_row(self.table, self.index, key, |_, _| ()).is_some()
        }
    }
}

/// What `read` makes of the first row of a table whose column has a value; `None` if there is no such row.
///
/// # Safety
///
/// The key is the number of a column, a function that compares two values of its type, and such a value; the index, if
/// it is a valid one, is on that column. `read` is given the row, and what its columns are.
unsafe fn first_row<T>(
    table: Oid,
    index: Oid,
    (column, equality, value): (pg_sys::AttrNumber, u32, Datum),
    read: impl FnOnce(HeapTuple, TupleDesc) -> T,
) -> Option<T> {
    let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
    // SAFETY: the caller vouches for the key. Where an ERROR ends the scan, PostgreSQL closes what is open.
    unsafe {
        let relation = pg_sys::table_open(table, lock);
        let mut key = pg_sys::ScanKeyData::default();
        pg_sys::ScanKeyInit(
            &mut key,
            column,
            pg_sys::BTEqualStrategyNumber as _,
            Oid::from(equality),
            value,
        );
        let by_index = index != Oid::INVALID;
        let scan = pg_sys::systable_beginscan(relation, index, by_index, std::ptr::null_mut(), 1, &mut key);
        let row = pg_sys::systable_getnext(scan);
        let result = (!row.is_null()).then(|| read(row, (*relation).rd_att));
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, lock);
        result
    }
}
