//! Run inside a server by `cargo pgrx test`. What can be said in SQL is tested by `tests/pg_regress`; here is what wants
//! arithmetic.

#[pgrx::pg_schema]
mod tests {
    use cvm_sketch::{Accuracy, Sketch, hash};
    use pgrx::prelude::*;

    fn one(query: &str) -> i64 {
        Spi::get_one(query)
            .expect("the query runs")
            .expect("the answer is not NULL")
    }

    /// What the aggregate answers is what the sketch makes of the documented hashes, for every size around the capacity.
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
                integers.insert(hash::integer(i as i64, 0)).unwrap();
                texts.insert(hash::bytes(i.to_string().as_bytes(), 0)).unwrap();
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
        // epsilon 0.1, delta 0.05: at most 5 % of the sets may be off by more than 10 %, and computation puts the rate near
        // 4 % (sketch/tests/accuracy.rs). Of 400 sets, 20 or fewer are expected; the standard deviation is below 4.4, so
        // that more than 38 means a wrong algorithm. And none at all means that something else is measured (e^-13).
        let failures = one("SELECT count(*) FILTER (WHERE abs(estimate / 3000.0 - 1) > 0.1) FROM (
            SELECT approx_count_distinct_cvm(i, 0.1, 0.05) AS estimate FROM generate_series(0, 1199999) i GROUP BY i / 3000
        ) sets");
        assert!((1..=38).contains(&failures), "{failures} failures");
        // The mean of 400 unbiased estimates with a relative standard error below 5.2 %: within 4 * 5.2 % / 20 = 1.04 %.
        let mean = one("SELECT round(avg(estimate))::bigint FROM (
            SELECT approx_count_distinct_cvm(i, 0.1, 0.05) AS estimate FROM generate_series(0, 1199999) i GROUP BY i / 3000
        ) sets");
        assert!((2_969..=3_031).contains(&mean), "mean {mean}");
    }

    #[pg_test(error = "epsilon must be between 0.001 and 0.5, not 0.7")]
    fn a_wrong_argument_is_an_error() {
        one("SELECT approx_count_distinct_cvm(1, 0.7)");
    }
}
