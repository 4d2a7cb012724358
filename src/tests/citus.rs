//! Runs the aggregates the way Citus does, in one server: workers make a state each, states travel as text or binary, a
//! coordinator combines them. Its aggregates wrap ours, and call our functions themselves: with a new function record
//! for every row, which knows nothing of the expression, and keeps nothing. What must come out is what a plain call
//! answers.

use crate::pg::call::{aggregate_context, argument, declare_function, return_null};
use crate::pg::expanded;
use crate::pg::memory::ContextAllocator;
use crate::sample::aggregate::Union;
use crate::sketch::state::State;
use pgrx::pg_guard;
use pgrx::pg_sys::{self, Datum, FmgrInfo, FunctionCallInfo, MemoryContext, NullableDatum, Oid};

declare_function! {
    pg_finfo_citus_call for citus_call,
    pg_finfo_citus_worker for citus_worker,
    pg_finfo_citus_to_text for citus_to_text,
    pg_finfo_citus_to_binary for citus_to_binary,
    pg_finfo_citus_from_text for citus_from_text,
    pg_finfo_citus_from_binary for citus_from_binary,
    pg_finfo_citus_final for citus_final,
}

unsafe extern "C-unwind" {
    /// A copy in the current memory context; of an expanded object, a flat one.
    fn datumCopy(value: Datum, is_by_value: bool, length: i32) -> Datum;
}

/// Columns of `pg_aggregate`.
#[derive(Clone, Copy)]
enum Column {
    Transition = 4,
    Final = 5,
    Combine = 6,
    Serialize = 7,
    Deserialize = 8,
    StateType = 17,
}

const NULL: NullableDatum = NullableDatum {
    value: Datum::null(),
    isnull: true,
};

fn not_null(value: Datum) -> NullableDatum {
    NullableDatum { value, isnull: false }
}

/// What the catalog says of an aggregate.
unsafe fn fact(aggregate: Oid, column: Column) -> Oid {
    // SAFETY: the columns are not NULL, and of a type by value.
    unsafe {
        // Unsigned before PostgreSQL 19.
        #[allow(clippy::unnecessary_cast)]
        let cache = pg_sys::SysCacheIdentifier::AGGFNOID as i32;
        let row = pg_sys::SearchSysCache1(cache, Datum::from(aggregate));
        assert!(!row.is_null(), "an aggregate is given");
        let value = pg_sys::SysCacheGetAttr(cache, row, column as i16, &mut false);
        pg_sys::ReleaseSysCache(row);
        Oid::from(value.value() as u32)
    }
}

/// Calls a function as a part of the aggregate call `caller`, with a new function record.
unsafe fn call(procedure: Oid, caller: FunctionCallInfo, arguments: &[NullableDatum]) -> NullableDatum {
    #[repr(C)]
    struct Frame {
        base: pg_sys::FunctionCallInfoBaseData,
        arguments: [NullableDatum; 6],
    }
    // SAFETY: zeros are a valid record and frame, and what matters is filled in. An error of the function becomes a
    // panic, which drops nothing that another call sees.
    unsafe {
        let mut function: FmgrInfo = std::mem::zeroed();
        pg_sys::fmgr_info(procedure, &mut function);
        if function.fn_strict && arguments.iter().any(|argument| argument.isnull) {
            return NULL;
        }
        let mut frame: Frame = std::mem::zeroed();
        frame.base.flinfo = &mut function;
        frame.base.context = (*caller).context;
        frame.base.fncollation = (*caller).fncollation;
        frame.base.nargs = arguments.len() as i16;
        frame.arguments[..arguments.len()].copy_from_slice(arguments);
        let address = function.fn_addr.expect("fmgr_info sets it");
        let frame = &raw mut frame;
        let value = pg_sys::ffi::pg_guard_ffi_boundary(|| address(frame.cast()));
        NullableDatum {
            value,
            isnull: (*frame).base.isnull,
        }
    }
}

