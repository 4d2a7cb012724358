-- The names of postgresql-hll, for sketches of cvm_count. Tools that write them run unchanged. A value is a cvm_sketch: neither the bytes
-- of hll nor its numbers. Every object has a COMMENT.
\echo Use "CREATE EXTENSION cvm_count_hll" to load this file. \quit

-- What is looked up here runs as a superuser. So it says where it is: others may have objects in the schemas that are searched.
DO $$
DECLARE
    home pg_catalog.name;
    version pg_catalog.text;
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname OPERATOR(pg_catalog.=) 'hll'::pg_catalog.name) THEN
        RAISE EXCEPTION 'extension "cvm_count_hll" cannot be installed beside the extension "hll"'
            USING ERRCODE = 'duplicate_object',
                  DETAIL = 'Both have the same names for different things.',
                  HINT = 'What stored hll values hold cannot be turned into sketches. Build them again from the rows, then DROP EXTENSION hll.';
    END IF;
    SELECT n.nspname, e.extversion INTO STRICT home, version
    FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
    WHERE e.extname OPERATOR(pg_catalog.=) 'cvm_count'::pg_catalog.name;
    IF pg_catalog.to_regprocedure(pg_catalog.format('%I.cvm_enter(internal, anyelement)', home)) IS NULL THEN
        RAISE EXCEPTION 'extension "cvm_count_hll" requires version 0.3.0 of "cvm_count" or a later one, not %', version
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'ALTER EXTENSION cvm_count UPDATE.';
    END IF;
    EXECUTE pg_catalog.format('CREATE DOMAIN hll AS %I.cvm_sketch', home);
END $$;
COMMENT ON DOMAIN hll
IS 'a cvm_sketch, under the name of the type of postgresql-hll; its bytes are those of cvm_sketch';

-- The hash of a value: a type of its own, so that nobody takes a number for a hash by mistake

CREATE TYPE hll_hashval;
COMMENT ON TYPE hll_hashval
IS 'the cvm_hash of a value';

CREATE FUNCTION hll_hashval_in(cstring) RETURNS hll_hashval
AS 'int8in'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_hashval_in(cstring)
IS 'a hash from its text, a bigint';

CREATE FUNCTION hll_hashval_out(hll_hashval) RETURNS cstring
AS 'int8out'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_hashval_out(hll_hashval)
IS 'a hash as text';

CREATE FUNCTION hll_hashval_recv(internal) RETURNS hll_hashval
AS 'int8recv'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_hashval_recv(internal)
IS 'a hash from the bytes of a message';

CREATE FUNCTION hll_hashval_send(hll_hashval) RETURNS bytea
AS 'int8send'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_hashval_send(hll_hashval)
IS 'a hash as the bytes of a message';

CREATE TYPE hll_hashval (
    INPUT = hll_hashval_in,
    OUTPUT = hll_hashval_out,
    RECEIVE = hll_hashval_recv,
    SEND = hll_hashval_send,
    LIKE = pg_catalog.int8
);

CREATE FUNCTION hll_hashval(bigint) RETURNS hll_hashval
AS 'int8up'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_hashval(bigint)
IS 'the number, taken for a hash';

CREATE FUNCTION hll_hashval_int4(integer) RETURNS hll_hashval
AS 'int48'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_hashval_int4(integer)
IS 'the number, taken for a hash';

CREATE CAST (bigint AS hll_hashval) WITHOUT FUNCTION;
COMMENT ON CAST (bigint AS hll_hashval)
IS 'takes the number for a hash';

CREATE CAST (integer AS hll_hashval) WITH FUNCTION hll_hashval_int4(integer);
COMMENT ON CAST (integer AS hll_hashval)
IS 'takes the number for a hash';

CREATE FUNCTION hll_hashval_eq(hll_hashval, hll_hashval) RETURNS boolean
AS 'int8eq'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_hashval_eq(hll_hashval, hll_hashval)
IS 'implementation of the operator =';

CREATE FUNCTION hll_hashval_ne(hll_hashval, hll_hashval) RETURNS boolean
AS 'int8ne'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_hashval_ne(hll_hashval, hll_hashval)
IS 'implementation of the operator <>';

