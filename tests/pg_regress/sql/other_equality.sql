-- DISTINCT may call other values equal than the type does. Then it stays exact.
SET client_min_messages = warning;
LOAD 'cvm_count';
CREATE SCHEMA odd;
SET search_path = odd, public;

-- This operator class orders integers by their amount: -1 and 1 are equal there.
CREATE FUNCTION amount_lt(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN abs($1) < abs($2);
CREATE FUNCTION amount_eq(integer, integer) RETURNS boolean LANGUAGE sql IMMUTABLE RETURN abs($1) = abs($2);

CREATE FUNCTION amount_cmp(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE
    RETURN sign(abs($1) - abs($2))::integer;

CREATE OPERATOR <| (FUNCTION = amount_lt, LEFTARG = integer, RIGHTARG = integer);
CREATE OPERATOR =| (FUNCTION = amount_eq, LEFTARG = integer, RIGHTARG = integer);

CREATE OPERATOR CLASS by_amount FOR TYPE integer USING btree AS
    OPERATOR 1 <|, OPERATOR 3 =|,
    FUNCTION 1 amount_cmp;

CREATE TYPE pair AS (a numeric, b text);

CREATE TABLE values_of_all AS
    SELECT i,
           i - 50 AS n,
           ('1.' || repeat('0', i % 3))::numeric AS one,
           ROW(('2.' || repeat('0', i % 4))::numeric, 'x')::pair AS pair,
           ARRAY[i % 5] AS list,
           'w' || i % 9 AS word,
           '2026-01-01'::date + i % 8 AS day,
           int4range(i % 4, 9) AS span
    FROM generate_series(1, 100) i;

CREATE FUNCTION compared(
    call text,
    OUT call_ text,
    OUT exact bigint,
    OUT with_setting bigint,
    OUT planned text
) LANGUAGE plpgsql AS $$
DECLARE query text := format('SELECT %s FROM values_of_all', call);
BEGIN
    call_ := call;
    PERFORM set_config('cvm_count.count_distinct_epsilon', '0', false);
    EXECUTE query INTO exact;
    PERFORM set_config('cvm_count.count_distinct_epsilon', '0.03', false);
    EXECUTE query INTO with_setting;
    planned := (regexp_match(verbose_plan(query), 'count\(DISTINCT|approx_count_distinct_cvm'))[1];
END $$;

-- Operators of other classes keep count(DISTINCT).
SELECT (compared(call)).*
FROM (VALUES
    ('count(DISTINCT n ORDER BY n USING <|)'),
    ('count(DISTINCT pair ORDER BY pair USING *<)'),
    ('count(DISTINCT pair ORDER BY pair USING *>)'),
    ('count(DISTINCT ROW(one) ORDER BY ROW(one) USING *<)'),
    ('count(DISTINCT pair ORDER BY pair USING <) FILTER (WHERE n > 0)'),
    ('count(DISTINCT word ORDER BY word USING ~<~)'),
    ('count(DISTINCT word ORDER BY word USING ~>~)'),
    ('count(DISTINCT n ORDER BY n USING >)'),
    ('count(DISTINCT list ORDER BY list USING <)'),
    ('count(DISTINCT day ORDER BY day DESC NULLS LAST)'),
    ('count(DISTINCT span ORDER BY span USING >)')
) c (call);

-- Every operator that orders a type, of whatever class, gives the same answer with the setting and without.
SELECT count(*),
       count(*) FILTER (WHERE planned <> 'count(DISTINCT') AS replaced,
       count(*) FILTER (WHERE planned = 'count(DISTINCT') AS kept,
       count(*) FILTER (WHERE exact <> with_setting) AS wrong
FROM (
    SELECT (compared(format(
        'count(DISTINCT v ORDER BY v USING OPERATOR(%I.%s)) '
        'FROM (SELECT (%s)::%s AS v FROM values_of_all) q; --',
        nspname,
        oprname,
        CASE lefttype
            WHEN 'record'::regtype THEN 'ROW(one, n)'
            WHEN 'pair'::regtype THEN 'pair'
            WHEN 'integer'::regtype THEN 'n'
            WHEN 'numeric'::regtype THEN 'one'
            WHEN 'anyarray'::regtype THEN 'list'
            WHEN 'anyrange'::regtype THEN 'span'
            WHEN 'date'::regtype THEN 'day'
            ELSE 'word'
        END,
        CASE lefttype
            WHEN 'anyarray'::regtype THEN 'integer[]'
            WHEN 'anyrange'::regtype THEN 'int4range'
            ELSE lefttype::text
        END
    ))).*
    FROM (
        SELECT DISTINCT amoplefttype::regtype AS lefttype, amopopr
        FROM pg_amop JOIN pg_am ON pg_am.oid = amopmethod
        WHERE amname = 'btree' AND amopstrategy IN (1, 5) AND amoplefttype = amoprighttype
    ) o
    JOIN pg_operator ON pg_operator.oid = amopopr
    JOIN pg_namespace ON pg_namespace.oid = oprnamespace
    WHERE lefttype IN (
        'record'::regtype, 'integer'::regtype, 'numeric'::regtype, 'anyarray'::regtype,
        'anyrange'::regtype, 'date'::regtype, 'text'::regtype, 'name'::regtype, 'char(5)'::regtype,
        'bytea'::regtype
    )
) q;

RESET cvm_count.count_distinct_epsilon;
DROP SCHEMA odd CASCADE;
