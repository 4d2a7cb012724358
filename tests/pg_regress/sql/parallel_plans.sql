-- The answer of a parallel plan equals the serial one. EXPLAIN shows that workers took part.
CREATE TABLE facts AS
    SELECT i % 60000 AS n,
           'word ' || i % 50000 AS word,
           (i % 40000)::numeric / 10 AS amount,
           i % 20 AS g
    FROM generate_series(1, 300000) i;

ALTER TABLE facts SET (parallel_workers = 4);
ANALYZE facts;
SET max_parallel_workers_per_gather = 0;

CREATE TABLE serial AS
    SELECT approx_count_distinct_cvm(n) AS n,
           approx_count_distinct_cvm(word, 0.05) AS word,
           approx_count_distinct_cvm(amount, 0.02, 0.05) AS amount,
           approx_count_distinct_cvm(n, 0.5) AS coarse
    FROM facts;

CREATE TABLE serial_groups AS
    SELECT g, approx_count_distinct_cvm(n) AS n, approx_count_distinct_cvm(word, 0.1) AS word
    FROM facts
    GROUP BY g;

SELECT * FROM serial;

-- plan_of gives the nodes that matter, and the workers that were really launched.
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
        IF line ~ 'Aggregate|Gather|Workers Launched|Scan' THEN
            RETURN NEXT regexp_replace(line, ' \(actual.*|-> +', '', 'g');
        END IF;
    END LOOP;
END $$;

SET max_parallel_workers_per_gather = 4;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT plan_of('SELECT approx_count_distinct_cvm(n) FROM facts');
SELECT plan_of('SELECT approx_count_distinct_cvm(n, 0.01, 0.001) FROM facts');
SELECT plan_of('SELECT g, approx_count_distinct_cvm(n) FROM facts GROUP BY g');

-- The leader takes rows, or the workers take all.
SELECT serial = parallel AS same
FROM serial,
     (
         SELECT approx_count_distinct_cvm(n) AS n,
                approx_count_distinct_cvm(word, 0.05) AS word,
                approx_count_distinct_cvm(amount, 0.02, 0.05) AS amount,
                approx_count_distinct_cvm(n, 0.5) AS coarse
         FROM facts
     ) parallel;

SET parallel_leader_participation = off;

SELECT serial = parallel AS same
FROM serial,
     (
         SELECT approx_count_distinct_cvm(n) AS n,
                approx_count_distinct_cvm(word, 0.05) AS word,
                approx_count_distinct_cvm(amount, 0.02, 0.05) AS amount,
                approx_count_distinct_cvm(n, 0.5) AS coarse
         FROM facts
     ) parallel;

SELECT count(*) AS groups, bool_and(serial_groups = parallel) AS same
FROM serial_groups
JOIN (
    SELECT g, approx_count_distinct_cvm(n) AS n, approx_count_distinct_cvm(word, 0.1) AS word
    FROM facts
    GROUP BY g
) parallel USING (g);

RESET parallel_leader_participation;

-- Workers may have no rows or no values.
SELECT approx_count_distinct_cvm(n) FROM facts WHERE n < 0;
SELECT approx_count_distinct_cvm(NULL::int) FROM facts;
SELECT approx_count_distinct_cvm(n) FILTER (WHERE n = 7) FROM facts;

-- An epsilon that differs from row to row is caught in parallel too.
\set VERBOSITY sqlstate
SELECT approx_count_distinct_cvm(n, 0.1 + g * 0.01) FROM facts;
\set VERBOSITY default

-- PostgreSQL cannot split DISTINCT inside the call and grouping sets. The answers are still the same.
SELECT approx_count_distinct_cvm(DISTINCT n) = (SELECT n FROM serial) AS same FROM facts;

SELECT bool_and(coalesce(t.n = s.n, t.n = (SELECT n FROM serial))) AS same
FROM (SELECT g, approx_count_distinct_cvm(n) AS n FROM facts GROUP BY ROLLUP (g)) t
LEFT JOIN serial_groups s USING (g);

DROP FUNCTION plan_of;
DROP TABLE facts, serial, serial_groups;
