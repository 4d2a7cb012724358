-- Hashing follows the equality of the type. Each type has values that `=` calls equal, and values that it does not.

-- counts gives the approximate and the exact count of the one column that the query returns.
CREATE FUNCTION counts(query text, OUT approx bigint, OUT exact bigint) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT approx_count_distinct_cvm(x), count(DISTINCT x) FROM (%s) q (x)', query)
    INTO approx, exact;
END $$;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE TYPE float_range AS RANGE (subtype = float8);
CREATE TYPE word_range AS RANGE (subtype = tsvector);
CREATE DOMAIN positive AS numeric CHECK (value > 0);
CREATE DOMAIN words AS text[];
CREATE DOMAIN small_mood AS mood;

-- PostgreSQL gives a NOTICE for an empty tsquery.
SET client_min_messages = warning;

SELECT name, (counts(query)).*
FROM (VALUES
    ('smallint', $$SELECT (i % 11)::smallint FROM generate_series(-20, 20) i$$),
    ('integer', $$SELECT i % 1000 FROM generate_series(-5000, 5000) i$$),
    ('integer, extremes', $$VALUES (-2147483648), (2147483647), (0), (-1)$$),
    ('bigint', $$SELECT i * 10000000000 FROM generate_series(-100, 100) i$$),
    ('bigint, extremes', $$
        VALUES ((-9223372036854775808)::bigint), (9223372036854775807), (0), (-1)
    $$),
    ('oid', $$SELECT (i + 2147483600)::oid FROM generate_series(1::bigint, 100) i$$),
    ('boolean', $$VALUES (true), (false), (NULL), (true)$$),
    ('"char"', $$SELECT i::"char" FROM generate_series(-128, 127) i$$),
    ('date', $$SELECT '2000-01-01'::date + i % 50 FROM generate_series(1, 100) i$$),
    ('date, infinite', $$VALUES ('infinity'::date), ('-infinity'), ('2000-01-01')$$),
    ('time', $$SELECT '00:00'::time + i % 50 * interval '1 s' FROM generate_series(1, 100) i$$),
    ('timestamp', $$
        SELECT '2000-01-01'::timestamp + i % 50 * interval '1 us' FROM generate_series(1, 100) i
    $$),
    ('timestamptz, zones', $$
        VALUES
            ('2000-01-01 12:00+00'::timestamptz),
            ('2000-01-01 13:00+01'),
            ('2000-01-01 12:00+01')
    $$),
    ('money', $$SELECT (i % 50)::money FROM generate_series(1, 100) i$$),
    ('real', $$
        VALUES ('0'::real), ('-0'), ('NaN'), ('-NaN'), ('Infinity'), ('-Infinity'), ('1e-45'), ('1')
    $$),
    ('double precision', $$
        VALUES
            ('0'::float8), ('-0'), ('NaN'), ('-NaN'), ('Infinity'), ('-Infinity'), ('5e-324'), ('1')
    $$),
    ('numeric, scales', $$
        VALUES ('1.0'::numeric), ('1.00'), ('1'), ('0'), ('-0.0'), ('NaN'), ('1e3'), ('1000.000')
    $$),
    ('numeric, many', $$
        SELECT round((i % 3000)::numeric / 7, i % 2 + 5) * 1.000 FROM generate_series(1, 9000) i
    $$),
    ('text', $$SELECT 'word ' || i % 3000 FROM generate_series(1, 9000) i$$),
    ('text, blanks and case', $$VALUES (''::text), (' '), ('a'), ('a '), ('A'), (NULL)$$),
    ('varchar', $$SELECT ('word ' || i % 30)::varchar(5) FROM generate_series(1, 9000) i$$),
    ('char(n), blanks', $$VALUES ('a'::char(5)), ('a  '), (''), (' '), ('b'), (' b')$$),
    ('name', $$SELECT ('name ' || i % 300)::name FROM generate_series(1, 900) i$$),
    ('bytea', $$
        SELECT decode(lpad(to_hex(i % 300), 8, '0'), 'hex') FROM generate_series(1, 900) i
    $$),
    ('bytea, zeros', $$VALUES (''::bytea), ('\x00'), ('\x0000'), ('\x0001')$$),
    ('uuid', $$SELECT lpad(to_hex(i % 300), 32, '0')::uuid FROM generate_series(1, 900) i$$),
    ('macaddr', $$
        SELECT ('08002b0102' || lpad(to_hex(i % 30), 2, '0'))::macaddr FROM generate_series(1, 90) i
    $$),
    ('macaddr8', $$
        SELECT ('08002b0102030' || to_hex(i % 10) || '00')::macaddr8 FROM generate_series(1, 90) i
    $$),
    ('enum', $$SELECT (enum_range(NULL::mood))[i % 3 + 1] FROM generate_series(1, 90) i$$),
    ('interval, many', $$
        SELECT i % 5000 * interval '1 day 1 second' FROM generate_series(1, 9000) i
    $$),
    ('interval', $$
        VALUES
            ('1 month'::interval), ('30 days'), ('720 hours'), ('1 day'), ('24:00'), ('-1 day'),
            ('-24:00')
    $$),
    ('timetz', $$
        VALUES ('12:00+00'::timetz), ('13:00+01'), ('12:00+00'), ('24:00+00'), ('00:00+00')
    $$),
    ('inet', $$VALUES ('10.0.0.1'::inet), ('10.0.0.1/32'), ('10.0.0.1/24'), ('::1')$$),
    ('cidr', $$VALUES ('10.0.0.0/8'::cidr), ('10/8'), ('10.0.0.0/9')$$),
    ('bit', $$VALUES (B'101'), (B'101'), (B'100')$$),
    ('bit varying', $$VALUES (B'1'::varbit), (B'10'), (B'100000000'), (B'1'), (B'')$$),
    ('jsonb', $$
        VALUES
            ('{"a": 1, "b": 2}'::jsonb),
            ('{"b": 2, "a": 1}'),
            ('{"a": 1.0, "b": 2}'),
            ('{"a": 1}'),
            ('1')
    $$),
    ('array', $$VALUES (ARRAY[1, 2]), (ARRAY[2, 1]), (ARRAY[1, 2]), (ARRAY[1, NULL]), ('{}')$$),
    ('array of numeric', $$VALUES (ARRAY[1.0, 2.0]), (ARRAY[1.00, 2]), (ARRAY[2.0])$$),
    ('int4range', $$VALUES ('[1,3)'::int4range), ('[1,2]'), ('(0,3)'), ('empty'), ('[5,5)')$$),
    ('a range type of the user', $$VALUES ('[0,1)'::float_range), ('[-0,1.0)'), ('[0,1]')$$),
    ('int4multirange', $$
        VALUES ('{[1,3),[3,5)}'::int4multirange), ('{[1,5)}'), ('{[1,3),[4,5)}')
    $$),
    ('composite', $$
        VALUES (ROW(1, 'a')::pair), (ROW(1, 'a')::pair), (ROW(1, NULL)::pair), (ROW(2, 'a')::pair)
    $$),
    ('ROW(a, b)', $$SELECT ROW(i % 3, (i % 2)::text) FROM generate_series(1, 100) i$$),
    ('ROW(a, b), numeric', $$SELECT ROW(1, x) FROM (VALUES (1.0), (1.00), (2)) v (x)$$),
    ('array of ROW(a, b)', $$
        SELECT ARRAY[ROW(i % 3, (i % 2)::text)] FROM generate_series(1, 100) i
    $$),
    ('domain over numeric', $$VALUES ('1.0'::positive), ('1.00'), ('2')$$),
    ('domain over an array', $$VALUES ('{a,b}'::words), ('{b,a}'), ('{a,b}')$$),
    ('domain over an enum', $$VALUES ('sad'::small_mood), ('ok'), ('sad')$$),
    ('tid', $$VALUES ('(0,1)'::tid), ('(0,1)'), ('(1,0)')$$),
    ('pg_lsn', $$VALUES ('0/1'::pg_lsn), ('0/01'), ('1/0')$$),
    ('xid8', $$VALUES ('1'::xid8), ('01'), ('4294967296')$$),
    ('tsvector', $$
        VALUES
            ('a b'::tsvector), ('b a'), ('a:1 b'), ('a:1 b:2'), ('a:2 b:1'), ('a:1,2 b'),
            ('a:1A b'), ('a:1B b'), ('a:1D b'), ('a b:1'), ('ab'), ('a b c'), (''), ('a ''b c''')
    $$),
    ('tsvector, made', $$
        SELECT v
        FROM generate_series(1, 4000) i,
             LATERAL (VALUES
                 (to_tsvector('simple', 'w' || i % 7 || ' and w' || i % 11)),
                 (setweight(to_tsvector('simple', 'w' || i % 7), 'B') || to_tsvector('simple', 'and')),
                 (strip(to_tsvector('simple', 'w' || i % 13 || ' x'))),
                 (ts_delete(to_tsvector('simple', 'w' || i % 11 || ' and x'), 'x')),
                 (array_to_tsvector(ARRAY['x', 'w' || i % 13]))
             ) t (v)
    $$),
    ('tsvector, many lexemes', $$
        SELECT to_tsvector(
            'simple',
            (SELECT string_agg('word' || j * (1 + i % 3), ' ') FROM generate_series(1, 3000) j)
        )
        FROM generate_series(1, 30) i
    $$),
    ('tsquery', $$
        VALUES
            ('a & b'::tsquery), ('b & a'), ('a | b'), ('a <-> b'), ('a <2> b'), ('!a & b'),
            ('!(a & b)'), ('a & b & c'), ('a & (b & c)'), ('(a & b) & c'), ('a | b & c'),
            ('(a | b) & c'), ('a'), ('a:*'), ('a:A'), ('a:AB'), ('!a'), ('!!a'), ('b'), (''),
            ('''a b''')
    $$),
    ('arrays of tsvector', $$
        SELECT ARRAY[to_tsvector('simple', 'w' || i % 7), NULL, ''] FROM generate_series(1, 30) i
    $$),
    ('rows of tsvector and tsquery', $$
        SELECT ROW(to_tsvector('simple', 'w' || i % 7), ('w' || i % 2 || ':A')::tsquery, (i % 3))
        FROM generate_series(1, 90) i
    $$),
    ('ranges of tsvector', $$
        SELECT word_range(to_tsvector('simple', 'w' || i % 7), NULL) FROM generate_series(1, 30) i
    $$),
    ('oidvector', $$VALUES ('1 2'::oidvector), ('1  2'), ('2 1')$$),
    -- PostgreSQL's own hash functions leave out parts of these.
    ('numeric, signs', $$SELECT (i * 0.01)::numeric FROM generate_series(-4000, 4000) i$$),
    ('numeric, special values', $$
        VALUES ('NaN'::numeric), ('Infinity'), ('-Infinity'), ('0'), ('1'), ('-1')
    $$),
    ('numeric, weights', $$
        SELECT (i * 10 ^ (abs(i) % 9))::numeric(40, 10) FROM generate_series(-4000, 4000) i
    $$),
    ('rows of signed numeric', $$
        SELECT ROW(a * 0.1, b * 0.1) FROM generate_series(-40, 40) a, generate_series(-40, 40) b
    $$),
    ('jsonb of signed numbers', $$
        SELECT jsonb_build_object('a', a, 'b', b)
        FROM generate_series(-40, 40) a, generate_series(-40, 40) b
    $$),
    ('rows of packed bigint', $$
        SELECT ROW((a::bigint << 32) | b) FROM generate_series(0, 89) a, generate_series(0, 89) b
    $$),
    ('ranges of packed bigint', $$
        SELECT int8range((a::bigint << 32) | b, NULL)
        FROM generate_series(0, 89) a, generate_series(0, 89) b
    $$),
    ('arrays of xid8', $$
        SELECT ARRAY[((a::bigint << 32) | b)::text::xid8]
        FROM generate_series(0, 89) a, generate_series(0, 89) b
    $$),
    ('array, shapes', $$
        VALUES
            ('{1,2,3,4}'::int[]),
            ('{{1,2},{3,4}}'),
            ('[0:3]={1,2,3,4}'),
            ('{{1},{2},{3},{4}}'),
            ('{{{1,2},{3,4}}}')
    $$),
    ('array, far repetitions', $$
        SELECT array_fill(0, ARRAY[i % 40]) || i || array_fill(0, ARRAY[40 - i % 40])
        FROM generate_series(1, 4000) i
    $$),
    ('jsonb, far repetitions', $$
        SELECT to_jsonb(i || array_fill(0, ARRAY[31]) || i) FROM generate_series(1, 5000) i
    $$),
    ('jsonb of few tokens', $$
        SELECT jsonb_build_array(a, b, c, d)
        FROM (VALUES (NULL::boolean), (true), (false)) a (a),
             (VALUES (NULL::boolean), (true), (false)) b (b),
             (VALUES (NULL::boolean), (true), (false)) c (c),
             (VALUES (NULL::boolean), (true), (false)) d (d)
    $$),
    ('jsonb, structure', $$
        VALUES
            ('{}'::jsonb), ('[]'), ('1'), ('[1]'), ('[[1]]'), ('[1,[2,3]]'), ('[1,[2],3]'),
            ('[[1],2,3]'), ('[[],[]]'), ('[[[]]]'), ('{"a":{"b":1},"c":2}'),
            ('{"a":{"b":1,"c":2}}'), ('{"a":[],"b":{}}'), ('{"a":{},"b":[]}'), ('"a"'), ('["a"]'),
            ('{"a":"a"}'), ('null'), ('"null"')
    $$),
    ('numrange, signs', $$
        VALUES
            (numrange(1, 2)), (numrange(-1, 2)), (numrange(-2, -1)), (numrange(1.0, 2.00)),
            (numrange(1, NULL)), (numrange(NULL, 1))
    $$),
    ('rows with literals', $$SELECT ROW(i, 'literal') FROM generate_series(1, 9) i$$),
    ('rows in rows', $$SELECT ROW(i, ROW(i % 2, ROW(i % 3))) FROM generate_series(1, 9) i$$),
    ('rows with arrays of rows', $$
        SELECT ROW(ARRAY[ROW(i % 3), ROW(1)]) FROM generate_series(1, 9) i
    $$),
    ('rows of one place and several types', $$
        SELECT CASE i % 3 WHEN 0 THEN ROW(i % 2) WHEN 1 THEN ROW((i % 4)) ELSE ROW(7) END
        FROM generate_series(1, 24) i
    $$),
    ('rows of money', $$SELECT ROW((i % 3)::money) FROM generate_series(1, 9) i$$),
    ('arrays of money', $$SELECT ARRAY[(i % 3)::money] FROM generate_series(1, 9) i$$),
    ('arrays of bit', $$SELECT ARRAY[(i % 3)::bit(4)] FROM generate_series(1, 9) i$$),
    ('rows of enum', $$
        SELECT ROW((enum_range(NULL::mood))[i % 3 + 1]) FROM generate_series(1, 9) i
    $$),
    ('regclass', $$VALUES ('pg_class'::regclass), ('pg_catalog.pg_class'), ('pg_type')$$)
) t (name, query);

