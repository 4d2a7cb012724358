//! Memory from PostgreSQL's memory contexts.
//!
//! PostgreSQL counts what lives in a context, so that hash aggregation spills in time. It frees that with the context
//! when the query ends, fails or is cancelled. Nothing here relies on a destructor.

use crate::pg::{pg_sys, unguarded};
use allocator_api2::alloc::{AllocError, Allocator};
use cvm_sketch::{OutOfMemory, Surroundings};
use std::alloc::Layout;
use std::ptr::NonNull;

/// The alignment of everything that PostgreSQL allocates.
const MAXALIGN: usize = pg_sys::MAXIMUM_ALIGNOF as usize;

/// The largest block that PostgreSQL gives out.
const MAX_SIZE: usize = usize::MAX / 2;

/// An allocator that takes from one memory context. Exhaustion is an error to handle, never an abort.
#[derive(Clone, Copy)]
pub(crate) struct ContextAllocator(pg_sys::MemoryContext);

impl ContextAllocator {
    /// # Safety
    ///
    /// `context` is a memory context of a kind that takes blocks of any size and can free each by itself: AllocSet or
    /// Generation, but neither Bump nor Slab. What is allocated through the result is not used after its end.
    pub(crate) unsafe fn new(context: pg_sys::MemoryContext) -> Self {
        ContextAllocator(context)
    }

    /// Takes from the current memory context, in functions that SQL calls. PostgreSQL calls those in the memory of an
    /// expression or of a query, which is AllocSet. It calls the methods of expanded objects in any, even in Bump.
    ///
    /// # Safety
    ///
    /// The call in progress is that of an SQL function. What is allocated through the result is not used after the end
    /// of the current memory context.
    pub(crate) unsafe fn current() -> Self {
        // SAFETY: the current memory context is always one, and of that kind where PostgreSQL calls SQL functions.
        unsafe { Self::new(pg_sys::CurrentMemoryContext) }
    }

    pub(crate) fn context(self) -> pg_sys::MemoryContext {
        self.0
    }

    /// Moves a value to the context, where it stays until the context ends. It is never dropped.
    pub(crate) fn place<T>(self, value: T) -> Result<NonNull<T>, OutOfMemory> {
        let place = self.allocate(Layout::new::<T>()).map_err(|_| OutOfMemory)?.cast();
        // SAFETY: the place was allocated for a `T`.
        unsafe { place.write(value) };
        Ok(place)
    }

    fn allocate_bytes(self, size: usize) -> Result<NonNull<u8>, AllocError> {
        if size > MAX_SIZE {
            return Err(AllocError);
        }
        let flags = pg_sys::MCXT_ALLOC_NO_OOM | pg_sys::MCXT_ALLOC_HUGE;
        // SAFETY: `new` was promised a context. By its flags the function returns NULL when memory is exhausted. It
        // takes the size, so it raises no error.
        let block = unsafe { unguarded::MemoryContextAllocExtended(self.0, size, flags as i32) };
        NonNull::new(block.cast()).ok_or(AllocError)
    }
}

impl Surroundings for ContextAllocator {
    /// As CHECK_FOR_INTERRUPTS. An ERROR unwinds through pgrx's guard, and destructors on the way give memory back to
    /// its context. It leaves a sketch half done that was worked on, and nobody reads that. A function never returns
    /// its result. The state of an aggregate ends with its query: no exception handler in PL/pgSQL can go on with it,
    /// and no cursor after ROLLBACK TO.
    #[inline(always)]
    fn check_for_interrupts(&self) {
        check_for_interrupts();
    }
}

/// As CHECK_FOR_INTERRUPTS. An ERROR unwinds, and runs destructors.
#[inline(always)]
pub(crate) fn check_for_interrupts() {
    // SAFETY: signal handlers set the flag, and PostgreSQL reads it in the same way.
    if unsafe { (&raw const pg_sys::InterruptPending).read_volatile() } != 0 {
        process_interrupts();
    }
}

#[cold]
fn process_interrupts() {
    // SAFETY: PostgreSQL may be interrupted wherever it calls a function of an extension. Where it must not be,
    // counters say so, which this function respects.
    unsafe { pg_sys::ProcessInterrupts() }
}

// SAFETY: a block stays valid until it is freed or its memory context ends. Copies of the allocator name the same
// context. `deallocate` undoes what `allocate` did, which it tells from the layout.
unsafe impl Allocator for ContextAllocator {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let block = if layout.align() <= MAXALIGN {
            self.allocate_bytes(layout.size())?
        } else {
            // In front of the block is padding, up to one alignment unit. Its last word keeps where the padding starts.
            let size = layout.size().checked_add(layout.align()).ok_or(AllocError)?;
            let start = self.allocate_bytes(size)?;
            let offset = layout.align() - start.addr().get() % layout.align();
            // SAFETY: 0 < offset <= align, so the block ends inside what was allocated. Both addresses are multiples of
            // MAXALIGN, so there is room for a word in front of the block.
            unsafe {
                let block = start.add(offset);
                block.cast::<NonNull<u8>>().sub(1).write(start);
                block
            }
        };
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        let start = if layout.align() <= MAXALIGN {
            block
        } else {
            // SAFETY: `allocate` wrote it there for such a layout.
            unsafe { block.cast::<NonNull<u8>>().sub(1).read() }
        };
        // SAFETY: MemoryContextAllocExtended returned it. `new` was promised a context that can free it, so that raises
        // no error.
        unsafe { unguarded::pfree(start.as_ptr().cast()) }
    }
}
