"""Runs the dbt projects in the folder that is the argument: visitors, over visits that are drawn at random, and settings. Prints a line for
each check: its name, what is right, and what was found. Called by tests/servers/dbt. (Its name may not begin as dbt's plugins do.)"""

import contextlib
import os
import random
import sys
import threading
import time

import psycopg2
from dbt.cli.main import dbtRunner

FOLDER = sys.argv[1]
DAYS = 75
# Up to here a sketch at the default accuracy is exact.
EXACT = 8516

draw = random.Random(20261130)
database = psycopg2.connect("")
database.autocommit = True


def query(sql, *arguments):
    with database.cursor() as cursor:
        cursor.execute(sql, arguments or None)
        return cursor.fetchall() if cursor.description else []


def check(name, right, found):
    print(name, right, found, sep="\t", file=checks)


def dbt(project, *command):
    """Runs a command in a project, and says whether all went well. If not, dbt prints why."""
    folder = f"{FOLDER}/{project}"
    return dbtRunner().invoke([
        "--quiet", "--no-send-anonymous-usage-stats", *command, "--project-dir", folder, "--profiles-dir", f"{FOLDER}/visitors",
        "--target-path", f"{folder}/target", "--log-path", f"{folder}/logs"]).success


def insert(visits, connection=database, arrived_at="now()"):
    """Rows of the day since the first, which may be None, and a visitor. When they arrive may depend on the day."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO visits
                SELECT timestamptz '2026-01-01 00:00 Z' + day * interval '1 day' + (cvm_hash(visitor, day) & 65535) * interval '1.3 seconds',
                       visitor, {arrived_at}
                FROM unnest(%s::integer[], %s::bigint[]) v (day, visitor)""",
            ([day for day, _ in visits], [visitor for _, visitor in visits]))


def let_days_pass():
    """So that runs do not read again what earlier ones have read."""
    query("""
        UPDATE visits SET arrived_at = arrived_at - interval '2 days';
        UPDATE analytics.daily_visitors SET arrived_until = arrived_until - interval '2 days'""")


def drawn(days):
    """Up to 200 visits for each of these days; of every fortieth day, more than are counted exactly. Some have no visitor, or no day."""
    visits = []
    for day in days:
        busy = day % 40 == 10
        for _ in range(draw.randrange(*((11000, 12000) if busy else (1, 200)))):
            visits.append((None if draw.random() < 0.01 else day, None if draw.random() < 0.01 else draw.randrange(30000 if busy else 3000)))
    return visits


STORED = "SELECT string_agg(day || ' ' || md5(visitors::bytea), ',' ORDER BY day) FROM analytics.daily_visitors"
OF_ALL_ROWS = """
    SELECT string_agg(day || ' ' || md5(visitors::bytea), ',' ORDER BY day)
    FROM (SELECT (visited_at AT TIME ZONE 'UTC')::date AS day, cvm_sketch_agg(visitor) AS visitors
          FROM visits WHERE visited_at IS NOT NULL GROUP BY day) d"""
# Each number of the view beside the exact one, by a join with all rows from the first day of its window on.
WINDOWS = f"""
    WITH v AS MATERIALIZED (SELECT (visited_at AT TIME ZONE 'UTC')::date AS day, visitor FROM visits WHERE visited_at IS NOT NULL),
    calendar AS (SELECT day::date FROM generate_series((SELECT min(day) FROM v)::timestamp, (SELECT max(day) FROM v), '1 day') day),
    exact AS (
        SELECT day, name, (SELECT count(DISTINCT visitor) FROM v WHERE v.day BETWEEN first AND calendar.day) AS exact
        FROM calendar, LATERAL (VALUES ('daily', day), ('last_7_days', day - 6), ('last_28_days', day - 27),
                                       ('week_to_date', day - (extract(isodow FROM day)::integer - 1)),
                                       ('month_to_date', day - (extract(day FROM day)::integer - 1))) w (name, first)),
    shown AS (
        SELECT day, key AS name, value::bigint AS number
        FROM analytics.active_visitors a, jsonb_each_text(to_jsonb(a) - 'day'))
    SELECT count(*), count(exact) FILTER (WHERE exact > {EXACT}),
           count(*) FILTER (WHERE CASE WHEN exact <= {EXACT} THEN number = exact ELSE abs(number - exact) <= 0.03 * exact END),
           count(*) FILTER (WHERE name = 'daily' AND exact = 0)
    FROM exact FULL JOIN shown USING (day, name)"""


def check_sketches(name):
    """They are those of all rows, to the byte."""
    check(f"{name}: the sketches", query(OF_ALL_ROWS)[0][0], query(STORED)[0][0])


def check_windows(name):
    numbers, above, right, empty = query(WINDOWS)[0]
    check(f"{name}: {numbers} numbers of the view, {above} of them above the exact range", numbers, right)
    return numbers, above, empty


