\echo Use "CREATE EXTENSION cvm_count" to load this file. \quit
-- What SQL sees of cvm_count. Every object has a COMMENT.

-- The hash of a value

CREATE FUNCTION cvm_hash(value anyelement, seed bigint DEFAULT 0) RETURNS bigint
AS 'MODULE_PATHNAME', 'cvm_hash'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION cvm_hash(anyelement, bigint)
IS 'hash of a value, the same for values that are equal; what approx_count_distinct_cvm samples';

-- Support functions of the aggregates

CREATE FUNCTION cvm_accumulate(internal, anyelement) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_accumulate'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_accumulate(internal, anyelement)
IS 'transition of approx_count_distinct_cvm';

CREATE FUNCTION cvm_accumulate(internal, anyelement, epsilon double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_accumulate_within'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_accumulate(internal, anyelement, double precision)
IS 'transition of approx_count_distinct_cvm with epsilon';

CREATE FUNCTION cvm_accumulate(internal, anyelement, epsilon double precision, delta double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_accumulate_within'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_accumulate(internal, anyelement, double precision, double precision)
IS 'transition of approx_count_distinct_cvm with epsilon and delta';

CREATE FUNCTION cvm_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_combine'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_combine(internal, internal)
IS 'merges two states of approx_count_distinct_cvm';

CREATE FUNCTION cvm_serialize(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'cvm_serialize'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_serialize(internal)
IS 'a state of approx_count_distinct_cvm as bytes';

CREATE FUNCTION cvm_deserialize(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_deserialize'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_deserialize(bytea, internal)
IS 'a state of approx_count_distinct_cvm from its bytes';

CREATE FUNCTION cvm_final_count(internal) RETURNS bigint
AS 'MODULE_PATHNAME', 'cvm_final_count'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_final_count(internal)
IS 'the estimate of approx_count_distinct_cvm';

-- The aggregate

-- SSPACE is what a group of nine to sixteen values takes: the state, its first list of hashes, and the allocator's headers.
-- Fewer take half of it, a hundred five times as much.

CREATE AGGREGATE approx_count_distinct_cvm(value anyelement) (
    SFUNC = cvm_accumulate,
    STYPE = internal,
    SSPACE = 288,
    FINALFUNC = cvm_final_count,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine,
    SERIALFUNC = cvm_serialize,
    DESERIALFUNC = cvm_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE approx_count_distinct_cvm(anyelement)
IS 'approximate number of distinct values that are not null, within 3 % 99 times in 100';

CREATE AGGREGATE approx_count_distinct_cvm(value anyelement, epsilon double precision) (
    SFUNC = cvm_accumulate,
    STYPE = internal,
    SSPACE = 288,
    FINALFUNC = cvm_final_count,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine,
    SERIALFUNC = cvm_serialize,
    DESERIALFUNC = cvm_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE approx_count_distinct_cvm(anyelement, double precision)
IS 'approximate number of distinct values that are not null, within a relative error of epsilon 99 times in 100';

CREATE AGGREGATE approx_count_distinct_cvm(value anyelement, epsilon double precision, delta double precision) (
    SFUNC = cvm_accumulate,
    STYPE = internal,
    SSPACE = 288,
    FINALFUNC = cvm_final_count,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine,
    SERIALFUNC = cvm_serialize,
    DESERIALFUNC = cvm_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE approx_count_distinct_cvm(anyelement, double precision, double precision)
IS 'approximate number of distinct values that are not null, within a relative error of epsilon with probability 1 - delta';
