-- Every way to call the aggregate. The default accuracy counts up to 8,516 distinct values exactly.
-- Most answers are therefore compared with count(DISTINCT).
CREATE TABLE numbers AS
    SELECT i AS row,
           i % 1000 AS n,
           CASE WHEN i % 3 > 0 THEN i % 500 END AS sometimes,
           i % 7 AS g,
           i % 3 AS h
    FROM generate_series(1, 10000) i;

-- Few values are counted exactly, and NULLs are ignored.
SELECT approx_count_distinct_cvm(n) AS n, approx_count_distinct_cvm(sometimes) AS sometimes FROM numbers;
SELECT count(DISTINCT n) AS n, count(DISTINCT sometimes) AS sometimes FROM numbers;

-- The answer is 0 and never NULL without values: no rows, only NULLs, a filter that nothing passes.
SELECT approx_count_distinct_cvm(n) AS no_rows FROM numbers WHERE false;
SELECT approx_count_distinct_cvm(NULL::int) AS only_nulls FROM numbers;
SELECT approx_count_distinct_cvm(n) FILTER (WHERE n < 0) AS empty_filter FROM numbers;

SELECT approx_count_distinct_cvm(NULL::int, 0.01) AS only_nulls,
       approx_count_distinct_cvm(NULL::int, 0.01, 0.001)
FROM numbers;

-- The answer is a bigint.
SELECT pg_typeof(approx_count_distinct_cvm(n)) FROM numbers;

-- A FILTER holds for the values that are counted.
SELECT approx_count_distinct_cvm(n) FILTER (WHERE n < 100) AS below_100 FROM numbers;

-- DISTINCT and ORDER BY inside the call change nothing.
SELECT approx_count_distinct_cvm(DISTINCT n) AS dist,
       approx_count_distinct_cvm(n ORDER BY row DESC) AS ordered
FROM numbers;

-- Groups are counted in hash tables and in sorted runs.
SELECT g, approx_count_distinct_cvm(n) AS approx, count(DISTINCT n) AS exact
FROM numbers
GROUP BY g ORDER BY g;

SET enable_hashagg = off;
SELECT g, approx_count_distinct_cvm(n) AS approx FROM numbers GROUP BY g ORDER BY g LIMIT 2;
SET enable_hashagg = on;
SET enable_sort = off;
SELECT g, approx_count_distinct_cvm(n) AS approx FROM numbers GROUP BY g ORDER BY g LIMIT 2;
RESET enable_hashagg;
RESET enable_sort;

-- Grouping sets count as count(DISTINCT) does.
SELECT g, h, approx_count_distinct_cvm(sometimes) AS approx, count(DISTINCT sometimes) AS exact
FROM numbers
GROUP BY CUBE (g, h) HAVING GROUPING(g, h) > 0 ORDER BY g, h;

-- Windows count too: one that grows, one that slides, and whole partitions.
SELECT row,
       approx_count_distinct_cvm(n % 4) OVER (ORDER BY row) AS running,
       approx_count_distinct_cvm(n % 4) OVER (
           ORDER BY row ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
       ) AS sliding
FROM numbers
WHERE row <= 6
ORDER BY row;

SELECT DISTINCT g, approx_count_distinct_cvm(n) OVER (PARTITION BY g) AS whole
FROM numbers
WHERE n < 50
ORDER BY g;

-- Views and lateral subqueries may hold the call.
CREATE VIEW by_group AS SELECT g, approx_count_distinct_cvm(n) AS approx FROM numbers GROUP BY g;
SELECT sum(approx) FROM by_group;

SELECT outside.h, inside.approx
FROM (VALUES (0), (1), (2)) outside (h),
     LATERAL (
         SELECT approx_count_distinct_cvm(n) AS approx FROM numbers WHERE numbers.h = outside.h
     ) inside
ORDER BY 1;

-- Partitionwise aggregation gives the answers of the plain plan.
CREATE TABLE parted (k int, v int) PARTITION BY HASH (k);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT i % 10, i FROM generate_series(1, 50000) i;
ANALYZE parted;
SELECT approx_count_distinct_cvm(v) AS whole FROM parted \gset
SET enable_partitionwise_aggregate = on;
EXPLAIN (COSTS OFF) SELECT k, approx_count_distinct_cvm(v) FROM parted GROUP BY k;
EXPLAIN (COSTS OFF) SELECT approx_count_distinct_cvm(v) FROM parted;
SELECT k, approx_count_distinct_cvm(v), count(DISTINCT v) FROM parted GROUP BY k ORDER BY k LIMIT 2;
SELECT approx_count_distinct_cvm(v) = :whole AS same FROM parted;
RESET enable_partitionwise_aggregate;

-- Above the capacity the answer is an estimate, the same for every order of the rows.
SELECT approx_count_distinct_cvm(i) AS ascending FROM generate_series(1, 100000) i;
SELECT approx_count_distinct_cvm(i ORDER BY i DESC) AS descending FROM generate_series(1, 100000) i;
SELECT approx_count_distinct_cvm(i % 100000) AS repeated FROM generate_series(1, 500000) i;

-- A coarser accuracy counts exactly up to fewer values.
SELECT approx_count_distinct_cvm(i, 0.5, 0.1) AS within_50,
       approx_count_distinct_cvm(i, 0.1) AS within_10,
       approx_count_distinct_cvm(i) AS within_3,
       approx_count_distinct_cvm(i, 0.01) AS within_1,
       approx_count_distinct_cvm(i, 0.01, 0.001) AS surely_within_1,
       approx_count_distinct_cvm(i, 0.001) AS exact
FROM generate_series(1, 100000) i;

SELECT approx_count_distinct_cvm(i) AS at_3 FROM generate_series(1, 100000) i
UNION ALL SELECT approx_count_distinct_cvm(i, 0.03) FROM generate_series(1, 100000) i
UNION ALL SELECT approx_count_distinct_cvm(i, 0.03, 0.01) FROM generate_series(1, 100000) i;

-- The accuracy may differ between groups.
SELECT e, approx_count_distinct_cvm(i, e)
FROM generate_series(1, 20000) i, (VALUES (0.1), (0.2)) a (e)
GROUP BY e ORDER BY e;

-- The extension works in any schema, by its qualified name or through search_path.
CREATE SCHEMA elsewhere;
ALTER EXTENSION cvm_count SET SCHEMA elsewhere;
SELECT elsewhere.approx_count_distinct_cvm(n) FROM numbers;
SELECT sum(approx) FROM by_group;
\set VERBOSITY terse
SELECT approx_count_distinct_cvm(n) FROM numbers;
\set VERBOSITY default
SET search_path = public, elsewhere;
SELECT approx_count_distinct_cvm(n) FROM numbers;
RESET search_path;
ALTER EXTENSION cvm_count SET SCHEMA public;
DROP SCHEMA elsewhere;

DROP VIEW by_group;
DROP TABLE numbers, parted;
