//! `cvm_sample_agg`, `cvm_sample_agg_measured` and `cvm_sample_union_agg`: their support functions, in the order in which
//! PostgreSQL calls them, those of the union last. And `cvm_sample_of`, which makes of one row what the first two do of
//! many.
//!
//! A row whose value is not in the sample, which is most rows of a long table, takes the way that it takes into a
//! sketch: a bare function hashes it and compares. A row whose value is in the sample is counted behind pgrx's guard,
//! and only a value that is taken into the sample, or may be written differently than before, is written as text.

use crate::hash::hasher::{DEFAULT_SEED, Hasher, Transition};
use crate::hash::plain::{PlainHash, Visitor};
use crate::pg::call::{self, aggregate_context, argument, declare_function, raise_parameter, return_null};
use crate::pg::error::{OrRaise, raise_invalid_sample, raise_with_hint};
use crate::pg::expanded::{self, Value};
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{self, Datum, ExpandedObjectMethods, FunctionCallInfo, MemoryContext, NullableDatum};
use crate::pg::varlena;
use crate::sample::text::Writer;
use crate::sample::value::{encode, with_sample};
use allocator_api2::vec::Vec;
use cvm_sketch::EncodedSample;
use cvm_sketch::sample::{DEFAULT_SIZE, MAX_SIZE, MIN_SIZE, Sample};
use pgrx::pg_guard;
use pgrx::pg_sys::errcodes::PgSqlErrorCode;

declare_function! {
    pg_finfo_cvm_sample_accumulate for cvm_sample_accumulate,
    pg_finfo_cvm_sample_accumulate_sized for cvm_sample_accumulate_sized,
    pg_finfo_cvm_sample_accumulate_measured for cvm_sample_accumulate_measured,
    pg_finfo_cvm_sample_accumulate_measured_sized for cvm_sample_accumulate_measured_sized,
    pg_finfo_cvm_sample_combine for cvm_sample_combine,
    pg_finfo_cvm_sample_serialize for cvm_sample_serialize,
    pg_finfo_cvm_sample_deserialize for cvm_sample_deserialize,
    pg_finfo_cvm_sample_final for cvm_sample_final,
    pg_finfo_cvm_sample_merge for cvm_sample_merge,
    pg_finfo_cvm_sample_final_flat for cvm_sample_final_flat,
    pg_finfo_cvm_sample_of for cvm_sample_of,
}

/// What memory starts with that is a state of these aggregates, and other memory does not but for a chance of 2^-128.
const MARK: [u64; 2] = [0x1C6B_0A5F_93D2_E847, 0xB52D_7E16_4F8A_39C3];

/// The state of one group. It and all it refers to live in one memory context.
#[repr(C)] // The mark stands first, where it is looked for in memory that may be something else.
struct State {
    mark: [u64; 2],
    sample: Sample<ContextAllocator>,
}

/// What a call site keeps of the type of its values.
struct Site {
    hasher: Hasher,
    writer: Writer,
}

impl Site {
    /// What an earlier row of the same call site has made.
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a call in progress, of a function that keeps nothing but this in `fn_extra`. PostgreSQL
    /// runs one row at a time, so the reference is the only one.
    #[inline(always)]
    unsafe fn made_before<'a>(fcinfo: FunctionCallInfo) -> Option<&'a mut Site> {
        // SAFETY: the caller vouches for what fn_extra holds.
        unsafe { (*call::function(fcinfo)).fn_extra.cast::<Site>().as_mut() }
    }

    /// The same, made if this is the call site's first row. Raises an ERROR when the type has no equality to follow.
    ///
    /// # Safety
    ///
    /// As [`made_before`](Self::made_before), and the value is the argument at `index`, in all calls of the site.
    unsafe fn of_call<'a>(fcinfo: FunctionCallInfo, index: usize) -> &'a mut Site {
        // SAFETY: the caller vouches for the frame. It is placed where fn_extra belongs, in fn_mcxt, and lives as long
        // as the function record, and so does all that it refers to.
        unsafe {
            if let Some(site) = Self::made_before(fcinfo) {
                return site;
            }
            let function = call::function(fcinfo);
            let hasher = Hasher::new(fcinfo, index);
            let writer = Writer::new(hasher.declared(), hasher.kind(), (*function).fn_mcxt);
            let allocator = ContextAllocator::new((*function).fn_mcxt);
            let site = allocator.place(Site { hasher, writer }).or_raise().as_mut();
            (*function).fn_extra = std::ptr::from_mut(site).cast();
            site
        }
    }
}

