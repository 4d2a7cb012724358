//! The transition functions of the aggregates over values.
//!
//! They run once a row, so they are bare C functions. They read the call frame themselves, and cannot panic. Only what
//! hashes a value may raise an error there, as [`unguarded`](crate::pg::unguarded) says. Everything else (the first
//! row, growth, thinning, mistakes) is in cold functions behind pgrx's guard.
//!
//! Some rules need nothing but the datum. Where the type has one, a function compiled for it takes the rows from the
//! second on.

use crate::hash::hasher::{DEFAULT_SEED, Hasher};
use crate::hash::plain::{PlainHash, Visitor};
use crate::hash::site::{Keep, Site, Transition};
use crate::pg::call::{self, aggregate_context, argument, unchanged};
use crate::pg::error::OrRaise;
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{self, Datum, FunctionCallInfo, NodeTag, TargetEntry};
use crate::pg::query_tree::elements;
use crate::row::state::{GroupState, recognized, trusted};
use cvm_sketch::Kind;
use pgrx::{is_a, pg_guard};
use std::marker::PhantomData;

/// An aggregate over values. Its transition functions take the state, the value, what belongs to the value, and then
/// the parameters. All rows of a group have the same parameters; the last may be a seed.
pub(crate) trait Aggregate: 'static {
    type State: GroupState;

    /// The parameters of a call.
    type Parameters: Copy;

    /// What a call site keeps beside the hasher.
    type Kept: Keep;

    /// Where the parameters start, counted from 0.
    const PARAMETERS_AT: usize;

    /// Where the seed is.
    const SEED_AT: usize;

    /// The functions that SQL declares, for any type.
    const DECLARED: [Transition; 2];

    /// The parameters of a call. Raises an ERROR when one is NULL or outside its legal range.
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a transition.
    unsafe fn parameters(fcinfo: FunctionCallInfo) -> Self::Parameters;

    /// The seed of the hashes.
    fn seed(parameters: Self::Parameters) -> u64;

    /// The state of a group without values. All that come must be of that kind.
    fn new_state(parameters: Self::Parameters, kind: Kind, allocator: ContextAllocator) -> Self::State;

    /// Whether a row has the same parameters as the rows before. Cannot raise an error.
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a transition with this state.
    unsafe fn is_said_again(state: &Self::State, fcinfo: FunctionCallInfo) -> bool;

    /// Raises an ERROR if a row has other parameters than the rows before.
    fn raise_unless_said_before(state: &Self::State, parameters: Self::Parameters);

    /// Accumulates a hash that the state has not [taken](GroupState::offer).
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a transition whose value has that hash. Its call site has a [`Site`] of the aggregate.
    unsafe fn accumulate(state: &mut Self::State, hash: u64, fcinfo: FunctionCallInfo);
}

/// A transition function for any type. `COMPARES`: whether each row compares its parameters with those of the rows
/// before.
///
/// For the common types it only runs until the first value: then another [takes its place](put_in_place). Compiled
/// expressions still come here, and go on to the other.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition of the aggregate.
#[inline(always)]
pub(crate) unsafe fn accumulate<A: Aggregate, const COMPARES: bool>(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        match Site::<A::Kept>::made_before(fcinfo).and_then(|site| site.transition) {
            Some(transition) => transition(fcinfo),
            None => accumulate_by_rule::<A, COMPARES>(fcinfo),
        }
    }
}

/// As [`accumulate`], for rules without a function of their own. It is kept out of line: else `accumulate` would save
/// registers on the way to such a function, too.
///
/// # Safety
///
/// As [`accumulate`].
#[inline(never)]
unsafe extern "C-unwind" fn accumulate_by_rule<A: Aggregate, const COMPARES: bool>(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        // Before the first value of a call site is hashed, the state may be another aggregate's.
        if COMPARES && Site::<A::Kept>::made_before(fcinfo).is_none() {
            return accumulate_slowly::<A>(fcinfo);
        }
        accumulate_with::<A, COMPARES>(fcinfo, |value, seed| {
            Site::<A::Kept>::made_before(fcinfo)?.hasher.try_hash(value, seed)
        })
    }
}

/// As [`accumulate`], for values that `H` hashes, from the second value of a call site on. The call has no seed.
///
/// # Safety
///
/// As [`accumulate`], and `H` is for the type of the values.
unsafe extern "C-unwind" fn accumulate_by_type<A: Aggregate, H: PlainHash, const COMPARES: bool>(
    fcinfo: FunctionCallInfo,
) -> Datum {
    unsafe { accumulate_with::<A, COMPARES>(fcinfo, |value, _| H::hash(value, DEFAULT_SEED)) }
}

/// The path of a row. `hash` gives the hash of a value. If it gives `None`, as when that needs the catalog, the slow
/// path takes the row.
///
/// All its ends are returns or tail calls, so that a row saves and restores no registers. No local needs to be dropped,
/// so an ERROR that hashing raises may leave this frame behind.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition, and `hash` may be called with its value. It gives a hash only if the call has
/// a [`Site`]. With `COMPARES`, the call has one.
#[inline(always)]
unsafe fn accumulate_with<A: Aggregate, const COMPARES: bool>(
    fcinfo: FunctionCallInfo,
    hash: impl FnOnce(Datum, u64) -> Option<u64>,
) -> Datum {
    // SAFETY: SQL cannot make or pass a value of type internal. Once a call site has hashed a value, all states that
    // come to it are its own: a group begins with NULL, and goes on with what this site has returned. Before, no state
    // is read here: without a site, `hash` gives `None`, and whoever compares has looked for it. PostgreSQL uses the
    // state nowhere else during the call.
    unsafe {
        let state = argument(fcinfo, 0);
        let mut seed = DEFAULT_SEED;
        if COMPARES {
            if state.isnull || !A::is_said_again(trusted(state).as_ref(), fcinfo) {
                return accumulate_slowly::<A>(fcinfo);
            }
            seed = trusted::<A::State>(state).as_ref().seed();
        }
        let value = argument(fcinfo, 1);
        if value.isnull {
            return unchanged(fcinfo, state);
        }
        if state.isnull {
            return accumulate_slowly::<A>(fcinfo);
        }
        match hash(value.value, seed) {
            None => accumulate_slowly::<A>(fcinfo),
            Some(hash) if trusted::<A::State>(state).as_mut().offer(hash) => state.value,
            Some(hash) => go_on::<A>(fcinfo, state.value, hash),
        }
    }
}

