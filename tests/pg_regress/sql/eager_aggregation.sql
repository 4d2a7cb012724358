-- PostgreSQL 19 aggregates below joins: rows of one side become states, which the join repeats and PostgreSQL combines.
-- Plans and bytes are right for every aggregate.
-- Each row of sales meets two of the other side, and so does each state.
SET enable_eager_aggregate = on;
SET max_parallel_workers_per_gather = 0;

CREATE TABLE sales AS
    SELECT i % 50 AS k,
           cvm_hash(i, 1) % 20000 AS n,
           'word ' || cvm_hash(i, 2) % 3000 AS t,
           cvm_hash(cvm_hash(i, 3) % 9000) AS hash
    FROM generate_series(1, 60000) i;

CREATE TABLE sketches AS
    SELECT i % 50 AS k, cvm_sketch_agg(j, 0.1) AS s, cvm_sample_agg_measured(j, j, 300) AS sample
    FROM generate_series(1, 1000) i, LATERAL generate_series(i % 7, 1500 + i) j
    GROUP BY i;

CREATE TABLE regions AS SELECT i % 50 AS k, i % 7 AS g FROM generate_series(1, 100) i;
ANALYZE sales, sketches, regions;

CREATE TABLE calls (number int GENERATED ALWAYS AS IDENTITY, call text, source text);

INSERT INTO calls (call, source) VALUES
    ('approx_count_distinct_cvm(n)', 'sales'),
    ('approx_count_distinct_cvm(t, 0.1)', 'sales'),
    ('approx_count_distinct_cvm(n, 0.05, 0.001)', 'sales'),
    ('cvm_sketch_agg(n)', 'sales'),
    ('cvm_sketch_agg(t, 0.1)', 'sales'),
    ('cvm_sketch_agg(n, 0.05, 0.001)', 'sales'),
    ('cvm_sketch_agg(t, 0.05, 0.001, 7)', 'sales'),
    ('cvm_sketch_agg_hashed(hash)', 'sales'),
    ('cvm_sketch_agg_hashed(hash, 0.1)', 'sales'),
    ('cvm_sketch_agg_hashed(hash, 0.05, 0.001)', 'sales'),
    ('cvm_sketch_agg_hashed(hash, 0.05, 0.001, 7)', 'sales'),
    ('cvm_sketch_union_agg(s)', 'sketches'),
    ('cvm_sketch_intersection_agg(s)', 'sketches'),
    ('cvm_sample_agg(n)', 'sales'),
    ('cvm_sample_agg(t, 100)', 'sales'),
    ('cvm_sample_agg(n, 100, 7)', 'sales'),
    ('cvm_sample_agg_measured(t, n)', 'sales'),
    ('cvm_sample_agg_measured(t, n / 7.0, 100)', 'sales'),
    ('cvm_sample_agg_measured(n, n, 100, 7)', 'sales'),
    ('cvm_sample_union_agg(sample)', 'sketches');

-- is_eager says whether the plan aggregates below a join. answer digests the rows.
CREATE FUNCTION is_eager(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan @? '$.** ? (@."Node Type" like_regex "Join|Nested Loop").** ? (@."Partial Mode" == "Partial")';
END $$;

CREATE FUNCTION answer(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    EXECUTE format(
        'SELECT count(*) || '' '' || md5(string_agg(q::text, '','' ORDER BY g)) FROM (%s) q',
        query
    ) INTO result;
    RETURN result;
END $$;

-- The queries call each aggregate, all of them at once, and one above an outer join.
CREATE VIEW queries AS
    SELECT number, call,
           format(
               'SELECT g, %s AS x FROM %I JOIN regions USING (k) GROUP BY g',
               call,
               source
           ) AS query
    FROM calls
    UNION ALL
    SELECT 100,
           'all of sales',
           format(
               'SELECT g, %s FROM sales JOIN regions USING (k) GROUP BY g',
               string_agg(format('%s AS x%s', call, number), ', ' ORDER BY number)
           )
    FROM calls
    WHERE source = 'sales'
    UNION ALL
    SELECT 101,
           'above an outer join',
           'SELECT g, cvm_sketch_agg(n) AS x '
           'FROM sales LEFT JOIN regions ON regions.k = sales.k + 3 GROUP BY g';

-- Answers are the same, eager and not.
CREATE TABLE eager AS SELECT number, call, is_eager(query), answer(query) FROM queries;
SET enable_eager_aggregate = off;
CREATE TABLE lazy AS SELECT number, is_eager(query), answer(query) FROM queries;

SELECT call, eager.is_eager, lazy.is_eager AS is_eager_when_off, eager.answer = lazy.answer AS same
FROM eager JOIN lazy USING (number)
ORDER BY number;

SELECT count(DISTINCT answer) AS answers FROM eager;

-- Parallel plans give the same answers.
SET enable_eager_aggregate = on;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT count(*) AS queries, bool_and(answer = answer(query)) AS same FROM eager JOIN queries USING (number);

-- No aggregate of the extension is missing above.
SELECT oid::regprocedure AS missing
FROM pg_depend JOIN pg_proc ON classid = 'pg_proc'::regclass AND objid = oid
WHERE deptype = 'e'
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cvm_count')
  AND prokind = 'a'
  AND NOT EXISTS (
      SELECT
      FROM calls
      WHERE call LIKE proname || '(%' AND cardinality(string_to_array(call, ',')) = pronargs
  );

DROP VIEW queries;
DROP FUNCTION is_eager, answer;
DROP TABLE eager, lazy, calls;
DROP TABLE sales, sketches, regions;
