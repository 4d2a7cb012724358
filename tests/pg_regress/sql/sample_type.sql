-- The type cvm_sample has ways in and out, equality and order.
CREATE TABLE samples AS
    SELECT n, cvm_sample_agg_measured(i, i / 8.0, 100) AS sample
    FROM (VALUES (0), (1), (99), (100), (20000)) v (n)
    LEFT JOIN generate_series(1, 20000) i ON i <= n
    GROUP BY n;

INSERT INTO samples SELECT -1, cvm_sample_agg('text ' || i) FROM generate_series(1, 5000) i;
SELECT n, (cvm_sample_info(sample)).*, # sample AS estimate FROM samples ORDER BY n;
SELECT sample FROM samples WHERE n IN (0, 1) ORDER BY n;

-- A sample goes to text, bytea, a file in binary, and back. Its text is that of its bytes.
SELECT count(*),
       bool_and(sample::text::cvm_sample = sample) AS text,
       bool_and(sample::bytea::cvm_sample = sample) AS bytea,
       bool_and(sample::text = sample::bytea::text) AS same,
       bool_and(cvm_sample_send(sample) = sample::bytea) AS binary
FROM samples;

CREATE TABLE copied (LIKE samples);

SELECT format('COPY samples TO %L (FORMAT binary)', '/tmp/cvm_sample_' || pg_backend_pid()) AS copy_out,
       format('COPY copied FROM %L (FORMAT binary)', '/tmp/cvm_sample_' || pg_backend_pid()) AS copy_in,
       format('COPY (SELECT) TO PROGRAM %L', 'cat; rm /tmp/cvm_sample_' || pg_backend_pid()) AS remove \gset

:copy_out;
:copy_in;
:remove;
SELECT count(*), bool_and(copied.sample = samples.sample) AS same FROM samples JOIN copied USING (n);
DROP TABLE copied;

-- Texts compress. Functions read the header of what is stored out of line.
CREATE TABLE large AS
    SELECT cvm_sample_agg('a long and repetitive text number ' || i) AS sample
    FROM generate_series(1, 900) i;

SELECT pg_column_size(sample) < octet_length(sample::bytea) / 2 AS compressed,
       # sample AS estimate,
       (cvm_sample_info(sample)).retained,
       sample::text::cvm_sample = sample AS round_trip
FROM large;

ALTER TABLE large ALTER sample SET STORAGE external;
UPDATE large SET sample = sample || sample;

SELECT pg_column_size(sample) = octet_length(sample::bytea) AS as_it_is,
       # sample AS estimate,
       cvm_sample_bounds(sample, 7)
FROM large;

DROP TABLE large;

-- Every fault has its own message.
\set VERBOSITY sqlstate
SELECT ''::cvm_sample;
SELECT '\x'::bytea::cvm_sample;
\set VERBOSITY default
SELECT ''::cvm_sample;
SELECT '\x0g'::cvm_sample;
SELECT '\x'::cvm_sample;
SELECT '\x02'::cvm_sample;                                           -- version
SELECT '\x01'::cvm_sample;                                           -- no sketch
SELECT cvm_sketch_empty()::bytea::cvm_sample;                        -- a sketch
SELECT '\x010101000008000000000000000000000000000000'::cvm_sample;   -- derived, at level 0
SELECT (cvm_sample_info('\x010101010008000000000000000000000000000000')).is_derived;
SELECT '\x010100000041420f00000000000000000000000000'::cvm_sample;   -- size

-- A valid sample with two values is damaged in each of their parts.
SELECT '\x010108000008000000020000000500000000000000000000000000c001000000000020'
       '050102610305c3a900000000000000c0000000000000f83f860101fe'::cvm_sample IS NOT NULL AS valid;
SELECT '\x010108000008000000020000000500000000000000000000000000c001000000000020'
       '050102610305c3a900000000000000c0000000000000f83f860101'::cvm_sample;
SELECT '\x010108000008000000020000000500000000000000000000000000c001000000000020'
       '050102610305c3a900000000000000c0000000000000f83f860101fe00'::cvm_sample;