/// The state of a wrapping aggregate: that of the wrapped one.
struct Wrapper {
    aggregate: Oid,
    state: NullableDatum,
    is_by_value: bool,
    length: i16,
}

impl Wrapper {
    /// The state that the call got, or at the first row a new one, for the aggregate in the second argument.
    unsafe fn of_call<'a>(fcinfo: FunctionCallInfo) -> &'a mut Self {
        // SAFETY: the first argument is NULL or was made here, in the aggregate's memory context.
        unsafe {
            let given = argument(fcinfo, 0);
            if !given.isnull {
                return &mut *given.value.cast_mut_ptr();
            }
            let mut wrapper = Wrapper {
                aggregate: Oid::from(argument(fcinfo, 1).value.value() as u32),
                state: NULL,
                is_by_value: false,
                length: 0,
            };
            let state_type = fact(wrapper.aggregate, Column::StateType);
            pg_sys::get_typlenbyval(state_type, &mut wrapper.length, &mut wrapper.is_by_value);
            let allocator = ContextAllocator::new(aggregate_context(fcinfo));
            allocator.place(wrapper).expect("there is memory").as_mut()
        }
    }

    /// One row: a transition, or a combination.
    unsafe fn step(&mut self, procedure: Oid, fcinfo: FunctionCallInfo, row: &[NullableDatum]) {
        // SAFETY: the callers give arguments of the function's types.
        unsafe {
            let context = aggregate_context(fcinfo);
            if pg_sys::func_strict(procedure) {
                if row.iter().any(|argument| argument.isnull) {
                    return;
                }
                if self.state.isnull {
                    self.state = not_null(self.copy(row[0].value, context));
                    return;
                }
            }
            let mut arguments = vec![self.state];
            arguments.extend_from_slice(row);
            let result = call(procedure, fcinfo, &arguments);
            self.replace(result, context);
        }
    }

    /// Keeps what a function returned, and frees what was there: what the executor does between two rows.
    unsafe fn replace(&mut self, new: NullableDatum, context: MemoryContext) {
        // SAFETY: both are states of the wrapped aggregate, the old one in `context`.
        unsafe {
            let is_same = !self.state.isnull && !new.isnull && self.state.value == new.value;
            if self.is_by_value || is_same {
                self.state = new;
                return;
            }
            let kept = if new.isnull || self.is_child(new.value, context) {
                new
            } else {
                not_null(self.copy(new.value, context))
            };
            if !self.state.isnull {
                if is_in_place(self.state.value) {
                    pg_sys::DeleteExpandedObject(self.state.value);
                } else {
                    pg_sys::pfree(self.state.value.cast_mut_ptr());
                }
            }
            self.state = kept;
        }
    }

    /// Whether the value is an object of its own right below the context, which then need not be copied.
    unsafe fn is_child(&self, value: Datum, context: MemoryContext) -> bool {
        // SAFETY: the value is a state of the wrapped aggregate.
        unsafe {
            self.length == -1
                && is_in_place(value)
                && pg_sys::MemoryContextGetParent((*pg_sys::DatumGetEOHP(value)).eoh_context) == context
        }
    }

    unsafe fn copy(&self, value: Datum, context: MemoryContext) -> Datum {
        // SAFETY: the value is a state of the wrapped aggregate.
        unsafe {
            let before = pg_sys::MemoryContextSwitchTo(context);
            let copy = datumCopy(value, self.is_by_value, i32::from(self.length));
            pg_sys::MemoryContextSwitchTo(before);
            copy
        }
    }

    unsafe fn is_internal(&self) -> bool {
        // SAFETY: the catalog may be read.
        unsafe { fact(self.aggregate, Column::StateType) == pg_sys::INTERNALOID }
    }
}

