-- approx_count_distinct_cvm under the names that other systems use. Every object has a COMMENT.
\echo Use "CREATE EXTENSION cvm_count_aliases" to load this file. \quit

CREATE FUNCTION cvm_accumulate_of_error(internal, anyelement, standard_error double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_accumulate_of_error'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_accumulate_of_error(internal, anyelement, double precision)
IS 'transition of approx_distinct and approx_count_distinct with a standard error';

CREATE FUNCTION cvm_enter_of_error(internal, anyelement, standard_error double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_enter_of_error'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_enter_of_error(internal, anyelement, double precision)
IS 'a row enters a moving frame of approx_distinct and approx_count_distinct with a standard error';

CREATE FUNCTION cvm_leave_of_error(internal, anyelement, standard_error double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_leave_of_error'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_leave_of_error(internal, anyelement, double precision)
IS 'a row leaves a moving frame of approx_distinct and approx_count_distinct with a standard error';

-- The aggregates are made of the functions of cvm_count, so that a query that has both names has one state for them. What is looked up
-- here runs as a superuser. So it says where it is: others may have objects in the schemas that are searched.
DO $$
DECLARE
    home pg_catalog.name;
    version pg_catalog.text;
    alias pg_catalog.text;
BEGIN
    SELECT n.nspname, e.extversion INTO STRICT home, version
    FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
    WHERE e.extname OPERATOR(pg_catalog.=) 'cvm_count'::pg_catalog.name;
    IF pg_catalog.to_regprocedure(pg_catalog.format('%I.cvm_enter(internal, anyelement)', home)) IS NULL THEN
        RAISE EXCEPTION 'extension "cvm_count_aliases" requires version 0.3.0 of "cvm_count" or a later one, not %', version
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'ALTER EXTENSION cvm_count UPDATE.';
    END IF;
    FOREACH alias IN ARRAY ARRAY['approx_distinct', 'approx_count_distinct'] LOOP
        EXECUTE pg_catalog.format($aggregate$
            CREATE AGGREGATE %1$I(value anyelement) (
                SFUNC = %2$I.cvm_accumulate,
                STYPE = internal,
                SSPACE = 288,
                FINALFUNC = %2$I.cvm_final_count,
                FINALFUNC_MODIFY = READ_ONLY,
                COMBINEFUNC = %2$I.cvm_combine,
                SERIALFUNC = %2$I.cvm_serialize,
                DESERIALFUNC = %2$I.cvm_deserialize,
                MSFUNC = %2$I.cvm_enter,
                MINVFUNC = %2$I.cvm_leave,
                MSTYPE = internal,
                MFINALFUNC = %2$I.cvm_moving_count,
                MFINALFUNC_MODIFY = READ_ONLY,
                PARALLEL = SAFE
            )$aggregate$, alias, home);
        EXECUTE pg_catalog.format($aggregate$
            CREATE AGGREGATE %1$I(value anyelement, standard_error double precision) (
                SFUNC = cvm_accumulate_of_error,
                STYPE = internal,
                SSPACE = 288,
                FINALFUNC = %2$I.cvm_final_count,
                FINALFUNC_MODIFY = READ_ONLY,
                COMBINEFUNC = %2$I.cvm_combine,
                SERIALFUNC = %2$I.cvm_serialize,
                DESERIALFUNC = %2$I.cvm_deserialize,
                MSFUNC = cvm_enter_of_error,
                MINVFUNC = cvm_leave_of_error,
                MSTYPE = internal,
                MFINALFUNC = %2$I.cvm_moving_count,
                MFINALFUNC_MODIFY = READ_ONLY,
                PARALLEL = SAFE
            )$aggregate$, alias, home);
    END LOOP;
END $$;

COMMENT ON AGGREGATE approx_distinct(anyelement)
IS 'approx_count_distinct_cvm: approximate number of distinct values that are not null, within 3 % 99 times in 100';
COMMENT ON AGGREGATE approx_distinct(anyelement, double precision)
IS 'approx_count_distinct_cvm at an epsilon of 2.7 standard errors';
COMMENT ON AGGREGATE approx_count_distinct(anyelement)
IS 'approx_count_distinct_cvm: approximate number of distinct values that are not null, within 3 % 99 times in 100';
COMMENT ON AGGREGATE approx_count_distinct(anyelement, double precision)
IS 'approx_count_distinct_cvm at an epsilon of 2.7 standard errors';
