//! Memory from PostgreSQL's memory contexts.
//!
//! State that lives in a context is counted by PostgreSQL, so that hash aggregation spills in time, and is freed with
//! the context when the query ends, fails or is cancelled. Nothing here relies on a destructor being run.

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

    /// Takes from the current memory context, in functions that SQL calls: PostgreSQL calls those in the memory of an
    /// expression or of a query, which is AllocSet. The methods of expanded objects it calls in any, Bump contexts
    /// included.
    ///
    /// # Safety
    ///
    /// The call in progress is that of an SQL function. What is allocated through the result is not used after the end
    /// of the current memory context.
    pub(crate) unsafe fn current() -> Self {
        // SAFETY: the current memory context is always one, and of that kind where SQL functions are called.
        unsafe { Self::new(pg_sys::CurrentMemoryContext) }
    }

    pub(crate) fn context(self) -> pg_sys::MemoryContext {
        self.0
    }

    /// Moves a value to the context, where it stays until the context ends. It is never dropped.
    pub(crate) fn place<T>(self, value: T) -> Result<NonNull<T>, OutOfMemory> {
        let place = self.allocate(Layout::new::<T>()).map_err(|_| OutOfMemory)?.cast();
        // SAFETY: freshly allocated for a T.
        unsafe { place.write(value) };
        Ok(place)
    }

    fn allocate_bytes(self, size: usize) -> Result<NonNull<u8>, AllocError> {
        if size > MAX_SIZE {
            return Err(AllocError);
        }
        let flags = pg_sys::MCXT_ALLOC_NO_OOM | pg_sys::MCXT_ALLOC_HUGE;
        // SAFETY: the context is one, as whoever made the allocator vouched. Told so, the function returns NULL when
        // memory is exhausted, and the size is one that it takes, so it raises no error.
        let block = unsafe { unguarded::MemoryContextAllocExtended(self.0, size, flags as i32) };
        NonNull::new(block.cast()).ok_or(AllocError)
    }
}

impl Surroundings for ContextAllocator {
    /// As CHECK_FOR_INTERRUPTS. Where there is an ERROR to raise, it unwinds through pgrx's guard, and what is dropped
    /// on the way goes back to its memory context. A sketch that was worked on is left half done, and nobody reads it:
    /// a function's result is never returned, and the state of an aggregate ends with its query, of which an exception
    /// handler in PL/pgSQL, or a cursor after ROLLBACK TO, has nothing to go on with.
    #[inline(always)]
    fn check_for_interrupts(&self) {
        check_for_interrupts();
    }
}

/// As CHECK_FOR_INTERRUPTS. An ERROR runs destructors.
#[inline(always)]
pub(crate) fn check_for_interrupts() {
    // SAFETY: a flag that signal handlers set, and that PostgreSQL reads in the same way.
    if unsafe { (&raw const pg_sys::InterruptPending).read_volatile() } != 0 {
        process_interrupts();
    }
}

#[cold]
fn process_interrupts() {
    // SAFETY: PostgreSQL's code may be interrupted wherever it calls a function of an extension, and says itself, in
    // counters that this function respects, where it must not be.
    unsafe { pg_sys::ProcessInterrupts() }
}

// SAFETY: blocks come from a memory context and stay valid until they are freed or the context ends, and copies of the
// allocator name the same context. `deallocate` undoes exactly what `allocate` did, which it tells from the layout.
unsafe impl Allocator for ContextAllocator {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let block = if layout.align() <= MAXALIGN {
            self.allocate_bytes(layout.size())?
        } else {
            // Up to one alignment unit in front of the block is padding; its last word keeps where the padding starts.
            let size = layout.size().checked_add(layout.align()).ok_or(AllocError)?;
            let start = self.allocate_bytes(size)?;
            let offset = layout.align() - start.addr().get() % layout.align();
            // SAFETY: 0 < offset <= align, so the block ends inside what was allocated. Both addresses are multiples
            // of MAXALIGN, so there is room for a word in front of the block.
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
        // SAFETY: this is what MemoryContextAllocExtended returned, in a context that can free it, as whoever made the
        // allocator vouched. So freeing it raises no error.
        unsafe { unguarded::pfree(start.as_ptr().cast()) }
    }
}
