-- What docs/windows.md says of distinct counts over time, of histories that are drawn by hashes: some days are empty, some users are
-- NULL, some histories are long. Each answer is compared with PostgreSQL's own.
CREATE TABLE histories AS
    SELECT h, 10 + (cvm_hash(h, 1) & 31)::integer AS days, 20 + (cvm_hash(h, 2) & 1023) AS pool, 1 + (cvm_hash(h, 3) & 127)::integer AS busiest
    FROM generate_series(1, 16) h;
CREATE TABLE visits AS
    SELECT h, date '2026-02-20' + day AS day,
           CASE WHEN cvm_hash(ROW(h, day, i), 1) & 15 > 0 THEN 'user ' || day * 5 + (cvm_hash(ROW(h, day, i), 2) & 1048575) % pool END AS user_id
    FROM histories, generate_series(0, days - 1) day, generate_series(1, busiest) i
    WHERE cvm_hash(ROW(h, day), 3) & 7 > 0 AND i <= 1 + (cvm_hash(ROW(h, day), 4) & 1048575) % busiest;
CREATE INDEX ON visits (h, day);
CREATE TABLE calendar AS
    SELECT h, date '2026-02-20' + day AS day FROM histories, generate_series(0, days - 1) day;

-- The fine sketches are exact, and the coarse ones of many levels.
CREATE TABLE daily AS
    SELECT h, day, cvm_sketch_agg(user_id) AS fine, cvm_sketch_agg(user_id, 0.5, 0.1) AS coarse FROM visits GROUP BY h, day;

SELECT count(*) > 10000 AS many, bool_or(user_id IS NULL) AS with_nulls,
       (SELECT count(*) FROM calendar) - count(DISTINCT (h, day)) > 20 AS with_empty_days,
       (SELECT bool_and((cvm_sketch_info(fine)).is_exact) FROM daily) AS fine_are_exact,
       (SELECT max((cvm_sketch_info(coarse)).level) > 8
        FROM (SELECT cvm_sketch_union_agg(coarse) AS coarse FROM daily GROUP BY h) q) AS coarse_are_not
FROM visits;

-- Windows over rows, over sketches, and over sketches that are made at once.
CREATE TABLE actives AS
    SELECT DISTINCT h, day,
           approx_count_distinct_cvm(user_id) OVER (PARTITION BY h ORDER BY day RANGE CURRENT ROW) AS daily,
           approx_count_distinct_cvm(user_id) OVER (PARTITION BY h ORDER BY day RANGE '6 days' PRECEDING) AS weekly,
           approx_count_distinct_cvm(user_id) OVER (PARTITION BY h ORDER BY day RANGE '27 days' PRECEDING) AS monthly,
           approx_count_distinct_cvm(user_id) OVER (PARTITION BY h ORDER BY day) AS total,
           cvm_sketch_agg(user_id, 0.5, 0.1) OVER (PARTITION BY h ORDER BY day RANGE '6 days' PRECEDING) AS coarse
    FROM visits;

CREATE FUNCTION exact(history integer, first date, last date) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(DISTINCT user_id) FROM visits WHERE h = history AND day BETWEEN first AND last
$$;

SELECT count(*) FILTER (WHERE daily <> exact(h, day, day) OR weekly <> exact(h, day - 6, day)
                           OR monthly <> exact(h, day - 27, day) OR total <> exact(h, '2026-02-01', day)) AS wrong, count(*) > 300 AS many
FROM actives;

SELECT count(*) FILTER (WHERE actives <> of_sketches) AS wrong, count(*) = (SELECT count(*) FROM actives) AS all_days
FROM actives
JOIN (SELECT h, day, # fine AS daily,
             # cvm_sketch_union_agg(fine) OVER (PARTITION BY h ORDER BY day RANGE '6 days' PRECEDING) AS weekly,
             # cvm_sketch_union_agg(fine) OVER (PARTITION BY h ORDER BY day RANGE '27 days' PRECEDING) AS monthly,
             # cvm_sketch_union_agg(fine) OVER (PARTITION BY h ORDER BY day) AS total,
             cvm_sketch_union_agg(coarse) OVER (PARTITION BY h ORDER BY day RANGE '6 days' PRECEDING) AS coarse
      FROM daily) of_sketches USING (h, day);