/// Whether a value is an expanded one of ours that may be changed.
///
/// # Safety
///
/// The value is a state of an aggregate of ours, of a type whose values are varlenas.
unsafe fn is_in_place(value: Datum) -> bool {
    unsafe { expanded::state_in_place::<State>(value).is_some() || expanded::state_in_place::<Union>(value).is_some() }
}

/// The wrapper as a value of type internal.
fn into_datum(wrapper: &mut Wrapper) -> Datum {
    Datum::from(std::ptr::from_mut(wrapper))
}

/// `(procedure oid, ...)`: calls it.
///
/// # Safety
///
/// Called by PostgreSQL, as declared in the tests.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn citus_call(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the tests give the function's arguments.
    unsafe {
        let rest: Vec<_> = (1..(*fcinfo).nargs as usize)
            .map(|index| argument(fcinfo, index))
            .collect();
        let result = call(Oid::from(argument(fcinfo, 0).value.value() as u32), fcinfo, &rest);
        if result.isnull {
            return return_null(fcinfo);
        }
        result.value
    }
}

/// Transition on a worker: `(internal, aggregate oid, ...) returns internal`.
///
/// # Safety
///
/// As [`citus_call`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn citus_worker(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the tests give the arguments of the aggregate after its Oid.
    unsafe {
        let wrapper = Wrapper::of_call(fcinfo);
        let row: Vec<_> = (2..(*fcinfo).nargs as usize)
            .map(|index| argument(fcinfo, index))
            .collect();
        wrapper.step(fact(wrapper.aggregate, Column::Transition), fcinfo, &row);
        into_datum(wrapper)
    }
}

/// What a worker sends as text: `(internal) returns text`.
///
/// # Safety
///
/// As [`citus_call`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn citus_to_text(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the state is NULL or a wrapper.
    unsafe {
        if argument(fcinfo, 0).isnull || Wrapper::of_call(fcinfo).state.isnull {
            return return_null(fcinfo);
        }
        let wrapper = Wrapper::of_call(fcinfo);
        let (mut output, mut is_varlena) = (Oid::INVALID, false);
        pg_sys::getTypeOutputInfo(fact(wrapper.aggregate, Column::StateType), &mut output, &mut is_varlena);
        let text = pg_sys::OidOutputFunctionCall(output, wrapper.state.value);
        Datum::from(pg_sys::cstring_to_text(text))
    }
}

/// What a worker sends in binary: `(internal) returns bytea`.
///
/// # Safety
///
/// As [`citus_call`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn citus_to_binary(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the state is NULL or a wrapper.
    unsafe {
        if argument(fcinfo, 0).isnull || Wrapper::of_call(fcinfo).state.isnull {
            return return_null(fcinfo);
        }
        let wrapper = Wrapper::of_call(fcinfo);
        if wrapper.is_internal() {
            return call(fact(wrapper.aggregate, Column::Serialize), fcinfo, &[wrapper.state]).value;
        }
        let (mut send, mut is_varlena) = (Oid::INVALID, false);
        pg_sys::getTypeBinaryOutputInfo(fact(wrapper.aggregate, Column::StateType), &mut send, &mut is_varlena);
        Datum::from(pg_sys::OidSendFunctionCall(send, wrapper.state.value))
    }
}

/// Transition on the coordinator: `(internal, aggregate oid, state text) returns internal`.
///
/// # Safety
///
/// As [`citus_call`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn citus_from_text(fcinfo: FunctionCallInfo) -> Datum {
    unsafe {
        let wrapper = Wrapper::of_call(fcinfo);
        let mut state = argument(fcinfo, 2);
        if !state.isnull {
            let (mut input, mut parameter) = (Oid::INVALID, Oid::INVALID);
            pg_sys::getTypeInputInfo(fact(wrapper.aggregate, Column::StateType), &mut input, &mut parameter);
            let text = pg_sys::text_to_cstring(state.value.cast_mut_ptr());
            state.value = pg_sys::OidInputFunctionCall(input, text, parameter, -1);
        }
        wrapper.step(fact(wrapper.aggregate, Column::Combine), fcinfo, &[state]);
        into_datum(wrapper)
    }
}

