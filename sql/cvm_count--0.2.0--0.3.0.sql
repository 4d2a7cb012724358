-- From 0.2.0 to 0.3.0.
\echo Use "ALTER EXTENSION cvm_count UPDATE TO '0.3.0'" to load this file. \quit

-- A function that returns more columns is another function.
DROP FUNCTION cvm_sketch_info(cvm_sketch);

CREATE FUNCTION cvm_sketch_info(
    sketch cvm_sketch,
    OUT version integer, OUT seed bigint, OUT capacity integer, OUT level integer, OUT retained integer,
    OUT is_exact boolean, OUT bytes integer, OUT kind text
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
