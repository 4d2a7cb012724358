-- States of type cvm_sketch are expanded objects. They are right wherever PostgreSQL copies a value.
-- An aggregate of one's own without a final function hands out the state itself.
-- PostgreSQL hands it out to be read only since 16.
CREATE AGGREGATE raw_union(cvm_sketch) (
    SFUNC = cvm_merge,
    STYPE = cvm_sketch,
    COMBINEFUNC = cvm_merge,
    PARALLEL = SAFE
);

CREATE AGGREGATE raw_hashed(bigint) (
    SFUNC = cvm_accumulate_hashed,
    STYPE = cvm_sketch,
    COMBINEFUNC = cvm_combine_hashed,
    PARALLEL = SAFE
);

-- Two groups each have 3, 12, 100, 1,000 and 9,000 values. So their states take every form.
-- There are a row of waiting values, both sizes of list, a table, and more values than the capacity.
CREATE TABLE facts AS
    SELECT g, (v::bigint * 7919 + g * 1000003) % 1000000007 AS v, v % 100 AS part
    FROM generate_series(0, 9) g, generate_series(1, (ARRAY[3, 12, 100, 1000, 9000])[1 + g % 5]) v;

CREATE TABLE parts AS SELECT g, part, cvm_sketch_agg_hashed(cvm_hash(v)) AS s FROM facts GROUP BY g, part;
ALTER TABLE facts SET (parallel_workers = 2);
ALTER TABLE parts SET (parallel_workers = 2);
ANALYZE facts, parts;
CREATE TABLE whole AS SELECT g, cvm_sketch_agg_hashed(cvm_hash(v)) AS s FROM facts GROUP BY g;

-- plan_of gives the names of the plan's nodes, from the top down.
CREATE FUNCTION plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    nodes text[];
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line !~ ':' THEN
            nodes := nodes || regexp_replace(line, '^ *(-> +)?| (on|using) .*$', '', 'g');
        END IF;
    END LOOP;
    RETURN array_to_string(nodes, ' / ');
END $$;

-- in_parallel has workers hash and sort the states of groups, and gives the plan.
-- It also says whether the answers are those of a plan without any of that.
CREATE FUNCTION in_parallel(call text, source text) RETURNS TABLE (plan text, same boolean)
    LANGUAGE plpgsql AS $$
DECLARE
    query text := format('SELECT g, %s AS answer FROM %s GROUP BY g ORDER BY g', call, source);
    answers text := format('SELECT array_agg(g || '':'' || answer::text ORDER BY g) FROM (%s) q', query);
    serial text[];
    parallel text[];
BEGIN
    SET LOCAL max_parallel_workers_per_gather = 0;
    SET LOCAL enable_hashagg = off;
    EXECUTE answers INTO serial;
    SET LOCAL max_parallel_workers_per_gather = 2;
    SET LOCAL enable_hashagg = on;
    SET LOCAL parallel_setup_cost = 0;
    SET LOCAL parallel_tuple_cost = 0;
    SET LOCAL min_parallel_table_scan_size = 0;
    SET LOCAL parallel_leader_participation = off;
    EXECUTE answers INTO parallel;
    RETURN QUERY SELECT plan_of(query), serial = parallel AND cardinality(serial) = 10;
END $$;

SELECT call, plan, same
FROM (VALUES
         ('approx_count_distinct_cvm(v)'),
         ('approx_count_distinct_cvm(v, 0.1)'),
         ('approx_count_distinct_cvm(v, 0.01, 0.05)'),
         ('cvm_sketch_agg(v)'),
         ('cvm_sketch_agg(v, 0.1)'),
         ('cvm_sketch_agg(v, 0.01, 0.05)'),
         ('cvm_sketch_agg(v, 0.1, 0.01, 7)'),
         ('cvm_sketch_agg_hashed(v)'),
         ('cvm_sketch_agg_hashed(v, 0.1)'),
         ('cvm_sketch_agg_hashed(v, 0.01, 0.05)'),
         ('cvm_sketch_agg_hashed(cvm_hash(v, 7), 0.1, 0.01, 7)'),
         ('raw_hashed(cvm_hash(v))')
     ) calls (call),
     in_parallel(call, 'facts');

SELECT call, plan, same
FROM (VALUES
         ('cvm_sketch_union_agg(s)'),
         ('cvm_sketch_intersection_agg(s)'),
         ('raw_union(s)')
     ) calls (call),
     in_parallel(call, 'parts');

