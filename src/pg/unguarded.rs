//! Functions of PostgreSQL that are called without a guard.
//!
//! A guard turns an ERROR into a panic. For that it saves and restores a jump buffer around each call. Without one, an
//! ERROR goes to PostgreSQL's own handler, or to a guard further out. It leaves the frames between behind and runs no
//! destructor. So nothing in these frames may need one. A caller holds references, integers, and memory of a memory
//! context at most. It holds no lock and no borrow, which would stay taken. There are four reasons to do without:
//!
//! - *Memory.* With millions of groups, a guard is most of what a group costs. As they are called, these raise no
//!   ERROR.
//! - *Hashing.* A guard costs more than the hash of a value.
//! - *Loading.* The first panic of a process takes memory for which the C library would abort. Where there is none, an
//!   ERROR must come without a panic.
//! - *Planning.* The planner calls functions of users. What they raise may be as long as somebody likes, and pgrx's
//!   guard copies it. Walkers and mutators also call themselves through their callback, once for each level of an
//!   expression. With a guard at each level, a query would need a multiple of the stack.

use pgrx::pg_sys::{
    self, Datum, FunctionCallInfo, HeapTuple, List, MemoryContext, Node, Oid, PlannedStmt, PlannerInfo, Query,
    RangeBound, RangeTblEntry, RangeType, TupleDesc, TypeCacheEntry, varlena,
};
use pgrx::varlena::{set_varsize_4b, varatt_is_1b, varatt_is_1b_e, vardata_1b, varsize_1b};
use std::ffi::{c_char, c_int, c_void};
use std::mem::MaybeUninit;

mod declared {
    use super::*;

    // Memory.
    unsafe extern "C-unwind" {
        /// Raises errors for sizes above the largest, and for exhaustion unless a flag forbids that.
        pub(crate) fn MemoryContextAllocExtended(context: MemoryContext, size: usize, flags: c_int) -> *mut c_void;
        /// Raises errors, or crashes, for blocks of a context that cannot free. AllocSet and Generation can.
        pub(crate) fn pfree(block: *mut c_void);
        /// Raises none: it looks at the type of a node.
        pub(crate) fn AggCheckCallContext(call: FunctionCallInfo, context: *mut MemoryContext) -> c_int;
    }

    // Hashing.
    unsafe extern "C-unwind" {
        pub(super) fn ProcessInterrupts();
        pub(super) fn pg_detoast_datum(value: *mut varlena) -> *mut varlena;
        pub(super) fn pg_detoast_datum_packed(value: *mut varlena) -> *mut varlena;
        pub(super) fn cstring_to_text(text: *const c_char) -> *mut varlena;
        pub(super) fn heap_deform_tuple(tuple: HeapTuple, row: TupleDesc, values: *mut Datum, nulls: *mut bool);
        pub(super) fn range_deserialize(
            range_type: *mut TypeCacheEntry,
            range: *const RangeType,
            lower: *mut RangeBound,
            upper: *mut RangeBound,
            is_empty: *mut bool,
        );
        pub(super) fn multirange_get_bounds(
            range_type: *mut TypeCacheEntry,
            multirange: *const c_void,
            index: u32,
            lower: *mut RangeBound,
            upper: *mut RangeBound,
        );
    }

    // Loading.
    unsafe extern "C-unwind" {
        pub(super) fn palloc(size: pg_sys::Size) -> *mut c_void;
    }

