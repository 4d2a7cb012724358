-- The settings decide what the code of others computes: policies, triggers, views.
-- So a superuser decides on the settings.
SET client_min_messages = warning;
LOAD 'cvm_count';
CREATE SCHEMA guarded;
SET search_path = guarded, public;
CREATE ROLE setting_owner;
CREATE ROLE setting_reader;
GRANT USAGE ON SCHEMA guarded, public TO setting_owner, setting_reader;
GRANT CREATE ON SCHEMA guarded TO setting_owner;
SET ROLE setting_owner;

-- The function of a policy counts.
CREATE TABLE person AS SELECT i AS id FROM generate_series(1, 40) i;
CREATE TABLE secret AS SELECT 'the secret' AS what;

CREATE FUNCTION persons() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
    AS 'SELECT count(DISTINCT id) FROM guarded.person';

CREATE POLICY p ON secret USING (persons() > 45);
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON secret TO setting_reader;

-- A trigger enforces a limit by counting.
CREATE TABLE seat AS SELECT i AS id, i AS person FROM generate_series(1, 40) i;

CREATE FUNCTION no_more_seats() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    IF (SELECT count(DISTINCT person) FROM guarded.seat) >= 40 THEN RAISE EXCEPTION 'no more seats'; END IF;
    RETURN new;
END $$;

CREATE TRIGGER limited BEFORE INSERT ON seat FOR EACH ROW EXECUTE FUNCTION no_more_seats();
GRANT INSERT ON seat TO setting_reader;
RESET ROLE;

-- Whoever may not set it gets an ERROR, in each way to set it. All is as it was.
SET ROLE setting_reader;
SET cvm_count.count_distinct_epsilon = 0.5;
SET cvm_count.count_distinct_delta = 0.1;
SET LOCAL cvm_count.count_distinct_epsilon = 0.5;
SELECT set_config('cvm_count.count_distinct_epsilon', '0.5', false);
UPDATE pg_settings SET setting = '0.5' WHERE name = 'cvm_count.count_distinct_epsilon';
ALTER ROLE setting_reader SET cvm_count.count_distinct_epsilon = 0.5;

CREATE FUNCTION pg_temp.read() RETURNS text
    LANGUAGE sql SET cvm_count.count_distinct_epsilon = 0.5 AS 'SELECT what FROM guarded.secret';

SELECT * FROM secret;
INSERT INTO seat VALUES (41, 41);
SHOW cvm_count.count_distinct_epsilon;

-- citus_pushdown changes no answer, and is everybody's.
SET cvm_count.citus_pushdown = off;
RESET cvm_count.citus_pushdown;
RESET ROLE;

-- A superuser may set it, and may let others do so.
GRANT SET ON PARAMETER cvm_count.count_distinct_epsilon, cvm_count.count_distinct_delta TO setting_reader;
SET ROLE setting_reader;
SET cvm_count.count_distinct_epsilon = 0.03;
SHOW cvm_count.count_distinct_epsilon;
RESET cvm_count.count_distinct_epsilon;
RESET ROLE;
REVOKE SET ON PARAMETER cvm_count.count_distinct_epsilon, cvm_count.count_distinct_delta FROM setting_reader;
ALTER ROLE setting_reader SET cvm_count.count_distinct_epsilon = 0.03;
SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'setting_reader'::regrole;

-- A function may have a value of its own. It runs for callers who may set that, or as an owner who may.
CREATE FUNCTION exactly() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET cvm_count.count_distinct_epsilon = 0 AS $$
    SELECT count(DISTINCT id) FROM guarded.person
$$;

SET ROLE setting_reader;
SELECT exactly();
RESET ROLE;
ALTER FUNCTION exactly() SECURITY INVOKER;
SET ROLE setting_reader;
SELECT exactly();
RESET ROLE;

DROP SCHEMA guarded CASCADE;
REVOKE USAGE ON SCHEMA public FROM setting_owner, setting_reader;
DROP ROLE setting_owner, setting_reader;
