-- This file shows what the extension may do, and what others can make it do.

-- A role needs no more than USAGE on the schema and EXECUTE on the functions.
-- PUBLIC does not have EXECUTE here.
CREATE FUNCTION for_each_function(command text) RETURNS SETOF oid LANGUAGE plpgsql AS $$
DECLARE f oid;
BEGIN
    FOR f IN
        SELECT objid
        FROM pg_depend JOIN pg_extension e ON refclassid = 'pg_extension'::regclass AND refobjid = e.oid
        WHERE classid = 'pg_proc'::regclass AND deptype = 'e' AND extname = 'cvm_count'
    LOOP
        EXECUTE format(command, f::regprocedure);
        RETURN NEXT f;
    END LOOP;
END $$;

DROP EXTENSION cvm_count;
CREATE ROLE rights_owner;
CREATE ROLE rights_user;
SELECT format('GRANT CREATE ON DATABASE %I TO rights_owner', current_database()) \gexec
CREATE SCHEMA tools AUTHORIZATION rights_owner;
SET ROLE rights_owner;

-- A role that is no superuser creates the extension, which is trusted.
SELECT rolsuper FROM pg_roles WHERE rolname = current_role;
CREATE EXTENSION cvm_count SCHEMA tools;
SELECT extowner::regrole AS owner FROM pg_extension WHERE extname = 'cvm_count';

-- The script runs as a superuser, who owns the objects. So the extension's owner cannot redefine what C code relies on.
SELECT DISTINCT rolsuper AS of_a_superuser
FROM pg_proc
JOIN pg_roles ON pg_roles.oid = proowner
JOIN pg_depend ON classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
JOIN pg_extension e
    ON refclassid = 'pg_extension'::regclass AND refobjid = e.oid AND extname = 'cvm_count';

ALTER FUNCTION tools.cvm_sketch_estimate(tools.cvm_sketch) VOLATILE;

CREATE FUNCTION tools.mine(cstring) RETURNS tools.cvm_sketch LANGUAGE c
    AS '$libdir/cvm_count', 'cvm_sketch_in';

CREATE CAST (text AS tools.cvm_sketch) WITHOUT FUNCTION;
RESET ROLE;
SELECT count(*) > 50 AS done FROM for_each_function('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC');
SET ROLE rights_user;

-- The role can do nothing without USAGE.
SELECT tools.approx_count_distinct_cvm(i) FROM generate_series(1, 10) i;
RESET ROLE;
GRANT USAGE ON SCHEMA tools TO rights_user;
SET ROLE rights_user;

-- The role can do nothing without EXECUTE.
SELECT tools.approx_count_distinct_cvm(i) FROM generate_series(1, 10) i;
SELECT tools.cvm_hash(1);
RESET ROLE;
SELECT count(*) > 50 AS done FROM for_each_function('GRANT EXECUTE ON FUNCTION %s TO rights_user');
SET ROLE rights_user;

SELECT tools.approx_count_distinct_cvm(i),
       tools.cvm_sketch_estimate(tools.cvm_sketch_agg(i, 0.1)),
       tools.cvm_sketch_estimate(tools.cvm_sketch_agg_hashed(tools.cvm_hash(i)))
FROM generate_series(1, 100) i;

CREATE TEMP TABLE kept (s tools.cvm_sketch);

INSERT INTO kept
    SELECT tools.cvm_sketch_agg(j)
    FROM generate_series(1, 3) i, generate_series(i, i + 9) j
    GROUP BY i;

SELECT tools.cvm_sketch_estimate(tools.cvm_sketch_union_agg(s)),
       tools.cvm_sketch_estimate(tools.cvm_sketch_intersection_agg(s)),
       OPERATOR(tools.#) (
           min(s::text)::tools.cvm_sketch OPERATOR(tools.||) max(s::text)::tools.cvm_sketch
       ) AS united
FROM kept;

SELECT count(*) FROM (SELECT s FROM kept UNION SELECT s::bytea::tools.cvm_sketch FROM kept) q;
DROP TABLE kept;
RESET ROLE;

-- Hostile functions and operators have the same names, in a schema in front, and some fit better.
-- They say so when they are called. The extension must not find them by search_path.
CREATE SCHEMA hostile;

CREATE FUNCTION hostile.caught(what text) RETURNS void LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'hostile % was called', what; END $$;

SET search_path = hostile, tools, pg_catalog;

DO $$
DECLARE
    -- Name, arguments, type of the result.
    f text[];
