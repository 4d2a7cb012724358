-- The catalog shows the surface of the extension: each object with its comment.
SELECT pg_describe_object(classid, objid, objsubid) COLLATE "C" AS object,
       obj_description(objid, classid::regclass::name) AS comment
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cvm_count')
  -- PostgreSQL makes the array types by itself, and counts them among the extension's from 17 on.
  AND NOT (classid = 'pg_type'::regclass AND objid IN ('cvm_sketch[]'::regtype, 'cvm_sample[]'::regtype))
ORDER BY 1;

-- Functions have the right volatility, strictness, parallel safety and rights.
SELECT oid::regprocedure AS function,
       prokind AS kind,
       provolatile AS volatility,
       proisstrict AS strict,
       proparallel AS parallel,
       prosecdef AS definer
FROM pg_proc
WHERE oid IN (
    SELECT objid
    FROM pg_depend
    WHERE classid = 'pg_proc'::regclass
      AND refclassid = 'pg_extension'::regclass
      AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cvm_count')
)
ORDER BY oid::regprocedure::text COLLATE "C";

-- The aggregates can run in parallel and share their states.
SELECT proname AS aggregate,
       pronargs AS arguments,
       aggtransfn::regproc,
       aggtranstype::regtype,
       aggtransspace AS sspace,
       aggfinalmodify AS final_modifies,
       aggcombinefn::regproc,
       aggserialfn::regproc,
       aggdeserialfn::regproc
FROM pg_aggregate JOIN pg_proc ON aggfnoid = pg_proc.oid
WHERE proname ~ 'cvm'
ORDER BY proname COLLATE "C", pronargs;

-- Every object has a comment.
SELECT pg_describe_object(classid, objid, objsubid) AS without_comment
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cvm_count')
  AND obj_description(objid, classid::regclass::name) IS NULL
  -- The array types have none.
  AND NOT (classid = 'pg_type'::regclass AND objid IN ('cvm_sketch[]'::regtype, 'cvm_sample[]'::regtype));

-- The operator classes are complete.
SELECT opcname AS operator_class, amvalidate(pg_opclass.oid) AS is_valid
FROM (
    SELECT oid, opcname
    FROM pg_opclass
    WHERE opcintype IN ('cvm_sketch'::regtype, 'cvm_sample'::regtype)
) pg_opclass
ORDER BY opcname;

-- The owner of a database, who is no superuser, creates the extension.
-- A role with no more than USAGE and EXECUTE uses it.
DROP EXTENSION cvm_count;
CREATE ROLE cvm_owner;
CREATE ROLE cvm_user;
SELECT format('GRANT CREATE ON DATABASE %I TO cvm_owner', current_database()) \gexec
CREATE SCHEMA private AUTHORIZATION cvm_owner;
SET ROLE cvm_owner;
CREATE EXTENSION cvm_count SCHEMA private;
GRANT USAGE ON SCHEMA private TO cvm_user;
SET ROLE cvm_user;
SELECT private.approx_count_distinct_cvm(i) FROM generate_series(1, 10) i;
RESET ROLE;
DROP EXTENSION cvm_count;
DROP SCHEMA private;
SELECT format('REVOKE CREATE ON DATABASE %I FROM cvm_owner', current_database()) \gexec
DROP ROLE cvm_owner, cvm_user;
CREATE EXTENSION cvm_count;
