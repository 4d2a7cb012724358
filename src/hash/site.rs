//! What a call site keeps from its first row on: the hasher of its values, and what else the function has learned.

use crate::hash::hasher::Hasher;
use crate::pg::call;
use crate::pg::error::OrRaise;
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{Datum, FunctionCallInfo, MemoryContext};

/// A function of PostgreSQL's version-1 calling convention that takes a row.
pub(crate) type Transition = unsafe extern "C-unwind" fn(FunctionCallInfo) -> Datum;

/// What a function keeps in the `fn_extra` of each of its call sites.
pub(crate) struct Site<K = ()> {
    pub(crate) hasher: Hasher,
    /// What takes the rows from the second on, where an aggregate has a function for the rule.
    pub(crate) transition: Option<Transition>,
    pub(crate) kept: K,
}

/// What a function keeps beside the hasher. It is not made anew when the catalog changes, as the hasher's rule is.
pub(crate) trait Keep {
    /// Made at the first row of a call site. May raise an error.
    ///
    /// # Safety
    ///
    /// The result is not used after the end of `context`.
    unsafe fn new(hasher: &Hasher, context: MemoryContext) -> Self;
}

impl Keep for () {
    unsafe fn new(_: &Hasher, _: MemoryContext) {}
}

impl<K: Keep> Site<K> {
    /// What an earlier row of the same call site has made.
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a call in progress, of a function that keeps nothing but such a site in `fn_extra`.
    #[inline(always)]
    pub(crate) unsafe fn made_before<'a>(fcinfo: FunctionCallInfo) -> Option<&'a mut Self> {
        // SAFETY: PostgreSQL runs one row at a time, and hashing does not come back to the same call site, so the
        // reference is the only one.
        unsafe { (*call::function(fcinfo)).fn_extra.cast::<Self>().as_mut() }
    }

    /// The site for the values of the argument at `index`, counted from 0, made if this is the call site's first row.
    ///
    /// Raises an ERROR when their type has no equality to follow.
    ///
    /// # Safety
    ///
    /// As [`made_before`](Self::made_before); `index` is the same in all calls of the site.
    pub(crate) unsafe fn of_call<'a>(fcinfo: FunctionCallInfo, index: usize) -> &'a mut Self {
        unsafe {
            match Self::made_before(fcinfo) {
                Some(site) => site,
                None => Self::make(fcinfo, index),
            }
        }
    }

    #[cold]
    unsafe fn make<'a>(fcinfo: FunctionCallInfo, index: usize) -> &'a mut Self {
        // SAFETY: the site is placed where `fn_extra` belongs, in fn_mcxt, and lives as long as the function's record.
        unsafe {
            let function = call::function(fcinfo);
            let hasher = Hasher::new(fcinfo, index);
            let kept = K::new(&hasher, (*function).fn_mcxt);
            let site = ContextAllocator::new((*function).fn_mcxt)
                .place(Site {
                    hasher,
                    transition: None,
                    kept,
                })
                .or_raise()
                .as_mut();
            (*function).fn_extra = std::ptr::from_mut(site).cast();
            site
        }
    }
}
