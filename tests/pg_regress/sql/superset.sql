-- What Superset sends for distinct counts is approximate under the setting, and runs unchanged. The queries between $sent$ are as the
-- package apache-superset 6.1.0 writes them for a small dataset, which ../superset_sql.py has; that prints this file.
SET client_min_messages = warning;
LOAD 'cvm_count';
CREATE SCHEMA superset;
CREATE EXTENSION cvm_count_aliases SCHEMA superset;
SET search_path = superset, public;

CREATE TABLE visits AS
SELECT timestamp '2026-01-01' + i * interval '4 minutes' AS at, cvm_hash(i) & 4095 AS visitor,
       'page ' || (cvm_hash(i, 1) & 511) AS page, (ARRAY['at', 'at', 'at', 'at', 'de', 'de', 'fr'])[1 + i % 7] AS country
FROM generate_series(0, 59 * 360 - 1) i;
ANALYZE visits;

CREATE TABLE daily AS
SELECT date_trunc('day', at) AS at, country, cvm_sketch_agg(visitor) AS visitors FROM visits GROUP BY 1, 2;

-- Charts, and the same by hand.
CREATE TABLE written (name text, sent text, own text);

INSERT INTO written VALUES ('a number', $sent$
SELECT count(DISTINCT visitor) AS "n of visitor", COUNT(DISTINCT visitor) AS visitors
FROM superset.visits
$sent$, $own$
SELECT number(visitor), number(visitor) FROM visits
$own$);

INSERT INTO written VALUES ('a table', $sent$
SELECT country AS country, count(DISTINCT visitor) AS "n of visitor", count(DISTINCT page) AS "n of page"
FROM superset.visits
WHERE (page NOT IN ('page 7', 'page 8')) AND (visitor % 5 <> 2) GROUP BY country
HAVING (COUNT(DISTINCT visitor) > 100) ORDER BY "n of visitor" DESC
 LIMIT 1000
$sent$, $own$
SELECT country, number(visitor), number(page) FROM visits WHERE visitor % 5 <> 2 AND page <> 'page 7' AND page <> 'page 8' GROUP BY country HAVING number(visitor) > 100
$own$);

