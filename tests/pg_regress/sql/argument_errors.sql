-- Each wrong argument has a message of its own, with SQLSTATE 22023, 42883 or 42804.
\set VERBOSITY sqlstate
SELECT approx_count_distinct_cvm(1, 2.0);
SELECT approx_count_distinct_cvm(1, 0.1, 0.2);
SELECT approx_count_distinct_cvm('{}'::json);
\set VERBOSITY default

-- An epsilon out of range is refused.
SELECT approx_count_distinct_cvm(1, 0);
SELECT approx_count_distinct_cvm(1, 0.00099);
SELECT approx_count_distinct_cvm(1, 0.50001);
SELECT approx_count_distinct_cvm(1, -0.01);
SELECT approx_count_distinct_cvm(1, 'NaN');
SELECT approx_count_distinct_cvm(1, 'Infinity');
SELECT approx_count_distinct_cvm(1, NULL);

-- A second column is taken for an epsilon. Pairs are counted as rows.
SELECT approx_count_distinct_cvm(visitor, day) FROM (VALUES (1, 17)) visits (visitor, day);
SELECT approx_count_distinct_cvm(visitor, day) FROM (VALUES (1, 0.1), (2, 0.2)) visits (visitor, day);

SELECT approx_count_distinct_cvm(ROW(visitor, day))
FROM (VALUES (1, 17), (1, 18), (1, 17)) visits (visitor, day);

-- A delta out of range is refused.
SELECT approx_count_distinct_cvm(1, 0.01, 0);
SELECT approx_count_distinct_cvm(1, 0.01, 1e-10);
SELECT approx_count_distinct_cvm(1, 0.01, 0.11);
SELECT approx_count_distinct_cvm(1, 0.01, 'NaN');
SELECT approx_count_distinct_cvm(1, 0.01, '-Infinity');
SELECT approx_count_distinct_cvm(1, 0.01, NULL);

-- A wrong argument is an ERROR beside NULL values as well.
SELECT approx_count_distinct_cvm(NULL::int, 7);
SELECT approx_count_distinct_cvm(NULL::int, NULL, 0.01);

-- Both ends of the ranges are legal.
SELECT approx_count_distinct_cvm(1, 0.001, 1e-9), approx_count_distinct_cvm(1, 0.5, 0.1);

-- Epsilon and delta must stay the same within a group.
SELECT approx_count_distinct_cvm(1, e) FROM (VALUES (0.1), (0.2)) v (e);
SELECT approx_count_distinct_cvm(1, 0.1, d) FROM (VALUES (0.01), (0.02)) v (d);
SELECT approx_count_distinct_cvm(1, e) FROM (VALUES (0.1), (NULL)) v (e);
SELECT approx_count_distinct_cvm(1, 0.1, d) FROM (VALUES (0.01), ('NaN')) v (d);
SELECT approx_count_distinct_cvm(x, e) FROM (VALUES (1, 0.1), (NULL, 0.2)) v (x, e);
SELECT approx_count_distinct_cvm(x, e) FROM (VALUES (1, 0.1), (2, 0.1), (NULL, 0.2)) v (x, e);
SELECT approx_count_distinct_cvm(x, 0.1, d) FROM (VALUES (1, 0.1), (2, 0.1), (3, 0.01)) v (x, d);
SELECT approx_count_distinct_cvm(x, e ORDER BY x) FROM (VALUES (1, 0.1), (2, 0.1), (3, 0.2)) v (x, e);

-- Windows and groups are held to that, each by itself.
SELECT approx_count_distinct_cvm(x, e) OVER (ORDER BY x) FROM (VALUES (1, 0.1), (2, 0.1), (3, 0.2)) v (x, e);
SELECT approx_count_distinct_cvm(x, 0.1) OVER (ORDER BY x) FROM (VALUES (1), (2), (2), (NULL)) v (x);

SELECT g, approx_count_distinct_cvm(x, e)
FROM (VALUES (1, 1, 0.1), (1, 2, 0.1), (2, 1, 0.2), (2, 2, 0.2)) v (g, x, e)
GROUP BY g ORDER BY g;

SELECT g, approx_count_distinct_cvm(x, e)
FROM (VALUES (1, 1, 0.1), (1, 2, 0.1), (2, 1, 0.2), (2, 2, 0.1)) v (g, x, e)
GROUP BY g ORDER BY g;

-- ORDER BY, DISTINCT and FILTER go with a constant epsilon, and so does a parameter.
SELECT approx_count_distinct_cvm(x, 0.1 ORDER BY y),
       approx_count_distinct_cvm(DISTINCT x, 0.1),
       approx_count_distinct_cvm(x, 0.1) FILTER (WHERE y > 1)
FROM (VALUES (1, 1), (2, 1), (2, 2)) v (x, y);

SET plan_cache_mode = force_generic_plan;
PREPARE within(float8) AS SELECT approx_count_distinct_cvm(i, $1) FROM generate_series(1, 9) i;
EXECUTE within(0.1);
EXECUTE within(NULL);
EXECUTE within(17);
DEALLOCATE within;
RESET plan_cache_mode;

-- Types without a hash function are refused, inside of others too.
SELECT approx_count_distinct_cvm('{}'::json);
SELECT approx_count_distinct_cvm('$'::jsonpath);
SELECT approx_count_distinct_cvm(point(1, 2));
SELECT approx_count_distinct_cvm(ARRAY['{}'::json]);
SELECT approx_count_distinct_cvm(ROW(1, '{}'::json));
SELECT approx_count_distinct_cvm(ROW(1, point(1, 2))) FROM generate_series(1, 3);
CREATE TYPE has_json AS (a int, b json);
SELECT approx_count_distinct_cvm(ROW(1, '{}')::has_json);
DROP TYPE has_json;

-- Arguments of unknown type need a cast.
SELECT approx_count_distinct_cvm('word');
SELECT approx_count_distinct_cvm(NULL);
SELECT approx_count_distinct_cvm('word'::text) AS with_a_type;

-- A wrong number of arguments gets PostgreSQL's message. Its further lines differ between versions.
\set VERBOSITY terse
SELECT approx_count_distinct_cvm(1, 0.1, 0.1, 0.1);
SELECT approx_count_distinct_cvm();
SELECT approx_count_distinct_cvm(*) FROM generate_series(1, 2);
\set VERBOSITY default