    // Planning.
    unsafe extern "C-unwind" {
        // Since 16, PostgreSQL's headers make macros of the names. They declare callbacks in another way, but
        // PostgreSQL calls them as before.
        #[cfg_attr(feature = "pg15", link_name = "query_tree_walker")]
        pub(super) fn query_tree_walker_impl(
            query: *mut Query,
            walker: Walker,
            context: *mut c_void,
            flags: c_int,
        ) -> bool;
        #[cfg_attr(feature = "pg15", link_name = "expression_tree_walker")]
        pub(super) fn expression_tree_walker_impl(node: *mut Node, walker: Walker, context: *mut c_void) -> bool;
        #[cfg_attr(feature = "pg15", link_name = "query_tree_mutator")]
        pub(super) fn query_tree_mutator_impl(
            query: *mut Query,
            mutator: Mutator,
            context: *mut c_void,
            flags: c_int,
        ) -> *mut Query;
        #[cfg_attr(feature = "pg15", link_name = "expression_tree_mutator")]
        pub(super) fn expression_tree_mutator_impl(
            node: *mut Node,
            mutator: Mutator,
            context: *mut c_void,
        ) -> *mut Node;
        pub(super) fn expand_function_arguments(
            arguments: *mut List,
            with_results: bool,
            returned: Oid,
            function: HeapTuple,
        ) -> *mut List;
        pub(super) fn eval_const_expressions(planner: *mut PlannerInfo, node: *mut Node) -> *mut Node;
        #[cfg_attr(feature = "pg19", link_name = "inline_function_in_from")]
        pub(super) fn inline_set_returning_function(planner: *mut PlannerInfo, entry: *mut RangeTblEntry)
        -> *mut Query;
        #[cfg(not(feature = "pg19"))]
        pub(super) fn standard_planner(
            query: *mut Query,
            text: *const c_char,
            options: c_int,
            parameters: pg_sys::ParamListInfo,
        ) -> *mut PlannedStmt;
        #[cfg(feature = "pg19")]
        pub(super) fn standard_planner(
            query: *mut Query,
            text: *const c_char,
            options: c_int,
            parameters: pg_sys::ParamListInfo,
            explained: *mut pg_sys::ExplainState,
        ) -> *mut PlannedStmt;
    }
}
pub(crate) use declared::{AggCheckCallContext, MemoryContextAllocExtended, pfree};

/// Room for a header of four bytes and for what follows a short header: 130 bytes.
const SHORT_WORDS: usize = 17;

/// Raises an ERROR if the query is to be cancelled or the session ended.
#[inline(always)]
pub(crate) fn check_interrupts() {
    // SAFETY: signal handlers write the flag, at any time. An ERROR passes frames without destructors.
    unsafe {
        if (&raw const pg_sys::InterruptPending).read_volatile() != 0 {
            declared::ProcessInterrupts();
        }
    }
}

/// Raises an ERROR unless the system has so many bytes. They are more than memory contexts keep in stock, and are free
/// again afterwards.
pub(crate) fn ask_for_memory(size: usize) {
    // SAFETY: the current memory context can free. It is AllocSet where SQL calls functions and PostgreSQL loads a
    // library.
    unsafe { declared::pfree(declared::palloc(size)) }
}

/// Calls `read` with the value neither compressed nor out of line, though maybe with a short header. The result of
/// `read` does not refer to it.
///
/// # Safety
///
/// `value` is a varlena.
#[inline]
pub(crate) unsafe fn with_packed<T>(value: Datum, read: impl FnOnce(Datum) -> T) -> T {
    // SAFETY: PostgreSQL returns the value itself, or a copy in the current memory context.
    unsafe { with_copy(value, declared::pg_detoast_datum_packed(value.cast_mut_ptr()), read) }
}

/// [`with_packed`] with a header of four bytes, and so aligned as its type demands.
///
/// # Safety
///
/// As [`with_packed`].
#[inline(always)]
pub(crate) unsafe fn with_aligned<T>(value: Datum, read: impl FnOnce(Datum) -> T) -> T {
    let given: *mut varlena = value.cast_mut_ptr();
    let mut room = MaybeUninit::<[u64; SHORT_WORDS]>::uninit();
    // SAFETY: after a short header come at most 126 bytes, so that they fit. The stack aligns them as well as
    // PostgreSQL's memory does. Nothing reads them after `read`.
    unsafe {
        if !varatt_is_1b(given) || varatt_is_1b_e(given) {
            let aligned = Aligned::new(value);
            let result = read(aligned.value());
            aligned.free();
            return result;
        }
        let length = varsize_1b(given) - pg_sys::VARHDRSZ_SHORT;
        let start = room.as_mut_ptr().cast::<u8>();
        set_varsize_4b(start.cast(), (pg_sys::VARHDRSZ + length) as i32);
        start
            .add(pg_sys::VARHDRSZ)
            .copy_from_nonoverlapping(vardata_1b(given).cast(), length);
        read(Datum::from(start))
    }
}

/// A value with a header of four bytes: the one that was given, or a copy in the current memory context.
pub(crate) struct Aligned {
    value: Datum,
    is_copy: bool,
}