def visitors():
    """Rounds of new days and late rows, of replays, deletions and runs at once."""
    query("""
        CREATE EXTENSION cvm_count;
        CREATE TABLE visits (visited_at timestamptz, visitor bigint, arrived_at timestamptz NOT NULL DEFAULT now());
        CREATE INDEX ON visits (arrived_at)""")
    check("of no rows: dbt build", True, dbt("visitors", "build"))
    check("of no rows: the view", 0, query("SELECT count(*) FROM analytics.active_visitors")[0][0])

    # Three days in the middle have no rows yet.
    insert(drawn(day for day in range(DAYS) if day not in (44, 45, 46)), arrived_at=f"now() - ({DAYS} - coalesce(day, 0)) * interval '1 day'")
    check("the first rows: dbt run", True, dbt("visitors", "run"))
    check_sketches("the first rows")
    numbers, above, empty = check_windows("the first rows")
    check("the first rows: the numbers are of both kinds, and of all days", True, 0 < above < numbers == 5 * DAYS)
    check("the first rows: days without any have a line", 3, empty)

    before = query(STORED)
    check("no new rows: dbt run", True, dbt("visitors", "run"))
    check("no new rows: the same bytes", before, query(STORED))

    let_days_pass()
    # Late ones, some of days before the first and between; days that are new; and one of a clock that is ahead, which must not keep out
    # those that follow.
    insert(drawn([-3, 0, 45, *(draw.randrange(DAYS) for _ in range(12)), DAYS, DAYS + 2]))
    query("INSERT INTO visits VALUES ('2026-02-02 12:00 Z', 4711, now() + interval '10 days')")
    check("late rows: dbt run", True, dbt("visitors", "run"))
    check_sketches("late rows")
    check_windows("late rows")

    let_days_pass()
    before = query(STORED)
    replayed = sorted(draw.sample(range(DAYS), 8))
    query("""INSERT INTO visits SELECT visited_at, visitor FROM visits
             WHERE (visited_at AT TIME ZONE 'UTC')::date - date '2026-01-01' = ANY (%s)""", replayed)
    check("a replay of eight days: dbt run", True, dbt("visitors", "run"))
    check("a replay of eight days: the same bytes", before, query(STORED))

    let_days_pass()
    # They arrived when their transaction began, which ends after the next run has read what arrived later.
    slow = psycopg2.connect("")
    with slow.cursor() as cursor:
        cursor.execute("SELECT now()")
    insert(drawn([20, 21, 90]), slow)
    insert(drawn([21, 22, 91]))
    check("a transaction that takes long: dbt run before it ends", True, dbt("visitors", "run"))
    slow.commit()
    check("a transaction that takes long: dbt run after it", True, dbt("visitors", "run"))
    check_sketches("a transaction that takes long")

    let_days_pass()
    # Another run is under way: it has written, and has not committed.
    with slow.cursor() as cursor:
        cursor.execute("LOCK TABLE analytics.daily_visitors IN SHARE ROW EXCLUSIVE MODE")
        results = []
        run = threading.Thread(target=lambda: results.append(dbt("visitors", "run")))
        run.start()
        waits = """SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'analytics.daily_visitors'::regclass
                   AND mode = 'ShareRowExclusiveLock'"""
        until = time.monotonic() + 60
        while query(waits)[0][0] == 0 and run.is_alive() and time.monotonic() < until:
            time.sleep(0.05)
        check("two runs at once: one waits", 1, query(waits)[0][0])
        insert(drawn([50, 51]))
        cursor.execute("""
            INSERT INTO analytics.daily_visitors
                SELECT '2027-01-01', cvm_sketch_agg(visitor), now() FROM visits WHERE visited_at < '2026-01-10'""")
        cursor.execute("INSERT INTO visits SELECT '2027-01-01 12:00 Z', visitor FROM visits WHERE visited_at < '2026-01-10'")
    slow.commit()
    run.join()
    check("two runs at once: dbt run", [True], results)
    check("two runs at once: it goes on from what the other wrote", query(OF_ALL_ROWS)[0][0], query(STORED)[0][0])
    query("DELETE FROM visits WHERE visited_at >= '2027-01-01'")

    let_days_pass()
    # The day of the other run has no rows any more, and other days fewer. New rows of days that are not made anew come in too.
    query("DELETE FROM visits WHERE visited_at >= '2026-01-06 00:00 Z' AND visited_at < '2026-01-08 00:00 Z' AND visitor % 3 = 0")
    insert(drawn([33, 95]))
    check("rows are deleted: dbt run", True, dbt("visitors", "run", "--vars", "rebuild: '2026-01-06, 2026-01-07, 2027-01-01'"))
    check_sketches("rows are deleted")

    before = query(STORED)
    check("a full refresh: dbt build", True, dbt("visitors", "build", "--full-refresh"))
    check("a full refresh: the same bytes", before, query(STORED))
    check_windows("a full refresh")


def settings():
    """Which ways to give the setting reach a model."""
    exact, approximate = query("SELECT count(DISTINCT visitor), approx_count_distinct_cvm(visitor) FROM visits")[0]
    check("the two answers differ", True, exact != approximate)
    reached = {"hooked_in_its_file", "hooked_table", "hooked_incremental", "headed"}
    models = sorted(reached | {"plain", "hooked_view", "headed_view"})

    def check_models(name, reached):
        check(f"{name}: dbt run", True, dbt("settings", "run", "--full-refresh"))
        for model in models:
            said = query(f"SELECT array_agg(DISTINCT visitors) FROM analytics.{model}")[0][0]
            check(f"{name}: {model}", "approximate" if model in reached else "exact", {exact: "exact", approximate: "approximate"}.get(*said))

    check_models("hooks and headers", reached)
    check("an incremental run of a model with a hook: dbt run", True, dbt("settings", "run", "--select", "hooked_incremental"))
    check("an incremental run of a model with a hook", [(approximate,), (approximate,)], query("SELECT visitors FROM analytics.hooked_incremental"))
    os.environ["PGOPTIONS"] = "-c cvm_count.count_distinct_epsilon=0.03"
    check_models("PGOPTIONS", reached | {"plain"})
    with open(f"{FOLDER}/visitors/profiles.yml", "a") as profile:
        profile.write("      search_path: public\n")
    check_models("PGOPTIONS and a search_path in the profile", reached)


# dbt writes where it likes; the checks alone go to the standard output.
with open(os.dup(1), "w") as checks, contextlib.redirect_stdout(sys.stderr):
    visitors()
    settings()
