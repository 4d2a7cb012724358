//! The hash function that a type itself has: the last resort, since it only promises that equal values hash alike.

use crate::hash::equality::HashFunction;
use crate::pg::error::OrRaise;
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{self, Datum, FunctionCallInfo, Oid};
use crate::pg::unguarded;
use cvm_sketch::hash;
use std::mem::offset_of;
use std::ptr::NonNull;

/// A type's own hash function, ready to be called.
pub(crate) struct TypeHash {
    frame: NonNull<CallFrame>,
    address: unsafe extern "C-unwind" fn(FunctionCallInfo) -> Datum,
    /// True: 64 bits, with a seed. False: 32 bits, without.
    is_extended: bool,
}

/// A call frame with room for two arguments.
#[repr(C)]
struct CallFrame {
    base: pg_sys::FunctionCallInfoBaseData,
    arguments: [pg_sys::NullableDatum; 2],
    record: pg_sys::FmgrInfo,
}

// PostgreSQL finds the arguments right behind the fixed part of the frame.
const _: () = assert!(offset_of!(CallFrame, arguments) == offset_of!(pg_sys::FunctionCallInfoBaseData, args));

impl TypeHash {
    /// # Safety
    ///
    /// The result is not used after the end of the allocator's memory context.
    pub(crate) unsafe fn new(function: HashFunction, collation: Oid, allocator: ContextAllocator) -> Self {
        // SAFETY: the frame and its function record live in the allocator's memory context. fmgr_info_cxt puts there
        // what the record refers to.
        unsafe {
            let mut frame = allocator.place(std::mem::zeroed::<CallFrame>()).or_raise();
            let CallFrame { base, record, .. } = frame.as_mut();
            pg_sys::fmgr_info_cxt(function.procedure, record, allocator.context());
            base.flinfo = record;
            base.fncollation = collation;
            base.nargs = if function.is_extended { 2 } else { 1 };
            let address = record
                .fn_addr
                .expect("fmgr_info_cxt sets the address or raises an ERROR");
            TypeHash {
                frame,
                address,
                is_extended: function.is_extended,
            }
        }
    }

    /// The type's hash, mixed. No guard is around the call: an ERROR passes as [`unguarded`] says.
    ///
    /// # Safety
    ///
    /// `value` is of the type.
    #[inline]
    pub(crate) unsafe fn call(&mut self, value: Datum, seed: u64) -> u64 {
        // SAFETY: `new` made the frame for this function, in the same memory context.
        let own = unsafe {
            let frame = self.frame.as_mut();
            frame.base.isnull = false;
            frame.arguments[0].value = value;
            frame.arguments[1].value = Datum::from(seed);
            unguarded::call(self.address, &raw mut frame.base)
        };
        let own = if self.is_extended {
            own.value() as i64
        } else {
            i64::from(own.value() as u32)
        };
        hash::integer(own, seed)
    }
}
