-- An aggregate gives the same however its parameters come: left out, constant, of a column, of a prepared statement.
-- For each type another function takes the rows, and for constant parameters another than for those of a column.
-- The values of each type come from some 3,000 random numbers; NULLs come first, in between and last.
CREATE TYPE parameter_mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE drawn AS
    SELECT i AS id,
           i % 3 AS g,
           CASE
               WHEN i > 20 AND i < 3990 AND i % 11 > 0 THEN ('x' || left(md5(i::text), 3))::bit(12)::int % 3001
           END AS n,
           1000 AS thousand,
           40 AS forty,
           0::bigint AS zero,
           7::bigint AS seven,
           0.03::float8 AS epsilon,
           0.01::float8 AS delta,
           0.2::float8 AS coarse
    FROM generate_series(1, 4000) i;

-- The calls of each line give the same bytes in every group. The first is a union of what single rows give.
CREATE TABLE forms AS
    SELECT line, call
    FROM (VALUES
        (1, ARRAY['cvm_sketch_union_agg(cvm_sketch_add(cvm_sketch_empty(0.03, 0.01, 0), x)) '
                  'FILTER (WHERE x IS NOT NULL)',
                  'cvm_sketch_agg(x)', 'cvm_sketch_agg(x, 0.03)', 'cvm_sketch_agg(x, epsilon)',
                  'cvm_sketch_agg(x, $1)', 'cvm_sketch_agg(x, 0.03, 0.01)', 'cvm_sketch_agg(x, epsilon, 0.01)',
                  'cvm_sketch_agg(x, 0.03, delta)', 'cvm_sketch_agg(x, $1, $2)',
                  'cvm_sketch_agg(x, 0.03, 0.01, 0)', 'cvm_sketch_agg(x, epsilon, delta, zero)']),
        (2, ARRAY['cvm_sketch_union_agg(cvm_sketch_add(cvm_sketch_empty(0.2, 0.01, 0), x)) '
                  'FILTER (WHERE x IS NOT NULL)',
                  'cvm_sketch_agg(x, 0.2)', 'cvm_sketch_agg(x, coarse)', 'cvm_sketch_agg(x, 0.2, 0.01)',
                  'cvm_sketch_agg(x, coarse, $2)', 'cvm_sketch_agg(x, coarse, delta, zero)']),
        (3, ARRAY['cvm_sketch_union_agg(cvm_sketch_add(cvm_sketch_empty(0.2, 0.01, 7), x)) '
                  'FILTER (WHERE x IS NOT NULL)',
                  'cvm_sketch_agg(x, 0.2, 0.01, 7)', 'cvm_sketch_agg(x, coarse, 0.01, 7)',
                  'cvm_sketch_agg(x, 0.2, 0.01, seven)', 'cvm_sketch_agg(x, coarse, delta, seven)']),
        (4, ARRAY['cvm_sample_union_agg(cvm_sample_of(x, NULL, 1000, 0))',
                  'cvm_sample_agg(x)', 'cvm_sample_agg(x, 1000)', 'cvm_sample_agg(x, thousand)',
                  'cvm_sample_agg(x, $3)', 'cvm_sample_agg(x, 1000, 0)', 'cvm_sample_agg(x, thousand, zero)',
                  'cvm_sample_agg(x, $3, 0)']),
        (5, ARRAY['cvm_sample_union_agg(cvm_sample_of(x, NULL, 40, 0))',
                  'cvm_sample_agg(x, 40)', 'cvm_sample_agg(x, forty)', 'cvm_sample_agg(x, 40, 0)',
                  'cvm_sample_agg(x, forty, zero)', 'cvm_sample_agg(x, 40, zero)']),
        (6, ARRAY['cvm_sample_union_agg(cvm_sample_of(x, NULL, 40, 7))',
                  'cvm_sample_agg(x, 40, 7)', 'cvm_sample_agg(x, forty, 7)', 'cvm_sample_agg(x, forty, seven)']),
        (7, ARRAY['cvm_sample_union_agg(cvm_sample_of(x, id, 1000, 0))',
                  'cvm_sample_agg_measured(x, id)', 'cvm_sample_agg_measured(x, id, 1000)',
                  'cvm_sample_agg_measured(x, id, thousand)', 'cvm_sample_agg_measured(x, id, $3)',
                  'cvm_sample_agg_measured(x, id, 1000, zero)']),
        (8, ARRAY['cvm_sample_union_agg(cvm_sample_of(x, id, 40, 0))',
                  'cvm_sample_agg_measured(x, id, 40)', 'cvm_sample_agg_measured(x, id, forty)',
                  'cvm_sample_agg_measured(x, id, 40, 0)', 'cvm_sample_agg_measured(x, id, forty, zero)'])
    ) lines (line, calls),
         unnest(calls) call;