-- A state is the sketch, whoever takes it.
CREATE VIEW states AS SELECT g, raw_union(s) AS s FROM parts GROUP BY g OFFSET 0;
CREATE VIEW hashed_states AS SELECT g, raw_hashed(cvm_hash(v)) AS s FROM facts GROUP BY g OFFSET 0;

SELECT count(*) AS states, bool_and(w.s = a.s AND w.s = b.s AND # a.s = # w.s) AS same
FROM whole w JOIN states a USING (g) JOIN hashed_states b USING (g);

SELECT bool_and((cvm_sketch_info(a.s))::text = (cvm_sketch_info(w.s))::text) AS info,
       bool_and(a.s::text = w.s::text) AS text,
       bool_and(a.s::bytea = w.s::bytea) AS bytes,
       bool_and(cvm_sketch_send(a.s) = cvm_sketch_send(w.s)) AS binary,
       bool_and((a.s || w.s) = w.s AND (a.s & w.s) = w.s) AS operators,
       bool_and(cvm_sketch_add(a.s, NULL::bigint) = w.s) AS added
FROM whole w JOIN states a USING (g)
WHERE g % 5 <> 4;

-- Aggregates take a state as argument, those without a final function too.
SELECT cvm_sketch_union_agg(s) = (SELECT cvm_sketch_agg_hashed(cvm_hash(v)) FROM facts) AS union,
       raw_union(s) = cvm_sketch_union_agg(s) AS raw,
       # cvm_sketch_intersection_agg(s) = 0 AS disjoint
FROM states;

-- ORDER BY sorts states, in one column and in two.
SELECT array_agg(s::text) = (SELECT array_agg(s::text ORDER BY s) FROM whole) AS same
FROM (SELECT s FROM states ORDER BY s) q;

SELECT array_agg(g || s::text)
    = (SELECT array_agg(g || s::text ORDER BY s DESC, g) FROM whole) AS same
FROM (SELECT g, s FROM states ORDER BY s DESC, g) q;

SELECT count(*) AS first, bool_and(w.s = q.s) AS same
FROM (SELECT g, s FROM states ORDER BY s, g LIMIT 3) q JOIN whole w USING (g);

-- Sorts inside a call handle states by themselves.
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY s)
           = (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY s) FROM whole) AS percentile,
       mode() WITHIN GROUP (ORDER BY s)
           = (SELECT mode() WITHIN GROUP (ORDER BY s) FROM whole) AS mode,
       array_agg(DISTINCT s) = (SELECT array_agg(DISTINCT s) FROM whole) AS distinct,
       array_agg(s ORDER BY s) = (SELECT array_agg(s ORDER BY s) FROM whole) AS array,
       raw_union(DISTINCT s) = (SELECT cvm_sketch_union_agg(s) FROM whole) AS union,
       raw_union(s ORDER BY s, g) = (SELECT cvm_sketch_union_agg(s) FROM whole) AS ordered,
       count(DISTINCT s) = (SELECT count(DISTINCT s) FROM whole) AS count
FROM states;

-- DISTINCT, GROUP BY, set operations and joins find equal states by hashing and by sorting.
CREATE FUNCTION keys() RETURNS TABLE (use text, answer bigint, plan text) LANGUAGE plpgsql AS $$
DECLARE query text;
BEGIN
    FOREACH query IN ARRAY ARRAY[
        'SELECT DISTINCT s FROM states',
        'SELECT DISTINCT g % 2, s FROM states',
        'SELECT s, count(*) FROM states GROUP BY s',
        'SELECT s, g % 2, raw_union(s) FROM states GROUP BY s, g % 2',
        'SELECT s FROM states EXCEPT SELECT s FROM whole WHERE g < 4',
        'SELECT s FROM states INTERSECT SELECT s FROM hashed_states',
        'SELECT s FROM states UNION SELECT s FROM whole',
        'SELECT 1 FROM states a JOIN hashed_states b ON a.s = b.s',
        'SELECT 1 FROM whole WHERE s IN (SELECT s FROM states WHERE g < 6)',
        'SELECT 1 FROM whole WHERE s NOT IN (SELECT s FROM states WHERE g < 6)',
        'WITH RECURSIVE r AS (SELECT s, 0 AS n FROM states UNION SELECT s, (n + 1) % 3 FROM r) SELECT * FROM r'
    ] LOOP
        use := query;
        EXECUTE format('SELECT count(*) FROM (%s) q', query) INTO answer;
        plan := (SELECT string_agg(DISTINCT node[1], ', ' ORDER BY node[1])
                 FROM regexp_matches(
                     plan_of(query),
                     'HashAggregate|Hash Join|Merge Join|Unique|Hash|Sort',
                     'g'
                 ) node);
        RETURN NEXT;
    END LOOP;
