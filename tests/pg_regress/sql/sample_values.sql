-- Values come back as what they were, whatever the settings when they are sampled and read.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy, "very"');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE "Quoted Table" (x int);
CREATE TABLE expressions (type text, expression text);

INSERT INTO expressions VALUES
    ('smallint', 'i::smallint'),
    ('integer', 'i - 50'),
    ('bigint', 'i * 1000000007::bigint'),
    ('oid', '(i + 1)::oid'),
    ('boolean', 'i % 2 = 0'),
    ('"char"', 'chr(33 + i % 90)::"char"'),
    ('real', '(i / 3.0)::real'),
    ('double precision',
     'CASE WHEN i % 3 > 0 THEN i / 7.0::float8 WHEN i = 3 THEN ''NaN'' ELSE ''-0'' END'),
    ('numeric', '(i % 50)::numeric(10, 2) / 4'),
    ('money', '(i * 1.25)::numeric::money'),
    ('text', '''t "é'''' \'' || i'),
    ('varchar(20)', '(''v'' || i)::varchar(20)'),
    ('char(9)', '(''c'' || i)::char(9)'),
    ('name', '(''n'' || i)::name'),
    ('bytea', 'decode(md5(i::text), ''hex'')'),
    ('bit(12)', 'i::bit(12)'),
    ('varbit', 'i::bit(12)::varbit'),
    ('date', 'date ''1999-12-30'' + i * 13'),
    ('date',
     'CASE i % 3 WHEN 0 THEN ''-infinity'' WHEN 1 THEN ''0044-03-15 BC'' '
     'ELSE date ''20000-01-01'' + i END'),
    ('timestamp', 'timestamp ''1999-12-31 23:59:59.5'' + i * interval ''1 day 1 second'''),
    ('timestamptz', 'timestamptz ''1999-12-31 23:59:59.5+02'' + i * interval ''1 hour 7 minutes'''),
    ('time', 'time ''00:00'' + i * interval ''11 minutes'''),
    ('timetz', '(time ''00:00'' + i * interval ''11 minutes'' || ''+02'')::timetz'),
    ('interval', 'i * interval ''-1 month 2 days -3.5 seconds'''),
    ('uuid', 'md5(i::text)::uuid'),
    ('inet', '(''10.0.0.'' || i)::inet'),
    ('cidr', '(''10.0.'' || i || ''.0/24'')::cidr'),
    ('macaddr', '(''08:00:2b:01:02:'' || lpad(to_hex(i), 2, ''0''))::macaddr'),
    ('pg_lsn', '(''0/'' || to_hex(i))::pg_lsn'),
    ('xid8', 'i::text::xid8'),
    ('tid', '(''(0,'' || i || '')'')::tid'),
    ('regclass', 'CASE i % 2 WHEN 0 THEN ''"Quoted Table"'' ELSE ''pg_class'' END::regclass'),
    ('regclass[]',
     'ARRAY[CASE i % 2 WHEN 0 THEN ''"Quoted Table"'' ELSE ''pg_class'' END::regclass]'),
    ('jsonb', 'jsonb_build_object(''a'', i, ''b'', ARRAY[NULL, ''x''])'),
    ('mood', '(ENUM_RANGE(NULL::mood))[1 + i % 3]'),
    ('positive', '(i + 1)::positive'),
    ('pair', 'ROW(i, ''b " '' || i)::pair'),
    ('pair', 'ROW(NULL, i)::pair'),
    ('int[]', 'ARRAY[i, NULL, -i]'),
    ('text[]', 'ARRAY[''NULL'', NULL, ''"'' || i]'),
    ('date[]', 'ARRAY[date ''2000-01-02'' + i]'),
    ('int[]', '(''[3:4]={1,'' || i || ''}'')::int[]'),
    ('float8[]', 'ARRAY[i / 3.0::float8]'),
    ('bytea[]', 'ARRAY[decode(md5(i::text), ''hex'')]'),
    ('timestamptz[]', 'ARRAY[timestamptz ''2000-01-02+00'' + i * interval ''1 hour'']'),
    ('money[]', 'ARRAY[i::money]'),
    ('int4range', 'int4range(-i, i)'),
    ('tstzrange', 'tstzrange(timestamptz ''2000-01-02+00'' + i * interval ''1 hour'', NULL)'),
    ('datemultirange', 'datemultirange(daterange(date ''2000-01-02'', date ''2000-01-03'' + i))'),
    ('cvm_sketch', 'cvm_sketch_empty(0.1, 0.1, i)');

-- sampled samples values under unlike settings, and compares the bytes.
-- It reads them under others, and compares the values.
CREATE FUNCTION sampled(
    type text, expression text, OUT samples bigint, OUT wrong bigint, OUT sampled bigint,
    OUT restored boolean
) LANGUAGE plpgsql AS $$
DECLARE
    source text := format(
        '(SELECT (%s)::%s AS v FROM generate_series(0, 99) i '
        'UNION ALL SELECT (%s)::%s FROM generate_series(0, 99, 3) i) q',
        expression, type, expression, type
    );
    one cvm_sample;
    other cvm_sample;
BEGIN
    EXECUTE 'SET LOCAL DateStyle = ISO; SET LOCAL TimeZone = GMT; SET LOCAL IntervalStyle = postgres;'
        ' SET LOCAL extra_float_digits = 3; SET LOCAL bytea_output = hex;'
        ' SET LOCAL quote_all_identifiers = off; SET LOCAL lc_monetary = ''C''';
    EXECUTE 'SELECT cvm_sample_agg(v) FROM ' || source INTO one;
    EXECUTE 'SET LOCAL DateStyle = ''SQL, DMY''; SET LOCAL TimeZone = ''Asia/Kathmandu'';'
        ' SET LOCAL IntervalStyle = sql_standard; SET LOCAL extra_float_digits = -5;'
        ' SET LOCAL bytea_output = escape;'
        ' SET LOCAL quote_all_identifiers = on; SET LOCAL array_nulls = off';
    EXECUTE 'SELECT cvm_sample_agg(v) FROM ' || source INTO other;
    samples := CASE WHEN one = other THEN 1 ELSE 2 END;
    EXECUTE format(
        'SELECT count(*) FILTER (WHERE a.v IS NULL OR b.value IS NULL), count(b.value)
        FROM (SELECT v, count(*) AS occurrences FROM %s GROUP BY v) a
        FULL JOIN (SELECT value, occurrences FROM cvm_sample_values($1, NULL::%s)) b
        ON a.v = b.value AND a.occurrences = b.occurrences',
        source, type
    ) USING other INTO wrong, sampled;
    restored := current_setting('DateStyle') = 'SQL, DMY'
        AND current_setting('TimeZone') = 'Asia/Kathmandu'
        AND current_setting('array_nulls') = 'off'
        AND current_setting('search_path') = '"$user", public'
        AND current_setting('bytea_output') = 'escape';
END $$;

SELECT type, sampled.* FROM expressions, sampled(type, expression);

-- The query may declare the type, in place of the second argument. The values are the same.
CREATE FUNCTION declared(type text, expression text, OUT sampled bigint, OUT differ bigint)
    LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'SELECT count(a.value), count(*) FILTER (WHERE a.value IS NULL OR b.value IS NULL)
        FROM (SELECT v.* FROM s, cvm_sample_values(s, NULL::%1$s) v) a
        FULL JOIN (
            SELECT v.*
            FROM s, cvm_sample_values(s) AS v (
                value %1$s, occurrences bigint, total float8, least float8, greatest float8, weight float8
            )
        ) b
        ON a.value = b.value AND (a.occurrences, a.weight) = (b.occurrences, b.weight)',
        type
    ) INTO sampled, differ;
