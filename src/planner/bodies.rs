//! Functions in FROM that PostgreSQL may replace by their body.

use crate::pg::pg_sys::{self, FuncExpr, NodeTag, Oid, RangeTblEntry, RangeTblFunction};
use crate::pg::query_tree::elements;
use crate::pg::unguarded::expand_arguments;
use crate::planner::catalog_rows::{FunctionRow, with_function};
use pgrx::pg_guard;

/// Whether an entry of a FROM clause calls a function that PostgreSQL may replace by its body.
///
/// # Safety
///
/// Called with an entry of a query to be planned.
#[pg_guard]
pub(crate) unsafe extern "C-unwind" fn may_be_inlined(entry: *mut RangeTblEntry) -> bool {
    // SAFETY: an entry of this kind has one function at least. A node has the structure that its tag says.
    unsafe {
        let entry = &*entry;
        if entry.rtekind != pg_sys::RTEKind::RTE_FUNCTION || entry.funcordinality {
            return false;
        }
        elements::<RangeTblFunction>(entry.functions).all(|function| {
            let call = (*function).funcexpr;
            (*call).type_ == NodeTag::T_FuncExpr && {
                let call = &*call.cast::<FuncExpr>();
                call.funcretset && call.funcid.to_u32() >= pg_sys::FirstNormalObjectId && has_body(call.funcid)
            }
        })
    }
}

/// Whether PostgreSQL may put the body of a function into a query, by what `pg_proc` says of the function.
fn has_body(function: Oid) -> bool {
    let may_be_put = |row: &FunctionRow| {
        let form = row.form();
        let is_sql = form.prolang == Oid::from(pg_sys::SQLlanguageId);
        // Since 19, a function in another language may have a support function that writes its body.
        let has_one = is_sql || cfg!(feature = "pg19") && form.prosupport != Oid::INVALID;
        let is_plain = form.prokind as u8 == pg_sys::PROKIND_FUNCTION
            && form.provolatile as u8 != pg_sys::PROVOLATILE_VOLATILE
            && !form.proisstrict
            && !form.prosecdef
            && form.proretset
            && row.is_null(pg_sys::Anum_pg_proc_proconfig);
        Some(has_one && is_plain)
    };
    with_function(function, may_be_put).unwrap_or(false)
}

/// Puts the named and default arguments of a call in their places. PostgreSQL does so before it looks for a body.
///
/// # Safety
///
/// `call` is a copy that may be changed. What is between here and PostgreSQL's own handler, or a guard, needs no
/// destructor.
pub(crate) unsafe fn put_arguments_in_place(call: &mut FuncExpr) {
    with_function(call.funcid, |row| {
        // SAFETY: the row is that of the function which is called.
        call.args = unsafe { expand_arguments(call.args, call.funcresulttype, row.tuple()) };
        Some(())
    });
}