impl Aligned {
    /// # Safety
    ///
    /// `value` is a varlena.
    #[inline]
    pub(crate) unsafe fn new(value: Datum) -> Self {
        let given: *mut varlena = value.cast_mut_ptr();
        let aligned = unsafe { declared::pg_detoast_datum(given) };
        Aligned {
            value: Datum::from(aligned),
            is_copy: aligned != given,
        }
    }

    pub(crate) fn value(&self) -> Datum {
        self.value
    }

    /// # Safety
    ///
    /// Nothing reads the value any more.
    #[inline]
    pub(crate) unsafe fn free(self) {
        if self.is_copy {
            // SAFETY: the copy is ours. PostgreSQL makes a context current that can free, for expressions and for rows
            // of an aggregate.
            unsafe { declared::pfree(self.value.cast_mut_ptr()) };
        }
    }
}

/// Calls `read` with the text of a string that a zero ends.
///
/// # Safety
///
/// `value` is such a string.
pub(crate) unsafe fn with_text<T>(value: Datum, read: impl FnOnce(Datum) -> T) -> T {
    // SAFETY: PostgreSQL returns a copy in the current memory context.
    unsafe { with_copy(value, declared::cstring_to_text(value.cast_mut_ptr()), read) }
}

/// # Safety
///
/// `copy` is what `value` points to, or a copy in the current memory context. A copy is ours to free.
#[inline]
unsafe fn with_copy<T>(value: Datum, copy: *mut varlena, read: impl FnOnce(Datum) -> T) -> T {
    let result = read(Datum::from(copy));
    if copy != value.cast_mut_ptr() {
        // SAFETY: as in `Aligned::free`.
        unsafe { declared::pfree(copy.cast()) };
    }
    result
}

/// The columns of a row, as many as `row` has.
///
/// # Safety
///
/// `tuple` is a row of the type `row`, or of one with fewer columns; the slices have room for all columns of `row`.
#[inline]
pub(crate) unsafe fn deform(tuple: HeapTuple, row: TupleDesc, values: &mut [Datum], nulls: &mut [bool]) {
    unsafe { declared::heap_deform_tuple(tuple, row, values.as_mut_ptr(), nulls.as_mut_ptr()) }
}

const NO_BOUND: RangeBound = RangeBound {
    val: Datum::null(),
    infinite: false,
    inclusive: false,
    lower: false,
};

/// The bounds of a range; `None` if it is empty.
///
/// # Safety
///
/// `range` is a range of that type, with a header of four bytes.
#[inline]
pub(crate) unsafe fn range_bounds(range_type: *mut TypeCacheEntry, range: Datum) -> Option<[RangeBound; 2]> {
    let (mut lower, mut upper, mut is_empty) = (NO_BOUND, NO_BOUND, false);
    unsafe {
        declared::range_deserialize(range_type, range.cast_mut_ptr(), &mut lower, &mut upper, &mut is_empty);
    }
    (!is_empty).then_some([lower, upper])
}

/// The number of ranges in a multirange.
///
/// # Safety
///
/// `multirange` is one, with a header of four bytes.
pub(crate) unsafe fn multirange_len(multirange: Datum) -> u32 {
    /// What stands before the ranges.
    #[repr(C)]
    struct Head {
        header: u32,
        multirange_type: pg_sys::Oid,
        count: u32,
    }
    // SAFETY: these are the first fields of PostgreSQL's `MultirangeType`.
    unsafe { (*multirange.cast_mut_ptr::<Head>()).count }
}

/// The bounds of the range at `index` in a multirange, none of which are empty.
///
/// # Safety
///
/// `multirange` is one of ranges of that type, with a header of four bytes, and more than `index` ranges.
pub(crate) unsafe fn multirange_bounds(
    range_type: *mut TypeCacheEntry,
    multirange: Datum,
    index: u32,
) -> [RangeBound; 2] {
    let (mut lower, mut upper) = (NO_BOUND, NO_BOUND);
    unsafe {
        declared::multirange_get_bounds(range_type, multirange.cast_mut_ptr(), index, &mut lower, &mut upper);
    }
    [lower, upper]
}

/// A type's own function, called as PostgreSQL calls it.
///
/// # Safety
///
/// `frame` is a frame for that function, with its arguments.
#[inline]
pub(crate) unsafe fn call(
    function: unsafe extern "C-unwind" fn(FunctionCallInfo) -> Datum,
    frame: FunctionCallInfo,
) -> Datum {
    unsafe { function(frame) }
}

