-- cvm_sketch_union of an array is the union of its elements, however it is written or stored.
CREATE TABLE sketches AS
    SELECT i, cvm_sketch_agg(v) AS s
    FROM generate_series(1, 12) i, generate_series(1, i * i * 1000) v
    WHERE v % i < 3
    GROUP BY i;

SELECT cvm_sketch_union(array_agg(s)) = cvm_sketch_union_agg(s) AS same,
       cvm_sketch_union(array_agg(s ORDER BY i DESC)) = cvm_sketch_union_agg(s) AS backwards,
       cvm_sketch_union(array_agg(s) || array_agg(s)) = cvm_sketch_union_agg(s) AS twice
FROM sketches;

SELECT bool_and(cvm_sketch_union(ARRAY[a.s, b.s]) = a.s || b.s) AS of_two,
       bool_and(cvm_sketch_union(ARRAY[a.s]) = a.s) AS of_one
FROM sketches a, sketches b
WHERE a.i > 6;

-- NULLs are skipped. An array without elements gives the sketch of nothing, no array gives no sketch.
SELECT cvm_sketch_union(ARRAY[NULL, s, NULL, s]::cvm_sketch[]) = s AS nulls FROM sketches WHERE i = 12;

SELECT cvm_sketch_union('{}'::cvm_sketch[]) AS empty,
       cvm_sketch_union(ARRAY[NULL, NULL]::cvm_sketch[]) AS nulls,
       cvm_sketch_union('{}'::cvm_sketch[]) = cvm_sketch_empty() AS nothing;

SELECT cvm_sketch_union(NULL::cvm_sketch[]) IS NULL AS no_array;

SELECT cvm_sketch_union(ARRAY[cvm_sketch_empty(), s]) = s AS empty_first,
       cvm_sketch_union(ARRAY[s, cvm_sketch_empty()]) = s AS empty_last
FROM sketches
WHERE i = 12;

SELECT cvm_sketch_union(ARRAY[cvm_sketch_empty(), cvm_sketch_add(cvm_sketch_empty(0.1, 0.01, 5), 1)])
    = cvm_sketch_add(cvm_sketch_empty(0.1, 0.01, 5), 1) AS takes_on;

-- Arrays may have several dimensions, bounds of their own, literals and domains.
-- They may be stored compressed and out of line.
SELECT cvm_sketch_union(ARRAY[ARRAY[a.s, b.s], ARRAY[NULL, c.s]]) = a.s || b.s || c.s AS matrix,
       cvm_sketch_union(
           format('[-3:-1]={%s,NULL,%s}', to_json(a.s::text), to_json(b.s::text))::cvm_sketch[]
       ) = a.s || b.s AS bounds,
       cvm_sketch_union(ARRAY[ARRAY[ARRAY[a.s]], ARRAY[ARRAY[c.s]]]) = a.s || c.s AS cube
FROM sketches a, sketches b, sketches c
WHERE (a.i, b.i, c.i) = (2, 5, 12);

CREATE DOMAIN checked_sketch AS cvm_sketch CHECK (# VALUE >= 0);
SELECT cvm_sketch_union(array_agg(s::checked_sketch)) = cvm_sketch_union_agg(s) AS domains FROM sketches;
CREATE TABLE arrays (how text, many cvm_sketch[]);
ALTER TABLE arrays ALTER many SET STORAGE external;
INSERT INTO arrays SELECT 'external', array_agg(s) FROM sketches;
ALTER TABLE arrays ALTER many SET STORAGE extended;
INSERT INTO arrays SELECT 'extended', array_agg(s) FROM sketches;

INSERT INTO arrays
    SELECT 'compressed', array_fill(cvm_sketch_empty(0.1), ARRAY[500]) || array_agg(s)
    FROM sketches
    WHERE i = 1;

INSERT INTO arrays SELECT 'short', array_agg(s) FROM sketches WHERE i = 1;

SELECT how, cvm_sketch_union(many) = (SELECT cvm_sketch_union_agg(s) FROM unnest(many) s) AS same
FROM arrays
ORDER BY how;

-- PL/pgSQL keeps an array in a form of its own.
CREATE FUNCTION growing() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    many cvm_sketch[];
    row record;
BEGIN
    FOR row IN SELECT * FROM sketches ORDER BY i LOOP
        many[row.i] := row.s;
    END LOOP;
    RETURN cvm_sketch_union(many) = (SELECT cvm_sketch_union_agg(s) FROM sketches)
        AND cvm_sketch_union(many[2:5]) = many[2] || many[3] || many[4] || many[5];
END $$;

SELECT growing();

-- Intersections and differences give what the operator makes of them.
SELECT bool_and(
           cvm_sketch_union(ARRAY[a.s & b.s, a.s - b.s, c.s]) = (a.s & b.s) || (a.s - b.s) || c.s
       ) AS same,
       bool_or((cvm_sketch_info(cvm_sketch_union(ARRAY[a.s & b.s]))).is_derived) AS derived
FROM sketches a, sketches b, sketches c
WHERE a.i > 10 AND b.i > 8 AND c.i IN (1, 5, 12);

-- The union has the coarser accuracy.
SELECT (cvm_sketch_info(cvm_sketch_union(ARRAY[s, cvm_sketch_downsample(s, 0.1), s]))).capacity
FROM sketches
WHERE i = 12;

-- Sketches that do not combine give the error of the operator.
SELECT cvm_sketch_union(
    ARRAY[cvm_sketch_add(cvm_sketch_empty(), 1), cvm_sketch_add(cvm_sketch_empty(0.03, 0.01, 1), 1)]
);

SELECT cvm_sketch_add(cvm_sketch_empty(), 1) || cvm_sketch_add(cvm_sketch_empty(0.03, 0.01, 1), 1);

SELECT provolatile, proisstrict, proparallel
FROM pg_proc
WHERE oid = 'cvm_sketch_union(cvm_sketch[])'::regprocedure;

DROP TABLE sketches, arrays;
DROP FUNCTION growing;
DROP DOMAIN checked_sketch;
