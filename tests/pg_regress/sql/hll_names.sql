-- The extension cvm_count_hll gives sketches the names of postgresql-hll.
SET client_min_messages = warning;
CREATE SCHEMA hll_names;
CREATE EXTENSION cvm_count_hll SCHEMA hll_names;
SET search_path = hll_names, public;

-- Each object has a comment.
SELECT pg_describe_object(classid, objid, objsubid) COLLATE "C" AS object,
       obj_description(objid, classid::regclass::name) AS comment
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cvm_count_hll')
  -- PostgreSQL makes the array types by itself, and counts them among the extension's from 17 on.
  AND NOT (classid = 'pg_type'::regclass AND objid IN ('hll[]'::regtype, 'hll_hashval[]'::regtype))
ORDER BY 1;

-- All functions are immutable and safe in parallel. Strict are those that are no part of an aggregate. All but what PostgreSQL has
-- itself are symbols of the library.
SELECT provolatile, proparallel, prosecdef, proisstrict, prokind, lanname,
       array_agg(DISTINCT proname::text COLLATE "C" ORDER BY proname::text COLLATE "C") AS functions
FROM pg_proc
JOIN pg_language ON pg_language.oid = prolang
JOIN pg_depend ON classid = 'pg_proc'::regclass AND objid = pg_proc.oid
WHERE refclassid = 'pg_extension'::regclass
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cvm_count_hll')
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 5, 6, 4;

-- The functions for one type are hll_hash_any, and that is cvm_hash. An integer is hashed alike in each of its types.
SELECT hll_hash_boolean(true) = hll_hash_any(true) AS boolean,
       hll_hash_smallint(7::smallint) = hll_hash_any(7::smallint) AS smallint,
       hll_hash_integer(7) = hll_hash_any(7) AS integer,
       hll_hash_bigint(7) = hll_hash_any(7::bigint) AS bigint,
       hll_hash_bytea('\x07') = hll_hash_any('\x07'::bytea) AS bytea,
       hll_hash_text('7') = hll_hash_any('7'::text) AS text,
       hll_hash_bigint(7) = hll_hash_smallint(7::smallint) AS as_integer,
       hll_hash_any(7) = cvm_hash(7)::hll_hashval AS as_cvm_hash;

-- The seed may be left out, and may be an integer or a bigint.
SELECT hll_hash_text('a') = hll_hash_text('a', 0) AS is_zero,
       hll_hash_text('a') <> hll_hash_text('a', 5) AS makes_a_difference,
       bool_and(hll_hash_any('a'::text, seed) = cvm_hash('a'::text, seed)::hll_hashval) AS as_cvm_hash,
       hll_hash_any(NULL::text) IS NULL AS of_null
FROM (VALUES (0), (5), (-1), (2147483647), (-2147483648)) seeds (seed);

SELECT hll_hash_any('{}'::json);

-- A number is no hash, unless somebody says so.
\set VERBOSITY sqlstate
SELECT hll_add_agg(i) FROM generate_series(1, 3) i;
SELECT hll_empty() || 5;
\set VERBOSITY default
SELECT #(hll_empty() || 5::hll_hashval || (-5)::bigint::hll_hashval) AS two;

-- The sketch is that of cvm_sketch_agg_hashed, and the count is that of cvm_sketch_agg.
CREATE TABLE seen AS
SELECT i % 30 AS day, cvm_hash(i) & 16383 AS visitor, 'page ' || (cvm_hash(i, 1) & 1023) AS page
FROM generate_series(1, 90000) i;
ANALYZE seen;

SELECT hll_cardinality(hll_add_agg(hll_hash_any(visitor))) AS approx,
       # cvm_sketch_agg(visitor) AS as_cvm,
       hll_add_agg(hll_hash_any(visitor)) = cvm_sketch_agg_hashed(cvm_hash(visitor)) AS same_bytes,
       hll_add_agg(hll_hash_any(visitor)) || cvm_sketch_agg(visitor) = cvm_sketch_agg(visitor) AS combines,
       hll_cardinality(hll_add_agg(hll_hash_text(page))) AS approx_pages,
       count(DISTINCT visitor) AS exact,
       count(DISTINCT page) AS exact_pages
FROM seen;

SELECT count(*) AS days, bool_and(approx = exact) AS all_exact
FROM (SELECT day, hll_cardinality(hll_add_agg(hll_hash_any(visitor))) AS approx, count(DISTINCT visitor) AS exact
      FROM seen GROUP BY day) q;

