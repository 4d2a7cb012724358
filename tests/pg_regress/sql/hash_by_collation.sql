-- Hashing follows the collation of the query. This needs ICU.
CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION no_accent (provider = icu, locale = 'und-u-ks-level1', deterministic = false);

CREATE TABLE cities (
    name text,
    varying varchar,
    padded char(10),
    bare name,
    insensitive text COLLATE no_case
);

INSERT INTO cities
    SELECT c, c, c, c, c
    FROM unnest(ARRAY['Zürich', 'zürich', 'ZURICH', 'Bern', 'bern', 'BERN ']) c;

SELECT approx_count_distinct_cvm(name) AS plain,
       approx_count_distinct_cvm(name COLLATE no_case) AS no_case,
       approx_count_distinct_cvm(name COLLATE no_accent) AS no_accent,
       approx_count_distinct_cvm(insensitive) AS of_the_column,
       approx_count_distinct_cvm(insensitive COLLATE "C") AS overridden
FROM cities;

SELECT count(DISTINCT name) AS plain,
       count(DISTINCT name COLLATE no_case) AS no_case,
       count(DISTINCT name COLLATE no_accent) AS no_accent,
       count(DISTINCT insensitive) AS of_the_column,
       count(DISTINCT insensitive COLLATE "C") AS overridden
FROM cities;

-- The other string types follow it too.
SELECT approx_count_distinct_cvm(varying COLLATE no_case) AS varying,
       approx_count_distinct_cvm(padded) AS padded_plain,
       approx_count_distinct_cvm(padded COLLATE no_case) AS padded,
       approx_count_distinct_cvm(bare COLLATE no_case) AS bare
FROM cities;

SELECT count(DISTINCT varying COLLATE no_case) AS varying,
       count(DISTINCT padded) AS padded_plain,
       count(DISTINCT padded COLLATE no_case) AS padded,
       count(DISTINCT bare COLLATE no_case) AS bare
FROM cities;

-- Arrays, rows and domains follow it inside.
CREATE DOMAIN loose AS text COLLATE no_case;

SELECT approx_count_distinct_cvm(ARRAY[name] COLLATE no_case) AS in_array,
       count(DISTINCT ARRAY[name] COLLATE no_case),
       approx_count_distinct_cvm(name::loose) AS domain,
       count(DISTINCT name::loose)
FROM cities;

-- Bounds of ranges follow their collation, unless their operator class compares bytes.
SET client_min_messages = warning;
CREATE TYPE city_range AS RANGE (SUBTYPE = text, COLLATION = no_case);

CREATE TYPE city_range_by_bytes AS RANGE (
    SUBTYPE = text,
    SUBTYPE_OPCLASS = text_pattern_ops,
    COLLATION = no_case
);

CREATE TYPE padded_range AS RANGE (SUBTYPE = bpchar, COLLATION = no_case);

CREATE TYPE padded_range_by_bytes AS RANGE (
    SUBTYPE = bpchar,
    SUBTYPE_OPCLASS = bpchar_pattern_ops,
    COLLATION = no_case
);

SELECT approx_count_distinct_cvm(city_range(name, NULL)) AS by_collation,
       count(DISTINCT city_range(name, NULL)),
       approx_count_distinct_cvm(city_range_by_bytes(name, NULL)) AS by_bytes,
       count(DISTINCT city_range_by_bytes(name, NULL))
FROM cities;

SELECT approx_count_distinct_cvm(padded_range(padded, NULL)) AS by_collation,
       count(DISTINCT padded_range(padded, NULL)),
       approx_count_distinct_cvm(padded_range_by_bytes(padded, NULL)) AS by_bytes,
       count(DISTINCT padded_range_by_bytes(padded, NULL))
FROM cities;

DROP TYPE city_range, city_range_by_bytes, padded_range, padded_range_by_bytes;
RESET client_min_messages;

-- cvm_hash follows it too.
SELECT cvm_hash('A'::text COLLATE no_case) = cvm_hash('a'::text COLLATE no_case) AS no_case,
       cvm_hash('A'::text COLLATE "C") = cvm_hash('a'::text COLLATE "C") AS plain;

-- Another operator class may order the values. Values equal under the collation do not stand side by side there.
-- So they are not counted as one, with the setting or without.
SET cvm_count.count_distinct_epsilon = 0.03;

SELECT count(DISTINCT w COLLATE no_case ORDER BY w COLLATE no_case USING ~<~) AS by_bytes,
       count(DISTINCT w COLLATE no_case ORDER BY w COLLATE no_case USING <) AS by_collation
FROM (VALUES ('a'), ('A'), ('b'), ('B'), ('a '), ('c')) v (w);

SET cvm_count.count_distinct_epsilon = 0;

SELECT count(DISTINCT w COLLATE no_case ORDER BY w COLLATE no_case USING ~<~) AS by_bytes,
       count(DISTINCT w COLLATE no_case ORDER BY w COLLATE no_case USING <) AS by_collation
FROM (VALUES ('a'), ('A'), ('b'), ('B'), ('a '), ('c')) v (w);

RESET cvm_count.count_distinct_epsilon;

-- A collation that cannot be determined is an ERROR.
ALTER TABLE cities ADD insensitive_too text COLLATE no_accent DEFAULT '!';
SELECT approx_count_distinct_cvm(insensitive || insensitive_too) FROM cities;
SELECT cvm_hash(insensitive || insensitive_too) FROM cities;

SELECT cvm_hash((insensitive || 'x' || insensitive_too)::char(10)),
       cvm_hash((insensitive || 'x')::name)
FROM cities
LIMIT 1;

DROP DOMAIN loose;
DROP TABLE cities;
DROP COLLATION no_case, no_accent;
