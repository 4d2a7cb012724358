-- A caller may ask whether a text is a sketch, and be told the error.
CREATE TABLE texts (text text);

INSERT INTO texts VALUES
    ('zz'),
    (''),
    ('\x'),
    ('\x0'),
    ('\xzz'),
    ('\x01'),
    ('\x0100000045210000000000000000000000000000'),
    ('\x0300000045210000000000000000000000000000'),
    ('\x0100000045210000000000000000000000000001ff'),
    (repeat('9', 100000));

SELECT left(text, 50) AS text,
       pg_input_is_valid(text, 'cvm_sketch') AS valid,
       message, detail, hint, sql_error_code
FROM texts, pg_input_error_info(text, 'cvm_sketch');

-- The error is the same as when it is raised.
CREATE FUNCTION raised(text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM $1::cvm_sketch;
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

SELECT count(*) AS texts,
       bool_and(raised(text) IS NOT DISTINCT FROM sql_error_code || ' ' || message) AS same
FROM texts, pg_input_error_info(text, 'cvm_sketch');

-- Arrays, rows and domains tell the error of what they hold.
CREATE DOMAIN checked_sketch AS cvm_sketch CHECK (# VALUE > 0);
CREATE TYPE named_sketch AS (name text, sketch cvm_sketch);

SELECT type, text, pg_input_is_valid(text, type) AS valid, message
FROM (VALUES
         ('cvm_sketch[]', '{zz}'),
         ('cvm_sketch[]', '{NULL,"\\x0100000045210000000000000000000000000000"}'),
         ('named_sketch', '(a,zz)'),
         ('named_sketch', '(a,\\x0100000045210000000000000000000000000000)'),
         ('checked_sketch', 'zz'),
         ('checked_sketch', '\x0100000045210000000000000000000000000000')
     ) given (type, text),
     pg_input_error_info(text, type);

DROP TYPE named_sketch;
DROP DOMAIN checked_sketch;

-- Many errors in one statement leave nothing behind.
SELECT count(*) FILTER (WHERE pg_input_is_valid(text || i, 'cvm_sketch')) AS valid,
       count(*) AS asked
FROM texts, generate_series(10, 3000) i
WHERE length(text) < 100;

DROP TABLE texts;
DROP FUNCTION raised;

-- Texts that are no sample are told in the same way.
SELECT text, pg_input_is_valid(text, 'cvm_sample') AS valid, message, sql_error_code
FROM (VALUES
         ('zz'),
         ('\x'),
         ('\x0'),
         ('\x01'),
         ('\x010100000045210000000000000000000000000000'),
         ('\x01010000004521000000000000000000000000000000')
     ) v (text),
     pg_input_error_info(text, 'cvm_sample');
