-- Releases before 0.3.0 wrote format version 1, with 56 bits of each hash. What they stored reads and combines.
CREATE TABLE stored (name text PRIMARY KEY, sketch cvm_sketch);
INSERT INTO stored
VALUES ('nothing', '\x0100000045210000000000000000000000000000'),
       ('the integer 0', '\x0100000045210000010000000000000000000000ac876fbb3a7bc701'),
       ('10,000 integers', '\x010037000800000006000000000000000000000054619ac037e1882bd9fb53f838c897f9ad5cf15883ee5385afd3ac09649fad0b2a54');

SELECT name, (cvm_sketch_info(sketch)).*, # sketch AS estimate, cvm_sketch_bounds(sketch, 0.95)
FROM stored
ORDER BY name COLLATE "C";

-- Whatever makes a sketch of them writes version 2. These are the sketches that this release makes of the same values.
SELECT name, get_byte(sketch::bytea, 0) AS stored_as, get_byte(made::bytea, 0) AS made_as, made = now AS same
FROM stored
     JOIN (VALUES
         ('nothing', cvm_sketch_empty()),
         ('the integer 0', (SELECT cvm_sketch_agg_hashed(cvm_hash(0)))),
         ('10,000 integers', '\x02003700080000000600000000000000000000009ac03729d9fb33c89779f1588385afd3649fad0b2a54')
     ) n (name, now) USING (name),
     LATERAL (VALUES
         (sketch || sketch),
         (sketch || cvm_sketch_empty()),
         (cvm_sketch_empty() || sketch),
         ((SELECT cvm_sketch_union_agg(s) FROM (VALUES (sketch)) v (s))),
         (cvm_sketch_union(ARRAY[sketch]))
     ) m (made)
ORDER BY name COLLATE "C";

-- Stored bytes of another version are another value.
SELECT name, sketch = sketch || sketch AS same_bytes, # sketch = # (sketch || sketch) AS same_estimate
FROM stored
ORDER BY name COLLATE "C";

-- Both versions combine in every way.
SELECT # (old.sketch || new) AS both,
       # (old.sketch & new) AS common,
       # (old.sketch - new) AS only_old,
       # (new - old.sketch) AS only_new,
       cvm_sketch_jaccard(old.sketch, new),
       cvm_sketch_containment(old.sketch, new)
FROM stored old, (SELECT cvm_sketch_agg(i) FROM generate_series(0, 4) i) n (new)
WHERE name = 'the integer 0';

SELECT i, # cvm_sketch_union_agg(sketch) OVER (ORDER BY i ROWS 1 PRECEDING) AS both
FROM (
    SELECT i, CASE i % 2 WHEN 0 THEN cvm_sketch_add(cvm_sketch_empty(), i / 2 % 2) ELSE sketch END AS sketch
    FROM stored, generate_series(0, 5) i
    WHERE name = 'the integer 0'
) s
ORDER BY i;

DROP TABLE stored;