END $$;

CREATE FUNCTION declared_all() RETURNS TABLE (types bigint, sampled numeric, differ numeric)
    LANGUAGE plpgsql AS $$
DECLARE
    e record;
    d record;
BEGIN
    SELECT 0, 0, 0 INTO types, sampled, differ;
    FOR e IN SELECT * FROM expressions LOOP
        EXECUTE format(
            'CREATE TEMP TABLE s AS SELECT cvm_sample_agg(v) AS s '
            'FROM (SELECT (%s)::%s AS v FROM generate_series(0, 99) i) q',
            e.expression, e.type
        );
        SELECT * FROM declared(e.type, e.expression) INTO d;
        SELECT types + 1, sampled + d.sampled, differ + d.differ INTO types, sampled, differ;
        DROP TABLE s;
    END LOOP;
    RETURN NEXT;
END $$;

SELECT * FROM declared_all();

-- A domain that refuses NULL needs that, or a value of its own as the argument.
CREATE DOMAIN customer_id AS int NOT NULL CHECK (VALUE > 0);

CREATE TABLE customers AS
    SELECT cvm_sample_agg(i::customer_id) AS sample,
           cvm_sample_agg(i || ' names') AS texts,
           cvm_sample_agg(i / 8.0) AS numbers
    FROM generate_series(1, 3) i;

