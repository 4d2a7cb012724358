//! The bytes of values of variable length: text, bytea and their like.

use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{self, Datum, varlena};
use allocator_api2::vec::Vec;
use pgrx::varlena::{varatt_is_1b, varatt_is_1b_e, varatt_is_4b_u, vardata_1b, vardata_4b, varsize_1b, varsize_4b};
use pgrx::{vardata_any, varsize_any_exhdr};

/// The bytes of a value that is neither compressed nor stored out of line. `None` for one that has to be detoasted.
/// Neither allocates nor raises an error.
///
/// # Safety
///
/// `datum` is a varlena, and lives for `'a`.
#[inline(always)]
pub(crate) unsafe fn plain_bytes<'a>(datum: Datum) -> Option<&'a [u8]> {
    let value: *const varlena = datum.cast_mut_ptr();
    // SAFETY: a header of one byte, or of four without compression, says how many bytes follow.
    unsafe {
        let (data, length) = if varatt_is_1b(value) {
            if varatt_is_1b_e(value) {
                return None;
            }
            (vardata_1b(value), varsize_1b(value) - pg_sys::VARHDRSZ_SHORT)
        } else if varatt_is_4b_u(value) {
            (vardata_4b(value), varsize_4b(value) - pg_sys::VARHDRSZ)
        } else {
            return None;
        };
        Some(std::slice::from_raw_parts(data.cast(), length))
    }
}

/// Calls `read` with the bytes of any value, and detoasts it for that time if need be.
///
/// # Safety
///
/// `datum` is a varlena, and the call in progress that of an SQL function: its memory context can free what it
/// detoasts.
pub(crate) unsafe fn with_bytes<T>(datum: Datum, read: impl FnOnce(&[u8]) -> T) -> T {
    // SAFETY: what pg_detoast_datum_packed returns is never compressed or out of line. A copy is ours to free.
    unsafe {
        let given: *mut varlena = datum.cast_mut_ptr();
        let detoasted = pg_sys::pg_detoast_datum_packed(given);
        let bytes = std::slice::from_raw_parts(vardata_any(detoasted).cast(), varsize_any_exhdr(detoasted));
        let result = read(bytes);
        if detoasted != given {
            pg_sys::pfree(detoasted.cast());
        }
        result
    }
}

/// Calls `read` with the first `length` bytes of a value, or all if it has fewer. Fetches no more of a value that is
/// stored out of line.
///
/// # Safety
///
/// As [`with_bytes`].
pub(crate) unsafe fn with_first_bytes<T>(datum: Datum, length: usize, read: impl FnOnce(&[u8]) -> T) -> T {
    // SAFETY: a slice is a plain copy, and ours to free.
    unsafe {
        if let Some(bytes) = plain_bytes(datum) {
            return read(&bytes[..length.min(bytes.len())]);
        }
        let slice = pg_sys::pg_detoast_datum_slice(datum.cast_mut_ptr(), 0, length as i32);
        let result = read(std::slice::from_raw_parts(
            vardata_any(slice).cast(),
            varsize_any_exhdr(slice),
        ));
        pg_sys::pfree(slice.cast());
        result
    }
}

/// The number of bytes of any value, without detoasting it.
///
/// # Safety
///
/// `datum` is a varlena.
pub(crate) unsafe fn len(datum: Datum) -> usize {
    unsafe { pg_sys::toast_raw_datum_size(datum) - pg_sys::VARHDRSZ }
}

/// Length of the header that [`into_datum`] fills in.
pub(crate) const HEADER_LEN: usize = pg_sys::VARHDRSZ;

/// A text in the current memory context.
///
/// # Safety
///
/// The datum is not used after the end of the current memory context.
pub(crate) unsafe fn text(string: &str) -> Datum {
    // SAFETY: PostgreSQL reads as many bytes as there are.
    unsafe {
        Datum::from(pg_sys::cstring_to_text_with_len(
            string.as_ptr().cast(),
            string.len() as i32,
        ))
    }
}

/// Makes a varlena of bytes. The first [`HEADER_LEN`] are room for its header.
pub(crate) fn into_datum(bytes: Vec<u8, ContextAllocator>) -> Datum {
    let length =
        i32::try_from(bytes.len()).expect("the largest sketch and the largest sample are shorter than 2^31 bytes");
    let value = Vec::leak(bytes).as_mut_ptr().cast();
    // SAFETY: the block is at least as long as a header. It is in a memory context, aligned as PostgreSQL aligns.
    unsafe { pgrx::set_varsize_4b(value, length) };
    Datum::from(value)
}