/// Accumulates a hash that the state has not taken. Returns the state.
///
/// # Safety
///
/// As [`Aggregate::accumulate`]; `state` is the group's, and nothing else uses it.
#[cold]
#[pg_guard]
unsafe extern "C-unwind" fn go_on<A: Aggregate>(fcinfo: FunctionCallInfo, state: Datum, hash: u64) -> Datum {
    unsafe {
        A::accumulate(&mut *state.cast_mut_ptr(), hash, fcinfo);
        state
    }
}

/// The rows that the transition functions leave over.
///
/// # Safety
///
/// As [`accumulate`].
#[cold]
#[pg_guard]
unsafe extern "C-unwind" fn accumulate_slowly<A: Aggregate>(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the state is this group's alone, and PostgreSQL uses it nowhere else during the call.
    unsafe {
        let context = aggregate_context(fcinfo);
        let (state, value) = (argument(fcinfo, 0), argument(fcinfo, 1));
        let parameters = A::parameters(fcinfo);
        let given = (!state.isnull).then(|| recognized::<A::State>(state));
        if let Some(state) = &given {
            A::raise_unless_said_before(state, parameters);
        }
        if value.isnull {
            return unchanged(fcinfo, state);
        }
        let is_first = Site::<A::Kept>::made_before(fcinfo).is_none();
        let site = Site::<A::Kept>::of_call(fcinfo, 1);
        if is_first && let Some(transition) = transition_by_type::<A>(fcinfo, &site.hasher) {
            site.transition = Some(transition);
            put_in_place::<A>(fcinfo, transition);
        }
        let hash = site.hasher.hash(value.value, A::seed(parameters));
        let state = match given {
            Some(state) => state,
            None => {
                let allocator = ContextAllocator::new(context);
                let state = A::new_state(parameters, site.hasher.kind(), allocator);
                allocator.place(state).or_raise().as_mut()
            }
        };
        if !state.offer(hash) {
            A::accumulate(state, hash, fcinfo);
        }
        Datum::from(std::ptr::from_mut(state))
    }
}

/// The transition function for the type of a call site, if there is one. If the parameters are constant, this is the
/// version that does not compare them.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition of the aggregate in progress, whose values go by `hasher`.
unsafe fn transition_by_type<A: Aggregate>(fcinfo: FunctionCallInfo, hasher: &Hasher) -> Option<Transition> {
    struct ByType<A> {
        compares: bool,
        of: PhantomData<A>,
    }
    impl<A: Aggregate> Visitor for ByType<A> {
        type Output = Transition;
        fn visit<H: PlainHash>(self) -> Self::Output {
            match self.compares {
                false => accumulate_by_type::<A, H, false>,
                true => accumulate_by_type::<A, H, true>,
            }
        }
    }
    unsafe {
        // A seed would be one more thing that is not known when this is compiled.
        let plain = hasher.plain().filter(|_| (*fcinfo).nargs as usize <= A::SEED_AT)?;
        Some(plain.visit(ByType::<A> {
            compares: !are_constant(fcinfo, A::PARAMETERS_AT),
            of: PhantomData,
        }))
    }
}

/// Lets the call site of `fcinfo` call `transition` from now on.
///
/// PostgreSQL calls a function through the address in the call site's own copy of the function's record. Another
/// address there makes the type's rule a part of that call, and saves a branch on the rule in every row. A call site
/// has one type under one collation; another call site has another record. Compiled expressions go on to call the
/// declared function by its name, which finds the new one in the site. Other callers of the declared function reach the
/// new one the same way.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition of the aggregate in progress. `transition` does the same in all later calls.
unsafe fn put_in_place<A: Aggregate>(fcinfo: FunctionCallInfo, transition: Transition) {
    unsafe {
        // A superuser's function may hand its own frame on to ours: then the record is that function's.
        let function = call::function(fcinfo);
        let is_declared = |address| A::DECLARED.iter().any(|&declared| declared as usize == address);
        if (*function).fn_addr.is_some_and(|address| is_declared(address as usize)) {
            (*function).fn_addr = Some(transition);
        }
    }
}

/// Whether all arguments of a transition from `first` on are constant, and so the same in every row.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition in progress.
unsafe fn are_constant(fcinfo: FunctionCallInfo, first: usize) -> bool {
    // SAFETY: an aggregate that is no window function has a node. Its arguments are target entries: what the transition
    // takes beside the state, and what the rows are ordered by.
    unsafe {
        let count = (*fcinfo).nargs as usize;
        if count <= first {
            return true;
        }
        let aggregate = pg_sys::AggGetAggref(fcinfo);
        !aggregate.is_null()
            && elements::<TargetEntry>((*aggregate).args)
                .take(count - 1)
                .skip(first - 1)
                .filter(|&argument| is_a((*argument).expr.cast(), NodeTag::T_Const))
                .count()
                == count - first
    }
}