SELECT * FROM customers, cvm_sample_values(sample, NULL::customer_id);

SELECT pg_typeof(value), value, occurrences
FROM customers, cvm_sample_values(sample, 1::customer_id)
ORDER BY value;

SELECT pg_typeof(value), value, occurrences, total, least, greatest, weight
FROM customers,
     cvm_sample_values(sample) AS v (
         value customer_id, occurrences bigint, total double precision, least float8,
         greatest float8, weight float8
     )
ORDER BY value;

SELECT *
FROM cvm_sample_values(NULL) AS v (
    value customer_id, occurrences bigint, total float8, least float8, greatest float8,
    weight float8
);

-- Names are the query's, and so is what it says beside the type.
SELECT number, place
FROM customers,
     ROWS FROM (
         cvm_sample_values(numbers) AS (
             number numeric(5, 1), n bigint, a float8, b float8, c float8, d float8
         )
     ) WITH ORDINALITY AS v (number, n, a, b, c, d, place)
ORDER BY 1;

SELECT value || '|' AS value
FROM customers,
     cvm_sample_values(texts) AS v (value char(9), n bigint, a float8, b float8, c float8, d float8)
ORDER BY 1;

SELECT max(value), min(value)
FROM customers,
     cvm_sample_values(texts) AS v (
         value text COLLATE "C", n bigint, a float8, b float8, c float8, d float8
     );

SELECT *
FROM customers,
     cvm_sample_values(texts) AS v (
         value varchar(6), n bigint, a float8, b float8, c float8, d float8
     );

-- Column definitions that do not fit are refused.
SELECT *
FROM customers,
     cvm_sample_values(sample) AS v (value text, n bigint, a float8, b float8, c float8, d float8);

SELECT *
FROM cvm_sample_values((SELECT cvm_sample_agg(-1))) AS v (
    value customer_id, n bigint, a float8, b float8, c float8, d float8
);

SELECT *
FROM cvm_sample_values((SELECT cvm_sample_agg(ROW(1, 'a'::text)))) AS v (
    value record, n bigint, a float8, b float8, c float8, d float8
);

SELECT * FROM customers, cvm_sample_values(sample) AS v (value int, n bigint);

SELECT *
FROM customers,
     cvm_sample_values(sample) AS v (value int, n int, a float8, b float8, c float8, d float8);

SELECT *
FROM customers,
     cvm_sample_values(sample) AS v (value int, n bigint, a float8, b numeric, c float8, d float8);

SELECT *
FROM customers,
     cvm_sample_values(sample) AS v (
         value int, n bigint, a float8, b float8, c float8, d float8, e int
     );

SELECT * FROM customers, cvm_sample_values(sample);
SELECT cvm_sample_values(sample) FROM customers;
\set VERBOSITY sqlstate
SELECT * FROM customers, cvm_sample_values(sample) AS v (value int, n bigint);

SELECT *
FROM customers,
     cvm_sample_values(sample) AS v (value int, n int, a float8, b float8, c float8, d float8);

SELECT cvm_sample_values(sample) FROM customers;
\set VERBOSITY default
DROP FUNCTION declared, declared_all;
DROP TABLE customers;
DROP DOMAIN customer_id;

-- Equal values may be written differently. The sample keeps the least text, whichever came first.
SELECT count(DISTINCT s) AS samples, min(value) AS value
FROM (
         SELECT cvm_sample_agg(x) AS s FROM (VALUES (1.00), (1.0), (1.000)) v (x)
         UNION ALL SELECT cvm_sample_agg(x) FROM (VALUES (1.000), (1.00), (1.0)) v (x)
         UNION ALL
         SELECT cvm_sample_union_agg(s)
         FROM (
             SELECT cvm_sample_agg(x) FROM (VALUES (1.0), (1.000), (1.00)) v (x) GROUP BY x::text
         ) q (s)
     ) q,
     cvm_sample_values(s, NULL::numeric);