SELECT count(*) FILTER (WHERE actives <> at_once) AS wrong, count(*) = (SELECT count(*) FROM actives) AS all_days
FROM actives
JOIN (SELECT h, day, # cvm_sketch_agg(user_id) AS daily,
             # cvm_sketch_union_agg(cvm_sketch_agg(user_id)) OVER (PARTITION BY h ORDER BY day RANGE '6 days' PRECEDING) AS weekly,
             # cvm_sketch_union_agg(cvm_sketch_agg(user_id)) OVER (PARTITION BY h ORDER BY day RANGE '27 days' PRECEDING) AS monthly,
             # cvm_sketch_union_agg(cvm_sketch_agg(user_id)) OVER (PARTITION BY h ORDER BY day) AS total,
             cvm_sketch_union_agg(cvm_sketch_agg(user_id, 0.5, 0.1)) OVER (PARTITION BY h ORDER BY day RANGE '6 days' PRECEDING) AS coarse
      FROM visits GROUP BY h, day) at_once USING (h, day);

-- A calendar, so that days on which nobody came have a line.
CREATE TABLE comings AS
    SELECT h, day, coalesce(fine, cvm_sketch_empty()) AS fine, coalesce(coarse, cvm_sketch_empty()) AS coarse,
           cvm_sketch_union_agg(fine) OVER week AS week, cvm_sketch_union_agg(fine) OVER week_ago AS week_ago,
           cvm_sketch_union_agg(fine) OVER before AS before, cvm_sketch_union_agg(coarse) OVER week AS coarse_week,
           cvm_sketch_union_agg(coarse) OVER week_ago AS coarse_week_ago, cvm_sketch_union_agg(coarse) OVER before AS coarse_before
    FROM calendar LEFT JOIN daily USING (h, day)
    WINDOW week AS (PARTITION BY h ORDER BY day RANGE '6 days' PRECEDING),
           week_ago AS (PARTITION BY h ORDER BY day RANGE BETWEEN '7 days' PRECEDING AND '7 days' PRECEDING),
           before AS (PARTITION BY h ORDER BY day RANGE BETWEEN UNBOUNDED PRECEDING AND '1 day' PRECEDING);

