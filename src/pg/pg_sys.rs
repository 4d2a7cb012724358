//! [`pgrx::pg_sys`], but for functions of PostgreSQL that may raise an ERROR: those stand behind a guard of our own.
//!
//! pgrx's guard copies what an ERROR says, twice: into the memory context that is current, and into strings of Rust's
//! allocator. A message may be as long as its author likes. Where memory has run out, the first copy fails. PostgreSQL
//! still takes the guard for its handler then, of which the frame is gone. The second copy aborts the process.
//! [`caught`] copies nothing: the ERROR stays where PostgreSQL keeps it, and the guard at the entry raises it again.
//!
//! A declaration here shadows what the glob brings, so that `pg_sys::` is the same everywhere. `scripts/unsafe_code.py`
//! knows the functions that raise nothing. Beside those it lets the glue call only functions that are declared here.

#![allow(
    non_snake_case,
    clippy::too_many_arguments,
    reason = "the names and the arguments are PostgreSQL's"
)]

pub(crate) use pgrx::pg_sys::*;

use crate::pg::invalidation::SysCacheId;
use cee_scape::call_with_sigsetjmp;
use pgrx::PgLogLevel;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use pgrx::pg_sys::panic::{CaughtError, ErrorReport};
use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::panic::{catch_unwind, resume_unwind};

/// Calls PostgreSQL. An ERROR goes on as a panic, which runs destructors. It ends at the guard of the function that
/// PostgreSQL has called.
///
/// # Safety
///
/// `call` does nothing but call functions of PostgreSQL: no value there needs to be dropped, and nothing panics.
#[inline]
pub(crate) unsafe fn caught<T>(call: impl FnOnce() -> T) -> T {
    // SAFETY: PostgreSQL has one thread. These are its variables, set as its macros PG_TRY and PG_CATCH set them. An
    // ERROR comes back to `call_with_sigsetjmp` while its frame is there, past frames of PostgreSQL's and of `call`
    // only. Without one, there is a result.
    unsafe {
        let (context, handler, callbacks) = (CurrentMemoryContext, PG_exception_stack, error_context_stack);
        let mut result = MaybeUninit::uninit();
        let jumped = call_with_sigsetjmp(false, |place| {
            PG_exception_stack = std::ptr::from_ref(place).cast_mut().cast();
            result.write(call());
            0
        });
        PG_exception_stack = handler;
        error_context_stack = callbacks;
        if jumped != 0 {
            CurrentMemoryContext = context;
            go_on();
        }
        result.assume_init()
    }
}

/// Panics with what pgrx's guard at the entry takes for an ERROR that PostgreSQL keeps. The guard raises it again as it
/// is.
#[cold]
fn go_on() -> ! {
    // Such a panic carries a report, which says nothing here. Only pgrx can make one, by a panic of another sort.
    let report = catch_unwind(|| {
        ErrorReport::new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, "", "").report(PgLogLevel::ERROR);
    });
    match report.map_err(|panic| panic.downcast()) {
        Err(Ok(report)) => resume_unwind(Box::new(CaughtError::PostgresError(*report))),
        _ => unreachable!("pgrx reports an ERROR by a panic with the report"),
    }
}

/// Raises an ERROR of ours, with that place in the source.
///
/// # Safety
///
/// In a process of PostgreSQL's.
#[cold]
pub(crate) unsafe fn raise(
    code: PgSqlErrorCode,
    message: &[u8],
    hint: Option<&str>,
    place: &'static std::panic::Location<'static>,
) -> ! {
    unsafe extern "C-unwind" {
        fn errstart(level: c_int, domain: *const c_char) -> bool;
        fn errcode(code: c_int) -> c_int;
        fn errmsg_internal(format: *const c_char, ...) -> c_int;
        fn errhint(format: *const c_char, ...) -> c_int;
        fn errfinish(file: *const c_char, line: c_int, function: *const c_char);
    }
    let shown = c"%.*s".as_ptr();
    // SAFETY: these are the calls of PostgreSQL's macro ereport. PostgreSQL reads texts as far as their lengths say,
    // and copies them into memory that it keeps for errors. The last call does not return.
    unsafe {
        caught(|| {
            errstart(PgLogLevel::ERROR as c_int, std::ptr::null());
            errcode(code as c_int);
            errmsg_internal(shown, message.len() as c_int, message.as_ptr());
            if let Some(hint) = hint {
                errhint(shown, hint.len() as c_int, hint.as_ptr());
            }
            errfinish(
                place.file_as_c_str().as_ptr(),
                place.line() as c_int,
                c"cvm_count".as_ptr(),
            );
        });
    }
    unreachable!("reporting an ERROR does not return")
}