SELECT value, occurrences
FROM cvm_sample_values(
    (SELECT cvm_sample_agg(x) FROM (VALUES (interval '30 days'), ('1 mon'), ('720:00')) v (x)),
    NULL::interval
);

SELECT value, occurrences
FROM cvm_sample_values(
    (SELECT cvm_sample_agg(x) FROM (VALUES ('-0'::float8), ('0'), ('0')) v (x)),
    NULL::float8
);

SELECT value, occurrences
FROM cvm_sample_values(
    (SELECT cvm_sample_agg(x) FROM (VALUES ('a'::bpchar), ('a   '), ('b')) v (x)),
    NULL::bpchar
)
ORDER BY 1;

SELECT value, occurrences
FROM cvm_sample_values(
    (SELECT cvm_sample_agg(x) FROM (VALUES ('{"a": 1.0}'::jsonb), ('{"a": 1.00}')) v (x)),
    NULL::jsonb
);

-- Some types are of one kind, and are read as another type of it.
SELECT count(*) AS values, sum(occurrences) AS rows
FROM cvm_sample_values(
    (SELECT cvm_sample_agg(i) FROM generate_series(1, 5) i)
        || (SELECT cvm_sample_agg(i::bigint) FROM generate_series(3, 9) i),
    NULL::smallint
);

SELECT value, occurrences
FROM cvm_sample_values(
    (SELECT cvm_sample_agg(0.1::real)) || (SELECT cvm_sample_agg(0.1::real::float8)),
    NULL::float8
);

SELECT value, occurrences
FROM cvm_sample_values(
    (SELECT cvm_sample_agg(0.1::real)) || (SELECT cvm_sample_agg(0.1::real::float8)),
    NULL::real
);

SELECT value, occurrences FROM cvm_sample_values((SELECT cvm_sample_agg('pg_class'::regclass)), NULL::oid);
SELECT pg_typeof(value), value FROM cvm_sample_values((SELECT cvm_sample_agg('a'::name)), NULL::text);
SELECT value FROM cvm_sample_values((SELECT cvm_sample_agg(ROW(1, 'a'::text))), NULL::pair);

-- Types of another kind, and values that do not fit, are refused.
SELECT value FROM cvm_sample_values((SELECT cvm_sample_agg('12'::text)), NULL::int);
SELECT value FROM cvm_sample_values((SELECT cvm_sample_agg(1)), NULL::text);
SELECT value FROM cvm_sample_values((SELECT cvm_sample_agg(1)), NULL::json);
SELECT value FROM cvm_sample_values((SELECT cvm_sample_agg(100000)), NULL::smallint);
SELECT value FROM cvm_sample_values((SELECT cvm_sample_agg(-1)), NULL::positive);
SELECT value FROM cvm_sample_values((SELECT cvm_sample_agg(ARRAY['a'])), NULL::int[]);
SELECT value FROM cvm_sample_values((SELECT cvm_sample_agg(ROW(1, 'a'::text))), NULL::record);
SELECT value FROM cvm_sample_values((SELECT cvm_sample_agg(1)), NULL);
\set VERBOSITY sqlstate
SELECT value FROM cvm_sample_values((SELECT cvm_sample_agg('12'::text)), NULL::int);
\set VERBOSITY default

-- A user may sample a type of their own.
SET client_min_messages = warning;
CREATE TYPE own;
CREATE FUNCTION own_in(cstring) RETURNS own LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION own_out(own) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE own (INPUT = own_in, OUTPUT = own_out, LIKE = int4);
RESET client_min_messages;
CREATE FUNCTION own_eq(own, own) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
CREATE OPERATOR = (FUNCTION = own_eq, LEFTARG = own, RIGHTARG = own, HASHES);
CREATE FUNCTION own_hash(own) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'hashint4';
CREATE OPERATOR CLASS own_ops DEFAULT FOR TYPE own USING hash AS OPERATOR 1 =, FUNCTION 1 own_hash(own);

SELECT value, occurrences
FROM cvm_sample_values(
    (SELECT cvm_sample_agg(i::text::own) FROM generate_series(1, 3) i),
    NULL::own
)
ORDER BY value::text;

SET client_min_messages = warning;
DROP TYPE own CASCADE;
RESET client_min_messages;