BEGIN
    FOREACH f SLICE 1 IN ARRAY ARRAY[
        ['cvm_accumulate', 'internal, anyelement', 'internal'],
        ['cvm_combine', 'internal, internal', 'internal'],
        ['cvm_final_count', 'internal', 'bigint'],
        ['cvm_final_sketch', 'internal', 'cvm_sketch']
    ] LOOP
        -- Only C functions take internal. So each of these names calls another function of the library.
        EXECUTE format(
            'CREATE FUNCTION hostile.%I(%s) RETURNS %s LANGUAGE c '
            'AS ''$libdir/cvm_count'', ''cvm_serialize''',
            f[1], f[2], f[3]
        );
    END LOOP;
    FOREACH f SLICE 1 IN ARRAY ARRAY[
        ['cvm_hash', 'integer', 'bigint'],
        ['cvm_hash', 'anyelement, bigint', 'bigint'],
        ['cvm_sketch', 'bytea', 'cvm_sketch'],
        ['bytea', 'cvm_sketch', 'bytea'],
        ['cvm_accumulate_hashed', 'cvm_sketch, bigint', 'cvm_sketch'],
        ['cvm_combine_hashed', 'cvm_sketch, cvm_sketch', 'cvm_sketch'],
        ['cvm_merge', 'cvm_sketch, cvm_sketch', 'cvm_sketch'],
        ['cvm_final_flat', 'cvm_sketch', 'cvm_sketch'],
        ['cvm_sketch_union', 'cvm_sketch, cvm_sketch', 'cvm_sketch'],
        ['cvm_sketch_intersection', 'cvm_sketch, cvm_sketch', 'cvm_sketch'],
        ['cvm_sketch_difference', 'cvm_sketch, cvm_sketch', 'cvm_sketch'],
        ['cvm_sketch_estimate', 'cvm_sketch', 'bigint'],
        ['cvm_sketch_eq', 'cvm_sketch, cvm_sketch', 'boolean'],
        ['cvm_sketch_lt', 'cvm_sketch, cvm_sketch', 'boolean'],
        ['cvm_sketch_cmp', 'cvm_sketch, cvm_sketch', 'integer'],
        ['cvm_sketch_hash', 'cvm_sketch', 'integer'],
        ['byteaeq', 'bytea, bytea', 'boolean'],
        ['byteacmp', 'bytea, bytea', 'integer'],
        ['hashtext', 'text', 'integer'],
        ['enum_out', 'anyenum', 'text'],
        ['hash_numeric', 'numeric', 'integer']
    ] LOOP
        EXECUTE format(
            'CREATE FUNCTION hostile.%I(%s) RETURNS %s LANGUAGE plpgsql IMMUTABLE AS
            $f$ BEGIN PERFORM hostile.caught(%L); END $f$',
            f[1], f[2], f[3], f[1]
        );
    END LOOP;
END $$;

CREATE OPERATOR hostile.= (FUNCTION = hostile.cvm_sketch_eq, LEFTARG = cvm_sketch, RIGHTARG = cvm_sketch);
CREATE OPERATOR hostile.< (FUNCTION = hostile.cvm_sketch_lt, LEFTARG = cvm_sketch, RIGHTARG = cvm_sketch);
CREATE OPERATOR hostile.|| (FUNCTION = hostile.cvm_sketch_union, LEFTARG = cvm_sketch, RIGHTARG = cvm_sketch);

CREATE OPERATOR hostile.& (
    FUNCTION = hostile.cvm_sketch_intersection,
    LEFTARG = cvm_sketch,
    RIGHTARG = cvm_sketch
);

CREATE OPERATOR hostile.- (
    FUNCTION = hostile.cvm_sketch_difference,
    LEFTARG = cvm_sketch,
    RIGHTARG = cvm_sketch
);

CREATE OPERATOR hostile.# (FUNCTION = hostile.cvm_sketch_estimate, RIGHTARG = cvm_sketch);

CREATE FUNCTION hostile.numeric_eq(numeric, numeric) RETURNS boolean LANGUAGE plpgsql IMMUTABLE
    AS $$ BEGIN PERFORM hostile.caught('numeric ='); END $$;

CREATE OPERATOR hostile.= (FUNCTION = hostile.numeric_eq, LEFTARG = numeric, RIGHTARG = numeric);

-- The trap works: whoever names a function or operator without its schema is caught.
SELECT cvm_hash(1);
SELECT # cvm_sketch_empty();
SELECT cvm_sketch_empty() || cvm_sketch_empty();
SELECT cvm_sketch_empty() = cvm_sketch_empty();

-- The extension hashes values by itself, and by their types' hash functions. It is not caught.
CREATE TYPE hostile.mood AS ENUM ('sad', 'ok');

SELECT approx_count_distinct_cvm(i),
       approx_count_distinct_cvm(i::numeric),
       approx_count_distinct_cvm(i::text),
       approx_count_distinct_cvm(ROW(i, 1.0)),
       approx_count_distinct_cvm((ARRAY['sad', 'ok'])[1 + i % 2]::hostile.mood),
       approx_count_distinct_cvm(ARRAY[i::numeric])
FROM generate_series(1, 100) i;

-- Its aggregates are not caught, serial and parallel.
CREATE TABLE hostile.numbers AS SELECT i FROM generate_series(1, 1000) i;
ALTER TABLE hostile.numbers SET (parallel_workers = 2);
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;

