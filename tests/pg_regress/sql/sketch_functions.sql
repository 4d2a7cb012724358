-- Functions ask sketches for numbers, and make sketches of others.
CREATE TABLE named_sketches AS
    SELECT name, seed, cvm_sketch_agg(i, epsilon, 0.01, seed) AS sketch
    FROM (VALUES
             ('a', 0.03, 0, 1, 50000),
             ('b', 0.03, 0, 30001, 80000),
             ('c', 0.03, 0, 90001, 100000),
             ('fine', 0.01, 0, 1, 50000),
             ('coarse', 0.1, 0, 30001, 80000),
             ('few', 0.03, 0, 1, 1000),
             ('some', 0.03, 0, 501, 1500),
             ('seeded', 0.03, 5, 1, 50000)
         ) v (name, epsilon, seed, low, high),
         generate_series(low, high) i
    GROUP BY name, seed;

CREATE FUNCTION of(text) RETURNS cvm_sketch LANGUAGE sql STABLE
    AS 'SELECT sketch FROM named_sketches WHERE name = $1';

CREATE FUNCTION is_near(estimate double precision, truth double precision, epsilon double precision)
    RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT abs(estimate / truth - 1) <= epsilon';

-- A sketch has an estimate and bounds.
SELECT name,
       #sketch AS estimate,
       cvm_sketch_estimate(sketch) = #sketch AS same,
       (cvm_sketch_bounds(sketch)).*
FROM named_sketches
ORDER BY name;

SELECT confidence, (cvm_sketch_bounds(of('a'), confidence)).*
FROM (VALUES (0.5), (0.9), (0.99), (0.999999)) v (confidence)
ORDER BY 1;

SELECT cvm_sketch_bounds(of('few'), 0.999999999) AS exact, cvm_sketch_bounds(cvm_sketch_empty()) AS empty;

-- Union, intersection and difference are functions and operators. Names of columns say the right number.
SELECT #(of('a') || of('b')) AS "a or b: 80000",
       #(of('a') & of('b')) AS "a and b: 20000",
       #(of('a') - of('b')) AS "a, not b: 30000",
       #(of('few') || of('some')) AS "1500",
       #(of('few') & of('some')) AS "500",
       #(of('few') - of('some')) AS "500";

SELECT of('a') || of('b') = cvm_sketch_union(of('a'), of('b')) AS union,
       of('a') & of('b') = cvm_sketch_intersection(of('a'), of('b')) AS intersection,
       of('a') - of('b') = cvm_sketch_difference(of('a'), of('b')) AS difference,
       of('a') || of('b') = of('b') || of('a') AS union_commutes,
       of('a') & of('b') = of('b') & of('a') AS intersection_commutes;

SELECT (cvm_sketch_bounds(of('a') & of('b'), 0.99)).*, 20000 AS exact;

-- Expressions may have many sketches.
SELECT #((of('a') & of('b')) || of('c')) AS "30000",
       #((of('a') || of('c')) & of('b')) AS "20000",
       #(of('a') & of('b') & of('few')) AS "0",
       #((of('a') || of('b') || of('c')) - of('b') - of('few')) AS "39000",
       #((of('a') - of('b')) || (of('b') - of('a'))) AS "60000";

SELECT (of('a') || of('b')) || of('c') = of('a') || (of('b') || of('c')) AS union_associates,
       (of('a') & of('b')) & of('c') = of('a') & (of('b') & of('c')) AS intersection_associates,
       (of('a') || of('b'))
           = (SELECT cvm_sketch_union_agg(sketch)
              FROM named_sketches
              WHERE name IN ('a', 'b')) AS as_the_aggregate;

-- Different accuracies give what the coarser would have built.
SELECT of('fine') || of('coarse')
           = cvm_sketch_downsample(of('fine'), 0.1) || of('coarse') AS union_of_accuracies,
       (cvm_sketch_info(of('fine') & of('coarse'))).capacity;

