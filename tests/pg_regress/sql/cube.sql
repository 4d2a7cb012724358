-- What Cube sends for measures of type countDistinctApprox runs unchanged. The statements that are prepared here are as the package
-- @cubejs-backend/schema-compiler 1.7.43 of Cube writes them, by its planner in JavaScript, for a small model, which ../cube.js has; that prints this file.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA cube;
CREATE EXTENSION cvm_count_hll SCHEMA cube;
SET search_path = cube, public;

CREATE TABLE cube_visits AS
SELECT i AS id, timestamptz '2026-01-01 00:00+00' + i * interval '1 minute' AS at, cvm_hash(i) & 8191 AS visitor,
       'page ' || (cvm_hash(i, 1) & 511) AS page, (ARRAY['at', 'de', 'fr'])[1 + i % 3] AS country
FROM generate_series(0, 59 * 24 * 60 - 1) i;

-- One number.
PREPARE total AS
SELECT
      round(hll_cardinality(hll_add_agg(hll_hash_any("visits".visitor)))) "visits__visitors", round(hll_cardinality(hll_add_agg(hll_hash_any("visits".page)))) "visits__pages"
    FROM
      cube_visits AS "visits";

CREATE TABLE total AS EXECUTE total;

SELECT total.*, exact.* FROM total, (SELECT count(DISTINCT visitor), count(DISTINCT page) FROM cube_visits) exact (visitors, pages);

-- By day and country.
PREPARE by_day AS
SELECT
      "visits".country "visits__country", date_trunc('day', ("visits".at::timestamptz AT TIME ZONE 'UTC')) "visits__at_day", round(hll_cardinality(hll_add_agg(hll_hash_any("visits".visitor)))) "visits__visitors", round(hll_cardinality(hll_add_agg(hll_hash_any("visits".page)))) "visits__pages"
    FROM
      cube_visits AS "visits"  WHERE ("visits".at >= $1::timestamptz AND "visits".at <= $2::timestamptz) GROUP BY 1, 2 ORDER BY 2 ASC;

CREATE TABLE by_day AS EXECUTE by_day('2026-01-01T00:00:00.000Z', '2026-02-28T23:59:59.999Z');

SELECT count(*) AS rows, bool_and(visits__visitors = exact_visitors AND visits__pages = exact_pages) AS same
FROM by_day
FULL JOIN (SELECT country, date_trunc('day', at) AS day, count(DISTINCT visitor) AS exact_visitors, count(DISTINCT page) AS exact_pages
           FROM cube_visits GROUP BY 1, 2) exact ON visits__country = country AND visits__at_day = day;

