-- count(DISTINCT) is approximated on request: every form of it, its answers and its plans.
SET client_min_messages = warning;
LOAD 'cvm_count';

-- Columns of visits have fewer distinct values than the capacity: answers are exact either way.
-- The table many has more: its answers are not exact.
CREATE SCHEMA asked;
SET search_path = asked, public;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN name_of_page AS text;

-- Ranges under an operator class that is not the default of their subtype have no hash.
CREATE FUNCTION reverse_cmp(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT btint4cmp($2, $1)';

CREATE OPERATOR CLASS reverse FOR TYPE integer USING btree AS
    OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <,
    FUNCTION 1 reverse_cmp(integer, integer);

CREATE TYPE in_reverse AS RANGE (SUBTYPE = integer, SUBTYPE_OPCLASS = reverse);

CREATE TABLE visits AS
    SELECT (ARRAY['ch', 'de', 'fr'])[1 + i % 3] AS country,
           i % 700 AS visitor,
           nullif(i % 11, 3) AS often_null,
           'page ' || i % 400 AS page,
           ('page ' || i % 40)::name_of_page AS named,
           (ARRAY['sad', 'ok', 'happy'])[1 + i % 2]::mood AS mood,
           i * 0.5 AS price,
           ARRAY[i % 5, i % 4] AS pair,
           '2026-01-01'::timestamp + i % 900 * interval '1 hour' AS at,
           (i % 50)::bit(8) AS bits,
           (i % 60)::text::money AS cash,
           to_tsvector('simple', 'page' || i % 9) AS words,
           in_reverse(i % 8, NULL) AS no_hash,
           i AS id
    FROM generate_series(1, 5000) i;

CREATE TABLE many AS SELECT i % 20000 AS n, i % 4 AS part FROM generate_series(1, 60000) i;
CREATE VIEW by_country AS SELECT country, count(DISTINCT visitor) AS visitors FROM visits GROUP BY country;

-- Functions count distinct values in every language and form.
CREATE FUNCTION in_sql() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(DISTINCT n) FROM many';
CREATE FUNCTION in_new_sql() RETURNS bigint STABLE BEGIN ATOMIC SELECT count(DISTINCT n) FROM many; END;

CREATE FUNCTION in_plpgsql() RETURNS bigint LANGUAGE plpgsql
    AS 'BEGIN RETURN (SELECT count(DISTINCT n) FROM many); END';

CREATE FUNCTION in_dynamic() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    found bigint;
BEGIN
    EXECUTE 'SELECT count(DISTINCT n) FROM many WHERE n > $1' INTO found USING -1;
    RETURN found;
END $$;

CREATE FUNCTION as_table(at_least integer DEFAULT 0) RETURNS TABLE (part integer, found bigint)
    LANGUAGE sql STABLE AS $$
    SELECT part, count(DISTINCT n)
    FROM many
    WHERE n >= at_least
    GROUP BY part
$$;

CREATE FUNCTION as_table_of_table() RETURNS TABLE (part integer, found bigint)
    LANGUAGE sql STABLE AS 'SELECT * FROM as_table()';

CREATE FUNCTION without_any(at_least integer) RETURNS SETOF integer LANGUAGE sql STABLE
    AS 'SELECT n FROM many WHERE n >= at_least';

-- counts_in gives the names of the counting functions in a plan.
CREATE FUNCTION counts_in(plan text) RETURNS text LANGUAGE sql
    RETURN (
        SELECT string_agg(DISTINCT call[1], ', ' ORDER BY call[1])
        FROM regexp_matches(
            plan,
            '\m(\w+\.count\(DISTINCT|count\(DISTINCT|sum\(DISTINCT'
            '|\w*\.?approx_count_distinct_cvm|cvm_\w+)',
            'g'
        ) call
    );

-- both_ways compares the rows with the setting and without. It also says which counts are planned with it.
CREATE FUNCTION both_ways(form text, query text, OUT form_ text, OUT same boolean, OUT counts text)
    LANGUAGE sql AS $$
    SELECT form,
           rows_with('cvm_count.count_distinct_epsilon', '0', query)
               = rows_with('cvm_count.count_distinct_epsilon', '0.03', query),
           counts_in(plan_with('cvm_count.count_distinct_epsilon', '0.03', query))
$$;

-- Every form gives the same rows both ways.
\t on
SELECT both_ways('plain', 'SELECT count(DISTINCT visitor) FROM visits');
SELECT both_ways('of nothing', 'SELECT count(DISTINCT visitor) FROM visits WHERE false');

SELECT both_ways('of NULLs', $$
    SELECT count(DISTINCT often_null), count(DISTINCT NULL), count(DISTINCT NULL::integer)
    FROM visits
$$);

SELECT both_ways('of constants', $$
    SELECT count(DISTINCT 1), count(DISTINCT 'a'), count(DISTINCT now()) FROM visits
$$);

SELECT both_ways('by group', 'SELECT country, count(DISTINCT visitor) FROM visits GROUP BY country');
SELECT both_ways('of an expression', 'SELECT count(DISTINCT lower(page) || visitor % 3) FROM visits');
SELECT both_ways('FILTER', 'SELECT count(DISTINCT visitor) FILTER (WHERE page < ''page 2'') FROM visits');

SELECT both_ways('FILTER that asks', $$
    SELECT count(DISTINCT visitor) FILTER (
        WHERE page = (SELECT 'page ' || count(DISTINCT mood) FROM visits)
    )
    FROM visits
$$);

-- The count may be anywhere in a query.
SELECT both_ways('HAVING', $$
    SELECT country FROM visits GROUP BY country, visitor % 7 HAVING count(DISTINCT visitor) > 99
$$);

SELECT both_ways('ORDER BY', $$
    SELECT page FROM visits GROUP BY page ORDER BY count(DISTINCT visitor) DESC, page LIMIT 5
$$);

SELECT both_ways('ORDER BY in the call', 'SELECT count(DISTINCT visitor ORDER BY visitor DESC) FROM visits');

SELECT both_ways('ORDER BY an operator', $$
    SELECT count(DISTINCT visitor ORDER BY visitor USING >),
           count(DISTINCT page ORDER BY page USING <)
    FROM visits
$$);

SELECT both_ways('DISTINCT ON', $$
    SELECT DISTINCT ON (count(DISTINCT visitor)) count(DISTINCT visitor), country
    FROM visits
    GROUP BY country ORDER BY 1, 2
$$);

SELECT both_ways('grouping sets', $$
    SELECT country, mood, grouping(country), count(DISTINCT visitor)
    FROM visits
    GROUP BY GROUPING SETS ((country), (mood), ())
$$);

SELECT both_ways('cube', $$
    SELECT country, mood, count(DISTINCT visitor), count(DISTINCT page)
    FROM visits
    GROUP BY CUBE (country, mood) HAVING count(DISTINCT page) > 1
$$);

SELECT both_ways('rows', $$
    SELECT count(DISTINCT ROW(country, visitor)),
           count(DISTINCT (country, visitor)),
           count(DISTINCT visits)
    FROM (SELECT country, visitor FROM visits) visits
$$);

SELECT both_ways('one of some rows', $$
    SELECT count(DISTINCT CASE WHEN country IS NULL THEN NULL WHEN visitor IS NULL THEN NULL ELSE (country, visitor) END),
           count(DISTINCT CASE id % 3 WHEN 0 THEN (country, visitor) WHEN 1 THEN (page, id % 7) END),
           count(DISTINCT coalesce(CASE WHEN id > 9 THEN (country, visitor) END, (page, id % 5))),
           count(DISTINCT nullif((country, visitor), ('ch'::text, 3))),
           count(DISTINCT greatest((country, visitor), (page, id % 9))),
           count(DISTINCT (visitor, CASE WHEN mood = 'ok' THEN (country, 1) ELSE (page, 2) END))
    FROM visits
$$);

SELECT both_ways('one of some rows, a hundred levels down', format(
    'SELECT count(DISTINCT %s(country, visitor)%s) FROM visits',
    repeat('coalesce(CASE WHEN id % 3 > 0 THEN ', 100), repeat(' ELSE (page, id % 7) END, (country, visitor))', 100)));

SELECT both_ways('rows of a table', 'SELECT count(DISTINCT many) FROM many WHERE n < 5000');

-- The count may be in any part of a query that is a query itself.
SELECT both_ways('subquery', $$
    SELECT sum(n) FROM (SELECT count(DISTINCT visitor) AS n FROM visits GROUP BY page) counts
$$);

SELECT both_ways('scalar subquery', $$
    SELECT country, (SELECT count(DISTINCT page) FROM visits v WHERE v.visitor = visits.visitor)
    FROM visits
    WHERE visitor < 9
$$);

SELECT both_ways('EXISTS, IN', $$
    SELECT 1
    WHERE EXISTS (SELECT count(DISTINCT visitor) FROM visits HAVING count(DISTINCT visitor) > 5)
      AND 3 IN (SELECT count(DISTINCT country) FROM visits)
$$);

SELECT both_ways('CTE', $$
    WITH c AS (SELECT country, count(DISTINCT visitor) AS n FROM visits GROUP BY country)
    SELECT * FROM c JOIN c d USING (n)
$$);

SELECT both_ways('MATERIALIZED', $$
    WITH c AS MATERIALIZED (SELECT count(DISTINCT visitor) AS n FROM visits) SELECT * FROM c
$$);

SELECT both_ways('recursive CTE', $$
    WITH RECURSIVE c AS (
        SELECT count(DISTINCT country) AS n FROM visits UNION ALL SELECT n - 1 FROM c WHERE n > 0
    )
    SELECT * FROM c
$$);

SELECT both_ways('view', 'SELECT * FROM by_country');

SELECT both_ways('set operations', $$
    SELECT count(DISTINCT visitor) FROM visits
    UNION SELECT count(DISTINCT page) FROM visits
    EXCEPT ALL SELECT count(DISTINCT mood) FROM visits
$$);

SELECT both_ways('LATERAL', $$
    SELECT c.country, l.n
    FROM (SELECT DISTINCT country FROM visits) c,
         LATERAL (SELECT count(DISTINCT visitor) AS n FROM visits v WHERE v.country = c.country) l
$$);

SELECT both_ways('join', $$
    SELECT a.country, count(DISTINCT b.page), count(DISTINCT a.visitor)
    FROM visits a LEFT JOIN visits b ON a.visitor = b.visitor AND b.id < 100
    GROUP BY a.country
$$);

SELECT both_ways('in a window', $$
    SELECT country, sum(count(DISTINCT visitor)) OVER (ORDER BY country)
    FROM visits
    GROUP BY country
$$);

SELECT both_ways('VALUES', 'VALUES ((SELECT count(DISTINCT visitor) FROM visits)), (0)');

SELECT both_ways('LIMIT', $$
    SELECT id
    FROM visits
    ORDER BY id
    LIMIT (SELECT count(DISTINCT country) FROM visits)
    OFFSET (SELECT count(DISTINCT mood) FROM visits)
$$);

SELECT both_ways('in a function in FROM', $$
    SELECT * FROM generate_series(1, (SELECT count(DISTINCT country) FROM visits))
$$);

-- The count stands beside other expressions and aggregates.
SELECT both_ways('CASE and other functions', $$
    SELECT CASE
        WHEN count(DISTINCT visitor) > 1 THEN coalesce(count(DISTINCT page), 0) * 2
    END::text
    FROM visits
$$);

SELECT both_ways('beside other aggregates', $$
    SELECT count(DISTINCT visitor),
           count(visitor),
           count(*),
           sum(DISTINCT visitor),
           avg(visitor),
           string_agg(DISTINCT country, ',')
    FROM visits
$$);

SELECT both_ways('not DISTINCT', 'SELECT count(visitor), count(*) FROM visits');

-- Every type with a hash is approximated.
SELECT both_ways('other types', $$
    SELECT count(DISTINCT named),
           count(DISTINCT mood),
           count(DISTINCT price),
           count(DISTINCT pair),
           count(DISTINCT at),
           count(DISTINCT bits),
           count(DISTINCT cash),
           count(DISTINCT words),
           count(DISTINCT ROW(page, words)),
           count(DISTINCT at::date),
           count(DISTINCT page::char(9)),
           count(DISTINCT page::name)
    FROM visits
$$);

SELECT both_ways('under a collation', $$
    SELECT count(DISTINCT page COLLATE "C"), count(DISTINCT lower(page) COLLATE "POSIX") FROM visits
$$);

-- An inner query may hold the aggregate of an outer one, and an argument may be a query.
SELECT both_ways('outer aggregate', $$
    SELECT country, (SELECT max(x) FROM (SELECT 1 UNION ALL SELECT count(DISTINCT v.visitor)) w (x))
    FROM visits v
    GROUP BY country
$$);

SELECT both_ways('outer aggregate two levels up', $$
    SELECT country, (SELECT (SELECT count(DISTINCT v.page) + u.n))
    FROM visits v, (VALUES (7)) u (n)
    GROUP BY country, u.n
$$);

SELECT both_ways('both levels', $$
    SELECT country,
           (SELECT count(DISTINCT v.visitor) + count(DISTINCT m.n) FROM many m WHERE m.n < 50)
    FROM visits v
    GROUP BY country
$$);

SELECT both_ways('outer column in the argument', $$
    SELECT country, (SELECT count(DISTINCT m.n + length(v.country)) FROM many m WHERE m.n < 50)
    FROM visits v
    GROUP BY country
$$);

SELECT both_ways('subquery in the argument', $$
    SELECT count(DISTINCT (SELECT count(DISTINCT m.part) FROM many m WHERE m.n < v.visitor))
    FROM visits v
    WHERE id < 30
$$);

SELECT both_ways('outer aggregate in GROUP BY', $$
    SELECT country, (SELECT count(*) FROM (SELECT 1) one GROUP BY count(DISTINCT v.visitor))
    FROM visits v
    GROUP BY country
$$);

-- These stay exact: types without a hash, rows of unknown columns, and counts that are not PostgreSQL's.
SELECT both_ways('no hash', $$
    SELECT count(DISTINCT no_hash),
           count(DISTINCT ROW(visitor, no_hash)),
           count(DISTINCT ARRAY[no_hash])
    FROM visits
$$);

SELECT both_ways('unknown columns', $$
    SELECT count(DISTINCT r) FROM (SELECT ROW(visitor, page) AS r FROM visits) q
$$);

-- PostgreSQL compares rows by columns and arrays by elements. It raises an ERROR where it cannot, now as before.
SELECT every(plan ~ 'count\(DISTINCT' AND plan !~ 'approx') AS all_exact, count(*)
FROM (VALUES
         ('ROW(''a'', NULL)'),
         ('(visitor, ''a'')'),
         ('ROW(visitor, ROW(page, NULL))'),
         ('ROW(visitor, visitor::text::xid)'),
         ('ROW(ARRAY[visitor::text::xid])'),
         ('ARRAY[visitor::text::xid] ORDER BY ARRAY[visitor::text::xid] USING <'),
         ('ROW(''{}''::json)'),
         ('ROW(ROW(point(1, 2)))'),
         ('CASE WHEN visitor > 5 THEN (visitor, page) ELSE (page, visitor) END'),
         ('CASE WHEN visitor > 5 THEN (visitor, page) ELSE (visitor, page, 1) END'),
         ('CASE WHEN visitor > 5 THEN (visitor, page) ELSE (visitor, page COLLATE "C") END'),
         ('CASE WHEN visitor > 5 THEN (visitor, (page, 1)) ELSE (visitor, (page, page)) END'),
         ('CASE WHEN visitor > 5 THEN NULL::record END'),
         ('coalesce((visitor, page), (visitor, ''a''))'),
         ('coalesce((SELECT (visitor, page)), (visitor, page))'),
         ('greatest((visitor, page), (visitor, visitor))'),
         ('nullif((visitor, ''a''), (visitor, page))')
     ) r (form),
     LATERAL verbose_plan(format('SELECT count(DISTINCT %s) FROM visits', form)) plan;

CREATE FUNCTION one_more(bigint, "any") RETURNS bigint LANGUAGE internal IMMUTABLE AS 'int8inc_any';
CREATE AGGREGATE count("any") (SFUNC = one_more, STYPE = bigint, INITCOND = '0');
SET search_path = asked, public, pg_catalog;

SELECT both_ways('another count', $$
    SELECT count(DISTINCT visitor), pg_catalog.count(DISTINCT page) FROM visits
$$);

SET search_path = asked, public;
DROP AGGREGATE asked.count("any");

-- An aggregate of the user's with our name is not called, whatever search_path says.
CREATE FUNCTION fails(bigint, anyelement, float8, float8) RETURNS bigint LANGUAGE sql AS 'SELECT 1 / 0';

CREATE AGGREGATE approx_count_distinct_cvm(anyelement, float8, float8) (
    SFUNC = fails,
    STYPE = bigint,
    INITCOND = '0'
);

SELECT both_ways('another approx_count_distinct_cvm', 'SELECT count(DISTINCT visitor) FROM visits');
DROP AGGREGATE asked.approx_count_distinct_cvm(anyelement, float8, float8);
\t off

-- Names, types and errors are as before.
SET cvm_count.count_distinct_epsilon = 0.03;

SELECT count(DISTINCT visitor), count(DISTINCT page) AS pages, pg_typeof(count(DISTINCT mood))
FROM visits \gdesc

SELECT count(DISTINCT '{}'::json);
\set VERBOSITY terse
SELECT count(DISTINCT visitor, page) FROM visits;
\set VERBOSITY default
SELECT count(DISTINCT country COLLATE "C" || page COLLATE "POSIX") FROM visits;
SELECT count(DISTINCT visitor) OVER () FROM visits;

-- Above the capacity the answer is that of the aggregate at the same accuracy, in every kind of function.
CREATE TEMP VIEW should_be AS SELECT approx_count_distinct_cvm(n, 0.03, 0.01) AS found FROM many;
SELECT found <> 20000 AS is_approximate FROM should_be;

SELECT count(DISTINCT n) = found AS plain,
       in_sql() = found AS in_sql,
       in_new_sql() = found AS in_new_sql,
       in_plpgsql() = found AS in_plpgsql,
       in_dynamic() = found AS in_dynamic
FROM many, should_be
GROUP BY found;

SET cvm_count.count_distinct_epsilon = 0;
SELECT count(DISTINCT n), in_sql(), in_new_sql(), in_plpgsql(), in_dynamic() FROM many;
SET cvm_count.count_distinct_epsilon = 0.1;
SET cvm_count.count_distinct_delta = 0.05;
SELECT count(DISTINCT n) = approx_count_distinct_cvm(n, 0.1, 0.05) AS other_accuracy FROM many;

SELECT in_sql() = approx_count_distinct_cvm(n, 0.1, 0.05) AS in_sql,
       in_plpgsql() = approx_count_distinct_cvm(n, 0.1, 0.05) AS in_plpgsql
FROM many;

RESET cvm_count.count_distinct_delta;
SET cvm_count.count_distinct_epsilon = 0.03;

-- SQL functions whose body the planner puts into the query are approximated too.
SELECT query, counts_in(verbose_plan(query))
FROM (VALUES
    ('SELECT * FROM as_table()'),
    ('SELECT * FROM as_table(at_least => 5) t JOIN as_table_of_table() u USING (part)'),
    ('SELECT * FROM many m, LATERAL as_table(m.n) WHERE m.n < 3'),
    ('SELECT * FROM many m LEFT JOIN visits v ON v.id = m.n, '
     'LATERAL as_table((v.id IS NOT NULL)::integer + m.n) WHERE m.n < 3'),
    ('SELECT count(*) FROM without_any(5)'),
    ('SELECT * FROM as_table() WITH ORDINALITY'),
    ('SELECT * FROM ROWS FROM (as_table(), as_table())')
) q (query);

-- PostgreSQL may simplify an argument first.
CREATE FUNCTION five() RETURNS integer LANGUAGE sql AS 'SELECT 5';

SELECT query, counts_in(verbose_plan(query))
FROM (VALUES
    ('SELECT * FROM as_table(five())'),
    ('SELECT * FROM as_table(CASE WHEN true THEN 5 ELSE (random() * 9)::integer END)'),
    ('SELECT * FROM as_table((random() * 9)::integer)')
) q (query);

SELECT every(t.found = s.found) AS the_same, count(*)
FROM (
    SELECT part, approx_count_distinct_cvm(n, 0.03, 0.01) AS found
    FROM many
    WHERE n >= 0
    GROUP BY part
) s
JOIN as_table() t USING (part);

-- What PostgreSQL never comes to plan or compute raises no ERROR with the setting either.
CREATE FUNCTION calls_itself(times integer) RETURNS SETOF bigint LANGUAGE sql STABLE AS 'SELECT 1::bigint';

CREATE OR REPLACE FUNCTION calls_itself(times integer) RETURNS SETOF bigint LANGUAGE sql STABLE
    AS 'SELECT count(DISTINCT x) FROM calls_itself(times - 1) x WHERE times > 0';

SELECT * FROM calls_itself(3);
CREATE FUNCTION one_calls(times integer) RETURNS SETOF bigint LANGUAGE sql STABLE AS 'SELECT 1::bigint';

CREATE FUNCTION another_calls(times integer) RETURNS SETOF bigint LANGUAGE sql STABLE
    AS 'SELECT count(DISTINCT x) FROM one_calls(times - 1) x WHERE times > 0';

CREATE OR REPLACE FUNCTION one_calls(times integer) RETURNS SETOF bigint LANGUAGE sql STABLE
    AS 'SELECT count(DISTINCT x) FROM another_calls(times - 1) x WHERE times > 0';

SELECT * FROM one_calls(4);

-- PostgreSQL does not compute what nobody reads. It raises the ERROR where somebody does.
WITH unnamed AS (SELECT * FROM as_table(1 / 0)) SELECT count(DISTINCT country) FROM visits;

WITH unnamed AS (SELECT * FROM calls_itself(9)),
     too AS (SELECT * FROM unnamed, as_table(1 / 0))
SELECT count(DISTINCT country) FROM visits;

SELECT count(DISTINCT country)
FROM visits
LEFT JOIN (SELECT DISTINCT part FROM as_table(1 / 0)) never ON never.part = visits.visitor;

SELECT count(DISTINCT country) FROM visits, as_table(1 / 0);

-- PostgreSQL does not plan a foreign table that nobody reads.
CREATE FOREIGN DATA WRAPPER without_handler;
CREATE SERVER nowhere FOREIGN DATA WRAPPER without_handler;
CREATE FOREIGN TABLE far (n integer) SERVER nowhere;
WITH unnamed AS (SELECT count(DISTINCT n) FROM far) SELECT count(DISTINCT country) FROM visits;
SELECT count(DISTINCT n) FROM far;
DROP FOREIGN DATA WRAPPER without_handler CASCADE;

-- A kept plan follows a new body of the function.
PREPARE of_function AS SELECT sum(found) FROM as_table();
SELECT sum(approx) FROM (SELECT approx_count_distinct_cvm(n, 0.03, 0.01) AS approx FROM many GROUP BY part) s;
EXECUTE of_function;

CREATE OR REPLACE FUNCTION as_table(at_least integer DEFAULT 0) RETURNS TABLE (part integer, found bigint)
    LANGUAGE sql STABLE AS 'SELECT 1, count(DISTINCT n % 10) FROM many';

EXECUTE of_function;
DEALLOCATE of_function;

-- Prepared statements and cached plans follow the setting.
PREPARE counted(integer) AS SELECT count(DISTINCT n) <> 20000 AS is_approximate FROM many WHERE n >= $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE counted(0);
SET cvm_count.count_distinct_epsilon = 0;
EXECUTE counted(0);
SET cvm_count.count_distinct_epsilon = 0.03;
EXECUTE counted(0);
\a
EXPLAIN (COSTS off, VERBOSE) EXECUTE counted(0);
\a

-- Plans follow transactions and functions that set it for a while.
BEGIN;
SET LOCAL cvm_count.count_distinct_epsilon = 0;
EXECUTE counted(0);
COMMIT;
EXECUTE counted(0);
BEGIN;
SET cvm_count.count_distinct_epsilon = 0;
EXECUTE counted(0);
ROLLBACK;
EXECUTE counted(0);

CREATE FUNCTION exactly() RETURNS bigint
    LANGUAGE plpgsql SET cvm_count.count_distinct_epsilon = 0 AS $$
BEGIN
    RETURN (SELECT count(DISTINCT n) FROM many);
END $$;

SELECT exactly(), exactly(), in_plpgsql() <> 20000 AS is_approximate;
EXECUTE counted(0);
RESET plan_cache_mode;
DEALLOCATE counted;

-- Statements may store what they count.
CREATE TABLE stored AS SELECT count(DISTINCT n) AS found FROM many;

INSERT INTO stored
    SELECT count(DISTINCT n)
    FROM many
    RETURNING (SELECT count(DISTINCT n) FROM many) = found AS returned_is_the_same;

UPDATE stored SET found = (SELECT count(DISTINCT n) FROM many)
WHERE found > (SELECT count(DISTINCT part) FROM many);

MERGE INTO stored
USING (SELECT count(DISTINCT n) AS found FROM many) s ON stored.found = s.found
WHEN MATCHED AND (SELECT count(DISTINCT part) FROM many) = 4 THEN
    UPDATE SET found = s.found
WHEN NOT MATCHED THEN
    INSERT VALUES (-1);

CREATE MATERIALIZED VIEW kept AS SELECT count(DISTINCT n) AS found FROM many;
REFRESH MATERIALIZED VIEW kept;
INSERT INTO stored SELECT found FROM kept;
SELECT count(*), every(stored.found = should_be.found) AS all_approximate FROM stored, should_be;
DELETE FROM stored WHERE found = (SELECT count(DISTINCT n) FROM many);
SELECT count(*) FROM stored;

-- Cursors and COPY approximate as well.
BEGIN;
DECLARE c CURSOR FOR SELECT count(DISTINCT n) <> 20000 AS is_approximate FROM many;
FETCH c;
COMMIT;
COPY (SELECT count(DISTINCT n) <> 20000 FROM many) TO STDOUT;

DO $$
DECLARE
    c CURSOR FOR SELECT count(DISTINCT n) AS found FROM many;
    r record;
BEGIN
    FOR r IN c LOOP
        RAISE WARNING 'approximate: %', r.found <> 20000;
    END LOOP;
END $$;

-- Deep expressions take no more of the stack than without the setting.
SELECT 'SELECT count(DISTINCT n) <> 20000 AND ' || repeat('1 + ', 1500)
    || '1 = 1501 AS is_approximate FROM many' \gexec

-- Parallel and hash plans become possible.
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;

CREATE VIEW plans AS
    SELECT verbose_plan('SELECT count(DISTINCT n) FROM many') ~ 'Partial' AS parallel,
           verbose_plan('SELECT part, count(DISTINCT n) FROM many GROUP BY part')
               ~ 'HashAggregate' AS hashed;

SET cvm_count.count_distinct_epsilon = 0;
SELECT * FROM plans;
SET cvm_count.count_distinct_epsilon = 0.03;
SELECT * FROM plans;
SELECT count(DISTINCT n) = found AS parallel_answer FROM many, should_be GROUP BY found;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- The legal values of the settings are those of the aggregate.
SET cvm_count.count_distinct_epsilon = 0.0009;
SET cvm_count.count_distinct_epsilon = 0.6;
SET cvm_count.count_distinct_epsilon = -1;
SET cvm_count.count_distinct_epsilon = 'NaN';
SET cvm_count.count_distinct_epsilon = 'Infinity';
SET cvm_count.count_distinct_epsilon = 'much';
SET cvm_count.count_distinct_delta = 0;
SET cvm_count.count_distinct_delta = 0.2;
SET cvm_count.count_distinct_gamma = 1;

-- Both ends of the ranges are legal.
SET cvm_count.count_distinct_epsilon = 0.001;
SET cvm_count.count_distinct_epsilon = 0.5;
SET cvm_count.count_distinct_delta = 0.000000001;
SET cvm_count.count_distinct_delta = 0.1;
SELECT name, setting, context, short_desc FROM pg_settings WHERE name LIKE 'cvm_count.%' ORDER BY name;
RESET cvm_count.count_distinct_delta;
SET cvm_count.count_distinct_epsilon = 0.03;

-- The library may be loaded twice.
LOAD 'cvm_count';
SELECT count(DISTINCT n) = found AS loaded_twice FROM many, should_be GROUP BY found;

-- The caller needs the right to run our aggregate.
CREATE ROLE asked_user;
GRANT USAGE ON SCHEMA asked, public TO asked_user;
GRANT SELECT ON visits TO asked_user;

REVOKE EXECUTE ON FUNCTION approx_count_distinct_cvm(anyelement, double precision, double precision)
    FROM PUBLIC;

SET ROLE asked_user;
SELECT count(DISTINCT visitor) FROM visits;

-- Superusers change the settings, and whoever they grant that to.
SET cvm_count.count_distinct_epsilon = 0;
RESET ROLE;
GRANT SET ON PARAMETER cvm_count.count_distinct_epsilon TO asked_user;
SET ROLE asked_user;
SET cvm_count.count_distinct_epsilon = 0;
SELECT count(DISTINCT visitor) FROM visits;
SET cvm_count.count_distinct_delta = 0.02;
RESET ROLE;
REVOKE SET ON PARAMETER cvm_count.count_distinct_epsilon FROM asked_user;
GRANT EXECUTE ON FUNCTION approx_count_distinct_cvm(anyelement, double precision, double precision)
    TO PUBLIC;
SET cvm_count.count_distinct_epsilon = 0.03;
SET ROLE asked_user;
SELECT count(DISTINCT visitor) FROM visits;
RESET ROLE;

-- Policies of row-level security stay exact.
ALTER TABLE visits ENABLE ROW LEVEL SECURITY;

CREATE POLICY if_exact ON visits TO asked_user
    USING ((SELECT count(DISTINCT n) FROM many) = 20000)
    WITH CHECK ((SELECT count(DISTINCT n) FROM many) = 20000);

GRANT SELECT ON many TO asked_user;
GRANT INSERT ON visits TO asked_user;
SET ROLE asked_user;
SELECT count(*), (SELECT count(DISTINCT n) <> 20000 FROM many) AS is_approximate FROM visits;
INSERT INTO visits (id) SELECT count(DISTINCT n) FROM many;
RESET ROLE;

-- The extension goes, comes back elsewhere and moves, while a statement is prepared.
DROP VIEW should_be;
PREPARE counted AS SELECT count(DISTINCT n) <> 20000 AS is_approximate FROM many;
EXECUTE counted;
DROP EXTENSION cvm_count;
EXECUTE counted;
SELECT counts_in(verbose_plan('SELECT count(DISTINCT n) FROM many'));
CREATE SCHEMA elsewhere;
CREATE EXTENSION cvm_count SCHEMA elsewhere;
SELECT counts_in(verbose_plan('SELECT count(DISTINCT n) FROM many'));
SELECT count(DISTINCT n) <> 20000 AS is_approximate FROM many;
ALTER SCHEMA elsewhere RENAME TO somewhere;
SELECT counts_in(verbose_plan('SELECT count(DISTINCT n) FROM many'));
ALTER EXTENSION cvm_count SET SCHEMA asked;
SELECT counts_in(verbose_plan('SELECT count(DISTINCT n) FROM many'));
ALTER EXTENSION cvm_count SET SCHEMA somewhere;
DROP SCHEMA somewhere CASCADE;
SELECT counts_in(verbose_plan('SELECT count(DISTINCT n) FROM many'));
EXECUTE counted;
BEGIN;
CREATE EXTENSION cvm_count SCHEMA public;
SELECT counts_in(verbose_plan('SELECT count(DISTINCT n) FROM many'));
ROLLBACK;
SELECT counts_in(verbose_plan('SELECT count(DISTINCT n) FROM many'));
CREATE EXTENSION cvm_count SCHEMA public;
SELECT counts_in(verbose_plan('SELECT count(DISTINCT n) FROM many'));
SELECT count(DISTINCT n) <> 20000 AS is_approximate FROM many;

RESET cvm_count.count_distinct_epsilon;
DROP SCHEMA asked CASCADE;
REVOKE USAGE ON SCHEMA public FROM asked_user;
DROP ROLE asked_user;