END $$;

SELECT use, answer FROM keys();
SELECT count(*) FILTER (WHERE plan ~ 'Hash') > 5 AS hashed FROM keys();
SET enable_hashagg = off;
SET enable_hashjoin = off;
SELECT use, answer FROM keys();
SELECT count(*) FILTER (WHERE plan ~ 'Sort') > 5 AS sorted FROM keys();
RESET enable_hashagg;
RESET enable_hashjoin;

-- Grouping sets spill states, hashed and sorted.
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;

SELECT count(*) AS rows, bool_and(q.s = w.s) AS same
FROM (SELECT g, part, raw_union(s) AS s FROM parts GROUP BY CUBE (g, part)) q JOIN whole w USING (g)
WHERE part IS NULL;

SELECT count(*) AS groups, bool_and(# s = 3) AS same
FROM (
    SELECT v % 10007 AS k, raw_hashed(cvm_hash(i)) AS s
    FROM generate_series(1, 3) i, generate_series(1, 10000) v
    GROUP BY k
) q;

RESET work_mem;
RESET hash_mem_multiplier;

-- A window reads the state at every row, and the state goes on.
SELECT bool_and(q.s = (SELECT cvm_sketch_union_agg(s) FROM whole w WHERE w.g <= q.g)) AS running
FROM (SELECT g, raw_union(s) OVER (ORDER BY g) AS s FROM states) q;

SELECT bool_and(q.a = q.b AND q.b = q.c) AS frames
FROM (
    SELECT raw_union(s) OVER w AS a,
           cvm_sketch_union_agg(s) OVER w AS b,
           lag(s, 0) OVER (ORDER BY g) || lag(s, 1, s) OVER (ORDER BY g) AS c
    FROM states
    WINDOW w AS (ORDER BY g ROWS 1 PRECEDING)
) q;

-- PostgreSQL materializes states: for a CTE read twice, a cursor that goes back, and one that outlives its transaction.
WITH kept AS MATERIALIZED (SELECT g, s FROM states)
SELECT count(*) AS states, bool_and(a.s = b.s AND a.s = w.s) AS same
FROM kept a JOIN kept b USING (g) JOIN whole w USING (g);

BEGIN;
DECLARE back SCROLL CURSOR FOR SELECT g, # s AS estimate FROM (SELECT g, s FROM states ORDER BY g) q;
FETCH 2 FROM back;
FETCH BACKWARD 1 FROM back;
DECLARE held CURSOR WITH HOLD FOR SELECT g, s FROM states ORDER BY g;
DECLARE scrolled SCROLL CURSOR WITH HOLD FOR SELECT g, raw_union(s) OVER (ORDER BY g) AS s FROM states;
COMMIT;

CREATE FUNCTION of_cursor(name text) RETURNS TABLE (g int, s cvm_sketch) LANGUAGE plpgsql AS $$
DECLARE c refcursor := name;
BEGIN
    LOOP
        FETCH c INTO g, s;
        EXIT WHEN NOT FOUND;
        RETURN NEXT;
    END LOOP;
END $$;

SELECT count(*) AS states, bool_and(h.s = w.s) AS same FROM of_cursor('held') h JOIN whole w USING (g);

SELECT count(*) AS states,
       bool_and(h.s = (SELECT cvm_sketch_union_agg(s) FROM whole w WHERE w.g <= h.g)) AS same
FROM of_cursor('scrolled') h;

CLOSE ALL;

-- Memoize keeps the states of each key.
CREATE TABLE asked AS SELECT i % 10 AS g FROM generate_series(1, 500) i;
CREATE INDEX ON parts (g);
ANALYZE asked, parts;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET max_parallel_workers_per_gather = 0;

SELECT plan_of($$
    SELECT asked.g, q.s
    FROM asked, LATERAL (SELECT raw_union(s) AS s FROM parts WHERE parts.g = asked.g) q
$$)
    ~ 'Memoize' AS memoized;

SELECT count(*) AS rows, bool_and(q.s = w.s) AS same
FROM asked, LATERAL (SELECT raw_union(s) AS s FROM parts WHERE parts.g = asked.g) q, whole w
WHERE w.g = asked.g;

RESET enable_hashjoin;
RESET enable_mergejoin;
RESET max_parallel_workers_per_gather;

-- PL/pgSQL keeps states in variables, arrays and rows, and changes them.
CREATE FUNCTION in_variables() RETURNS TABLE (what text, same boolean) LANGUAGE plpgsql AS $$
DECLARE
    one cvm_sketch;
    another cvm_sketch;
    many cvm_sketch[];
    more cvm_sketch[];
    row record;
    named whole;
    expected cvm_sketch := (SELECT cvm_sketch_union_agg(s) FROM whole);
BEGIN
    SELECT raw_union(s) INTO one FROM parts;
    another := one;
    what := 'copies';
    same := one = expected AND another = expected;
    RETURN NEXT;

    one := cvm_sketch_downsample(one, 0.1);
    what := 'changed';
    same := one <> another AND another = expected;
    RETURN NEXT;

    one := (SELECT raw_hashed(cvm_hash(v)) FROM facts);
    what := 'assigned';
    same := one = expected;
    RETURN NEXT;

    FOR row IN SELECT g, raw_union(s) AS s FROM parts GROUP BY g LOOP
        many[row.g] := row.s;
        more := more || row.s;
    END LOOP;
    what := 'array';
    same := cardinality(many) = 10
        AND cvm_sketch_union(many) = expected
        AND cvm_sketch_union(more) = expected;
    RETURN NEXT;

    SELECT array_agg(s) INTO many FROM states;
    FOREACH another IN ARRAY many LOOP
        one := one || another;
    END LOOP;
    what := 'elements';
    same := one = expected;
    RETURN NEXT;

    SELECT g, s INTO named FROM states WHERE g = 4;
    row := named;
    named.s := (SELECT raw_union(s) FROM parts);
    what := 'row';
    same := named.s = expected AND row.s = (SELECT s FROM whole WHERE g = 4);
    RETURN NEXT;
END $$;

SELECT * FROM in_variables();

SELECT bool_and(q.t = ROW(w.g, w.s)::whole) AS rows
FROM (SELECT g, ROW(g, s)::whole AS t FROM states) q JOIN whole w USING (g);

-- States go to tables and come back.
CREATE TABLE stored AS SELECT * FROM states;
INSERT INTO stored SELECT * FROM hashed_states;
UPDATE stored SET s = q.s FROM states q WHERE q.g = stored.g;
SELECT count(*) AS rows, bool_and(stored.s = w.s) AS same FROM stored JOIN whole w USING (g);

-- Workers send states flat, and an aggregate may start with a flat one.
CREATE AGGREGATE started(cvm_sketch) (
    SFUNC = cvm_merge,
    STYPE = cvm_sketch,
    INITCOND = '\x0100000045210000000000000000000000000000'
);

SELECT started(s) = cvm_sketch_union_agg(s) AS same FROM parts;

-- States of type cvm_sample are the same object: here with 150 values at most, each with a measure.
CREATE AGGREGATE raw_sample(cvm_sample) (
    SFUNC = cvm_sample_merge,
    STYPE = cvm_sample,
    COMBINEFUNC = cvm_sample_merge,
    PARALLEL = SAFE
);

CREATE TABLE sample_parts AS
    SELECT g, part, cvm_sample_agg_measured('v' || v, v / 7.0, 150) AS s
    FROM facts
    GROUP BY g, part;

ALTER TABLE sample_parts SET (parallel_workers = 2);
ANALYZE sample_parts;

CREATE TABLE whole_samples AS
    SELECT g, cvm_sample_agg_measured('v' || v, v / 7.0, 150) AS s FROM facts GROUP BY g;

CREATE VIEW sample_states AS SELECT g, raw_sample(s) AS s FROM sample_parts GROUP BY g OFFSET 0;

SELECT call, plan, same
FROM (VALUES ('cvm_sample_union_agg(s)'), ('raw_sample(s)')) calls (call),
     in_parallel(call, 'sample_parts');

SELECT call, plan, same
FROM (VALUES
         ('cvm_sample_union_agg(cvm_sample_of(v, part, 60, 5))'),
         ('raw_sample(cvm_sample_of(v, NULL, 9, 0))')
     ) calls (call),
     in_parallel(call, 'facts');

-- A state is the sample, whoever takes it.
SELECT count(*) AS states,
       bool_and(a.s = w.s) AS same,
       bool_and(
           a.s::text = w.s::text
           AND a.s::bytea = w.s::bytea
           AND cvm_sample_send(a.s) = cvm_sample_send(w.s)
       ) AS bytes,
       bool_and(
           (cvm_sample_info(a.s))::text = (cvm_sample_info(w.s))::text
           AND a.s::cvm_sketch = w.s::cvm_sketch
       ) AS read,
       bool_and(# (a.s || cvm_sample_empty()) = # w.s) AS united
FROM whole_samples w JOIN sample_states a USING (g);

SELECT cvm_sample_union_agg(s)
           = (SELECT cvm_sample_agg_measured('v' || v, v / 7.0, 150) FROM facts) AS of_rows,
       raw_sample(s) = cvm_sample_union_agg(s) AS raw,
       raw_sample(s ORDER BY s, g) = raw_sample(s) AS ordered,
       raw_sample(DISTINCT s) = raw_sample(s) AS distinct,
       array_agg(s ORDER BY s) = (SELECT array_agg(s ORDER BY s) FROM whole_samples) AS array,
       count(DISTINCT s) = 10 AS count,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY s)
           = (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY s)
              FROM whole_samples) AS percentile