SELECT '\x010108000008000000020000000500000000000000000000000000c001000000000020'
       '050002610305c3a900000000000000c0000000000000f83f860101fe'::cvm_sample;
SELECT '\x010108000008000000020000000500000000000000000000000000c001000000000020'
       '050102000305c3a900000000000000c0000000000000f83f860101fe'::cvm_sample;
SELECT '\x010108000008000000020000000500000000000000000000000000c001000000000020'
       '050102610305c3a900000000000000c0000000000000f83f860102feff'::cvm_sample;

-- The example of docs/format.md is true.
SELECT value, occurrences, total, least, greatest, weight, size, kind
FROM (VALUES
         ('\x010108000008000000020000000500000000000000000000000000c001000000000020'
          '050102610305c3a900000000000000c0000000000000f83f860101fe'::cvm_sample)
     ) v (s),
     cvm_sample_values(s, NULL::text),
     cvm_sample_info(s);

-- A stored sample that was damaged afterwards is an ERROR.
CREATE FUNCTION unchecked(bytea) RETURNS cvm_sample LANGUAGE internal IMMUTABLE STRICT AS 'byteasend';
\set VERBOSITY sqlstate
SELECT # unchecked('\x');
SELECT unchecked('\x01')::cvm_sketch;
SELECT cvm_sample_values(unchecked('\x0101000000080000000100000000000000000000000000'), 1);
SELECT unchecked('\x0101000000080000000100000000000000000000000000') || sample FROM samples;
SELECT cvm_sample_union_agg(unchecked('\x0101000000080000000100000000000000000000000000'));
\set VERBOSITY default
-- A text may be no value of its kind.
SELECT *
FROM cvm_sample_values(
    '\x0101020000080000000100000000000000000000000100000000000001010261'::cvm_sample,
    1
);

DROP FUNCTION unchecked(bytea);

-- Equal samples have equal bytes, and order is that of the bytes.
SELECT count(*), count(DISTINCT sample) AS distinct_samples
FROM (
    SELECT cvm_sample_agg_measured(i, i) AS sample FROM generate_series(1, 30000) i
    UNION ALL
    SELECT cvm_sample_agg_measured(i, i)
    FROM (SELECT i FROM generate_series(30000, 1, -1) i) r
    UNION ALL SELECT cvm_sample_agg_measured(i::bigint, i) FROM generate_series(1, 30000) i
    UNION ALL
    SELECT cvm_sample_union_agg(s)
    FROM (SELECT cvm_sample_agg_measured(i, i) s FROM generate_series(1, 30000) i GROUP BY i % 7) r
) s;

SELECT bool_and(
    (a.sample < b.sample) = (a.sample::bytea < b.sample::bytea)
    AND (a.sample <= b.sample) = (a.sample::bytea <= b.sample::bytea)
    AND (a.sample = b.sample) = (a.n = b.n)
    AND (a.sample <> b.sample) = (a.n <> b.n)
    AND (a.sample >= b.sample) = (a.sample::bytea >= b.sample::bytea)
    AND (a.sample > b.sample) = (a.sample::bytea > b.sample::bytea)
    AND sign(cvm_sample_cmp(a.sample, b.sample)) = sign(byteacmp(a.sample::bytea, b.sample::bytea))
) AS as_bytes
FROM samples a, samples b;

-- Indexes and joins find equal samples.
CREATE INDEX ON samples USING hash (sample);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET plan_cache_mode = force_generic_plan;
PREPARE found(cvm_sample) AS SELECT n FROM samples WHERE sample = $1;
EXPLAIN (COSTS off) EXECUTE found(NULL);
RESET plan_cache_mode;
SELECT n FROM samples WHERE sample = (SELECT sample FROM samples WHERE n = 1);
RESET enable_seqscan;
RESET enable_bitmapscan;
SET enable_hashjoin = off;
SELECT count(*) AS merged FROM samples a JOIN samples b USING (sample);
SET enable_hashjoin = on;
SET enable_mergejoin = off;
SET enable_nestloop = off;
SELECT count(*) AS hashed FROM samples a JOIN samples b USING (sample);
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_nestloop;
DROP TABLE samples;