/// What a call says of the sample: its size, and then a seed.
#[derive(Clone, Copy)]
pub(crate) struct Parameters {
    pub(crate) size: u32,
    pub(crate) seed: u64,
}

/// The arguments of a transition, counted from 0: state, value, a measure if it `IS_MEASURED`, and what the call says of
/// the sample, its size first.
const VALUE: usize = 1;
const MEASURE: usize = 2;

const fn size_at(is_measured: bool) -> usize {
    if is_measured { MEASURE + 1 } else { MEASURE }
}

impl Parameters {
    /// What the arguments from `first` on say. Raises an ERROR when one is NULL or outside its legal range, with the hint
    /// if it is the size. What the call does not say is as if nobody had said it.
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a call in progress, with no arguments from there on but a size and a seed.
    pub(crate) unsafe fn of_call(fcinfo: FunctionCallInfo, first: usize, hint: Option<&str>) -> Self {
        // SAFETY: the caller vouches for the frame.
        let given = |index| unsafe { (index < (*fcinfo).nargs as usize).then(|| argument(fcinfo, index)) };
        let size = given(first).map_or(DEFAULT_SIZE, |given| {
            let refuse = |given| {
                let message = format!("size must be between {MIN_SIZE} and {MAX_SIZE}, not {given}");
                raise_parameter_with(message, hint)
            };
            if given.isnull {
                refuse("NULL".to_string());
            }
            let size = given.value.value() as i32;
            match u32::try_from(size) {
                Ok(size) if (MIN_SIZE..=MAX_SIZE).contains(&size) => size,
                _ => refuse(size.to_string()),
            }
        });
        let seed = given(first + 1).map_or(DEFAULT_SEED, |given| {
            if given.isnull {
                raise_parameter("seed must be a bigint, not NULL");
            }
            given.value.value() as u64
        });
        Parameters { size, seed }
    }

    /// Raises an ERROR if these are others than those that the rows before have said, with the hint if it is the size.
    fn raise_unless_said_before(self, sample: &Sample<ContextAllocator>, hint: Option<&str>) {
        for (name, before, given, hint) in [
            ("size", i64::from(sample.size()), i64::from(self.size), hint),
            ("seed", sample.seed() as i64, self.seed as i64, None),
        ] {
            if before != given {
                let message = format!("{name} must be the same in every row, not {before} and then {given}");
                raise_parameter_with(message, hint);
            }
        }
    }
}

/// What was meant as a measure, and is taken for a size.
const MEASURE_HINT: &str = "The second argument of cvm_sample_agg is a size. \
     A measure is the second one of cvm_sample_agg_measured.";

#[track_caller]
fn raise_parameter_with(message: String, hint: Option<&str>) -> ! {
    match hint {
        Some(hint) => raise_with_hint(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message, hint),
        None => raise_parameter(message),
    }
}

/// Transition: `cvm_sample_accumulate(internal, anyelement) returns internal`, not strict.
///
/// For the common types it only runs until the first value: [`accumulate`] then [takes its place](Hasher::specialize).
/// Compiled expressions come here, and go on to that.
///
/// # Safety
///
/// Called by PostgreSQL, as declared in `sql/cvm_count.sql`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_sample_accumulate(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives state and value, and the site is that of the call.
    unsafe {
        match Site::made_before(fcinfo).and_then(|site| site.hasher.transition()) {
            Some(transition) => transition(fcinfo),
            None => accumulate_by_rule::<false>(fcinfo),
        }
    }
}

