-- Aggregates make sketches of values, of hashes and of sketches.
CREATE TABLE visits AS
    SELECT i AS id, i % 30000 AS visitor, (i % 30000)::text AS name, i % 7 AS day, i % 3 AS country
    FROM generate_series(1, 60000) i;

ANALYZE visits;

-- The sketch and the count agree.
SELECT approx_count_distinct_cvm(visitor) AS count,
       #cvm_sketch_agg(visitor) AS sketch,
       approx_count_distinct_cvm(visitor, 0.05) AS count_5,
       #cvm_sketch_agg(visitor, 0.05) AS sketch_5,
       approx_count_distinct_cvm(visitor, 0.05, 0.001) AS count_5_999,
       #cvm_sketch_agg(visitor, 0.05, 0.001) AS sketch_5_999,
       #cvm_sketch_agg(visitor, 0.05, 0.001, 0) AS seed_0,
       #cvm_sketch_agg(visitor, 0.05, 0.001, 42) AS seed_42
FROM visits;

-- They share one state: their argument is evaluated once a row. PostgreSQL does not share volatile arguments.
CREATE FUNCTION seen(x integer) RETURNS integer LANGUAGE plpgsql
    AS 'BEGIN RAISE NOTICE ''seen %'', x; RETURN x; END';

SELECT approx_count_distinct_cvm(seen(i)) AS count, #cvm_sketch_agg(seen(i)) AS sketch
FROM generate_series(1, 2) i;

CREATE FUNCTION stable_seen(x integer) RETURNS integer STABLE LANGUAGE plpgsql
    AS 'BEGIN RAISE NOTICE ''seen %'', x; RETURN x; END';

SELECT approx_count_distinct_cvm(stable_seen(i)) AS count, #cvm_sketch_agg(stable_seen(i)) AS sketch
FROM generate_series(1, 2) i;

DROP FUNCTION seen(integer), stable_seen(integer);

-- Values that are hashed elsewhere give the same sketch, but for the kind of values.
CREATE FUNCTION of_unknown_kind(sketch cvm_sketch) RETURNS cvm_sketch IMMUTABLE LANGUAGE sql
    AS 'SELECT set_byte(sketch::bytea, 1, 0)::cvm_sketch';

SELECT of_unknown_kind(cvm_sketch_agg(visitor)) = cvm_sketch_agg_hashed(cvm_hash(visitor)) AS plain,
       of_unknown_kind(cvm_sketch_agg(name, 0.1))
           = cvm_sketch_agg_hashed(cvm_hash(name), 0.1) AS epsilon,
       of_unknown_kind(cvm_sketch_agg(name, 0.1, 0.05))
           = cvm_sketch_agg_hashed(cvm_hash(name), 0.1, 0.05) AS delta,
       of_unknown_kind(cvm_sketch_agg(name, 0.1, 0.05, -7))
           = cvm_sketch_agg_hashed(cvm_hash(name, -7), 0.1, 0.05, -7) AS seed,
       cvm_sketch_agg(name) <> cvm_sketch_agg(name, 0.03, 0.01, 1) AS seeds_differ
FROM visits;

-- Any partition and any tree of merges give the same sketch.
SELECT cvm_sketch_union_agg(sketch) = (SELECT cvm_sketch_agg(visitor) FROM visits) AS by_day
FROM (SELECT cvm_sketch_agg(visitor) AS sketch FROM visits GROUP BY day) s;

SELECT cvm_sketch_union_agg(sketch)
    = (SELECT of_unknown_kind(cvm_sketch_agg(visitor)) FROM visits) AS by_day_and_country
FROM (
    SELECT cvm_sketch_union_agg(sketch) AS sketch
    FROM (
        SELECT country, cvm_sketch_agg_hashed(cvm_hash(visitor)) AS sketch
        FROM visits
        GROUP BY day, country
    ) s
    GROUP BY country
) t;

DROP FUNCTION of_unknown_kind(cvm_sketch);

-- Different accuracies give what the coarser would have built.
SELECT cvm_sketch_union_agg(sketch) = (SELECT cvm_sketch_agg(visitor, 0.1) FROM visits) AS coarser
FROM (
    SELECT cvm_sketch_agg(visitor, 0.01) AS sketch FROM visits WHERE day < 4
    UNION ALL SELECT cvm_sketch_agg(visitor, 0.1) FROM visits WHERE day >= 4
) s;

