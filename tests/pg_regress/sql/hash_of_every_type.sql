-- Every type that this server has: the planner hook replaces count(DISTINCT x) where PostgreSQL has an order for the
-- type and cvm_count a hash, and nowhere else.
SET client_min_messages = warning;
LOAD 'cvm_count';

CREATE FUNCTION works(query text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE query;
    RETURN true;
EXCEPTION WHEN undefined_function THEN
    RETURN false;
END $$;

-- types with an order and no hash, since a range is compared by another order than that of its bounds
CREATE FUNCTION backwards(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE STRICT RETURN btint4cmp($2, $1);
CREATE OPERATOR CLASS backwards FOR TYPE integer USING btree AS FUNCTION 1 backwards(integer, integer);
CREATE TYPE backward_range AS RANGE (
    SUBTYPE = integer,
    SUBTYPE_OPCLASS = backwards,
    MULTIRANGE_TYPE_NAME = backward_ranges
);
CREATE DOMAIN backward_list AS backward_range[];
CREATE TYPE backward_row AS (x integer, list backward_list);

-- The rule for an array is made with that for its elements. The rule for a row is made with those for its columns.
CREATE TEMPORARY TABLE types AS
SELECT type, distinct_works, hash_works, distinct_works AND
        plan_with('cvm_count.count_distinct_epsilon', '0.03', query) LIKE '%approx_count_distinct_cvm%' AS is_replaced
FROM (SELECT oid::regtype AS type, typtype
      FROM pg_type
      WHERE typarray <> 0 AND typtype <> 'p' AND (oid < 16384 OR typname LIKE 'backward%')) t,
    format('SELECT count(DISTINCT v) FROM unnest(''{}''::%s[]) v', type) query,
    works(query) distinct_works,
    works(format(CASE typtype WHEN 'c' THEN 'SELECT cvm_hash(jsonb_populate_record(NULL::%s, ''{}''))'
                              ELSE 'SELECT cvm_hash(''{}''::%s[])' END, type)) hash_works;
SELECT count(*) FILTER (WHERE is_replaced) > 100 AS many_replaced FROM types;
SELECT * FROM types WHERE is_replaced <> (distinct_works AND hash_works);
SELECT *
FROM types
WHERE type::text LIKE 'backward%'
    OR type IN ('int4'::regtype, 'int4range', 'json', 'xid', 'pg_aggregate', 'pg_class', 'pg_statistic')
ORDER BY type::text COLLATE "C";

DROP TYPE backward_row, backward_list, backward_range;
DROP OPERATOR FAMILY backwards USING btree;
DROP FUNCTION backwards, works;