/// Called with a node, or none, and the context; ends the walk where it is true.
pub(crate) type Walker = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> bool;
/// Called with a node, or none, and the context; returns what is to be in its place.
pub(crate) type Mutator = unsafe extern "C-unwind" fn(*mut Node, *mut c_void) -> *mut Node;

/// What a planner is told beside the query, handed on as it came.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    pub(crate) text: *const c_char,
    pub(crate) options: c_int,
    pub(crate) parameters: pg_sys::ParamListInfo,
    #[cfg(feature = "pg19")]
    pub(crate) explained: *mut pg_sys::ExplainState,
}

/// Plans a query by another library's hook if there is one, or else by PostgreSQL.
///
/// # Safety
///
/// `query` and `request` are what a planner takes, and `hook` is one. What is between here and PostgreSQL's own handler
/// needs no destructor.
pub(crate) unsafe fn plan(query: *mut Query, request: Request, hook: pg_sys::planner_hook_type) -> *mut PlannedStmt {
    let Request {
        text,
        options,
        parameters,
        ..
    } = request;
    unsafe {
        #[cfg(not(feature = "pg19"))]
        return match hook {
            Some(hook) => hook(query, text, options, parameters),
            None => declared::standard_planner(query, text, options, parameters),
        };
        #[cfg(feature = "pg19")]
        return match hook {
            Some(hook) => hook(query, text, options, parameters, request.explained),
            None => declared::standard_planner(query, text, options, parameters, request.explained),
        };
    }
}

/// Walks through all of a query, the entries of its FROM clause included.
///
/// # Safety
///
/// `query` is a query, and `context` what the walker takes. What is between here and PostgreSQL's own handler, or a
/// guard, needs no destructor.
pub(crate) unsafe fn walk_query(query: *mut Query, walker: Walker, context: *mut c_void) -> bool {
    let flags = pg_sys::QTW_EXAMINE_RTES_BEFORE as c_int;
    unsafe { declared::query_tree_walker_impl(query, walker, context, flags) }
}

/// Walks through what is below a node that is no query.
///
/// # Safety
///
/// As [`walk_query`].
pub(crate) unsafe fn walk_expression(node: *mut Node, walker: Walker, context: *mut c_void) -> bool {
    unsafe { declared::expression_tree_walker_impl(node, walker, context) }
}

/// A copy of a query in which all below is what the mutator makes of it.
///
/// # Safety
///
/// As [`walk_query`].
pub(crate) unsafe fn mutate_query(query: *mut Query, mutator: Mutator, context: *mut c_void) -> *mut Query {
    unsafe { declared::query_tree_mutator_impl(query, mutator, context, 0) }
}

/// A copy of a node that is no query in which all below is what the mutator makes of it.
///
/// # Safety
///
/// As [`walk_query`].
pub(crate) unsafe fn mutate_expression(node: *mut Node, mutator: Mutator, context: *mut c_void) -> *mut Node {
    unsafe { declared::expression_tree_mutator_impl(node, mutator, context) }
}

/// What PostgreSQL simplifies an expression, or a list of them, to. Calls functions that are IMMUTABLE.
///
/// # Safety
///
/// As [`walk_query`]; `planner` is NULL or as PostgreSQL's function wants it.
pub(crate) unsafe fn simplify(planner: *mut PlannerInfo, node: *mut Node) -> *mut Node {
    unsafe { declared::eval_const_expressions(planner, node) }
}

/// The arguments of a call, with those that it leaves out, in their order. `function` is the function's entry in
/// `pg_proc`.
///
/// # Safety
///
/// As [`walk_query`].
pub(crate) unsafe fn expand_arguments(arguments: *mut List, returned: Oid, function: HeapTuple) -> *mut List {
    unsafe { declared::expand_function_arguments(arguments, false, returned, function) }
}

/// The body of the function that an entry of a FROM clause calls, where PostgreSQL would put it there; or NULL.
///
/// # Safety
///
/// As [`walk_query`]; `planner` and `entry` are as PostgreSQL's function wants them.
pub(crate) unsafe fn inline_function(planner: *mut PlannerInfo, entry: *mut RangeTblEntry) -> *mut Query {
    unsafe { declared::inline_set_returning_function(planner, entry) }
}