RESET client_min_messages;

-- Integers of every width agree.
SELECT cvm_hash(7::smallint) = cvm_hash(7)
           AND cvm_hash(7) = cvm_hash(7::bigint)
           AND cvm_hash(7) = cvm_hash(7::oid) AS same,
       cvm_hash(-7::smallint) = cvm_hash(-7::bigint) AS negative;

-- Both widths of floating-point numbers agree.
SELECT cvm_hash(0.5::real) = cvm_hash(0.5::float8) AS same;

-- Text, varchar and char(n) without blanks agree, and so does bytea of the same bytes.
SELECT cvm_hash('ab'::text) = cvm_hash('ab'::varchar)
    AND cvm_hash('ab'::text) = cvm_hash('ab'::char(5))
    AND cvm_hash('ab'::text) = cvm_hash('ab'::name)
    AND cvm_hash('ab'::text) = cvm_hash('ab'::bytea) AS same;

-- A domain agrees with its base type, an enum with its label.
SELECT cvm_hash(1.0::positive) = cvm_hash(1.00) AND cvm_hash('ok'::mood) = cvm_hash('ok'::text) AS same;

-- Types that count(DISTINCT) cannot sort are counted.
SELECT approx_count_distinct_cvm(x::xid) AS xid, approx_count_distinct_cvm(x::cid) AS cid
FROM (VALUES ('1'), ('2'), ('01')) v (x);

