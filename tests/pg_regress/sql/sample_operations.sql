-- A sample and a sketch give the values of the sample that are in the sketch, or are not.
-- The result says of them all that the sample says.
CREATE TABLE orders AS
    SELECT i AS id,
           (cvm_hash(i, 1) & 32767) * (cvm_hash(i, 1) & 32767) / 200000 AS customer,
           round((cvm_hash(i, 2) % 100000) / 100.0, 2)::float8 AS paid
    FROM generate_series(1, 60000) i;

CREATE TABLE known AS
    SELECT customer,
           count(*) AS occurrences,
           sum(paid::numeric) AS total,
           min(paid) AS least,
           max(paid) AS greatest
    FROM orders
    GROUP BY customer;

SELECT count(*) AS customers FROM known;

-- Sets of customers, accuracies and sizes are drawn at random.
CREATE TABLE draws AS
    SELECT n,
           (cvm_hash(n, 10) & 7) + 1 AS modulus,
           (ARRAY[8, 50, 300, 1000, 30000])[1 + (cvm_hash(n, 11) & 1023) % 5] AS size,
           (ARRAY[0.01, 0.03, 0.1, 0.5])[1 + (cvm_hash(n, 12) & 3)] AS epsilon,
           (cvm_hash(n, 13) & 1023) % 7000 AS first
    FROM generate_series(1, 60) n;

CREATE FUNCTION parts(
    n int, size int, epsilon float8, modulus int, first int, OUT sample cvm_sample,
    OUT sketch cvm_sketch
) LANGUAGE plpgsql AS $$
BEGIN
    sample := (SELECT cvm_sample_agg_measured(customer, paid, size) FROM orders);
    sketch := (
        SELECT cvm_sketch_agg(c, epsilon)
        FROM generate_series(parts.first, 9000) c
        WHERE c % modulus = 0
    );
END $$;

CREATE TABLE operands AS
    SELECT draws.*, parts.* FROM draws, parts(n, size, epsilon, modulus::int, first::int);

CREATE TABLE results AS
    SELECT n, modulus, first,
           '&' AS operation,
           sample, sketch,
           sample & sketch AS result,
           sample::cvm_sketch & sketch AS of_sketches
    FROM operands
    UNION ALL
    SELECT n, modulus, first,
           '-',
           sample, sketch,
           sample - sketch,
           sample::cvm_sketch - sketch
    FROM operands;

SELECT operation,
       count(*) AS drawn,
       count(*) FILTER (WHERE (i).is_exact) AS exact,
       count(*) FILTER (WHERE (i).is_derived) AS derived,
       sum((i).retained) AS values,
       bool_and(result::cvm_sketch::bytea = of_sketches::bytea) AS same_sketch,
       bool_and(result::bytea::cvm_sample = result) AS round_trip,
       bool_and(
           # result = # of_sketches
           AND (i).is_derived = (cvm_sketch_info(of_sketches)).is_derived
       ) AS same_estimate
FROM (SELECT *, cvm_sample_info(result) AS i FROM results) r
GROUP BY operation ORDER BY operation;

-- The result has exactly the values that are (not) in the set, and says all of each.
SELECT operation,
       count(*) AS values,
       bool_and((v.value % modulus = 0 AND v.value >= first) = (operation = '&')) AS of_set,
       bool_and(
           v.occurrences = k.occurrences
           AND abs(v.total - k.total) < 1e-9
           AND v.least = k.least
           AND v.greatest = k.greatest
       ) AS right
FROM results, cvm_sample_values(result, NULL::bigint) v LEFT JOIN known k ON k.customer = v.value
GROUP BY operation ORDER BY operation;

-- The number of them is between the bounds, nearly always.
SELECT operation,
       count(*) FILTER (WHERE exact BETWEEN lower AND upper) >= count(*) - 2 AS holds,
       count(*) FILTER (WHERE lower < upper) AS intervals
FROM (
    SELECT operation,
           (cvm_sample_bounds(result, (cvm_sample_info(result)).retained, 0.99)).*,
           (SELECT count(*)
            FROM known
            WHERE (customer % modulus = 0 AND customer >= first) = (operation = '&')) AS exact
    FROM results
) r
GROUP BY operation ORDER BY operation;

SELECT matching, (cvm_sample_bounds(result, matching)).*
FROM results, (VALUES (0), (5)) v (matching)
WHERE n = 5 AND operation = '&'
ORDER BY matching;

-- What is in and what is not make up the sample again, at the level of both.
-- The union is the same in any order, in an array, and in parallel.
CREATE TABLE united AS
    SELECT n, a.sample, a.sketch,
           a.result AS these,
           b.result AS others,
           a.result || b.result AS whole
    FROM results a JOIN results b USING (n)
    WHERE a.operation = '&' AND b.operation = '-';

SELECT count(*) AS drawn,
       bool_and(
           whole = others || these
           AND whole = cvm_sample_union(ARRAY[others, NULL, these])
       ) AS any_order,
       bool_and(whole::cvm_sketch = (these::cvm_sketch || others::cvm_sketch)) AS same_sketch,
       count(*) FILTER (WHERE (cvm_sample_info(whole)).is_derived) AS derived,
       count(*) FILTER (WHERE whole = sample) AS all_again,
       bool_and((cvm_sample_info(these - these::cvm_sketch)).retained = 0) AS none_left
