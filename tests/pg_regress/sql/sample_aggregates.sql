-- What samples say of each value is exact, whatever the plan.
CREATE TABLE visits AS
    SELECT i AS id,
           (cvm_hash(i, 1) & 32767) * (cvm_hash(i, 1) & 32767) / 50000 AS visitor,
           i % 7 AS day,
           nullif(round((cvm_hash(i, 2) % 100000) / 100.0, 2), 0)::float8 AS paid
    FROM generate_series(1, 200000) i;

ALTER TABLE visits SET (parallel_workers = 4);
ANALYZE visits;
SELECT count(DISTINCT visitor) AS visitors, count(paid) < count(*) AS some_are_null FROM visits;
SET max_parallel_workers_per_gather = 0;

CREATE TABLE samples AS
    SELECT cvm_sample_agg(visitor) AS counted,
           cvm_sample_agg_measured(visitor, paid) AS measured,
           cvm_sample_agg_measured(visitor, paid, 50) AS small,
           cvm_sample_agg_measured(visitor, paid, 30000) AS exact,
           cvm_sample_agg(visitor, 3000, 42) AS seeded
    FROM visits;

SELECT name, (cvm_sample_info(sample)).*, # sample AS estimate
FROM samples,
     (VALUES ('counted'), ('measured'), ('small'), ('exact'), ('seeded')) v (name),
     LATERAL (
         SELECT CASE name
             WHEN 'counted' THEN counted
             WHEN 'measured' THEN measured
             WHEN 'small' THEN small
             WHEN 'exact' THEN exact
             ELSE seeded
         END AS sample
     ) s
ORDER BY name;

-- Every value, its occurrences and its measures are right.
-- Numeric adds without rounding, and so do samples, up to the last digit of a double.
CREATE TABLE raw AS
    SELECT visitor,
           count(*) AS occurrences,
           sum(paid::numeric)::float8 AS total,
           min(paid) AS least,
           max(paid) AS greatest
    FROM visits
    GROUP BY visitor;

SELECT count(*) AS sampled,
       count(*) FILTER (
           WHERE v.occurrences = r.occurrences
           AND v.least IS NOT DISTINCT FROM r.least
           AND v.greatest IS NOT DISTINCT FROM r.greatest
           AND coalesce(abs(v.total - r.total) <= 1e-9, r.total IS NULL)
       ) AS right
FROM samples, cvm_sample_values(measured, NULL::bigint) v LEFT JOIN raw r ON r.visitor = v.value;

SELECT count(*) AS sampled,
       count(*) FILTER (
           WHERE v.occurrences = r.occurrences
           AND v.least IS NOT DISTINCT FROM r.least
           AND v.greatest IS NOT DISTINCT FROM r.greatest
           AND coalesce(abs(v.total - r.total) <= 1e-9, r.total IS NULL)
       ) AS right,
       sum(weight) AS estimate
FROM samples, cvm_sample_values(exact, NULL::bigint) v FULL JOIN raw r ON r.visitor = v.value;

