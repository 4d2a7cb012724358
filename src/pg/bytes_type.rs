//! Ways in and out of the types whose values are bytes in a documented form: text, messages and bytea. The type's own
//! check looks at all bytes that come in.

use crate::pg::call::argument;
use crate::pg::error::{IN_BYTES, IN_TEXT, OrRaise, raise, raise_softly};
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{self, Datum, FunctionCallInfo};
use crate::pg::varlena;
use allocator_api2::vec::Vec;
use cvm_sketch::text::{self, TextError};
use cvm_sketch::{OutOfMemory, Surroundings};
use std::ffi::CStr;

/// What an ERROR says of bytes that are not of the type.
pub(crate) type Fault = String;

/// Checks all of the bytes.
type Check = fn(&[u8], &ContextAllocator) -> Result<(), Fault>;

/// A copy of bytes behind room for a varlena's header, in the current memory context.
///
/// # Safety
///
/// The call in progress is that of an SQL function; the copy is not used after the end of the current memory context.
pub(crate) unsafe fn behind_header(given: &[u8]) -> Vec<u8, ContextAllocator> {
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

/// A copy of the bytes as a value of the type. Raises an ERROR unless they are one.
///
/// # Safety
///
/// As [`behind_header`].
unsafe fn checked(given: &[u8], check: Check) -> Datum {
    let bytes = unsafe { behind_header(given) };
    match check(&bytes[varlena::HEADER_LEN..], bytes.allocator()) {
        Ok(()) => varlena::into_datum(bytes),
        Err(fault) => raise(IN_BYTES, fault),
    }
}

/// The value of the text that is the argument of the type's input function; or a soft error, and any result.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress, of that function.
pub(crate) unsafe fn from_text(fcinfo: FunctionCallInfo, name: &str, check: Check) -> Datum {
    // SAFETY: the argument is a string that a zero ends. The bytes are the result of the call, whose memory context is
    // current.
    let (text, allocator) = unsafe {
        let text = CStr::from_ptr(argument(fcinfo, 0).value.cast_mut_ptr());
        (text.to_bytes(), ContextAllocator::current())
    };
    let fault = match text::decode_in(text, varlena::HEADER_LEN, allocator) {
        Ok(bytes) => match check(&bytes[varlena::HEADER_LEN..], &allocator) {
            Ok(()) => return varlena::into_datum(bytes),
            Err(fault) => fault,
        },
        Err(TextError::OutOfMemory) => Err(OutOfMemory).or_raise(),
        Err(fault) => format!("invalid {name}: {fault}"),
    };
    // SAFETY: the frame is that of this call. A caller that takes errors softly does not look at the result.
    unsafe { raise_softly(fcinfo, IN_TEXT, fault) };
    Datum::null()
}

/// The text of a value, as a string that a zero ends.
///
/// # Safety
///
/// `datum` is of such a type, and as [`behind_header`].
pub(crate) unsafe fn into_text(datum: Datum) -> Datum {
    let text = unsafe {
        let allocator = ContextAllocator::current();
        varlena::with_bytes(datum, |bytes| text::encode_in(bytes, 1, allocator).or_raise())
    };
    Datum::from(Vec::leak(text).as_mut_ptr())
}

/// The value in a message.
///
/// # Safety
///
/// `message` is one, of which all from the cursor on is the value's, and as [`behind_header`].
pub(crate) unsafe fn from_message(message: Datum, check: Check) -> Datum {
    // SAFETY: pq_getmsgbytes returns as many bytes as it is asked for, or raises an ERROR.
    unsafe {
        let message: pg_sys::StringInfo = message.cast_mut_ptr();
        let length = (*message).len - (*message).cursor;
        let received = pg_sys::pq_getmsgbytes(message, length);
        checked(std::slice::from_raw_parts(received.cast(), length as usize), check)
    }
}

/// The value of those bytes.
///
/// # Safety
///
/// `datum` is a bytea, and as [`behind_header`].
pub(crate) unsafe fn from_bytea(datum: Datum, check: Check) -> Datum {
    unsafe { varlena::with_bytes(datum, |given| checked(given, check)) }
}
