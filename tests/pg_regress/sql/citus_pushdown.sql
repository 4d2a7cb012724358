-- The planner hook puts the form that Citus pushes down in the place of the plain call.
-- It does so where a query reads a table of Citus.
-- Citus itself is not here: a table of the shape of its list stands in for it.
SET client_min_messages = warning;
LOAD 'cvm_count';
CREATE SCHEMA spread;
SET search_path = spread, public;

CREATE TABLE events AS
    SELECT i % 9000 AS visitor,
           'page ' || i % 2000 AS page,
           nullif(i % 13, 4) AS often_null,
           i % 4 AS part,
           i * 0.25 AS price,
           ARRAY[i % 5, i % 4] AS pair,
           (i % 3000)::bigint AS big,
           i AS id
    FROM generate_series(1, 30000) i;

CREATE TABLE here AS SELECT * FROM events WHERE id <= 10000;
CREATE VIEW counted AS SELECT part, approx_count_distinct_cvm(visitor) AS visitors FROM events GROUP BY part;

CREATE FUNCTION in_plpgsql() RETURNS bigint LANGUAGE plpgsql
    AS 'BEGIN RETURN (SELECT approx_count_distinct_cvm(visitor) FROM events); END';

CREATE FUNCTION as_table() RETURNS TABLE (part integer, found bigint) LANGUAGE sql STABLE
    AS 'SELECT part, approx_count_distinct_cvm(visitor) FROM events GROUP BY part';

CREATE FUNCTION calls_in(plan text) RETURNS text LANGUAGE sql
    RETURN (
        SELECT string_agg(DISTINCT call[1], ', ' ORDER BY call[1])
        FROM regexp_matches(
            plan,
            '\m(count\(DISTINCT|approx_count_distinct_cvm'
            '|cvm_(?:sketch|sample)_agg(?:_hashed|_measured)?|cvm_(?:sketch|sample)_union_agg)\M',
            'g'
        ) call
    );

-- both_ways compares the rows with the setting and without, to the byte.
-- It also says which aggregates are planned with the setting.
CREATE FUNCTION both_ways(form text, query text, OUT form_ text, OUT same boolean, OUT calls text)
    LANGUAGE sql AS $$
    SELECT form,
           rows_with('cvm_count.citus_pushdown', 'off', query)
               = rows_with('cvm_count.citus_pushdown', 'on', query),
           calls_in(plan_with('cvm_count.citus_pushdown', 'on', query))
$$;

-- Without Citus nothing is replaced. Its list must have rows and the right index.
SELECT calls_in(verbose_plan('SELECT approx_count_distinct_cvm(visitor) FROM events'));
SET allow_system_table_mods = on;

CREATE TABLE pg_catalog.pg_dist_partition (
    logicalrelid regclass NOT NULL,
    partmethod "char" NOT NULL,
    partkey text,
    colocationid integer NOT NULL DEFAULT 0,
    repmodel "char" NOT NULL DEFAULT 'c',
    autoconverted boolean NOT NULL DEFAULT false
);

SELECT calls_in(verbose_plan('SELECT approx_count_distinct_cvm(visitor) FROM events'));
INSERT INTO pg_dist_partition VALUES ('events', 'h');
SELECT calls_in(verbose_plan('SELECT approx_count_distinct_cvm(visitor) FROM events'));
CREATE UNIQUE INDEX pg_dist_partition_logical_relid_index ON pg_catalog.pg_dist_partition (logicalrelid);
SELECT calls_in(verbose_plan('SELECT approx_count_distinct_cvm(visitor) FROM events'));
\a
EXPLAIN (VERBOSE, COSTS off)
    SELECT approx_count_distinct_cvm(visitor),
           approx_count_distinct_cvm(page, 0.1),
           approx_count_distinct_cvm(price, 0.1, 0.05)
    FROM events;

