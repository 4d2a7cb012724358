//! Rows that wait for the state of their group, while the processor fetches it.
//!
//! With many groups, the next row is of another one, and its state is in no cache. So the hash of a row waits in a
//! ring, and the state is asked for. When the hash has come round, some rows later, the state is there.
//!
//! Only a plan that hashes groups has many states at a time. It keeps them all in one memory context, and resets that
//! between batches, as it starts again, and when it ends. While rows wait, the ring is registered with the context:
//!
//! - The reset of the context calls [`forget`]. No row waits for a state that is gone.
//! - Whoever reads a state finds the ring there, and lets all rows arrive. [`complete`] does this for all functions
//!   that take a state to read it.
//!
//! The order of rows makes no difference to a sketch. An ERROR that a row raises as it arrives ends the same query as
//! if it had not waited.

use crate::hash::hasher::Hasher;
use crate::hash::site::{Keep, Transition};
use crate::pg::call::{aggregate_context, function};
use crate::pg::error::OrRaise;
use crate::pg::pg_sys::{
    self, AGGSPLITOP_SERIALIZE, AGGSPLITOP_SKIPFINAL, AggState, AggStrategy, FunctionCallInfo, MemoryContext,
    MemoryContextCallback, NodeTag, NullableDatum,
};
use crate::row::state::recognized;
use crate::row::transition::Row;
use crate::sketch::state::State;
use pgrx::is_a;
use std::ffi::c_void;
use std::ptr::NonNull;

/// How many rows wait at most. With half or twice as many, groups take as long.
const LENGTH: usize = 16;

/// How many states a call site makes before its rows wait. Up to four times as many, it makes no difference: a core's
/// own cache holds them. Beyond, rows that wait are faster.
const MANY: u32 = 1_024;

/// The rows of one call site that wait for their states. It stays where its call site is.
pub(crate) struct Ring {
    /// Those that wait are in front of `next`, without a gap. The newest is the nearest.
    rows: [Option<Row<State>>; LENGTH],
    next: usize,
    /// How many states the call site has made, up to [`MANY`].
    states: u32,
    /// What lets rows wait; `None` where they never do.
    transition: Option<Transition>,
    /// Whether the context of the states knows this ring.
    is_registered: bool,
    callback: MemoryContextCallback,
}

impl Keep for Ring {
    unsafe fn new(_: &Hasher, _: MemoryContext) -> Self {
        Ring {
            rows: [None; LENGTH],
            next: 0,
            states: 0,
            transition: None,
            is_registered: false,
            callback: MemoryContextCallback::default(),
        }
    }
}

impl Ring {
    /// Lets rows wait by `transition` once there are many states, if that pays and they are all in one context.
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a transition in progress, and this is the ring of its call site.
    pub(crate) unsafe fn prepare(&mut self, transition: Transition, fcinfo: FunctionCallInfo) {
        // SAFETY: the context of a call is NULL or a node, which has the structure that its tag says.
        unsafe {
            let node = (*fcinfo).context;
            if !is_a(node, NodeTag::T_AggState) {
                return;
            }
            let (strategy, split) = {
                let node = node.cast::<AggState>();
                ((*node).aggstrategy, (*node).aggsplit)
            };
            // Such a node has all its states in one context. If it hands them on, it has to write them: whoever reads a
            // state elsewhere does not find the ring.
            let hashes_groups = strategy == AggStrategy::AGG_HASHED
                && (split & AGGSPLITOP_SKIPFINAL == 0 || split & AGGSPLITOP_SERIALIZE != 0);
            // The ring is in the memory of the function's record, and has to outlive the states. PostgreSQL's own call
            // sites do. A caller may also make a record for each row.
            let outlives_states = (*aggregate_context(fcinfo)).parent == (*function(fcinfo)).fn_mcxt;
            // For other processors, stable Rust has nothing to ask with.
            if hashes_groups && outlives_states && cfg!(target_arch = "x86_64") {
                self.transition = Some(transition);
            }
        }
    }

    /// Called before a state is made in `context`. Returns what takes the rows from now on, if that changes.
    ///
    /// # Safety
    ///
    /// `context` is the memory context of the aggregate, and this is the ring of its call site.
    pub(crate) unsafe fn before_state(&mut self, context: MemoryContext) -> Option<Transition> {
        let transition = self.transition?;
        if self.states < MANY {
            self.states += 1;
            return None;
        }
        if self.is_registered {
            return None;
        }
        self.is_registered = true;
        self.callback.func = Some(FORGET);
        self.callback.arg = std::ptr::from_mut(self).cast();
        // SAFETY: `context` is a child of the one that the ring is in, so its reset or end comes before the ring's.
        unsafe { pg_sys::MemoryContextRegisterResetCallback(context, &mut self.callback) };
        Some(transition)
    }

    /// A row comes to wait. Returns the one that has waited longest, if the ring is full.
    #[inline(always)]
    pub(crate) fn exchange(&mut self, row: Row<State>) -> Option<Row<State>> {
        fetch(row.0);
        let place = self.next % LENGTH;
        self.next = place + 1;
        self.rows[place].replace(row)
    }

    /// Lets all rows arrive at their states. May raise an error.
    fn arrive(&mut self) {
        loop {
            let newest = self.next.wrapping_sub(1) % LENGTH;
            let Some((mut state, hash)) = self.rows[newest].take() else {
                return;
            };
            self.next = newest;
            // SAFETY: a state lives until its context is reset, which empties the ring. Nobody holds a reference to it.
            unsafe { state.as_mut() }.sketch.accumulate(hash).or_raise();
        }
    }
}

/// Asks for what a hash needs of a state: its first two cache lines.
#[inline(always)]
fn fetch(state: NonNull<State>) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: this reads nothing, and may be asked of any address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = state.as_ptr().cast::<i8>();
        _mm_prefetch::<_MM_HINT_T0>(start);
        _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(64));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = state;
}

/// The one address of [`forget`], by which a ring is known.
static FORGET: unsafe extern "C-unwind" fn(*mut c_void) = forget;

/// Called by PostgreSQL before it frees the states of a ring: empties the ring.
///
/// # Safety
///
/// The ring was registered with their context.
#[inline(never)]
unsafe extern "C-unwind" fn forget(ring: *mut c_void) {
    // SAFETY: the ring outlives the context.
    let ring = unsafe { &mut *ring.cast::<Ring>() };
    ring.rows = [None; LENGTH];
    ring.is_registered = false;
}

/// The state in an argument of a function that reads it, with all its rows. May raise an error. `context` is the memory
/// context of the aggregate.
///
/// # Safety
///
/// As [`recognized`].
#[inline(always)]
pub(crate) unsafe fn complete<'a>(state: NullableDatum, context: MemoryContext) -> &'a mut State {
    // SAFETY: the context of a call in progress is alive. No reference to a state is held while rows arrive: a node that
    // combines states takes no rows.
    unsafe {
        let callbacks = (*context).reset_cbs;
        if !callbacks.is_null() {
            arrive_all(callbacks);
        }
        recognized(state)
    }
}

/// Lets the rows of all rings arrive that are among the callbacks of a memory context.
#[cold]
unsafe fn arrive_all(mut callback: *const MemoryContextCallback) {
    // SAFETY: what has `forget` for its function is a ring of ours, and is where it was registered.
    unsafe {
        // Taken by copy: the record is a part of the ring.
        while let Some(&MemoryContextCallback { func, arg, next }) = callback.as_ref() {
            if func.is_some_and(|func| func as usize == FORGET as usize) {
                (*arg.cast::<Ring>()).arrive();
            }
            callback = next;
        }
    }
}