SELECT count(*) FILTER (WHERE # week <> exact(h, day - 6, day)) AS wrong, count(*) FILTER (WHERE # fine = 0) > 20 AS with_empty_days,
       (SELECT count(*) > 20
        FROM (SELECT # week <> # cvm_sketch_union_agg(fine) OVER (PARTITION BY h ORDER BY day ROWS 6 PRECEDING) AS differs
              FROM comings WHERE # fine > 0) by_rows WHERE differs) AS rows_are_not_days
FROM comings;

-- New, returning and lost users, and the share of the week's users who came on the day. Bounds of a small sketch are wide.
CREATE TABLE exact_comings AS
    SELECT h, day, count(*) FILTER (WHERE first_day = day) AS new,
           count(*) FILTER (WHERE first_day < day AND last_day = day) AS returning_users,
           count(*) FILTER (WHERE last_day = day - 7) AS lost, count(*) FILTER (WHERE last_day = day) AS daily,
           count(*) FILTER (WHERE last_day >= day - 6) AS weekly
    FROM calendar
    LEFT JOIN LATERAL (SELECT min(v.day) AS first_day, max(v.day) AS last_day
                       FROM visits v WHERE v.h = calendar.h AND v.day <= calendar.day AND user_id IS NOT NULL GROUP BY user_id) users ON true
    GROUP BY h, day;

SELECT count(*) FILTER (WHERE new <> # (fine - before)) AS new, count(*) FILTER (WHERE returning_users <> # (fine & before)) AS returning_users,
       count(*) FILTER (WHERE lost <> # (week_ago - week)) AS lost,
       count(*) FILTER (WHERE (SELECT (estimate, lower, upper) <> (new, new, new) FROM cvm_sketch_difference_bounds(fine, before))) AS bounds,
       count(*) FILTER (WHERE weekly > 0 AND (SELECT estimate FROM cvm_sketch_containment(week, fine)) <> daily / weekly::float8) AS stickiness
FROM comings JOIN exact_comings USING (h, day);

SELECT count(*) FILTER (WHERE new NOT BETWEEN n.lower AND n.upper) AS new,
       count(*) FILTER (WHERE returning_users NOT BETWEEN r.lower AND r.upper) AS returning_users,
       count(*) FILTER (WHERE lost NOT BETWEEN l.lower AND l.upper) AS lost,
       count(*) FILTER (WHERE n.lower < n.upper) > 100 AND count(*) FILTER (WHERE l.lower < l.upper) > 100 AS approximate
FROM comings JOIN exact_comings USING (h, day), cvm_sketch_difference_bounds(coarse, coarse_before, 0.999999) n,
     cvm_sketch_intersection_bounds(coarse, coarse_before, 0.999999) r,
     cvm_sketch_difference_bounds(coarse_week_ago, coarse_week, 0.999999) l;

-- Retention of the newcomers of a week in all weeks that follow.
CREATE TABLE weekly AS
    SELECT h, date_trunc('week', day)::date AS week, cvm_sketch_union_agg(fine) AS users FROM daily GROUP BY h, week;
CREATE TABLE newcomers AS
    SELECT h, week, users - cvm_sketch_union_agg(users) OVER (PARTITION BY h ORDER BY week ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS users
    FROM weekly;
CREATE TABLE exact_retention AS
    WITH firsts AS (SELECT h, user_id, date_trunc('week', min(day))::date AS cohort FROM visits WHERE user_id IS NOT NULL GROUP BY h, user_id)
    SELECT h, cohort, date_trunc('week', day)::date AS week, count(DISTINCT user_id) AS users
    FROM visits JOIN firsts USING (h, user_id) GROUP BY h, cohort, week;

SELECT count(*) FILTER (WHERE coalesce(e.users, 0) <> # (n.users & w.users)) AS wrong,
       count(*) FILTER (WHERE coalesce(e.users, 0) <> (SELECT estimate FROM cvm_sketch_intersection_bounds(n.users, w.users))) AS by_bounds,
       count(*) > 200 AS many, sum(e.users) = (SELECT sum(users) FROM exact_retention) AS all_of_them
FROM newcomers n JOIN weekly w ON w.h = n.h AND w.week >= n.week
LEFT JOIN exact_retention e ON (e.h, e.cohort, e.week) = (n.h, n.week, w.week);

-- Every range of days from two blocks, which are made at once; and from such as are added day by day, before late rows come.
CREATE TABLE blocks (h integer, level integer, day date, users cvm_sketch NOT NULL, PRIMARY KEY (h, level, day));

INSERT INTO blocks
    SELECT last.h, level, last.day, cvm_sketch_union_agg(coarse)
    FROM generate_series(0, 5) level JOIN calendar last ON last.day > date '2026-02-19' + (1 << level) - 1
    JOIN calendar part ON part.h = last.h AND part.day BETWEEN last.day - (1 << level) + 1 AND last.day
    LEFT JOIN daily ON (daily.h, daily.day) = (part.h, part.day)
    GROUP BY last.h, level, last.day;

CREATE TABLE added_blocks (LIKE blocks INCLUDING ALL);

CREATE FUNCTION users_between(history integer, first date, last date) RETURNS cvm_sketch STABLE LANGUAGE sql AS $$
    SELECT a.users || z.users
    FROM (SELECT max(level) AS level FROM generate_series(0, 30) level WHERE 1::bigint << level <= last - first + 1) longest
    JOIN blocks a ON a.h = history AND a.level = longest.level AND a.day = first + (1 << longest.level) - 1
    JOIN blocks z ON z.h = history AND z.level = longest.level AND z.day = last
$$;

SELECT count(*) FILTER (WHERE users_between(h, first, last) IS DISTINCT FROM
                              (SELECT cvm_sketch_union_agg(coarse) FROM daily WHERE daily.h = ranges.h AND day BETWEEN first AND last)) AS wrong,
       count(*) > 1000 AS many
FROM (SELECT h, a.day AS first, z.day AS last FROM calendar a JOIN calendar z USING (h) WHERE z.day >= a.day AND h <= 6) ranges;

DO $$
DECLARE
    added record;
BEGIN
    FOR added IN SELECT * FROM calendar ORDER BY day LOOP
        WITH RECURSIVE new_blocks AS (
            SELECT added.h, 0 AS level, added.day,
                   (SELECT cvm_sketch_agg(user_id, 0.5, 0.1) FROM visits WHERE h = added.h AND day = added.day) AS users
            UNION ALL
            SELECT n.h, n.level + 1, n.day, n.users || earlier.users
            FROM new_blocks n JOIN added_blocks earlier ON earlier.h = n.h AND earlier.level = n.level AND earlier.day = n.day - (1 << n.level)
        )
        INSERT INTO added_blocks SELECT * FROM new_blocks;
    END LOOP;
END $$;

SELECT count(*) FILTER (WHERE blocks.users IS DISTINCT FROM added_blocks.users) AS wrong, count(*) > 1000 AS many
FROM blocks FULL JOIN added_blocks USING (h, level, day);

UPDATE blocks SET users = users || late
FROM (SELECT h, cvm_sketch_agg('late user ' || user_id, 0.5, 0.1) AS late FROM visits WHERE day = '2026-02-25' GROUP BY h) q
WHERE blocks.h = q.h AND date '2026-02-25' BETWEEN day - (1 << level) + 1 AND day;

SELECT count(*) FILTER (WHERE users_between(h, first, last) IS DISTINCT FROM
                              (SELECT cvm_sketch_agg(user_id, 0.5, 0.1)
                               FROM (SELECT h, day, user_id FROM visits
                                     UNION ALL SELECT h, day, 'late user ' || user_id FROM visits WHERE day = '2026-02-25') v
                               WHERE v.h = ranges.h AND day BETWEEN first AND last)) AS wrong,
       count(*) > 300 AS many
FROM (SELECT h, a.day AS first, z.day AS last FROM calendar a JOIN calendar z USING (h) WHERE z.day >= a.day AND h <= 3) ranges;

-- The exact form: gaps and islands.
SELECT count(*) FILTER (WHERE active IS DISTINCT FROM exact(h, day - days + 1, day)) AS wrong, count(*) > 1000 AS many
FROM (SELECT h, days, day, sum(coalesce(change, 0)) OVER (PARTITION BY h, days ORDER BY day) AS active
      FROM calendar CROSS JOIN (VALUES (1), (7), (28)) lengths (days)
      LEFT JOIN (SELECT h, days, e.day, sum(e.change) AS change
                 FROM (SELECT h, day, lag(day) OVER by_user AS before, lead(day) OVER by_user AS after
                       FROM (SELECT DISTINCT h, user_id, day FROM visits WHERE user_id IS NOT NULL) d
                       WINDOW by_user AS (PARTITION BY h, user_id ORDER BY day)) v,
                      (VALUES (1), (7), (28)) lengths (days),
                      LATERAL (SELECT v.day, 1 AS change WHERE before IS NULL OR v.day - before >= days
                               UNION ALL SELECT v.day + days, -1 WHERE after IS NULL OR after - v.day >= days) e
                 GROUP BY h, days, e.day) changes USING (h, days, day)) w;

-- A rollup whose batches come in any order, late, and again. Sums have nothing of this.
CREATE TABLE arrivals AS
    SELECT h, day, user_id,
           (cvm_hash(ROW(h, day, user_id), 8) & 7)::integer + CASE WHEN cvm_hash(ROW(h, user_id, day), 9) & 3 = 0 THEN 8 ELSE 0 END AS batch
    FROM visits;
CREATE TABLE rollup (way text, h integer, day date, users cvm_sketch NOT NULL, views bigint NOT NULL, PRIMARY KEY (way, h, day));

CREATE FUNCTION load(load_way text, number integer) RETURNS SETOF rollup LANGUAGE sql AS $$
    INSERT INTO rollup AS r
        SELECT load_way, h, day, cvm_sketch_agg(user_id, 0.5, 0.1), count(*) FROM arrivals WHERE batch = number GROUP BY h, day ORDER BY h, day
        ON CONFLICT (way, h, day) DO UPDATE SET users = r.users || excluded.users, views = r.views + excluded.views
        RETURNING *
$$;
CREATE FUNCTION load_what_changes(load_way text, number integer) RETURNS SETOF rollup LANGUAGE sql AS $$
    INSERT INTO rollup AS r
        SELECT load_way, h, day, cvm_sketch_agg(user_id, 0.5, 0.1), count(*) FROM arrivals WHERE batch = number GROUP BY h, day ORDER BY h, day
        ON CONFLICT (way, h, day) DO UPDATE SET users = r.users || excluded.users, views = r.views + excluded.views
        WHERE r.users <> r.users || excluded.users
        RETURNING *
$$;

DO $$
DECLARE
    number integer;
    drawn integer;
BEGIN
    FOR number IN 0..15 LOOP
        PERFORM load('in order', number);
        PERFORM load('backwards', 15 - number);
        PERFORM load('each twice', number);
        PERFORM load('each twice', number);
    END LOOP;
    FOR drawn IN SELECT n FROM generate_series(0, 15) n ORDER BY cvm_hash(n, 5) LOOP
        PERFORM load('drawn, with replays', drawn);
        PERFORM load('drawn, with replays', (cvm_hash(drawn, 6) & 15)::integer);
        PERFORM load_what_changes('what changes', drawn);
        PERFORM load_what_changes('what changes', (cvm_hash(drawn, 6) & 15)::integer);
    END LOOP;
END $$;

SELECT way, count(*) = (SELECT count(*) FROM daily) AS all_days, count(*) FILTER (WHERE users <> coarse) AS wrong,
       sum(views) = (SELECT count(*) FROM visits) AS views_count_once
FROM rollup JOIN daily USING (h, day) GROUP BY way ORDER BY way;

SELECT count(*) AS written FROM generate_series(0, 15) number, load_what_changes('in order', number);

-- A statement that rolls back leaves nothing behind, and may come again.
BEGIN;
INSERT INTO arrivals SELECT h, day, 'in doubt ' || user_id, 16 FROM visits WHERE day < '2026-03-01';
SELECT count(*) > 0 AS written FROM load('in order', 16);
ROLLBACK;

SELECT count(*) FILTER (WHERE users <> coarse) AS wrong FROM rollup JOIN daily USING (h, day) WHERE way = 'in order';

-- Batches of another accuracy unite at the coarser one, and of another seed not at all.
INSERT INTO rollup AS r SELECT 'in order', h, day, cvm_sketch_agg(user_id, 0.03), 0
    FROM arrivals WHERE batch = 3 GROUP BY h, day
    ON CONFLICT (way, h, day) DO UPDATE SET users = r.users || excluded.users;

SELECT count(*) FILTER (WHERE users <> coarse) AS wrong FROM rollup JOIN daily USING (h, day) WHERE way = 'in order';

INSERT INTO rollup AS r SELECT 'in order', h, day, cvm_sketch_agg(user_id, 0.5, 0.1, 1), 0
    FROM arrivals WHERE user_id IS NOT NULL AND batch = 3 GROUP BY h, day
    ON CONFLICT (way, h, day) DO UPDATE SET users = r.users || excluded.users;

-- A trigger for each statement, of which some insert nothing, or nobody, and some are undone. Each undone one is a transaction of its own:
-- where a subtransaction is undone that has updated a value in TOAST by ON CONFLICT, the next such update of the row, in the same
-- transaction, fails an assertion of PostgreSQL's, whatever the value is.
CREATE TABLE events (h integer, day date, user_id text);
CREATE TABLE events_daily (h integer, day date, users cvm_sketch NOT NULL, PRIMARY KEY (h, day));

CREATE FUNCTION roll_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events_daily AS r
        SELECT h, day, cvm_sketch_agg(user_id, 0.5, 0.1) FROM inserted GROUP BY h, day ORDER BY h, day
        ON CONFLICT (h, day) DO UPDATE SET users = r.users || excluded.users;
    RETURN NULL;
END $$;
CREATE TRIGGER roll_up AFTER INSERT ON events REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION roll_up();

DO $$
BEGIN
    FOR number IN 0..17 LOOP
        INSERT INTO events SELECT h, day, user_id FROM arrivals WHERE batch = number;
        COMMIT;
        INSERT INTO events SELECT h, day, 'undone ' || user_id FROM arrivals WHERE batch = number;
        ROLLBACK;
    END LOOP;
    INSERT INTO events SELECT h, day, NULL FROM visits;
    INSERT INTO events SELECT h, day, user_id FROM visits WHERE cvm_hash(user_id) & 1 = 0;
END $$;

SELECT count(*) FILTER (WHERE users <> coarse) AS wrong, count(*) = (SELECT count(*) FROM daily) AS all_days
FROM events_daily JOIN daily USING (h, day);

-- Users by the number of days they came: exact where all fit into the sample, and of each that is in it where not.
CREATE TABLE days_of_users AS
    SELECT h, user_id, count(DISTINCT day) AS days FROM visits WHERE user_id IS NOT NULL GROUP BY h, user_id;

SELECT count(*) FILTER (WHERE days IS DISTINCT FROM occurrences) AS wrong, count(*) > 1000 AS many
FROM (SELECT h, value AS user_id, occurrences
      FROM (SELECT h, cvm_sample_union_agg(sample) AS sample
            FROM (SELECT h, cvm_sample_agg(DISTINCT user_id, 100000) AS sample FROM visits GROUP BY h, day) q GROUP BY h) q,
           cvm_sample_values(sample, NULL::text)) approx
FULL JOIN days_of_users USING (h, user_id);

CREATE TABLE few AS
    SELECT h, cvm_sample_union_agg(sample) AS sample
    FROM (SELECT h, cvm_sample_agg(DISTINCT user_id, 64) AS sample FROM visits GROUP BY h, day) q GROUP BY h;

SELECT count(*) FILTER (WHERE days IS DISTINCT FROM occurrences) AS wrong, count(*) > 300 AS many,
       count(*) FILTER (WHERE weight > 1) > 200 AS sampled
FROM (SELECT h, value AS user_id, occurrences, weight FROM few, cvm_sample_values(sample, NULL::text)) v LEFT JOIN days_of_users USING (h, user_id);

SELECT count(*) FILTER (WHERE exact NOT BETWEEN lower AND upper) AS wrong, count(*) FILTER (WHERE lower < upper) > 20 AS approximate
FROM (SELECT h, least(days, 4) AS days, count(*) AS exact FROM days_of_users GROUP BY 1, 2) raw JOIN few USING (h),
     LATERAL (SELECT count(*) AS matching FROM cvm_sample_values(sample, NULL::text) WHERE least(occurrences, 4) = days) asked,
     cvm_sample_bounds(sample, matching, 0.999999);

DROP FUNCTION exact, users_between, load, load_what_changes;
DROP TABLE histories, visits, calendar, daily, actives, comings, exact_comings, weekly, newcomers, exact_retention, blocks, added_blocks, arrivals,
    rollup, events, events_daily, days_of_users, few;
DROP FUNCTION roll_up;