SELECT #cvm_sketch_intersection_agg(sketch) AS approximate, count(*) AS sketches
FROM (SELECT cvm_sketch_agg(id / 6) AS sketch FROM visits GROUP BY country) s;

SELECT count(*) AS exact FROM (SELECT id / 6 FROM visits GROUP BY 1 HAVING count(DISTINCT country) = 3) s;

SELECT #cvm_sketch_intersection_agg(sketch) AS approximate
FROM (SELECT cvm_sketch_agg(id / 2) AS sketch FROM visits GROUP BY id % 2) s;

SELECT count(*) AS exact FROM (SELECT id / 2 FROM visits GROUP BY 1 HAVING count(*) = 2) s;

-- NULLs are skipped. No rows give the empty sketch. The intersection of no sketches is unknown.
SELECT cvm_sketch_agg(x) = cvm_sketch_empty() AS agg,
       cvm_sketch_agg(x, 0.1, 0.1, 3) = cvm_sketch_empty() AS seeded,
       cvm_sketch_agg_hashed(x) = cvm_sketch_empty() AS hashed,
       cvm_sketch_agg_hashed(x, 0.1) = cvm_sketch_empty() AS hashed_epsilon
FROM (VALUES (NULL::bigint), (NULL)) v (x);

SELECT cvm_sketch_agg(1) FILTER (WHERE false) = cvm_sketch_empty() AS agg,
       cvm_sketch_agg_hashed(1) FILTER (WHERE false) = cvm_sketch_empty() AS hashed,
       cvm_sketch_union_agg(cvm_sketch_empty(0.1)) FILTER (WHERE false)
           = cvm_sketch_empty() AS union_agg,
       cvm_sketch_intersection_agg(cvm_sketch_empty()) FILTER (WHERE false)
           IS NULL AS intersection_agg;

SELECT cvm_sketch_union_agg(s) = cvm_sketch_agg(1) AS union_agg,
       cvm_sketch_intersection_agg(s) = cvm_sketch_agg(1) AS intersection_agg
FROM (VALUES (NULL::cvm_sketch), ((SELECT cvm_sketch_agg(1))), (NULL)) v (s);

-- The sketch of no rows takes on accuracy and seed of what it meets.
SELECT cvm_sketch_union_agg(s) = cvm_sketch_agg(1, 0.01, 0.01, 5) AS kept
FROM (
    SELECT cvm_sketch_agg(1, 0.01, 0.01, 5) AS s
    UNION ALL SELECT cvm_sketch_agg(1, 0.01, 0.01, 5) FILTER (WHERE false)
) v;

-- Windows, FILTER, DISTINCT, ORDER BY and grouping sets work.
SELECT i,
       #cvm_sketch_agg(i % 3) OVER w AS agg,
       #cvm_sketch_agg_hashed(cvm_hash(i % 3)) OVER w AS hashed,
       #cvm_sketch_union_agg(s) OVER w AS union_agg,
       #cvm_sketch_intersection_agg(s) OVER w AS intersection_agg
