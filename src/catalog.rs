//! What the planner hook has to know of the catalog, kept until PostgreSQL says that it may have changed.
//!
//! Only Oids are kept. They are looked up by the extension's entry in `pg_extension`, whatever search_path says, and
//! forgotten when any function or relation changes that they may depend on.

use crate::catalog_changes::SysCacheId;
use pgrx::pg_sys::{self, Datum, Oid};
use pgrx::{name_data_to_str, pg_guard};
use std::cell::Cell;
use std::ffi::{CStr, c_int};

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
}

/// The extension's functions in this database; `None` if it is not there, or is of a version that lacks one of them.
pub(crate) fn functions() -> Option<Functions> {
    be_told();
    FUNCTIONS.with(|known| known.get(find_functions))
}

/// Citus's list of its tables; `None` if Citus is not in this database.
pub(crate) fn citus_tables() -> Option<CitusTables> {
    be_told();
    CITUS_TABLES.with(|known| known.get(find_citus_tables))
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
unsafe extern "C-unwind" fn function_changed(_argument: Datum, _cache: SysCacheId, _hash: u32) {
    FUNCTIONS.with(Known::forget);
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
    let (extension, schema) = find_extension()?;
    let function = |name, arguments: &[Oid]| find_function(extension, schema, name, arguments);
    let count = |arguments| function(c"approx_count_distinct_cvm", arguments);
    let sketch = |arguments| function(c"cvm_sketch_agg", arguments);
    let hashed = |arguments| function(c"cvm_sketch_agg_hashed", arguments);

    let hashed = [
        hashed(&[HASH])?,
        hashed(&[HASH, NUMBER])?,
        hashed(&[HASH, NUMBER, NUMBER])?,
        hashed(&[HASH, NUMBER, NUMBER, pg_sys::INT8OID])?,
    ];
    // SAFETY: the function is there.
    let sketch_type = unsafe { pg_sys::get_func_rettype(hashed[0]) };
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
            sketch(&[VALUE, NUMBER, NUMBER, pg_sys::INT8OID])?,
        ],
        hashed,
        hash: function(c"cvm_hash", &[VALUE, pg_sys::INT8OID])?,
        estimate: function(c"cvm_sketch_estimate", &[sketch_type])?,
        of_kind: function(c"cvm_sketch_of_kind", &[sketch_type, pg_sys::TEXTOID])?,
        sketch_type,
    })
}

/// The extension's Oid, and that of its schema.
fn find_extension() -> Option<(Oid, Oid)> {
    let name = Datum::from(c"cvm_count".as_ptr());
    // SAFETY: the column is of type name, compared by nameeq; PostgreSQL's own rows have the shape of its header.
    unsafe {
        let key = (pg_sys::Anum_pg_extension_extname as _, pg_sys::F_NAMEEQ, name);
        first_row(
            pg_sys::ExtensionRelationId,
            Oid::from(pg_sys::ExtensionNameIndexId),
            key,
            |row| {
                let row = &*row.cast::<pg_sys::FormData_pg_extension>();
                debug_assert_eq!(name_data_to_str(&row.extname), "cvm_count");
                (row.oid, row.extnamespace)
            },
        )
    }
}

/// The function of that name and those arguments, if it is the extension's.
fn find_function(extension: Oid, schema: Oid, name: &CStr, arguments: &[Oid]) -> Option<Oid> {
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
        let is_ours = function != Oid::INVALID
            && pg_sys::getExtensionOfObject(pg_sys::ProcedureRelationId, function) == extension;
        is_ours.then_some(function)
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
            && pg_sys::get_atttype(table, column) == pg_sys::REGCLASSOID;
        is_such_a_table.then(|| CitusTables {
            table,
            column,
            index: relation(c"pg_dist_partition_logical_relid_index").unwrap_or(Oid::INVALID),
        })
    }
}

impl CitusTables {
    /// Whether a relation is in the list.
    pub(crate) fn contains(&self, relation: Oid) -> bool {
        // SAFETY: the column is of type regclass, compared as Oids are.
        unsafe {
            let key = (self.column, pg_sys::F_OIDEQ, Datum::from(relation));
            first_row(self.table, self.index, key, |_| ()).is_some()
        }
    }
}

/// What `read` makes of the first row of a table whose column has a value; `None` if there is no such row.
///
/// # Safety
///
/// The key is the number of a column, a function that compares two values of its type, and such a value; the index, if
/// it is a valid one, is on that column. `read` is given what follows the header of the row.
unsafe fn first_row<T>(
    table: Oid,
    index: Oid,
    (column, equality, value): (pg_sys::AttrNumber, u32, Datum),
    read: impl FnOnce(*const u8) -> T,
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
        let row = pg_sys::systable_getnext(scan).as_ref().map(|row| {
            let header = row.t_data;
            read(header.cast::<u8>().add(usize::from((*header).t_hoff)))
        });
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, lock);
        row
    }
}
