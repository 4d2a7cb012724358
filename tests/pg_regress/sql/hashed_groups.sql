-- With many groups, rows wait at their call site for the states of their groups. Whatever reads a state comes after them.
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SET work_mem = '64MB';
SET hash_mem_multiplier = 1;
SET plan_cache_mode = force_generic_plan;

-- 6,000 groups of 1 to 40 rows, in an order drawn at random. Some values are NULL, and some come again.
SELECT setseed(0.28) \g /dev/null
CREATE TABLE facts AS
SELECT g, g % 97 AS h, nullif(ceil(random() * 40), 40)::integer AS v, nullif('value ' || ceil(random() * 30), 'value 7') AS t
FROM generate_series(1, 6000) AS g, LATERAL generate_series(1, 1 + g * 7919 % 40)
ORDER BY random();
ANALYZE facts;

-- How the query is aggregated, and in how many batches.
CREATE FUNCTION plan_of(query text) RETURNS TABLE (strategy text, partial text, spilled boolean) LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, TIMING OFF) ' || query INTO plan;
    RETURN QUERY
    WITH RECURSIVE nodes AS (
        SELECT plan -> 0 -> 'Plan' AS node
        UNION ALL
        SELECT json_array_elements(node -> 'Plans') FROM nodes
    )
    SELECT node ->> 'Strategy', node ->> 'Partial Mode', (node ->> 'Disk Usage')::integer > 0
    FROM nodes
    WHERE node ->> 'Node Type' = 'Aggregate' AND node ->> 'Strategy' <> 'Plain';
END $$;

-- Small groups are counted exactly.
CREATE VIEW exact AS
SELECT g, count(DISTINCT v) AS values, count(DISTINCT t) AS texts FROM facts GROUP BY g;

CREATE VIEW counted AS
SELECT g, approx_count_distinct_cvm(v) AS values, approx_count_distinct_cvm(t, 0.05) AS texts, cvm_sketch_agg(v) AS sketch,
    approx_count_distinct_cvm(v) FILTER (WHERE v % 3 = 1) AS filtered
FROM facts
GROUP BY g;

CREATE TABLE sorted AS SELECT * FROM counted LIMIT 0;

CREATE VIEW differing AS
SELECT count(*) AS groups FROM ((TABLE counted EXCEPT TABLE sorted) UNION ALL (TABLE sorted EXCEPT TABLE counted)) AS q;

SET enable_hashagg = off;
SELECT * FROM plan_of('SELECT * FROM counted');
INSERT INTO sorted SELECT * FROM counted;

SELECT count(*) AS groups, count(*) FILTER (WHERE (sorted.values, sorted.texts) <> (exact.values, exact.texts)) AS wrong
FROM sorted
JOIN exact USING (g);

RESET enable_hashagg;
SET enable_sort = off;
SELECT * FROM plan_of('SELECT * FROM counted');
TABLE differing;

-- Groups that are spilled, batch by batch, and by compiled expressions.
SET work_mem = '64kB';
SELECT * FROM plan_of('SELECT * FROM counted');
TABLE differing;
SET jit = on;
SET jit_above_cost = 0;
TABLE differing;
SET work_mem = '64MB';
TABLE differing;
SET jit = off;

-- States of workers.
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
SELECT * FROM plan_of('SELECT * FROM counted');
TABLE differing;
SET work_mem = '64kB';
TABLE differing;
RESET max_parallel_workers_per_gather;
SET max_parallel_workers_per_gather = 0;

-- Grouping sets: all hashed, in memory and spilled, and some sorted. A row waits for each of its groups.
CREATE VIEW hashed_sets AS
SELECT g, h, approx_count_distinct_cvm(v) AS values, approx_count_distinct_cvm(t) AS texts
FROM facts
GROUP BY GROUPING SETS ((g), (h), (g, h));

CREATE VIEW mixed_sets AS
SELECT g, h, approx_count_distinct_cvm(v) AS values, approx_count_distinct_cvm(t) AS texts
FROM facts
GROUP BY GROUPING SETS ((g), (h), (g, h), ());

CREATE TABLE exact_sets AS
SELECT g, h, count(DISTINCT v) AS values, count(DISTINCT t) AS texts
FROM facts
GROUP BY GROUPING SETS ((g), (h), (g, h));

CREATE VIEW differing_sets AS
SELECT count(*) AS groups
FROM ((TABLE hashed_sets EXCEPT ALL TABLE exact_sets) UNION ALL (TABLE exact_sets EXCEPT ALL TABLE hashed_sets)) AS q;

SET work_mem = '64MB';
SELECT * FROM plan_of('SELECT * FROM hashed_sets');
SELECT * FROM plan_of('SELECT * FROM mixed_sets');
PREPARE differing_sets AS TABLE differing_sets;
EXECUTE differing_sets;