SELECT count(*) AS sampled,
       bool_and(
           v.occurrences = r.occurrences
           AND total IS NULL
           AND least IS NULL
           AND greatest IS NULL
       ) AS right,
       min(weight) = max(weight) AS one_weight,
       abs(sum(weight) - # (SELECT seeded FROM samples)) < 1 AS weights_add_up
FROM samples,
     cvm_sample_values(seeded, NULL::bigint) v
     JOIN (SELECT visitor, occurrences FROM raw) r ON r.visitor = v.value;

-- The sketch of a sample is that of the same values at the capacity of its size.
SELECT # (measured::cvm_sketch) = # measured AS same,
       cvm_sketch_info(small::cvm_sketch),
       # (exact::cvm_sketch & cvm_sketch_agg) AS both
FROM samples, (SELECT cvm_sketch_agg(visitor) FROM visits WHERE visitor < 100) q;

SELECT # (s || measured::cvm_sketch) = # measured AS same_values
FROM (SELECT cvm_sketch_agg(visitor) AS s FROM visits) q, samples;

-- Every plan gives the same sample: parallel, hashed, sorted, spilled, and united in any order.
CREATE VIEW again AS
    SELECT cvm_sample_agg(visitor) AS counted,
           cvm_sample_agg_measured(visitor, paid) AS measured,
           cvm_sample_agg_measured(visitor, paid, 50) AS small,
           cvm_sample_agg_measured(visitor, paid, 30000) AS exact,
           cvm_sample_agg(visitor, 3000, 42) AS seeded
    FROM visits;

SET max_parallel_workers_per_gather = 4;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS off) SELECT * FROM again;
SELECT samples = again AS same FROM samples, again;
SET parallel_leader_participation = off;
SELECT samples = again AS same FROM samples, again;
RESET parallel_leader_participation;
SELECT day, cvm_sample_agg_measured(visitor, paid, 100) AS s INTO by_day FROM visits GROUP BY day;
SET max_parallel_workers_per_gather = 0;

SELECT bool_and(by_day.s = q.s) AS same
FROM by_day
JOIN (
    SELECT day, cvm_sample_agg_measured(visitor, paid, 100 ORDER BY id DESC) AS s
    FROM visits
    GROUP BY day
) q USING (day);

CREATE TABLE whole AS SELECT cvm_sample_agg_measured(visitor, paid, 100) AS s FROM visits;

SELECT cvm_sample_union_agg(s) = (SELECT s FROM whole) AS same,
       cvm_sample_union_agg(s ORDER BY day DESC) = (SELECT s FROM whole) AS same_backwards
FROM by_day;

SELECT (SELECT s FROM by_day WHERE day = 0) || (SELECT s FROM by_day WHERE day = 1)
    = cvm_sample_agg_measured(visitor, paid, 100) AS same
FROM visits
WHERE day < 2;

-- A union has the smaller of the two sizes.
SELECT small || seeded_as_small = union_of_both AS same, (cvm_sample_info(small || measured)).size
FROM samples,
     (
         SELECT cvm_sample_agg_measured(visitor, paid, 300) AS seeded_as_small
         FROM visits
         WHERE day = 3
     ) a,
     (
         SELECT cvm_sample_agg_measured(visitor, paid, 50) AS union_of_both
         FROM (SELECT * FROM visits UNION ALL SELECT * FROM visits WHERE day = 3) q
     ) b;

SET work_mem = '64kB';
SET enable_sort = off;

SELECT count(*) AS groups, bool_and(s = t) AS same
FROM (SELECT visitor % 5000 AS g, cvm_sample_agg_measured(id, paid) AS s FROM visits GROUP BY g) q
JOIN (
    SELECT g, cvm_sample_agg_measured(id, paid) AS t
    FROM (SELECT visitor % 5000 AS g, id, paid FROM visits ORDER BY 1, 2 OFFSET 0) r
    GROUP BY g
) p USING (g);

RESET work_mem;
RESET enable_sort;
SET max_parallel_workers_per_gather = 4;

CREATE TABLE parts AS
    SELECT id % 500 AS part, cvm_sample_agg_measured(visitor, paid, 100) AS s
    FROM visits
    GROUP BY part;

ALTER TABLE parts SET (parallel_workers = 4);
EXPLAIN (COSTS off) SELECT cvm_sample_union_agg(s) FROM parts;
SELECT cvm_sample_union_agg(s) = (SELECT s FROM whole) AS same FROM parts;
RESET max_parallel_workers_per_gather;

-- Windows and FILTER work.
SELECT id,
       # cvm_sample_agg(visitor) OVER (ORDER BY id ROWS 2 PRECEDING) AS moving,
       # cvm_sample_agg(visitor) OVER (ORDER BY id) AS growing,
       # cvm_sample_union_agg(one) OVER (ORDER BY id ROWS 2 PRECEDING) AS of_unions
