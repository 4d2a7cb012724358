# Sketches of every kind, in a table, and what is built of them. To be sourced, by bash, after checks.sh.

# Rows of a name and a sketch, made of values.
fresh="VALUES ('null', NULL),
        ('empty', cvm_sketch_empty()),
        ('empty and seeded', cvm_sketch_empty(0.1, 0.1, -1)),
        ('one', (SELECT cvm_sketch_agg(i) FROM generate_series(1, 1) i)),
        ('hundred', (SELECT cvm_sketch_agg(i) FROM generate_series(1, 100) i)),
        ('exact', (SELECT cvm_sketch_agg(-i) FROM generate_series(1, 8000) i)),
        ('texts', (SELECT cvm_sketch_agg(i::text) FROM generate_series(1, 8000) i)),
        ('usual', (SELECT cvm_sketch_agg(i) FROM generate_series(1, 100000) i)),
        ('neighbour', (SELECT cvm_sketch_agg(i) FROM generate_series(50001, 150000) i)),
        ('seeded', (SELECT cvm_sketch_agg(i, 0.03, 0.01, -42) FROM generate_series(1, 100000) i)),
        ('hashed', (SELECT cvm_sketch_agg_hashed(cvm_hash(i), 0.5) FROM generate_series(1, 1000) i)),
        ('fine', (SELECT cvm_sketch_agg(i, 0.01) FROM generate_series(1, 200000) i))"