-- In parallel, the same.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT verbose_plan(query) LIKE '%PARTIAL hll_add_agg%' AS in_parallel,
       rows_with('max_parallel_workers_per_gather', '2', query) = rows_with('max_parallel_workers_per_gather', '0', query) AS same
FROM (VALUES ('SELECT hll_add_agg(hll_hash_any(visitor), 12) FROM seen'),
             ('SELECT hll_add_agg(hll_hash_any(page)) FROM seen'),
             ('SELECT day % 2, hll_add_agg(hll_hash_any(visitor)) FROM seen GROUP BY 1')) v (query);
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- log2m stands for the standard error of so many registers, and epsilon is 2.7 of it; at most 0.5, as the coarsest that is legal.
CREATE FUNCTION epsilon_of(log2m integer) RETURNS double precision LANGUAGE sql IMMUTABLE
AS 'SELECT least(0.5, 2.7::float8 * least(0.5, 1.04::float8 / sqrt(2::float8 ^ log2m)))';

SELECT log2m, round(epsilon_of(log2m)::numeric, 5) AS epsilon, (cvm_sketch_info(hll_empty(log2m))).capacity
FROM generate_series(0, 22) log2m
WHERE log2m IN (0, 4, 5, 10, 11, 14, 22);

SELECT count(*) AS options,
       bool_and(hll_empty(log2m) = cvm_sketch_empty(epsilon_of(log2m))) AS empty,
       bool_and(sketch = told) AS sketches
FROM (SELECT log2m, hll_add_agg(hll_hash_any(visitor), log2m) AS sketch,
             cvm_sketch_agg_hashed(cvm_hash(visitor), epsilon_of(log2m)) AS told
      FROM seen, generate_series(0, 22) log2m WHERE visitor < 3000 GROUP BY log2m) q;

-- Left out, the accuracy is that of cvm_count. The other options make no difference.
SELECT hll_empty() = cvm_sketch_empty() AS empty,
       count(*) AS options,
       bool_and(a = b AND b = c AND c = d) AS same
FROM (SELECT hll_add_agg(hash, 12) AS a, hll_add_agg(hash, 12, 5) AS b, hll_add_agg(hash, 12, 5, expthresh) AS c,
             hll_add_agg(hash, 12, 7, expthresh, 0) AS d
      FROM (SELECT hll_hash_any(visitor) AS hash FROM seen) s, (VALUES (-1), (0), (1), (4096)) e (expthresh) GROUP BY expthresh) q;

SELECT hll_empty(12) = hll_empty(12, 5) AS a, hll_empty(12, 5) = hll_empty(12, 5, -1) AS b, hll_empty(12, 5, -1) = hll_empty(12, 5, -1, 1) AS c;

-- What is not legal is refused, and so is what a sketch cannot be as fine as.
\set VERBOSITY sqlstate
SELECT hll_add_agg(hll_hash_any(1), 23);
\set VERBOSITY default
SELECT hll_add_agg(hll_hash_any(1), 23);
SELECT hll_add_agg(hll_hash_any(1), -1);
SELECT hll_add_agg(hll_hash_any(1), NULL);
SELECT hll_add_agg(hll_hash_any(1), 11, 8);
SELECT hll_add_agg(hll_hash_any(1), 11, 5, 3);
SELECT hll_add_agg(hll_hash_any(1), 11, 5, -2);
SELECT hll_add_agg(hll_hash_any(1), 11, 5, -1, 2);
SELECT hll_add_agg(hll_hash_any(1), 11, NULL, -1, 1);
SELECT hll_empty(23);
SELECT hll_empty(11, 5, 9223372036854775807);
SELECT hll_empty(NULL) IS NULL AS is_null;
SELECT hll_add_agg(hll_hash_any(log2m), log2m) FROM (VALUES (11), (12)) v (log2m);
SELECT hll_add_agg(hll_hash_any(log2m), log2m, 5, -1, 1) OVER (ORDER BY log2m ROWS 1 PRECEDING) FROM (VALUES (11), (12)) v (log2m);
SELECT #hll_add_agg(hll_hash_any(log2m), log2m) OVER (ORDER BY log2m ROWS 0 PRECEDING) AS alone FROM (VALUES (11), (12)) v (log2m);

