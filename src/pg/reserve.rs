//! The global allocator: the system's, and 64 kB in reserve for ERRORs when the system has none left.
//!
//! What a user can make large is in memory contexts. The rest is small: the texts of errors, and what carries a panic
//! up to the guard that makes an ERROR of it. Without memory for that, Rust aborts the process, just when PostgreSQL is
//! to report that memory has run out. So a reserve stands by. Each ERROR on its way takes less than 4 kB, and
//! PostgreSQL keeps five at most.

use crate::pg::unguarded;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes the reserve has.
const SIZE: usize = 64 << 10;

/// Memory that gives out one block after the other. When it has all of them back, it starts anew.
#[repr(align(16))]
struct Reserve {
    bytes: UnsafeCell<[u8; SIZE]>,
    /// The upper half is how many blocks are given out; the lower half is where the next one may start.
    state: AtomicU64,
}

// SAFETY: no two blocks that are given out share a byte. One instruction at a time changes the state.
unsafe impl Sync for Reserve {}

impl Reserve {
    const fn new() -> Self {
        Reserve {
            bytes: UnsafeCell::new([0; SIZE]),
            state: AtomicU64::new(0),
        }
    }

    fn start(&self) -> *mut u8 {
        self.bytes.get().cast()
    }

    fn contains(&self, block: *mut u8) -> bool {
        (block.addr().wrapping_sub(self.start().addr())) < SIZE
    }

    /// A block, or null if there is no room for it.
    fn take(&self, layout: Layout) -> *mut u8 {
        let mut start = 0;
        let taken = self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, |state| {
            let (count, used) = (state >> 32, state as u32 as usize);
            let padding = self.start().wrapping_add(used).align_offset(layout.align());
            start = used.checked_add(padding)?;
            let end = start.checked_add(layout.size())?;
            (end <= SIZE).then_some((count + 1) << 32 | end as u64)
        });
        match taken {
            Ok(_) => self.start().wrapping_add(start),
            Err(_) => std::ptr::null_mut(),
        }
    }

    /// Takes a block back.
    fn give_back(&self) {
        let _ = self.state.fetch_update(Ordering::Release, Ordering::Relaxed, |state| {
            let (count, used) = ((state >> 32) - 1, u64::from(state as u32));
            Some(if count == 0 { 0 } else { count << 32 | used })
        });
    }
}

static RESERVE: Reserve = Reserve::new();

struct WithReserve;

#[global_allocator]
static ALLOCATOR: WithReserve = WithReserve;

// SAFETY: a block is the system's, or the reserve's where the system has none. Its address tells where it goes back to.
// Each is as large and as aligned as the layout says.
unsafe impl GlobalAlloc for WithReserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = unsafe { System.alloc(layout) };
        if block.is_null() { RESERVE.take(layout) } else { block }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if RESERVE.contains(block) {
            RESERVE.give_back();
        } else {
            // SAFETY: what is not the reserve's is the system's.
            unsafe { System.dealloc(block, layout) }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: a block that moves is copied as far as both reach.
        unsafe {
            if !RESERVE.contains(block) {
                let moved = System.realloc(block, layout, size);
                if !moved.is_null() {
                    return moved;
                }
            }
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                moved.copy_from_nonoverlapping(block, layout.size().min(size));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

/// Panics once, so that the C library makes its record for the clean-up of a thread's panics now. Out of memory, it
/// would abort. If memory is short already, this raises an ERROR without a panic.
pub(crate) fn prepare() {
    unguarded::ask_for_memory(SIZE);
    let _ = std::panic::catch_unwind(|| panic!("the first panic of a process, which nobody sees"));
}
