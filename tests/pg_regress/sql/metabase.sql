-- What Metabase sends for distinct counts is approximate under the setting, and runs unchanged. Metabase itself did not run here: the
-- forms between $sent$ are those of its SQL query processor and its PostgreSQL driver, read in the source of version 0.59. A nested query
-- is called source there, and __mb_source since.
SET client_min_messages = warning;
LOAD 'cvm_count';
CREATE SCHEMA metabase;
SET search_path = metabase, public;

CREATE TABLE visits AS
SELECT timestamp '2026-01-01' + i * interval '4 minutes' AS at, cvm_hash(i) & 4095 AS visitor,
       'page ' || (cvm_hash(i, 1) & 511) AS page, (ARRAY['at', 'at', 'at', 'at', 'de', 'de', 'fr'])[1 + i % 7] AS country
FROM generate_series(0, 59 * 360 - 1) i;
ANALYZE visits;

CREATE TABLE countries (code text, name text);
INSERT INTO countries VALUES ('at', 'Austria'), ('de', 'Germany'), ('fr', 'France');

CREATE TABLE written (name text, sent text, own text);

INSERT INTO written VALUES ('a number', $sent$
-- Metabase:: userID: 1 queryType: MBQL queryHash: 0
SELECT count(distinct "metabase"."visits"."visitor") AS "count" FROM "metabase"."visits"
$sent$, $own$
SELECT number(visitor) FROM visits
$own$);

INSERT INTO written VALUES ('by day', $sent$
SELECT CAST("metabase"."visits"."at" AS date) AS "at", count(distinct "metabase"."visits"."visitor") AS "count"
FROM "metabase"."visits"
WHERE ("metabase"."visits"."at" >= timestamp '2026-01-05 00:00:00.000') AND ("metabase"."visits"."at" < timestamp '2026-02-10 00:00:00.000')
GROUP BY CAST("metabase"."visits"."at" AS date) ORDER BY CAST("metabase"."visits"."at" AS date) ASC
$sent$, $own$
SELECT at::date, number(visitor) FROM visits WHERE at >= '2026-01-05' AND at < '2026-02-10' GROUP BY 1
$own$);

INSERT INTO written VALUES ('by week from Sunday, the most first', $sent$
SELECT (DATE_TRUNC('week', ("metabase"."visits"."at" + INTERVAL '1 day')) + INTERVAL '-1 day') AS "at",
  "metabase"."visits"."country" AS "country", count(distinct "metabase"."visits"."visitor") AS "count"
FROM "metabase"."visits"
GROUP BY (DATE_TRUNC('week', ("metabase"."visits"."at" + INTERVAL '1 day')) + INTERVAL '-1 day'), "metabase"."visits"."country"
ORDER BY "count" DESC, (DATE_TRUNC('week', ("metabase"."visits"."at" + INTERVAL '1 day')) + INTERVAL '-1 day') ASC, "metabase"."visits"."country" ASC
$sent$, $own$
SELECT date_trunc('week', at + interval '1 day') - interval '1 day', country, number(visitor) FROM visits GROUP BY 1, 2
$own$);

INSERT INTO written VALUES ('distinct values of a condition', $sent$
SELECT "metabase"."visits"."country" AS "country",
  count(distinct CASE WHEN "metabase"."visits"."page" LIKE 'page 1%' THEN "metabase"."visits"."visitor" END) AS "count",
  CAST(count(distinct "metabase"."visits"."visitor") AS DOUBLE PRECISION) / NULLIF(CAST(COUNT(*) AS DOUBLE PRECISION), 0.0) AS "rate"
FROM "metabase"."visits" GROUP BY "metabase"."visits"."country" ORDER BY "metabase"."visits"."country" ASC
$sent$, $own$
SELECT country, number(CASE WHEN page LIKE 'page 1%' THEN visitor END), number(visitor)::float8 / count(*) FROM visits GROUP BY country
$own$);

INSERT INTO written VALUES ('of a question in SQL', $sent$
SELECT "source"."country" AS "country", count(distinct "source"."visitor") AS "count"
FROM (SELECT country, visitor FROM visits WHERE page <> 'page 7') AS "source"
GROUP BY "source"."country" ORDER BY "source"."country" ASC
$sent$, $own$
SELECT country, number(visitor) FROM visits WHERE page <> 'page 7' GROUP BY country
$own$);

INSERT INTO written VALUES ('joined, filtered by its result', $sent$
SELECT "__mb_source"."Countries__name" AS "Countries__name", "__mb_source"."count" AS "count"
FROM (SELECT "Countries"."name" AS "Countries__name", count(distinct "metabase"."visits"."visitor") AS "count"
      FROM "metabase"."visits" LEFT JOIN "metabase"."countries" AS "Countries" ON "metabase"."visits"."country" = "Countries"."code"
      GROUP BY "Countries"."name" ORDER BY "Countries"."name" ASC) AS "__mb_source"
WHERE "__mb_source"."count" > 2000 LIMIT 1048575
$sent$, $own$
SELECT name, number(visitor) FROM visits JOIN countries ON code = country GROUP BY name HAVING number(visitor) > 2000
$own$);

INSERT INTO written VALUES ('beside the month before', $sent$
SELECT "__mb_source"."at" AS "at", count(distinct "__mb_source"."visitor") AS "count",
  LAG(count(distinct "__mb_source"."visitor"), 1) OVER (ORDER BY "__mb_source"."at" ASC) AS "before"
FROM (SELECT DATE_TRUNC('month', "metabase"."visits"."at") AS "at", "metabase"."visits"."visitor" AS "visitor" FROM "metabase"."visits") AS "__mb_source"
GROUP BY "__mb_source"."at" ORDER BY "__mb_source"."at" ASC
$sent$, $own$
SELECT month, n, lag(n) OVER (ORDER BY month) FROM (SELECT date_trunc('month', at) AS month, number(visitor) AS n FROM visits GROUP BY 1) q
$own$);

INSERT INTO written VALUES ('summed up', $sent$
SELECT "__mb_source"."at" AS "at", SUM(SUM("__mb_source"."count")) OVER (ORDER BY "__mb_source"."at" ASC ROWS UNBOUNDED PRECEDING) AS "sum"
FROM (SELECT DATE_TRUNC('month', "metabase"."visits"."at") AS "at", count(distinct "metabase"."visits"."visitor") AS "count"
      FROM "metabase"."visits" GROUP BY DATE_TRUNC('month', "metabase"."visits"."at")) AS "__mb_source"
GROUP BY "__mb_source"."at" ORDER BY "__mb_source"."at" ASC
$sent$, $own$
SELECT month, sum(n) OVER (ORDER BY month) FROM (SELECT date_trunc('month', at) AS month, number(visitor) AS n FROM visits GROUP BY 1) q
$own$);

-- Where the schema of the extension is not searched, too.
SET search_path = metabase;

SELECT name, same.* FROM written, public.sent_and_own(sent, own) same ORDER BY name COLLATE "C";

RESET search_path;
DROP SCHEMA metabase CASCADE;