-- A window of 7 days, for each day.
PREPARE weekly AS
SELECT q_0."visits__at_day", "visits__weekly" "visits__weekly" FROM (SELECT "Visits.at_series"."date_from" "visits__at_day", round(hll_cardinality(hll_union_agg("visits__weekly"))) "visits__weekly" FROM (SELECT date_from::timestamp as "date_from", date_to::timestamp as "date_to" FROM (VALUES ('2026-01-01T00:00:00.000', '2026-01-01T23:59:59.999'),('2026-01-02T00:00:00.000', '2026-01-02T23:59:59.999'),('2026-01-03T00:00:00.000', '2026-01-03T23:59:59.999'),('2026-01-04T00:00:00.000', '2026-01-04T23:59:59.999'),('2026-01-05T00:00:00.000', '2026-01-05T23:59:59.999'),('2026-01-06T00:00:00.000', '2026-01-06T23:59:59.999'),('2026-01-07T00:00:00.000', '2026-01-07T23:59:59.999'),('2026-01-08T00:00:00.000', '2026-01-08T23:59:59.999'),('2026-01-09T00:00:00.000', '2026-01-09T23:59:59.999'),('2026-01-10T00:00:00.000', '2026-01-10T23:59:59.999'),('2026-01-11T00:00:00.000', '2026-01-11T23:59:59.999'),('2026-01-12T00:00:00.000', '2026-01-12T23:59:59.999'),('2026-01-13T00:00:00.000', '2026-01-13T23:59:59.999'),('2026-01-14T00:00:00.000', '2026-01-14T23:59:59.999'),('2026-01-15T00:00:00.000', '2026-01-15T23:59:59.999'),('2026-01-16T00:00:00.000', '2026-01-16T23:59:59.999'),('2026-01-17T00:00:00.000', '2026-01-17T23:59:59.999'),('2026-01-18T00:00:00.000', '2026-01-18T23:59:59.999'),('2026-01-19T00:00:00.000', '2026-01-19T23:59:59.999'),('2026-01-20T00:00:00.000', '2026-01-20T23:59:59.999'),('2026-01-21T00:00:00.000', '2026-01-21T23:59:59.999'),('2026-01-22T00:00:00.000', '2026-01-22T23:59:59.999'),('2026-01-23T00:00:00.000', '2026-01-23T23:59:59.999'),('2026-01-24T00:00:00.000', '2026-01-24T23:59:59.999'),('2026-01-25T00:00:00.000', '2026-01-25T23:59:59.999'),('2026-01-26T00:00:00.000', '2026-01-26T23:59:59.999'),('2026-01-27T00:00:00.000', '2026-01-27T23:59:59.999'),('2026-01-28T00:00:00.000', '2026-01-28T23:59:59.999'),('2026-01-29T00:00:00.000', '2026-01-29T23:59:59.999'),('2026-01-30T00:00:00.000', '2026-01-30T23:59:59.999'),('2026-01-31T00:00:00.000', '2026-01-31T23:59:59.999'),('2026-02-01T00:00:00.000', '2026-02-01T23:59:59.999'),('2026-02-02T00:00:00.000', '2026-02-02T23:59:59.999'),('2026-02-03T00:00:00.000', '2026-02-03T23:59:59.999'),('2026-02-04T00:00:00.000', '2026-02-04T23:59:59.999'),('2026-02-05T00:00:00.000', '2026-02-05T23:59:59.999'),('2026-02-06T00:00:00.000', '2026-02-06T23:59:59.999'),('2026-02-07T00:00:00.000', '2026-02-07T23:59:59.999'),('2026-02-08T00:00:00.000', '2026-02-08T23:59:59.999'),('2026-02-09T00:00:00.000', '2026-02-09T23:59:59.999'),('2026-02-10T00:00:00.000', '2026-02-10T23:59:59.999'),('2026-02-11T00:00:00.000', '2026-02-11T23:59:59.999'),('2026-02-12T00:00:00.000', '2026-02-12T23:59:59.999'),('2026-02-13T00:00:00.000', '2026-02-13T23:59:59.999'),('2026-02-14T00:00:00.000', '2026-02-14T23:59:59.999'),('2026-02-15T00:00:00.000', '2026-02-15T23:59:59.999'),('2026-02-16T00:00:00.000', '2026-02-16T23:59:59.999'),('2026-02-17T00:00:00.000', '2026-02-17T23:59:59.999'),('2026-02-18T00:00:00.000', '2026-02-18T23:59:59.999'),('2026-02-19T00:00:00.000', '2026-02-19T23:59:59.999'),('2026-02-20T00:00:00.000', '2026-02-20T23:59:59.999'),('2026-02-21T00:00:00.000', '2026-02-21T23:59:59.999'),('2026-02-22T00:00:00.000', '2026-02-22T23:59:59.999'),('2026-02-23T00:00:00.000', '2026-02-23T23:59:59.999'),('2026-02-24T00:00:00.000', '2026-02-24T23:59:59.999'),('2026-02-25T00:00:00.000', '2026-02-25T23:59:59.999'),('2026-02-26T00:00:00.000', '2026-02-26T23:59:59.999'),('2026-02-27T00:00:00.000', '2026-02-27T23:59:59.999'),('2026-02-28T00:00:00.000', '2026-02-28T23:59:59.999')) AS dates (date_from, date_to)) AS "Visits.at_series" LEFT JOIN (SELECT date_trunc('day', ("visits_weekly_cumulative__visits".at::timestamptz AT TIME ZONE 'UTC')) "visits__at_day", hll_add_agg(hll_hash_any("visits_weekly_cumulative__visits".visitor)) "visits__weekly" FROM cube_visits AS "visits_weekly_cumulative__visits"  WHERE (("visits_weekly_cumulative__visits".at::timestamptz AT TIME ZONE 'UTC') > $1::timestamp - interval '7 days' AND ("visits_weekly_cumulative__visits".at::timestamptz AT TIME ZONE 'UTC') <= $2::timestamp) GROUP BY 1) AS "visits_weekly_cumulative__base" ON "visits_weekly_cumulative__base"."visits__at_day" > "Visits.at_series"."date_to" - interval '7 days' AND "visits_weekly_cumulative__base"."visits__at_day" <= "Visits.at_series"."date_to" GROUP BY 1) AS q_0  ORDER BY 1 ASC;