/// Transition on the coordinator: `(internal, aggregate oid, state bytea) returns internal`.
///
/// # Safety
///
/// As [`citus_call`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn citus_from_binary(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the message is a copy of the bytes.
    unsafe {
        let wrapper = Wrapper::of_call(fcinfo);
        let mut state = argument(fcinfo, 2);
        if wrapper.is_internal() {
            state = call(
                fact(wrapper.aggregate, Column::Deserialize),
                fcinfo,
                &[state, not_null(Datum::null())],
            );
        } else if !state.isnull {
            let (mut receive, mut parameter) = (Oid::INVALID, Oid::INVALID);
            pg_sys::getTypeBinaryInputInfo(fact(wrapper.aggregate, Column::StateType), &mut receive, &mut parameter);
            let message = pg_sys::makeStringInfo();
            crate::pg::varlena::with_bytes(state.value, |bytes| {
                pg_sys::appendBinaryStringInfo(message, bytes.as_ptr().cast(), bytes.len() as i32);
            });
            state.value = pg_sys::OidReceiveFunctionCall(receive, message, parameter, -1);
        }
        wrapper.step(fact(wrapper.aggregate, Column::Combine), fcinfo, &[state]);
        into_datum(wrapper)
    }
}

/// Final on the coordinator: `(internal) returns` what the aggregate does.
///
/// # Safety
///
/// As [`citus_call`].
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn citus_final(fcinfo: FunctionCallInfo) -> Datum {
    // SAFETY: the tests have at least one row, so the state is a wrapper.
    unsafe {
        let wrapper = Wrapper::of_call(fcinfo);
        let result = match fact(wrapper.aggregate, Column::Final) {
            Oid::INVALID => wrapper.state,
            procedure => call(procedure, fcinfo, &[wrapper.state]),
        };
        if result.isnull {
            return return_null(fcinfo);
        }
        result.value
    }
}

#[pgrx::pg_schema]
mod tests {
    use pgrx::prelude::*;

