//! The type `cvm_sketch`: its ways in, which all check every byte, and its ways out.

use crate::pg::bytes_type::{self, Fault};
use crate::pg::call::{argument, declare_function};
use crate::pg::error::{IN_STORAGE, OrRaise, raise_invalid_sketch};
use crate::pg::memory::ContextAllocator;
use crate::pg::varlena;
use cvm_sketch::{DecodeError, EncodedSketch, FramedSketch, Header, MergeError, OperationError, Sketch};
use pgrx::pg_guard;
use pgrx::pg_sys::{Datum, FunctionCallInfo};

declare_function! {
    pg_finfo_cvm_sketch_in for cvm_sketch_in,
    pg_finfo_cvm_sketch_out for cvm_sketch_out,
    pg_finfo_cvm_sketch_recv for cvm_sketch_recv,
    pg_finfo_cvm_sketch_from_bytea for cvm_sketch_from_bytea,
}

/// Calls `read` with a stored sketch. Raises an ERROR if it is broken: what was checked on its way in has changed
/// since.
///
/// # Safety
///
/// `datum` is of type `cvm_sketch`.
pub(crate) unsafe fn with_sketch<T>(datum: Datum, read: impl FnOnce(&EncodedSketch<'_>) -> T) -> T {
    unsafe {
        let surroundings = ContextAllocator::current();
        varlena::with_bytes(datum, |bytes| match EncodedSketch::parse_in(bytes, &surroundings) {
            Ok(sketch) => read(&sketch),
            Err(fault) => raise_invalid_sketch(IN_STORAGE, fault),
        })
    }
}

/// As [`with_sketch`], but each hash is checked when `read` takes it. For callers that may stop early.
///
/// # Safety
///
/// As [`with_sketch`].
pub(crate) unsafe fn with_framed<T>(
    datum: Datum,
    read: impl FnOnce(&FramedSketch<'_>) -> Result<T, MergeError>,
) -> Result<T, OperationError> {
    unsafe {
        varlena::with_bytes(datum, |bytes| {
            let result = FramedSketch::parse(bytes).map_err(MergeError::Decode);
            match result.and_then(|sketch| read(&sketch)) {
                Ok(result) => Ok(result),
                Err(MergeError::Operation(error)) => Err(error),
                Err(MergeError::Decode(fault)) => raise_invalid_sketch(IN_STORAGE, fault),
            }
        })
    }
}

/// The header of a stored sketch. Of a toasted one, nothing else is fetched.
///
/// # Safety
///
/// `datum` is of type `cvm_sketch`.
pub(crate) unsafe fn header(datum: Datum) -> Header {
    unsafe {
        varlena::with_first_bytes(datum, cvm_sketch::codec::HEADER_LEN, Header::parse)
            .unwrap_or_else(|fault| raise_invalid_sketch(IN_STORAGE, fault))
    }
}

/// The sketch of nothing, in the current memory context.
///
/// # Safety
///
/// As [`ContextAllocator::current`].
pub(crate) unsafe fn nothing() -> Datum {
    let allocator = unsafe { ContextAllocator::current() };
    let sketch = Sketch::new_in(Header::NOTHING.capacity(), Header::NOTHING.seed(), allocator);
    varlena::into_datum(sketch.encode_in(varlena::HEADER_LEN, allocator).or_raise())
}

/// Names the first fault of bytes that are to be a sketch.
fn check(bytes: &[u8], surroundings: &ContextAllocator) -> Result<(), Fault> {
    let parsed = EncodedSketch::parse_in(bytes, surroundings).map(drop);
    parsed.map_err(|fault: DecodeError| format!("invalid cvm_sketch: {fault}"))
}

/// `cvm_sketch_in(cstring) returns cvm_sketch`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_in(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { bytes_type::from_text(fcinfo, "cvm_sketch", check) }
}

/// `cvm_sketch_out(cvm_sketch) returns cstring`, strict. `cvm_sample_out` is this function too.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_out(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { bytes_type::into_text(argument(fcinfo, 0).value) }
}

/// `cvm_sketch_recv(internal) returns cvm_sketch`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_recv(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { bytes_type::from_message(argument(fcinfo, 0).value, check) }
}

/// `cvm_sketch(bytea) returns cvm_sketch`, strict: the cast.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_from_bytea(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { bytes_type::from_bytea(argument(fcinfo, 0).value, check) }
}