FROM sample_states;

-- Sorting and hashing find equal states of samples.
SELECT (SELECT count(*) FROM (SELECT DISTINCT s FROM sample_states) q) AS distinct,
       (SELECT count(*) FROM (SELECT s, count(*) FROM sample_states GROUP BY s) q) AS grouped,
       (SELECT count(*)
        FROM (SELECT s FROM sample_states INTERSECT SELECT s FROM whole_samples) q) AS intersection,
       (SELECT count(*)
        FROM (
            SELECT s FROM sample_states EXCEPT SELECT s FROM whole_samples WHERE g < 4
        ) q) AS difference,
       (SELECT count(*) FROM (SELECT s FROM sample_states ORDER BY s, g LIMIT 3) q) AS first,
       (SELECT count(*) FROM sample_states a JOIN whole_samples b ON a.s = b.s) AS joined,
       (SELECT count(*)
        FROM (
            WITH RECURSIVE r AS (
                SELECT s, 0 AS n FROM sample_states UNION SELECT s, (n + 1) % 3 FROM r
            )
            SELECT * FROM r
        ) q) AS recursive;

SET work_mem = '64kB';
SET hash_mem_multiplier = 1;

SELECT count(*) AS rows, bool_and(q.s = w.s) AS same
FROM (SELECT g, part, raw_sample(s) AS s FROM sample_parts GROUP BY CUBE (g, part)) q
JOIN whole_samples w USING (g)
WHERE part IS NULL;