EXPLAIN (VERBOSE, COSTS off)
    SELECT cvm_sketch_agg(visitor),
           cvm_sketch_agg(page, 0.1),
           cvm_sketch_agg(page, 0.1, 0.05),
           cvm_sketch_agg(page, 0.1, 0.05, 42)
    FROM events;

EXPLAIN (VERBOSE, COSTS off)
    SELECT approx_count_distinct_cvm(DISTINCT visitor ORDER BY visitor) FILTER (WHERE part > 1),
           approx_count_distinct_cvm(page COLLATE "C", 0.1 ORDER BY visitor, id),
           approx_count_distinct_cvm(ROW(visitor, page))
    FROM events;

\a

-- Every form of the call gives the same rows both ways.
\t on
SELECT both_ways('plain', 'SELECT approx_count_distinct_cvm(visitor) FROM events');

SELECT both_ways('accuracies', $$
    SELECT approx_count_distinct_cvm(visitor, 0.1), approx_count_distinct_cvm(visitor, 0.1, 0.05)
    FROM events
$$);

SELECT both_ways('sketches', $$
    SELECT cvm_sketch_agg(visitor), cvm_sketch_agg(visitor, 0.1), cvm_sketch_agg(visitor, 0.1, 0.05)
    FROM events
$$);

SELECT both_ways('seeds', $$
    SELECT cvm_sketch_agg(page, 0.1, 0.05, 42),
           cvm_sketch_agg(page, 0.1, 0.05, (SELECT max(part) FROM here))
    FROM events
$$);

SELECT both_ways('a seed of each group', $$
    SELECT part, cvm_sketch_agg(page, 0.1, 0.05, part) FROM events GROUP BY part
$$);

SELECT both_ways('a volatile seed', $$
    SELECT cvm_sketch_info(cvm_sketch_agg(page, 0.1, 0.05, (random() * 0)::bigint)) FROM events
$$);

SELECT both_ways('of nothing', $$
    SELECT approx_count_distinct_cvm(visitor), cvm_sketch_agg(page) FROM events WHERE false
$$);

SELECT both_ways('of NULLs', $$
    SELECT approx_count_distinct_cvm(often_null),
           cvm_sketch_agg(NULL::integer),
           approx_count_distinct_cvm(NULL::text)
    FROM events
$$);

SELECT both_ways('types', $$
    SELECT cvm_sketch_agg(price),
           cvm_sketch_agg(pair),
           cvm_sketch_agg(big),
           cvm_sketch_agg(part::smallint),
           cvm_sketch_agg(page::char(9)),
           cvm_sketch_agg(visitor::float8),
           cvm_sketch_agg(ROW(visitor, part)),
           cvm_sketch_agg(page::bytea),
           cvm_sketch_agg(id > 5),
           cvm_sketch_agg(date '2026-01-01' + part),
           cvm_sketch_agg(now() + part * interval '1 h'),
           cvm_sketch_agg(interval '1 h' * part),
           cvm_sketch_agg(md5(page)::uuid),
           cvm_sketch_agg(to_jsonb(page)),
           cvm_sketch_agg(int4range(part, 9)),
           cvm_sketch_agg(page::name),
           cvm_sketch_agg(visitor::oid),
           cvm_sketch_agg(part::bit(3))
    FROM events
$$);

-- Modifiers inside the call are kept.
SELECT both_ways('DISTINCT', $$
    SELECT approx_count_distinct_cvm(DISTINCT visitor), cvm_sketch_agg(DISTINCT page, 0.1)
    FROM events
$$);

SELECT both_ways('ORDER BY', $$
    SELECT approx_count_distinct_cvm(visitor ORDER BY page, visitor),
           cvm_sketch_agg(page, 0.1 ORDER BY id)
    FROM events
$$);

SELECT both_ways('FILTER', $$
    SELECT approx_count_distinct_cvm(visitor) FILTER (WHERE part = 1),
           cvm_sketch_agg(page) FILTER (WHERE page < 'page 2')
    FROM events
$$);

