-- Every query goes through a worker, even where a parallel plan does not pay. The setting has two names.
SELECT CASE
    WHEN current_setting('server_version_num')::int < 160000 THEN 'force_parallel_mode'
    ELSE 'debug_parallel_query'
END AS setting \gset

SET :setting = on;
EXPLAIN (COSTS OFF) SELECT approx_count_distinct_cvm(i) FROM generate_series(1, 10000) i;
SELECT approx_count_distinct_cvm(i) FROM generate_series(1, 10000) i;

SELECT approx_count_distinct_cvm(i::text, 0.1),
       approx_count_distinct_cvm(i::numeric, 0.1, 0.001),
       cvm_hash(max(i))
FROM generate_series(1, 10000) i;

SELECT i % 3 AS g, approx_count_distinct_cvm(i) FROM generate_series(1, 3000) i GROUP BY 1 ORDER BY 1;
RESET :setting;
SELECT approx_count_distinct_cvm(i) FROM generate_series(1, 10000) i;

SELECT approx_count_distinct_cvm(i::text, 0.1),
       approx_count_distinct_cvm(i::numeric, 0.1, 0.001),
       cvm_hash(max(i))
FROM generate_series(1, 10000) i;