SELECT count(*) AS groups, bool_and(# s = 3) AS same
FROM (
    SELECT v % 5003 AS k, raw_sample(cvm_sample_of(i, v, 60, 0)) AS s
    FROM generate_series(1, 3) i, generate_series(1, 5003) v
    GROUP BY k
) q;

RESET work_mem;
RESET hash_mem_multiplier;

SELECT bool_and(
    q.s = (SELECT cvm_sample_union_agg(s) FROM whole_samples w WHERE w.g <= q.g)
    AND q.s = q.t
) AS running
FROM (
    SELECT g, raw_sample(s) OVER (ORDER BY g) AS s, cvm_sample_union_agg(s) OVER (ORDER BY g) AS t
    FROM sample_states
) q;

-- Materialized and stored states of samples come back.
WITH kept AS MATERIALIZED (SELECT g, s FROM sample_states)
SELECT count(*) AS states, bool_and(a.s = b.s AND a.s = w.s) AS same
FROM kept a JOIN kept b USING (g) JOIN whole_samples w USING (g);

CREATE TABLE stored_samples AS SELECT * FROM sample_states;
UPDATE stored_samples SET s = q.s FROM sample_states q WHERE q.g = stored_samples.g;

SELECT count(*) AS rows, bool_and(stored_samples.s = w.s) AS same
FROM stored_samples JOIN whole_samples w USING (g);

CREATE AGGREGATE started_sample(cvm_sample) (
    SFUNC = cvm_sample_merge,
    STYPE = cvm_sample,
    INITCOND = '\x010100000045210000000000000000000000000000'
);

SELECT started_sample(s) = cvm_sample_union_agg(s) AS same FROM sample_parts;

DROP AGGREGATE started_sample(cvm_sample);
DROP VIEW sample_states;
DROP TABLE stored_samples, sample_parts, whole_samples;
DROP AGGREGATE raw_sample(cvm_sample);
DROP AGGREGATE started(cvm_sketch);
DROP TABLE stored, asked;
DROP FUNCTION in_variables, of_cursor, keys, in_parallel, plan_of;
DROP VIEW states, hashed_states;
DROP TABLE facts, parts, whole;
DROP AGGREGATE raw_union(cvm_sketch), raw_hashed(bigint);