-- The call may be anywhere in a query.
SELECT both_ways('GROUP BY, HAVING', $$
    SELECT part, approx_count_distinct_cvm(visitor)
    FROM events
    GROUP BY part HAVING approx_count_distinct_cvm(page) > 5
    ORDER BY approx_count_distinct_cvm(page), part
$$);

SELECT both_ways('grouping sets', $$
    SELECT part, often_null, approx_count_distinct_cvm(visitor)
    FROM events
    GROUP BY CUBE (part, often_null)
$$);

SELECT both_ways('CTE', $$
    WITH c AS MATERIALIZED (SELECT part, cvm_sketch_agg(visitor) AS s FROM events GROUP BY part)
    SELECT #cvm_sketch_union_agg(s) FROM c
$$);

SELECT both_ways('view', 'SELECT * FROM counted');

SELECT both_ways('subquery', $$
    SELECT max(n) FROM (SELECT approx_count_distinct_cvm(visitor) AS n FROM events GROUP BY part) q
$$);

SELECT both_ways('join', $$
    SELECT e.part, approx_count_distinct_cvm(h.page)
    FROM events e JOIN here h USING (id)
    GROUP BY e.part
$$);

SELECT both_ways('set operations', $$
    SELECT approx_count_distinct_cvm(visitor) FROM events
    UNION ALL SELECT approx_count_distinct_cvm(page) FROM events
$$);

SELECT both_ways('in a window', $$
    SELECT part, sum(approx_count_distinct_cvm(visitor)) OVER (ORDER BY part)
    FROM events
    GROUP BY part
$$);

SELECT both_ways('a window', $$
    SELECT id, approx_count_distinct_cvm(visitor) OVER (ORDER BY id ROWS 3 PRECEDING)
    FROM events
    WHERE id < 20
$$);

SELECT both_ways('outer aggregate', $$
    SELECT part, (SELECT approx_count_distinct_cvm(e.visitor) + count(*) FROM here)
    FROM events e
    GROUP BY part
$$);

SELECT both_ways('functions on the result', $$
    SELECT (cvm_sketch_bounds(cvm_sketch_agg(visitor))).*, #cvm_sketch_agg(visitor) FROM events
$$);

SELECT both_ways('a function in FROM', 'SELECT * FROM as_table()');
SELECT both_ways('in PL/pgSQL', 'SELECT in_plpgsql()');

-- A call is left as it is where the query reads no table of Citus, not even in a subquery.
SELECT both_ways('the hashed form itself', 'SELECT cvm_sketch_agg_hashed(cvm_hash(visitor)) FROM events');
SELECT both_ways('local tables', 'SELECT approx_count_distinct_cvm(visitor), cvm_sketch_agg(page) FROM here');
SELECT both_ways('no tables', 'SELECT approx_count_distinct_cvm(i) FROM generate_series(1, 9) i');

SELECT both_ways('in a subquery only', $$
    SELECT approx_count_distinct_cvm(visitor) FROM here WHERE id IN (SELECT id FROM events)
$$);

SELECT both_ways('count(DISTINCT), exactly', 'SELECT count(DISTINCT visitor) FROM events');

-- Both settings work together.
SET cvm_count.count_distinct_epsilon = 0.03;

SELECT both_ways('count(DISTINCT), approximately', $$
    SELECT part,
           count(DISTINCT visitor),
           count(DISTINCT page) FILTER (WHERE id > 5),
           count(DISTINCT ROW(visitor, page))
    FROM events
    GROUP BY part
$$);

RESET cvm_count.count_distinct_epsilon;
\t off

-- cvm_sketch_of_kind says the kind of values that hashes are of.
SELECT (cvm_sketch_info(cvm_sketch_of_kind(cvm_sketch_agg_hashed(cvm_hash(page)), 'text'))).kind,
       cvm_sketch_of_kind(cvm_sketch_agg_hashed(cvm_hash(page)), 'text')
           = cvm_sketch_agg(page) AS the_same
FROM here;

