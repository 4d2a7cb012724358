-- From 0.2.0 to 0.3.0.
\echo Use "ALTER EXTENSION cvm_count UPDATE TO '0.3.0'" to load this file. \quit

-- A function that returns more columns is another function.
DROP FUNCTION cvm_sketch_info(cvm_sketch);
-- One of its columns says the same.
DROP FUNCTION cvm_sketch_is_derived(cvm_sketch);

CREATE FUNCTION cvm_sketch_info(
    sketch cvm_sketch,
    OUT version integer, OUT seed bigint, OUT capacity integer, OUT level integer, OUT retained integer,
    OUT is_exact boolean, OUT bytes integer, OUT kind text, OUT is_derived boolean
) RETURNS record
AS 'MODULE_PATHNAME', 'cvm_sketch_info'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sketch_info(cvm_sketch)
IS 'what the header of a sketch says, and its size';

CREATE FUNCTION cvm_sketch_of_kind(sketch cvm_sketch, kind text) RETURNS cvm_sketch
AS 'MODULE_PATHNAME', 'cvm_sketch_of_kind'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100;
COMMENT ON FUNCTION cvm_sketch_of_kind(cvm_sketch, text)
IS 'the sketch of the same hashes, which are said to be of that kind of values';

CREATE FUNCTION cvm_sketch_union(sketches cvm_sketch[]) RETURNS cvm_sketch
AS 'MODULE_PATHNAME', 'cvm_sketch_union_of_array'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION cvm_sketch_union(cvm_sketch[])
IS 'sketch of the values in any of the sketches that are not null';

CREATE FUNCTION cvm_sketch_intersection_bounds(
    a cvm_sketch, b cvm_sketch, confidence double precision DEFAULT 0.95,
    OUT estimate bigint, OUT lower bigint, OUT upper bigint
) RETURNS record
AS 'MODULE_PATHNAME', 'cvm_sketch_intersection_bounds'
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION cvm_sketch_intersection_bounds(cvm_sketch, cvm_sketch, double precision)
IS 'approximate number of distinct values in both sketches, from all that either knows, and bounds that hold with the confidence';

CREATE FUNCTION cvm_sketch_difference_bounds(
    a cvm_sketch, b cvm_sketch, confidence double precision DEFAULT 0.95,
    OUT estimate bigint, OUT lower bigint, OUT upper bigint
) RETURNS record
AS 'MODULE_PATHNAME', 'cvm_sketch_difference_bounds'
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION cvm_sketch_difference_bounds(cvm_sketch, cvm_sketch, double precision)
IS 'approximate number of distinct values in the first sketch but not in the second, from all that the first knows, and bounds that hold with the confidence';

CREATE FUNCTION cvm_sketch_containment(
    a cvm_sketch, b cvm_sketch, confidence double precision DEFAULT 0.95,
    OUT estimate double precision, OUT lower double precision, OUT upper double precision
) RETURNS record
AS 'MODULE_PATHNAME', 'cvm_sketch_containment'
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION cvm_sketch_containment(cvm_sketch, cvm_sketch, double precision)
IS 'approximate share of the values of the first sketch that are in the second, and bounds that hold with the confidence';

-- Samples: the values themselves, and what is known of each

CREATE TYPE cvm_sample;
COMMENT ON TYPE cvm_sample
IS 'a uniform sample of distinct values, each with the number of its rows, and the sum, minimum and maximum of a measure over them';

CREATE FUNCTION cvm_sample_in(cstring) RETURNS cvm_sample
AS 'MODULE_PATHNAME', 'cvm_sample_in'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_in(cstring)
IS 'a sample from its text: \x and the hexadecimal digits of its bytes';

CREATE FUNCTION cvm_sample_out(cvm_sample) RETURNS cstring
AS 'MODULE_PATHNAME', 'cvm_sketch_out'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_out(cvm_sample)
IS 'a sample as text';

CREATE FUNCTION cvm_sample_recv(internal) RETURNS cvm_sample
AS 'MODULE_PATHNAME', 'cvm_sample_recv'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_recv(internal)
IS 'a sample from the bytes of a message';

CREATE FUNCTION cvm_sample_send(cvm_sample) RETURNS bytea
AS 'byteasend'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_send(cvm_sample)
IS 'a sample as the bytes of a message';

-- EXTENDED, since values may compress.
CREATE TYPE cvm_sample (
    INPUT = cvm_sample_in,
    OUTPUT = cvm_sample_out,
    RECEIVE = cvm_sample_recv,
    SEND = cvm_sample_send,
    INTERNALLENGTH = VARIABLE,
    STORAGE = extended
);

CREATE FUNCTION cvm_sample(bytea) RETURNS cvm_sample
AS 'MODULE_PATHNAME', 'cvm_sample_from_bytea'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample(bytea)
IS 'a sample from its bytes, all of which are checked';

CREATE CAST (bytea AS cvm_sample) WITH FUNCTION cvm_sample(bytea);
COMMENT ON CAST (bytea AS cvm_sample)
IS 'checks all bytes';

