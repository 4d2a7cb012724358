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