make_sketches() {
    query "
        CREATE EXTENSION cvm_count;
        CREATE TABLE sketches (
            name text PRIMARY KEY,
            sketch cvm_sketch DEFAULT cvm_sketch_empty(0.05),
            estimate bigint GENERATED ALWAYS AS (#sketch) STORED,
            note integer
        );
        INSERT INTO sketches (name) VALUES ('default');
        INSERT INTO sketches (name, sketch)
        $fresh;
        INSERT INTO sketches (name, sketch)
        SELECT 'both', a.sketch & b.sketch FROM sketches a, sketches b WHERE (a.name, b.name) = ('usual', 'neighbour')
        UNION ALL
        SELECT 'one only', a.sketch - b.sketch FROM sketches a, sketches b WHERE (a.name, b.name) = ('usual', 'neighbour')
        UNION ALL
        SELECT 'nothing in common', a.sketch & b.sketch FROM sketches a, sketches b WHERE (a.name, b.name) = ('hundred', 'exact')
        UNION ALL
        SELECT 'again ' || name, sketch FROM sketches WHERE name IN ('one', 'hundred');

        CREATE INDEX sketches_hash ON sketches USING hash (sketch);
        CREATE INDEX sketches_btree ON sketches (sketch) WHERE octet_length(sketch::bytea) < 1000;
        CREATE INDEX sketches_estimate ON sketches ((#sketch));
        CREATE VIEW pairs AS
            SELECT a.name AS a, b.name AS b, #(a.sketch || b.sketch) AS either, cvm_sketch_jaccard(a.sketch, b.sketch, 0.9)::text AS share,
                   cvm_sketch_bounds(a.sketch & b.sketch)::text AS bounds,
                   cvm_sketch_intersection_bounds(a.sketch, b.sketch)::text AS both, cvm_sketch_containment(a.sketch, b.sketch)::text AS contained, #(a.sketch - b.sketch) AS only_a
            FROM sketches a, sketches b
            WHERE a.name IN ('exact', 'usual', 'neighbour', 'fine') AND b.name IN ('hundred', 'neighbour', 'empty');
        CREATE VIEW copied_often AS SELECT sketch, count(*) AS copies FROM sketches GROUP BY sketch HAVING count(*) > 1;
        CREATE MATERIALIZED VIEW stored_union AS
            SELECT cvm_sketch_union_agg(sketch) AS sketch FROM sketches WHERE name IN ('exact', 'usual', 'neighbour', 'fine');
        CREATE TABLE scattered (sketch cvm_sketch) PARTITION BY HASH (sketch);
        CREATE TABLE scattered_0 PARTITION OF scattered FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE scattered_1 PARTITION OF scattered FOR VALUES WITH (MODULUS 2, REMAINDER 1);
        INSERT INTO scattered SELECT sketch FROM sketches;
        CREATE TABLE samples (name text PRIMARY KEY, sample cvm_sample, estimate bigint GENERATED ALWAYS AS (#sample) STORED);
        INSERT INTO samples (name, sample)
        VALUES ('null', NULL),
            ('nothing', (SELECT cvm_sample_agg(1) WHERE false)),
            ('integers', (SELECT cvm_sample_agg_measured(i % 5000, i / 7.0) FROM generate_series(1, 20000) i)),
            ('texts', (SELECT cvm_sample_agg_measured('text ' || i % 300, i - 0.1, 500) FROM generate_series(1, 1000) i)),
            ('times', (SELECT cvm_sample_agg(timestamptz '2026-01-01 00:00+00' + i * interval '1 hour') FROM generate_series(1, 900) i)),
            ('large', (SELECT cvm_sample_agg(md5(i::text), 5000, 7) FROM generate_series(1, 20000) i));
        CREATE VIEW sampled AS
            SELECT name, value, occurrences, total FROM samples, cvm_sample_values(sample, NULL::timestamptz) WHERE name = 'times';

        CREATE EXTENSION cvm_count_hll;
        CREATE EXTENSION cvm_count_aliases;
        CREATE TABLE days (
            day integer PRIMARY KEY,
            visitors hll DEFAULT hll_empty(11),
            visitor hll_hashval,
            estimate double precision GENERATED ALWAYS AS (#visitors) STORED
        );
        INSERT INTO days (day, visitors, visitor)
        SELECT i % 10, hll_add_agg(hll_hash_any(i / 2)), hll_hash_integer(i % 10, 5) FROM generate_series(1, 200000) i GROUP BY i % 10;
        INSERT INTO days (day) VALUES (10);
        CREATE INDEX days_estimate ON days ((#visitors));
        CREATE VIEW weekly AS SELECT day, #hll_union_agg(visitors) OVER (ORDER BY day ROWS 6 PRECEDING) AS visitors FROM days;
        CREATE VIEW with_one_more AS SELECT day, #(visitors || visitor) AS visitors FROM days WHERE visitors <> hll_empty();
        CREATE VIEW counted AS SELECT approx_distinct(name), approx_count_distinct(estimate, 0.1) FROM sketches;"
}

# All bytes of all sketches, and what they say.
sketches="SELECT name, md5(sketch::bytea), #sketch, cvm_sketch_bounds(sketch), cvm_sketch_info(sketch)
          FROM sketches ORDER BY name COLLATE \"C\""

# What else has the type in it: a generated column, a default, views, indexes, hash partitions.
uses="SET enable_seqscan = off;
      SELECT name, estimate FROM sketches ORDER BY name COLLATE \"C\";
      SELECT pg_get_expr(adbin, adrelid) <> '' FROM pg_attrdef WHERE adrelid = 'sketches'::regclass ORDER BY adnum;
      BEGIN; INSERT INTO sketches (name) VALUES ('by default'); SELECT sketch FROM sketches WHERE name = 'by default'; ROLLBACK;
      SELECT md5(string_agg(pairs::text, ' ' ORDER BY a, b)) FROM pairs;
      SELECT copies, sketch FROM copied_often ORDER BY sketch;
      SELECT md5(sketch::bytea), #sketch FROM stored_union;
      SELECT name FROM sketches WHERE sketch = (SELECT sketch FROM sketches WHERE name = 'fine');
      SELECT name FROM sketches WHERE sketch < cvm_sketch_empty(0.01) AND octet_length(sketch::bytea) < 1000 ORDER BY sketch;
      SELECT tableoid::regclass, md5(sketch::bytea) FROM scattered ORDER BY sketch;
      SELECT name, md5(sample::bytea), estimate, cvm_sample_info(sample) FROM samples ORDER BY name COLLATE \"C\";
      SELECT count(*), sum(occurrences), max(value) FROM sampled;
      SELECT day, md5(visitors::bytea), visitor, estimate FROM days ORDER BY day;
      SELECT w.day, w.visitors, o.visitors FROM weekly w LEFT JOIN with_one_more o ON o.day = w.day ORDER BY w.day;
      SELECT * FROM counted;"
# The indexes have to be what answers.
plans="SET enable_seqscan = off;
       EXPLAIN (COSTS off) SELECT name FROM sketches WHERE sketch = cvm_sketch_empty();
       EXPLAIN (COSTS off) SELECT name FROM sketches
       WHERE sketch < cvm_sketch_empty(0.01) AND octet_length(sketch::bytea) < 1000 ORDER BY sketch;
       EXPLAIN (COSTS off) SELECT name FROM sketches WHERE #sketch = 100"

# scan_names: the indexes that the plans use
scan_names() {
    query "$plans" | sed -n 's/.*\(Index Scan using\|Bitmap Index Scan on\) \([a-z_]*\).*/\2/p'
}

# remember: what the database in use has is what the others are compared with
remember() {
    sketches_before=$(query "$sketches")
    uses_before=$(query "$uses")
    scans_before=$(scan_names)
}

# compare NAME: the database in use has what was remembered
compare() {
    expect "$1: sketches" "$sketches_before" "$(query "$sketches")"
    expect "$1: what uses them" "$uses_before" "$(query "$uses")"
    expect "$1: indexes" "$scans_before" "$(scan_names)"
}

# dump OPTION...: pg_dump without the key that newer ones make up for psql, different on each run
dump() {
    "$PG_BIN/pg_dump" "$@" | sed '/^\\\(un\)\?restrict /d'
}