-- An error on the way leaves the settings as they were.
SET TimeZone = 'Asia/Kathmandu';
SET DateStyle = 'SQL, DMY';

CREATE FUNCTION settings() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(
        ' ',
        current_setting('TimeZone'),
        current_setting('DateStyle'),
        current_setting('search_path')
    )
$$;

DO $$
BEGIN
    PERFORM * FROM cvm_sample_values((SELECT cvm_sample_agg(ARRAY['a'])), NULL::int[]);
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE '% %', SQLERRM, settings();
END $$;

DO $$
BEGIN
    PERFORM cvm_sample_agg(ARRAY[ROW(repeat('x', 1048577))]);
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE '% %', SQLERRM, settings();
END $$;

SELECT settings();

-- It does so in the middle of a cursor, too.
BEGIN;
DECLARE c CURSOR FOR
    SELECT cvm_sample_agg(ARRAY[now() - now() + timestamptz '2000-01-01']) OVER (ORDER BY i) = NULL,
           settings()
    FROM generate_series(1, 3) i;

FETCH 2 FROM c;
ROLLBACK;
RESET TimeZone;
RESET DateStyle;

-- Settings change between two rows of one call site. Each value is written under the same ones.
-- The session's settings are then as they were left.
-- Rows are drawn at random, in rows and arrays too. One call site may have rows of several types.
CREATE FUNCTION settings_now() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(
        ', ',
        current_setting('DateStyle'),
        current_setting('TimeZone'),
        current_setting('IntervalStyle'),
        current_setting('extra_float_digits'),
        current_setting('bytea_output'),
        current_setting('quote_all_identifiers'),
        current_setting('array_nulls'),
        current_setting('search_path')
    )
$$;