    /// Declares the driver, and a table of values on four shards, one of which has nothing but NULL.
    fn set_up() {
        let functions = [
            ("worker", "internal, oid, bigint", "internal", "worker"),
            ("worker", "internal, oid, bigint, float8", "internal", "worker"),
            ("worker", "internal, oid, bigint, float8, float8", "internal", "worker"),
            (
                "worker",
                "internal, oid, bigint, float8, float8, bigint",
                "internal",
                "worker",
            ),
            ("worker", "internal, oid, text", "internal", "worker"),
            ("worker", "internal, oid, cvm_sketch", "internal", "worker"),
            ("to_text", "internal", "text", "to_text"),
            ("to_binary", "internal", "bytea", "to_binary"),
            ("gather", "internal, oid, text", "internal", "from_text"),
            ("gather", "internal, oid, bytea", "internal", "from_binary"),
            ("final_sketch", "internal", "cvm_sketch", "final"),
            ("final_count", "internal", "bigint", "final"),
            ("call", "oid, text, bigint", "bigint", "call"),
            ("call", "oid, cvm_sketch, bigint", "cvm_sketch", "call"),
        ];
        Spi::run("CREATE SCHEMA citus").unwrap();
        for (name, arguments, result, symbol) in functions {
            Spi::run(&format!(
                "CREATE FUNCTION citus.{name}({arguments}) RETURNS {result} AS '$libdir/cvm_count', 'citus_{symbol}' LANGUAGE c"
            ))
            .unwrap();
        }
        let workers = [
            "bigint",
            "bigint, float8",
            "bigint, float8, float8",
            "bigint, float8, float8, bigint",
            "text",
            "cvm_sketch",
        ];
        let workers = workers.iter().flat_map(|arguments| {
            ["text", "binary"].map(|way| (format!("on_worker_{way}"), *arguments, "worker", format!("to_{way}")))
        });
        let coordinators = ["text", "bytea"].iter().flat_map(|arguments| {
            ["final_sketch", "final_count", "to_binary"]
                .map(|last| (format!("on_coordinator_{last}"), *arguments, "gather", last.to_owned()))
        });
        for (name, arguments, transition, last) in workers.chain(coordinators) {
            Spi::run(&format!(
                "CREATE AGGREGATE citus.{name}(oid, {arguments}) (
                     SFUNC = citus.{transition}, STYPE = internal, FINALFUNC = citus.{last})"
            ))
            .unwrap();
        }
        // More values than a sketch of the default capacity keeps. A quarter of them is on two shards, the others on
        // one, so that none may be lost.
        Spi::run(
            "CREATE TABLE visits AS
                 SELECT i % 3 AS shard, (i % 40000)::bigint AS visitor FROM generate_series(1, 50000) i
                 UNION ALL SELECT 3, NULL FROM generate_series(1, 10)
                 UNION ALL SELECT 4, 7",
        )
        .unwrap();
    }

    fn text(query: &str) -> String {
        Spi::get_one(query)
            .expect("the query runs")
            .expect("the answer is not NULL")
    }

    /// What a coordinator makes of what workers make of each shard, and of one without rows.
    fn distributed(aggregate: &str, arguments: &str, table: &str, way: &str, last: &str) -> String {
        let aggregate = format!("'{aggregate}'::regprocedure");
        text(&format!(
            "SELECT citus.on_coordinator_{last}({aggregate}, state)::text FROM (
                 SELECT citus.on_worker_{way}({aggregate}, {arguments}) AS state FROM {table} GROUP BY shard
                 UNION ALL
                 SELECT citus.on_worker_{way}({aggregate}, {arguments}) FROM {table} WHERE false
             ) states"
        ))
    }

    #[pg_test]
    fn sketches_of_hashes() {
        set_up();
        for (types, parameters, seed) in [
            ("bigint", "", 0),
            ("bigint, float8", ", 0.1::float8", 0),
            ("bigint, float8, float8", ", 0.1::float8, 0.05::float8", 0),
            (
                "bigint, float8, float8, bigint",
                ", 0.01::float8, 0.05::float8, -7::bigint",
                -7,
            ),
        ] {
            // Hashes do not say what kind of values they are of.
            let plain = text(&format!(
                "SELECT set_byte(cvm_sketch_agg(visitor{parameters})::bytea, 1, 0)::text FROM visits"
            ));
            let hashed = format!("cvm_hash(visitor, {seed}){parameters}");
            for way in ["text", "binary"] {
                let aggregate = format!("cvm_sketch_agg_hashed({types})");
                let answer = distributed(&aggregate, &hashed, "visits", way, "final_sketch");
                assert!(answer == plain, "{aggregate} by {way}: {} bytes", answer.len() / 2);
            }
        }
    }

    #[pg_test]
    fn unions_and_intersections_of_sketches() {
        set_up();
        // Capacities differ from day to day, and a day may have no sketch. Each day has values of its own, and lacks
        // some that all others have.
        Spi::run(
            "CREATE TABLE days AS
                 SELECT day, day % 3 AS shard, cvm_sketch_agg(
                            CASE WHEN i % 20 = 0 THEN i + 100000 * day ELSE i END,
                            CASE WHEN day % 2 = 0 THEN 0.03 ELSE 0.05 END
                        ) AS sketch
                 FROM generate_series(1, 12) day, generate_series(1, 20000) i WHERE i % 13 <> day GROUP BY day
                 UNION ALL SELECT 13, 0, NULL",
        )
        .unwrap();
        for aggregate in ["cvm_sketch_union_agg", "cvm_sketch_intersection_agg"] {
            let plain = text(&format!("SELECT {aggregate}(sketch)::text FROM days"));
            for way in ["text", "binary"] {
                let answer = distributed(
                    &format!("{aggregate}(cvm_sketch)"),
                    "sketch",
                    "days",
                    way,
                    "final_sketch",
                );
                assert!(answer == plain, "{aggregate} by {way}: {} bytes", answer.len() / 2);
            }
        }
    }

    /// Of no rows at all, the sketch of nothing.
    #[pg_test]
    fn nothing() {
        set_up();
        let nothing = text("SELECT cvm_sketch_empty()::text");
        for aggregate in ["cvm_sketch_agg_hashed(bigint)", "cvm_sketch_union_agg(cvm_sketch)"] {
            for kind in ["text", "bytea"] {
                let answer = text(&format!(
                    "SELECT citus.on_coordinator_final_sketch('{aggregate}'::regprocedure, NULL::{kind})::text"
                ));
                assert_eq!(answer, nothing, "{aggregate}, {kind}");
            }
        }
    }

    /// States of type internal travel as the bytes of a sketch: through one coordinator, and through two.
    #[pg_test]
    fn internal_states() {
        set_up();
        for parameters in ["", ", 0.1", ", 0.1, 0.05"] {
            let types = ["anyelement", ", float8", ", float8"][..=parameters.matches(',').count()].concat();
            let states = format!(
                "SELECT shard, cvm_sketch_agg(visitor{parameters})::bytea AS state FROM visits WHERE shard <> 3 GROUP BY shard"
            );
            for (name, last) in [
                ("approx_count_distinct_cvm", "final_count"),
                ("cvm_sketch_agg", "final_sketch"),
            ] {
                let plain = text(&format!("SELECT {name}(visitor{parameters})::text FROM visits"));
                let aggregate = format!("'{name}({types})'::regprocedure");
                let once = text(&format!(
                    "SELECT citus.on_coordinator_{last}({aggregate}, state)::text FROM ({states}) states"
                ));
                let twice = text(&format!(
                    "SELECT citus.on_coordinator_{last}({aggregate}, state)::text FROM (
                         SELECT citus.on_coordinator_to_binary({aggregate}, state) AS state FROM ({states}) states GROUP BY shard % 2
                     ) gathered"
                ));
                assert!(once == plain, "{aggregate}");
                assert!(twice == plain, "{aggregate}, twice");
            }
        }
    }

    // A polymorphic argument has no type without the expression, so these can only be errors.

    #[pg_test(error = "could not determine the data type of the values to be hashed")]
    fn a_polymorphic_transition() {
        set_up();
        distributed(
            "cvm_sketch_agg(anyelement)",
            "visitor",
            "visits",
            "binary",
            "final_sketch",
        );
    }

    #[pg_test(error = "could not determine the data type of the values to be hashed")]
    fn a_polymorphic_transition_of_text() {
        set_up();
        distributed(
            "cvm_sketch_agg(anyelement)",
            "visitor::text",
            "visits",
            "binary",
            "final_sketch",
        );
    }

    #[pg_test(error = "could not determine the data type of the values to be hashed")]
    fn a_polymorphic_transition_with_parameters() {
        set_up();
        let aggregate = "approx_count_distinct_cvm(anyelement, float8)";
        distributed(aggregate, "visitor, 0.1::float8", "visits", "binary", "final_count");
    }

    #[pg_test(error = "could not determine the data type of the values to be hashed")]
    fn a_polymorphic_hash() {
        set_up();
        text("SELECT citus.call('cvm_hash'::regproc, 'a', 0)::text");
    }

    #[pg_test(error = "could not determine the data type of the values to be hashed")]
    fn a_polymorphic_addition() {
        set_up();
        text("SELECT citus.call('cvm_sketch_add'::regproc, cvm_sketch_empty(), 1)::text");
    }
}