CREATE TABLE weekly AS EXECUTE weekly('2026-01-01T00:00:00.000', '2026-02-28T23:59:59.999');

SELECT count(*) AS days, bool_and(visits__weekly = (
           SELECT count(DISTINCT visitor) FROM cube_visits
           WHERE at >= visits__at_day - interval '6 days' AND at < visits__at_day + interval '1 day')) AS same
FROM weekly;

-- A window of 28 days, for each day.
PREPARE monthly AS
SELECT q_0."visits__at_day", "visits__monthly" "visits__monthly" FROM (SELECT "Visits.at_series"."date_from" "visits__at_day", round(hll_cardinality(hll_union_agg("visits__monthly"))) "visits__monthly" FROM (SELECT date_from::timestamp as "date_from", date_to::timestamp as "date_to" FROM (VALUES ('2026-01-01T00:00:00.000', '2026-01-01T23:59:59.999'),('2026-01-02T00:00:00.000', '2026-01-02T23:59:59.999'),('2026-01-03T00:00:00.000', '2026-01-03T23:59:59.999'),('2026-01-04T00:00:00.000', '2026-01-04T23:59:59.999'),('2026-01-05T00:00:00.000', '2026-01-05T23:59:59.999'),('2026-01-06T00:00:00.000', '2026-01-06T23:59:59.999'),('2026-01-07T00:00:00.000', '2026-01-07T23:59:59.999'),('2026-01-08T00:00:00.000', '2026-01-08T23:59:59.999'),('2026-01-09T00:00:00.000', '2026-01-09T23:59:59.999'),('2026-01-10T00:00:00.000', '2026-01-10T23:59:59.999'),('2026-01-11T00:00:00.000', '2026-01-11T23:59:59.999'),('2026-01-12T00:00:00.000', '2026-01-12T23:59:59.999'),('2026-01-13T00:00:00.000', '2026-01-13T23:59:59.999'),('2026-01-14T00:00:00.000', '2026-01-14T23:59:59.999'),('2026-01-15T00:00:00.000', '2026-01-15T23:59:59.999'),('2026-01-16T00:00:00.000', '2026-01-16T23:59:59.999'),('2026-01-17T00:00:00.000', '2026-01-17T23:59:59.999'),('2026-01-18T00:00:00.000', '2026-01-18T23:59:59.999'),('2026-01-19T00:00:00.000', '2026-01-19T23:59:59.999'),('2026-01-20T00:00:00.000', '2026-01-20T23:59:59.999'),('2026-01-21T00:00:00.000', '2026-01-21T23:59:59.999'),('2026-01-22T00:00:00.000', '2026-01-22T23:59:59.999'),('2026-01-23T00:00:00.000', '2026-01-23T23:59:59.999'),('2026-01-24T00:00:00.000', '2026-01-24T23:59:59.999'),('2026-01-25T00:00:00.000', '2026-01-25T23:59:59.999'),('2026-01-26T00:00:00.000', '2026-01-26T23:59:59.999'),('2026-01-27T00:00:00.000', '2026-01-27T23:59:59.999'),('2026-01-28T00:00:00.000', '2026-01-28T23:59:59.999'),('2026-01-29T00:00:00.000', '2026-01-29T23:59:59.999'),('2026-01-30T00:00:00.000', '2026-01-30T23:59:59.999'),('2026-01-31T00:00:00.000', '2026-01-31T23:59:59.999'),('2026-02-01T00:00:00.000', '2026-02-01T23:59:59.999'),('2026-02-02T00:00:00.000', '2026-02-02T23:59:59.999'),('2026-02-03T00:00:00.000', '2026-02-03T23:59:59.999'),('2026-02-04T00:00:00.000', '2026-02-04T23:59:59.999'),('2026-02-05T00:00:00.000', '2026-02-05T23:59:59.999'),('2026-02-06T00:00:00.000', '2026-02-06T23:59:59.999'),('2026-02-07T00:00:00.000', '2026-02-07T23:59:59.999'),('2026-02-08T00:00:00.000', '2026-02-08T23:59:59.999'),('2026-02-09T00:00:00.000', '2026-02-09T23:59:59.999'),('2026-02-10T00:00:00.000', '2026-02-10T23:59:59.999'),('2026-02-11T00:00:00.000', '2026-02-11T23:59:59.999'),('2026-02-12T00:00:00.000', '2026-02-12T23:59:59.999'),('2026-02-13T00:00:00.000', '2026-02-13T23:59:59.999'),('2026-02-14T00:00:00.000', '2026-02-14T23:59:59.999'),('2026-02-15T00:00:00.000', '2026-02-15T23:59:59.999'),('2026-02-16T00:00:00.000', '2026-02-16T23:59:59.999'),('2026-02-17T00:00:00.000', '2026-02-17T23:59:59.999'),('2026-02-18T00:00:00.000', '2026-02-18T23:59:59.999'),('2026-02-19T00:00:00.000', '2026-02-19T23:59:59.999'),('2026-02-20T00:00:00.000', '2026-02-20T23:59:59.999'),('2026-02-21T00:00:00.000', '2026-02-21T23:59:59.999'),('2026-02-22T00:00:00.000', '2026-02-22T23:59:59.999'),('2026-02-23T00:00:00.000', '2026-02-23T23:59:59.999'),('2026-02-24T00:00:00.000', '2026-02-24T23:59:59.999'),('2026-02-25T00:00:00.000', '2026-02-25T23:59:59.999'),('2026-02-26T00:00:00.000', '2026-02-26T23:59:59.999'),('2026-02-27T00:00:00.000', '2026-02-27T23:59:59.999'),('2026-02-28T00:00:00.000', '2026-02-28T23:59:59.999')) AS dates (date_from, date_to)) AS "Visits.at_series" LEFT JOIN (SELECT date_trunc('day', ("visits_monthly_cumulative__visits".at::timestamptz AT TIME ZONE 'UTC')) "visits__at_day", hll_add_agg(hll_hash_any("visits_monthly_cumulative__visits".visitor)) "visits__monthly" FROM cube_visits AS "visits_monthly_cumulative__visits"  WHERE (("visits_monthly_cumulative__visits".at::timestamptz AT TIME ZONE 'UTC') > $1::timestamp - interval '28 days' AND ("visits_monthly_cumulative__visits".at::timestamptz AT TIME ZONE 'UTC') <= $2::timestamp) GROUP BY 1) AS "visits_monthly_cumulative__base" ON "visits_monthly_cumulative__base"."visits__at_day" > "Visits.at_series"."date_to" - interval '28 days' AND "visits_monthly_cumulative__base"."visits__at_day" <= "Visits.at_series"."date_to" GROUP BY 1) AS q_0  ORDER BY 1 ASC;

