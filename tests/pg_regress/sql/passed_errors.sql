-- ERRORs that others raise are passed on as they are, whatever their length. They leave the session as it was.
SET client_min_messages = warning;

CREATE FUNCTION refuse(value text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RAISE EXCEPTION '%', repeat('x', 3000000) USING
        ERRCODE = 'CV001',
        DETAIL = repeat('y', 2000000),
        HINT = 'a hint',
        CONSTRAINT = 'a name';
END $$;

CREATE DOMAIN refused AS text CHECK (VALUE IS NULL OR refuse(VALUE));

CREATE TABLE kept AS
    SELECT cvm_sample_agg('a text'::text) AS texts, cvm_sample_agg(DATE '2026-01-31') AS dates;

-- The hash function of this type refuses one value.
CREATE TYPE own;
CREATE FUNCTION own_in(cstring) RETURNS own LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION own_out(own) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE own (INPUT = own_in, OUTPUT = own_out, LIKE = text);
CREATE FUNCTION own_eq(own, own) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'texteq';
CREATE OPERATOR = (FUNCTION = own_eq, LEFTARG = own, RIGHTARG = own, HASHES);

CREATE FUNCTION own_hash(own) RETURNS integer LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF $1::text = 'refused' THEN
        PERFORM refuse($1::text);
    END IF;
    RETURN 1;
END $$;

CREATE OPERATOR CLASS own_ops DEFAULT FOR TYPE own USING hash AS OPERATOR 1 =, FUNCTION 1 own_hash(own);

-- what_it_says gives all that an error says.
CREATE FUNCTION what_it_says(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text;
    detail text;
    hint text;
    name text;
BEGIN
    EXECUTE query;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS
        message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT,
        name = CONSTRAINT_NAME;
    RETURN format(
        '%s: message %s, detail %s, hint "%s", constraint "%s"',
        SQLSTATE, length(message), length(detail), hint, name
    );
END $$;

-- Each function passes the error on.
SET datestyle TO 'German';

SELECT query, what_it_says(query)
FROM unnest(
    ARRAY[
        $$SELECT * FROM kept, cvm_sample_values(texts, NULL::refused)$$,
        $$SELECT cvm_hash('refused'::own)$$,
        $$SELECT cvm_hash(ARRAY['refused'::own])$$,
        $$SELECT approx_count_distinct_cvm(x) FROM (VALUES ('taken'::own), ('refused')) t (x)$$,
        $$SELECT cvm_sample_agg(x) FROM (VALUES ('taken'::own), ('refused')) t (x)$$,
        $$SELECT cvm_sketch_add(cvm_sketch_agg(x), 'refused'::own) FROM (VALUES ('taken'::own)) t (x)$$,
        $$SELECT * FROM cvm_sample_values((SELECT cvm_sample_agg(repeat('x', 1000000)::own)), NULL::uuid)$$
    ]
) query;

-- The settings that a sample is read under end with the ERROR.
SELECT DATE '2026-01-31' AS still_german, value FROM kept, cvm_sample_values(dates, NULL::date);
RESET datestyle;

-- A name is quoted up to the length of PostgreSQL's names. No character is cut in two.
SELECT cvm_sketch_of_kind(cvm_sketch_empty(), repeat('x', 100000));
SELECT cvm_sketch_of_kind(cvm_sketch_empty(), repeat('é', 100000));
SELECT cvm_sketch_of_kind(cvm_sketch_empty(), '');
DROP TYPE own CASCADE;
DROP TABLE kept;
DROP DOMAIN refused;
DROP FUNCTION refuse, what_it_says;