SELECT cvm_sketch_of_kind(cvm_sketch_agg(page), 'text') = cvm_sketch_agg(page) AS says_the_same,
       cvm_sketch_of_kind(cvm_sketch_agg(page), 'unknown') = cvm_sketch_agg(page) AS says_nothing,
       cvm_sketch_of_kind(cvm_sketch_empty(), 'text') = cvm_sketch_empty() AS of_nothing,
       cvm_sketch_of_kind(NULL, 'text') IS NULL
           AND cvm_sketch_of_kind(cvm_sketch_empty(), NULL) IS NULL AS of_null
FROM here;

SELECT cvm_sketch_of_kind(cvm_sketch_agg(page), 'integer') FROM here;
SELECT cvm_sketch_of_kind(cvm_sketch_agg(page), 'Text') FROM here;

-- Errors are those of the plain call.
SELECT approx_count_distinct_cvm('{}'::json) FROM events;
SELECT approx_count_distinct_cvm(visitor, 2) FROM events;
SELECT approx_count_distinct_cvm(visitor, 0.1, NULL) FROM events;
SELECT approx_count_distinct_cvm(visitor, 0.1 + part * 0.1) FROM events;
SELECT cvm_sketch_agg(visitor, 0.1, 0.01, NULL) FROM events;
SELECT cvm_sketch_agg(visitor, 0.1, 0.01, part) FROM events;

-- Arguments that are the default do not travel.
CREATE FUNCTION hashed_in(query text) RETURNS text LANGUAGE sql
    RETURN (regexp_match(verbose_plan(query), 'Output: ([^\n]*cvm_sketch_agg_hashed[^\n]*)'))[1];

SELECT hashed_in(format('SELECT %s FROM events', call))
FROM (VALUES
    ('approx_count_distinct_cvm(id, 0.03)'),
    ('approx_count_distinct_cvm(id, 0.03, 0.01)'),
    ('approx_count_distinct_cvm(id, 0.03, 0.02)'),
    ('approx_count_distinct_cvm(id, 0.030001, 0.01)'),
    ('cvm_sketch_agg(id, 0.03, 0.01, 0)'),
    ('cvm_sketch_agg(id, 0.03, 0.01, 1)'),
    ('cvm_sketch_agg(id, 0.03::float8, 0.01::float8)'),
    ('cvm_sketch_agg(id, 0.03, 0.02, 0)'),
    ('cvm_sketch_agg(id, NULL)'),
    ('cvm_sketch_agg(id, part)')
) c (call);

SELECT both_ways(call, format('SELECT %s FROM events', call))
FROM (VALUES
    ('cvm_sketch_agg(id, 0.03)'),
    ('cvm_sketch_agg(id, 0.03, 0.01)'),
    ('cvm_sketch_agg(id, 0.03, 0.01, 0)'),
    ('cvm_sketch_agg(id, 0.03, 0.02)'),
    ('cvm_sketch_agg(id, 0.03, 0.01, 1)')
) c (call);

-- The hook computes no argument to know that.
SELECT CASE WHEN false THEN approx_count_distinct_cvm(id, 1 / 0) END,
       CASE WHEN 1 = 2 THEN cvm_sketch_agg(id, 0.1, 0.01, (1 / 0)::bigint) END
FROM events;

-- The hook leaves some calls as they are. For these it tells Citus to gather the rows, by a setting of Citus's.
-- The setting is back when the plan is made. A function that the planner calls says what Citus would see.
SET citus.allow_aggregate_worker_combine_on_internal_types = on;

CREATE FUNCTION told() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN current_setting('citus.allow_aggregate_worker_combine_on_internal_types', true);
END $$;

CREATE FUNCTION tells(calls text, rest text DEFAULT 'FROM events') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
    was text := current_setting('citus.allow_aggregate_worker_combine_on_internal_types', true);
