//! `cvm_sample_agg`, `cvm_sample_agg_measured` and `cvm_sample_union_agg`: their support functions, in the order in
//! which PostgreSQL calls them, those for the union last. Also `cvm_sample_of`, which makes a sample from one row, as
//! the first two do from many.
//!
//! Most rows of a long table have a value that is not in the sample. They end on the [path of a row](crate::row), which
//! hashes the value and compares. A row whose value is in the sample is counted behind pgrx's guard.

use crate::hash::hasher::{DEFAULT_SEED, Hasher};
use crate::hash::site::{Keep, Site, Transition};
use crate::pg::call::{aggregate_context, argument, declare_function, raise_parameter, return_null, unchanged};
use crate::pg::error::{IN_BYTES, OrRaise, raise_invalid_sample, raise_with_hint};
use crate::pg::expanded::{self, Value};
use crate::pg::memory::ContextAllocator;
use crate::pg::pg_sys::{Datum, ExpandedObjectMethods, FunctionCallInfo, MemoryContext, NullableDatum};
use crate::pg::varlena;
use crate::row::state::{GroupState, HasMark, Marked, recognized};
use crate::row::transition::{Aggregate, accumulate};
use crate::row::union::{flat, merge};
use crate::sample::text::Writer;
use crate::sample::value::{encode, nothing, with_sample};
use allocator_api2::vec::Vec;
use cvm_sketch::sample::{DEFAULT_SIZE, MAX_SIZE, MIN_SIZE, Sample};
use cvm_sketch::{EncodedSample, Kind};
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

impl HasMark for Sample<ContextAllocator> {
    const MARK: [u64; 2] = [0x1C6B_0A5F_93D2_E847, 0xB52D_7E16_4F8A_39C3];
}

/// The state of one group. It and all it refers to live in one memory context.
type State = Marked<Sample<ContextAllocator>>;

impl GroupState for State {
    #[inline(always)]
    fn seed(&self) -> u64 {
        self.of.seed()
    }

    #[inline(always)]
    fn offer(&mut self, hash: u64) -> bool {
        !self.of.belongs(hash)
    }
}

impl Keep for Writer {
    unsafe fn new(hasher: &Hasher, context: MemoryContext) -> Self {
        unsafe { Writer::new(hasher.declared(), hasher.kind(), context) }
    }
}

/// The parameters of a call: the size of the sample, then a seed.
#[derive(Clone, Copy)]
pub(crate) struct Parameters {
    pub(crate) size: u32,
    pub(crate) seed: u64,
}

/// Where a transition has the measure, if it has one, counted from 0: after state and value.
const MEASURE: usize = 2;

impl Parameters {
    /// The parameters in the arguments from `first` on, with defaults for those that are missing. Raises an ERROR when
    /// one is NULL or outside its legal range, with the hint if it is the size.
    ///
    /// # Safety
    ///
    /// `fcinfo` is the frame of a call in progress. Its arguments from there on are a size and a seed at most.
    pub(crate) unsafe fn of_call(fcinfo: FunctionCallInfo, first: usize, hint: Option<&str>) -> Self {
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

    /// Raises an ERROR if the rows before had other parameters. The hint is for another size.
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

/// For a measure that is taken for a size.
const MEASURE_HINT: &str = "The second argument of cvm_sample_agg is a size. \
     A measure is the second one of cvm_sample_agg_measured.";

#[track_caller]
fn raise_parameter_with(message: String, hint: Option<&str>) -> ! {
    match hint {
        Some(hint) => raise_with_hint(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message, hint),
        None => raise_parameter(message),
    }
}

/// The path of a row into a sample.
struct Samples<const IS_MEASURED: bool>;

impl<const IS_MEASURED: bool> Samples<IS_MEASURED> {
    const HINT: Option<&str> = if IS_MEASURED { None } else { Some(MEASURE_HINT) };
}

impl<const IS_MEASURED: bool> Aggregate for Samples<IS_MEASURED> {
    type State = State;
    type Parameters = Parameters;
    type Kept = Writer;

    const PARAMETERS_AT: usize = if IS_MEASURED { MEASURE + 1 } else { MEASURE };
    const SEED_AT: usize = Self::PARAMETERS_AT + 1;
    const DECLARED: [Transition; 2] = if IS_MEASURED {
        [cvm_sample_accumulate_measured, cvm_sample_accumulate_measured_sized]
    } else {
        [cvm_sample_accumulate, cvm_sample_accumulate_sized]
    };

    unsafe fn parameters(fcinfo: FunctionCallInfo) -> Parameters {
        unsafe { Parameters::of_call(fcinfo, Self::PARAMETERS_AT, Self::HINT) }
    }

    fn seed(parameters: Parameters) -> u64 {
        parameters.seed
    }

    fn new_state(Parameters { size, seed }: Parameters, kind: Kind, allocator: ContextAllocator) -> State {
        State::new(Sample::new_in(size, seed, kind, allocator))
    }

    #[inline(always)]
    unsafe fn is_said_again(state: &State, fcinfo: FunctionCallInfo) -> bool {
        // SAFETY: `nargs` is the number of arguments of the call.
        unsafe {
            let is = |index, bits| {
                let given = argument(fcinfo, index);
                !given.isnull && given.value.value() as u64 == bits
            };
            let count = (*fcinfo).nargs as usize;
            let size = argument(fcinfo, Self::PARAMETERS_AT);
            !size.isnull
                && size.value.value() as u32 == state.of.size()
                && (count <= Self::SEED_AT || is(Self::SEED_AT, state.of.seed()))
        }
    }

    unsafe fn raise_unless_said_before(state: &State, parameters: Parameters, _: FunctionCallInfo) {
        parameters.raise_unless_said_before(&state.of, Self::HINT);
    }

    /// Counts a row whose value belongs into the sample. A value that is known to be there is written as text only if it
    /// may be written differently than before. A small sample does not know.
    unsafe fn accumulate(State { of: sample, .. }: &mut State, hash: u64, fcinfo: FunctionCallInfo) {
        // SAFETY: a call has the arguments that its declaration gives it.
        unsafe {
            let value = argument(fcinfo, 1).value;
            let measure = IS_MEASURED.then(|| argument(fcinfo, MEASURE)).and_then(measure_of);
            let writer = &mut Site::<Writer>::of_call(fcinfo, 1).kept;
            if !writer.is_unique() || !sample.count(hash, measure).or_raise() {
                writer.with_text(value, |text| sample.insert(hash, text, measure).or_raise());
            }
        }
    }
}

/// A measure as a number, unless it is NULL.
fn measure_of(argument: NullableDatum) -> Option<f64> {
    (!argument.isnull).then(|| f64::from_bits(argument.value.value() as u64))
}

/// Transition: `cvm_sample_accumulate(internal, anyelement) returns internal`, not strict.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_sample_accumulate(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { accumulate::<Samples<false>, false>(fcinfo) }
}

/// Transition: `cvm_sample_accumulate(internal, anyelement, integer [, bigint]) returns internal`, not strict.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_sample_accumulate_sized(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { accumulate::<Samples<false>, true>(fcinfo) }
}

