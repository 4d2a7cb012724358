//! The allocator of what Rust allocates by itself, which never ends with small blocks.
//!
//! What a user can make large is in memory contexts. What is not is small: the texts of errors, and what carries a panic
//! up to the guard that makes an ERROR of it. Where the system has nothing left, not even that, Rust's allocator
//! aborts the process, just when PostgreSQL is to report that memory has run out. So a reserve stands by for it. What
//! there is at a time is less than 4 kB for each ERROR on its way, of which PostgreSQL keeps five at most.

use crate::pg::unguarded;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes are set aside.
const SIZE: usize = 64 << 10;

/// Memory of which the blocks are given out one after the other. When all have been given back it starts anew.
#[repr(align(16))]
struct Reserve {
    bytes: UnsafeCell<[u8; SIZE]>,
    /// How many blocks are given out, in the upper half, and where the next one may start, in the lower half.
    state: AtomicU64,
}

// SAFETY: no two blocks that are given out share a byte, and the state is changed by one instruction at a time.
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

// SAFETY: a block is of the system's allocator, or of the reserve where that has none, and goes back to where it is from,
// which its address tells. Each is as large and as aligned as the layout says.
unsafe impl GlobalAlloc for WithReserve {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller vouches for the layout.
        let block = unsafe { System.alloc(layout) };
        if block.is_null() { RESERVE.take(layout) } else { block }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if RESERVE.contains(block) {
            RESERVE.give_back();
        } else {
            // SAFETY: the caller vouches for the block, which is the system's.
            unsafe { System.dealloc(block, layout) }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller vouches for the block and the size. A block that moves is copied as far as both reach.
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

/// Has the C library register, while there is memory, that a thread's panics are to be cleaned up: later it could only
/// abort. Raises an ERROR if there is none, without a panic.
pub(crate) fn prepare() {
    unguarded::ask_for_memory(SIZE);
    let _ = std::panic::catch_unwind(|| panic!("the first panic of a process, which nobody sees"));
}