/// Transition: `cvm_sample_accumulate_measured(internal, anyelement, float8) returns internal`, not strict: as
/// [`cvm_sample_accumulate`].
///
/// # Safety
///
/// As [`cvm_sample_accumulate`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_sample_accumulate_measured(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives state, value and measure, and the site is that of the call.
    unsafe {
        match Site::made_before(fcinfo).and_then(|site| site.hasher.transition()) {
            Some(transition) => transition(fcinfo),
            None => accumulate_by_rule::<true>(fcinfo),
        }
    }
}

/// These where there is no transition for the rule.
///
/// # Safety
///
/// As [`cvm_sample_accumulate`], with a measure if it `IS_MEASURED`.
#[inline(never)]
unsafe extern "C-unwind" fn accumulate_by_rule<const IS_MEASURED: bool>(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the caller vouches for the frame.
    unsafe {
        accumulate_with::<IS_MEASURED>(fcinfo, |value| match Site::made_before(fcinfo) {
            Some(site) => site.hasher.try_hash(value, DEFAULT_SEED),
            None => None,
        })
    }
}

/// These for values that are hashed as `H` says.
///
/// # Safety
///
/// As [`accumulate_by_rule`], and `H` is for the type of the values.
unsafe extern "C-unwind" fn accumulate<H: PlainHash, const IS_MEASURED: bool>(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the caller vouches for the frame and the type.
    unsafe { accumulate_with::<IS_MEASURED>(fcinfo, |value| H::hash(value, DEFAULT_SEED)) }
}

/// Transition: `cvm_sample_accumulate(internal, anyelement, integer [, bigint]) returns internal`, not strict.
///
/// # Safety
///
/// As [`cvm_sample_accumulate`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_sample_accumulate_sized(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives state, value and size, and maybe a seed.
    unsafe { accumulate_sized::<false>(fcinfo) }
}

/// Transition: `cvm_sample_accumulate_measured(internal, anyelement, float8, integer [, bigint]) returns internal`, not
/// strict.
///
/// # Safety
///
/// As [`cvm_sample_accumulate`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_sample_accumulate_measured_sized(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives state, value, measure and size, and maybe a seed.
    unsafe { accumulate_sized::<true>(fcinfo) }
}

/// # Safety
///
/// As [`accumulate_by_rule`], with a size, and maybe a seed.
#[inline(always)]
unsafe fn accumulate_sized<const IS_MEASURED: bool>(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the caller vouches for the frame, and the site is that of the call.
    unsafe {
        let (size_at, seed_at) = (size_at(IS_MEASURED), size_at(IS_MEASURED) + 1);
        let (state, size) = (argument(fcinfo, 0), argument(fcinfo, size_at));
        // Before the first value of a call site is hashed, the state may be another aggregate's.
        let Some(site) = Site::made_before(fcinfo) else {
            return accumulate_slowly(fcinfo, IS_MEASURED);
        };
        if state.isnull || size.isnull {
            return accumulate_slowly(fcinfo, IS_MEASURED);
        }
        let sample = &(*state.value.cast_mut_ptr::<State>()).sample;
        let (said_size, said_seed) = (sample.size(), sample.seed());
        let is_seed_said_again = (*fcinfo).nargs as usize <= seed_at || {
            let seed = argument(fcinfo, seed_at);
            !seed.isnull && seed.value.value() as u64 == said_seed
        };
        if size.value.value() as u32 != said_size || !is_seed_said_again {
            return accumulate_slowly(fcinfo, IS_MEASURED);
        }
        accumulate_with::<IS_MEASURED>(fcinfo, |value| site.hasher.try_hash(value, said_seed))
    }
}

/// The path of a row, as of sketches: no local needs to be dropped.
///
/// # Safety
///
/// `fcinfo` is the frame of a transition, with a measure if it `IS_MEASURED`, and `hash` may be called with its second
/// argument. A hash is given only where the call site has a [`Site`].
#[inline(always)]
unsafe fn accumulate_with<const IS_MEASURED: bool>(
    fcinfo: FunctionCallInfo,
    hash: impl FnOnce(Datum) -> Option<u64>,
) -> Datum {
    // SAFETY: the caller vouches for the frame. A state that is not NULL was made by a transition, a combine or a
    // deserialize function: SQL cannot make or pass a value of type internal.
    unsafe {
        let (state, value) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if value.isnull {
            return unchanged(fcinfo, state);
        }
        if state.isnull {
            return accumulate_slowly(fcinfo, IS_MEASURED);
        }
        match hash(value.value) {
            None => accumulate_slowly(fcinfo, IS_MEASURED),
            Some(hash) if (*state.value.cast_mut_ptr::<State>()).sample.belongs(hash) => {
                take(fcinfo, IS_MEASURED, hash)
            }
            Some(_) => state.value,
        }
    }
}