BEGIN
    told := coalesce(
        (regexp_match(
            verbose_plan(format('SELECT told() AS told, %s %s', calls, rest)),
            $re$Output: '(\w+)'::text$re$
        ))[1],
        'nothing'
    );
    IF current_setting('citus.allow_aggregate_worker_combine_on_internal_types', true)
        IS DISTINCT FROM was
    THEN
        told := told || ' for ever';
    END IF;
    RETURN told;
END $$;

SELECT tells(call), call
FROM (VALUES
    ('approx_count_distinct_cvm(id)'),
    ('cvm_sketch_agg(page)'),
    ('cvm_sketch_agg(page, 0.1, 0.05, 3)'),
    ('cvm_sketch_agg(page, 0.1, 0.05, (random() * 0)::bigint)'),
    ('cvm_sketch_agg(DISTINCT page, 0.1, 0.05, (random() * 0)::bigint)'),
    ('approx_count_distinct_cvm(id), cvm_sketch_agg(page, 0.1, 0.05, (random() * 0)::bigint)'),
    ('(SELECT cvm_sketch_agg(page, 0.1, 0.05, (random() * 0)::bigint) FROM events)'),
    ('count(DISTINCT id)'),
    ('count(id)')
) c (call);

SELECT tells('cvm_sketch_agg(page, 0.1, 0.05, (random() * 0)::bigint)', 'FROM here') AS of_local_tables;

-- Without the setting Citus gathers the rows of every call.
SET cvm_count.citus_pushdown = off;
SET cvm_count.count_distinct_epsilon = 0.1;

SELECT tells(call), call
FROM (VALUES
    ('approx_count_distinct_cvm(id)'),
    ('cvm_sketch_agg(id, 0.1) FILTER (WHERE part > 1)'),
    ('cvm_sketch_agg(DISTINCT id)'),
    ('cvm_sketch_agg(id ORDER BY part)'),
    ('count(DISTINCT id)'),
    ('count(id)')
) c (call);

SELECT tells('approx_count_distinct_cvm(id), count(DISTINCT id)', 'FROM here') AS of_local_tables;

-- The setting is back after an ERROR, too.
SELECT approx_count_distinct_cvm(id) FROM events HAVING 1 / (length(told()) - 3) > 0;
SELECT current_setting('citus.allow_aggregate_worker_combine_on_internal_types') AS after_an_error;
RESET cvm_count.citus_pushdown;

-- The hook makes a sample of each row and unites them. It says size and seed once for all.
-- Citus gathers the rows where size or seed is wrong or not constant.
-- It does so for DISTINCT as well, which changes what samples say.
CREATE FUNCTION sample_in(query text) RETURNS text LANGUAGE sql
    RETURN (
        regexp_match(
            verbose_plan(query),
            'Output: ([^\n]*cvm_sample_agg[^\n]*|[^\n]*cvm_sample_union_agg[^\n]*)'
        )
    )[1];

SELECT tells(call), sample_in(format('SELECT %s FROM events', call))
FROM (VALUES
    ('cvm_sample_agg(page)'),
    ('cvm_sample_agg(page, 64)'),
    ('cvm_sample_agg(page, 60 + 4, 7)'),
    ('cvm_sample_agg_measured(page, price)'),
    ('cvm_sample_agg_measured(page, price, 64)'),
    ('cvm_sample_agg_measured(page, NULL, 64, -7)'),
    ('cvm_sample_agg(page) FILTER (WHERE part > 1)'),
    ('cvm_sample_agg(page ORDER BY id)'),
    ('cvm_sample_agg_measured(page, id, 64 ORDER BY page, id)'),
    ('cvm_sample_agg(DISTINCT page)'),
    ('cvm_sample_agg(DISTINCT page, 64 ORDER BY page)'),
    ('cvm_sample_agg(page, part + 60)'),
    ('cvm_sample_agg(page, 64, part)'),
    ('cvm_sample_agg(page, (random() * 0)::integer + 64)'),
    ('cvm_sample_agg(page, 7)'),
    ('cvm_sample_agg(page, -1)'),
    ('cvm_sample_agg(page, NULL)'),
    ('cvm_sample_agg(page, 64, NULL)'),
    ('cvm_sample_union_agg(cvm_sample_of(page, NULL, 64, 0))')
) c (call);

