//! The type `cvm_sample`: its ways in, which all check every byte, and what is made of a stored sample. Its way out is
//! that of sketches.

use crate::pg::bytes_type::{self, Fault};
use crate::pg::call::{argument, declare_function};
use crate::pg::error::{IN_STORAGE, OrRaise, raise_invalid_sample};
use crate::pg::memory::ContextAllocator;
use crate::pg::varlena;
use cvm_sketch::sample_codec::{SAMPLE_HEADER_LEN, parse_sample_header};
use cvm_sketch::{EncodedSample, Header, Sample, operations};
use pgrx::pg_guard;
use pgrx::pg_sys::{Datum, FunctionCallInfo};

declare_function! {
    pg_finfo_cvm_sample_in for cvm_sample_in,
    pg_finfo_cvm_sample_recv for cvm_sample_recv,
    pg_finfo_cvm_sample_from_bytea for cvm_sample_from_bytea,
    pg_finfo_cvm_sketch_of_sample for cvm_sketch_of_sample,
}

/// Calls `read` with a stored sample. Raises an ERROR if it is broken: what was checked on its way in has changed
/// since.
///
/// # Safety
///
/// `datum` is of type `cvm_sample`.
pub(crate) unsafe fn with_sample<T>(datum: Datum, read: impl FnOnce(&EncodedSample<'_>) -> T) -> T {
    unsafe {
        let surroundings = ContextAllocator::current();
        varlena::with_bytes(datum, |bytes| match EncodedSample::parse_in(bytes, &surroundings) {
            Ok(sample) => read(&sample),
            Err(fault) => raise_invalid_sample(IN_STORAGE, fault),
        })
    }
}

/// The header of the sketch in a stored sample. Of one stored out of line, nothing else is read.
///
/// # Safety
///
/// `datum` is of type `cvm_sample`.
pub(crate) unsafe fn header(datum: Datum) -> Header {
    unsafe {
        varlena::with_first_bytes(datum, SAMPLE_HEADER_LEN, parse_sample_header)
            .unwrap_or_else(|fault| raise_invalid_sample(IN_STORAGE, fault))
    }
}

/// The bytes of a sample as a varlena in the current memory context.
///
/// # Safety
///
/// As [`ContextAllocator::current`].
pub(crate) unsafe fn encode(sample: &Sample<ContextAllocator>) -> Datum {
    let allocator = unsafe { ContextAllocator::current() };
    varlena::into_datum(sample.encode_in(varlena::HEADER_LEN, allocator).or_raise())
}

/// The sample of nothing, in the current memory context.
///
/// # Safety
///
/// As [`ContextAllocator::current`].
pub(crate) unsafe fn nothing() -> Datum {
    unsafe { encode(&Sample::nothing_in(ContextAllocator::current())) }
}

/// Names the first fault of bytes that are to be a sample.
fn check(bytes: &[u8], surroundings: &ContextAllocator) -> Result<(), Fault> {
    let parsed = EncodedSample::parse_in(bytes, surroundings).map(drop);
    parsed.map_err(|fault| format!("invalid cvm_sample: {fault}"))
}

/// `cvm_sample_in(cstring) returns cvm_sample`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_in(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { bytes_type::from_text(fcinfo, "cvm_sample", check) }
}

/// `cvm_sample_recv(internal) returns cvm_sample`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_recv(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { bytes_type::from_message(argument(fcinfo, 0).value, check) }
}

/// `cvm_sample(bytea) returns cvm_sample`, strict: the cast.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_from_bytea(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { bytes_type::from_bytea(argument(fcinfo, 0).value, check) }
}

/// `cvm_sketch(cvm_sample) returns cvm_sketch`, strict: the cast.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sketch_of_sample(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        with_sample(argument(fcinfo, 0).value, |sample| {
            let allocator = ContextAllocator::current();
            let sketch = operations::copy(&sample.sketch(&allocator), varlena::HEADER_LEN, allocator);
            varlena::into_datum(sketch.or_raise())
        })
    }
}