-- All that holds inside of other values too.
SELECT cvm_hash(ROW('ok'::mood)) = cvm_hash(ROW('ok'::text))
           AND cvm_hash(ARRAY['ok'::mood]) = cvm_hash(ARRAY['ok'::text]) AS labels,
       cvm_hash(ROW(1::smallint, 'a')) = cvm_hash(ROW(1::bigint, 'a'::text))
           AND cvm_hash(ROW(1, 'a')) = cvm_hash(ROW(1, 'a')::pair) AS rows,
       cvm_hash(ARRAY[1.0]) = cvm_hash(ARRAY[1.00::positive]) AS domains,
       cvm_hash('1 2'::oidvector) <> cvm_hash('{1,2}'::int[]) AS from_zero;

-- A label may be renamed, in one transaction, after a call site has met it.
CREATE FUNCTION hash_of(m mood) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN cvm_hash(m); END$$;
CREATE FUNCTION hash_of_row(m mood) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN cvm_hash(ROW(m)); END$$;
BEGIN;
SELECT hash_of('ok') = cvm_hash('ok'::text) AS before,
       hash_of_row('ok') = cvm_hash(ROW('ok'::text)) AS before_in_row;

ALTER TYPE mood RENAME VALUE 'ok' TO 'so so';

SELECT hash_of('so so') = cvm_hash('so so'::text) AS after,
       hash_of_row('so so') = cvm_hash(ROW('so so'::text)) AS after_in_row;