FROM (
    SELECT id, visitor, cvm_sample_agg(visitor) AS one
    FROM visits
    WHERE id <= 5
    GROUP BY id, visitor
) q
ORDER BY id;

SELECT # cvm_sample_agg(visitor) FILTER (WHERE day = 3) AS filtered,
       count(DISTINCT visitor) FILTER (WHERE day = 3) AS exact
FROM visits
WHERE id <= 3000;

-- Of no rows and of NULLs there is an empty sample. Of a NULL sample there is NULL.
SELECT cvm_sample_agg(visitor) AS none,
       cvm_sample_agg_measured(visitor, paid, 50, 7) = cvm_sample_agg(visitor) AS same,
       cvm_sample_union_agg(NULL) = cvm_sample_agg(visitor) AS of_nulls
FROM visits
WHERE false;

SELECT cvm_sample_agg(NULL::int) = cvm_sample_union_agg(NULL) AS same,
       (cvm_sample_agg(visitor) FILTER (WHERE false))::cvm_sketch
           = cvm_sketch_empty() AS empty_sketch
FROM visits;

SELECT seeded || nothing = seeded AS left,
       nothing || seeded = seeded AS right,
       # nothing AS estimate
FROM samples, (SELECT cvm_sample_agg(1) AS nothing FROM visits WHERE false) q;

SELECT cvm_sample_values IS NULL AS row FROM cvm_sample_values(NULL, 1);

SELECT NULL || measured IS NULL AS union,
       # NULL::cvm_sample IS NULL AS estimate,
       cvm_sample_bounds(NULL, 1) IS NULL AS bounds,
       cvm_sample_info(NULL) IS NULL AS info,
       NULL::cvm_sample::cvm_sketch IS NULL AS cast
FROM samples;

-- Sums may cancel, overflow, or hold numbers that are none. The order of the rows changes nothing.
CREATE TABLE numbers (v text, x float8);

INSERT INTO numbers VALUES
    ('cancels', 1e300), ('cancels', 1), ('cancels', -1e300), ('tenths', 0.1), ('zero', '-0'),
    ('inf', 'inf'), ('inf', 1), ('-inf', '-inf'), ('both', 'inf'), ('both', '-inf'), ('nan', 'nan'),
    ('nan', 1), ('nulls', NULL), ('some', NULL), ('some', 5), ('largest', 1e308),
    ('largest', 1e308), ('largest', -1e308), ('tiny', '5e-324'), ('tiny', '5e-324');

INSERT INTO numbers SELECT 'tenths', 0.1 FROM generate_series(1, 9);

SELECT v.*
FROM (SELECT cvm_sample_agg_measured(v, x) AS s FROM numbers) q, cvm_sample_values(s, NULL::text) v
ORDER BY value COLLATE "C";

SELECT count(DISTINCT s) AS samples
FROM (
    SELECT cvm_sample_agg_measured(v, x ORDER BY x) AS s FROM numbers
    UNION ALL SELECT cvm_sample_agg_measured(v, x ORDER BY x DESC) FROM numbers
    UNION ALL SELECT cvm_sample_agg_measured(v, x ORDER BY abs(x), x) FROM numbers
    UNION ALL
    SELECT cvm_sample_union_agg(s)
    FROM (SELECT cvm_sample_agg_measured(v, x) AS s FROM numbers GROUP BY x) q
) q;

SELECT *
FROM cvm_sample_values(
    (SELECT cvm_sample_agg_measured('a'::text, 1e308) FROM generate_series(1, 2)),
    NULL::text
);

-- Bounds hold for what is asked for later.
SELECT (cvm_sample_bounds(measured, n)).*, n, # measured AS of
FROM samples, (VALUES (0), (1), (100), (500)) v (n)
ORDER BY n;

SELECT lower <= exact AND exact <= upper AS holds,
       lower < estimate AND estimate < upper AS is_interval
