//! The hasher of a call site: a rule, and what it was made for.
//!
//! The type and the collation decide on the rule. They are the same in all rows of a call site. So a [`Hasher`] is made
//! at the first row, and its [site](crate::hash::site) keeps it. The hasher makes its rule anew when the catalog has
//! changed.

use crate::hash::plain::Plain;
use crate::hash::rule::Rule;
use crate::pg::error::{IN_STORAGE, OrRaise, raise};
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{self, Datum, FunctionCallInfo, MemoryContext, Oid, Size};
use crate::pg::{call, invalidation};
use cvm_sketch::Kind;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use std::ffi::CStr;

/// The seed of all hashes where none is given.
pub(crate) const DEFAULT_SEED: u64 = 0;

/// Turns the values of one argument of one call site into hashes.
pub(crate) struct Hasher {
    rule: Rule,
    kind: Kind,
    /// How many changes of the catalog there had been when the rule was made.
    changes: u64,
    declared: Oid,
    collation: Oid,
    /// Where all that the rule refers to lives.
    context: MemoryContext,
}

static CONTEXT_NAME: &CStr = c"cvm_count hash rule";

impl Hasher {
    /// A hasher for the argument at `index`. The caller keeps it with the function record.
    ///
    /// Raises an ERROR when the type has no equality to follow.
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a call in progress; the hasher is not used after the end of its function record.
    pub(crate) unsafe fn new(fcinfo: FunctionCallInfo, index: usize) -> Self {
        // SAFETY: the context of the rule is below fn_mcxt, and lives as long.
        unsafe {
            let function = call::function(fcinfo);
            let declared = pg_sys::get_fn_expr_argtype(function, index as i32);
            if declared == Oid::INVALID {
                raise(
                    PgSqlErrorCode::ERRCODE_INDETERMINATE_DATATYPE,
                    "could not determine the data type of the values to be hashed",
                );
            }
            let collation = (*fcinfo).fncollation;
            // Read before the rule is made, so that a change meanwhile is noticed.
            let changes = invalidation::count();
            let context = pg_sys::AllocSetContextCreateInternal(
                (*function).fn_mcxt,
                CONTEXT_NAME.as_ptr(),
                pg_sys::ALLOCSET_SMALL_MINSIZE as Size,
                pg_sys::ALLOCSET_SMALL_INITSIZE as Size,
                pg_sys::ALLOCSET_SMALL_MAXSIZE as Size,
            );
            let (rule, kind) = Rule::new(declared, collation, ContextAllocator::new(context)).or_raise();
            Hasher {
                rule,
                kind,
                changes,
                declared,
                collation,
                context,
            }
        }
    }

    /// The rule, if it is one that needs nothing but the datum.
    pub(crate) fn plain(&self) -> Option<Plain> {
        match self.rule {
            Rule::Plain(plain) => Some(plain),
            _ => None,
        }
    }

    /// What kind of values it hashes.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// How many changes of the catalog there had been when the rule was made; `None` if it does not depend on them.
    pub(crate) fn changes(&self) -> Option<u64> {
        self.plain().is_none().then_some(self.changes)
    }

    /// The type of the values.
    pub(crate) fn declared(&self) -> Oid {
        self.declared
    }

    /// The hash of a value. `None` leaves it to [`hash`](Self::hash), as when that takes a look-up in the catalog.
    ///
    /// An ERROR unwinds no frames between it and PostgreSQL, as [`unguarded`](crate::pg::unguarded) says. So callers
    /// hold nothing that needs to be dropped.
    ///
    /// # Safety
    ///
    /// `value` is of the type and collation that the hasher was made for.
    #[inline(always)]
    pub(crate) unsafe fn try_hash(&mut self, value: Datum, seed: u64) -> Option<u64> {
        unsafe {
            match &mut self.rule {
                // These do not depend on the catalog.
                Rule::Plain(plain) => plain.hash(value, seed),
                rule if self.changes == invalidation::count() => rule.hash::<false>(value, seed),
                _ => None,
            }
        }
    }

    /// The hash of a value. May allocate and raise an error.
    ///
    /// # Safety
    ///
    /// As [`try_hash`](Self::try_hash), and the caller is behind pgrx's guard.
    pub(crate) unsafe fn hash(&mut self, value: Datum, seed: u64) -> u64 {
        // SAFETY: a rule needs no drop, since all that it holds is in its context.
        unsafe {
            let changes = invalidation::count();
            if self.changes != changes && self.plain().is_none() {
                // An error in between leaves the placeholder. The next call makes the rule anew.
                std::ptr::write(&mut self.rule, Rule::NONE);
                pg_sys::MemoryContextReset(self.context);
                let allocator = ContextAllocator::new(self.context);
                let (rule, _) = Rule::new(self.declared, self.collation, allocator).or_raise();
                std::ptr::write(&mut self.rule, rule);
                self.changes = changes;
            }
            self.rule
                .hash::<true>(value, seed)
                .unwrap_or_else(|| raise(IN_STORAGE, "the value to be hashed is not what its type says"))
        }
    }
}