/// Counts a row whose value belongs into the sample, and returns the state.
///
/// # Safety
///
/// As [`accumulate_by_rule`]: `hash` is that of the value, and the call site has a [`Site`].
#[pg_guard]
unsafe extern "C-unwind" fn take(fcinfo: FunctionCallInfo, is_measured: bool, hash: u64) -> Datum {
    // SAFETY: the caller vouches for the frame. The state is this group's alone, and PostgreSQL uses it nowhere else
    // during the call, in a memory context that ends with the row.
    unsafe {
        let (state, value) = (argument(fcinfo, 0).value, argument(fcinfo, 1).value);
        let measure = is_measured
            .then(|| argument(fcinfo, MEASURE))
            .filter(|measure| !measure.isnull)
            .map(|measure| f64::from_bits(measure.value.value() as u64));
        let sample = &mut (*state.cast_mut_ptr::<State>()).sample;
        let writer = &mut Site::of_call(fcinfo, VALUE).writer;
        if !writer.is_unique() || !sample.count(hash, measure).or_raise() {
            writer.with_text(value, |text| sample.insert(hash, text, measure).or_raise());
        }
        state
    }
}

/// Lets the call site of `fcinfo` call the transition function for its type [directly](Hasher::specialize) from now on,
/// if there is one.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress of [`cvm_sample_accumulate`], or of [`cvm_sample_accumulate_measured`] if it
/// `is_measured`; `hasher` is that of its call site.
unsafe fn specialize(fcinfo: FunctionCallInfo, is_measured: bool, hasher: &mut Hasher) {
    struct Specialization {
        is_measured: bool,
    }
    impl Visitor for Specialization {
        type Output = Transition;
        fn visit<H: PlainHash>(self) -> Self::Output {
            match self.is_measured {
                false => accumulate::<H, false>,
                true => accumulate::<H, true>,
            }
        }
    }
    if let Some(plain) = hasher.plain() {
        let own = match is_measured {
            false => cvm_sample_accumulate as Transition,
            true => cvm_sample_accumulate_measured,
        };
        // SAFETY: the caller vouches for the frame.
        unsafe { hasher.specialize(fcinfo, &[own], plain.visit(Specialization { is_measured })) };
    }
}

/// The state as the call's result.
///
/// # Safety
///
/// `fcinfo` is the frame of a call in progress.
#[inline(always)]
unsafe fn unchanged(fcinfo: FunctionCallInfo, state: NullableDatum) -> Datum {
    if state.isnull {
        // SAFETY: the caller vouches for the frame.
        unsafe { return_null(fcinfo) }
    } else {
        state.value
    }
}

/// The rows that the transition functions leave over.
///
/// # Safety
///
/// As [`accumulate_by_rule`], or with a size, and maybe a seed.
#[cold]
#[pg_guard]
unsafe extern "C-unwind" fn accumulate_slowly(fcinfo: FunctionCallInfo, is_measured: bool) -> Datum {
    // SAFETY: the declarations give the arguments.
    unsafe {
        let context = aggregate_context(fcinfo);
        let (state, value) = (argument(fcinfo, 0), argument(fcinfo, 1));
        let hint = (!is_measured).then_some(MEASURE_HINT);
        let parameters = Parameters::of_call(fcinfo, size_at(is_measured), hint);
        if !state.isnull {
            parameters.raise_unless_said_before(sample_of(state), hint);
        }
        if value.isnull {
            return unchanged(fcinfo, state);
        }
        let site = Site::of_call(fcinfo, VALUE);
        if (*fcinfo).nargs as usize <= size_at(is_measured) && site.hasher.transition().is_none() {
            specialize(fcinfo, is_measured, &mut site.hasher);
        }
        let hash = site.hasher.hash(value.value, parameters.seed);
        if state.isnull {
            let (kind, allocator) = (site.hasher.kind(), ContextAllocator::new(context));
            let sample = Sample::new_in(parameters.size, parameters.seed, kind, allocator);
            (*fcinfo).args.as_mut_ptr().write(NullableDatum {
                value: place(sample, context),
                isnull: false,
            });
        }
        match sample_of(argument(fcinfo, 0)).belongs(hash) {
            true => take(fcinfo, is_measured, hash),
            false => argument(fcinfo, 0).value,
        }
    }
}