-- Of no rows, and of rows that are NULL, the sketch is that of no values, and the count is 0, as that of count(DISTINCT).
SELECT #hll_add_agg(hll_hash_any(visitor)) FILTER (WHERE false) AS none,
       #hll_add_agg(hll_hash_any(visitor), 11) FILTER (WHERE false) AS none_with_option,
       #hll_add_agg(hll_hash_any(NULL::int)) AS nulls,
       #hll_union_agg(NULL) AS null_sketches,
       #hll_union_agg(hll_empty()) AS empty_sketches,
       count(DISTINCT visitor) FILTER (WHERE false) AS exact
FROM seen;

-- Functions of one value and the operators give NULL for NULL, as those of hll do.
SELECT #NULL::hll IS NULL AS cardinality, hll_empty() || NULL::hll IS NULL AS union_, hll_add(hll_empty(), NULL) IS NULL AS add,
       NULL::hll_hashval || hll_empty() IS NULL AS add_rev;

-- In columns. Union and addition go by the hash: what is there already is not counted again.
CREATE TABLE daily (day int PRIMARY KEY, visitors hll NOT NULL, first hll_hashval);
INSERT INTO daily SELECT day, hll_add_agg(hll_hash_any(visitor)), hll_hash_bigint(min(visitor)) FROM seen GROUP BY day;
INSERT INTO daily VALUES (99, '\x', NULL);
INSERT INTO daily SELECT 99, cvm_sketch_agg(visitor), '5' FROM seen WHERE day = 29 AND visitor < 100;

SELECT a.day, #a.visitors AS a, #b.visitors AS b, #(a.visitors || b.visitors) AS either,
       (SELECT count(DISTINCT visitor) FROM seen WHERE day IN (a.day, b.day)) AS exact,
       a.visitors || b.visitors = hll_union(b.visitors, a.visitors) AS commutes,
       a.visitors || a.first = a.visitors AS adds_nothing,
       hll_cardinality(a.visitors || b.first) - hll_cardinality(a.visitors) AS adds,
       a.first || b.visitors = hll_add(b.visitors, a.first) AND a.first || b.visitors = hll_add_rev(a.first, b.visitors) AS reversed,
       a.visitors <> b.visitors AS differ
FROM daily a JOIN daily b ON b.day = a.day + 1 WHERE a.day % 10 = 8 ORDER BY a.day;

-- A column of type hll is a cvm_sketch to all else, and the other way round.
SELECT hll_union_agg(visitors) = cvm_sketch_union_agg(visitors) AS same, pg_typeof(hll_union_agg(visitors)) AS type,
       pg_typeof(cvm_sketch_union_agg(visitors)) AS type_of_cvm
FROM daily;

SELECT hll_cardinality(hll_union_agg(sketch)) AS of_sketches, #hll_union_agg(sketch)::bytea::hll AS of_bytes,
       #hll_union_agg(sketch)::text::hll AS of_text, count(DISTINCT sketch) AS sketches
FROM (SELECT cvm_sketch_agg(visitor) AS sketch FROM seen GROUP BY day) q;

SELECT count(*) AS common, sum(copies) AS rows
FROM (SELECT visitors, count(*) AS copies FROM (TABLE daily UNION ALL TABLE daily) twice GROUP BY visitors) q;

