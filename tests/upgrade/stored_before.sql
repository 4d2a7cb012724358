-- Each answer is true. The sketches of 0.2.0, which knew no kinds, and those that the same values make now:
SELECT count(*) = 6 AND bool_and(get_byte(sketch::bytea, 0) = 1 AND (cvm_sketch_info(sketch)).version = 1) FROM stored_before;
CREATE TABLE made_now AS
    SELECT 'exact' AS name, cvm_sketch_agg(n, 0.3) AS sketch FROM values_to_count WHERE n < 50
    UNION ALL SELECT 'full', cvm_sketch_agg(n, 0.3) FROM values_to_count
    UNION ALL SELECT 'seeded', cvm_sketch_agg(t, 0.3, 0.01, 42) FROM values_to_count
    UNION ALL SELECT 'empty', cvm_sketch_empty(0.3)
    UNION ALL SELECT 'nothing', cvm_sketch_empty()
    UNION ALL SELECT 'derived', cvm_sketch_agg(n, 0.3) & cvm_sketch_agg(n + 15000, 0.3) FROM values_to_count;
SELECT bool_and(get_byte(sketch::bytea, 0) = 2) FROM made_now;
SELECT bool_and(#sketch = estimate AND cvm_sketch_bounds(sketch)::text = bounds) FROM stored_before;
-- The old one adds nothing to the new one, whichever comes first, nor does it lack anything.
SELECT bool_and(b.sketch || n.sketch = n.sketch AND n.sketch || b.sketch = n.sketch) FROM stored_before b JOIN made_now n USING (name);
SELECT bool_and(#(b.sketch - n.sketch) = 0 AND #(n.sketch - b.sketch) = 0) FROM stored_before b JOIN made_now n USING (name) WHERE name <> 'derived';
SELECT cvm_sketch_union_agg(sketch) = (SELECT cvm_sketch_union_agg(sketch) FROM made_now WHERE name <> 'seeded')
FROM (SELECT sketch FROM stored_before WHERE name <> 'seeded' UNION ALL SELECT cvm_sketch_empty() || sketch FROM made_now WHERE name = 'full') q;
-- As they were stored, they are not equal to what they are read as; written anew, they are.
SELECT bool_and(sketch <> sketch || sketch) FROM stored_before;
UPDATE stored_before SET sketch = sketch || sketch;
SELECT bool_and(get_byte(sketch::bytea, 0) = 2 AND #sketch = estimate AND cvm_sketch_bounds(sketch)::text = bounds) FROM stored_before;
SELECT bool_and(CASE WHEN kind = 'unknown' THEN n.sketch = b.sketch ELSE n.sketch = cvm_sketch_of_kind(b.sketch, kind) END)
FROM stored_before b JOIN made_now n USING (name), cvm_sketch_info(n.sketch);
DROP TABLE made_now, stored_before;
