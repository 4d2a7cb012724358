-- In a frame that moves, a row is added when it comes and taken out when it goes.
-- No plan shows that. How often an argument is computed does.
SET client_min_messages = warning;
CREATE SCHEMA moving;
SET search_path = moving, public;

-- These aggregates have the functions for it: all but those of samples and intersections.
SELECT a.aggfnoid::regprocedure AS aggregate,
       a.aggmtransfn <> 0 AS adds,
       a.aggminvtransfn <> 0 AS takes_out,
       a.aggmfinalfn <> 0 AS answers,
       a.aggmtranstype <> 0 AS has_state
FROM pg_aggregate a
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = a.aggfnoid AND d.deptype = 'e'
JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'cvm_count'
ORDER BY a.aggfnoid::regprocedure::text COLLATE "C";

-- Both functions count their calls. The second says so, and a window that calls it computes each frame
-- anew.
CREATE SEQUENCE calls;

CREATE FUNCTION seen(anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM nextval('moving.calls');
    RETURN $1;
END $$;

CREATE FUNCTION seen_anew(anyelement) RETURNS anyelement LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM nextval('moving.calls');
    RETURN $1;
END $$;

-- computed gives the answers of a call in a window, and how many times its argument was computed for each
-- row.
CREATE FUNCTION computed(call text, frame text, source text, OUT answers text, OUT times numeric)
LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    PERFORM setval('moving.calls', 1, false);
    EXECUTE format(
        'SELECT md5(string_agg(q::text, '';'' ORDER BY i)), count(*) '
        'FROM (SELECT i, %s OVER (%s) FROM %s OFFSET 0) q',
        call, frame, source
    ) INTO answers, n;
    SELECT round(CASE WHEN is_called THEN last_value ELSE 0 END / n::numeric, 2) INTO times FROM calls;
END $$;

CREATE TABLE steady AS
    SELECT i,
           i / 10 AS tens,
           nullif(i * 7919 % 400, 7) AS v,
           cvm_hash(i * 7919 % 400) AS h,
           (SELECT cvm_sketch_agg(j, 0.5, 0.1) FROM generate_series(i, i + 20) j) AS s,
           (SELECT cvm_sample_agg(j, 10) FROM generate_series(i, i + 20) j) AS p
    FROM generate_series(1, 500) i;

-- Here frames lose most of what they had, again and again. Values and sketches come in bursts. So do rows:
-- in the bursts, 40 times as many in the same time.
CREATE TABLE bursts AS
    SELECT i,
           i / 200 * 4100 + CASE WHEN is_burst THEN i % 100 ELSE 100 + i % 100 * 40 END AS at,
           CASE WHEN is_burst THEN i ELSE i % 5 END AS v,
           cvm_hash(CASE WHEN is_burst THEN i ELSE i % 5 END) AS h,
           (
               SELECT cvm_sketch_agg(j, 0.5, 0.1)
               FROM generate_series(i, i + CASE WHEN is_burst THEN 200 ELSE 1 END) j
           ) AS s
    FROM generate_series(1, 1000) i, LATERAL (SELECT i / 100 % 2 = 0) b (is_burst);

CREATE TABLE forms (call text);

INSERT INTO forms VALUES
    ('approx_count_distinct_cvm(seen(v))'),
    ('approx_count_distinct_cvm(seen(v), 0.5)'),
    ('approx_count_distinct_cvm(seen(v), 0.5, 0.1)'),
    ('approx_count_distinct_cvm(seen(''value '' || v), 0.5, 0.1)'),
    ('approx_count_distinct_cvm(seen(ROW(v, v)), 0.5, 0.1)'),
    ('cvm_sketch_agg(seen(v))'),
    ('cvm_sketch_agg(seen(v), 0.5)'),
    ('cvm_sketch_agg(seen(v), 0.5, 0.1)'),
    ('cvm_sketch_agg(seen(v), 0.5, 0.1, 7)'),
    ('cvm_sketch_agg_hashed(seen(h))'),
    ('cvm_sketch_agg_hashed(seen(h), 0.5)'),
    ('cvm_sketch_agg_hashed(seen(h), 0.5, 0.1)'),
    ('cvm_sketch_agg_hashed(seen(h), 0.5, 0.1, 7)'),
    ('cvm_sketch_union_agg(seen(s))'),
    ('cvm_sketch_intersection_agg(seen(s))'),
    ('cvm_sample_agg(seen(v), 20)'),
    ('cvm_sample_agg_measured(seen(v), i, 20)'),
    ('cvm_sample_union_agg(seen(p))');

-- An argument is computed as its row comes and as it goes, and again where PostgreSQL begins anew. Where it
-- is not moved, or is volatile, it is computed for each row of each frame. The answers are the same.
SELECT call,
       once.times < 5 AS is_moved,
       anew.times > 40 AS volatile_is_computed_anew,
       once.answers = anew.answers AS same
FROM forms,
     computed(call, 'ORDER BY i ROWS 60 PRECEDING', 'steady') once,
     computed(replace(call, 'seen', 'seen_anew'), 'ORDER BY i ROWS 60 PRECEDING', 'steady') anew
ORDER BY call COLLATE "C";

-- So it is in all modes and in partitions, and with FILTER. In a frame that only grows, an argument is
-- computed once. With EXCLUDE, PostgreSQL begins anew in each row.
SELECT frame, call, once.times < 5 AS is_moved, once.times <= 1 AS is_computed_once, once.answers = anew.answers AS same
FROM (VALUES
         ('ORDER BY i ROWS BETWEEN 30 PRECEDING AND 30 FOLLOWING'),
         ('ORDER BY i DESC RANGE 60 PRECEDING'),
         ('ORDER BY tens GROUPS 6 PRECEDING'),
         ('ORDER BY i ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING'),
         ('PARTITION BY i % 3 ORDER BY i ROWS 60 PRECEDING'),
         ('PARTITION BY tens'),
         ('ORDER BY i'),
         ('ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND 5 FOLLOWING'),
         ('ORDER BY i ROWS 60 PRECEDING EXCLUDE CURRENT ROW')
     ) w (frame),
     (VALUES
         ('approx_count_distinct_cvm(seen(v), 0.5, 0.1) FILTER (WHERE i % 5 > 0)'),
         ('cvm_sketch_agg_hashed(seen(h), 0.5, 0.1)'),
         ('cvm_sketch_union_agg(seen(s))')
     ) c (call),
     computed(call, frame, 'steady') once,
     computed(replace(call, 'seen', 'seen_anew'), frame, 'steady') anew
ORDER BY frame COLLATE "C", call COLLATE "C";

-- Where a frame has lost so much that what was thrown away is needed, it begins anew: then some arguments
-- are computed once more.
SELECT frame, call, once.times < 5 AS is_moved, once.times > 2 AS began_anew, once.answers = anew.answers AS same
FROM (VALUES
         ('ORDER BY i ROWS 75 PRECEDING'),
         ('ORDER BY at RANGE 75 PRECEDING')
     ) w (frame),
     (VALUES
         ('approx_count_distinct_cvm(seen(v), 0.5, 0.1)'),
         ('cvm_sketch_agg(seen(v), 0.5, 0.1)'),
         ('cvm_sketch_agg_hashed(seen(h), 0.5, 0.1)'),
         ('cvm_sketch_union_agg(seen(s))')
     ) c (call),
     computed(call, frame, 'bursts') once,
     computed(replace(call, 'seen', 'seen_anew'), frame, 'bursts') anew
ORDER BY frame COLLATE "C", call COLLATE "C";

-- The label of an enum is renamed while a frame moves. Then the values leave under other hashes than they came under.
CREATE TYPE color AS ENUM ('red', 'green');
CREATE TABLE colors AS SELECT i, (ARRAY['red', 'green'])[1 + i % 2]::color AS c FROM generate_series(1, 5000) i;
BEGIN;
DECLARE sliding CURSOR FOR
    SELECT i, approx_count_distinct_cvm(ROW(c, i), 0.5, 0.1) OVER (ORDER BY i ROWS 2000 PRECEDING) AS counted FROM colors;
MOVE 2500 FROM sliding;
ALTER TYPE color RENAME VALUE 'red' TO 'crimson';
FETCH 1 FROM sliding \gset
SELECT :i AS i,
       :counted = approx_count_distinct_cvm(ROW(c, i), 0.5, 0.1) AS same
FROM colors
WHERE i BETWEEN :i - 2000 AND :i;
MOVE 1000 FROM sliding;
FETCH 1 FROM sliding \gset
SELECT :i AS i,
       :counted = approx_count_distinct_cvm(ROW(c, i), 0.5, 0.1) AS same
FROM colors
WHERE i BETWEEN :i - 2000 AND :i;
COMMIT;

-- A state takes memory for its accuracy, however many rows its frame has. It gives it back as a partition
-- ends or a frame begins anew. What PostgreSQL takes for its own varies by half a megabyte.
CREATE FUNCTION memory_kb() RETURNS bigint LANGUAGE sql
    AS 'SELECT sum(total_bytes) / 1024 FROM pg_backend_memory_contexts';

-- held tells how much memory came until the last row.
CREATE FUNCTION held(call text, frame text, n integer) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    kb bigint;
BEGIN
    EXECUTE format(
        'SELECT max(memory_kb()) FILTER (WHERE i = %s) - max(memory_kb()) FILTER (WHERE i = 1) '
        'FROM (SELECT i, %s OVER (%s) AS answer FROM generate_series(1, %s) i OFFSET 0) q '
        'WHERE answer IS NOT NULL',
        n, call, frame, n
    ) INTO kb;
    RETURN kb;
END $$;

-- PostgreSQL keeps the rows of the frame in memory, for all aggregates alike.
SET work_mem = '64MB';
SET max_parallel_workers_per_gather = 0;

SELECT call, frame, held(call, frame, n) - held('count(*)', frame, n) <= most_kb AS is_small
FROM (VALUES
         ('approx_count_distinct_cvm(i)', 'ORDER BY i ROWS 20000 PRECEDING', 60000, 1024),
         ('approx_count_distinct_cvm(i, 0.01)', 'ORDER BY i ROWS 160000 PRECEDING', 200000, 8192),
         ('cvm_sketch_agg_hashed(cvm_hash(i), 0.1)', 'ORDER BY i ROWS 5000 PRECEDING', 40000, 1024),
         ('cvm_sketch_agg(i::text, 0.5, 0.1)', 'ORDER BY i ROWS 300 PRECEDING', 40000, 1024),
         ('cvm_sketch_agg(i, 0.5, 0.1)', 'PARTITION BY i / 50 ORDER BY i ROWS 20 PRECEDING', 40000, 1024),
         (
             'approx_count_distinct_cvm(CASE i / 100 % 2 WHEN 0 THEN i END, 0.5, 0.1)',
             'ORDER BY i ROWS 60 PRECEDING',
             40000,
             1024
         ),
         (
             'cvm_sketch_union_agg(cvm_sketch_add(cvm_sketch_empty(), CASE i / 100 % 2 WHEN 0 THEN i END))',
             'ORDER BY i ROWS 60 PRECEDING',
             40000,
             1024
         )
     ) c (call, frame, n, most_kb);

DROP SCHEMA moving CASCADE;