-- The plan stays as it is where there is less memory.
SET work_mem = '256kB';
SELECT * FROM plan_of('EXECUTE differing_sets') WHERE spilled;
EXECUTE differing_sets;
SET work_mem = '64MB';
SELECT count(*) AS more FROM (TABLE mixed_sets EXCEPT ALL TABLE exact_sets) AS q;

-- Run again and again, each time over other rows.
SELECT asked.least, count(*) AS groups, sum(q.n) AS values, count(*) FILTER (WHERE q.n <> q.exact) AS wrong
FROM (VALUES (1), (30), (3), (41), (1)) AS asked (least),
    LATERAL (
        SELECT counted.n, exact.n AS exact
        FROM (SELECT g, approx_count_distinct_cvm(v) AS n FROM facts WHERE v >= asked.least OR g < 1500 GROUP BY g) AS counted
        JOIN (SELECT g, count(DISTINCT v) AS n FROM facts WHERE v >= asked.least OR g < 1500 GROUP BY g) AS exact USING (g)
    ) AS q
GROUP BY asked.least;

-- Run again before all groups were read: of each run, the first groups.
SELECT count(*) AS groups, count(*) FILTER (WHERE q.values <> exact.values) AS wrong
FROM generate_series(1, 5) AS i,
    LATERAL (SELECT g, approx_count_distinct_cvm(v) AS values FROM facts WHERE i > 0 GROUP BY g OFFSET i LIMIT 3) AS q
JOIN exact USING (g);

-- Cursors that are read in turns, in part, and from a second statement in between; one is left before its end.
CREATE FUNCTION in_turns() RETURNS TABLE (groups bigint, wrong bigint, differ bigint) LANGUAGE plpgsql AS $$
DECLARE
    one CURSOR FOR SELECT * FROM counted;
    another CURSOR FOR SELECT * FROM counted WHERE g % 2 = 0;
    a record;
    b record;
BEGIN
    groups := 0; wrong := 0; differ := 0;
    OPEN one;
    OPEN another;
    LOOP
        FETCH one INTO a;
        EXIT WHEN NOT FOUND;
        groups := groups + 1;
        wrong := wrong + (SELECT count(*) FROM sorted WHERE g = a.g AND sorted IS DISTINCT FROM a);
        IF groups < 50 THEN
            FETCH another INTO b;
            wrong := wrong + (SELECT count(*) FROM sorted WHERE g = b.g AND sorted IS DISTINCT FROM b);
        ELSIF groups = 50 THEN
            CLOSE another;
        ELSIF groups = 100 THEN
            differ := (SELECT differing.groups FROM differing);
        END IF;
    END LOOP;
    RETURN NEXT;
END $$;

CREATE INDEX ON sorted (g);
SELECT * FROM in_turns();
SET work_mem = '64kB';
SELECT * FROM in_turns();
SET work_mem = '64MB';