CREATE TABLE monthly AS EXECUTE monthly('2026-01-01T00:00:00.000', '2026-02-28T23:59:59.999');

SELECT count(*) AS days, bool_and(visits__monthly = (
           SELECT count(DISTINCT visitor) FROM cube_visits
           WHERE at >= visits__at_day - interval '27 days' AND at < visits__at_day + interval '1 day')) AS same
FROM monthly;

-- A rollup by day and country, and months from it.
CREATE TABLE visits_daily AS SELECT
      "visits".country "visits__country", date_trunc('day', ("visits".at::timestamptz AT TIME ZONE 'UTC')) "visits__at_day", hll_add_agg(hll_hash_any("visits".page)) "visits__pages", hll_add_agg(hll_hash_any("visits".visitor)) "visits__visitors"
    FROM
      cube_visits AS "visits"  GROUP BY 1, 2;

PREPARE by_month AS
SELECT date_trunc('month', "visits__at_day") "visits__at_month", round(hll_cardinality(hll_union_agg("visits__visitors"))) "visits__visitors", round(hll_cardinality(hll_union_agg("visits__pages"))) "visits__pages" FROM visits_daily AS "visits__daily"  WHERE ("visits__at_day" >= $1::timestamp AND "visits__at_day" <= $2::timestamp) GROUP BY 1 ORDER BY 1 ASC;

CREATE TABLE by_month AS EXECUTE by_month('2026-01-01T00:00:00.000', '2026-02-28T23:59:59.999');

SELECT to_char(visits__at_month, 'YYYY-MM') AS month, visits__visitors, visits__pages,
       (SELECT count(DISTINCT visitor) FROM cube_visits WHERE date_trunc('month', at) = visits__at_month) AS exact_visitors,
       (SELECT count(DISTINCT page) FROM cube_visits WHERE date_trunc('month', at) = visits__at_month) AS exact_pages
FROM by_month ORDER BY 1;

RESET search_path;
DROP SCHEMA cube CASCADE;
