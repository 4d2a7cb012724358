-- The extension cvm_count_aliases: approx_distinct and approx_count_distinct are approx_count_distinct_cvm.
SET client_min_messages = warning;
CREATE SCHEMA aliases;
CREATE EXTENSION cvm_count_aliases SCHEMA aliases;
SET search_path = aliases, public;

SELECT pg_describe_object(classid, objid, objsubid) COLLATE "C" AS object,
       obj_description(objid, classid::regclass::name) AS comment
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cvm_count_aliases')
ORDER BY 1;

-- They are made of the same parts: one state serves all names with the same arguments.
SELECT a.proname, a.pronargs, pa.aggtransfn::regproc, pa.aggmtransfn::regproc, a.proparallel,
       ROW(pa.aggfinalfn, pa.aggcombinefn, pa.aggserialfn, pa.aggdeserialfn, pa.aggmfinalfn, pa.aggtransspace, pa.aggfinalmodify, pa.aggmfinalmodify)
       = ROW(pc.aggfinalfn, pc.aggcombinefn, pc.aggserialfn, pc.aggdeserialfn, pc.aggmfinalfn, pc.aggtransspace, pc.aggfinalmodify, pc.aggmfinalmodify)
       AS same_parts
FROM pg_proc a
JOIN pg_aggregate pa ON pa.aggfnoid = a.oid
JOIN pg_proc c ON c.proname = 'approx_count_distinct_cvm' AND c.pronargs = a.pronargs
JOIN pg_aggregate pc ON pc.aggfnoid = c.oid
WHERE a.pronamespace = 'aliases'::regnamespace
ORDER BY a.proname COLLATE "C", a.pronargs;

CREATE TABLE visited AS
SELECT i % 40 AS g, cvm_hash(i) & 65535 AS visitor, 'page ' || (cvm_hash(i, 1) & 8191) AS page
FROM generate_series(1, 100000) i;
ANALYZE visited;

-- The second argument is the standard error. Epsilon is 2.7 of it, and at most 0.5.
SELECT approx_distinct(visitor) = approx_count_distinct_cvm(visitor) AND approx_count_distinct(page) = approx_count_distinct_cvm(page) AS same,
       approx_distinct(visitor, 0.023) = approx_count_distinct_cvm(visitor, 2.7::float8 * 0.023) AS trino_says,
       approx_count_distinct(page, 0.05) = approx_count_distinct_cvm(page, 2.7::float8 * 0.05) AS spark_says,
       approx_distinct(page, 0.26) = approx_count_distinct_cvm(page, 0.5) AS coarsest,
       approx_distinct(page, 0.26) <> approx_distinct(page) AS makes_a_difference
FROM visited;

SELECT count(*) AS errors, bool_and(a = c AND b = c) AS same
FROM (SELECT e, approx_distinct(visitor, e) AS a, approx_count_distinct(visitor, e) AS b, approx_count_distinct_cvm(visitor, least(0.5, 2.7::float8 * e)) AS c
      FROM visited, (VALUES (0.0004), (0.001), (0.0123), (0.05), (0.1), (0.1851), (0.1852), (0.3), (0.5)) v (e)
      WHERE visitor < 20000 GROUP BY e) q;

-- In groups, with a constant error and with one from the row; with NULLs; beside the other name.
SELECT count(*) AS groups, bool_and(a = c AND b = c AND d = e) AS same
FROM (SELECT g, approx_distinct(visitor, 0.1) AS a, approx_count_distinct(visitor, 0.1 + 0 * g) AS b,
             approx_count_distinct_cvm(visitor, 2.7::float8 * 0.1) AS c,
             approx_distinct(nullif(page, 'page 7'), 0.02) AS d, approx_count_distinct_cvm(nullif(page, 'page 7'), 2.7::float8 * 0.02) AS e
      FROM visited GROUP BY g) q;

-- Many groups, whose rows wait for their states.
SELECT count(*) AS groups, bool_and(a = b) AS same
FROM (SELECT visitor % 5000, approx_distinct(page, 0.3) AS a, approx_count_distinct_cvm(page, 0.5) AS b FROM visited GROUP BY 1) q;

-- In parallel, and in moving frames.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT verbose_plan(query) LIKE '%PARTIAL approx%' AS in_parallel,
       rows_with('max_parallel_workers_per_gather', '2', query) = rows_with('max_parallel_workers_per_gather', '0', query) AS same
