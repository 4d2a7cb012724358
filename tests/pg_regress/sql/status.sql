-- cvm_count_status says whether count(DISTINCT x) is approximate in the session, and why. Beside it is what is so.
-- In a new session the library is not there, and asking does not load it.
\c
SELECT * FROM cvm_count_status() WHERE fact <> 'extension';
SELECT count(*) AS settings FROM pg_settings WHERE name LIKE 'cvm_count.%';

-- What is set before the library is there takes effect once it comes.
SET cvm_count.count_distinct_epsilon = 0.05;
SELECT * FROM cvm_count_status() WHERE fact LIKE '%distinct%' OR fact = 'library';
SELECT count(DISTINCT i) <> 30000 AS is_approximate FROM generate_series(1, 30000) i;
SELECT approx_count_distinct_cvm(1);
SELECT * FROM cvm_count_status() WHERE fact <> 'extension';
SELECT count(DISTINCT i) <> 30000 AS is_approximate FROM generate_series(1, 30000) i;

SET cvm_count.count_distinct_epsilon = 0;
SET cvm_count.count_distinct_delta = 0.001;
SELECT * FROM cvm_count_status() WHERE fact LIKE '%distinct%';
SELECT count(DISTINCT i) <> 30000 AS is_approximate FROM generate_series(1, 30000) i;

-- What is set no more is not set: while the library is not there, the server keeps an empty text of it.
\c
SET cvm_count.count_distinct_epsilon = 0.05;
RESET cvm_count.count_distinct_epsilon;
BEGIN;
SET LOCAL cvm_count.count_distinct_delta = 0.05;
COMMIT;
SELECT current_setting('cvm_count.count_distinct_epsilon', true) AS kept;
SELECT fact, value IS NULL AS no_value, source IS NULL AS no_source FROM cvm_count_status() WHERE fact LIKE '%delta' OR fact LIKE '%epsilon';

-- How the session writes numbers and reads literals makes no difference.
LOAD 'cvm_count';
SET cvm_count.count_distinct_epsilon = 0.0123;
SET extra_float_digits = -15;
-- Since 19 literals are read in one way only.
SELECT count(set_config('standard_conforming_strings', CASE WHEN current_setting('server_version_num')::int < 190000 THEN 'off' ELSE 'on' END, false));
SELECT * FROM cvm_count_status() WHERE fact = 'library' OR fact LIKE 'count%';

-- The extension's version is what the catalog says.
SELECT fact, value = extversion AS as_in_catalog, source
FROM cvm_count_status(), pg_extension WHERE fact = 'extension' AND extname = 'cvm_count';

-- Settings that a database has take effect in sessions that begin then.
SELECT format('ALTER DATABASE %I SET session_preload_libraries = %L', current_database(), 'cvm_count') \gexec
SELECT format('ALTER DATABASE %I SET cvm_count.count_distinct_epsilon = 0.03', current_database()) \gexec
\c
SELECT * FROM cvm_count_status() WHERE fact <> 'extension';
SELECT count(DISTINCT i) <> 30000 AS is_approximate FROM generate_series(1, 30000) i;

-- Settings of a role in a database come before those of the role, and these before those of the database.
SELECT format('ALTER ROLE %I SET cvm_count.count_distinct_epsilon = 0.1', session_user) \gexec
SELECT format('ALTER ROLE %I IN DATABASE %I SET cvm_count.count_distinct_delta = 0.05', session_user, current_database()) \gexec
\c
SELECT * FROM cvm_count_status() WHERE fact LIKE 'cvm_count.%';

-- The same, where the library is not loaded: the settings are known, and have no effect.
SELECT format('ALTER DATABASE %I RESET session_preload_libraries', current_database()) \gexec
\c
SELECT * FROM cvm_count_status() WHERE fact <> 'extension';
SELECT count(DISTINCT i) <> 30000 AS is_approximate FROM generate_series(1, 30000) i;

-- A library of the next session; names that only look like ours are not it.
SELECT format('ALTER DATABASE %I SET session_preload_libraries = %L, %L', current_database(), 'auto_explain', '$libdir/cvm_count') \gexec
SELECT * FROM cvm_count_status() WHERE fact = 'library';
SELECT format('ALTER DATABASE %I SET session_preload_libraries = %L, %L', current_database(), 'not_cvm_count', 'cvm_count_not') \gexec
SELECT * FROM cvm_count_status() WHERE fact = 'library';
SELECT format('ALTER DATABASE %I RESET session_preload_libraries', current_database()) \gexec
SELECT format('ALTER DATABASE %I RESET cvm_count.count_distinct_epsilon', current_database()) \gexec
SELECT format('ALTER ROLE %I RESET cvm_count.count_distinct_epsilon', session_user) \gexec
SELECT format('ALTER ROLE %I IN DATABASE %I RESET cvm_count.count_distinct_delta', session_user, current_database()) \gexec

-- Any role may ask. Some see no lists of libraries.
CREATE ROLE status_reader;
\c
LOAD 'cvm_count';
SELECT * FROM cvm_count_status() WHERE fact = 'library';
SET ROLE status_reader;
SELECT * FROM cvm_count_status() WHERE fact IN ('library', 'count(DISTINCT x)', 'cvm_count.count_distinct_epsilon');
RESET ROLE;
DROP ROLE status_reader;

-- The caller's search_path makes no difference.
CREATE SCHEMA status_trap;
CREATE FUNCTION status_trap.equals(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT NULL::boolean';
CREATE OPERATOR status_trap.= (FUNCTION = status_trap.equals, LEFTARG = text, RIGHTARG = text);
CREATE VIEW status_trap.pg_settings AS SELECT 'cvm_count.citus_pushdown' AS name, 'on' AS setting;
SET client_min_messages = warning;
SET search_path = status_trap, pg_catalog;
SELECT * FROM public.cvm_count_status() s WHERE s.fact OPERATOR(pg_catalog.=) 'library';
RESET search_path;
DROP SCHEMA status_trap CASCADE;
