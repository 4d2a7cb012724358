//! Run inside a server by `cargo pgrx test`. What can be said in SQL is tested by `tests/pg_regress`; here is what
//! wants arithmetic.

#[pgrx::pg_schema]
mod tests {
    use crate::pg::expanded;
    use crate::pg::memory::ContextAllocator;
    use crate::sketch::state::State;
    use cvm_sketch::sketch::START_LEN;
    use cvm_sketch::{Accuracy, Kind, Sketch, hash};
    use pgrx::pg_sys::{self, Datum, ExpandedObjectHeader};
    use pgrx::prelude::*;

    fn one(query: &str) -> i64 {
        Spi::get_one(query)
            .expect("the query runs")
            .expect("the answer is not NULL")
    }

    /// What the aggregate answers is what the sketch makes of the documented hashes, for every size around the
    /// capacity.
    #[pg_test]
    fn answers_are_those_of_the_sketch() {
        let capacity = u64::from(Accuracy::default().capacity());
        for n in [
            1,
            8,
            9,
            128,
            129,
            capacity - 1,
            capacity,
            capacity + 1,
            3 * capacity,
            200_000,
        ] {
            let mut integers = Sketch::new(Accuracy::default().capacity(), 0);
            let mut texts = Sketch::new(Accuracy::new(0.1, 0.05).unwrap().capacity(), 0);
            for i in 1..=n {
                integers.insert_all(&[hash::integer(i as i64, 0)]).unwrap();
                texts.insert_all(&[hash::bytes(i.to_string().as_bytes(), 0)]).unwrap();
            }
            let answer = one(&format!(
                "SELECT approx_count_distinct_cvm(i) FROM generate_series(1, {n}) i"
            ));
            assert_eq!(answer as u64, integers.estimate(), "integers, n = {n}");
            let query = format!("SELECT approx_count_distinct_cvm(i::text, 0.1, 0.05) FROM generate_series(1, {n}) i");
            assert_eq!(one(&query) as u64, texts.estimate(), "texts, n = {n}");
        }
    }

    /// The promise, through the whole extension: 400 disjoint sets of 3,000 integers, each a sample of hash functions.
    #[pg_test]
    fn the_promise_holds_through_sql() {
        // epsilon 0.1, delta 0.05: at most 5 % of the sets may be off by more than 10 %, and computation puts the rate
        // near 4 % (sketch/tests/accuracy.rs). Of 400 sets, 20 or fewer are expected; the standard deviation is below
        // 4.4, so that more than 38 means a wrong algorithm. And none at all means that something else is measured
        // (e^-13).
        let failures = one("SELECT count(*) FILTER (WHERE abs(estimate / 3000.0 - 1) > 0.1) FROM (
            SELECT approx_count_distinct_cvm(i, 0.1, 0.05) AS estimate FROM generate_series(0, 1199999) i GROUP BY i / 3000
        ) sets");
        assert!((1..=38).contains(&failures), "{failures} failures");
        // The mean of 400 estimates with a relative standard error below 5.2 %: within 4 * 5.2 % / 20 = 1.04 %. Above by
        // at most a sixtieth of the error, 0.09 %, more.
        let mean = one("SELECT round(avg(estimate))::bigint FROM (
            SELECT approx_count_distinct_cvm(i, 0.1, 0.05) AS estimate FROM generate_series(0, 1199999) i GROUP BY i / 3000
        ) sets");
        assert!((2_969..=3_034).contains(&mean), "mean {mean}");
    }

    /// Only what `expanded::new` has made, with the right to change it, is changed in place.
    #[pg_test]
    fn an_expanded_object_is_a_state_only_if_it_is_ours() {
        // SAFETY: all objects live in the current memory context, which outlives the test, and are used nowhere else.
        unsafe {
            let context = pg_sys::CurrentMemoryContext;
            let (state, _) = expanded::new(context, |allocator| State::new_in(None, Kind::Unknown, allocator));
            assert!(expanded::state_in_place::<State>(state).is_some());
            let header: *mut ExpandedObjectHeader = pg_sys::DatumGetEOHP(state);
            let read_only = Datum::from((&raw mut (*header).eoh_ro_ptr).cast::<u8>());
            assert!(expanded::state_in_place::<State>(read_only).is_none());
            let flat = Datum::from(pg_sys::pg_detoast_datum(read_only.cast_mut_ptr()));
            assert!(expanded::state_in_place::<State>(flat).is_none());
            let array = vec![1_i32, 2, 3].into_datum().expect("an array is not NULL");
            let array = pg_sys::expand_array(array, context, std::ptr::null_mut());
            assert!(expanded::state_in_place::<State>(array).is_none());
        }
    }

    /// A state is told by its first bytes at every size, and other memory is not taken for one.
    #[pg_test]
    fn a_state_is_told_by_its_first_bytes() {
        let may_start = Sketch::<ContextAllocator>::may_start;
        // SAFETY: the state lives in the current memory context, and is longer than what is read of it.
        unsafe {
            let mut state = State::new_in(None, Kind::Unknown, ContextAllocator::current());
            for i in 0..100_000 {
                let start = (&raw const state).cast::<[u8; START_LEN]>().read();
                assert!(may_start(&start), "after {i} values");
                state.sketch.accumulate(hash::integer(i, 0)).unwrap();
            }
        }
        for byte in 0..=255 {
            assert!(!may_start(&[byte; START_LEN]));
        }
        for seed in 0..100_000 {
            let words = [hash::integer(seed, 1), hash::integer(seed, 2)];
            let mut start = [0; START_LEN];
            start[..8].copy_from_slice(&words[0].to_ne_bytes());
            start[8..].copy_from_slice(&words[1].to_ne_bytes());
            assert!(!may_start(&start));
        }
    }

    #[pg_test(error = "epsilon must be between 0.001 and 0.5, not 0.7")]
    fn a_wrong_argument_is_an_error() {
        one("SELECT approx_count_distinct_cvm(1, 0.7)");
    }
}
