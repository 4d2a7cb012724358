//! A state as a value of its type, `cvm_sketch` or `cvm_sample`: the expanded form that PostgreSQL has for values too
//! large to be copied.
//!
//! Engines that know nothing of an aggregate can send its state between servers, if its type is not `internal`. Then
//! transition functions get the state as a datum, and return a datum. They change it in place where the datum points
//! to an expanded object, with the right to change it. For all others PostgreSQL flattens it, to the bytes of the
//! sketch, or of the sample.

use crate::pg::error::OrRaise;
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{self, Datum, ExpandedObjectHeader, ExpandedObjectMethods, MemoryContext, Size};
use crate::pg::varlena;
use std::ffi::{CStr, c_void};

/// A state that can be a value.
pub(crate) trait Value: Sized {
    /// The functions that PostgreSQL calls for objects with such a state, [`flat_size`] and [`flatten_into`]. Their
    /// address tells these objects from others.
    const METHODS: &'static ExpandedObjectMethods;

    /// The state that a flat value stands for.
    ///
    /// # Safety
    ///
    /// `value` is of the type, and the state is not used after the end of the allocator's memory context.
    unsafe fn read(value: Datum, allocator: ContextAllocator) -> Self;

    /// The number of bytes of the flat value, without the header of a varlena. May take memory to work in from
    /// `scratch`.
    fn flat_len(&mut self, scratch: ContextAllocator) -> usize;

    /// Writes these bytes.
    fn write(&mut self, bytes: &mut [u8], scratch: ContextAllocator);
}

/// The object.
#[repr(C)]
struct Expanded<S> {
    /// First, since PostgreSQL takes a pointer to it for one to the object.
    header: ExpandedObjectHeader,
    state: S,
}

/// The name of the context that objects live in. The address of the name is how to find it again.
static CONTEXT_NAME: &CStr = c"cvm_count states";

/// The context below `parent` that expanded states live in, made if there is none.
///
/// PostgreSQL leaves an expanded state where it is only if its context is a child of the aggregate's. By custom each
/// state has a context of its own. But hash aggregation adds up the memory of all its contexts at every new group:
/// 60,000 groups took minutes. So the states of an aggregate share one. PostgreSQL deletes a state's context before the
/// rest only when a transition returns another state than it was given. These return the same.
///
/// # Safety
///
/// `parent` is a memory context.
unsafe fn shared_context(parent: MemoryContext) -> MemoryContext {
    // SAFETY: PostgreSQL keeps the children of a context in a list.
    unsafe {
        let mut child = (*parent).firstchild;
        while !child.is_null() {
            if (*child).name == CONTEXT_NAME.as_ptr() {
                return child;
            }
            child = (*child).nextchild;
        }
        pg_sys::AllocSetContextCreateInternal(
            parent,
            CONTEXT_NAME.as_ptr(),
            pg_sys::ALLOCSET_DEFAULT_MINSIZE as Size,
            pg_sys::ALLOCSET_DEFAULT_INITSIZE as Size,
            pg_sys::ALLOCSET_DEFAULT_MAXSIZE as Size,
        )
    }
}

/// Makes an expanded object of the state that `make` makes, below the memory context `parent`. Returns a datum with the
/// right to change it, and the state.
///
/// # Safety
///
/// `parent` is a memory context, and neither is used after its end.
pub(crate) unsafe fn new<'a, S: Value + 'a>(
    parent: MemoryContext,
    make: impl FnOnce(ContextAllocator) -> S,
) -> (Datum, &'a mut S) {
    // SAFETY: PostgreSQL fills the header in before anyone reads it. Until then zeros do, since its fields are
    // integers, pointers and bytes.
    unsafe {
        let context = shared_context(parent);
        let allocator = ContextAllocator::new(context);
        let object = allocator
            .place(Expanded {
                header: std::mem::zeroed(),
                state: make(allocator),
            })
            .or_raise()
            .as_ptr();
        pg_sys::EOH_init_header(&raw mut (*object).header, S::METHODS, context);
        let datum = Datum::from((&raw mut (*object).header.eoh_rw_ptr).cast::<u8>());
        (datum, &mut (*object).state)
    }
}