FROM (
    SELECT (cvm_sample_bounds(
               measured,
               (SELECT count(*) FROM cvm_sample_values(measured, 1::bigint) WHERE occurrences >= 20),
               0.999
           )).*,
           (SELECT count(*) FROM raw WHERE occurrences >= 20) AS exact
    FROM samples
) q;

SELECT cvm_sample_bounds(exact, 17) AS exact FROM samples;

-- Wrong arguments of bounds are refused, in one process: an ERROR says if another raised it.
SET max_parallel_workers_per_gather = 0;
SELECT cvm_sample_bounds(small, 50) FROM samples;
SELECT cvm_sample_bounds(small, -1) FROM samples;
SELECT cvm_sample_bounds(small, NULL) FROM samples;
SELECT cvm_sample_bounds(small, 1, 1) FROM samples;
SELECT cvm_sample_bounds(small, 1, NULL) FROM samples;

-- Wrong arguments of aggregates are refused.
SELECT cvm_sample_agg_measured(1, 1, 7);
SELECT cvm_sample_agg_measured(1, 1, 1000001);
SELECT cvm_sample_agg_measured(1, 1, -2147483648);
SELECT cvm_sample_agg_measured(1, 1, NULL);
SELECT cvm_sample_agg_measured(NULL::int, 1, 0);
SELECT cvm_sample_agg_measured(1, 1, 8, NULL);
SELECT cvm_sample_agg_measured(i, 1, 7 + i) FROM generate_series(1, 2) i;
SELECT cvm_sample_agg_measured(i, 1, 8, i) FROM generate_series(1, 2) i;
SELECT cvm_sample_agg_measured(CASE i WHEN 1 THEN 1 END, 1, 7 + i) FROM generate_series(1, 2) i;

-- A measure in the wrong place is taken for a size, and the message says so.
SELECT cvm_sample_agg(i, i) FROM generate_series(8, 9) i;
SELECT cvm_sample_agg(i, i) FROM generate_series(1, 2) i;
SELECT cvm_sample_agg(i, NULL) FROM generate_series(1, 2) i;
SELECT cvm_sample_agg(i, 8, NULL) FROM generate_series(1, 2) i;
SELECT cvm_sample_agg(i, 8, i) FROM generate_series(1, 2) i;
SELECT cvm_sample_agg(CASE i WHEN 8 THEN 1 END, i) FROM generate_series(7, 8) i;
SELECT cvm_sample_agg(CASE i WHEN 8 THEN 1 END, i) FROM generate_series(8, 9) i;
\set VERBOSITY sqlstate
SELECT cvm_sample_agg(visitor, paid) FROM visits;
\set VERBOSITY default

-- Both aggregates take size and seed in the same way.
SELECT (cvm_sample_info(cvm_sample_agg(visitor, 100))).size,
       cvm_sample_agg(visitor, 100)
           = cvm_sample_agg_measured(visitor, NULL, 100) AS without_measures,
       cvm_sample_agg(visitor, 100, 7) = cvm_sample_agg_measured(visitor, NULL, 100, 7) AS seeded
FROM visits;

-- Types without a hash, kinds and seeds that differ, and long values are refused.
SELECT cvm_sample_agg('{}'::json);
SELECT small || seeded FROM samples;

SELECT cvm_sample_union_agg(s)
FROM (VALUES ((SELECT cvm_sample_agg(1))), ((SELECT cvm_sample_agg('a'::text)))) q (s);

\set VERBOSITY sqlstate
SELECT cvm_sample_agg_measured(1, 1, 7);
SELECT small || seeded FROM samples;
SELECT cvm_sample_agg(repeat('x', 1048577));
\set VERBOSITY default
SELECT cvm_sample_agg(repeat('x', 1048577));
SELECT cvm_sample_agg(i || repeat('x', 1048570)) FROM generate_series(1, 200) i;

-- A value of 1 MiB is the longest that a sample takes.
SELECT # cvm_sample_agg(repeat('x', 1048576)) AS longest;
DROP VIEW again;
DROP TABLE visits, samples, raw, by_day, whole, parts, numbers;

