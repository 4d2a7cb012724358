//! Reading rows of PostgreSQL's catalogs: by its caches, or by a scan where there is none.

use crate::pg::pg_sys::{self, Datum, HeapTuple, Oid, TupleDesc};
use pgrx::pg_sys::SysCacheIdentifier::{AGGFNOID, PROCNAMEARGSNSP, PROCOID, RELOID};
use std::ffi::{CStr, c_int};
use std::ptr;

/// The row of a function in `pg_proc`.
pub(crate) struct FunctionRow(HeapTuple);

impl FunctionRow {
    /// The columns that are never NULL.
    pub(crate) fn form(&self) -> &pg_sys::FormData_pg_proc {
        // SAFETY: `with_function` holds the row.
        unsafe { &*form(self.0) }
    }

    pub(crate) fn tuple(&self) -> HeapTuple {
        self.0
    }

    pub(crate) fn is_null(&self, column: u32) -> bool {
        // SAFETY: PostgreSQL asks for no descriptor of a catalog's rows.
        unsafe { pg_sys::heap_attisnull(self.0, column as c_int, ptr::null_mut()) }
    }

    /// A copy of a text, in the current memory context; `None` if it is NULL.
    pub(crate) fn copy(&self, column: u32) -> Option<Datum> {
        let mut is_null = false;
        // SAFETY: the column is one of pg_proc, and a text.
        unsafe {
            let text = pg_sys::SysCacheGetAttr(PROCOID as _, self.0, column as pg_sys::AttrNumber, &mut is_null);
            (!is_null).then(|| Datum::from(pg_sys::pg_detoast_datum_copy(text.cast_mut_ptr())))
        }
    }
}

/// What `read` makes of the row of a function; `None` if there is no such function.
pub(crate) fn with_function<T>(function: Oid, read: impl FnOnce(&FunctionRow) -> Option<T>) -> Option<T> {
    // SAFETY: PostgreSQL answers for any Oid. If an ERROR comes between, PostgreSQL releases the row.
    unsafe {
        let row = pg_sys::SearchSysCache1(PROCOID as _, Datum::from(function));
        if row.is_null() {
            return None;
        }
        let result = read(&FunctionRow(row));
        pg_sys::ReleaseSysCache(row);
        result
    }
}

/// The function of that name and those arguments in a schema, whosever it is.
pub(crate) fn function_of_name(schema: Oid, name: &CStr, arguments: &[Oid]) -> Option<Oid> {
    // SAFETY: the vector has as many Oids as it is told of. Nothing reads it after it is freed.
    unsafe {
        let vector = pg_sys::buildoidvector(arguments.as_ptr(), arguments.len() as c_int);
        let function = pg_sys::GetSysCacheOid(
            PROCNAMEARGSNSP as _,
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

/// The functions that an aggregate calls, invalid where it has none; `None` if it is no aggregate.
pub(crate) fn functions_of_aggregate(aggregate: Oid) -> Option<[Oid; 5]> {
    // SAFETY: PostgreSQL answers for any Oid, and the row is there until it is released.
    unsafe {
        let row = pg_sys::SearchSysCache1(AGGFNOID as _, Datum::from(aggregate));
        if row.is_null() {
            return None;
        }
        let form = &*form::<pg_sys::FormData_pg_aggregate>(row);
        let called = [
            form.aggtransfn,
            form.aggfinalfn,
            form.aggcombinefn,
            form.aggserialfn,
            form.aggdeserialfn,
        ];
        pg_sys::ReleaseSysCache(row);
        Some(called)
    }
}

/// The role that a relation belongs to; `None` if there is no such relation.
pub(crate) fn owner_of_relation(relation: Oid) -> Option<Oid> {
    // SAFETY: PostgreSQL answers for any Oid, and the row is there until it is released.
    unsafe {
        let row = pg_sys::SearchSysCache1(RELOID as _, Datum::from(relation));
        if row.is_null() {
            return None;
        }
        let owner = (*form::<pg_sys::FormData_pg_class>(row)).relowner;
        pg_sys::ReleaseSysCache(row);
        Some(owner)
    }
}

/// What `read` makes of the first row of a table whose column has a value; `None` if there is no such row.
///
/// # Safety
///
/// The key is the number of a column, the equality of its type, and a value of that type. The index, if it is a valid
/// one, is on that column. `read` is given the row, and what its columns are.
pub(crate) unsafe fn first_row<T>(
    table: Oid,
    index: Oid,
    (column, equality, value): (pg_sys::AttrNumber, u32, Datum),
    read: impl FnOnce(HeapTuple, TupleDesc) -> T,
) -> Option<T> {
    let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
    // SAFETY: if an ERROR ends the scan, PostgreSQL closes what is open.
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
        let scan = pg_sys::systable_beginscan(relation, index, by_index, ptr::null_mut(), 1, &mut key);
        let row = pg_sys::systable_getnext(scan);
        let result = (!row.is_null()).then(|| read(row, (*relation).rd_att));
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, lock);
        result
    }
}

/// The columns of a row that its catalog's header in C declares: PostgreSQL's macro `GETSTRUCT`.
///
/// # Safety
///
/// `row` is one of the catalog whose structure `T` is. It is held as long as the pointer is used.
unsafe fn form<T>(row: HeapTuple) -> *const T {
    // SAFETY: the header says how many bytes stand before the columns.
    unsafe {
        let header = (*row).t_data;
        header.cast::<u8>().add(usize::from((*header).t_hoff)).cast()
    }
}
