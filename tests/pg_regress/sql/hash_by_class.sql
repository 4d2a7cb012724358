-- The `=` of a type may be that of a user's operator class. Its hash must go with that, or it has none.
-- The right answer is PostgreSQL's own count(DISTINCT).
-- The plain call gives it if the type has a hash, the setting in any case.
SET client_min_messages = warning;
LOAD 'cvm_count';
CREATE SCHEMA classes;
SET search_path = classes, public;

-- make creates a base type that is written as text is.
CREATE FUNCTION make(name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'CREATE TYPE %1$s;
        CREATE FUNCTION %1$s_in(cstring) RETURNS %1$s LANGUAGE internal IMMUTABLE STRICT AS ''textin'';
        CREATE FUNCTION %1$s_out(%1$s) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS ''textout'';
        CREATE TYPE %1$s (INPUT = %1$s_in, OUTPUT = %1$s_out, LIKE = text, COLLATABLE = true)',
        name
    );
END $$;

-- order_by creates a default operator class for btree, by an expression of a value, which is written #.
CREATE FUNCTION order_by(type text, key text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one text := replace(key, '#', '$1');
    other text := replace(key, '#', '$2');
    op text;
    name text := replace(type, '[]', '_list');
BEGIN
    FOREACH op IN ARRAY ARRAY['<', '<=', '=', '>=', '>'] LOOP
        EXECUTE format(
            'CREATE FUNCTION %s(%s, %2$s) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT '
            'AS ''SELECT %3$s %4$s %5$s''',
            quote_ident(name || op), type, one, op, other
        );
        EXECUTE format(
            'CREATE OPERATOR %s (LEFTARG = %s, RIGHTARG = %2$s, FUNCTION = %3$s)',
            op, type, quote_ident(name || op)
        );
    END LOOP;
    EXECUTE format(
        'CREATE FUNCTION %1$s_cmp(%2$s, %2$s) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS
        ''SELECT CASE WHEN %3$s < %4$s THEN -1 WHEN %3$s > %4$s THEN 1 ELSE 0 END''',
        name, type, one, other
    );
    EXECUTE format(
        'CREATE OPERATOR CLASS %1$s_order DEFAULT FOR TYPE %2$s USING btree AS
        OPERATOR 1 classes.<, OPERATOR 2 classes.<=, OPERATOR 3 classes.=,
        OPERATOR 4 classes.>=, OPERATOR 5 classes.>, FUNCTION 1 %1$s_cmp(%2$s, %2$s)',
        name, type
    );
END $$;

-- hash_by creates one for hash, and the operator if there is none.
CREATE FUNCTION hash_by(type text, operator text, key text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF to_regoperator(format('classes.%s (%s, %2$s)', operator, type)) IS NULL THEN
        EXECUTE format(
            'CREATE FUNCTION %1$s_same(%1$s, %1$s) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT '
            'AS ''SELECT %2$s = %3$s''',
            type, replace(key, '#', '$1'), replace(key, '#', '$2')
        );
        EXECUTE format(
            'CREATE OPERATOR %s (LEFTARG = %s, RIGHTARG = %2$s, FUNCTION = %2$s_same)',
            operator, type
        );
    END IF;
    EXECUTE format(
        'CREATE FUNCTION %1$s_hash(%1$s) RETURNS integer LANGUAGE sql IMMUTABLE STRICT '
        'AS ''SELECT hashtext(%2$s)''',
        type, replace(key, '#', '$1')
    );
    EXECUTE format(
        'CREATE OPERATOR CLASS %1$s_hashes DEFAULT FOR TYPE %1$s USING hash AS '
        'OPERATOR 1 %2$s, FUNCTION 1 %1$s_hash(%1$s)',
        type, operator
    );
END $$;

-- These types have an order that ignores case, no hash, and each way to be cast to text.
SELECT make(name)
FROM (VALUES
    ('ordered'),
    ('ordered_implicit'),
    ('ordered_assignment'),
    ('ordered_explicit')
) t (name);

CREATE CAST (ordered_implicit AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (ordered_assignment AS text) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (ordered_explicit AS text) WITHOUT FUNCTION;
SELECT order_by('ordered', 'lower(textin(ordered_out(#)))');

SELECT order_by(name, 'lower(#::text)')
FROM (VALUES ('ordered_implicit'), ('ordered_assignment'), ('ordered_explicit')) t (name);

-- These have a hash of their own. It goes with another operator, with that `=`, or has no order beside it.
SELECT make(name)
FROM (VALUES ('hashed_otherwise'), ('hashed'), ('only_hashed'), ('hashed_over_text')) t (name);

SELECT order_by('hashed_otherwise', 'lower(#::text)'), hash_by('hashed_otherwise', '==', '#::text');
SELECT order_by('hashed', 'lower(#::text)'), hash_by('hashed', '=', 'lower(#::text)');
SELECT hash_by('only_hashed', '=', 'lower(#::text)');
CREATE CAST (hashed_over_text AS text) WITHOUT FUNCTION AS IMPLICIT;
SELECT order_by('hashed_over_text', 'lower(#::text)'), hash_by('hashed_over_text', '=', 'lower(#::text)');

-- These have no operator class. They use the `=` of text if an implicit cast leads there.
SELECT make(name) FROM (VALUES ('as_text'), ('as_nothing')) t (name);
CREATE CAST (as_text AS text) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (as_nothing AS text) WITHOUT FUNCTION AS ASSIGNMENT;

-- Enums, rows, ranges and arrays share an order. Some of these types have one of their own.
CREATE TYPE letter AS ENUM ('a', 'A', 'b', 'B', 'aa', 'Aa', 'AA');
CREATE TYPE ordered_letter AS ENUM ('a', 'A', 'b', 'B', 'aa', 'Aa', 'AA');
CREATE TYPE hashed_letter AS ENUM ('a', 'A', 'b', 'B', 'aa', 'Aa', 'AA');

SELECT order_by('ordered_letter', 'lower(enum_out(#)::text)'),
       order_by('hashed_letter', 'lower(enum_out(#)::text)');

SELECT hash_by('hashed_letter', '=', 'lower(enum_out(#)::text)');
CREATE TYPE word AS (letters text);
CREATE TYPE ordered_word AS (letters text);
SELECT order_by('ordered_word', 'lower((#).letters)');
CREATE TYPE word_range AS RANGE (SUBTYPE = text);
CREATE TYPE ordered_range AS RANGE (SUBTYPE = text);
SELECT order_by('ordered_range', 'lower(lower(#))');
CREATE DOMAIN listed AS text;
SELECT order_by('as_text[]', 'lower((#)[1]::text)');

-- A built-in type without an order gets one.
SELECT order_by('xid', 'oidout(xidout(#)::text::oid)::text::bigint / 10');

-- counted counts the values by the plain call, or says why not, exactly, and under the setting.
-- It also says whether the setting replaced the function.
CREATE FUNCTION outcome(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    EXECUTE query INTO found;
    RETURN found;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

CREATE FUNCTION counted(
    expression text, texts text[], OUT plain text, OUT exact text, OUT asked text,
    OUT replaced boolean
) LANGUAGE plpgsql AS $$
DECLARE
    query text := format('SELECT count(DISTINCT %s) FROM unnest(%L::text[]) t', expression, texts);
BEGIN
    plain := outcome(replace(query, 'count(DISTINCT ', 'approx_count_distinct_cvm('));
    exact := outcome(query);
    SET LOCAL cvm_count.count_distinct_epsilon = 0.03;
    asked := outcome(query);
    BEGIN
        replaced := verbose_plan(query) LIKE '%approx_count_distinct_cvm%';
    EXCEPTION WHEN undefined_function THEN
        -- There is nothing to be planned.
    END;
    SET LOCAL cvm_count.count_distinct_epsilon = 0;
END $$;

-- Domains, rows and ranges hold these types.
CREATE DOMAIN over_ordered AS ordered_implicit;
CREATE DOMAIN over_hashed AS hashed;
CREATE TYPE with_ordered AS (n integer, x ordered_implicit);
CREATE TYPE with_hashed AS (n integer, x hashed);
CREATE TYPE range_of_ordered AS RANGE (SUBTYPE = ordered_implicit);
CREATE TYPE range_of_hashed AS RANGE (SUBTYPE = hashed);
CREATE TYPE range_of_as_text AS RANGE (SUBTYPE = as_text);

-- Ranges may have another operator class than the default one. It may be built in or ignore case.
-- It may also say that it goes with `=`, and not do so.
CREATE TYPE range_of_patterns AS RANGE (SUBTYPE = text, SUBTYPE_OPCLASS = text_pattern_ops);
CREATE TYPE range_of_padded_patterns AS RANGE (SUBTYPE = bpchar, SUBTYPE_OPCLASS = bpchar_pattern_ops);
CREATE TYPE range_of_varchar_patterns AS RANGE (SUBTYPE = varchar, SUBTYPE_OPCLASS = varchar_pattern_ops);

CREATE FUNCTION caseless_cmp(text, text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    AS 'SELECT bttextcmp(lower($1), lower($2))';

CREATE OPERATOR CLASS caseless FOR TYPE text USING btree AS FUNCTION 1 caseless_cmp(text, text);

CREATE OPERATOR CLASS deceiving FOR TYPE text USING btree AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 caseless_cmp(text, text);

CREATE TYPE range_of_caseless AS RANGE (SUBTYPE = text, SUBTYPE_OPCLASS = caseless);
CREATE TYPE range_of_deceiving AS RANGE (SUBTYPE = text, SUBTYPE_OPCLASS = deceiving);
CREATE TYPE range_by_text AS RANGE (SUBTYPE = ordered_implicit, SUBTYPE_OPCLASS = text_ops);

-- Each answer is PostgreSQL's own, or says that there is no hash.
SELECT expression, c.*
FROM (VALUES
         ('t::ordered'),
         ('t::ordered_implicit'),
         ('t::ordered_assignment'),
         ('t::ordered_explicit'),
         ('t::hashed_otherwise'),
         ('t::hashed'),
         ('t::hashed_over_text'),
         ('t::only_hashed'),
         ('t::as_text'),
         ('t::as_nothing'),
         ('t::letter'),
         ('t::ordered_letter'),
         ('t::hashed_letter'),
         ('ROW(t)::word'),
         ('ROW(t)::ordered_word'),
         ('word_range(t, NULL)'),
         ('ordered_range(t, NULL)'),
         ('ARRAY[t::as_text]'),
         ('ARRAY[t::listed]'),
         ('(ascii(t) / 32 * 10 + length(t))::text::xid'),
         ('t::over_ordered'),
         ('t::over_hashed'),
         ('ARRAY[t::ordered_implicit]'),
         ('ARRAY[t::hashed]'),
         ('ARRAY[t::over_hashed]'),
         ('ROW(1, t::ordered_implicit)'),
         ('ROW(1, t::hashed)'),
         ('ROW(1, t)::with_ordered'),
         ('ROW(1, t)::with_hashed'),
         ('range_of_ordered(t::ordered_implicit, NULL)'),
         ('range_of_hashed(t::hashed, NULL)'),
         ('range_of_as_text(t::as_text, NULL)'),
         ('multirange(range_of_hashed(t::hashed, NULL))'),
         ('ROW(ARRAY[t::letter])'),
         ('ROW(ARRAY[t::ordered_letter])'),
         ('ARRAY[ROW(t)::ordered_word]'),
         ('range_of_patterns(t, NULL)'),
         ('range_of_padded_patterns(t || '' '', NULL)'),
         ('range_of_varchar_patterns(t, NULL)'),
         ('range_of_caseless(t, NULL)'),
         ('range_of_deceiving(t, NULL)'),
         ('range_by_text(t::ordered_implicit, NULL)'),
         ('multirange(range_of_caseless(t, NULL))'),
         ('ROW(range_of_deceiving(t, NULL))'),
         -- PostgreSQL can tell whether these are equal, but not count them.
         ('ROW(t::only_hashed)'),
         ('ARRAY[t::only_hashed]'),
         ('ROW(''literal'', t)'),
         ('ROW(t, NULL)'),
         ('ROW((length(t)::text)::cid)')
     ) t (expression),
     counted(expression, '{a, A, b, aa, AA, b}') c;

-- Samples hold what is counted.
SELECT # cvm_sample_agg(t::hashed) AS hashed,
       # cvm_sample_agg(t::as_text) AS as_text,
       # cvm_sample_agg(ROW(t::hashed)) AS rows
FROM (VALUES ('a'), ('A'), ('b'), ('aa'), ('AA'), ('b')) v (t);

SELECT outcome(format('SELECT # cvm_sample_agg(%L::%s)', 'a', type))
FROM (VALUES ('ordered_implicit'), ('hashed_otherwise')) v (type);

-- Values of these types are drawn at random, in what holds others, to depth three.
CREATE FUNCTION pick(VARIADIC list text[]) RETURNS text LANGUAGE sql VOLATILE
    AS 'SELECT list[1 + floor(random() * cardinality(list))::int]';

CREATE FUNCTION drawn(depth integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF depth = 0 THEN
        RETURN 't::' || pick(
            'ordered', 'ordered_implicit', 'ordered_explicit', 'hashed_otherwise', 'hashed',
            'hashed_over_text', 'as_text', 'letter', 'ordered_letter', 'hashed_letter',
            'over_ordered', 'over_hashed', 'listed', 'varchar'
        );
    END IF;
    CASE pick('row', 'row', 'array', 'composite', 'range')
        WHEN 'row' THEN
            RETURN format('ROW(%s, t = ''b'', %s)', drawn(depth - 1), drawn(0));
        WHEN 'array' THEN
            RETURN format('ARRAY[%s]', drawn(depth - 1));
        WHEN 'composite' THEN
            RETURN pick(
                'ROW(1, t)::with_ordered',
                'ROW(1, t)::with_hashed',
                'ROW(t)::word',
                'ROW(t)::ordered_word'
            );
        WHEN 'range' THEN
            RETURN pick(
                'range_of_ordered(t::ordered_implicit, NULL)',
                'range_of_hashed(t::hashed, NULL)',
                'range_of_patterns(t, t)',
                'range_of_caseless(t, NULL)',
                'range_of_as_text(t::as_text, NULL)',
                'word_range(t, t, ''[]'')',
                'ordered_range(t, NULL)'
            );
    END CASE;
END $$;

SELECT setseed(0.25);

SELECT count(*) AS drawn,
       count(*) FILTER (WHERE replaced) > 40 AS many_replaced,
       count(*) FILTER (WHERE is_refused) > 40 AS many_refused,
       count(*) FILTER (WHERE exact !~ '^[0-9]+$') AS not_counted,
       count(*) FILTER (WHERE NOT is_refused AND plain <> exact) AS wrong,
       count(*) FILTER (WHERE asked <> exact) AS wrong_under_the_setting,
       count(*) FILTER (WHERE replaced AND is_refused) AS replaced_without_hash
FROM generate_series(1, 400) i,
     LATERAL (SELECT drawn(i % 4)) d (expression),
     LATERAL (
         SELECT array_agg(pick('a', 'A', 'b', 'B', 'aa', 'Aa', 'AA'))
         FROM generate_series(1, 9 + i % 2)
     ) p (texts),
     LATERAL (SELECT * FROM counted(expression, texts) OFFSET 0) c,
     LATERAL (
         SELECT plain LIKE '42883 could not identify a hash function for type %'
     ) r (is_refused);

DROP SCHEMA classes CASCADE;