/// A state of that sample.
///
/// # Safety
///
/// `context` is one that an aggregate's state may live in, and the sample lives there.
unsafe fn place(sample: Sample<ContextAllocator>, context: MemoryContext) -> Datum {
    let state = State { mark: MARK, sample };
    // SAFETY: the caller vouches for the context.
    Datum::from(
        unsafe { ContextAllocator::new(context) }
            .place(state)
            .or_raise()
            .as_ptr(),
    )
}

/// The sample of a state. Raises an ERROR if the state is another aggregate's, which only a superuser can bring about.
///
/// # Safety
///
/// `state` is not NULL, the state of an aggregate, and nothing else uses it for `'a`.
unsafe fn sample_of<'a>(state: NullableDatum) -> &'a mut Sample<ContextAllocator> {
    // SAFETY: whoever made the state, it is in memory of PostgreSQL's, and no state of an aggregate there has less than
    // two words. They are read as bytes, which may have any value. With the mark, it is one of ours.
    unsafe {
        let mark = state.value.cast_mut_ptr::<[u64; 2]>().read_unaligned();
        if mark != MARK {
            raise_parameter("the state was not made by an aggregate of cvm_count");
        }
        &mut (*state.value.cast_mut_ptr::<State>()).sample
    }
}

/// Combine: `cvm_sample_combine(internal, internal) returns internal`, not strict: of two parts of one group, which
/// were told the same size. Changes the first state, copies the second.
///
/// # Safety
///
/// As [`cvm_sample_accumulate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_combine(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives both arguments; the second state may live in a shorter context than the first.
    unsafe {
        let context = aggregate_context(fcinfo);
        let (into, from) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if from.isnull {
            return unchanged(fcinfo, into);
        }
        let from = sample_of(from);
        if into.isnull {
            let copy = from.try_clone_in(ContextAllocator::new(context)).or_raise();
            return place(copy, context);
        }
        let sample = sample_of(into);
        if sample.size() != from.size() {
            raise_parameter("size must be the same in every row");
        }
        sample.merge(from).or_raise();
        into.value
    }
}

/// Serialize: `cvm_sample_serialize(internal) returns bytea`, strict.
///
/// # Safety
///
/// As [`cvm_sample_accumulate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_serialize(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the argument, not NULL.
    unsafe {
        aggregate_context(fcinfo);
        encode(sample_of(argument(fcinfo, 0)))
    }
}

/// Deserialize: `cvm_sample_deserialize(bytea, internal) returns internal`, strict.
///
/// # Safety
///
/// As [`cvm_sample_accumulate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_deserialize(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the arguments. The state goes to the caller's memory context: combine copies it.
    unsafe {
        aggregate_context(fcinfo);
        let allocator = ContextAllocator::current();
        let sample = varlena::with_bytes(argument(fcinfo, 0).value, |bytes| {
            match EncodedSample::parse_in(bytes, &allocator) {
                Ok(encoded) => Sample::decode_in(&encoded, allocator).or_raise(),
                Err(fault) => raise_invalid_sample(PgSqlErrorCode::ERRCODE_INVALID_BINARY_REPRESENTATION, fault),
            }
        });
        place(sample, allocator.context())
    }
}

