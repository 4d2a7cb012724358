-- When the setting changes, kept plans that count distinct values are made anew, and no others.
SET client_min_messages = notice;
CREATE SCHEMA kept;
SET search_path = kept, public;
SET plan_cache_mode = force_generic_plan;
CREATE TABLE many AS SELECT i % 20000 AS n, i % 4 AS part FROM generate_series(1, 60000) i;
ANALYZE many;

-- The library may be loaded after a statement was planned.
PREPARE early AS SELECT count(DISTINCT n) <> 20000 AS is_approximate FROM many;
EXECUTE early;
LOAD 'cvm_count';
EXECUTE early;

-- The planner calls planned, which says so.
CREATE FUNCTION planned(what text) RETURNS integer LANGUAGE plpgsql IMMUTABLE
    AS $$ BEGIN RAISE NOTICE 'planned: %', what; RETURN 0; END $$;

-- These functions count, return rows, or have no body that the planner uses.
CREATE FUNCTION counts_above(above integer) RETURNS SETOF bigint LANGUAGE sql STABLE
    AS 'SELECT count(DISTINCT n) FROM many WHERE n > above';

CREATE FUNCTION rows_above(above integer) RETURNS SETOF integer LANGUAGE sql STABLE
    AS 'SELECT n FROM many WHERE n > above';

CREATE FUNCTION volatile_rows() RETURNS SETOF integer LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION strict_rows(integer) RETURNS SETOF integer LANGUAGE sql STABLE STRICT AS 'SELECT 1';

CREATE FUNCTION rows_in_plpgsql(integer) RETURNS SETOF integer LANGUAGE plpgsql STABLE
    AS 'BEGIN RETURN NEXT 1; END';

CREATE FUNCTION in_plpgsql() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT count(DISTINCT n) <> 20000 FROM many WHERE n >= planned('in PL/pgSQL'));
END $$;

CREATE FUNCTION join_in_plpgsql() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RETURN (
        SELECT count(*)
        FROM many a JOIN many b USING (n, part)
        WHERE n < planned('join in PL/pgSQL')
    );
END $$;

-- Each statement says when it is planned.
PREPARE joined AS
    SELECT count(*)
    FROM many a JOIN many b USING (n) JOIN many c USING (n) JOIN many d USING (n)
    WHERE a.n < planned('a join');

PREPARE counted AS
    SELECT count(DISTINCT n) <> 20000 AS is_approximate FROM many WHERE n >= planned('a count');

PREPARE counted_inside AS
    SELECT (SELECT (SELECT count(DISTINCT n) FROM many) <> 20000) AS is_approximate
    FROM many
    WHERE n = planned('a count inside')
    LIMIT 1;

PREPARE counted_by_function AS
    SELECT c <> 20000 AS is_approximate
    FROM counts_above(-1) c
    WHERE c > planned('a count in a function');

PREPARE of_functions AS
    SELECT count(*)
    FROM volatile_rows() v, strict_rows(1) s, rows_in_plpgsql(1) p
    WHERE v > planned('functions that have no body to put in their place');

PREPARE of_rows AS
    SELECT count(*), sum(DISTINCT r)
    FROM rows_above(19990) r
    WHERE r < planned('a function that counts nothing');

PREPARE of_our_own AS SELECT approx_count_distinct_cvm(n) FROM many WHERE n < planned('an aggregate of ours');
PREPARE summed AS SELECT sum(DISTINCT n), count(n) FROM many WHERE n < planned('other aggregates');
PREPARE updated AS UPDATE many SET n = n WHERE n < planned('an UPDATE');
EXECUTE joined;
EXECUTE counted;
EXECUTE counted_inside;
EXECUTE counted_by_function;
EXECUTE of_functions;
EXECUTE of_rows;
EXECUTE of_our_own;
EXECUTE summed;
EXECUTE updated;
SELECT in_plpgsql(), join_in_plpgsql();

-- No plan is made anew where a setting changes nothing.
SET cvm_count.count_distinct_delta = 0.02;
RESET cvm_count.count_distinct_delta;
SET cvm_count.citus_pushdown = off;
RESET cvm_count.citus_pushdown;
EXECUTE joined;
EXECUTE counted;
SELECT in_plpgsql(), join_in_plpgsql();

-- Only the plans that count distinct values are made anew.
SET cvm_count.count_distinct_epsilon = 0.03;
EXECUTE early;
EXECUTE joined;
EXECUTE counted;
EXECUTE counted_inside;
EXECUTE counted_by_function;
EXECUTE of_functions;
EXECUTE of_rows;
EXECUTE of_our_own;
EXECUTE summed;
EXECUTE updated;
SELECT in_plpgsql(), join_in_plpgsql();

-- The same value again changes nothing.
SET cvm_count.count_distinct_epsilon = 0.03;
EXECUTE counted;
SET cvm_count.count_distinct_delta = 0.1;
EXECUTE joined;
EXECUTE counted;
SET cvm_count.citus_pushdown = off;
EXECUTE joined;
EXECUTE of_our_own;

-- Transactions and savepoints take the setting back.
BEGIN;
SET LOCAL cvm_count.count_distinct_epsilon = 0;
EXECUTE counted;
EXECUTE joined;
SAVEPOINT a;
SET cvm_count.count_distinct_epsilon = 0.1;
EXECUTE counted;
ROLLBACK TO a;
EXECUTE counted;
COMMIT;
EXECUTE counted;
EXECUTE joined;

-- A function has a value of its own, there and back.
CREATE FUNCTION exactly() RETURNS boolean
    LANGUAGE plpgsql SET cvm_count.count_distinct_epsilon = 0 AS $$
BEGIN
    RETURN (SELECT count(DISTINCT n) <> 20000 FROM many);
END $$;

SELECT exactly();
SELECT exactly();
EXECUTE joined;
EXECUTE summed;
EXECUTE updated;

-- An open cursor goes on with what it was planned for.
BEGIN;
DECLARE c CURSOR FOR SELECT part, count(DISTINCT n) FROM many GROUP BY part ORDER BY part;
FETCH c;
SET LOCAL cvm_count.count_distinct_epsilon = 0;
FETCH ALL FROM c;
COMMIT;

-- A change in the catalog still has the plans made anew that depend on it.
ALTER TABLE many ADD COLUMN another integer;
EXECUTE joined;
EXECUTE counted;

DEALLOCATE ALL;
RESET cvm_count.count_distinct_epsilon;
RESET cvm_count.count_distinct_delta;
RESET cvm_count.citus_pushdown;
RESET plan_cache_mode;
SET client_min_messages = warning;
DROP SCHEMA kept CASCADE;