CREATE CAST (cvm_sample AS bytea) WITHOUT FUNCTION;
COMMENT ON CAST (cvm_sample AS bytea)
IS 'the bytes as documented in docs/format.md';

CREATE FUNCTION cvm_sketch(sample cvm_sample) RETURNS cvm_sketch
AS 'MODULE_PATHNAME', 'cvm_sketch_of_sample'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sketch(cvm_sample)
IS 'the sketch of the values that the sample is of';

CREATE CAST (cvm_sample AS cvm_sketch) WITH FUNCTION cvm_sketch(cvm_sample);
COMMENT ON CAST (cvm_sample AS cvm_sketch)
IS 'the sketch of the values that the sample is of';

-- Equality and order: those of the bytes, by PostgreSQL's own functions for bytea. Equal samples have equal bytes.

CREATE FUNCTION cvm_sample_lt(cvm_sample, cvm_sample) RETURNS boolean
AS 'bytealt'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_lt(cvm_sample, cvm_sample)
IS 'implementation of the operator <';

CREATE FUNCTION cvm_sample_le(cvm_sample, cvm_sample) RETURNS boolean
AS 'byteale'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_le(cvm_sample, cvm_sample)
IS 'implementation of the operator <=';

CREATE FUNCTION cvm_sample_eq(cvm_sample, cvm_sample) RETURNS boolean
AS 'byteaeq'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_eq(cvm_sample, cvm_sample)
IS 'implementation of the operator =';

CREATE FUNCTION cvm_sample_ne(cvm_sample, cvm_sample) RETURNS boolean
AS 'byteane'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_ne(cvm_sample, cvm_sample)
IS 'implementation of the operator <>';

CREATE FUNCTION cvm_sample_ge(cvm_sample, cvm_sample) RETURNS boolean
AS 'byteage'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_ge(cvm_sample, cvm_sample)
IS 'implementation of the operator >=';

CREATE FUNCTION cvm_sample_gt(cvm_sample, cvm_sample) RETURNS boolean
AS 'byteagt'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_gt(cvm_sample, cvm_sample)
IS 'implementation of the operator >';

CREATE FUNCTION cvm_sample_cmp(cvm_sample, cvm_sample) RETURNS integer
AS 'byteacmp'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_cmp(cvm_sample, cvm_sample)
IS 'less than, equal to or greater than 0, as the first sample is before, equal to or after the second';

CREATE FUNCTION cvm_sample_hash(cvm_sample) RETURNS integer
AS 'hashvarlena'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_hash(cvm_sample)
IS 'hash of a sample, for hash joins and hash aggregation';

CREATE FUNCTION cvm_sample_hash_extended(cvm_sample, bigint) RETURNS bigint
AS 'hashvarlenaextended'
LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_hash_extended(cvm_sample, bigint)
IS 'hash of a sample with a seed, for hash partitions';