CREATE FUNCTION change_settings(i int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('test.settings', true) <> public.settings_now() THEN
        RAISE EXCEPTION 'settings are % after %', public.settings_now(), current_setting('test.settings');
    END IF;
    PERFORM set_config(name, choices[1 + (public.cvm_hash(i, k) & 3)], true)
    FROM (VALUES
        (1, 'DateStyle', ARRAY['ISO, DMY', 'SQL, DMY', 'German', 'Postgres, YMD']),
        (2, 'TimeZone', '{GMT,Asia/Kathmandu,America/Lima,UTC}'),
        (3, 'IntervalStyle', '{postgres,sql_standard,iso_8601,postgres_verbose}'),
        (4, 'extra_float_digits', '{1,-5,0,3}'),
        (5, 'bytea_output', '{hex,escape,escape,hex}'),
        (6, 'quote_all_identifiers', '{on,off,on,off}'),
        (7, 'array_nulls', '{on,off,on,off}'),
        (8, 'search_path',
         ARRAY['"$user", public', 'public, pg_catalog', 'pg_catalog, pg_temp', 'pg_temp, public'])
    ) v (k, name, choices);
    PERFORM set_config('test.settings', public.settings_now(), true);
    RETURN i;
END $$;

CREATE TABLE leaves (n serial, leaf text);

INSERT INTO leaves (leaf) VALUES
    ('i'),
    ('i / 7.0::float8'),
    ('(i / 3.0)::real'),
    ('''t '' || i'),
    ('NULL::text'),
    ('date ''1999-12-30'' + i'),
    ('timestamp ''1999-12-30'' + i * interval ''1 day'''),
    ('timestamptz ''1999-12-31 23:59:59.5+02'' + i * interval ''1 hour'''),
    ('i * interval ''-1 month 2 days -3.5 seconds'''),
    ('decode(md5(i::text), ''hex'')'),
    ('''"Quoted Table"''::regclass'),
    ('(i * 1.25)::numeric'),
    ('numrange(i, i + 1)'),
    ('tstzrange(timestamptz ''2000-01-02+00'' + i * interval ''1 hour'', NULL)'),
    ('datemultirange(daterange(date ''2000-01-02'', date ''2000-01-03'' + i))'),
    ('ARRAY[date ''2000-01-02'' + i, NULL]'),
    ('(i + 1)::positive'),
    ('(ENUM_RANGE(NULL::mood))[1 + i % 3]'),
    ('cvm_sketch_empty(0.1, 0.1, i)'),
    ('ROW(i, date ''2000-01-02'' + i)'),
    ('ROW(ROW(1, i / 7.0::float8), ''"Quoted Table"''::regclass)'),
    ('ROW(CASE i % 2 WHEN 0 THEN ROW(ROW(date ''2000-01-02'' + i, NULL::int)) '
     'ELSE ROW(ROW(i * interval ''-1 day'', ''a'')) END)'),
    ('ARRAY[ROW(i, date ''2000-01-02'' + i)]'),
    ('ROW(i, ''a'')::pair'),
    ('ARRAY[ROW(i, ''"b'')::pair]'),
    ('ROW(i * interval ''1 day'')::spans'),
    ('ARRAY[ROW(i * interval ''-1 day'')::spans]');

CREATE FUNCTION written(expression text, OUT one cvm_sample, OUT other cvm_sample) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('DateStyle', 'ISO', true),
            set_config('TimeZone', 'GMT', true),
            set_config('IntervalStyle', 'postgres', true),
            set_config('extra_float_digits', '1', true),
            set_config('bytea_output', 'hex', true),
            set_config('quote_all_identifiers', 'off', true),
            set_config('array_nulls', 'on', true),
            set_config('search_path', 'public', true),
            set_config('test.settings', public.settings_now(), true);
    EXECUTE format(
        'SELECT cvm_sample_agg(v) FROM (SELECT %s AS v FROM generate_series(0, 49) i) q',
        expression
    ) INTO one;
    EXECUTE format(
        'SELECT cvm_sample_agg(v) '
        'FROM (SELECT change_settings(i), %s AS v FROM generate_series(0, 49) i OFFSET 0) q',
        expression
    ) INTO other;
    PERFORM set_config('search_path', 'public', true);
END $$;

CREATE TYPE spans AS (span interval);

SELECT count(*) AS drawn,
       count(DISTINCT written.one) > 75 AS many,
       bool_and(written.one = written.other) AS same,
       min(# written.one) AS values
FROM (
         SELECT format('ROW(%s)', string_agg(leaf, ', ' ORDER BY k)) AS a,
                format(
                    'CASE i %% 3 WHEN 0 THEN ROW(%s) WHEN 1 THEN ROW(-i) '
                    'ELSE ROW(interval ''-1 day'' * i, i) END',
                    string_agg(leaf, ', ')
                ) AS b
         FROM generate_series(1, 100) draw,
              LATERAL (
                  SELECT k, 1 + (cvm_hash(draw, 10 + k) & 1023) % 27 AS n
                  FROM generate_series(1, 1 + draw % 4) k
              ) c
              JOIN leaves USING (n)
         GROUP BY draw
     ) q,
     LATERAL (VALUES (a), (b)) v (expression),
     written(expression);

SELECT leaf, # written.one AS values FROM leaves, written(leaf) WHERE written.one <> written.other;

-- The type changes meanwhile, and with it the settings that its text depends on.
CREATE FUNCTION add_attribute(i int) RETURNS spans LANGUAGE plpgsql AS $$
BEGIN
    IF i = 3 THEN
        ALTER TYPE spans ADD ATTRIBUTE day date;
    END IF;
    RETURN format(CASE WHEN i < 3 THEN '(%s days)' ELSE '(%1$s days,2026-02-0%1$s)' END, i)::spans;
END $$;

BEGIN;
SET LOCAL IntervalStyle = sql_standard;
SET LOCAL DateStyle = German;

SELECT position('("2 days")'::bytea IN s::bytea) > 0 AS before,
       position('("4 days",2026-02-04)'::bytea IN s::bytea) > 0 AS after
FROM (SELECT cvm_sample_agg(add_attribute(i)) AS s FROM generate_series(1, 5) i) q;

ROLLBACK;
DROP FUNCTION settings_now, change_settings, written, add_attribute;
DROP TABLE leaves;
DROP TYPE spans;

-- Names of objects do not depend on search_path, even one that begins as the sample's own.
SET search_path = pg_catalog, public;
CREATE TABLE public.named AS SELECT cvm_sample_agg(ARRAY['"Quoted Table"'::regclass]) AS sample;
RESET search_path;

SELECT sample = (SELECT cvm_sample_agg(ARRAY['"Quoted Table"'::regclass])) AS same,
       (cvm_sample_values(sample, NULL::regclass[])).value
FROM named;

DROP FUNCTION settings, sampled;
DROP TABLE expressions, named, "Quoted Table";
DROP TYPE mood, pair, positive;