CREATE OPERATOR = (
    FUNCTION = hll_hashval_eq, LEFTARG = hll_hashval, RIGHTARG = hll_hashval,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (hll_hashval, hll_hashval)
IS 'is the same hash';

CREATE OPERATOR <> (
    FUNCTION = hll_hashval_ne, LEFTARG = hll_hashval, RIGHTARG = hll_hashval,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (hll_hashval, hll_hashval)
IS 'is another hash';

-- The seed is a bigint, where that of hll is an integer: every call of hll's works. It is cvm_hash that they all are.

CREATE FUNCTION hll_hash_boolean(value boolean, seed bigint DEFAULT 0) RETURNS hll_hashval
AS 'MODULE_PATHNAME', 'cvm_hash'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION hll_hash_boolean(boolean, bigint)
IS 'hash of a value of type boolean, the same as hll_hash_any';

CREATE FUNCTION hll_hash_smallint(value smallint, seed bigint DEFAULT 0) RETURNS hll_hashval
AS 'MODULE_PATHNAME', 'cvm_hash'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION hll_hash_smallint(smallint, bigint)
IS 'hash of a value of type smallint, the same as hll_hash_any';

CREATE FUNCTION hll_hash_integer(value integer, seed bigint DEFAULT 0) RETURNS hll_hashval
AS 'MODULE_PATHNAME', 'cvm_hash'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION hll_hash_integer(integer, bigint)
IS 'hash of a value of type integer, the same as hll_hash_any';

CREATE FUNCTION hll_hash_bigint(value bigint, seed bigint DEFAULT 0) RETURNS hll_hashval
AS 'MODULE_PATHNAME', 'cvm_hash'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION hll_hash_bigint(bigint, bigint)
IS 'hash of a value of type bigint, the same as hll_hash_any';

CREATE FUNCTION hll_hash_bytea(value bytea, seed bigint DEFAULT 0) RETURNS hll_hashval
AS 'MODULE_PATHNAME', 'cvm_hash'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION hll_hash_bytea(bytea, bigint)
IS 'hash of a value of type bytea, the same as hll_hash_any';

CREATE FUNCTION hll_hash_text(value text, seed bigint DEFAULT 0) RETURNS hll_hashval
AS 'MODULE_PATHNAME', 'cvm_hash'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION hll_hash_text(text, bigint)
IS 'hash of a value of type text, the same as hll_hash_any';

CREATE FUNCTION hll_hash_any(value anyelement, seed bigint DEFAULT 0) RETURNS hll_hashval
AS 'MODULE_PATHNAME', 'cvm_hash'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 2;
COMMENT ON FUNCTION hll_hash_any(anyelement, bigint)
IS 'hash of a value of any type that has equality, the same for values that are equal: its cvm_hash';

-- Functions of sketches

CREATE FUNCTION hll_eq(hll, hll) RETURNS boolean
AS 'byteaeq'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_eq(hll, hll)
IS 'implementation of the operator =';

CREATE FUNCTION hll_ne(hll, hll) RETURNS boolean
AS 'byteane'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_ne(hll, hll)
IS 'implementation of the operator <>';

CREATE OPERATOR = (
    FUNCTION = hll_eq, LEFTARG = hll, RIGHTARG = hll,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (hll, hll)
IS 'is the same sketch';

CREATE OPERATOR <> (
    FUNCTION = hll_ne, LEFTARG = hll, RIGHTARG = hll,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (hll, hll)
IS 'is another sketch';

CREATE FUNCTION hll_cardinality(hll) RETURNS double precision
AS 'MODULE_PATHNAME', 'cvm_hll_cardinality'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_cardinality(hll)
IS 'approximate number of distinct values, a whole number';

CREATE OPERATOR # (FUNCTION = hll_cardinality, RIGHTARG = hll);
COMMENT ON OPERATOR # (NONE, hll)
IS 'approximate number of distinct values, a whole number';

CREATE FUNCTION hll_union(hll, hll) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_sketch_union'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION hll_union(hll, hll)
IS 'sketch of the values in either sketch';

CREATE OPERATOR || (FUNCTION = hll_union, LEFTARG = hll, RIGHTARG = hll, COMMUTATOR = ||);
COMMENT ON OPERATOR || (hll, hll)
IS 'sketch of the values in either sketch';

CREATE FUNCTION hll_add(hll, hll_hashval) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_hll_add'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION hll_add(hll, hll_hashval)
IS 'the sketch with one hash more';

CREATE FUNCTION hll_add_rev(hll_hashval, hll) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_hll_add_rev'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION hll_add_rev(hll_hashval, hll)
IS 'the sketch with one hash more';

CREATE OPERATOR || (FUNCTION = hll_add, LEFTARG = hll, RIGHTARG = hll_hashval, COMMUTATOR = ||);
COMMENT ON OPERATOR || (hll, hll_hashval)
IS 'the sketch with one hash more';

CREATE OPERATOR || (FUNCTION = hll_add_rev, LEFTARG = hll_hashval, RIGHTARG = hll, COMMUTATOR = ||);
COMMENT ON OPERATOR || (hll_hashval, hll)
IS 'the sketch with one hash more';

CREATE FUNCTION hll_empty() RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_hll_empty'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_empty()
IS 'sketch of no values';

CREATE FUNCTION hll_empty(log2m integer) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_hll_empty'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_empty(integer)
IS 'sketch of no values at the standard error of 2 ^ log2m registers';

CREATE FUNCTION hll_empty(log2m integer, regwidth integer) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_hll_empty'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_empty(integer, integer)
IS 'sketch of no values at the standard error of 2 ^ log2m registers; the other options are checked, and make no difference';

CREATE FUNCTION hll_empty(log2m integer, regwidth integer, expthresh bigint) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_hll_empty'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_empty(integer, integer, bigint)
IS 'sketch of no values at the standard error of 2 ^ log2m registers; the other options are checked, and make no difference';

CREATE FUNCTION hll_empty(log2m integer, regwidth integer, expthresh bigint, sparseon integer) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_hll_empty'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION hll_empty(integer, integer, bigint, integer)
IS 'sketch of no values at the standard error of 2 ^ log2m registers; the other options are checked, and make no difference';

-- Support functions of the aggregates. Their states are sketches, so that engines that send states between servers can send them.

CREATE FUNCTION hll_accumulate(hll, hll_hashval) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_accumulate_hashed'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_accumulate(hll, hll_hashval)
IS 'transition of hll_add_agg';

CREATE FUNCTION hll_accumulate(hll, hll_hashval, log2m integer) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_hll_accumulate'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_accumulate(hll, hll_hashval, integer)
IS 'transition of hll_add_agg with 1 option';

CREATE FUNCTION hll_accumulate(hll, hll_hashval, log2m integer, regwidth integer) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_hll_accumulate'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_accumulate(hll, hll_hashval, integer, integer)
IS 'transition of hll_add_agg with 2 options';

CREATE FUNCTION hll_accumulate(hll, hll_hashval, log2m integer, regwidth integer, expthresh bigint) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_hll_accumulate'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_accumulate(hll, hll_hashval, integer, integer, bigint)
IS 'transition of hll_add_agg with 3 options';

CREATE FUNCTION hll_accumulate(hll, hll_hashval, log2m integer, regwidth integer, expthresh bigint, sparseon integer) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_hll_accumulate'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_accumulate(hll, hll_hashval, integer, integer, bigint, integer)
IS 'transition of hll_add_agg with 4 options';

CREATE FUNCTION hll_combine(hll, hll) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_combine_hashed'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_combine(hll, hll)
IS 'merges two states of hll_add_agg';

CREATE FUNCTION hll_merge(hll, hll) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_merge'
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION hll_merge(hll, hll)
IS 'transition of hll_union_agg, and merges two of its states';

CREATE FUNCTION hll_final(hll) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_final_flat'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_final(hll)
IS 'the sketch of hll_add_agg and hll_union_agg';

CREATE FUNCTION hll_enter(internal, hll_hashval) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_enter_hashed'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_enter(internal, hll_hashval)
IS 'a row enters a moving frame of hll_add_agg';

CREATE FUNCTION hll_enter(internal, hll_hashval, log2m integer) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_hll_enter'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_enter(internal, hll_hashval, integer)
IS 'a row enters a moving frame of hll_add_agg with 1 option';

CREATE FUNCTION hll_enter(internal, hll_hashval, log2m integer, regwidth integer) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_hll_enter'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_enter(internal, hll_hashval, integer, integer)
IS 'a row enters a moving frame of hll_add_agg with 2 options';

CREATE FUNCTION hll_enter(internal, hll_hashval, log2m integer, regwidth integer, expthresh bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_hll_enter'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_enter(internal, hll_hashval, integer, integer, bigint)
IS 'a row enters a moving frame of hll_add_agg with 3 options';

CREATE FUNCTION hll_enter(internal, hll_hashval, log2m integer, regwidth integer, expthresh bigint, sparseon integer) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_hll_enter'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_enter(internal, hll_hashval, integer, integer, bigint, integer)
IS 'a row enters a moving frame of hll_add_agg with 4 options';

CREATE FUNCTION hll_enter(internal, hll) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_enter_sketch'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_enter(internal, hll)
IS 'a sketch enters a moving frame of hll_union_agg';

CREATE FUNCTION hll_leave(internal, hll_hashval) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_leave_hashed'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_leave(internal, hll_hashval)
IS 'a row leaves a moving frame of hll_add_agg';

CREATE FUNCTION hll_leave(internal, hll_hashval, log2m integer) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_hll_leave'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_leave(internal, hll_hashval, integer)
IS 'a row leaves a moving frame of hll_add_agg with 1 option';

CREATE FUNCTION hll_leave(internal, hll_hashval, log2m integer, regwidth integer) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_hll_leave'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_leave(internal, hll_hashval, integer, integer)
IS 'a row leaves a moving frame of hll_add_agg with 2 options';

CREATE FUNCTION hll_leave(internal, hll_hashval, log2m integer, regwidth integer, expthresh bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_hll_leave'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_leave(internal, hll_hashval, integer, integer, bigint)
IS 'a row leaves a moving frame of hll_add_agg with 3 options';

CREATE FUNCTION hll_leave(internal, hll_hashval, log2m integer, regwidth integer, expthresh bigint, sparseon integer) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_hll_leave'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_leave(internal, hll_hashval, integer, integer, bigint, integer)
IS 'a row leaves a moving frame of hll_add_agg with 4 options';

CREATE FUNCTION hll_leave(internal, hll) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_leave_sketch'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_leave(internal, hll)
IS 'a sketch leaves a moving frame of hll_union_agg';

CREATE FUNCTION hll_moving(internal) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_moving_sketch'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_moving(internal)
IS 'the sketch of hll_add_agg in a moving frame';

CREATE FUNCTION hll_moving_union(internal) RETURNS hll
AS 'MODULE_PATHNAME', 'cvm_moving_union'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION hll_moving_union(internal)
IS 'the sketch of hll_union_agg in a moving frame';

-- The aggregates. SSPACE is as in cvm_count.

CREATE AGGREGATE hll_add_agg(hash hll_hashval) (
    SFUNC = hll_accumulate,
    STYPE = hll,
    SSPACE = 512,
    FINALFUNC = hll_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = hll_combine,
    MSFUNC = hll_enter,
    MINVFUNC = hll_leave,
    MSTYPE = internal,
    MFINALFUNC = hll_moving,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE hll_add_agg(hll_hashval)
IS 'sketch of the values that are given as their hashes';

CREATE AGGREGATE hll_add_agg(hash hll_hashval, log2m integer) (
    SFUNC = hll_accumulate,
    STYPE = hll,
    SSPACE = 512,
    FINALFUNC = hll_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = hll_combine,
    MSFUNC = hll_enter,
    MINVFUNC = hll_leave,
    MSTYPE = internal,
    MFINALFUNC = hll_moving,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE hll_add_agg(hll_hashval, integer)
IS 'sketch of the values that are given as their hashes at the standard error of 2 ^ log2m registers';

CREATE AGGREGATE hll_add_agg(hash hll_hashval, log2m integer, regwidth integer) (
    SFUNC = hll_accumulate,
    STYPE = hll,
    SSPACE = 512,
    FINALFUNC = hll_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = hll_combine,
    MSFUNC = hll_enter,
    MINVFUNC = hll_leave,
    MSTYPE = internal,
    MFINALFUNC = hll_moving,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE hll_add_agg(hll_hashval, integer, integer)
IS 'sketch of the values that are given as their hashes at the standard error of 2 ^ log2m registers; the other options are checked, and make no difference';

CREATE AGGREGATE hll_add_agg(hash hll_hashval, log2m integer, regwidth integer, expthresh bigint) (
    SFUNC = hll_accumulate,
    STYPE = hll,
    SSPACE = 512,
    FINALFUNC = hll_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = hll_combine,
    MSFUNC = hll_enter,
    MINVFUNC = hll_leave,
    MSTYPE = internal,
    MFINALFUNC = hll_moving,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE hll_add_agg(hll_hashval, integer, integer, bigint)
IS 'sketch of the values that are given as their hashes at the standard error of 2 ^ log2m registers; the other options are checked, and make no difference';

CREATE AGGREGATE hll_add_agg(hash hll_hashval, log2m integer, regwidth integer, expthresh bigint, sparseon integer) (
    SFUNC = hll_accumulate,
    STYPE = hll,
    SSPACE = 512,
    FINALFUNC = hll_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = hll_combine,
    MSFUNC = hll_enter,
    MINVFUNC = hll_leave,
    MSTYPE = internal,
    MFINALFUNC = hll_moving,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE hll_add_agg(hll_hashval, integer, integer, bigint, integer)
IS 'sketch of the values that are given as their hashes at the standard error of 2 ^ log2m registers; the other options are checked, and make no difference';

CREATE AGGREGATE hll_union_agg(sketch hll) (
    SFUNC = hll_merge,
    STYPE = hll,
    SSPACE = 65536,
    FINALFUNC = hll_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = hll_merge,
    MSFUNC = hll_enter,
    MINVFUNC = hll_leave,
    MSTYPE = internal,
    MFINALFUNC = hll_moving_union,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE hll_union_agg(hll)
IS 'sketch of all values in any of the sketches';