/// Transition: `cvm_sample_accumulate_measured(internal, anyelement, float8) returns internal`, not strict.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_sample_accumulate_measured(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { accumulate::<Samples<true>, false>(fcinfo) }
}

/// Transition: `cvm_sample_accumulate_measured(internal, anyelement, float8, integer [, bigint]) returns internal`, not
/// strict.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn cvm_sample_accumulate_measured_sized(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { accumulate::<Samples<true>, true>(fcinfo) }
}

/// Combine: `cvm_sample_combine(internal, internal) returns internal`, not strict. The states are two parts of one
/// group, with the same size. Changes the first state, copies the second.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_combine(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the second state may live in a shorter context than the first.
    unsafe {
        let context = aggregate_context(fcinfo);
        let (into, from) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if from.isnull {
            return unchanged(fcinfo, into);
        }
        let from = &recognized::<State>(from).of;
        if into.isnull {
            let allocator = ContextAllocator::new(context);
            return State::place(from.try_clone_in(allocator).or_raise(), allocator);
        }
        let sample = &mut recognized::<State>(into).of;
        if sample.size() != from.size() {
            raise_parameter("size must be the same in every row");
        }
        sample.merge(from).or_raise();
        into.value
    }
}

/// Serialize: `cvm_sample_serialize(internal) returns bytea`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_serialize(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        aggregate_context(fcinfo);
        encode(&recognized::<State>(argument(fcinfo, 0)).of)
    }
}

/// Deserialize: `cvm_sample_deserialize(bytea, internal) returns internal`, strict.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_deserialize(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the state goes to the caller's memory context: combine copies it.
    unsafe {
        aggregate_context(fcinfo);
        let allocator = ContextAllocator::current();
        let sample = varlena::with_bytes(argument(fcinfo, 0).value, |bytes| {
            match EncodedSample::parse_in(bytes, &allocator) {
                Ok(encoded) => Sample::decode_in(&encoded, allocator).or_raise(),
                Err(fault) => raise_invalid_sample(IN_BYTES, fault),
            }
        });
        State::place(sample, allocator)
    }
}

/// Final: `cvm_sample_final(internal) returns cvm_sample`, not strict. Leaves the state as it is. Over no rows, returns
/// the sample of nothing.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_final(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        aggregate_context(fcinfo);
        let state = argument(fcinfo, 0);
        if state.isnull {
            return nothing();
        }
        encode(&recognized::<State>(state).of)
    }
}

/// The state of a union, which is a `cvm_sample`.
pub(crate) struct Union {
    sample: Sample<ContextAllocator>,
    /// Its encoded bytes, from when PostgreSQL asks for their number until it has them written.
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
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_merge(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        merge::<Union>(fcinfo, |into, from| {
            // Bytes encoded before the change are stale.
            into.bytes = None;
            with_sample(from, |from| into.sample.merge_encoded(from)).or_raise();
        })
    }
}

/// Final: `cvm_sample_final_flat(cvm_sample) returns cvm_sample`, not strict. Leaves the state as it is. Over no rows,
/// returns the sample of nothing.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_final_flat(fcinfo: FunctionCallInfo) -> Datum {
    unsafe { flat(fcinfo, nothing) }
}

/// `cvm_sample_of(anyelement, float8, integer, bigint) returns cvm_sample`, not strict. The sample of one row; NULL if
/// the value is NULL.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn cvm_sample_of(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let Parameters { size, seed } = Parameters::of_call(fcinfo, 2, None);
        let (value, measure) = (argument(fcinfo, 0), argument(fcinfo, 1));
        if value.isnull {
            return return_null(fcinfo);
        }
        let site = Site::<Writer>::of_call(fcinfo, 0);
        let hash = site.hasher.hash(value.value, seed);
        let measure = measure_of(measure);
        let mut sample = Sample::new_in(size, seed, site.hasher.kind(), ContextAllocator::current());
        site.kept
            .with_text(value.value, |text| sample.insert(hash, text, measure).or_raise());
        encode(&sample)
    }
}
