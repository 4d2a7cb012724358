//! The labels of an enum type. They are what is hashed, since the Oid of a value differs between databases.

use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{self, Datum, Oid};
use allocator_api2::vec::Vec;
use cvm_sketch::OutOfMemory;
use std::ffi::CStr;

/// The labels of the values so far, in the order of their Oids.
pub(crate) struct Labels(Vec<Label, ContextAllocator>);

#[derive(Clone, Copy)]
struct Label {
    oid: u32,
    length: u8,
    bytes: [u8; Label::MAX_LENGTH],
}

impl Label {
    const MAX_LENGTH: usize = pg_sys::NAMEDATALEN as usize - 1;

    #[inline]
    fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }
}

impl Labels {
    pub(crate) fn new_in(allocator: ContextAllocator) -> Self {
        Labels(Vec::new_in(allocator))
    }

    /// The label of a value, if it has been looked up before.
    #[inline]
    pub(crate) fn known(&self, value: Datum) -> Option<&[u8]> {
        let oid = value.value() as u32;
        let position = self.0.binary_search_by_key(&oid, |label| label.oid).ok()?;
        self.0.get(position).map(Label::bytes)
    }

    /// Looks the label of a value up. Raises an ERROR if the value has none.
    ///
    /// # Safety
    ///
    /// `value` is a value of an enum type.
    pub(crate) unsafe fn look_up(&mut self, value: Datum) -> Result<(), OutOfMemory> {
        let oid = value.value() as u32;
        // SAFETY: enum_out takes a value of any enum type and returns a string of its own.
        let text = unsafe { CStr::from_ptr(pg_sys::OidOutputFunctionCall(Oid::from(pg_sys::F_ENUM_OUT), value)) };
        let text = text.to_bytes();
        let mut label = Label {
            oid,
            length: text.len() as u8,
            bytes: [0; Label::MAX_LENGTH],
        };
        label.bytes[..text.len()].copy_from_slice(text);
        self.0.try_reserve(1).map_err(|_| OutOfMemory)?;
        let position = self.0.partition_point(|known| known.oid < oid);
        self.0.insert(position, label);
        Ok(())
    }
}
