//! Functions of PostgreSQL that may raise an ERROR, called without pgrx's guard.
//!
//! The guard turns an ERROR into a panic, and saves and restores a jump buffer for that around each call: more than
//! what hashing a value costs. Called like this, an ERROR leaves all frames up to PostgreSQL's own handler behind
//! without running a destructor. So nothing in them may need one: whoever calls these holds references, integers, and
//! memory of a memory context at most, and nobody a lock or a borrow that would be found taken afterwards.

use pgrx::pg_sys::{
    self, Datum, FunctionCallInfo, HeapTuple, RangeBound, RangeType, TupleDesc, TypeCacheEntry, varlena,
};
use pgrx::varlena::{set_varsize_4b, varatt_is_1b, varatt_is_1b_e, vardata_1b, varsize_1b};
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;

/// Room for a value of which the header is short, and for a header of four bytes before it: 130 bytes.
const SHORT_WORDS: usize = 17;

mod unguarded {
    use super::*;

    unsafe extern "C-unwind" {
        pub(super) fn ProcessInterrupts();
        pub(super) fn pg_detoast_datum(value: *mut varlena) -> *mut varlena;
        pub(super) fn pg_detoast_datum_packed(value: *mut varlena) -> *mut varlena;
        pub(super) fn palloc(size: pg_sys::Size) -> *mut c_void;
        pub(super) fn pfree(block: *mut c_void);
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
}

/// Raises an ERROR if the query is to be cancelled or the session ended.
#[inline(always)]
pub(crate) fn check_interrupts() {
    // SAFETY: the flag is written by signal handlers, and read as what it is: at any time, and maybe late. What the
    // function raises passes frames without destructors.
    unsafe {
        if (&raw const pg_sys::InterruptPending).read_volatile() != 0 {
            unguarded::ProcessInterrupts();
        }
    }
}

/// Raises an ERROR unless so many bytes can be had: more than memory contexts keep in stock, so that they are the system's,
/// and are free again.
pub(crate) fn ask_for_memory(size: usize) {
    // SAFETY: what is taken is given back to the context that it is from, which is one that frees: AllocSet, in functions
    // that SQL calls and as libraries are loaded.
    unsafe { unguarded::pfree(unguarded::palloc(size)) }
}

/// Calls `read` with the value neither compressed nor out of line, though maybe with a short header. What it returns
/// does not refer to the value.
///
/// # Safety
///
/// `value` is a varlena.
#[inline]
pub(crate) unsafe fn with_packed<T>(value: Datum, read: impl FnOnce(Datum) -> T) -> T {
    // SAFETY: the caller vouches for the varlena.
    unsafe { with_copy(value, unguarded::pg_detoast_datum_packed(value.cast_mut_ptr()), read) }
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
    // SAFETY: the caller vouches for the varlena. One with a short header, as it is in a table, has at most 126 bytes
    // after it; on the stack they are aligned as well as in memory of PostgreSQL's, and nothing reads them after `read`.
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
        // SAFETY: the caller vouches for the varlena.
        let aligned = unsafe { unguarded::pg_detoast_datum(given) };
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
            // SAFETY: the copy is ours. Values are hashed while expressions are evaluated or rows accumulated, for which
            // PostgreSQL makes a context current that can free.
            unsafe { unguarded::pfree(self.value.cast_mut_ptr()) };
        }
    }
}

/// Calls `read` with the text of a string that a zero ends.
///
/// # Safety
///
/// `value` is such a string.
pub(crate) unsafe fn with_text<T>(value: Datum, read: impl FnOnce(Datum) -> T) -> T {
    // SAFETY: the caller vouches for the string.
    unsafe { with_copy(value, unguarded::cstring_to_text(value.cast_mut_ptr()), read) }
}

/// # Safety
///
/// `copy` is what `value` points to, or a copy of it in the current memory context, which is ours to free.
#[inline]
unsafe fn with_copy<T>(value: Datum, copy: *mut varlena, read: impl FnOnce(Datum) -> T) -> T {
    let result = read(Datum::from(copy));
    if copy != value.cast_mut_ptr() {
        // SAFETY: the caller vouches for the copy. Values are hashed while expressions are evaluated or rows
        // accumulated, for which PostgreSQL makes a context current that can free.
        unsafe { unguarded::pfree(copy.cast()) };
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
    // SAFETY: the caller vouches for all of them.
    unsafe { unguarded::heap_deform_tuple(tuple, row, values.as_mut_ptr(), nulls.as_mut_ptr()) }
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
    // SAFETY: the caller vouches for the range.
    unsafe {
        unguarded::range_deserialize(range_type, range.cast_mut_ptr(), &mut lower, &mut upper, &mut is_empty);
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
    // SAFETY: the caller vouches for the multirange.
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
    // SAFETY: the caller vouches for the multirange.
    unsafe {
        unguarded::multirange_get_bounds(range_type, multirange.cast_mut_ptr(), index, &mut lower, &mut upper);
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
    // SAFETY: the caller vouches for the frame.
    unsafe { function(frame) }
}
