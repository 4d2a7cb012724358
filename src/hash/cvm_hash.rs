//! `cvm_hash(anyelement, bigint)`: the hash of a value, as the aggregates see it.

use crate::hash::site::Site;
use crate::pg::call::{argument, declare_function};
use pgrx::pg_guard;
use pgrx::pg_sys::{Datum, FunctionCallInfo};

declare_function!(pg_finfo_cvm_hash for cvm_hash);

/// `cvm_hash(value anyelement, seed bigint) returns bigint`, strict.
///
/// # Safety
///
/// Called by PostgreSQL, as declared in `sql/cvm_count.sql`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_hash(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives two arguments, neither NULL. No local needs to be dropped, so an ERROR that hashing
    // raises may leave this frame behind.
    unsafe {
        let (value, seed) = (argument(fcinfo, 0).value, argument(fcinfo, 1).value);
        if let Some(site) = Site::<()>::made_before(fcinfo)
            && let Some(hash) = site.hasher.try_hash(value, seed.value() as u64)
        {
            return Datum::from(hash);
        }
        hash_slowly(fcinfo)
    }
}

/// The first row of a call site, and values that have to be detoasted or looked up.
///
/// # Safety
///
/// As [`cvm_hash`].
#[cold]
#[pg_guard]
unsafe extern "C-unwind" fn hash_slowly(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: as in `cvm_hash`.
    unsafe {
        let (value, seed) = (argument(fcinfo, 0).value, argument(fcinfo, 1).value);
        Datum::from(Site::<()>::of_call(fcinfo, 0).hasher.hash(value, seed.value() as u64))
    }
}