CREATE TABLE types (name text, value text);
INSERT INTO types VALUES
    ('smallint', 'n::smallint'),
    ('integer', 'n'),
    ('bigint', 'n * 10000000000'),
    ('oid', 'n::oid'),
    ('real', 'n / 3::real'),
    ('double precision', 'n / 3::float8'),
    ('numeric', 'n / 100.0'),
    ('text', $$'word ' || n$$),
    ('varchar', $$('word ' || n)::varchar(20)$$),
    ('char', $$('word ' || n)::char(20)$$),
    ('name', $$('word ' || n)::name$$),
    ('bytea', 'decode(md5(n::text), ''hex'')'),
    ('boolean', 'n % 2 = 0'),
    ('"char"', 'n::text::"char"'),
    ('date', 'date ''2000-01-01'' + n'),
    ('time', 'time ''00:00'' + n * interval ''1 s'''),
    ('timetz', 'timetz ''00:00+00'' + n * interval ''1 s'''),
    ('timestamp', 'timestamp ''2000-01-01'' + n * interval ''1 s'''),
    ('timestamptz', 'timestamptz ''2000-01-01 00:00+00'' + n * interval ''1 s'''),
    ('interval', 'n * interval ''1 h'''),
    ('uuid', 'md5(n::text)::uuid'),
    ('inet', 'inet ''10.0.0.0'' + n'),
    ('macaddr', $$('08002b00' || lpad(to_hex(n), 4, '0'))::macaddr$$),
    ('macaddr8', $$('08002b000000' || lpad(to_hex(n), 4, '0'))::macaddr8$$),
    ('money', 'n::money'),
    ('bit', 'n::bit(12)'),
    ('pg_lsn', $$('0/' || to_hex(n))::pg_lsn$$),
    ('xid', 'n::text::xid'),
    ('xid8', 'n::text::xid8'),
    ('tid', $$format('(%s,1)', n)::tid$$),
    ('aclitem', 'makeaclitem(n::oid, 10, ''SELECT'', false)'),
    ('jsonb', 'to_jsonb(n)'),
    ('tsvector', '(''word'' || n)::tsvector'),
    ('int4range', 'int4range(n, n + 5)'),
    ('int4multirange', 'int4multirange(int4range(n, n + 5))'),
    ('integer[]', 'ARRAY[n, NULL, n % 7]'),
    ('text[]', 'ARRAY[n::text, ''x'']'),
    ('enum', '(ARRAY[''sad'', ''ok'', ''happy''])[n % 3 + 1]::parameter_mood');

-- different gives the calls whose bytes are not those of the first of their line: in groups, over all rows, in windows.
CREATE FUNCTION different(value text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    form record;
    shape text;
    expected text;
    bytes text;
BEGIN
    FOREACH shape IN ARRAY ARRAY[
        'SELECT md5(string_agg(s::text, '' '' ORDER BY g)) FROM (SELECT g, %s AS s FROM q GROUP BY g) grouped',
        'SELECT md5(%s::text) FROM q',
        'SELECT md5(string_agg(s::text, '' '' ORDER BY id)) FROM (
             SELECT id, %s OVER (PARTITION BY g ORDER BY id ROWS BETWEEN 30 PRECEDING AND CURRENT ROW) AS s
             FROM q WHERE id BETWEEN 1 AND 100
         ) windowed'
    ] LOOP
        FOR form IN SELECT *, row_number() OVER (PARTITION BY line) = 1 AS is_first FROM forms ORDER BY line LOOP
            EXECUTE format(
                'PREPARE called(float8, float8, integer) AS
                 WITH q AS MATERIALIZED (SELECT *, CASE WHEN n IS NOT NULL THEN %s END AS x FROM drawn ORDER BY id) %s',
                value, format(shape, form.call)
            );
            EXECUTE 'EXECUTE called(0.03, 0.01, 1000)' INTO bytes;
            DEALLOCATE called;
            IF form.is_first THEN
                expected := bytes;
            ELSIF bytes IS DISTINCT FROM expected THEN
                RETURN NEXT form.call || ': ' || shape;
            END IF;
        END LOOP;
    END LOOP;
END $$;

SET TimeZone = 'UTC';
-- Else PostgreSQL would put the parameters of a prepared statement into its plan, as constants.
SET plan_cache_mode = force_generic_plan;
SELECT name, call FROM types, different(value) call;

-- A parameter that changes within a group is an error for each type, whatever the rows before were taken by.
CREATE FUNCTION accepts_another(value text, call text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(
        'SELECT %s FROM (
             SELECT *, CASE WHEN n IS NOT NULL THEN %s END AS x, id > 3000 AS is_late FROM drawn ORDER BY id
         ) q',
        call, value
    );
    RETURN true;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN false;
END $$;

SELECT name, call
FROM types,
     (VALUES
         ('cvm_sketch_agg(x, CASE WHEN is_late THEN 0.2 ELSE 0.1 END)'),
         ('cvm_sketch_agg(x, 0.1, CASE WHEN is_late THEN 0.02 ELSE 0.01 END)'),
         ('cvm_sketch_agg(x, 0.1, 0.01, CASE WHEN is_late THEN 1 ELSE 2 END)'),
         ('cvm_sample_agg(x, CASE WHEN is_late THEN 40 ELSE 50 END)'),
         ('cvm_sample_agg(x, 40, CASE WHEN is_late THEN 1 ELSE 2 END)'),
         ('cvm_sample_agg_measured(x, id, CASE WHEN is_late THEN 40 ELSE 50 END)')
     ) calls (call)
WHERE accepts_another(value, call);

RESET plan_cache_mode;
DROP FUNCTION different, accepts_another;
DROP TABLE drawn, forms, types;
DROP TYPE parameter_mood;