CREATE OPERATOR < (
    FUNCTION = cvm_sample_lt, LEFTARG = cvm_sample, RIGHTARG = cvm_sample,
    COMMUTATOR = >, NEGATOR = >=, RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (cvm_sample, cvm_sample)
IS 'is before, byte by byte';

CREATE OPERATOR <= (
    FUNCTION = cvm_sample_le, LEFTARG = cvm_sample, RIGHTARG = cvm_sample,
    COMMUTATOR = >=, NEGATOR = >, RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (cvm_sample, cvm_sample)
IS 'is before or equal, byte by byte';

CREATE OPERATOR = (
    FUNCTION = cvm_sample_eq, LEFTARG = cvm_sample, RIGHTARG = cvm_sample,
    COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES
);
COMMENT ON OPERATOR = (cvm_sample, cvm_sample)
IS 'is the same sample';

CREATE OPERATOR <> (
    FUNCTION = cvm_sample_ne, LEFTARG = cvm_sample, RIGHTARG = cvm_sample,
    COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (cvm_sample, cvm_sample)
IS 'is another sample';

CREATE OPERATOR >= (
    FUNCTION = cvm_sample_ge, LEFTARG = cvm_sample, RIGHTARG = cvm_sample,
    COMMUTATOR = <=, NEGATOR = <, RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (cvm_sample, cvm_sample)
IS 'is after or equal, byte by byte';

CREATE OPERATOR > (
    FUNCTION = cvm_sample_gt, LEFTARG = cvm_sample, RIGHTARG = cvm_sample,
    COMMUTATOR = <, NEGATOR = <=, RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (cvm_sample, cvm_sample)
IS 'is after, byte by byte';

CREATE OPERATOR FAMILY cvm_sample_btree_ops USING btree;
COMMENT ON OPERATOR FAMILY cvm_sample_btree_ops USING btree
IS 'order of samples';
CREATE OPERATOR CLASS cvm_sample_btree_ops DEFAULT FOR TYPE cvm_sample USING btree FAMILY cvm_sample_btree_ops AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    FUNCTION 1 cvm_sample_cmp(cvm_sample, cvm_sample);
COMMENT ON OPERATOR CLASS cvm_sample_btree_ops USING btree
IS 'order of samples';

CREATE OPERATOR FAMILY cvm_sample_hash_ops USING hash;
COMMENT ON OPERATOR FAMILY cvm_sample_hash_ops USING hash
IS 'equality of samples';
CREATE OPERATOR CLASS cvm_sample_hash_ops DEFAULT FOR TYPE cvm_sample USING hash FAMILY cvm_sample_hash_ops AS
    OPERATOR 1 =,
    FUNCTION 1 cvm_sample_hash(cvm_sample),
    FUNCTION 2 cvm_sample_hash_extended(cvm_sample, bigint);
COMMENT ON OPERATOR CLASS cvm_sample_hash_ops USING hash
IS 'equality of samples';

-- Support functions of the aggregates. Those that write values as text are as stable as the output functions of types.

CREATE FUNCTION cvm_sample_accumulate(internal, anyelement) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_sample_accumulate'
LANGUAGE c STABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_accumulate(internal, anyelement)
IS 'transition of cvm_sample_agg';

CREATE FUNCTION cvm_sample_accumulate(internal, anyelement, size integer) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_sample_accumulate_sized'
LANGUAGE c STABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_accumulate(internal, anyelement, integer)
IS 'transition of cvm_sample_agg with a size';

CREATE FUNCTION cvm_sample_accumulate(internal, anyelement, size integer, seed bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_sample_accumulate_sized'
LANGUAGE c STABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_accumulate(internal, anyelement, integer, bigint)
IS 'transition of cvm_sample_agg with a size and a seed';

CREATE FUNCTION cvm_sample_accumulate_measured(internal, anyelement, measure double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_sample_accumulate_measured'
LANGUAGE c STABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_accumulate_measured(internal, anyelement, double precision)
IS 'transition of cvm_sample_agg_measured';

CREATE FUNCTION cvm_sample_accumulate_measured(internal, anyelement, measure double precision, size integer) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_sample_accumulate_measured_sized'
LANGUAGE c STABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_accumulate_measured(internal, anyelement, double precision, integer)
IS 'transition of cvm_sample_agg_measured with a size';

CREATE FUNCTION cvm_sample_accumulate_measured(internal, anyelement, measure double precision, size integer, seed bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_sample_accumulate_measured_sized'
LANGUAGE c STABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_accumulate_measured(internal, anyelement, double precision, integer, bigint)
IS 'transition of cvm_sample_agg_measured with a size and a seed';

CREATE FUNCTION cvm_sample_combine(internal, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_sample_combine'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_combine(internal, internal)
IS 'merges two states of cvm_sample_agg, or of cvm_sample_agg_measured';

CREATE FUNCTION cvm_sample_serialize(internal) RETURNS bytea
AS 'MODULE_PATHNAME', 'cvm_sample_serialize'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_serialize(internal)
IS 'a state of cvm_sample_agg, or of cvm_sample_agg_measured, as bytes';

CREATE FUNCTION cvm_sample_deserialize(bytea, internal) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_sample_deserialize'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_deserialize(bytea, internal)
IS 'a state of cvm_sample_agg, or of cvm_sample_agg_measured, from its bytes';

CREATE FUNCTION cvm_sample_final(internal) RETURNS cvm_sample
AS 'MODULE_PATHNAME', 'cvm_sample_final'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_final(internal)
IS 'the sample of cvm_sample_agg, or of cvm_sample_agg_measured';

CREATE FUNCTION cvm_sample_merge(cvm_sample, cvm_sample) RETURNS cvm_sample
AS 'MODULE_PATHNAME', 'cvm_sample_merge'
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION cvm_sample_merge(cvm_sample, cvm_sample)
IS 'transition of cvm_sample_union_agg, and merges two states of it';

CREATE FUNCTION cvm_sample_final_flat(cvm_sample) RETURNS cvm_sample
AS 'MODULE_PATHNAME', 'cvm_sample_final_flat'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_final_flat(cvm_sample)
IS 'the sample of cvm_sample_union_agg';

-- SSPACE is what a group of nine to fourteen short values takes: the state, the values and their positions, and their texts; and
-- with a measure, what is known of that. Fewer take half of it.

CREATE AGGREGATE cvm_sample_agg(value anyelement) (
    SFUNC = cvm_sample_accumulate,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = cvm_sample_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_sample_combine,
    SERIALFUNC = cvm_sample_serialize,
    DESERIALFUNC = cvm_sample_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cvm_sample_agg(anyelement)
IS 'sample of fewer than 1000 of the distinct values that are not null, each with the number of its rows';

CREATE AGGREGATE cvm_sample_agg(value anyelement, size integer) (
    SFUNC = cvm_sample_accumulate,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = cvm_sample_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_sample_combine,
    SERIALFUNC = cvm_sample_serialize,
    DESERIALFUNC = cvm_sample_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cvm_sample_agg(anyelement, integer)
IS 'sample of fewer than size of the distinct values that are not null, each with the number of its rows';

CREATE AGGREGATE cvm_sample_agg(value anyelement, size integer, seed bigint) (
    SFUNC = cvm_sample_accumulate,
    STYPE = internal,
    SSPACE = 1024,
    FINALFUNC = cvm_sample_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_sample_combine,
    SERIALFUNC = cvm_sample_serialize,
    DESERIALFUNC = cvm_sample_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cvm_sample_agg(anyelement, integer, bigint)
IS 'sample of fewer than size of the distinct values that are not null, hashed under a seed, each with the number of its rows';

CREATE AGGREGATE cvm_sample_agg_measured(value anyelement, measure double precision) (
    SFUNC = cvm_sample_accumulate_measured,
    STYPE = internal,
    SSPACE = 2560,
    FINALFUNC = cvm_sample_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_sample_combine,
    SERIALFUNC = cvm_sample_serialize,
    DESERIALFUNC = cvm_sample_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cvm_sample_agg_measured(anyelement, double precision)
IS 'sample of fewer than 1000 of the distinct values that are not null, each with the number of its rows and its measure summed over them';

CREATE AGGREGATE cvm_sample_agg_measured(value anyelement, measure double precision, size integer) (
    SFUNC = cvm_sample_accumulate_measured,
    STYPE = internal,
    SSPACE = 2560,
    FINALFUNC = cvm_sample_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_sample_combine,
    SERIALFUNC = cvm_sample_serialize,
    DESERIALFUNC = cvm_sample_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cvm_sample_agg_measured(anyelement, double precision, integer)
IS 'sample of fewer than size of the distinct values that are not null, each with the number of its rows and its measure summed over them';

CREATE AGGREGATE cvm_sample_agg_measured(value anyelement, measure double precision, size integer, seed bigint) (
    SFUNC = cvm_sample_accumulate_measured,
    STYPE = internal,
    SSPACE = 2560,
    FINALFUNC = cvm_sample_final,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_sample_combine,
    SERIALFUNC = cvm_sample_serialize,
    DESERIALFUNC = cvm_sample_deserialize,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cvm_sample_agg_measured(anyelement, double precision, integer, bigint)
IS 'sample of fewer than size of the distinct values that are not null, hashed under a seed, each with the number of its rows and its measure summed over them';

CREATE AGGREGATE cvm_sample_union_agg(sample cvm_sample) (
    SFUNC = cvm_sample_merge,
    STYPE = cvm_sample,
    SSPACE = 65536,
    FINALFUNC = cvm_sample_final_flat,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_sample_merge,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE cvm_sample_union_agg(cvm_sample)
IS 'sample of the rows of all samples';

-- Functions of samples

CREATE FUNCTION cvm_sample_union(a cvm_sample, b cvm_sample) RETURNS cvm_sample
AS 'MODULE_PATHNAME', 'cvm_sample_union'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION cvm_sample_union(cvm_sample, cvm_sample)
IS 'sample of the rows of both samples';

CREATE OPERATOR || (FUNCTION = cvm_sample_union, LEFTARG = cvm_sample, RIGHTARG = cvm_sample, COMMUTATOR = ||);
COMMENT ON OPERATOR || (cvm_sample, cvm_sample)
IS 'sample of the rows of both samples';

CREATE FUNCTION cvm_sample_union(samples cvm_sample[]) RETURNS cvm_sample
AS 'MODULE_PATHNAME', 'cvm_sample_union_of_array'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION cvm_sample_union(cvm_sample[])
IS 'sample of the rows of all samples in the array';

CREATE FUNCTION cvm_sample_intersection(sample cvm_sample, sketch cvm_sketch) RETURNS cvm_sample
AS 'MODULE_PATHNAME', 'cvm_sample_intersection'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION cvm_sample_intersection(cvm_sample, cvm_sketch)
IS 'sample of the values in the sample that are in the sketch too';

CREATE OPERATOR & (FUNCTION = cvm_sample_intersection, LEFTARG = cvm_sample, RIGHTARG = cvm_sketch);
COMMENT ON OPERATOR & (cvm_sample, cvm_sketch)
IS 'sample of the values in the sample that are in the sketch too';

CREATE FUNCTION cvm_sample_difference(sample cvm_sample, sketch cvm_sketch) RETURNS cvm_sample
AS 'MODULE_PATHNAME', 'cvm_sample_difference'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION cvm_sample_difference(cvm_sample, cvm_sketch)
IS 'sample of the values in the sample that are not in the sketch';

CREATE OPERATOR - (FUNCTION = cvm_sample_difference, LEFTARG = cvm_sample, RIGHTARG = cvm_sketch);
COMMENT ON OPERATOR - (cvm_sample, cvm_sketch)
IS 'sample of the values in the sample that are not in the sketch';

-- As stable as the output functions of types.
CREATE FUNCTION cvm_sample_of(value anyelement, measure double precision, size integer, seed bigint) RETURNS cvm_sample
AS 'MODULE_PATHNAME', 'cvm_sample_of'
LANGUAGE c STABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION cvm_sample_of(anyelement, double precision, integer, bigint)
IS 'sample of one row with that value, or NULL if the value is; what Citus sends in the place of cvm_sample_agg';

CREATE FUNCTION cvm_sample_empty() RETURNS cvm_sample
AS 'MODULE_PATHNAME', 'cvm_sample_empty'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_empty()
IS 'sample of no values, which takes on the size and the seed of others';

CREATE FUNCTION cvm_sample_empty(size integer, seed bigint DEFAULT 0) RETURNS cvm_sample
AS 'MODULE_PATHNAME', 'cvm_sample_empty'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_empty(integer, bigint)
IS 'sample of no values';

CREATE FUNCTION cvm_sample_estimate(sample cvm_sample) RETURNS bigint
AS 'MODULE_PATHNAME', 'cvm_sample_estimate'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_estimate(cvm_sample)
IS 'approximate number of distinct values';

CREATE OPERATOR # (FUNCTION = cvm_sample_estimate, RIGHTARG = cvm_sample);
COMMENT ON OPERATOR # (NONE, cvm_sample)
IS 'approximate number of distinct values';

-- Restricted, since the type may be a domain, whose CHECK may be so.
CREATE FUNCTION cvm_sample_values(
    sample cvm_sample, of_type anyelement,
    OUT value anyelement, OUT occurrences bigint, OUT total double precision, OUT "least" double precision,
    OUT "greatest" double precision, OUT weight double precision
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'cvm_sample_values'
LANGUAGE c STABLE PARALLEL RESTRICTED COST 1000 ROWS 1000;
COMMENT ON FUNCTION cvm_sample_values(cvm_sample, anyelement)
IS 'the values in the sample, as values of the type of the second argument, which may be null; each stands for weight distinct values';

CREATE FUNCTION cvm_sample_values(sample cvm_sample) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'cvm_sample_values_as_declared'
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 1000;
COMMENT ON FUNCTION cvm_sample_values(cvm_sample)
IS 'the values in the sample, of the type that the column definition list says; for domains that refuse null';

CREATE FUNCTION cvm_sample_bounds(
    sample cvm_sample, matching bigint, confidence double precision DEFAULT 0.95,
    OUT estimate bigint, OUT lower bigint, OUT upper bigint
) RETURNS record
AS 'MODULE_PATHNAME', 'cvm_sample_bounds'
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100;
COMMENT ON FUNCTION cvm_sample_bounds(cvm_sample, bigint, double precision)
IS 'approximate number of the distinct values of which matching are in the sample, and bounds that hold with the confidence';

CREATE FUNCTION cvm_sample_info(
    sample cvm_sample,
    OUT version integer, OUT seed bigint, OUT size integer, OUT level integer, OUT retained integer,
    OUT is_exact boolean, OUT bytes integer, OUT kind text, OUT is_derived boolean
) RETURNS record
AS 'MODULE_PATHNAME', 'cvm_sample_info'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cvm_sample_info(cvm_sample)
IS 'what the header of a sample says, and its size';

-- Moving frames: what views and other objects made of these aggregates stays as it is.

CREATE FUNCTION cvm_enter(internal, anyelement) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_enter'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_enter(internal, anyelement)
IS 'a row enters a moving frame of approx_count_distinct_cvm and cvm_sketch_agg';

CREATE FUNCTION cvm_leave(internal, anyelement) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_leave'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_leave(internal, anyelement)
IS 'a row leaves a moving frame of approx_count_distinct_cvm and cvm_sketch_agg';

CREATE FUNCTION cvm_enter(internal, anyelement, epsilon double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_enter'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_enter(internal, anyelement, double precision)
IS 'a row enters a moving frame of approx_count_distinct_cvm and cvm_sketch_agg with epsilon';

CREATE FUNCTION cvm_leave(internal, anyelement, epsilon double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_leave'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_leave(internal, anyelement, double precision)
IS 'a row leaves a moving frame of approx_count_distinct_cvm and cvm_sketch_agg with epsilon';

CREATE FUNCTION cvm_enter(internal, anyelement, epsilon double precision, delta double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_enter'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_enter(internal, anyelement, double precision, double precision)
IS 'a row enters a moving frame of approx_count_distinct_cvm and cvm_sketch_agg with epsilon and delta';

CREATE FUNCTION cvm_leave(internal, anyelement, epsilon double precision, delta double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_leave'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_leave(internal, anyelement, double precision, double precision)
IS 'a row leaves a moving frame of approx_count_distinct_cvm and cvm_sketch_agg with epsilon and delta';

CREATE FUNCTION cvm_enter(internal, anyelement, epsilon double precision, delta double precision, seed bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_enter'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_enter(internal, anyelement, double precision, double precision, bigint)
IS 'a row enters a moving frame of cvm_sketch_agg with epsilon, delta and a seed';

CREATE FUNCTION cvm_leave(internal, anyelement, epsilon double precision, delta double precision, seed bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_leave'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_leave(internal, anyelement, double precision, double precision, bigint)
IS 'a row leaves a moving frame of cvm_sketch_agg with epsilon, delta and a seed';

CREATE FUNCTION cvm_moving_count(internal) RETURNS bigint
AS 'MODULE_PATHNAME', 'cvm_moving_count'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_moving_count(internal)
IS 'the estimate of approx_count_distinct_cvm in a moving frame';

CREATE FUNCTION cvm_moving_sketch(internal) RETURNS cvm_sketch
AS 'MODULE_PATHNAME', 'cvm_moving_sketch'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_moving_sketch(internal)
IS 'the sketch of cvm_sketch_agg and cvm_sketch_agg_hashed in a moving frame';

CREATE FUNCTION cvm_enter_hashed(internal, bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_enter_hashed'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_enter_hashed(internal, bigint)
IS 'a row enters a moving frame of cvm_sketch_agg_hashed';

CREATE FUNCTION cvm_leave_hashed(internal, bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_leave_hashed'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_leave_hashed(internal, bigint)
IS 'a row leaves a moving frame of cvm_sketch_agg_hashed';

CREATE FUNCTION cvm_enter_hashed(internal, bigint, epsilon double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_enter_hashed'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_enter_hashed(internal, bigint, double precision)
IS 'a row enters a moving frame of cvm_sketch_agg_hashed with epsilon';

CREATE FUNCTION cvm_leave_hashed(internal, bigint, epsilon double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_leave_hashed'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_leave_hashed(internal, bigint, double precision)
IS 'a row leaves a moving frame of cvm_sketch_agg_hashed with epsilon';

CREATE FUNCTION cvm_enter_hashed(internal, bigint, epsilon double precision, delta double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_enter_hashed'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_enter_hashed(internal, bigint, double precision, double precision)
IS 'a row enters a moving frame of cvm_sketch_agg_hashed with epsilon and delta';

CREATE FUNCTION cvm_leave_hashed(internal, bigint, epsilon double precision, delta double precision) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_leave_hashed'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_leave_hashed(internal, bigint, double precision, double precision)
IS 'a row leaves a moving frame of cvm_sketch_agg_hashed with epsilon and delta';

CREATE FUNCTION cvm_enter_hashed(internal, bigint, epsilon double precision, delta double precision, seed bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_enter_hashed'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_enter_hashed(internal, bigint, double precision, double precision, bigint)
IS 'a row enters a moving frame of cvm_sketch_agg_hashed with epsilon, delta and a seed';

CREATE FUNCTION cvm_leave_hashed(internal, bigint, epsilon double precision, delta double precision, seed bigint) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_leave_hashed'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_leave_hashed(internal, bigint, double precision, double precision, bigint)
IS 'a row leaves a moving frame of cvm_sketch_agg_hashed with epsilon, delta and a seed';

CREATE FUNCTION cvm_enter_sketch(internal, cvm_sketch) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_enter_sketch'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_enter_sketch(internal, cvm_sketch)
IS 'a sketch enters a moving frame of cvm_sketch_union_agg';

CREATE FUNCTION cvm_leave_sketch(internal, cvm_sketch) RETURNS internal
AS 'MODULE_PATHNAME', 'cvm_leave_sketch'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_leave_sketch(internal, cvm_sketch)
IS 'a sketch leaves a moving frame of cvm_sketch_union_agg';

CREATE FUNCTION cvm_moving_union(internal) RETURNS cvm_sketch
AS 'MODULE_PATHNAME', 'cvm_moving_union'
LANGUAGE c IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION cvm_moving_union(internal)
IS 'the sketch of cvm_sketch_union_agg in a moving frame';

CREATE OR REPLACE AGGREGATE approx_count_distinct_cvm(value anyelement) (
    SFUNC = cvm_accumulate,
    STYPE = internal,
    SSPACE = 288,
    FINALFUNC = cvm_final_count,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine,
    SERIALFUNC = cvm_serialize,
    DESERIALFUNC = cvm_deserialize,
    MSFUNC = cvm_enter,
    MINVFUNC = cvm_leave,
    MSTYPE = internal,
    MFINALFUNC = cvm_moving_count,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);

CREATE OR REPLACE AGGREGATE approx_count_distinct_cvm(value anyelement, epsilon double precision) (
    SFUNC = cvm_accumulate,
    STYPE = internal,
    SSPACE = 288,
    FINALFUNC = cvm_final_count,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine,
    SERIALFUNC = cvm_serialize,
    DESERIALFUNC = cvm_deserialize,
    MSFUNC = cvm_enter,
    MINVFUNC = cvm_leave,
    MSTYPE = internal,
    MFINALFUNC = cvm_moving_count,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);

CREATE OR REPLACE AGGREGATE approx_count_distinct_cvm(value anyelement, epsilon double precision, delta double precision) (
    SFUNC = cvm_accumulate,
    STYPE = internal,
    SSPACE = 288,
    FINALFUNC = cvm_final_count,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine,
    SERIALFUNC = cvm_serialize,
    DESERIALFUNC = cvm_deserialize,
    MSFUNC = cvm_enter,
    MINVFUNC = cvm_leave,
    MSTYPE = internal,
    MFINALFUNC = cvm_moving_count,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);

CREATE OR REPLACE AGGREGATE cvm_sketch_agg(value anyelement) (
    SFUNC = cvm_accumulate,
    STYPE = internal,
    SSPACE = 288,
    FINALFUNC = cvm_final_sketch,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine,
    SERIALFUNC = cvm_serialize,
    DESERIALFUNC = cvm_deserialize,
    MSFUNC = cvm_enter,
    MINVFUNC = cvm_leave,
    MSTYPE = internal,
    MFINALFUNC = cvm_moving_sketch,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);

CREATE OR REPLACE AGGREGATE cvm_sketch_agg(value anyelement, epsilon double precision) (
    SFUNC = cvm_accumulate,
    STYPE = internal,
    SSPACE = 288,
    FINALFUNC = cvm_final_sketch,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine,
    SERIALFUNC = cvm_serialize,
    DESERIALFUNC = cvm_deserialize,
    MSFUNC = cvm_enter,
    MINVFUNC = cvm_leave,
    MSTYPE = internal,
    MFINALFUNC = cvm_moving_sketch,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);

CREATE OR REPLACE AGGREGATE cvm_sketch_agg(value anyelement, epsilon double precision, delta double precision) (
    SFUNC = cvm_accumulate,
    STYPE = internal,
    SSPACE = 288,
    FINALFUNC = cvm_final_sketch,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine,
    SERIALFUNC = cvm_serialize,
    DESERIALFUNC = cvm_deserialize,
    MSFUNC = cvm_enter,
    MINVFUNC = cvm_leave,
    MSTYPE = internal,
    MFINALFUNC = cvm_moving_sketch,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);

CREATE OR REPLACE AGGREGATE cvm_sketch_agg(value anyelement, epsilon double precision, delta double precision, seed bigint) (
    SFUNC = cvm_accumulate,
    STYPE = internal,
    SSPACE = 288,
    FINALFUNC = cvm_final_sketch,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine,
    SERIALFUNC = cvm_serialize,
    DESERIALFUNC = cvm_deserialize,
    MSFUNC = cvm_enter,
    MINVFUNC = cvm_leave,
    MSTYPE = internal,
    MFINALFUNC = cvm_moving_sketch,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);

CREATE OR REPLACE AGGREGATE cvm_sketch_agg_hashed(hash bigint) (
    SFUNC = cvm_accumulate_hashed,
    STYPE = cvm_sketch,
    SSPACE = 512,
    FINALFUNC = cvm_final_flat,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine_hashed,
    MSFUNC = cvm_enter_hashed,
    MINVFUNC = cvm_leave_hashed,
    MSTYPE = internal,
    MFINALFUNC = cvm_moving_sketch,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);

CREATE OR REPLACE AGGREGATE cvm_sketch_agg_hashed(hash bigint, epsilon double precision) (
    SFUNC = cvm_accumulate_hashed,
    STYPE = cvm_sketch,
    SSPACE = 512,
    FINALFUNC = cvm_final_flat,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine_hashed,
    MSFUNC = cvm_enter_hashed,
    MINVFUNC = cvm_leave_hashed,
    MSTYPE = internal,
    MFINALFUNC = cvm_moving_sketch,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);

CREATE OR REPLACE AGGREGATE cvm_sketch_agg_hashed(hash bigint, epsilon double precision, delta double precision) (
    SFUNC = cvm_accumulate_hashed,
    STYPE = cvm_sketch,
    SSPACE = 512,
    FINALFUNC = cvm_final_flat,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine_hashed,
    MSFUNC = cvm_enter_hashed,
    MINVFUNC = cvm_leave_hashed,
    MSTYPE = internal,
    MFINALFUNC = cvm_moving_sketch,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);

CREATE OR REPLACE AGGREGATE cvm_sketch_agg_hashed(hash bigint, epsilon double precision, delta double precision, seed bigint) (
    SFUNC = cvm_accumulate_hashed,
    STYPE = cvm_sketch,
    SSPACE = 512,
    FINALFUNC = cvm_final_flat,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_combine_hashed,
    MSFUNC = cvm_enter_hashed,
    MINVFUNC = cvm_leave_hashed,
    MSTYPE = internal,
    MFINALFUNC = cvm_moving_sketch,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);

CREATE OR REPLACE AGGREGATE cvm_sketch_union_agg(sketch cvm_sketch) (
    SFUNC = cvm_merge,
    STYPE = cvm_sketch,
    SSPACE = 65536,
    FINALFUNC = cvm_final_flat,
    FINALFUNC_MODIFY = READ_ONLY,
    COMBINEFUNC = cvm_merge,
    MSFUNC = cvm_enter_sketch,
    MINVFUNC = cvm_leave_sketch,
    MSTYPE = internal,
    MFINALFUNC = cvm_moving_union,
    MFINALFUNC_MODIFY = READ_ONLY,
    PARALLEL = SAFE
);

-- It must not load the library by being asked, so it is SQL over what the server knows. Once the library is loaded, the server lists
-- its settings. Before, the server keeps what they were set to, and does not list them.
CREATE FUNCTION cvm_count_status(OUT fact text, OUT value text, OUT source text) RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 7
SET search_path = pg_catalog, pg_temp
AS $$
WITH ours (place, name) AS (
    VALUES (1, 'cvm_count.count_distinct_epsilon'), (2, 'cvm_count.count_distinct_delta'), (3, 'cvm_count.citus_pushdown')
), listed AS (
    SELECT name, setting, source || coalesce(' ' || sourcefile || ':' || sourceline, '') AS source,
           array_position(ARRAY['shared_preload_libraries', 'session_preload_libraries', 'local_preload_libraries'], name) AS place
    FROM pg_settings
    WHERE name IN (SELECT o.name FROM ours o)
       OR name IN ('shared_preload_libraries', 'session_preload_libraries', 'local_preload_libraries')
), stored AS (
    -- What ALTER DATABASE and ALTER ROLE say to sessions that begin now: of each setting, what takes precedence.
    SELECT DISTINCT ON (1) split_part(pair, '=', 1) AS name, substr(pair, strpos(pair, '=') + 1) AS setting,
           CASE WHEN setrole <> 0 AND setdatabase <> 0 THEN 'database user' WHEN setrole <> 0 THEN 'user'
                WHEN setdatabase <> 0 THEN 'database' ELSE 'global' END AS source
    FROM pg_db_role_setting, unnest(setconfig) pair
    WHERE setdatabase IN (0, (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
      AND setrole IN (0, (SELECT r.oid FROM pg_roles r WHERE r.rolname = session_user))
    ORDER BY 1, (setrole <> 0 AND setdatabase <> 0) DESC, setrole <> 0 DESC, setdatabase <> 0 DESC
), lists AS (
    SELECT name, setting, source, place, false AS is_stored FROM listed WHERE place > 0
    UNION ALL
    SELECT name, setting, source, 0, true FROM stored WHERE name = 'session_preload_libraries'
), naming AS (
    SELECT * FROM lists
    WHERE EXISTS (SELECT FROM unnest(string_to_array(setting, ',')) entry
                  WHERE split_part(btrim(entry, ' "'), '/', -1) IN ('cvm_count', 'cvm_count.so', 'cvm_count.dylib', 'cvm_count.dll'))
), library AS (
    SELECT EXISTS (SELECT FROM listed l, ours o WHERE l.name = o.name) AS is_loaded,
           (SELECT n.name FROM naming n WHERE NOT n.is_stored ORDER BY n.place LIMIT 1) AS listed_in,
           EXISTS (SELECT FROM listed l WHERE l.place = 1) AS sees_lists,
           (SELECT n.source FROM naming n WHERE n.is_stored) AS stored_for,
           (SELECT l.setting FROM listed l WHERE l.name = 'cvm_count.count_distinct_epsilon') AS epsilon
)
SELECT 'library',
       CASE WHEN is_loaded THEN 'loaded' ELSE 'not loaded' END,
       CASE WHEN is_loaded AND listed_in IS NOT NULL THEN listed_in
            WHEN is_loaded AND sees_lists THEN 'LOAD, or a call of one of its functions'
            WHEN is_loaded THEN 'not shown to this role'
            WHEN stored_for IS NOT NULL THEN format('session_preload_libraries (%s), from the next session on', stored_for) END
FROM library
UNION ALL
SELECT 'count(DISTINCT x)',
       CASE WHEN epsilon::float8 > 0 THEN 'approximate' ELSE 'exact' END,
       CASE WHEN is_loaded THEN 'cvm_count.count_distinct_epsilon is ' || epsilon ELSE 'the library is not loaded' END
FROM library
UNION ALL
(SELECT o.name,
        coalesce(l.setting, o.kept),
        CASE WHEN l.name IS NOT NULL THEN l.source
             WHEN s.setting = o.kept THEN s.source
             WHEN o.kept IS NOT NULL THEN 'not shown while the library is not loaded' END
 -- Of a setting that was set and is so no more, the server keeps an empty text.
 FROM (SELECT o.*, nullif(current_setting(o.name, true), '') AS kept FROM ours o) o
 LEFT JOIN listed l ON l.name = o.name LEFT JOIN stored s ON s.name = o.name
 ORDER BY o.place)
UNION ALL
SELECT 'extension', extversion, format('schema %s', extnamespace::regnamespace) FROM pg_extension WHERE extname = 'cvm_count'
UNION ALL
SELECT 'citus', coalesce(max(extversion), 'not in this database'), NULL FROM pg_extension WHERE extname = 'citus'
$$;
COMMENT ON FUNCTION cvm_count_status()
IS 'whether count(DISTINCT x) is approximate in this session, and why: the library, the settings and where they come from';
