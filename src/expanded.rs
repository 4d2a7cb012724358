//! A state as a value of type `cvm_sketch`: the expanded form that PostgreSQL has for values too large to be copied.
//!
//! Aggregates whose state has a type of its own, not `internal`, can be sent between servers by engines that know
//! nothing of it. Their transition functions get the state as a datum and return a datum. A datum that points to an
//! expanded object, with the right to change it, is changed in place; whoever takes it for an ordinary value has it
//! flattened, to the bytes of the sketch.

use crate::error::OrRaise;
use crate::memory::ContextAllocator;
use crate::pg_sys::{self, Datum, ExpandedObjectHeader, ExpandedObjectMethods, MemoryContext, Size};
use crate::state::State;
use crate::varlena;
use pgrx::pg_guard;
use std::ffi::{CStr, c_void};

/// The object.
#[repr(C)]
struct Expanded {
    /// First, since PostgreSQL takes a pointer to it for one to the object.
    header: ExpandedObjectHeader,
    state: State,
}

static METHODS: ExpandedObjectMethods = ExpandedObjectMethods {
    get_flat_size: Some(flat_size),
    flatten_into: Some(flatten_into),
};

/// The name of the context that objects live in, by which it is found again: its address, in fact.
static CONTEXT_NAME: &CStr = c"cvm_sketch states";

/// The context below `parent` that expanded states live in, made if there is none.
///
/// PostgreSQL leaves an expanded state where it is only if its context is a child of the aggregate's. One context for
/// each state would be the custom, and is ruinous for hash aggregation, which adds up the memory of all its contexts at
/// every new group: 60,000 groups took minutes. So the states of an aggregate share one. What PostgreSQL would use a
/// context of its own for, to delete one state before the rest, it does only when a transition returns another state
/// than it was given; these return the same.
///
/// # Safety
///
/// `parent` is a memory context.
unsafe fn shared_context(parent: MemoryContext) -> MemoryContext {
    // SAFETY: the caller vouches for the parent; PostgreSQL keeps its children in a list.
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

/// Makes an expanded object of the state that `make` makes, below the memory context `parent`, and returns it as a
/// datum with the right to change it.
///
/// # Safety
///
/// `parent` is a memory context, and the datum is not used after its end.
pub(crate) unsafe fn new(parent: MemoryContext, make: impl FnOnce(ContextAllocator) -> State) -> Datum {
    // SAFETY: the caller vouches for the parent. The header is initialized by PostgreSQL before anyone reads it; until
    // then zeros are as good as anything, its fields being integers, pointers and bytes.
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
        pg_sys::EOH_init_header(&raw mut (*object).header, &METHODS, context);
        Datum::from((&raw mut (*object).header.eoh_rw_ptr).cast::<u8>())
    }
}

/// The state in a datum that may be changed; `None` for any other value: a plain one, one that may only be read, or an
/// expanded object of another type, which a superuser can make functions take for a sketch.
///
/// # Safety
///
/// `datum` is of type `cvm_sketch`, and nothing else uses it for `'a`.
#[inline(always)]
pub(crate) unsafe fn state_in_place<'a>(datum: Datum) -> Option<&'a mut State> {
    // SAFETY: the caller vouches for the datum. A first byte of 1 says that a tag follows, and this tag, that the
    // address of the object does, unaligned. Every expanded object starts with the header, and those with these methods
    // are made only by `new`. No reference is made to an object of another kind.
    unsafe {
        let pointer: *const u8 = datum.cast_mut_ptr();
        if *pointer != 1 || u32::from(*pointer.add(1)) != pg_sys::vartag_external::VARTAG_EXPANDED_RW {
            return None;
        }
        let object = pointer.add(2).cast::<*mut Expanded>().read_unaligned();
        std::ptr::eq((*object).header.eoh_methods, &METHODS).then(|| &mut (*object).state)
    }
}

/// The length of the sketch as a varlena. PostgreSQL calls this right before [`flatten_into`].
#[pg_guard]
unsafe extern "C-unwind" fn flat_size(object: *mut ExpandedObjectHeader) -> Size {
    // SAFETY: PostgreSQL calls this for objects that `new` has made, and uses them nowhere else meanwhile.
    let sketch = unsafe { &mut (*object.cast::<Expanded>()).state.sketch };
    sketch.settle().or_raise();
    varlena::HEADER_LEN + sketch.header().encoded_len()
}

/// Writes the sketch as a varlena.
///
/// PostgreSQL calls this to form tuples and to copy values, in whatever memory context they are to live in. Since 17
/// sorts, and since 18 hash tables, keep tuples in a Bump context, whose blocks have no header to free them by. So the
/// memory to work in comes from the context of the object, where it is free again for the next one.
#[pg_guard]
unsafe extern "C-unwind" fn flatten_into(object: *mut ExpandedObjectHeader, result: *mut c_void, size: Size) {
    // SAFETY: as above; `result` is memory of the size that `flat_size` said, aligned as a varlena is. The object's
    // context is that of `shared_context`, and what is taken from it here is given back before the call ends.
    unsafe {
        let sketch = &(*object.cast::<Expanded>()).state.sketch;
        let scratch = ContextAllocator::new((*object).eoh_context);
        let bytes = result.cast::<u8>().add(varlena::HEADER_LEN);
        let bytes = std::slice::from_raw_parts_mut(bytes, size - varlena::HEADER_LEN);
        sketch.encode_into(bytes, scratch).or_raise();
        pgrx::set_varsize_4b(result.cast(), size as i32);
    }
}