/// Declares functions of PostgreSQL, each called behind [`caught`].
macro_rules! declared {
    ($($(#[$attribute:meta])* fn $name:ident($($argument:ident: $of:ty),* $(,)?) $(-> $result:ty)?;)+) => {$(
        #[doc = concat!("PostgreSQL's function `", stringify!($name), "`.")]
        ///
        /// # Safety
        ///
        /// The arguments are as it demands.
        $(#[$attribute])*
        #[inline]
        pub(crate) unsafe fn $name($($argument: $of),*) $(-> $result)? {
            unsafe extern "C-unwind" {
                fn $name($($argument: $of),*) $(-> $result)?;
            }
            // SAFETY: the closure does nothing but the call.
            unsafe { caught(|| $name($($argument),*)) }
        }
    )+};
}

/// The same for functions that are alike in the headers of all versions. The compiler compares them with these.
macro_rules! guarded {
    ($($(#[$attribute:meta])* fn $name:ident($($argument:ident: $of:ty),* $(,)?) $(-> $result:ty)?;)+) => {
        declared! { $($(#[$attribute])* fn $name($($argument: $of),*) $(-> $result)?;)+ }
        $(
            $(#[$attribute])*
            const _: unsafe fn($($of),*) $(-> $result)? = pgrx::pg_sys::$name;
        )+
    };
}

// Some versions say `const` of what these read, and others do not.
declared! {
    fn deconstruct_array(
        array: *mut ArrayType, of: Oid, length: c_int, is_by_value: bool, alignment: c_char,
        elements: *mut *mut Datum, nulls: *mut *mut bool, count: *mut c_int,
    );
    fn heap_form_tuple(descriptor: TupleDesc, values: *const Datum, nulls: *const bool) -> HeapTuple;
    fn tuplestore_putvalues(
        store: *mut Tuplestorestate, descriptor: TupleDesc, values: *const Datum, nulls: *const bool,
    );
}

guarded! {
    fn check_stack_depth();
    fn ProcessInterrupts();

    fn AllocSetContextCreateInternal(
        parent: MemoryContext, name: *const c_char, least: Size, initial: Size, largest: Size,
    ) -> MemoryContext;
    fn MemoryContextReset(context: MemoryContext);
    fn MemoryContextDelete(context: MemoryContext);
    fn pnstrdup(text: *const c_char, length: Size) -> *mut c_char;

    fn pg_detoast_datum(value: *mut varlena) -> *mut varlena;
    fn pg_detoast_datum_copy(value: *mut varlena) -> *mut varlena;
    fn pg_detoast_datum_packed(value: *mut varlena) -> *mut varlena;
    fn pg_detoast_datum_slice(value: *mut varlena, first: i32, count: i32) -> *mut varlena;
    fn toast_raw_datum_size(value: Datum) -> Size;
    fn cstring_to_text_with_len(text: *const c_char, length: c_int) -> *mut varlena;
    fn pq_getmsgbytes(message: StringInfo, length: c_int) -> *const c_char;
    fn pg_any_to_server(text: *const c_char, length: c_int, encoding: c_int) -> *mut c_char;
    fn pg_server_to_any(text: *const c_char, length: c_int, encoding: c_int) -> *mut c_char;
    fn pg_mbcliplen(text: *const c_char, length: c_int, limit: c_int) -> c_int;

    fn get_call_result_type(
        call: FunctionCallInfo, of: *mut Oid, descriptor: *mut TupleDesc,
    ) -> TypeFuncClass::Type;
    fn BlessTupleDesc(descriptor: TupleDesc) -> TupleDesc;
    fn HeapTupleHeaderGetDatum(row: HeapTupleHeader) -> Datum;
    #[cfg(feature = "pg15")]
    fn SetSingleFuncCall(call: FunctionCallInfo, flags: u32);
    #[cfg(not(feature = "pg15"))]
    fn InitMaterializedSRF(call: FunctionCallInfo, flags: u32);

    fn getBaseType(of: Oid) -> Oid;
    fn get_element_type(of: Oid) -> Oid;
    fn get_typtype(of: Oid) -> c_char;
    fn get_typlenbyvalalign(of: Oid, length: *mut i16, is_by_value: *mut bool, alignment: *mut c_char);
    fn get_collation_isdeterministic(collation: Oid) -> bool;
    fn getTypeInputInfo(of: Oid, function: *mut Oid, parameter: *mut Oid);
    fn getTypeOutputInfo(of: Oid, function: *mut Oid, is_varlena: *mut bool);
    fn format_type_be(of: Oid) -> *mut c_char;
    fn lookup_type_cache(of: Oid, flags: c_int) -> *mut TypeCacheEntry;
    fn lookup_rowtype_tupdesc(of: Oid, typmod: i32) -> TupleDesc;
    fn lookup_rowtype_tupdesc_copy(of: Oid, typmod: i32) -> TupleDesc;
    fn get_fn_expr_argtype(function: *mut FmgrInfo, index: c_int) -> Oid;

    fn fmgr_info_cxt(function: Oid, record: *mut FmgrInfo, context: MemoryContext);
    fn InputFunctionCall(function: *mut FmgrInfo, text: *mut c_char, parameter: Oid, typmod: i32) -> Datum;
    fn OutputFunctionCall(function: *mut FmgrInfo, value: Datum) -> *mut c_char;
    fn OidOutputFunctionCall(function: Oid, value: Datum) -> *mut c_char;

    fn GetConfigOption(name: *const c_char, missing_ok: bool, is_restricted: bool) -> *const c_char;
    fn NewGUCNestLevel() -> c_int;
    fn set_config_option(
        name: *const c_char, value: *const c_char, context: GucContext::Type, source: GucSource::Type,
        action: GucAction::Type, is_set: bool, level: c_int, is_reload: bool,
    ) -> c_int;
    fn AtEOXact_GUC(is_commit: bool, level: c_int);

    #[cfg(not(feature = "pg15"))]
    fn errsave_start(context: *mut Node, domain: *const c_char) -> bool;
    #[cfg(not(feature = "pg15"))]
    fn errsave_finish(context: *mut Node, file: *const c_char, line: c_int, function: *const c_char);

    fn SearchSysCache1(cache: SysCacheId, key: Datum) -> HeapTuple;
    fn ReleaseSysCache(entry: HeapTuple);
    fn SysCacheGetAttr(cache: SysCacheId, entry: HeapTuple, column: AttrNumber, is_null: *mut bool) -> Datum;
    fn GetSysCacheOid(
        cache: SysCacheId, column: AttrNumber, first: Datum, second: Datum, third: Datum, fourth: Datum,
    ) -> Oid;
    fn GetSysCacheHashValue(cache: SysCacheId, first: Datum, second: Datum, third: Datum, fourth: Datum) -> u32;
    fn CallSyscacheCallbacks(cache: SysCacheId, hash: u32);
    fn ResetPlanCache();
    fn table_open(table: Oid, lock: LOCKMODE) -> Relation;
    fn table_close(table: Relation, lock: LOCKMODE);
    fn ScanKeyInit(
        key: ScanKey, column: AttrNumber, strategy: StrategyNumber, procedure: RegProcedure, value: Datum,
    );
    fn systable_beginscan(
        table: Relation, index: Oid, by_index: bool, snapshot: Snapshot, count: c_int, keys: ScanKey,
    ) -> SysScanDesc;
    fn systable_getnext(scan: SysScanDesc) -> HeapTuple;
    fn systable_endscan(scan: SysScanDesc);
    fn heap_attisnull(row: HeapTuple, column: c_int, descriptor: TupleDesc) -> bool;
    fn heap_deform_tuple(row: HeapTuple, descriptor: TupleDesc, values: *mut Datum, nulls: *mut bool);
    fn FreeTupleDesc(descriptor: TupleDesc);
    fn buildoidvector(oids: *const Oid, count: c_int) -> *mut oidvector;
    fn getExtensionOfObject(class: Oid, object: Oid) -> Oid;
    fn superuser_arg(role: Oid) -> bool;
    fn get_relname_relid(name: *const c_char, schema: Oid) -> Oid;
    fn get_rel_relkind(relation: Oid) -> c_char;
    fn get_attnum(relation: Oid, name: *const c_char) -> AttrNumber;
    fn get_atttype(relation: Oid, column: AttrNumber) -> Oid;
    fn get_opfamily_proc(family: Oid, left: Oid, right: Oid, number: i16) -> Oid;
    fn get_range_subtype(range: Oid) -> Oid;
    fn get_multirange_range(multirange: Oid) -> Oid;
    fn fmgr_info(function: Oid, record: *mut FmgrInfo);

    fn GetForeignTable(table: Oid) -> *mut ForeignTable;
    fn GetForeignServer(server: Oid) -> *mut ForeignServer;
    fn GetForeignDataWrapper(wrapper: Oid) -> *mut ForeignDataWrapper;
    fn GetFdwRoutine(handler: Oid) -> *mut FdwRoutine;
    fn defGetString(option: *mut DefElem) -> *mut c_char;
    fn SplitIdentifierString(names: *mut c_char, separator: c_char, list: *mut *mut List) -> bool;
    fn find_all_inheritors(parent: Oid, lock: LOCKMODE, counts: *mut *mut List) -> *mut List;

    fn palloc0(size: Size) -> *mut c_void;
    fn pstrdup(text: *const c_char) -> *mut c_char;
    fn copyObjectImpl(node: *const c_void) -> *mut c_void;
    fn lappend(list: *mut List, element: *mut c_void) -> *mut List;
    fn lappend_oid(list: *mut List, element: Oid) -> *mut List;
    fn list_concat(list: *mut List, more: *const List) -> *mut List;
    fn makeConst(
        of: Oid, typmod: i32, collation: Oid, length: c_int, value: Datum, is_null: bool, is_by_value: bool,
    ) -> *mut Const;
    fn makeFuncExpr(
        function: Oid, returned: Oid, arguments: *mut List, collation: Oid, of_arguments: Oid, form: CoercionForm::Type,
    ) -> *mut FuncExpr;
    fn makeTargetEntry(expression: *mut Expr, number: AttrNumber, name: *mut c_char, is_junk: bool)
        -> *mut TargetEntry;
    fn exprType(expression: *const Node) -> Oid;
    fn exprCollation(expression: *const Node) -> Oid;
    fn contain_volatile_functions(expression: *mut Node) -> bool;
    fn MarkGUCPrefixReserved(prefix: *const c_char);
}