SELECT cvm_sketch_downsample(of('fine'), 0.03) = of('a') AS as_built_coarse,
       cvm_sketch_downsample(of('fine'), 0.01, 0.01) = of('fine') AS same,
       cvm_sketch_downsample(cvm_sketch_empty(0.01), 0.1) = cvm_sketch_empty(0.1) AS empty,
       (cvm_sketch_info(cvm_sketch_downsample(of('seeded'), 0.1))).seed;

-- Integers of any width are the same values.
SELECT cvm_sketch_agg(i::smallint) = cvm_sketch_agg(i::bigint) AS smallint,
       cvm_sketch_agg(i) = cvm_sketch_agg(i::bigint) AS integer
FROM generate_series(1, 20000) i;

-- The Jaccard index is near the truth, and within its bounds.
SELECT is_near(estimate, 20000.0 / 80000, 0.05) AS near,
       lower < 0.25 AND 0.25 < upper AS within,
       upper - lower < 0.02 AS narrow
FROM cvm_sketch_jaccard(of('a'), of('b'));

SELECT cvm_sketch_jaccard(of('few'), of('some')) AS exact,
       cvm_sketch_jaccard(of('few'), cvm_sketch_empty()) AS with_none,
       cvm_sketch_jaccard(cvm_sketch_empty(), cvm_sketch_empty()) AS both_empty,
       (cvm_sketch_jaccard(of('a'), of('a'))).estimate AS same,
       (cvm_sketch_jaccard(of('a'), of('c'))).estimate AS disjoint,
       (cvm_sketch_jaccard(of('seeded'), cvm_sketch_empty())).estimate AS seeded;

-- Functions of two sketches know more: a hundred sets of exactly 3,000 values lie inside of a million.
CREATE TABLE million AS SELECT cvm_sketch_agg(i) AS sketch FROM generate_series(0, 999999) i;

CREATE TABLE parts AS
    SELECT i / 3000 AS part, cvm_sketch_agg(i) AS sketch
    FROM generate_series(0, 299999) i
    GROUP BY part;

