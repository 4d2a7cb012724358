//! The transition functions of the aggregates over values.
//!
//! They run once a row, so they are bare C functions. They read the call frame themselves, and cannot panic. Only what
//! hashes a value may raise an error there, as [`unguarded`](crate::pg::unguarded) says. Everything else (the first
//! row, growth, thinning, mistakes) is in cold functions behind pgrx's guard.
//!
//! Some rules need nothing but the datum. Where the type has one, a function compiled for it takes the rows from the
//! second on.

use crate::hash::hasher::DEFAULT_SEED;
use crate::hash::plain::{PlainHash, Visitor};
use crate::hash::site::{Keep, Site, Transition};
use crate::pg::call::{self, aggregate_context, argument, unchanged};
use crate::pg::error::OrRaise;
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{self, Datum, FunctionCallInfo, MemoryContext, NodeTag, TargetEntry};
use crate::pg::query_tree::elements;
use crate::row::state::{GroupState, recognized, trusted};
use cvm_sketch::Kind;
use pgrx::{is_a, pg_guard};
use std::ptr::NonNull;

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
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a transition with these parameters.
    unsafe fn raise_unless_said_before(state: &Self::State, parameters: Self::Parameters, fcinfo: FunctionCallInfo);

    /// Accumulates a hash that the state has not [taken](GroupState::offer).
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a transition. Its call site has a [`Site`] of the aggregate. Its value has that hash,
    /// unless the aggregate [prepares](Self::prepare) for rows to wait.
    unsafe fn accumulate(state: &mut Self::State, hash: u64, fcinfo: FunctionCallInfo);

    /// Prepares a call site for rows to wait, if they may. `H` hashes their values. They have no seed, and their
    /// parameters are constant.
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a transition in progress, and `kept` is what its call site keeps.
    unsafe fn prepare<H: PlainHash>(_kept: &mut Self::Kept, _fcinfo: FunctionCallInfo) {}

    /// Called before a call site makes a state in `context`. Returns what takes its rows from now on, if that changes.
    ///
    /// # Safety
    ///
    /// `kept` is what the call site keeps, and `context` is the memory context of its aggregate.
    unsafe fn before_state(_kept: &mut Self::Kept, _context: MemoryContext) -> Option<Transition> {
        None
    }
}

/// The state of a row's group, and the hash of its value.
pub(crate) type Row<S> = (NonNull<S>, u64);

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
        let hash = |value, seed| Site::<A::Kept>::made_before(fcinfo)?.hasher.try_hash(value, seed);
        accumulate_with::<A, COMPARES>(fcinfo, hash, |row| at_once::<A>(fcinfo, row))
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
    unsafe {
        let hash = |value, _| H::hash(value, DEFAULT_SEED);
        accumulate_with::<A, COMPARES>(fcinfo, hash, |row| at_once::<A>(fcinfo, row))
    }
}

/// As [`accumulate_by_type`], for rows that wait: `wait` takes one, and may return an earlier one whose turn it is.
///
/// # Safety
///
/// As [`accumulate_by_type`]; the parameters are constant. What `wait` returns is a state of the same call site, which
/// nothing else uses.
#[inline(always)]
pub(crate) unsafe fn accumulate_later<A: Aggregate, H: PlainHash>(
    fcinfo: FunctionCallInfo,
    wait: impl FnOnce(Row<A::State>) -> Option<Row<A::State>>,
) -> Datum {
    unsafe {
        let hash = |value, _| H::hash(value, DEFAULT_SEED);
        accumulate_with::<A, false>(fcinfo, hash, |row| match wait(row) {
            Some((state, hash)) if !(*state.as_ptr()).offer(hash) => go_on_later::<A>(fcinfo, state, hash),
            _ => argument(fcinfo, 0).value,
        })
    }
}

/// The end of the path, of a row that does not wait.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition with that row.
#[inline(always)]
unsafe fn at_once<A: Aggregate>(fcinfo: FunctionCallInfo, (state, hash): Row<A::State>) -> Datum {
    unsafe {
        let state = state.as_ptr();
        match (*state).offer(hash) {
            true => Datum::from(state),
            false => go_on::<A>(fcinfo, Datum::from(state), hash),
        }
    }
}