CREATE INDEX ON daily USING hash (visitors);
CREATE INDEX ON daily ((#visitors));
SELECT count(*) FROM daily WHERE #visitors BETWEEN 1 AND 100;

SELECT hll_add_agg(hll_hash_any(visitor)) & cvm_sketch_agg(visitor) = cvm_sketch_agg(visitor) AS cvm_operators FROM seen WHERE day = 1;

-- Windows whose frames slide.
SELECT bool_and(#sliding = #again) AS union_, bool_and(sliding = again) AS same_sketch
FROM (SELECT day, hll_union_agg(visitors) OVER (ORDER BY day ROWS 6 PRECEDING) AS sliding,
             (SELECT hll_union_agg(visitors) FROM daily d WHERE d.day BETWEEN daily.day - 6 AND daily.day) AS again
      FROM daily WHERE day < 30) q;

SELECT count(*) AS rows, bool_and(sliding = again AND coarse = again_coarse) AS same
FROM (SELECT hll_add_agg(hll_hash_any(visitor)) OVER w AS sliding, hll_add_agg(hll_hash_any(visitor), 6, 5, -1, 1) OVER w AS coarse,
             cvm_sketch_agg_hashed(cvm_hash(visitor)) OVER w AS again,
             cvm_sketch_agg_hashed(cvm_hash(visitor), epsilon_of(6)) OVER w AS again_coarse
      FROM (SELECT * FROM seen LIMIT 3000) s WINDOW w AS (ORDER BY visitor, day ROWS BETWEEN 500 PRECEDING AND 20 FOLLOWING)) q;

-- Nothing depends on search_path, nor on the schema.
SET search_path = '';
SELECT OPERATOR(hll_names.#) hll_names.hll_union_agg(visitors) AS approx FROM hll_names.daily;
CREATE SCHEMA hll_moved;
ALTER EXTENSION cvm_count_hll SET SCHEMA hll_moved;
SELECT hll_moved.hll_cardinality(hll_moved.hll_union_agg(visitors)) AS approx, pg_typeof(hll_moved.hll_union_agg(visitors)) FROM hll_names.daily;
SELECT hll_moved.hll_cardinality(hll_moved.hll_add_agg(hll_moved.hll_hash_any(visitor), 14)) AS approx FROM hll_names.seen;
RESET search_path;
DROP SCHEMA hll_names CASCADE;
DROP EXTENSION cvm_count_hll;
DROP SCHEMA hll_moved;

-- The owner of a database, who is no superuser, creates it. A role with no more than USAGE uses it.
CREATE ROLE cvm_owner;
CREATE ROLE cvm_user;
SELECT format('GRANT CREATE ON DATABASE %I TO cvm_owner', current_database()) \gexec
CREATE SCHEMA hll_names AUTHORIZATION cvm_owner;
SET ROLE cvm_owner;
CREATE EXTENSION cvm_count_hll SCHEMA hll_names;
GRANT USAGE ON SCHEMA hll_names TO cvm_user;
SET ROLE cvm_user;
SELECT hll_names.hll_cardinality(hll_names.hll_add_agg(hll_names.hll_hash_any(i))) FROM generate_series(1, 10) i;
RESET ROLE;
DROP EXTENSION cvm_count_hll;

-- What others have in the schema is not called while the extension is created.
SET ROLE cvm_owner;
CREATE FUNCTION hll_names.trap(anyelement) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped as %', current_user; END $$;
CREATE FUNCTION hll_names.format(text, name) RETURNS text LANGUAGE sql AS 'SELECT hll_names.trap($1)';
CREATE FUNCTION hll_names.format(text, text, name) RETURNS text LANGUAGE sql AS 'SELECT hll_names.trap($1)';
CREATE FUNCTION hll_names.equals(name, name) RETURNS boolean LANGUAGE sql AS 'SELECT hll_names.trap($1) IS NULL';
CREATE FUNCTION hll_names.equals(name, text) RETURNS boolean LANGUAGE sql AS 'SELECT hll_names.trap($1) IS NULL';
CREATE FUNCTION hll_names.equals(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT hll_names.trap($1) IS NULL';
CREATE OPERATOR hll_names.= (FUNCTION = hll_names.equals, LEFTARG = name, RIGHTARG = name);
CREATE OPERATOR hll_names.= (FUNCTION = hll_names.equals, LEFTARG = name, RIGHTARG = text);
CREATE OPERATOR hll_names.= (FUNCTION = hll_names.equals, LEFTARG = oid, RIGHTARG = oid);
CREATE DOMAIN hll_names.name AS text;
CREATE DOMAIN hll_names.cvm_sketch AS text;
SELECT hll_names.format('a', 'b'::name);
RESET ROLE;
CREATE EXTENSION cvm_count_hll SCHEMA hll_names;
CREATE EXTENSION cvm_count_aliases SCHEMA hll_names;
SELECT typname, typbasetype::regtype FROM pg_type WHERE typname = 'hll';
SELECT hll_names.hll_cardinality(hll_names.hll_add_agg(hll_names.hll_hash_any(i))) FROM generate_series(1, 10) i;
DROP EXTENSION cvm_count_hll, cvm_count_aliases;
DROP SCHEMA hll_names CASCADE;
SELECT format('REVOKE CREATE ON DATABASE %I FROM cvm_owner', current_database()) \gexec
DROP ROLE cvm_owner, cvm_user;
