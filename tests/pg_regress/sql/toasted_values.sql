-- The same value is the same however it is stored: short header, plain, compressed, out of line.
-- The default compression differs between versions.
SET default_toast_compression = pglz;
CREATE TABLE stored (how text, t text, b bytea, c char(3000));
ALTER TABLE stored ALTER t SET STORAGE plain;
INSERT INTO stored SELECT 'plain', repeat('x', 2500) || i % 10, NULL, NULL FROM generate_series(1, 20) i;
ALTER TABLE stored ALTER t SET STORAGE extended;
INSERT INTO stored SELECT 'compressed', repeat('x', 2500) || i % 10, NULL, NULL FROM generate_series(1, 20) i;
ALTER TABLE stored ALTER t SET STORAGE external;

INSERT INTO stored
    SELECT 'out of line', repeat('x', 2500) || i % 10, NULL, NULL FROM generate_series(1, 20) i;

SELECT how, min(pg_column_size(t)) AS stored_bytes, approx_count_distinct_cvm(t)
FROM stored
GROUP BY how ORDER BY how;

-- The other compression gives the same, where the server has it.
SELECT CASE WHEN 'lz4' = ANY (enumvals) THEN 'lz4' ELSE 'pglz' END AS other
FROM pg_settings
WHERE name = 'default_toast_compression' \gset

SET default_toast_compression = :other;
ALTER TABLE stored ALTER t SET STORAGE extended;
INSERT INTO stored SELECT 'otherwise', repeat('x', 2500) || i % 10, NULL, NULL FROM generate_series(1, 20) i;

SELECT bool_and(pg_column_size(t) < 100) AS compressed,
       bool_and(pg_column_compression(t) = :'other') AS so
FROM stored
WHERE how = 'otherwise';

RESET default_toast_compression;
SELECT approx_count_distinct_cvm(t) AS together, count(DISTINCT t) FROM stored;
SELECT count(DISTINCT cvm_hash(t)) AS hashes FROM stored;

-- Many values are out of line, with few distinct.
CREATE TABLE out_of_line (t text, b bytea);
ALTER TABLE out_of_line ALTER t SET STORAGE external, ALTER b SET STORAGE external;

INSERT INTO out_of_line
    SELECT repeat(md5((i % 1000)::text), 70), repeat(md5((i % 1000)::text), 70)::bytea
    FROM generate_series(1, 20000) i;

SELECT approx_count_distinct_cvm(t) AS texts, approx_count_distinct_cvm(b) AS byteas FROM out_of_line;

-- Compressed blanks of char(n) are trimmed as well.
INSERT INTO stored (how, c) SELECT 'padded', i % 5 FROM generate_series(1, 20) i;

SELECT approx_count_distinct_cvm(c) AS padded,
       cvm_hash('1'::char(3000)) = cvm_hash('1'::text) AS same
FROM stored
WHERE how = 'padded';

-- Values of jsonb and arrays may be out of line.
CREATE TABLE own (j jsonb, a text[]);
ALTER TABLE own ALTER j SET STORAGE external, ALTER a SET STORAGE external;

INSERT INTO own
    SELECT jsonb_build_object('k', repeat('x', 3000), 'i', i % 7),
           ARRAY[repeat('x', 3000), (i % 7)::text]
    FROM generate_series(1, 50) i;

SELECT approx_count_distinct_cvm(j) AS j, approx_count_distinct_cvm(a) AS a FROM own;

-- Values on both sides of the boundary between short and long headers are hashed alike.
SELECT approx_count_distinct_cvm(repeat('x', i)) FROM generate_series(0, 300) i;
SELECT count(DISTINCT cvm_hash(repeat('x', i))) FROM generate_series(0, 300) i;
CREATE TYPE pair AS (number int, t text);
CREATE TABLE short (n numeric[], a text[], r numrange, m nummultirange, p pair);

INSERT INTO short
    SELECT ARRAY[i, i / 7.0],
           ARRAY[repeat('x', i), NULL],
           numrange(i, i + 1),
           nummultirange(numrange(i, i + 1), numrange(i + 2, NULL)),
           ROW(i, repeat('x', i))::pair
    FROM generate_series(1, 130) i, generate_series(1, 2);

SELECT approx_count_distinct_cvm(n) AS n,
       approx_count_distinct_cvm(a) AS a,
       approx_count_distinct_cvm(r) AS r,
       approx_count_distinct_cvm(m) AS m,
       approx_count_distinct_cvm(p) AS p
FROM short;

SELECT count(*) AS different
FROM short
WHERE cvm_hash(a) <> cvm_hash(a || '{}'::text[])
  OR cvm_hash(p) <> cvm_hash(ROW((p).*)::pair)
  OR cvm_hash(r) <> cvm_hash(numrange(lower(r), upper(r)));

DROP TABLE stored, out_of_line, own, short;
DROP TYPE pair;