FROM (VALUES ('SELECT approx_distinct(visitor, 0.02) FROM visited'),
             ('SELECT approx_count_distinct(page) FROM visited'),
             ('SELECT g, approx_count_distinct(visitor, 0.2) FROM visited GROUP BY g')) v (query);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

SELECT count(*) AS rows, bool_and(a = b) AS same
FROM (SELECT approx_distinct(visitor, 0.2) OVER w AS a, approx_count_distinct_cvm(visitor, 0.5) OVER w AS b
      FROM (SELECT * FROM visited LIMIT 3000) v WINDOW w AS (ORDER BY visitor, g, page ROWS BETWEEN 500 PRECEDING AND 20 FOLLOWING)) q;

-- The standard error is about what was asked for: the root of the mean square of relative errors, over 300 sizes and sets. Coarse
-- sketches are finer than that.
SELECT asked, sqrt(avg(power(approx / exact - 1, 2))) BETWEEN 0.8 * asked AND 1.05 * asked AS is_kept,
       avg((abs(approx / exact - 1) > 2.7 * asked)::int) < 0.02 AS within_three_in_most
FROM (SELECT asked, k, approx_distinct(ROW(k, i), asked) AS approx, count(*)::float8 AS exact
      FROM (VALUES (0.04), (0.1)) v (asked), generate_series(1, 300) k, LATERAL generate_series(1, 2000 + 10 * k) i
      GROUP BY asked, k) q
GROUP BY asked ORDER BY asked;

-- What is not a standard error is refused. A second column is taken for one.
\set VERBOSITY sqlstate
SELECT approx_distinct(1, 0.6);
\set VERBOSITY default
SELECT approx_distinct(1, 0.6);
SELECT approx_count_distinct(1, 0);
SELECT approx_count_distinct(1, 0.0003);
SELECT approx_count_distinct(1, -0.1);
SELECT approx_count_distinct(1, 'NaN');
SELECT approx_count_distinct(1, NULL);
SELECT approx_count_distinct(NULL::int, 7);
SELECT approx_distinct(1, e) FROM (VALUES (0.1), (0.2)) v (e);
SELECT approx_distinct(1, e) OVER (ORDER BY e ROWS 1 PRECEDING) FROM (VALUES (0.1), (0.2)) v (e);
SELECT approx_distinct(1, e) OVER (ORDER BY e ROWS 0 PRECEDING) AS alone FROM (VALUES (0.1), (0.2)) v (e);
-- Of parts that are counted apart, only the accuracy is known, not how a call said it.
CREATE TABLE parts (k int, i int) PARTITION BY LIST (k);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF parts FOR VALUES IN (2);
INSERT INTO parts SELECT 1 + i % 2, i FROM generate_series(1, 1000) i;
SET enable_partitionwise_aggregate = on;
SELECT verbose_plan('SELECT approx_distinct(i, 0.1 * k) FROM parts') LIKE '%PARTIAL approx%' AS in_parts;
SELECT approx_distinct(i, 0.1 * k) FROM parts;
SELECT approx_count_distinct_cvm(i, 0.1 * k) FROM parts;
RESET enable_partitionwise_aggregate;
SELECT approx_distinct('{}'::json);
SELECT approx_distinct(1, 0.0004), approx_distinct(1, 0.5), approx_distinct(NULL::int, 0.1), approx_distinct(1, 0.1) FILTER (WHERE false);

RESET search_path;
DROP EXTENSION cvm_count_aliases;
DROP SCHEMA aliases CASCADE;

-- The owner of a database, who is no superuser, creates it. A role with no more than USAGE uses it.
CREATE ROLE cvm_owner;
CREATE ROLE cvm_user;
SELECT format('GRANT CREATE ON DATABASE %I TO cvm_owner', current_database()) \gexec
CREATE SCHEMA aliases AUTHORIZATION cvm_owner;
SET ROLE cvm_owner;
CREATE EXTENSION cvm_count_aliases SCHEMA aliases;
GRANT USAGE ON SCHEMA aliases TO cvm_user;
SET ROLE cvm_user;
SELECT aliases.approx_distinct(i), aliases.approx_count_distinct(i, 0.02) FROM generate_series(1, 10) i;
RESET ROLE;
DROP EXTENSION cvm_count_aliases;
DROP SCHEMA aliases;
SELECT format('REVOKE CREATE ON DATABASE %I FROM cvm_owner', current_database()) \gexec
DROP ROLE cvm_owner, cvm_user;