-- A query that groups, run by an argument of one that groups, and one that fails there while rows wait in both.
CREATE FUNCTION seen_by_another(v integer, divisor integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    IF v = 39 AND random() < 0.002 THEN
        PERFORM approx_count_distinct_cvm(f.v / divisor) FROM facts AS f GROUP BY g;
    END IF;
    RETURN v;
EXCEPTION
    WHEN division_by_zero THEN RETURN v;
END $$;

SELECT count(*) AS groups, count(*) FILTER (WHERE q.values <> exact.values) AS wrong
FROM (SELECT g, approx_count_distinct_cvm(seen_by_another(v, (v % 2)::integer)) AS values FROM facts GROUP BY g) AS q
JOIN exact USING (g);

-- A query that fails while rows wait leaves nothing behind.
DO $$
BEGIN
    FOR i IN 1..20 LOOP
        BEGIN
            PERFORM approx_count_distinct_cvm(1 / (i * 900 - g)) FROM facts GROUP BY g;
        EXCEPTION
            WHEN division_by_zero THEN NULL;
        END;
    END LOOP;
END $$;

TABLE differing;

-- Groups that grow large while their rows wait, and come to a higher level: the sketch is what the sorted rows build.
CREATE VIEW large AS
SELECT CASE WHEN i % 3 = 0 THEN -1 - i % 4 ELSE i % 4500 END AS g, cvm_sketch_agg(i) AS sketch, approx_count_distinct_cvm(i, 0.2) AS n
FROM generate_series(1, 300000) AS i
GROUP BY 1;

CREATE TABLE large_hashed AS TABLE large;
SET enable_sort = on;
SET enable_hashagg = off;
SELECT count(*) AS groups, count(*) FILTER (WHERE large.sketch::text <> large_hashed.sketch::text OR large.n <> large_hashed.n) AS differ,
    count(*) FILTER (WHERE cvm_sketch_estimate(large.sketch) > 20000) AS large
FROM large
JOIN large_hashed USING (g);
RESET enable_hashagg;
SET enable_sort = off;

-- Values of every rule that lets rows wait, and of some that do not. One text in three is stored apart, and another one is compressed.
CREATE TABLE kinds (
    g integer, i2 smallint, i8 bigint, f4 real, f8 double precision, num numeric, id uuid, at timestamptz, day date, flag boolean,
    word text, short varchar(20), padded char(10), raw bytea, item jsonb, list integer[]
);
ALTER TABLE kinds ALTER word SET STORAGE EXTENDED, ALTER raw SET STORAGE EXTERNAL;
INSERT INTO kinds
SELECT i % 2500, k, k, k / 8.0, k / 8.0, k / 10.0, md5(k::text)::uuid, '2026-01-01 UTC'::timestamptz + k * interval '1 hour', '2026-01-01'::date + k,
    k % 2 = 0,
    CASE k % 3
        WHEN 0 THEN (SELECT string_agg(md5(k::text || j), '') FROM generate_series(1, 100) j)
        WHEN 1 THEN repeat('word ' || k, 1000)
        ELSE 'word ' || k
    END,
    'word ' || k, 'word ' || k, decode(repeat(md5(k::text), CASE WHEN k % 4 = 0 THEN 200 ELSE 1 END), 'hex'), jsonb_build_array(k), ARRAY[k, 1]
FROM generate_series(1, 20000) AS i, LATERAL (SELECT i * 7919 % 23) AS drawn (k)
ORDER BY i * 40503 % 20011;
ANALYZE kinds;

CREATE VIEW kinds_of_values AS
SELECT g, cvm_sketch_agg(i2) AS i2, cvm_sketch_agg(i8) AS i8, cvm_sketch_agg(f4) AS f4, cvm_sketch_agg(f8) AS f8, cvm_sketch_agg(num) AS num,
    cvm_sketch_agg(id) AS id, cvm_sketch_agg(at) AS at, cvm_sketch_agg(day) AS day, cvm_sketch_agg(flag) AS flag, cvm_sketch_agg(word) AS word,
    cvm_sketch_agg(short) AS short, cvm_sketch_agg(padded) AS padded, cvm_sketch_agg(raw) AS raw, cvm_sketch_agg(item) AS item,
    cvm_sketch_agg(list) AS list, approx_count_distinct_cvm(word) AS words
FROM kinds
GROUP BY g;

SELECT * FROM plan_of('SELECT * FROM kinds_of_values');
CREATE TABLE kinds_hashed AS TABLE kinds_of_values;
SET enable_sort = on;
SET enable_hashagg = off;
SELECT * FROM plan_of('SELECT * FROM kinds_of_values');
CREATE TABLE kinds_sorted AS TABLE kinds_of_values;
SELECT count(*) AS groups, count(*) FILTER (WHERE words <> exactly) AS wrong
FROM kinds_hashed
JOIN (SELECT g, count(DISTINCT word) AS exactly FROM kinds GROUP BY g) AS counted_exactly USING (g);
RESET enable_hashagg;
SET enable_sort = off;
SELECT count(*) AS differ
FROM ((TABLE kinds_hashed EXCEPT TABLE kinds_sorted) UNION ALL (TABLE kinds_sorted EXCEPT TABLE kinds_hashed)) AS q;

-- Support functions that do not belong together are refused, or say what the sketch is.
CREATE AGGREGATE of_another(anyelement) (SFUNC = cvm_accumulate, STYPE = internal, FINALFUNC = cvm_sample_final);
CREATE AGGREGATE written(anyelement) (SFUNC = cvm_accumulate, STYPE = internal, FINALFUNC = cvm_serialize);
SELECT g, of_another(v) FROM facts GROUP BY g;
SELECT count(*) AS groups, count(*) FILTER (WHERE written <> sketch::bytea) AS differ
FROM (SELECT g, written(v) AS written, cvm_sketch_agg(v) AS sketch FROM facts GROUP BY g) q;
DROP AGGREGATE of_another(anyelement), written(anyelement);

-- A function that has settings of its own is called through another record.
BEGIN;
ALTER FUNCTION cvm_accumulate(internal, anyelement) SET work_mem = '1MB';
TABLE differing;
ROLLBACK;

DEALLOCATE differing_sets;
DROP VIEW differing, differing_sets, counted, exact, hashed_sets, mixed_sets, large, kinds_of_values;
DROP TABLE facts, sorted, exact_sets, large_hashed, kinds, kinds_hashed, kinds_sorted;
DROP FUNCTION plan_of, in_turns, seen_by_another;