SELECT count(*),
       count(*) FILTER (WHERE #(parts.sketch & million.sketch) > 3000) AS operator_says_more,
       count(*) FILTER (WHERE (estimate, upper) = (3000, 3000)) AS right,
       min(lower) AS lower,
       count(*) FILTER (
           WHERE cvm_sketch_intersection_bounds(million.sketch, parts.sketch)
               = (estimate, lower, upper)
       ) AS commutes
FROM parts, million, cvm_sketch_intersection_bounds(parts.sketch, million.sketch);

SELECT DISTINCT estimate, upper, lower > 0.7 AS mostly
FROM parts, million, cvm_sketch_containment(parts.sketch, million.sketch);

SELECT bool_and(
    is_near(estimate, 0.003, 0.05)
    AND lower <= 0.003
    AND 0.003 <= upper
    AND upper < 0.0032
) AS share_of_the_million
FROM parts, million, cvm_sketch_containment(million.sketch, parts.sketch, 0.9999);

SELECT DISTINCT estimate, lower, upper < 900 AS few
FROM parts, million, cvm_sketch_difference_bounds(parts.sketch, million.sketch);

SELECT bool_and(
    is_near(estimate, 997000, 0.03)
    AND lower <= 997000
    AND 997000 <= upper
) AS rest_of_the_million
FROM parts, million, cvm_sketch_difference_bounds(million.sketch, parts.sketch, 0.9999);

DROP TABLE million, parts;

-- At one level they are the bounds of the intersection and of the difference.
SELECT cvm_sketch_intersection_bounds(of('a'), of('b'))
           = cvm_sketch_bounds(of('a') & of('b')) AS intersection,
       cvm_sketch_difference_bounds(of('a'), of('b'))
           = cvm_sketch_bounds(of('a') - of('b')) AS difference,
       is_near(
           (cvm_sketch_containment(of('a'), of('b'))).estimate,
           1.0 * cvm_sketch_estimate(of('a') & of('b')) / cvm_sketch_estimate(of('a')),
           0.0001
       ) AS containment,
       (cvm_sketch_intersection_bounds(of('a'), of('b'), 0.5)).upper
           < (cvm_sketch_intersection_bounds(of('a'), of('b'), 0.9)).upper AS wider;

-- They are exact where that can be known.
SELECT cvm_sketch_intersection_bounds(of('few'), of('some')) AS "500",
       cvm_sketch_difference_bounds(of('few'), of('some')) AS "500",
       cvm_sketch_containment(of('few'), of('some')) AS "0.5",
       cvm_sketch_intersection_bounds(of('a'), cvm_sketch_empty()) AS with_none,
       cvm_sketch_difference_bounds(cvm_sketch_empty(), of('a')) AS none_of_none,
       cvm_sketch_containment(of('seeded'), cvm_sketch_empty()) AS in_none,
       cvm_sketch_containment(cvm_sketch_empty(), of('seeded')) AS none_in_any,
       cvm_sketch_difference_bounds(of('seeded'), cvm_sketch_empty())
           = cvm_sketch_bounds(of('seeded')) AS without_none;

-- Nothing is known of a derived sketch without hashes.
SELECT cvm_sketch_containment(of('a') - of('a'), of('b')) AS nothing_known,
       (cvm_sketch_intersection_bounds(of('a') - of('a'), of('b'))).lower,
       is_near(
           (cvm_sketch_intersection_bounds(of('a') - of('b'), of('fine'))).estimate,
           30000,
           0.05
       ) AS of_derived;

-- cvm_sketch_add adds one value.
SELECT cvm_sketch_add(cvm_sketch_add(cvm_sketch_empty(), 'x'::text), 'x'::text)
           = cvm_sketch_agg('x'::text) AS once,
       cvm_sketch_add(cvm_sketch_empty(0.1, 0.1, 3), 1) = cvm_sketch_agg(1, 0.1, 0.1, 3) AS seeded,
       cvm_sketch_add(of('few'), NULL::integer) = of('few') AS null_value,
       cvm_sketch_add(NULL, 1) IS NULL AS null_sketch;

DO $$
DECLARE sketch cvm_sketch := cvm_sketch_empty(0.5);
BEGIN
    FOR i IN 1..2000 LOOP
        sketch := cvm_sketch_add(sketch, i);
    END LOOP;
    IF sketch <> (SELECT cvm_sketch_agg(i, 0.5) FROM generate_series(1, 2000) i) THEN
        RAISE 'adding one by one gives another sketch';
    END IF;
END $$;

CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN small AS integer CHECK (value < 10);

SELECT #cvm_sketch_add(cvm_sketch_add(cvm_sketch_empty(), 'sad'::mood), 'happy'::mood) AS enum,
       #cvm_sketch_add(cvm_sketch_add(cvm_sketch_empty(), 3::small), 3::bigint) AS domain,
       #cvm_sketch_add(cvm_sketch_add(cvm_sketch_empty(), 1.0), 1.00) AS numeric;

DROP TYPE mood;
DROP DOMAIN small;

-- An intersection or difference of sketches that are not exact is marked, and takes no values.
SELECT (cvm_sketch_info(of('a'))).is_derived AS plain,
       (cvm_sketch_info(of('a') || of('b'))).is_derived AS union,
       (cvm_sketch_info(of('a') & of('b'))).is_derived AS intersection,
       (cvm_sketch_info(of('a') - of('b'))).is_derived AS difference,
       (cvm_sketch_info(of('few') & of('some'))).is_derived AS exact,
       (cvm_sketch_info((of('a') & of('c')) || of('c'))).is_derived AS mixed;

SELECT cvm_sketch_add(of('a') & of('b'), 1);
SELECT cvm_sketch_downsample(of('a') - of('b'), 0.1);

SELECT cvm_sketch_add(of('few') & of('some'), 1501) = cvm_sketch_agg(i) AS exact_may_grow
FROM generate_series(501, 1501) i
WHERE i <= 1000 OR i = 1501;

-- The empty sketch of the default accuracy and seed takes on those of others. Other empty sketches do not.
SELECT cvm_sketch_empty() || of('seeded') = of('seeded') AS union,
       of('seeded') - cvm_sketch_empty() = of('seeded') AS difference,
       cvm_sketch_estimate(cvm_sketch_empty() & of('seeded')) = 0 AS intersection,
       cvm_sketch_empty() || of('fine') = of('fine') AS finer,
       cvm_sketch_empty(0.1) || of('fine') = cvm_sketch_downsample(of('fine'), 0.1) AS coarser,
       cvm_sketch_downsample(cvm_sketch_agg(1, 0.01) FILTER (WHERE false), 0.02)
           = cvm_sketch_empty() AS downsampled;

-- An intersection or difference without hashes may be empty or not, unless its operands are exact.
SELECT (cvm_sketch_jaccard(cvm_sketch_empty(), of('a') - of('a'))).*,
       (cvm_sketch_bounds(of('a') - of('a'))).upper BETWEEN 1 AND 100 AS open;

-- Wrong arguments are refused.
SELECT of('a') || of('seeded');
SELECT of('a') & of('seeded');
SELECT of('a') - of('seeded');
SELECT cvm_sketch_jaccard(of('a'), of('seeded'));
SELECT cvm_sketch_empty(0.03, 0.01, 1) || cvm_sketch_empty(0.03, 0.01, 2);
SELECT cvm_sketch_bounds(of('a'), 0);
SELECT cvm_sketch_bounds(of('a'), 1);
SELECT cvm_sketch_bounds(of('a'), 'NaN');
SELECT cvm_sketch_bounds(of('a'), NULL);
SELECT cvm_sketch_bounds(NULL, 0.9) IS NULL AS no_sketch;
SELECT cvm_sketch_jaccard(of('a'), of('b'), 1.5);
SELECT cvm_sketch_jaccard(of('a'), NULL) IS NULL AS no_sketch;
SELECT cvm_sketch_intersection_bounds(of('a'), of('seeded'));
SELECT cvm_sketch_difference_bounds(of('a'), of('seeded'));
SELECT cvm_sketch_containment(of('a'), of('seeded'));
SELECT cvm_sketch_intersection_bounds(of('a'), of('b'), 0);
SELECT cvm_sketch_difference_bounds(of('a'), of('b'), NULL);
SELECT cvm_sketch_containment(NULL, of('b'), 'NaN');

SELECT cvm_sketch_intersection_bounds(of('a'), NULL) IS NULL AS intersection,
       cvm_sketch_difference_bounds(NULL, of('a')) IS NULL AS difference,
       cvm_sketch_containment(of('a'), NULL) IS NULL AS containment;

-- Wrong accuracies and types are refused as well.
SELECT cvm_sketch_downsample(of('a'), 0.01);
SELECT cvm_sketch_downsample(of('a'), NULL);
SELECT cvm_sketch_downsample(of('a'), 0.1, 7);
SELECT cvm_sketch_empty(0);
SELECT cvm_sketch_empty(0.1, NULL);
SELECT cvm_sketch_empty(seed => NULL);
SELECT cvm_sketch_add(of('a'), '{}'::json);
SELECT cvm_sketch_add(of('a'), 'word');

SELECT #NULL::cvm_sketch IS NULL AS estimate,
       NULL || of('a') IS NULL AS union,
       cvm_sketch_info(NULL) IS NULL AS info;

-- Random seeds differ.
SELECT cvm_random_seed() <> cvm_random_seed() AS differ, count(DISTINCT cvm_random_seed())
FROM generate_series(1, 1000);

DROP FUNCTION of(text);
DROP FUNCTION is_near;
DROP TABLE named_sketches;
