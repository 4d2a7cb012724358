-- Values may lie deep inside of values, and the stack may be small.
-- Wherever PostgreSQL's own count(DISTINCT) answers, so does ours, and the same.
-- Depths are drawn at random, since the depth where its stack ends differs by version.
SET client_min_messages = warning;
LOAD 'cvm_count';
CREATE SCHEMA depths;
SET search_path = depths, public;

CREATE FUNCTION outcome(stack text, epsilon text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    PERFORM set_config('max_stack_depth', stack, true),
            set_config('cvm_count.count_distinct_epsilon', epsilon, true);
    EXECUTE query INTO found;
    PERFORM set_config('max_stack_depth', '2MB', true),
            set_config('cvm_count.count_distinct_epsilon', '0', true);
    RETURN found;
EXCEPTION WHEN statement_too_complex THEN
    RETURN 'too deep';
END $$;

-- compared counts an expression exactly, by the plain call, and under the setting, which is `asked`.
CREATE FUNCTION compared(
    stack text, expression text, rows text, OUT exact text, OUT plain text, OUT asked text
) LANGUAGE sql AS $$
    SELECT outcome(stack, '0', format('SELECT count(DISTINCT %s) FROM %s', expression, rows)),
           outcome(stack, '0', format('SELECT approx_count_distinct_cvm(%s) FROM %s', expression, rows)),
           outcome(stack, '0.03', format('SELECT count(DISTINCT %s) FROM %s', expression, rows))
$$;

-- Functions nest anonymous rows, by themselves and in arrays.
CREATE FUNCTION nested(depth integer, inside integer, OUT r record) LANGUAGE plpgsql AS $$
BEGIN
    r := ROW(inside);
    FOR i IN 2..depth LOOP
        r := ROW(r);
    END LOOP;
END $$;

CREATE FUNCTION nested_in_arrays(depth integer, inside integer, OUT r record) LANGUAGE plpgsql AS $$
BEGIN
    r := ROW(inside, 'a'::text);
    FOR i IN 2..depth LOOP
        r := ROW(NULL::text, ARRAY[r, NULL], i);
    END LOOP;
END $$;

SELECT setseed(0.5);

SELECT stack, maker,
       count(*) FILTER (WHERE plain IS DISTINCT FROM '2') AS wrong,
       count(*) FILTER (WHERE exact <> '2' AND exact <> 'too deep') AS exact_wrong,
       count(*) FILTER (WHERE exact = '2') > 0 AS some_not_too_deep,
       stack <> '100kB' OR count(*) FILTER (WHERE exact = 'too deep') > 0 AS some_too_deep
FROM (VALUES ('100kB', 900), ('500kB', 2000), ('2MB', 5000)) s (stack, deepest),
     unnest('{nested, nested_in_arrays}'::text[]) maker,
     generate_series(1, 6) i,
     LATERAL (SELECT 1 + floor(deepest / 6 * (i - random()))::int) d (depth),
     LATERAL compared(
         stack,
         'x',
         format(
             '(SELECT %s(%s, i) AS x FROM generate_series(1, 2) i OFFSET 0) v, generate_series(1, 2)',
             maker,
             depth
         )
     ) c
GROUP BY 1, 2 ORDER BY 1, 2;

-- A query may write nested rows.
SELECT stack,
       count(*) FILTER (WHERE exact <> 'too deep' AND (plain <> exact OR asked <> exact)) AS wrong,
       count(*) FILTER (WHERE exact = '3') > 0 AS some_not_too_deep
FROM (VALUES ('100kB', 100), ('500kB', 500), ('2MB', 1500)) s (stack, deepest),
     generate_series(1, 6) i,
     LATERAL (SELECT 1 + floor(deepest / 6 * (i - random()))::int) d (depth),
     LATERAL compared(
         stack,
         repeat('ROW(', depth) || 'i % 3' || repeat(')', depth),
         'generate_series(1, 9) i'
     ) c
GROUP BY 1 ORDER BY 1;

-- Types nest in types: composite types, domains over arrays of domains, ranges of ranges.
CREATE TYPE row_0 AS (x integer);
CREATE DOMAIN array_0 AS integer;
CREATE TYPE range_0 AS RANGE (SUBTYPE = integer);

CREATE TABLE level_0 AS
    SELECT ROW(i % 3)::row_0 AS r, (i % 3)::array_0 AS a, range_0(i % 3, NULL) AS b
    FROM generate_series(1, 9) i;

DO $$
BEGIN
    FOR i IN 1..240 LOOP
        EXECUTE format('CREATE TYPE row_%s AS (x row_%s)', i, i - 1);
        EXECUTE format('CREATE DOMAIN array_%s AS array_%s[]', i, i - 1);
        EXECUTE format('CREATE TYPE range_%s AS RANGE (SUBTYPE = range_%s)', i, i - 1);
        EXECUTE format(
            'CREATE TABLE level_%1$s AS '
            'SELECT ROW(r)::row_%1$s AS r, ARRAY[a]::array_%1$s AS a, range_%1$s(b, NULL) AS b '
            'FROM level_%2$s',
            i, i - 1
        );
        IF i % 60 <> 1 THEN
            EXECUTE format('DROP TABLE level_%s', i - 1);
        END IF;
    END LOOP;
END $$;

SELECT stack, expression,
       count(*) FILTER (WHERE plain IS DISTINCT FROM '3') AS wrong,
       count(*) FILTER (WHERE exact = '3') > 0 AS some_not_too_deep,
       count(*) FILTER (WHERE asked <> '3' AND asked <> exact) AS wrong_under_the_setting
FROM (VALUES ('100kB'), ('2MB')) s (stack),
     unnest('{r, a, b, ROW(b), ARRAY[r]}'::text[]) expression,
     generate_series(0, 240, 60) i,
     LATERAL compared(stack, expression, 'level_' || i) c
GROUP BY 1, 2 ORDER BY 1, 2;

-- NULL and empty values of deep types are hashed as well.
SELECT outcome('100kB', '0', $$
           SELECT cvm_hash(NULL::range_240),
                  cvm_hash('empty'::range_240) = cvm_hash('empty'::range_0)
       $$) IS NULL AS null_is_null,
       outcome('100kB', '0', $$
           SELECT cvm_hash('empty'::range_240) = cvm_hash('empty'::range_0)
               AND cvm_hash('{}'::array_240) = cvm_hash('{}'::array_1)
       $$) AS empty;

-- A type may hold another in each of its columns, with a hash and without.
CREATE TYPE narrow AS (a integer, b text);
CREATE TYPE has_json AS (a integer, b json);

DO $$
BEGIN
    EXECUTE format(
        'CREATE TYPE wide AS (%s)',
        (SELECT string_agg(format('c%s narrow', n), ', ') FROM generate_series(1, 300) n)
    );
    EXECUTE format(
        'CREATE TYPE wide_with_json AS (%s, last has_json[])',
        (SELECT string_agg(format('c%s wide', n), ', ') FROM generate_series(1, 20) n)
    );
    EXECUTE format(
        'CREATE TYPE widest AS (%s)',
        (SELECT string_agg(format('c%s wide', n), ', ') FROM generate_series(1, 20) n)
    );
END $$;

SELECT type,
       outcome(
           '100kB',
           '0.03',
           format(
               'SELECT count(DISTINCT x) FROM (SELECT NULL::%s UNION ALL SELECT NULL) v (x)',
               type
           )
       ) AS asked,
       plan_with(
           'cvm_count.count_distinct_epsilon',
           '0.03',
           format('SELECT count(DISTINCT x) FROM (SELECT NULL::%s OFFSET 0) v (x)', type)
       ) LIKE '%approx_count_distinct_cvm%' AS replaced
FROM unnest('{wide, widest}'::text[]) type;

SELECT cvm_hash(ROW(NULL, NULL)::narrow) = cvm_hash(ROW(NULL, NULL)) AS same,
       approx_count_distinct_cvm(NULL::wide_with_json);

SET max_stack_depth = '6MB';

DO $$
BEGIN
    FOR i IN REVERSE 240..0 LOOP
        EXECUTE format('DROP TABLE IF EXISTS level_%s', i);
        EXECUTE format('DROP TYPE row_%1$s, range_%1$s; DROP DOMAIN array_%1$s', i);
    END LOOP;
END $$;

RESET max_stack_depth;
DROP SCHEMA depths CASCADE;