FROM united;

SELECT count(*) AS values,
       count(DISTINCT (n, value)) AS distinct_values,
       bool_and(v.occurrences = k.occurrences AND abs(v.total - k.total) < 1e-9) AS right
FROM united, cvm_sample_values(whole, NULL::bigint) v LEFT JOIN known k ON k.customer = v.value;

SET max_parallel_workers_per_gather = 0;
CREATE TABLE many (sample cvm_sample) WITH (parallel_workers = 4);
INSERT INTO many SELECT result FROM results, generate_series(1, 3);

CREATE TABLE serial AS
    SELECT cvm_sample_union_agg(sample) AS union,
           cvm_sample_union_agg(sample ORDER BY # sample DESC) AS reversed,
           cvm_sample_union(array_agg(sample)) AS of_array
    FROM many;

SET max_parallel_workers_per_gather = 4;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;

SELECT serial.union = reversed AS reversed,
       serial.union = of_array AS of_array,
       serial.union = (SELECT cvm_sample_union_agg(sample) FROM many) AS parallel,
       (cvm_sample_info(serial.union)).size,
       (cvm_sample_info(serial.union)).is_derived
FROM serial;

RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- Few values are exact, and stay so.
SELECT value, occurrences, total, weight, is_exact, is_derived, kind
FROM (
         SELECT cvm_sample_agg_measured(i % 10, i) & cvm_sketch_agg(i % 3) AS s
         FROM generate_series(1, 100) i
     ) q,
     cvm_sample_values(s, 1),
     cvm_sample_info(s)
ORDER BY value;

SELECT value, occurrences
FROM cvm_sample_values(
    (SELECT cvm_sample_agg(x) - cvm_sketch_add(cvm_sketch_empty(), 'b'::text)
     FROM (VALUES ('a'), ('b'), ('a')) v (x)),
    ''::text
);

-- Either side may have no values.
SELECT name, (cvm_sample_info(s & k)).*, # (s - k) AS difference
FROM (VALUES
    ('empty sample', (SELECT cvm_sample_empty()),
     (SELECT cvm_sketch_agg(i) FROM generate_series(1, 30000) i)),
    ('empty sketch', (SELECT cvm_sample_agg(i) FROM generate_series(1, 30000) i),
     cvm_sketch_empty()),
    ('both', cvm_sample_empty(), cvm_sketch_empty()),
    ('sized', cvm_sample_empty(100), (SELECT cvm_sketch_agg(i) FROM generate_series(1, 3) i))
) v (name, s, k)
ORDER BY name;

SELECT NULL & cvm_sketch_empty() IS NULL AS no_sample, cvm_sample_empty() - NULL IS NULL AS no_sketch;

-- Kinds and seeds that do not go together are refused.
SELECT cvm_sample_agg(i) & cvm_sketch_agg(i::text) FROM generate_series(1, 3) i;
SELECT cvm_sample_agg(i) - cvm_sketch_agg(i, 0.1, 0.01, 5) FROM generate_series(1, 3) i;
\set VERBOSITY sqlstate
SELECT cvm_sample_agg(i) & cvm_sample_agg(i) FROM generate_series(1, 3) i;
SELECT cvm_sample_agg(i) & cvm_sketch_agg(i::text) FROM generate_series(1, 3) i;
\set VERBOSITY default
SELECT # (cvm_sample_agg(i) & cvm_sketch_agg_hashed(cvm_hash(i))) AS of_unknown_kind
FROM generate_series(1, 3) i;

-- Samples may be in an array, and may be of nothing.
SELECT cvm_sample_union('{}') = cvm_sample_empty() AS of_none,
       cvm_sample_union(ARRAY[NULL, NULL]::cvm_sample[]) = cvm_sample_empty() AS of_nulls,
       cvm_sample_union(NULL) IS NULL AS of_null,
       cvm_sample_union(ARRAY[[s, t], [t, s]]) = s || s || (t || t) AS two_dimensions
FROM (
    SELECT cvm_sample_agg_measured(i, i, 50) AS s, cvm_sample_agg_measured(i + 100, i, 90) AS t
    FROM generate_series(1, 1000) i
) q;

SELECT cvm_sample_union(ARRAY[cvm_sample_empty(10), cvm_sample_empty(10, 5)]);

SELECT cvm_sample_empty(),
       cvm_sample_empty(100),
       (cvm_sample_info(cvm_sample_empty(100, 7))).*,
       # cvm_sample_empty(8) AS estimate;

SELECT cvm_sample_empty() = (cvm_sample_agg(i) FILTER (WHERE false)) AS as_of_no_rows,
       cvm_sample_empty() || cvm_sample_agg(i) = cvm_sample_agg(i) AS goes_with_any,
       (cvm_sample_info(cvm_sample_empty(100) || cvm_sample_agg(i))).size,
       cvm_sample_empty()::cvm_sketch = cvm_sketch_empty() AS same_sketch
FROM generate_series(1, 5) i;

SELECT cvm_sample_empty(7);
SELECT cvm_sample_empty(NULL);
SELECT cvm_sample_empty(100, NULL);
DROP FUNCTION parts;
DROP TABLE orders, known, draws, operands, results, united, many, serial;
