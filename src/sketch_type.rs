//! The type `cvm_sketch`: its ways in, which all check every byte, and its ways out.

use crate::call::{argument, declare_function};
use crate::error::{OrRaise, raise_invalid, raise_softly};
use crate::memory::ContextAllocator;
use crate::varlena;
use allocator_api2::vec::Vec;
use cvm_sketch::text::{self, TextError};
use cvm_sketch::{EncodedSketch, FramedSketch, Header, MergeError, OperationError, OutOfMemory, Sketch, Surroundings};
use pgrx::pg_guard;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use pgrx::pg_sys::{self, Datum, FunctionCallInfo};
use std::ffi::CStr;

declare_function! {
    pg_finfo_cvm_sketch_in for cvm_sketch_in,
    pg_finfo_cvm_sketch_out for cvm_sketch_out,
    pg_finfo_cvm_sketch_recv for cvm_sketch_recv,
    pg_finfo_cvm_sketch_from_bytea for cvm_sketch_from_bytea,
}

/// Calls `read` with a stored sketch. Raises an ERROR if it is broken: what was checked on its way in has changed since.
///
/// # Safety
///
/// `datum` is of type `cvm_sketch`.
pub(crate) unsafe fn with_sketch<T>(datum: Datum, read: impl FnOnce(&EncodedSketch<'_>) -> T) -> T {
    // SAFETY: the caller vouches for the datum.
    unsafe {
        let surroundings = ContextAllocator::current();
        varlena::with_bytes(datum, |bytes| match EncodedSketch::parse_in(bytes, &surroundings) {
            Ok(sketch) => read(&sketch),
            Err(fault) => raise_invalid(PgSqlErrorCode::ERRCODE_DATA_CORRUPTED, fault),
        })
    }
}

/// [`with_sketch`] for what reads only some of the hashes: those are checked as they are read.
///
/// # Safety
///
/// As [`with_sketch`].
pub(crate) unsafe fn with_framed<T>(
    datum: Datum,
    read: impl FnOnce(&FramedSketch<'_>) -> Result<T, MergeError>,
) -> Result<T, OperationError> {
    // SAFETY: the caller vouches for the datum.
    unsafe {
        varlena::with_bytes(datum, |bytes| {
            let result = FramedSketch::parse(bytes).map_err(MergeError::Decode);
            match result.and_then(|sketch| read(&sketch)) {
                Ok(result) => Ok(result),
                Err(MergeError::Operation(error)) => Err(error),
                Err(MergeError::Decode(fault)) => raise_invalid(PgSqlErrorCode::ERRCODE_DATA_CORRUPTED, fault),
            }
        })
    }
}

/// The header of a stored sketch, which is all that is read of one stored out of line.
///
/// # Safety
///
/// `datum` is of type `cvm_sketch`.
pub(crate) unsafe fn header(datum: Datum) -> Header {
    // SAFETY: the caller vouches for the datum.
    unsafe {
        varlena::with_first_bytes(datum, cvm_sketch::codec::HEADER_LEN, Header::parse)
            .unwrap_or_else(|fault| raise_invalid(PgSqlErrorCode::ERRCODE_DATA_CORRUPTED, fault))
    }
}

/// The sketch of nothing, in the current memory context.
pub(crate) fn nothing() -> Datum {
    // SAFETY: whoever gets the datum knows that it ends with the current memory context.
    let allocator = unsafe { ContextAllocator::current() };
    let sketch = Sketch::new_in(Header::NOTHING.capacity(), Header::NOTHING.seed(), allocator);
    varlena::into_datum(sketch.encode_in(varlena::HEADER_LEN, allocator).or_raise())
}

/// A copy of bytes behind room for a varlena's header, in the current memory context.
fn behind_header(given: &[u8]) -> Vec<u8, ContextAllocator> {
    // SAFETY: what is made of them is the result of a call, which ends with the current memory context.
    let allocator = unsafe { ContextAllocator::current() };
    let mut bytes = Vec::new_in(allocator);
    let length = varlena::HEADER_LEN + given.len();
    bytes.try_reserve_exact(length).map_err(|_| OutOfMemory).or_raise();
    bytes.resize(varlena::HEADER_LEN, 0);
    for step in given.chunks(1 << 18) {
        bytes.extend_from_slice(step);
        allocator.check_for_interrupts();
    }
    bytes
}

/// Raises an ERROR unless these are the bytes of a sketch; with room for a varlena's header in front, a datum of them.
fn checked(bytes: Vec<u8, ContextAllocator>, code: PgSqlErrorCode) -> Datum {
    match EncodedSketch::parse_in(&bytes[varlena::HEADER_LEN..], bytes.allocator()) {
        Ok(_) => varlena::into_datum(bytes),
        Err(fault) => raise_invalid(code, fault),
    }
}

/// `cvm_sketch_in(cstring) returns cvm_sketch`, strict.
///
/// # Safety
///
/// Called by PostgreSQL, as declared in `sql/cvm_count.sql`.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_in(fcinfo: FunctionCallInfo) -> Datum {
    const CODE: PgSqlErrorCode = PgSqlErrorCode::ERRCODE_INVALID_TEXT_REPRESENTATION;
    // SAFETY: the declaration gives the argument, a string that a zero ends.
    let text = unsafe { CStr::from_ptr(argument(fcinfo, 0).value.cast_mut_ptr()) }.to_bytes();
    // SAFETY: the bytes are the result of the call, which ends with the current memory context.
    let fault = match text::decode_in(text, varlena::HEADER_LEN, unsafe { ContextAllocator::current() }) {
        Ok(bytes) => match EncodedSketch::parse(&bytes[varlena::HEADER_LEN..]) {
            Ok(_) => return varlena::into_datum(bytes),
            Err(fault) => fault.to_string(),
        },
        Err(TextError::OutOfMemory) => Err(OutOfMemory).or_raise(),
        Err(fault) => fault.to_string(),
    };
    // SAFETY: the frame is that of this call. Whoever takes errors softly does not look at the result.
    unsafe { raise_softly(fcinfo, CODE, format!("invalid cvm_sketch: {fault}")) };
    Datum::null()
}

/// `cvm_sketch_out(cvm_sketch) returns cstring`, strict.
///
/// # Safety
///
/// As [`cvm_sketch_in`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_out(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the argument. The text is the result of the call, which ends with the current memory
    // context.
    let text = unsafe {
        let allocator = ContextAllocator::current();
        varlena::with_bytes(argument(fcinfo, 0).value, |bytes| {
            text::encode_in(bytes, 1, allocator).or_raise()
        })
    };
    Datum::from(Vec::leak(text).as_mut_ptr())
}

/// `cvm_sketch_recv(internal) returns cvm_sketch`, strict.
///
/// # Safety
///
/// As [`cvm_sketch_in`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_recv(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the argument, which PostgreSQL makes a message: all of it from the cursor on is ours.
    unsafe {
        let message: pg_sys::StringInfo = argument(fcinfo, 0).value.cast_mut_ptr();
        let length = (*message).len - (*message).cursor;
        let received = pg_sys::pq_getmsgbytes(message, length);
        let given = std::slice::from_raw_parts(received.cast(), length as usize);
        checked(
            behind_header(given),
            PgSqlErrorCode::ERRCODE_INVALID_BINARY_REPRESENTATION,
        )
    }
}

/// `cvm_sketch(bytea) returns cvm_sketch`, strict: the cast.
///
/// # Safety
///
/// As [`cvm_sketch_in`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_from_bytea(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the argument.
    unsafe {
        varlena::with_bytes(argument(fcinfo, 0).value, |given| {
            checked(
                behind_header(given),
                PgSqlErrorCode::ERRCODE_INVALID_BINARY_REPRESENTATION,
            )
        })
    }
}