SELECT tells('cvm_sample_agg(page)', 'FROM here') AS of_local_tables,
       sample_in('SELECT cvm_sample_agg(page) FROM here');

-- Errors of samples are those of the plain call.
SELECT cvm_sample_agg(page, 7) FROM events;
SELECT cvm_sample_agg(page, 64, NULL) FROM events;
SELECT cvm_sample_agg(page, 64 + part % 2) FROM events;
SELECT cvm_sample_agg('{}'::json) FROM events;
-- Every form of a sample gives the same rows both ways.
\t on
SELECT both_ways('samples', $$
    SELECT cvm_sample_agg(page), cvm_sample_agg(page, 64), cvm_sample_agg(page, 64, 7) FROM events
$$);

SELECT both_ways('measured', $$
    SELECT cvm_sample_agg_measured(page, price),
           cvm_sample_agg_measured(page, price, 64),
           cvm_sample_agg_measured(page, price, 64, 7)
    FROM events
$$);

SELECT both_ways('samples of groups', $$
    SELECT part, cvm_sample_agg(visitor, 64) FILTER (WHERE id > 9)
    FROM events
    GROUP BY part HAVING # cvm_sample_agg(page) > 1
$$);

SELECT both_ways('samples of DISTINCT', $$
    SELECT cvm_sample_agg(DISTINCT page, 64), cvm_sample_agg_measured(DISTINCT part, price)
    FROM events
$$);

SELECT both_ways('samples in any order', $$
    SELECT cvm_sample_agg(page ORDER BY id DESC), cvm_sample_agg_measured(page, price ORDER BY page)
    FROM events
$$);

SELECT both_ways('samples of types', $$
    SELECT cvm_sample_agg(price),
           cvm_sample_agg(pair),
           cvm_sample_agg(big),
           cvm_sample_agg(part::smallint),
           cvm_sample_agg(page::char(9)),
           cvm_sample_agg(visitor::float8),
           cvm_sample_agg(ROW(visitor, part)),
           cvm_sample_agg(page::bytea),
           cvm_sample_agg(id > 5),
           cvm_sample_agg(date '2026-01-01' + part),
           cvm_sample_agg(timestamptz '2026-01-01' + part * interval '1 h'),
           cvm_sample_agg(interval '1 h' * part),
           cvm_sample_agg(md5(page)::uuid),
           cvm_sample_agg(to_jsonb(page)),
           cvm_sample_agg(int4range(part, 9)),
           cvm_sample_agg(page::name),
           cvm_sample_agg(visitor::oid),
           cvm_sample_agg(part::bit(3)),
           cvm_sample_agg(page COLLATE "C"),
           cvm_sample_agg(NULL::text),
           cvm_sample_agg(often_null)
    FROM events
$$);

SELECT both_ways('written differently', $$
    SELECT cvm_sample_agg(x)
    FROM (SELECT (part || repeat('.0', (id % 2)))::numeric AS x FROM events) q
$$);

SELECT both_ways('samples by sizes of groups', $$
    SELECT part, cvm_sample_agg(page, 64 + part, part) FROM events GROUP BY part
$$);

SELECT both_ways('samples of nothing', $$
    SELECT cvm_sample_agg(page), cvm_sample_agg_measured(NULL::integer, price)
    FROM events
    WHERE part = 9
$$);

SELECT both_ways('the union of a sample of each part', $$
    SELECT cvm_sample_union_agg(s)
    FROM (SELECT part, cvm_sample_agg_measured(page, price) AS s FROM events GROUP BY part) q
$$);

\t off
SELECT (SELECT cvm_sample_union_agg(s)
        FROM (SELECT part, cvm_sample_agg_measured(page, price) AS s FROM events GROUP BY part) q)
    = (SELECT cvm_sample_agg_measured(page, price) FROM events) AS same_sample;

