-- All state is in the aggregate's memory context. PostgreSQL counts it, spills in time and frees it.
CREATE FUNCTION hash_aggregate(query text, OUT peak_kb int, OUT spilled boolean) LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT json, TIMING OFF) ' || query INTO plan;
    plan := plan -> 0 -> 'Plan';
    WHILE plan ->> 'Node Type' <> 'Aggregate' OR plan ->> 'Strategy' <> 'Hashed' LOOP
        plan := plan -> 'Plans' -> 0;
    END LOOP;
    peak_kb := plan ->> 'Peak Memory Usage';
    spilled := (plan ->> 'Disk Usage') IS NOT NULL;
END $$;

SET max_parallel_workers_per_gather = 0;
SET enable_sort = off;
SET jit = off;

-- Two million groups under a work_mem of 8 MB spill, and stay within twice that.
SET work_mem = '8MB';
SET hash_mem_multiplier = 1;

SELECT spilled, peak_kb BETWEEN 4096 AND 2 * 8192 AS bounded
FROM hash_aggregate($$
    SELECT i / 2, approx_count_distinct_cvm(i) FROM generate_series(1, 4000000) i GROUP BY 1
$$);

-- No group is lost on the way.
SELECT count(*) AS groups, min(n) AS least, max(n) AS most, sum(n) AS values
FROM (
    SELECT i % 2000000 AS g, approx_count_distinct_cvm(i) AS n
    FROM generate_series(1, 4000000) i
    GROUP BY 1
) q;

-- PostgreSQL counts a few groups that each grow large as well: 100 full states of some 65 kB.
SET work_mem = '4MB';

SELECT spilled, peak_kb > 100 * 50 AS counted
FROM hash_aggregate($$
    SELECT i % 100, approx_count_distinct_cvm(i) FROM generate_series(1, 2000000) i GROUP BY 1
$$);

SET work_mem = '1GB';

SELECT spilled, peak_kb BETWEEN 100 * 50 AND 100 * 90 AS counted
FROM hash_aggregate($$
    SELECT i % 100, approx_count_distinct_cvm(i) FROM generate_series(1, 2000000) i GROUP BY 1
$$);

-- A value takes few bytes beyond 200 a group. The memory comes in blocks, which are small under a small work_mem.
SET work_mem = '4MB';
SET hash_mem_multiplier = 1000;

SELECT size, times, bytes BETWEEN size AND 200 + size * most AS small
FROM (VALUES
    (5000, 20, 1, 11), (2000, 100, 1, 9), (400, 1000, 1, 8), (40, 10000, 1, 7),
    (5000, 20, 10, 12), (2000, 100, 10, 12), (200, 1000, 10, 12), (20, 10000, 10, 12)
) v (groups, size, times, most),
    LATERAL format('FROM generate_series(1, %s) i GROUP BY i %% %s', groups * size * times, groups) AS of_groups,
    LATERAL hash_aggregate(format('SELECT count(i) %s', of_groups)) AS counted,
    LATERAL hash_aggregate(
        format('SELECT approx_count_distinct_cvm(i %% %s) %s', groups * size, of_groups)
    ) AS measured,
    LATERAL (SELECT 1024::bigint * (measured.peak_kb - counted.peak_kb) / groups) AS a_group (bytes);

SET work_mem = '1GB';
SET hash_mem_multiplier = 1;

-- A sample of 100 integers takes less than 3 kB.
SELECT peak_kb BETWEEN 10000 AND 10000 * 3 AS small
FROM hash_aggregate($$
    SELECT i % 10000, cvm_sample_agg(i) FROM generate_series(1, 1000000) i GROUP BY 1
$$);

-- An error in the middle leaves nothing behind, nor does a cancelled query.
CREATE FUNCTION memory_kb() RETURNS bigint LANGUAGE sql
    AS 'SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts';

SELECT memory_kb() AS before \gset
SELECT approx_count_distinct_cvm(i, 0.001) + 1 / (count(*) - 3000000) FROM generate_series(1, 3000000) i;
BEGIN;

-- The timeout ends with the transaction, so that nothing else is cancelled.
SET LOCAL statement_timeout = '200ms';
SELECT approx_count_distinct_cvm(i, 0.001) FROM generate_series(1, 100000000) i;
ROLLBACK;

DO $$
BEGIN
    FOR i IN 1..200 LOOP
        PERFORM approx_count_distinct_cvm(j) FROM generate_series(1, 20000) j;
    END LOOP;
END $$;

SELECT memory_kb() - :before < 2048 AS freed;

-- Many detoasted values need no more memory than one.
CREATE TABLE large AS SELECT repeat(md5(i::text), 3000) AS t FROM generate_series(1, 200) i;
SELECT approx_count_distinct_cvm(t) FROM large, generate_series(1, 20);

-- Half a million values that hold others need no more memory than a thousand.
CREATE FUNCTION is_flat(expression text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE flat boolean;
BEGIN
    -- Stored values have short headers, and some are compressed.
    EXECUTE format('CREATE TABLE stored AS SELECT i AS n, %s AS x FROM generate_series(1, 1000) i', expression);
    -- One place reads the whole table 500 times, since each place that calls a function takes memory for it.
    EXECUTE 'SELECT kb[3] - kb[2] < 64 FROM (
                 SELECT array_agg(memory_kb() ORDER BY j) FILTER (WHERE n = 1000 AND j IN (1, 2, 500)) AS kb
                 FROM generate_series(1, 500) j, LATERAL (SELECT * FROM stored WHERE j > 0 OFFSET 0) again
                 WHERE cvm_hash(x) IS NOT NULL
             ) measured' INTO flat;
    DROP TABLE stored;
    RETURN flat;
END $$;

CREATE TYPE colour AS ENUM ('red', 'green', 'blue');
CREATE TYPE labelled AS (label text, colour colour, number numeric);

SELECT expression, is_flat(expression)
FROM (VALUES
    ('i * 1.1'),
    ('ARRAY[i, 2, NULL]'),
    ('ARRAY[repeat(''word '', i), ''b'']'),
    ('array_fill(i, ARRAY[600])'),
    ('ROW(repeat(''word '', i), ''red'', i * 1.1)::labelled'),
    ('ARRAY[ROW(i::text, ''blue'', 0.5)::labelled]'),
    ('numrange(i, i * 2)'),
    ('nummultirange(numrange(i, i + 1), numrange(i + 2, NULL))'),
    ('jsonb_build_object(''a'', i, ''b'', jsonb_build_array(i, ARRAY[i], repeat(''c'', i)))')
) v (expression);

SELECT kb[3] - kb[2] < 64 AS anonymous_rows_are_flat
FROM (
    SELECT array_agg(memory_kb() ORDER BY i) FILTER (WHERE i IN (1, 100, 500000)) AS kb
    FROM generate_series(1, 500000) i
    WHERE cvm_hash(ROW(i, ROW(i, 'literal'), ARRAY[ROW(i)])) IS NOT NULL
) measured;

DROP TABLE large;
DROP TYPE labelled, colour;
DROP FUNCTION memory_kb, hash_aggregate, is_flat;
