-- The equality of citext ignores case, and so does its hash. This needs the contrib modules.
CREATE EXTENSION citext;

SELECT approx_count_distinct_cvm(x) AS approx, count(DISTINCT x) AS exact
FROM (VALUES ('Bern'::citext), ('bern'), ('BERN'), ('Basel')) v (x);

SELECT approx_count_distinct_cvm(x::text) AS as_text
FROM (VALUES ('Bern'::citext), ('bern'), ('BERN'), ('Basel')) v (x);

SELECT cvm_hash('A'::citext) = cvm_hash('a'::citext) AS same;

SELECT value, occurrences
FROM cvm_sample_values(
    (SELECT cvm_sample_agg(x) FROM (VALUES ('Bern'::citext), ('bern'), ('BERN'), ('Basel')) v (x)),
    NULL::citext
)
ORDER BY value;

DROP EXTENSION citext;