ROLLBACK;
SELECT hash_of('ok') = cvm_hash('ok'::text) AS rolled_back;

-- A row type may get another column there.
CREATE FUNCTION hash_of_pair(p pair) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN cvm_hash(p); END$$;
BEGIN;
SELECT hash_of_pair(ROW(1, 'a')) = cvm_hash(ROW(1, 'a')) AS before;
ALTER TYPE pair ADD ATTRIBUTE c numeric;
SELECT hash_of_pair(ROW(1, 'a', 2.50)) = cvm_hash(ROW(1, 'a', 2.5)) AS with_a_column;
ALTER TYPE pair DROP ATTRIBUTE b;
SELECT hash_of_pair(ROW(1, 2.50)) = cvm_hash(ROW(1, 2.5)) AS without_another;
ROLLBACK;

-- Rows do not store a column that was added to their table later.
CREATE TABLE early AS SELECT 1 AS a;
ALTER TABLE early ADD b text DEFAULT 'late', ADD c int;
SELECT cvm_hash(early) = cvm_hash(ROW(1, 'late', NULL)) AS same FROM early;
DROP TABLE early;

-- Depth has no bound.
CREATE TABLE deep AS SELECT (repeat('[', 1000) || repeat(']', 1000))::jsonb AS x;

DO $$
BEGIN
    CREATE TYPE range_0 AS RANGE (SUBTYPE = integer);
    FOR i IN 1..500 LOOP
        EXECUTE format('CREATE TYPE range_%s AS RANGE (SUBTYPE = range_%s)', i, i - 1);
    END LOOP;
