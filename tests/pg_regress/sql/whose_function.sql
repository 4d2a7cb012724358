-- The planner hook puts the extension's own functions into queries.
-- It does not use functions of others that were added to the extension under their names.
SET client_min_messages = warning;
LOAD 'cvm_count';
CREATE SCHEMA theirs;
SET search_path = theirs, public;
CREATE ROLE function_owner;
GRANT CREATE, USAGE ON SCHEMA public, theirs TO function_owner;
SET cvm_count.count_distinct_epsilon = 0.03;
CREATE TABLE spread AS SELECT i AS n FROM generate_series(1, 100) i;

-- With a table in the list of Citus the hook uses all of its functions.
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char");
INSERT INTO pg_dist_partition VALUES ('spread', 'h');
RESET allow_system_table_mods;

CREATE FUNCTION calls(query text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(DISTINCT call[1], ', ' ORDER BY call[1])
    FROM regexp_matches(
        verbose_plan(query),
        '\m(count\(DISTINCT|approx_count_distinct_cvm|cvm_\w+)',
        'g'
    ) call
$$;

CREATE FUNCTION all_calls() RETURNS text LANGUAGE sql AS $$
    SELECT calls('SELECT count(DISTINCT n) FROM spread') || '; '
        || calls('SELECT cvm_sketch_agg(n) FROM spread') || '; '
        || calls('SELECT cvm_sample_agg(n) FROM spread')
$$;

SELECT all_calls();

-- Another owner's function takes the place of each that may be called.
CREATE FUNCTION replaced(name text, arguments text, returns text, body text) RETURNS text
    LANGUAGE plpgsql AS $$
DECLARE found text;
BEGIN
    EXECUTE format('ALTER EXTENSION cvm_count DROP FUNCTION %s(%s)', name, arguments);
    EXECUTE format('ALTER FUNCTION public.%s(%s) RENAME TO renamed', name, arguments);
    SET LOCAL ROLE function_owner;
    EXECUTE format(
        'CREATE FUNCTION public.%s(%s) RETURNS %s LANGUAGE sql IMMUTABLE AS %L',
        name, arguments, returns, body
    );
    RESET ROLE;
    EXECUTE format('ALTER EXTENSION cvm_count ADD FUNCTION %s(%s)', name, arguments);
    found := all_calls();
    RAISE SQLSTATE 'ZZZZZ' USING message = found;
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
    RETURN SQLERRM;
END $$;

SELECT name, replaced(name, arguments, returns, body)
FROM (VALUES
    ('cvm_hash', 'anyelement, bigint', 'bigint', 'SELECT 1::bigint'),
    ('cvm_sketch_estimate', 'cvm_sketch', 'bigint', 'SELECT 1::bigint'),
    ('cvm_sketch_of_kind', 'cvm_sketch, text', 'cvm_sketch', 'SELECT $1'),
    ('cvm_sample_of', 'anyelement, double precision, integer, bigint', 'cvm_sample',
     'SELECT cvm_sample_empty()')
) f (name, arguments, returns, body);

SELECT all_calls();

-- Another owner's aggregate takes the place of ours.
BEGIN;
ALTER EXTENSION cvm_count DROP FUNCTION cvm_sketch_agg_hashed(bigint);
ALTER AGGREGATE cvm_sketch_agg_hashed(bigint) RENAME TO renamed;
SET ROLE function_owner;
CREATE AGGREGATE public.cvm_sketch_agg_hashed(bigint) (SFUNC = cvm_accumulate_hashed, STYPE = cvm_sketch);
RESET ROLE;
ALTER EXTENSION cvm_count ADD AGGREGATE cvm_sketch_agg_hashed(bigint);
SELECT all_calls();
ALTER AGGREGATE cvm_sketch_agg_hashed(bigint) OWNER TO CURRENT_USER;
SELECT all_calls();
ROLLBACK;

-- The right owner's aggregate may have another transition function.
BEGIN;
ALTER EXTENSION cvm_count DROP FUNCTION cvm_sketch_agg_hashed(bigint);
ALTER AGGREGATE cvm_sketch_agg_hashed(bigint) RENAME TO renamed;

CREATE FUNCTION add_one(cvm_sketch, bigint) RETURNS cvm_sketch LANGUAGE sql IMMUTABLE
    AS 'SELECT cvm_sketch_empty()';

CREATE AGGREGATE public.cvm_sketch_agg_hashed(bigint) (SFUNC = add_one, STYPE = cvm_sketch);
ALTER EXTENSION cvm_count ADD AGGREGATE cvm_sketch_agg_hashed(bigint);
SELECT all_calls();
ROLLBACK;

-- The right owner's function may be written in SQL.
BEGIN;
CREATE OR REPLACE FUNCTION public.cvm_sketch_of_kind(sketch cvm_sketch, kind text) RETURNS cvm_sketch
    LANGUAGE sql IMMUTABLE AS 'SELECT $1';

SELECT all_calls();
ROLLBACK;

BEGIN;
CREATE OR REPLACE FUNCTION public.cvm_hash(value anyelement, seed bigint DEFAULT 0) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS 'SELECT 1::bigint';

SELECT all_calls();
ROLLBACK;
SELECT all_calls();

-- The functions of two releases may belong to two superusers. The hook trusts no owner who is not a superuser.
CREATE ROLE function_admin SUPERUSER;
BEGIN;
ALTER AGGREGATE approx_count_distinct_cvm(anyelement, double precision, double precision)
    OWNER TO function_admin;

ALTER FUNCTION cvm_sketch_of_kind(cvm_sketch, text) OWNER TO function_admin;
SELECT all_calls();
ALTER ROLE function_admin NOSUPERUSER;
ALTER FUNCTION cvm_hash(anyelement, bigint) COST 1;
SELECT all_calls();
ROLLBACK;
DROP ROLE function_admin;

-- Names may change places. The hook uses a function only if it returns the right type.
BEGIN;
ALTER AGGREGATE approx_count_distinct_cvm(anyelement, double precision, double precision)
    RENAME TO count_before;

ALTER AGGREGATE cvm_sketch_agg(anyelement, double precision, double precision)
    RENAME TO approx_count_distinct_cvm;

ALTER AGGREGATE count_before(anyelement, double precision, double precision) RENAME TO cvm_sketch_agg;
SELECT all_calls();
ROLLBACK;

BEGIN;
ALTER EXTENSION cvm_count DROP FUNCTION cvm_sketch_agg_hashed(bigint);
ALTER AGGREGATE cvm_sketch_agg_hashed(bigint) RENAME TO renamed;

CREATE AGGREGATE public.cvm_sketch_agg_hashed(bigint) (
    SFUNC = cvm_accumulate_hashed,
    STYPE = cvm_sketch,
    FINALFUNC = cvm_sketch_estimate
);

ALTER EXTENSION cvm_count ADD AGGREGATE cvm_sketch_agg_hashed(bigint);
SELECT all_calls();
ROLLBACK;
SELECT all_calls();

-- The extension may be of a version that does not have all of the functions.
CREATE FUNCTION with_version(version text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    UPDATE pg_extension SET extversion = version WHERE extname = 'cvm_count';
    ALTER FUNCTION cvm_hash(anyelement, bigint) COST 1;
    RAISE SQLSTATE 'ZZZZZ' USING message = all_calls();
EXCEPTION WHEN SQLSTATE 'ZZZZZ' THEN
    RETURN SQLERRM;
END $$;

SELECT version, with_version(version)
FROM (VALUES
    ('0.1.0'), ('0.2.0'), ('0.2.9'), ('0.3'), ('0.3.0'), ('0.3.1'), ('0.10.0'), ('1.0'),
    ('unpackaged'), (''), ('0.3.0-mine'), ('99999999999.0.0')
) v (version);

-- The list of Citus must belong to a superuser.
ALTER TABLE pg_catalog.pg_dist_partition OWNER TO function_owner;
SET allow_system_table_mods = on;
ALTER TABLE pg_catalog.pg_dist_partition OWNER TO function_owner;
RESET allow_system_table_mods;
SELECT all_calls();
SET allow_system_table_mods = on;
DROP TABLE pg_catalog.pg_dist_partition;
RESET allow_system_table_mods;
RESET cvm_count.count_distinct_epsilon;
DROP SCHEMA theirs CASCADE;
REVOKE CREATE, USAGE ON SCHEMA public FROM function_owner;
DROP ROLE function_owner;