RESET citus.allow_aggregate_worker_combine_on_internal_types;

-- A session that Citus has opened for another leaves count(DISTINCT) as it is.
-- The other session may ask for the exact answer.
SET application_name = 'citus_internal gpid=10000000001';

SELECT calls_in(verbose_plan('SELECT count(DISTINCT id), approx_count_distinct_cvm(id) FROM events')),
       calls_in(verbose_plan('SELECT count(DISTINCT id) FROM here'));

SET application_name = 'citus_internal';

SELECT calls_in(verbose_plan('SELECT count(DISTINCT id) FROM events')),
       calls_in(verbose_plan('SELECT count(DISTINCT id) FROM here'));

RESET application_name;

SELECT calls_in(verbose_plan('SELECT count(DISTINCT id) FROM events')),
       calls_in(verbose_plan('SELECT count(DISTINCT id) FROM here'));

RESET cvm_count.count_distinct_epsilon;

-- Statements that store, prepared ones and column types work as before.
CREATE TABLE kept AS SELECT part, cvm_sketch_agg(visitor) AS sketch FROM events GROUP BY part;
INSERT INTO kept SELECT part, cvm_sketch_agg(visitor) FROM events GROUP BY part;

SELECT count(*),
       count(DISTINCT sketch),
       count(DISTINCT part),
       every(pg_typeof(sketch) = 'cvm_sketch'::regtype)
FROM kept;

MERGE INTO kept
USING (SELECT part, cvm_sketch_agg(visitor) AS sketch FROM events GROUP BY part) s
ON kept.part = s.part AND kept.sketch = s.sketch
WHEN MATCHED THEN DELETE;

SELECT count(*) FROM kept;
SELECT approx_count_distinct_cvm(visitor), cvm_sketch_agg(page) AS s FROM events \gdesc

-- A prepared statement follows the setting.
\a
PREPARE counted AS SELECT approx_count_distinct_cvm(visitor) FROM events;
EXPLAIN (VERBOSE, COSTS off) EXECUTE counted;
SET cvm_count.citus_pushdown = off;
EXPLAIN (VERBOSE, COSTS off) EXECUTE counted;
RESET cvm_count.citus_pushdown;
EXPLAIN (VERBOSE, COSTS off) EXECUTE counted;
\a

-- Tables come to the list and go from it, and the list itself goes.
INSERT INTO pg_dist_partition VALUES ('here', 'n');
SELECT calls_in(verbose_plan('SELECT approx_count_distinct_cvm(visitor) FROM here'));
DELETE FROM pg_dist_partition WHERE logicalrelid = 'events'::regclass;
SELECT calls_in(verbose_plan('SELECT approx_count_distinct_cvm(visitor) FROM events'));
DROP TABLE pg_catalog.pg_dist_partition;
SELECT calls_in(verbose_plan('SELECT approx_count_distinct_cvm(visitor) FROM here'));

-- A list of another shape is none.
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid text);
INSERT INTO pg_dist_partition VALUES ('here');
SELECT calls_in(verbose_plan('SELECT approx_count_distinct_cvm(visitor) FROM here'));
DROP TABLE pg_catalog.pg_dist_partition;
CREATE VIEW pg_catalog.pg_dist_partition AS SELECT 'spread.here'::regclass AS logicalrelid;
SELECT calls_in(verbose_plan('SELECT approx_count_distinct_cvm(visitor) FROM here'));
DROP VIEW pg_catalog.pg_dist_partition;
RESET allow_system_table_mods;

-- A list in another schema is none.
CREATE TABLE pg_dist_partition (logicalrelid regclass);
INSERT INTO pg_dist_partition VALUES ('here');
SELECT calls_in(verbose_plan('SELECT approx_count_distinct_cvm(visitor) FROM here'));
DROP SCHEMA spread CASCADE;