END $$;

SELECT approx_count_distinct_cvm(x) FROM deep, generate_series(1, 3);
SET max_stack_depth = '100kB';
SELECT approx_count_distinct_cvm(x) FROM deep, generate_series(1, 3);
SELECT cvm_hash(ROW(ARRAY[x])) IS NOT NULL AS hashed FROM deep;
SELECT cvm_hash('empty'::range_500);
RESET max_stack_depth;
SELECT cvm_hash('empty'::range_500) = cvm_hash('empty'::range_0) AS same;
SET client_min_messages = warning;
DROP TYPE range_0 CASCADE;
RESET client_min_messages;
SELECT cvm_hash(ROW(ARRAY[x])) = cvm_hash(ROW(ARRAY[x])) AS same FROM deep;
DROP TABLE deep;

-- Here jsonb is deeper than PostgreSQL's stack is by default. It needs no stack to be read and compared.
SET max_stack_depth = '6MB';

CREATE TABLE deep AS
    SELECT (repeat('[', n) || repeat(']', n))::jsonb AS list,
           (repeat('{"a": [', n / 2) || v || repeat(', 1]}', n / 2))::jsonb AS object
    FROM (VALUES
        (1, 'null'), (15, '1'), (16, '1'), (17, '1'), (18, '1'), (19, '1'), (14998, '1'),
        (15000, '1'), (15000, '2')
    ) d (n, v);