/// Final: `cvm_sample_final(internal) returns cvm_sample`, not strict. Leaves the state as it is; of no rows, the
/// sample of nothing.
///
/// # Safety
///
/// As [`cvm_sample_accumulate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_final(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the argument. The bytes go to the caller's memory context.
    unsafe {
        aggregate_context(fcinfo);
        let state = argument(fcinfo, 0);
        if state.isnull {
            return encode(&Sample::nothing_in(ContextAllocator::current()));
        }
        encode(sample_of(state))
    }
}

/// The state of a union, which is a `cvm_sample`.
pub(crate) struct Union {
    sample: Sample<ContextAllocator>,
    /// Its bytes, from when PostgreSQL asks how many there are until it has them written.
    bytes: Option<Vec<u8, ContextAllocator>>,
}

impl Union {
    fn encode(&self, scratch: ContextAllocator) -> Vec<u8, ContextAllocator> {
        self.sample.encode_in(0, scratch).or_raise()
    }
}

impl Value for Union {
    const METHODS: &'static ExpandedObjectMethods = expanded::methods!(Union);

    unsafe fn read(value: Datum, allocator: ContextAllocator) -> Self {
        // SAFETY: the caller vouches for the value.
        let sample = unsafe { with_sample(value, |sample| Sample::decode_in(sample, allocator).or_raise()) };
        Union { sample, bytes: None }
    }

    fn flat_len(&mut self, scratch: ContextAllocator) -> usize {
        self.bytes.insert(self.encode(scratch)).len()
    }

    fn write(&mut self, bytes: &mut [u8], scratch: ContextAllocator) {
        let encoded = self.bytes.take().unwrap_or_else(|| self.encode(scratch));
        bytes.copy_from_slice(&encoded);
    }
}

/// Transition and combine: `cvm_sample_merge(cvm_sample, cvm_sample) returns cvm_sample`, not strict. Samples that are
/// NULL are skipped.
///
/// # Safety
///
/// As [`cvm_sample_accumulate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_merge(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives both arguments. The second may live in a shorter context than the first.
    unsafe {
        let context = aggregate_context(fcinfo);
        let (into, from) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if from.isnull {
            return unchanged(fcinfo, into);
        }
        if into.isnull {
            return expanded::in_place::<Union>(from, context, |_| unreachable!("it is not NULL")).0;
        }
        let (state, into) = expanded::in_place::<Union>(into, context, |_| unreachable!("it is not NULL"));
        // What was asked for before the state changed, is not what is written then.
        into.bytes = None;
        with_sample(from.value, |from| into.sample.merge_encoded(from)).or_raise();
        state
    }
}

/// Final: `cvm_sample_final_flat(cvm_sample) returns cvm_sample`, not strict. Leaves the state as it is; of no rows, the
/// sample of nothing.
///
/// # Safety
///
/// As [`cvm_sample_accumulate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_final_flat(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives the argument. The bytes go to the caller's memory context.
    unsafe {
        aggregate_context(fcinfo);
        let state = argument(fcinfo, 0);
        if state.isnull {
            return encode(&Sample::nothing_in(ContextAllocator::current()));
        }
        Datum::from(pg_sys::pg_detoast_datum_copy(state.value.cast_mut_ptr()))
    }
}

/// `cvm_sample_of(anyelement, float8, integer, bigint) returns cvm_sample`, not strict: of one row; NULL if the value
/// is.
///
/// # Safety
///
/// As [`cvm_sample_accumulate`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_of(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the declaration gives value, measure, size and seed. The sample goes to the caller's memory context.
    unsafe {
        let Parameters { size, seed } = Parameters::of_call(fcinfo, 2, None);
        let (value, measure) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if value.isnull {
            return return_null(fcinfo);
        }
        let site = Site::of_call(fcinfo, 0);
        let hash = site.hasher.hash(value.value, seed);
        let measure = (!measure.isnull).then(|| f64::from_bits(measure.value.value() as u64));
        let mut sample = Sample::new_in(size, seed, site.hasher.kind(), ContextAllocator::current());
        site.writer
            .with_text(value.value, |text| sample.insert(hash, text, measure).or_raise());
        encode(&sample)
    }
}