/// The state in a datum that may be changed. `None` for any other value: a plain one, or one that may only be read.
/// `None` also for an expanded object of another type, which a superuser can make functions take for one of this.
///
/// # Safety
///
/// `datum` is of the type, and nothing else uses it for `'a`.
#[inline(always)]
pub(crate) unsafe fn state_in_place<'a, S: Value>(datum: Datum) -> Option<&'a mut S> {
    // SAFETY: a first byte of 1 says that a tag follows. This tag says that the address of the object follows,
    // unaligned. Every expanded object starts with the header. Only `new` makes those with these methods, and only
    // these get a reference.
    unsafe {
        let pointer: *const u8 = datum.cast_mut_ptr();
        if *pointer != 1 || u32::from(*pointer.add(1)) != pg_sys::vartag_external::VARTAG_EXPANDED_RW {
            return None;
        }
        let object = pointer.add(2).cast::<*mut Expanded<S>>().read_unaligned();
        std::ptr::eq((*object).header.eoh_methods, S::METHODS).then(|| &mut (*object).state)
    }
}

/// The value as one that may be changed, itself or an expanded form of it, and the state in it.
///
/// # Safety
///
/// `context` is the aggregate's memory context, `value` of the type, and nothing else uses it for `'a`.
#[inline]
pub(crate) unsafe fn in_place<'a, S: Value + 'a>(value: Datum, context: MemoryContext) -> (Datum, &'a mut S) {
    unsafe {
        match state_in_place(value) {
            Some(state) => (value, state),
            None => new(context, |allocator| S::read(value, allocator)),
        }
    }
}

/// The length of the state as a varlena. PostgreSQL calls this right before [`flatten_into`].
///
/// # Safety
///
/// `object` is one that [`new`] has made, and nothing else uses it meanwhile.
pub(crate) unsafe fn flat_size<S: Value>(object: *mut ExpandedObjectHeader) -> Size {
    // SAFETY: the object's context is that of `shared_context`, which can free.
    unsafe {
        let scratch = ContextAllocator::new((*object).eoh_context);
        varlena::HEADER_LEN + (*object.cast::<Expanded<S>>()).state.flat_len(scratch)
    }
}

/// Writes the state as a varlena.
///
/// PostgreSQL calls this to form tuples and to copy values, in whatever memory context they are to live in. That may be
/// a Bump context, whose blocks nobody can free: sorts keep tuples in one since 17, hash tables since 18. So the memory
/// to work in comes from the context of the object. There the next one can use it again.
///
/// # Safety
///
/// As [`flat_size`]; `result` is memory of the size that it said, aligned as a varlena is.
pub(crate) unsafe fn flatten_into<S: Value>(object: *mut ExpandedObjectHeader, result: *mut c_void, size: Size) {
    // SAFETY: as in `flat_size`. The object's context gets back what is taken from it here before the call ends.
    unsafe {
        let scratch = ContextAllocator::new((*object).eoh_context);
        let bytes = result.cast::<u8>().add(varlena::HEADER_LEN);
        let bytes = std::slice::from_raw_parts_mut(bytes, size - varlena::HEADER_LEN);
        (*object.cast::<Expanded<S>>()).state.write(bytes, scratch);
        pgrx::set_varsize_4b(result.cast(), size as i32);
    }
}

/// The functions of PostgreSQL's header for objects with such a state, behind pgrx's guard.
macro_rules! methods {
    ($state:ty) => {{
        #[pgrx::pg_guard]
        unsafe extern "C-unwind" fn flat_size(
            object: *mut $crate::pg::pg_sys::ExpandedObjectHeader,
        ) -> $crate::pg::pg_sys::Size {
            // SAFETY: PostgreSQL calls this for objects that `new` has made, and does not use them meanwhile.
            unsafe { $crate::pg::expanded::flat_size::<$state>(object) }
        }
        #[pgrx::pg_guard]
        unsafe extern "C-unwind" fn flatten_into(
            object: *mut $crate::pg::pg_sys::ExpandedObjectHeader,
            result: *mut std::ffi::c_void,
            size: $crate::pg::pg_sys::Size,
        ) {
            // SAFETY: as above; `result` is memory of the size that `flat_size` said, aligned as a varlena is.
            unsafe { $crate::pg::expanded::flatten_into::<$state>(object, result, size) }
        }
        static METHODS: $crate::pg::pg_sys::ExpandedObjectMethods = $crate::pg::pg_sys::ExpandedObjectMethods {
            get_flat_size: Some(flat_size),
            flatten_into: Some(flatten_into),
        };
        &METHODS
    }};
}
pub(crate) use methods;