FROM (SELECT i, cvm_sketch_add(cvm_sketch_empty(), i % 3) AS s FROM generate_series(1, 6) i) v
WINDOW w AS (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
ORDER BY i;

SELECT i, #cvm_sketch_agg_hashed(cvm_hash(i % 4)) OVER (ORDER BY i) AS running
FROM generate_series(1, 6) i
ORDER BY i;

SELECT day, country,
       #cvm_sketch_agg_hashed(cvm_hash(visitor) ORDER BY visitor) AS ordered,
       #cvm_sketch_agg(DISTINCT visitor) AS distinct_values,
       count(DISTINCT visitor) AS exact
FROM visits
WHERE visitor < 5000 AND day < 2
GROUP BY GROUPING SETS ((day), (country), ()) ORDER BY 1, 2;

-- Hash aggregation gives the same answers with too little memory for its groups.
CREATE FUNCTION digest_of_groups() RETURNS text LANGUAGE sql AS $$
    SELECT md5(string_agg(visitor || ' ' || sketch::text, ',' ORDER BY visitor))
    FROM (
        SELECT visitor % 9000 AS visitor, cvm_sketch_union_agg(one) AS sketch
        FROM (
            SELECT visitor, id, cvm_sketch_agg_hashed(cvm_hash(id)) AS one
            FROM visits
            GROUP BY visitor, id
        ) s
        GROUP BY 1
    ) t
$$;

SET work_mem = '1GB';
SELECT digest_of_groups() AS in_memory \gset

SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SET enable_sort = off;

SELECT digest_of_groups() = :'in_memory' AS spilled;

RESET enable_sort;
SET enable_hashagg = off;

SELECT digest_of_groups() = :'in_memory' AS sorted;

RESET work_mem;
RESET hash_mem_multiplier;
RESET enable_hashagg;

-- Parallel plans give the same bytes, for every aggregate.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;

CREATE TABLE stored AS
    SELECT day, country, cvm_sketch_agg(visitor) AS sketch FROM visits GROUP BY day, country;

ANALYZE stored;

CREATE FUNCTION all_of_them() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT md5(concat(a, b, c, d))
    FROM (
             SELECT cvm_sketch_agg(visitor, 0.05, 0.01, 9) AS a,
                    cvm_sketch_agg_hashed(cvm_hash(name), 0.02) AS b
             FROM visits
         ) v,
         (
             SELECT cvm_sketch_union_agg(sketch) AS c, cvm_sketch_intersection_agg(sketch) AS d
             FROM stored
         ) s
$$;

EXPLAIN (COSTS OFF)
    SELECT cvm_sketch_agg(visitor, 0.05, 0.01, 9), cvm_sketch_agg_hashed(cvm_hash(name), 0.02)
    FROM visits;

EXPLAIN (COSTS OFF) SELECT cvm_sketch_union_agg(sketch), cvm_sketch_intersection_agg(sketch) FROM stored;
SET max_parallel_workers_per_gather = 0;
SELECT all_of_them() AS serial \gset
SET max_parallel_workers_per_gather = 4;
SELECT all_of_them() = :'serial' AS parallel;

RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- Wrong arguments are refused.
SELECT cvm_sketch_agg(1, 2);
SELECT cvm_sketch_agg(1, 0.1, NULL);
SELECT cvm_sketch_agg(1, 0.1, 0.1, NULL);
SELECT cvm_sketch_agg('word');
SELECT cvm_sketch_agg('{}'::json);
SELECT cvm_sketch_agg_hashed(1, 2);
SELECT cvm_sketch_agg_hashed(1, 0.1, 0.2);
SELECT cvm_sketch_agg_hashed(1, 0.1, 0.1, NULL);
SELECT cvm_sketch_agg_hashed(NULL, 7);
SELECT cvm_sketch_agg_hashed(1, e) FROM (VALUES (0.1), (0.2)) v (e);
SELECT cvm_sketch_agg_hashed(1, 0.1, d) FROM (VALUES (0.01), (0.02)) v (d);
SELECT cvm_sketch_agg_hashed(1, 0.1, 0.1, s) FROM (VALUES (1), (2)) v (s);
SELECT cvm_sketch_agg(1, 0.1, 0.1, s) FROM (VALUES (1), (2)) v (s);
SELECT cvm_sketch_agg(1, 0.1, 0.1, s) FROM (VALUES (1), (NULL)) v (s);

SELECT cvm_sketch_union_agg(s)
FROM (SELECT cvm_sketch_agg(1, 0.1, 0.1, i) AS s FROM generate_series(1, 2) i GROUP BY i) v;

SELECT cvm_sketch_intersection_agg(s)
FROM (SELECT cvm_sketch_agg(1, 0.1, 0.1, i) AS s FROM generate_series(1, 2) i GROUP BY i) v;

-- The functions behind them are refused outside an aggregate.
SELECT cvm_accumulate_hashed(cvm_sketch_empty(), 1);
SELECT cvm_accumulate_hashed(NULL, NULL);
SELECT cvm_merge(cvm_sketch_empty(), cvm_sketch_empty());
SELECT cvm_combine_hashed(NULL, NULL);
SELECT cvm_final_flat(NULL);
DROP TABLE visits, stored;
DROP FUNCTION digest_of_groups(), all_of_them();