/// The path of a row. `hash` gives the hash of a value. If it gives `None`, as when that needs the catalog, the slow
/// path takes the row. `end` takes it from there, and returns its state.
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
    end: impl FnOnce(Row<A::State>) -> Datum,
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
            Some(hash) => end((trusted(state), hash)),
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

/// As [`go_on`], for a row that has waited. Returns the state of the row that has come.
///
/// # Safety
///
/// As [`go_on`].
#[cold]
#[pg_guard]
unsafe extern "C-unwind" fn go_on_later<A: Aggregate>(
    fcinfo: FunctionCallInfo,
    state: NonNull<A::State>,
    hash: u64,
) -> Datum {
    unsafe {
        A::accumulate(&mut *state.as_ptr(), hash, fcinfo);
        argument(fcinfo, 0).value
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
        if !state.isnull {
            A::raise_unless_said_before(recognized(state), parameters, fcinfo);
        }
        if value.isnull {
            return unchanged(fcinfo, state);
        }
        let is_first = Site::<A::Kept>::made_before(fcinfo).is_none();
        let site = Site::<A::Kept>::of_call(fcinfo, 1);
        if is_first && let Some(transition) = transition_by_type::<A>(fcinfo, site) {
            put_in_place::<A>(fcinfo, site, transition);
        }
        let hash = site.hasher.hash(value.value, A::seed(parameters));
        let place = if state.isnull {
            if let Some(transition) = A::before_state(&mut site.kept, context) {
                put_in_place::<A>(fcinfo, site, transition);
            }
            let allocator = ContextAllocator::new(context);
            let state = A::new_state(parameters, site.hasher.kind(), allocator);
            allocator.place(state).or_raise()
        } else {
            trusted(state)
        };
        // What is returned does not come from this reference: the state is used long after it.
        let state = &mut *place.as_ptr();
        if !state.offer(hash) {
            A::accumulate(state, hash, fcinfo);
        }
        Datum::from(place.as_ptr())
    }
}

/// The transition function for the type of a call site, if there is one. If the parameters are constant, this is the
/// version that does not compare them, and the site is prepared for rows to wait.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition of the aggregate in progress, and `site` is its call site.
unsafe fn transition_by_type<A: Aggregate>(fcinfo: FunctionCallInfo, site: &mut Site<A::Kept>) -> Option<Transition> {
    struct ByType<'a, A: Aggregate> {
        fcinfo: FunctionCallInfo,
        kept: &'a mut A::Kept,
    }
    impl<A: Aggregate> Visitor for ByType<'_, A> {
        type Output = Transition;
        fn visit<H: PlainHash>(self) -> Self::Output {
            // SAFETY: as `transition_by_type` was promised.
            unsafe {
                if !are_constant(self.fcinfo, A::PARAMETERS_AT) {
                    return accumulate_by_type::<A, H, true>;
                }
                A::prepare::<H>(self.kept, self.fcinfo);
            }
            accumulate_by_type::<A, H, false>
        }
    }
    unsafe {
        // A seed would be one more thing that is not known when this is compiled.
        let plain = site.hasher.plain().filter(|_| (*fcinfo).nargs as usize <= A::SEED_AT)?;
        let kept = &mut site.kept;
        Some(plain.visit(ByType::<A> { fcinfo, kept }))
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
/// `fcinfo` is the frame of a transition of the aggregate in progress, and `site` is its call site. `transition` does
/// the same in all later calls.
unsafe fn put_in_place<A: Aggregate>(fcinfo: FunctionCallInfo, site: &mut Site<A::Kept>, transition: Transition) {
    unsafe {
        let mut ours = A::DECLARED.into_iter().chain(site.transition.replace(transition));
        // A superuser's function may hand its own frame on to ours: then the record is that function's.
        let function = call::function(fcinfo);
        if (*function)
            .fn_addr
            .is_some_and(|address| ours.any(|ours| ours as usize == address as usize))
        {
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