-- cvm_sample_of makes of one row what the aggregates make of many.
SELECT bool_and(
           cvm_sample_of(v, m, 60, 5)
               = (SELECT cvm_sample_agg_measured(x, y, 60, 5) FROM (VALUES (v, m)) r (x, y))
       ) AS measured,
       bool_and(
           cvm_sample_of(v, NULL, 1000, 0) = (SELECT cvm_sample_agg(x) FROM (VALUES (v)) r (x))
       ) AS not_measured
FROM (
    SELECT i % 7 AS v, (ARRAY[i, 'NaN', 'Infinity', '-0', 1e300])[1 + i % 5] AS m
    FROM generate_series(1, 50) i
) q;

SELECT cvm_sample_of(NULL::integer, 1, 60, 0) IS NULL AS of_null,
       cvm_sample_of('a'::char(5), 1, 8, -1)
           = (SELECT cvm_sample_agg_measured('a'::char(3), 1, 8, -1)) AS padded;

SELECT cvm_sample_union_agg(cvm_sample_of(v, v, 60, 5))
    = cvm_sample_agg_measured(v, v, 60, 5) AS united
FROM (SELECT nullif(i % 700, 3) AS v FROM generate_series(1, 5000) i) q;

SELECT cvm_sample_union_agg(cvm_sample_of(NULL::text, 1, 60, 5)) = cvm_sample_empty() AS of_nulls
FROM generate_series(1, 3);

SELECT cvm_sample_of(1, 1, 7, 0);
SELECT cvm_sample_of(NULL::integer, 1, NULL, 0);
SELECT cvm_sample_of(1, 1, 8, NULL);
SELECT cvm_sample_of('{}'::json, 1, 8, 0);
SELECT cvm_sample_of(repeat('x', 1048577), 1, 8, 0);

-- Groups of 10 to 2,000 rows, of few values and of many: what samples say is what the rows say.
CREATE TABLE grouped AS
    SELECT g, (cvm_hash(i, g) & 1048575)::integer % (1 + g * g / 25) AS v, (i % 100) / 8.0::float8 AS m
    FROM generate_series(1, 200) g, generate_series(1, g * 10) i;

SELECT count(*) AS "values", count(*) FILTER (WHERE sampled IS DISTINCT FROM exact) AS differ
FROM
    (
        SELECT g, value, ROW(occurrences, total, least, greatest) AS sampled
        FROM
            (SELECT g, cvm_sample_agg_measured(v, m, 3000) AS sample FROM grouped GROUP BY g) s,
            cvm_sample_values(sample, NULL::integer)
    ) sampled
    FULL JOIN (
        SELECT g, v AS value, ROW(count(*), sum(m), min(m), max(m)) AS exact FROM grouped GROUP BY g, v
    ) exact USING (g, value);

SELECT count(*) AS "values", count(*) FILTER (WHERE sampled IS DISTINCT FROM exact) AS differ
FROM
    (
        SELECT g, value, occurrences AS sampled
        FROM
            (SELECT g, cvm_sample_agg('value ' || v, 3000) AS sample FROM grouped GROUP BY g) s,
            cvm_sample_values(sample, NULL::text)
    ) sampled
    FULL JOIN (SELECT g, 'value ' || v AS value, count(*) AS exact FROM grouped GROUP BY g, v) exact USING (g, value);

-- Integers of every length.
SELECT count(*) AS integers, bool_and(value::text = x::text) AS same
FROM
    (
        SELECT sign * (power * digit)::bigint AS x
        FROM
            (SELECT power(10::numeric, e) AS power FROM generate_series(0, 18) e) p,
            generate_series(0, 9) digit,
            (VALUES (1), (-1)) s (sign)
        WHERE power * digit < 9223372036854775807
        UNION SELECT unnest(ARRAY[-9223372036854775808, 9223372036854775807])
    ) integers,
    LATERAL cvm_sample_values(cvm_sample_of(x, NULL, 8, 0), NULL::bigint);

DROP TABLE grouped;
