-- A running total never falls, and no part is above its whole. The values come in an order that hashes choose, each one
-- and a half times on average.
CREATE TABLE stream AS
    SELECT i AS row, (cvm_hash(i, 1) & 4194303) % 150000 AS v, i / 4000 AS day, (cvm_hash(i, 2) & 7)::integer AS country
    FROM generate_series(1, 150000) i;

SELECT count(DISTINCT v) AS exact, approx_count_distinct_cvm(v, 0.2) AS approx FROM stream;

-- Row by row, at several accuracies, of values, hashes, sketches and samples.
CREATE TABLE running AS
    SELECT row,
           approx_count_distinct_cvm(v, 0.5) OVER w AS e_50,
           approx_count_distinct_cvm(v, 0.5, 0.1) OVER w AS e_50_90,
           approx_count_distinct_cvm(v, 0.2) OVER w AS e_20,
           #cvm_sketch_agg(v, 0.1) OVER w AS e_10,
           CASE WHEN row % 10 = 0 THEN cvm_sketch_agg_hashed(cvm_hash(v), 0.4) OVER w END AS e_40
    FROM stream WINDOW w AS (ORDER BY row);

SELECT count(*) FILTER (WHERE e_50 < before_50) AS e_50,
       count(*) FILTER (WHERE e_50_90 < before_50_90) AS e_50_90,
       count(*) FILTER (WHERE e_20 < before_20) AS e_20,
       count(*) FILTER (WHERE e_10 < before_10) AS e_10,
       count(*) FILTER (WHERE e_10 = before_10) > 100000 AS often_the_same
FROM (
    SELECT *, lag(e_50) OVER w AS before_50, lag(e_50_90) OVER w AS before_50_90, lag(e_20) OVER w AS before_20,
           lag(e_10) OVER w AS before_10
    FROM running WINDOW w AS (ORDER BY row)
) q;

-- What is estimated without bias does fall.
SELECT count(*) FILTER (WHERE estimate < before) AS falls, count(*) FILTER (WHERE unbiased < unbiased_before) > 5 AS unbiased_falls,
       count(*) FILTER (WHERE estimate < unbiased - 0.5) AS below_unbiased
FROM (
    SELECT estimate, unbiased, lag(estimate) OVER w AS before, lag(unbiased) OVER w AS unbiased_before
    FROM (SELECT row, #e_40 AS estimate, retained * power(8 / 7.0, level) AS unbiased
          FROM running, cvm_sketch_info(e_40) WHERE e_40 IS NOT NULL) r
    WINDOW w AS (ORDER BY row)
) q;

