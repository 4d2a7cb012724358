-- A sample has its texts in UTF-8. In a database of another encoding they come back as they were.
\set regression :DBNAME
CREATE DATABASE cvm_latin1 TEMPLATE template0 ENCODING LATIN1 LOCALE 'C';
\c cvm_latin1
CREATE EXTENSION cvm_count;
SET client_encoding = UTF8;

CREATE TABLE words AS
SELECT word AS text, word::varchar AS short, word::char(12) AS padded, repeat(word, 500) AS long, ARRAY[word] AS list
FROM generate_series(1, 300) AS i, LATERAL (SELECT 'caf' || chr(233) || i) AS w (word);

SELECT 'text' AS column, count(*) AS values, count(*) FILTER (WHERE value IN (SELECT text FROM words)) AS come_back
FROM (SELECT cvm_sample_agg(text) AS sample FROM words) AS s, cvm_sample_values(sample, NULL::text)
UNION ALL
SELECT 'short' AS column, count(*) AS values, count(*) FILTER (WHERE value IN (SELECT short FROM words)) AS come_back
FROM (SELECT cvm_sample_agg(short) AS sample FROM words) AS s, cvm_sample_values(sample, NULL::varchar)
UNION ALL
SELECT 'padded' AS column, count(*) AS values, count(*) FILTER (WHERE value IN (SELECT padded FROM words)) AS come_back
FROM (SELECT cvm_sample_agg(padded) AS sample FROM words) AS s, cvm_sample_values(sample, NULL::char(12))
UNION ALL
SELECT 'long' AS column, count(*) AS values, count(*) FILTER (WHERE value IN (SELECT long FROM words)) AS come_back
FROM (SELECT cvm_sample_agg(long) AS sample FROM words) AS s, cvm_sample_values(sample, NULL::text)
UNION ALL
SELECT 'list' AS column, count(*) AS values, count(*) FILTER (WHERE value IN (SELECT list FROM words)) AS come_back
FROM (SELECT cvm_sample_agg(list) AS sample FROM words) AS s, cvm_sample_values(sample, NULL::text[])
ORDER BY 1;

\c :regression
DROP DATABASE cvm_latin1;
