-- From 0.2.0 to 0.3.0.
\echo Use "ALTER EXTENSION cvm_count UPDATE TO '0.3.0'" to load this file. \quit

CREATE FUNCTION cvm_sketch_union(sketches cvm_sketch[]) RETURNS cvm_sketch
AS 'MODULE_PATHNAME', 'cvm_sketch_union_of_array'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION cvm_sketch_union(cvm_sketch[])
IS 'sketch of the values in any of the sketches that are not null';
