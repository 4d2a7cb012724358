-- A sketch knows the kind of values that it is of.
CREATE TABLE same_ids AS
    SELECT cvm_sketch_agg(i) AS integers,
           cvm_sketch_agg(i::bigint) AS bigints,
           cvm_sketch_agg(i::text) AS texts,
           cvm_sketch_agg_hashed(cvm_hash(i)) AS hashes
    FROM generate_series(1, 30000) i;

SELECT (cvm_sketch_info(integers)).kind AS integers,
       (cvm_sketch_info(bigints)).kind AS bigints,
       (cvm_sketch_info(texts)).kind AS texts,
       (cvm_sketch_info(hashes)).kind AS hashes,
       (cvm_sketch_info(cvm_sketch_empty(0.1))).kind AS empty
FROM same_ids;

-- The same ids as integers and as texts are not the same values.
SELECT # (integers || texts) FROM same_ids;
SELECT # (integers & texts) FROM same_ids;
SELECT # (texts - integers) FROM same_ids;
SELECT cvm_sketch_jaccard(integers, texts) FROM same_ids;
SELECT cvm_sketch_intersection_bounds(integers, texts) FROM same_ids;
SELECT cvm_sketch_difference_bounds(integers, texts) FROM same_ids;
SELECT cvm_sketch_containment(integers, texts) FROM same_ids;

SELECT # cvm_sketch_union_agg(s)
FROM (SELECT integers FROM same_ids UNION ALL SELECT texts FROM same_ids) q (s);

SELECT # cvm_sketch_intersection_agg(s)
FROM (SELECT integers FROM same_ids UNION ALL SELECT texts FROM same_ids) q (s);

SELECT cvm_sketch_add(integers, '30001'::text) FROM same_ids;
SELECT cvm_sketch_add(cvm_sketch_add(cvm_sketch_empty(), 1), '1'::text);

-- The hint of the message is right: a cast helps.
SELECT # (integers || (SELECT cvm_sketch_agg(i::text::integer) FROM generate_series(1, 30000) i)) AS approx
FROM same_ids;

-- A sketch of hashes goes with any other, and takes on its kind.
SELECT integers || hashes = integers AS union,
       hashes & integers = integers & integers AS intersection,
       cvm_sketch_add(hashes, 1) = integers AS add,
       hashes = integers AS equal,
       set_byte(integers::bytea, 1, 0)::cvm_sketch = hashes AS equal_but_for_the_kind
FROM same_ids;

SELECT (cvm_sketch_info(cvm_sketch_add(cvm_sketch_empty(0.1), 1))).kind AS of_one,
       (cvm_sketch_info(cvm_sketch_add(cvm_sketch_empty(0.1), NULL::text))).kind AS of_none,
       (cvm_sketch_info(cvm_sketch_downsample(texts, 0.1))).kind AS downsampled,
       (cvm_sketch_info(texts & texts)).kind AS derived
FROM same_ids;

-- Every way to combine two sketches treats every pair of kinds right.
CREATE TABLE kinds AS
    SELECT code, sketch, (cvm_sketch_info(sketch)).kind
    FROM generate_series(0, 16) code,
         LATERAL (SELECT set_byte(integers::bytea, 1, 2 * code)::cvm_sketch AS sketch FROM same_ids) q;

SELECT code, kind FROM kinds ORDER BY code;

-- outcome gives the value of the expression, or the message of its error.
CREATE FUNCTION outcome(expression text, a cvm_sketch, b cvm_sketch) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
BEGIN
    EXECUTE 'SELECT ' || replace(replace(expression, ':a', '$1'), ':b', '$2') INTO result USING a, b;
    RETURN result;
EXCEPTION WHEN invalid_parameter_value THEN
    RETURN SQLERRM;
END $$;

SELECT expression,
       count(*),
       count(*) FILTER (WHERE outcome LIKE '% kind of %') AS errors,
       count(*) FILTER (WHERE outcome <> right_outcome) AS wrong
FROM (VALUES
         ('(cvm_sketch_info(:a || :b)).kind'),
         ('(cvm_sketch_info(:a & :b)).kind'),
         ('(cvm_sketch_info(:a - :b)).kind'),
         ('(SELECT (cvm_sketch_info(cvm_sketch_union_agg(s))).kind '
          'FROM (VALUES (:a), (:b), (:a)) v (s))'),
         ('(SELECT (cvm_sketch_info(cvm_sketch_intersection_agg(s))).kind '
          'FROM (VALUES (:a), (:b), (:a)) v (s))'),
         ('CASE WHEN (cvm_sketch_jaccard(:a, :b)).estimate = 1 '
          'THEN coalesce(nullif((cvm_sketch_info(:a)).kind, ''unknown''), (cvm_sketch_info(:b)).kind) END')
     ) e (expression),
     kinds a,
     kinds b,
     LATERAL outcome(expression, a.sketch, b.sketch),
     LATERAL (
         SELECT CASE
             WHEN a.kind IN (b.kind, 'unknown') THEN b.kind
             WHEN b.kind = 'unknown' THEN a.kind
             ELSE 'cvm_sketch values must be of the same kind of values, not '
                 || a.kind || ' and ' || b.kind
         END
     ) r (right_outcome)
GROUP BY expression ORDER BY expression;

-- Adding a value treats its kind right.
SELECT kind,
       outcome('(cvm_sketch_info(cvm_sketch_add(:a, 30001))).kind', sketch, sketch) AS add_integer,
       outcome('(cvm_sketch_info(cvm_sketch_add(:a, ''1''::text))).kind', sketch, sketch) AS add_text
FROM kinds
WHERE code < 5
ORDER BY code;

-- Codes of no kind are refused.
SELECT set_byte(sketch::bytea, 1, 2 * 17)::cvm_sketch FROM kinds WHERE code = 0;
SELECT set_byte(sketch::bytea, 1, 64)::cvm_sketch FROM kinds WHERE code = 0;
DROP FUNCTION outcome(text, cvm_sketch, cvm_sketch);
DROP TABLE same_ids, kinds;