SELECT approx_count_distinct_cvm(i),
       tools.cvm_sketch_estimate(cvm_sketch_agg(i, 0.1)),
       tools.cvm_sketch_estimate(cvm_sketch_agg_hashed(tools.cvm_hash(i::bigint, 0), 0.1)),
       tools.cvm_sketch_estimate(cvm_sketch_union_agg(cvm_sketch_add(cvm_sketch_empty(0.1), i)))
FROM hostile.numbers;

SET max_parallel_workers_per_gather = 0;

SELECT approx_count_distinct_cvm(i),
       tools.cvm_sketch_estimate(cvm_sketch_agg(i, 0.1)),
       tools.cvm_sketch_estimate(cvm_sketch_agg_hashed(tools.cvm_hash(i::bigint, 0), 0.1)),
       tools.cvm_sketch_estimate(cvm_sketch_union_agg(cvm_sketch_add(cvm_sketch_empty(0.1), i)))
FROM hostile.numbers;

-- Its operators with their schema, its casts and its operator classes are not caught either.
CREATE TEMP TABLE kept AS SELECT i % 4 AS k, cvm_sketch_agg(i) AS s FROM hostile.numbers GROUP BY i % 4;

SELECT OPERATOR(tools.#) (a.s OPERATOR(tools.||) b.s) AS either,
       OPERATOR(tools.#) (a.s OPERATOR(tools.&) b.s) AS both,
       OPERATOR(tools.#) (a.s OPERATOR(tools.-) b.s) AS difference,
       a.s OPERATOR(tools.=) a.s::bytea::text::bytea::cvm_sketch AS again
FROM kept a, kept b
WHERE a.k = 1 AND b.k = 2;

CREATE INDEX ON kept (s);
CREATE INDEX ON kept USING hash (s);
SELECT count(*) FROM (SELECT s FROM kept UNION SELECT s FROM kept) q;
SELECT count(*) FROM (SELECT DISTINCT s FROM kept ORDER BY s) q;
RESET max_parallel_workers_per_gather;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET search_path;
DROP TABLE kept;

-- Functions are immutable, safe in parallel, not leakproof and have the rights of the caller. These are the others.
-- A random seed is another each time.
-- Functions that write values as text, or read them, are as stable as those of their types.
SELECT p.oid::regprocedure AS function,
       provolatile AS volatility,
       proparallel AS parallel,
       prosecdef AS definer,
       proleakproof AS leakproof
FROM pg_proc p
JOIN pg_depend ON classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e'
JOIN pg_extension e
    ON refclassid = 'pg_extension'::regclass AND refobjid = e.oid AND extname = 'cvm_count'
WHERE (provolatile, proparallel, prosecdef, proleakproof) IS DISTINCT FROM ('i', 's', false, false);

-- These functions take NULL. Support functions of aggregates skip it, or start a state.
-- Bounds, empty and downsample say which argument must not be NULL.
-- Add adds nothing. A random seed takes no arguments.
SELECT proname AS function,
       count(*) AS forms,
       CASE
           WHEN bool_and(EXISTS (
               SELECT FROM pg_aggregate
               WHERE p.oid IN (aggtransfn, aggcombinefn, aggfinalfn, aggmtransfn, aggminvtransfn, aggmfinalfn)
           )) THEN 'support'
           WHEN bool_and('float8'::regtype = ANY (proargtypes::oid[]) OR proargnames[1] = 'size')
               THEN 'parameters'
           WHEN bool_and(pronargs = 0) THEN 'no arguments'
           WHEN bool_and('anyelement'::regtype = ANY (proargtypes::oid[])) THEN 'a value'
       END AS why
FROM pg_proc p
JOIN pg_depend ON classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e'
JOIN pg_extension e
    ON refclassid = 'pg_extension'::regclass AND refobjid = e.oid AND extname = 'cvm_count'
WHERE NOT proisstrict AND prokind = 'f'
GROUP BY proname ORDER BY proname::text COLLATE "C";

-- The function in SQL finds what it calls in pg_catalog, whoever calls it. No other sets a parameter.
SELECT p.oid::regprocedure AS with_settings, proconfig
FROM pg_proc p
JOIN pg_depend ON classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e'
JOIN pg_extension e
    ON refclassid = 'pg_extension'::regclass AND refobjid = e.oid AND extname = 'cvm_count'
WHERE proconfig IS NOT NULL;

SET client_min_messages = warning;
DROP EXTENSION cvm_count CASCADE;
DROP SCHEMA hostile CASCADE;
RESET client_min_messages;
DROP SCHEMA tools;
SELECT format('REVOKE CREATE ON DATABASE %I FROM rights_owner', current_database()) \gexec
DROP ROLE rights_owner, rights_user;
DROP FUNCTION for_each_function;
CREATE EXTENSION cvm_count;
