-- What a database with the extension answers, and what it stores if it can: the same after every upgrade.
SELECT approx_count_distinct_cvm(n), approx_count_distinct_cvm(t, 0.1), approx_count_distinct_cvm(t, 0.05, 0.001) FROM values_to_count;
SELECT * FROM counted;
SELECT md5(string_agg(hash::text, ',' ORDER BY n)) FROM values_to_count;
SELECT bool_and(hash = cvm_hash(t)) FROM values_to_count;
SELECT min(counted), max(counted), md5(string_agg(counted::text, ',' ORDER BY n)) FROM moving;
-- The aggregates stay what they are: their Oids, comments and rights, and their place in the extension.
SELECT p.oid, p.oid::regprocedure, obj_description(p.oid, 'pg_proc'), cardinality(proacl), deptype
FROM pg_proc p JOIN pg_depend ON classid = 'pg_proc'::regclass AND objid = p.oid AND refclassid = 'pg_extension'::regclass
WHERE proname = 'approx_count_distinct_cvm' ORDER BY 2::text;
SELECT to_regclass('stored') IS NOT NULL AS has_sketches \gset
\if :has_sketches
SELECT name, md5(sketch::text), #sketch, cvm_sketch_bounds(sketch) FROM stored ORDER BY name;
SELECT name, md5(sketch::text), get_byte(sketch::bytea, 0), #sketch = estimate, cvm_sketch_bounds(sketch)::text = bounds
FROM stored_before ORDER BY name;
\endif