RESET max_stack_depth;

SELECT approx_count_distinct_cvm(list) AS lists,
       count(DISTINCT list) AS exact,
       approx_count_distinct_cvm(object) AS objects,
       count(DISTINCT object) AS exact
FROM deep, generate_series(1, 3);

DROP TABLE deep;

-- The hash is frozen: these numbers never change (signed 64-bit XXH3).
SELECT cvm_hash(0) AS zero, cvm_hash('word'::text) AS word, cvm_hash(1.5::float8) AS one_and_a_half;
SELECT cvm_hash('\x'::bytea) = x'2d06800538d394c2'::bigint AS published_vector;

SELECT cvm_hash('a'::text, 1) <> cvm_hash('a'::text) AS seeded,
       cvm_hash('a'::text, 0) = cvm_hash('a'::text) AS default_is_0,
       cvm_hash(NULL::text) IS NULL AS null_is_null;

SELECT cvm_hash(''::tsvector) AS empty,
       cvm_hash('a'::tsvector) AS lexeme,
       cvm_hash('abc:1,3B,16383A d:2C ''e f'''::tsvector) AS positions;

SET client_min_messages = warning;

SELECT cvm_hash(''::tsquery) AS empty,
       cvm_hash('a'::tsquery) AS lexeme,
       cvm_hash('!a & (b <2> ''c d'' | e:*A)'::tsquery) AS operators;

RESET client_min_messages;

-- A type may have only a 32-bit hash function.
-- The notices about a type that is only a shell differ between versions.
SET client_min_messages = warning;
CREATE TYPE short_hash;
CREATE FUNCTION short_in(cstring) RETURNS short_hash LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION short_out(short_hash) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE short_hash (INPUT = short_in, OUTPUT = short_out, LIKE = int4);
RESET client_min_messages;

CREATE FUNCTION short_eq(short_hash, short_hash) RETURNS boolean
    LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';

CREATE FUNCTION short_hash_32(short_hash) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT AS
    $$BEGIN IF $1::text = '1003' THEN RAISE 'not this one'; END IF; RETURN hashint4($1::text::int); END$$;

CREATE OPERATOR = (LEFTARG = short_hash, RIGHTARG = short_hash, FUNCTION = short_eq, HASHES);

CREATE OPERATOR CLASS short_ops DEFAULT FOR TYPE short_hash USING hash AS
    OPERATOR 1 =,
    FUNCTION 1 short_hash_32(short_hash);

SELECT approx_count_distinct_cvm((i % 1000)::text::short_hash) FROM generate_series(1, 3000) i;
SELECT cvm_hash('5'::short_hash, 1) <> cvm_hash('5'::short_hash, 2) AS seeded;

-- An error that a type's hash function raises passes, and the session goes on.
SELECT approx_count_distinct_cvm(i::text::short_hash) FROM generate_series(1, 3000) i;
SELECT cvm_hash('1003'::short_hash);
SELECT approx_count_distinct_cvm(i::text::short_hash) FROM generate_series(1, 1002) i;

DROP OPERATOR FAMILY short_ops USING hash;
DROP OPERATOR = (short_hash, short_hash);
DROP FUNCTION short_eq, short_hash_32, counts, hash_of, hash_of_row, hash_of_pair;
DROP TYPE short_hash CASCADE;
DROP DOMAIN positive, words, small_mood;
DROP TYPE mood, pair, float_range, word_range CASCADE;