-- The bounds contain the estimate at any confidence.
SELECT count(*) FILTER (WHERE NOT estimate BETWEEN lower AND upper) AS outside,
       count(*) FILTER (WHERE estimate <> #e_40) AS others,
       count(*) FILTER (WHERE estimate > retained * power(8 / 7.0, level) + 0.5) > 100 AS estimate_is_above
FROM running, (VALUES (0.000001), (0.5), (0.95)) v (confidence), cvm_sketch_bounds(e_40, confidence), cvm_sketch_info(e_40)
WHERE e_40 IS NOT NULL;

SELECT count(*) FILTER (WHERE now < before) AS sample_falls
FROM (
    SELECT now, lag(now) OVER (ORDER BY row) AS before
    FROM (SELECT row, #cvm_sample_agg(v, 20) OVER (ORDER BY row) AS now FROM stream WHERE row <= 20000) r
) q;

-- Ties, gaps and days: RANGE and GROUPS.
SELECT count(*) FILTER (WHERE by_day < day_before) AS by_day, count(*) FILTER (WHERE by_group < group_before) AS by_group
FROM (
    SELECT by_day, lag(by_day) OVER (ORDER BY day, row) AS day_before, by_group, lag(by_group) OVER (ORDER BY day, row) AS group_before
    FROM (SELECT row, day,
                 approx_count_distinct_cvm(v, 0.3) OVER (ORDER BY day) AS by_day,
                 approx_count_distinct_cvm(v, 0.3) OVER (ORDER BY day GROUPS UNBOUNDED PRECEDING) AS by_group
          FROM stream) r
) q;

-- A wider frame never shows fewer.
SELECT count(*) FILTER (WHERE w_300 > w_900) AS above_900, count(*) FILTER (WHERE w_900 > around) AS above_around,
       count(*) FILTER (WHERE filtered > w_900) AS filter_above
FROM (
    SELECT approx_count_distinct_cvm(v, 0.5) OVER (ORDER BY row ROWS 300 PRECEDING) AS w_300,
           approx_count_distinct_cvm(v, 0.5) OVER (ORDER BY row ROWS 900 PRECEDING) AS w_900,
           approx_count_distinct_cvm(v, 0.5) FILTER (WHERE country < 5) OVER (ORDER BY row ROWS 900 PRECEDING) AS filtered,
           approx_count_distinct_cvm(v, 0.5) OVER (ORDER BY row ROWS BETWEEN 900 PRECEDING AND 90 FOLLOWING) AS around
    FROM stream WHERE row <= 3000
) q;

-- Rollups: of rows, of sketches and of samples, a total is never below its parts.
SELECT epsilon, count(*) AS parts, count(*) FILTER (WHERE part > whole) AS above
FROM (VALUES (0.5), (0.35), (0.2), (0.1), (0.05)) e (epsilon),
     LATERAL (SELECT approx_count_distinct_cvm(v, epsilon) AS whole FROM stream) w,
     LATERAL (
         SELECT approx_count_distinct_cvm(v, epsilon) AS part FROM stream GROUP BY GROUPING SETS (day, country, (day, country))
         UNION ALL
         SELECT approx_count_distinct_cvm(v, epsilon) FILTER (WHERE country <> but) FROM stream, generate_series(0, 7) but GROUP BY but
     ) p
GROUP BY epsilon ORDER BY epsilon;

CREATE TABLE daily AS
    SELECT day, country, cvm_sketch_agg(v, 0.2) AS s, cvm_sketch_agg(v, 0.1) AS finer, cvm_sample_agg(v, 100) AS sample
    FROM stream GROUP BY day, country;

SELECT count(*) FILTER (WHERE #s > upto) AS day_above, count(*) FILTER (WHERE upto < before) AS falls,
       count(*) FILTER (WHERE #sample > sample_upto) AS sample_above, count(*) FILTER (WHERE sample_upto < sample_before) AS sample_falls
FROM (
    SELECT *, lag(upto) OVER w AS before, lag(sample_upto) OVER w AS sample_before
    FROM (SELECT day, country, s, sample, #cvm_sketch_union_agg(s) OVER w AS upto, #cvm_sample_union_agg(sample) OVER w AS sample_upto
          FROM daily WINDOW w AS (ORDER BY day, country)) r
    WINDOW w AS (ORDER BY day, country)
) q;

-- A union has the coarser accuracy. It is never below a part of that, nor below what a finer part says at that accuracy.
SELECT count(*) AS unions, count(*) FILTER (WHERE #(a.s || b.finer) < #a.s) AS below_the_coarser,
       count(*) FILTER (WHERE #(a.s || b.finer) < #cvm_sketch_downsample(b.finer, 0.2)) AS below_the_finer_at_that_accuracy
FROM daily a JOIN daily b USING (country);

-- The estimate of all is that of the whole, by every function.
SELECT count(*) FILTER (WHERE estimate > retained * power(8 / 7.0, level) + 0.5) > 5 AS estimate_is_above,
       bool_and((cvm_sketch_bounds(s)).estimate = estimate) AS bounds,
       bool_and((cvm_sketch_intersection_bounds(s, s)).estimate = estimate) AS intersection,
       bool_and((cvm_sketch_intersection_bounds(s, s || cvm_sketch_agg_of_others)).estimate = estimate) AS in_more,
       bool_and((cvm_sketch_intersection_bounds(s || cvm_sketch_agg_of_others, s)).estimate = estimate) AS in_more_turned,
       bool_and((cvm_sketch_difference_bounds(s, cvm_sketch_empty(0.2))).estimate = estimate) AS difference,
       bool_and(#(s || s) = estimate) AS with_itself
FROM (SELECT #e_40 AS estimate, e_40 AS s FROM running WHERE row % 100 = 0) q,
     (SELECT cvm_sketch_agg_hashed(cvm_hash(-1), 0.4) AS cvm_sketch_agg_of_others) o, cvm_sketch_info(s);

SELECT count(*) FILTER (WHERE #sample > round(retained * weight)) > 5 AS estimate_is_above,
       bool_and((cvm_sample_bounds(sample, retained)).estimate = #sample) AS bounds_of_all,
       bool_and(#sample::cvm_sketch = #sample) AS sketch,
       -- Of a part it is the number of its values times their weight.
       bool_and((cvm_sample_bounds(sample, retained - 1)).estimate = round((retained - 1) * weight)) AS bounds_of_part
FROM (SELECT sample, retained, (SELECT weight FROM cvm_sample_values(sample, NULL::bigint) LIMIT 1) AS weight
      FROM daily, cvm_sample_info(sample)) q;

-- Derived sketches know no level before their own, and are estimated without bias.
SELECT bool_and(#part = round(retained * power(8 / 7.0, level))) AS unbiased, bool_and(is_derived) AS derived
FROM (SELECT a.s & b.s AS part FROM daily a JOIN daily b USING (country) WHERE a.day < b.day
      UNION ALL
      SELECT a.s || (a.s - b.s) FROM daily a JOIN daily b USING (country) WHERE a.day < b.day) q, cvm_sketch_info(part)
WHERE level > 0;

DROP TABLE stream, running, daily;
