-- The type cvm_sketch has ways in and out, equality and order.
CREATE TABLE sketches AS
    SELECT n, cvm_sketch_agg(i, 0.1) AS sketch
    FROM (VALUES (0), (1), (100), (779), (780), (20000)) v (n)
    LEFT JOIN generate_series(1, 20000) i ON i <= n
    GROUP BY n;

INSERT INTO sketches
    SELECT -1, cvm_sketch_agg(i, 0.1) & cvm_sketch_agg(i + 10000, 0.1)
    FROM generate_series(1, 20000) i;

SELECT n, (cvm_sketch_info(sketch)).*, #sketch AS estimate FROM sketches ORDER BY n;
SELECT sketch FROM sketches WHERE n IN (0, 1) ORDER BY n;

-- A sketch goes to text, bytea and back. Its text is that of its bytes.
SELECT count(*),
       bool_and(sketch::text::cvm_sketch = sketch) AS text,
       bool_and(sketch::bytea::cvm_sketch = sketch) AS bytea,
       bool_and(sketch::text = sketch::bytea::text) AS same,
       bool_and(cvm_sketch_send(sketch) = sketch::bytea) AS binary
FROM sketches;

SET bytea_output = escape;
SELECT sketch FROM sketches WHERE n = 0;
RESET bytea_output;

SELECT upper(sketch::text) LIKE '%5A%' AS has_letters,
       ('\x' || upper(substr(sketch::text, 3)))::cvm_sketch = sketch AS upper_case
FROM sketches
WHERE n = 20000;

-- A large sketch is stored out of line and not compressed.
CREATE TABLE large AS SELECT cvm_sketch_agg(i, 0.01) AS sketch FROM generate_series(1, 200000) i;

SELECT pg_column_size(sketch) = octet_length(sketch::bytea) AS stored_as_it_is,
       pg_column_compression(sketch) AS compression,
       pg_relation_size('large') < octet_length(sketch::bytea) AS out_of_line,
       (cvm_sketch_info(sketch)).bytes,
       #sketch AS estimate,
       sketch::text::cvm_sketch = sketch AS round_trip
FROM large;

DROP TABLE large;

-- Every fault has its own message.
\set VERBOSITY sqlstate
SELECT ''::cvm_sketch;
SELECT '\x'::bytea::cvm_sketch;
\set VERBOSITY default
SELECT ''::cvm_sketch;
SELECT '01'::cvm_sketch;
SELECT '\x'::cvm_sketch;
SELECT '\x0'::cvm_sketch;
SELECT '\x0g'::cvm_sketch;
SELECT E'\\x\u00e4'::cvm_sketch;

-- Each field of the header has its own message.
SELECT '\x0300000045210000000000000000000000000000'::cvm_sketch;  -- version
SELECT '\x01000000452100000000000000000000000000'::cvm_sketch;    -- a byte too few
SELECT '\x010000004521000000000000000000000000000000'::cvm_sketch;  -- a byte too many
SELECT '\x0140000045210000000000000000000000000000'::cvm_sketch;  -- flags
SELECT '\x0122000045210000000000000000000000000000'::cvm_sketch;  -- kind
SELECT '\x0101000045210000000000000000000000000000'::cvm_sketch;  -- derived at level 0
SELECT '\x0100190145210000000000000000000000000000'::cvm_sketch;  -- level
SELECT '\x0100000007000000000000000000000000000000'::cvm_sketch;  -- capacity
SELECT '\x0100000045210000452100000000000000000000'::cvm_sketch;  -- as many hashes as the capacity
SELECT '\x010000000000000400ffffff0000000000000000'::bytea::cvm_sketch;
SELECT '\x01000000000000040000ff030000000000000000'::bytea::cvm_sketch;  -- far more hashes than bytes
SELECT '\x0100000008000000020000000500000000000000000000000000c00100000000002085'::cvm_sketch;  -- unused bits
SELECT '\x0100000008000000020000000500000000000000000000000000c00100000000002001'::cvm_sketch;  -- one hash of two
SELECT '\x0100000008000000020000000500000000000000010000000000000000000000000003'::cvm_sketch;  -- unsorted
SELECT '\x0100000008000000020000000500000000000000000000000000000000000000000003'::cvm_sketch;  -- repeated
SELECT '\x0100010008000000020000000500000000000000000000000000000000000000000811'::cvm_sketch;  -- not of the level
SELECT '\x0100000008000000020000000500000000000000000000000000c00100000000002005'::cvm_sketch AS valid;

-- Equal sketches have equal bytes, whatever the way they were made.
SELECT count(*), count(DISTINCT sketch) AS distinct_sketches
FROM (
    SELECT cvm_sketch_agg(i) AS sketch FROM generate_series(1, 30000) i
    UNION ALL
    SELECT cvm_sketch_agg(i)
    FROM (SELECT i FROM generate_series(30000, 1, -1) i, generate_series(1, 2)) r
    UNION ALL SELECT cvm_sketch_agg(i::bigint) FROM generate_series(1, 30000) i
    UNION ALL
    SELECT cvm_sketch_union_agg(s)
    FROM (SELECT cvm_sketch_agg(i) s FROM generate_series(1, 30000) i GROUP BY i % 7) r
) s;

-- GROUP BY, joins of all kinds, order and indexes work.
CREATE TABLE twice AS SELECT n, sketch FROM sketches UNION ALL SELECT n, sketch FROM sketches;
ANALYZE twice;
SELECT sum(n), count(*) FROM twice GROUP BY sketch ORDER BY 1;

SET enable_hashjoin = off;
SET enable_nestloop = off;

SELECT count(*) FROM twice a JOIN sketches b USING (sketch);
RESET enable_hashjoin;
SET enable_mergejoin = off;
SELECT count(*) FROM twice a JOIN sketches b USING (sketch);

RESET enable_mergejoin;
RESET enable_nestloop;

-- Indexes find equal sketches.
CREATE INDEX ON twice USING hash (sketch);
CREATE UNIQUE INDEX ON sketches (sketch) WHERE n <= 100;
SET enable_seqscan = off;
SELECT n FROM twice WHERE sketch = (SELECT sketch FROM sketches WHERE n = 100);
EXPLAIN (COSTS OFF) SELECT n FROM sketches WHERE sketch = cvm_sketch_empty() AND n <= 100;
SELECT n FROM sketches WHERE sketch = (SELECT sketch FROM sketches WHERE n = 100) AND n <= 100;
RESET enable_seqscan;
INSERT INTO sketches SELECT 5, sketch FROM sketches WHERE n = 0;
SELECT n FROM sketches ORDER BY sketch LIMIT 1;

SELECT a.n, b.n,
       a.sketch < b.sketch AS lt,
       a.sketch <= b.sketch AS le,
       a.sketch <> b.sketch AS ne,
       a.sketch >= b.sketch AS ge,
       a.sketch > b.sketch AS gt
FROM sketches a, sketches b
WHERE a.n IN (0, 1) AND b.n IN (0, 1)
ORDER BY 1, 2;

SELECT approx_count_distinct_cvm(sketch) FROM twice;
DROP TABLE twice, sketches;