INSERT INTO written VALUES ('days of the largest series', $sent$
SELECT DATE_TRUNC('day', at) AS __timestamp, country AS country, count(DISTINCT visitor) AS "n of visitor"
FROM superset.visits JOIN (SELECT country AS country__, count(DISTINCT visitor) AS mme_inner__
FROM superset.visits
WHERE page != 'page 7' AND at >= TO_TIMESTAMP('2026-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND at < TO_TIMESTAMP('2026-02-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') GROUP BY country ORDER BY count(DISTINCT visitor) DESC
 LIMIT 2) AS series_limit ON country = country__
WHERE at >= TO_TIMESTAMP('2026-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND at < TO_TIMESTAMP('2026-02-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND page != 'page 7' GROUP BY country, DATE_TRUNC('day', at)
 LIMIT 10000
$sent$, $own$
SELECT date_trunc('day', at), country, number(visitor) FROM visits WHERE at >= timestamp '2026-01-01' AND at < timestamp '2026-02-01' AND page <> 'page 7' AND country IN (SELECT country FROM visits WHERE at >= timestamp '2026-01-01' AND at < timestamp '2026-02-01' AND page <> 'page 7' GROUP BY country ORDER BY number(visitor) DESC LIMIT 2) GROUP BY 1, 2
$own$);

INSERT INTO written VALUES ('weeks, and the other series', $sent$
SELECT DATE_TRUNC('week', at) AS __timestamp, CASE WHEN (series_limit.country__ IS NOT NULL) THEN country ELSE 'Others' END AS country, count(DISTINCT visitor) AS "n of visitor"
FROM superset.visits LEFT OUTER JOIN (SELECT country AS country__, count(DISTINCT visitor) AS mme_inner__
FROM superset.visits
WHERE at >= TO_TIMESTAMP('2026-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND at < TO_TIMESTAMP('2026-02-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') GROUP BY country ORDER BY mme_inner__ DESC
 LIMIT 2) AS series_limit ON country = country__
WHERE at >= TO_TIMESTAMP('2026-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND at < TO_TIMESTAMP('2026-02-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') GROUP BY CASE WHEN (series_limit.country__ IS NOT NULL) THEN country ELSE 'Others' END, DATE_TRUNC('week', at)
$sent$, $own$
SELECT date_trunc('week', at), CASE WHEN country IN (SELECT country FROM visits WHERE at >= timestamp '2026-01-01' AND at < timestamp '2026-02-01' GROUP BY country ORDER BY number(visitor) DESC LIMIT 2) THEN country ELSE 'Others' END, number(visitor) FROM visits WHERE at >= timestamp '2026-01-01' AND at < timestamp '2026-02-01' GROUP BY 1, 2
$own$);

INSERT INTO written VALUES ('months on an axis', $sent$
SELECT DATE_TRUNC('month', at) AS at, country AS country, count(DISTINCT visitor) AS "n of visitor"
FROM superset.visits
WHERE at >= TO_TIMESTAMP('2026-01-05 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND at < TO_TIMESTAMP('2026-02-10 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') GROUP BY DATE_TRUNC('month', at), country
$sent$, $own$
SELECT date_trunc('month', at), country, number(visitor) FROM visits WHERE at >= timestamp '2026-01-05' AND at < timestamp '2026-02-10' GROUP BY 1, 2
$own$);

INSERT INTO written VALUES ('a dataset in SQL', $sent$
SELECT country AS country, COUNT(DISTINCT visitor) AS visitors
FROM (SELECT visitor, page, country, at FROM superset.visits WHERE page <> 'page 7'
) AS virtual_table GROUP BY country ORDER BY visitors ASC
$sent$, $own$
SELECT country, number(visitor) FROM visits WHERE page <> 'page 7' GROUP BY country
$own$);

INSERT INTO written VALUES ('metrics in SQL', $sent$
SELECT country AS country, COUNT(DISTINCT visitor) FILTER(WHERE page LIKE 'page 1%') AS filtered, COUNT(DISTINCT (visitor, page)) AS pairs, CAST(COUNT(DISTINCT visitor) AS DECIMAL) / COUNT(*) AS rate
FROM superset.visits GROUP BY country
$sent$, $own$
SELECT country, number(CASE WHEN page LIKE 'page 1%' THEN visitor END), number((visitor, page)), number(visitor)::numeric / count(*) FROM visits GROUP BY country
$own$);

-- As Superset has it for such a dataset, the schema of the extension is not searched.
SET search_path = superset;

SELECT name, same.* FROM written, public.sent_and_own(sent, own) same ORDER BY name COLLATE "C";

-- What is approximate under any setting, in a metric of its own SQL. Superset writes APPROX_DISTINCT for both of the other names. It
-- refuses # and a sketch.
TRUNCATE written;

INSERT INTO written VALUES ('our name', $sent$
SELECT country AS country, public.approx_count_distinct_cvm(visitor) AS n
FROM superset.visits GROUP BY country
$sent$, $own$
SELECT country, approx_count_distinct_cvm(visitor) FROM visits GROUP BY country
$own$);

INSERT INTO written VALUES ('the other names', $sent$
SELECT country AS country, APPROX_DISTINCT(visitor) AS n, APPROX_DISTINCT(visitor, 0.1) AS m
FROM superset.visits GROUP BY country
$sent$, $own$
SELECT country, approx_count_distinct_cvm(visitor), approx_count_distinct_cvm(visitor, 2.7::float8 * 0.1) FROM visits GROUP BY country
$own$);

INSERT INTO written VALUES ('daily sketches', $sent$
SELECT DATE_TRUNC('month', at) AS at, public.cvm_sketch_estimate(public.cvm_sketch_union_agg(visitors)) AS n
FROM superset.daily GROUP BY DATE_TRUNC('month', at)
$sent$, $own$
SELECT date_trunc('month', at), approx_count_distinct_cvm(visitor) FROM visits GROUP BY 1
$own$);

SELECT name, same_sent = same_own AS same
FROM written,
     LATERAL public.rows_with('cvm_count.count_distinct_epsilon', '0', sent) same_sent,
     LATERAL public.rows_with('search_path', 'superset, public', own) same_own
ORDER BY name COLLATE "C";

RESET search_path;
DROP EXTENSION cvm_count_aliases;
DROP SCHEMA superset CASCADE;
