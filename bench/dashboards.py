"""Ten queries as dashboards write them, all with count(DISTINCT): exact, and approximated on request, the same SQL.

Each query runs with and without cvm_count.count_distinct_epsilon, interleaved, each round in a warmed session of its own, with and
without parallel workers. Times are medians. It connects to the server that the environment points to (bench/run starts one). The results of other
versions of PostgreSQL stay."""

import argparse
import os
import statistics
from decimal import Decimal

from bench import HERE, Server, machine, progress, recorded

TABLES = {
    "pages": "SELECT i AS page, 'category ' || i % 40 AS category FROM generate_series(0, 3999) i",
    "visits": "SELECT hashint8extended(i, 1) & {visitors} AS visitor, hashint8extended(i, 2) & {sessions} AS session, "
              "(hashint8extended(i, 3) & 4095)::int * 125 / 128 AS page, "
              "(ARRAY['ch', 'de', 'fr', 'it', 'at', 'uk', 'us', 'es'])[1 + (hashint8extended(i, 4) & 7)] AS country, "
              "(ARRAY['phone', 'tablet', 'desktop', 'phone'])[1 + (hashint8extended(i, 5) & 3)] AS device, "
              "md5((hashint8extended(i, 1) & {visitors})::text) AS cookie, "
              "'2026-01-01'::timestamptz + (i * {days}::float8 / {rows}) * interval '1 day' AS at, (i % 90)::numeric / 10 AS amount "
              "FROM generate_series(0::bigint, {rows} - 1) i",
}

QUERIES = {
    "visitors": "SELECT count(DISTINCT visitor) FROM visits",
    "visitors by country": "SELECT country, count(DISTINCT visitor) FROM visits GROUP BY country ORDER BY 2 DESC",
    "visitors by day": "SELECT date_trunc('day', at) AS day, count(DISTINCT visitor) FROM visits GROUP BY 1 ORDER BY 1",
    "visitors, visits and sales by month and country":
        "SELECT date_trunc('month', at) AS month, country, count(DISTINCT visitor), count(*), sum(amount) FROM visits GROUP BY 1, 2 ORDER BY 1, 2",
    "the ten pages with most visitors": "SELECT page, count(DISTINCT cookie) FROM visits GROUP BY page ORDER BY 2 DESC, 1 LIMIT 10",
    "visitors and sessions by device": "SELECT device, count(DISTINCT visitor), count(DISTINCT session) FROM visits GROUP BY device ORDER BY 1",
    "a funnel": "SELECT count(DISTINCT visitor), count(DISTINCT visitor) FILTER (WHERE page < 2000), "
                "count(DISTINCT visitor) FILTER (WHERE page < 200), count(DISTINCT visitor) FILTER (WHERE amount > 5) FROM visits",
    "totals and subtotals": "SELECT country, device, count(DISTINCT visitor) FROM visits GROUP BY ROLLUP (country, device) ORDER BY 1, 2",
    "categories, joined": "SELECT category, count(DISTINCT cookie) AS visitors FROM visits JOIN pages USING (page) GROUP BY category "
                          "HAVING count(DISTINCT cookie) > 100 ORDER BY 2 DESC, 1",
    "each country's share": "WITH total AS (SELECT count(DISTINCT visitor) AS n FROM visits) "
                            "SELECT country, count(DISTINCT visitor) AS visitors, 100.0 * count(DISTINCT visitor) / (SELECT n FROM total) AS percent "
                            "FROM visits GROUP BY country ORDER BY country",
}


def rounds(query, runs, workers):
    """The times and the rows of both forms of a query: epsilon -> (seconds, rows)."""
    times, answers = {"0": [], "0.03": []}, {}
    for _ in range(runs):
        with Server({"max_parallel_workers_per_gather": workers, "work_mem": "256MB"}) as session:
            session.all(query)
            for epsilon in times:
                session.all(f"SET cvm_count.count_distinct_epsilon = {epsilon}")
                seconds, answers[epsilon] = session.timed(query)
                times[epsilon].append(seconds)
    return {epsilon: (statistics.median(seconds), answers[epsilon]) for epsilon, seconds in times.items()}


def largest_error(exact, approximate):
    """In percent, over all counts of rows that both answers have."""
    def counts(rows):
        return {(tuple(value for value in row if not isinstance(value, (int, Decimal))), i): value
                for row in rows for i, value in enumerate(row) if isinstance(value, int)}
    exact, approximate = counts(exact), counts(approximate)
    return max(100 * abs(approximate[key] / exact[key] - 1) for key in exact.keys() & approximate.keys() if exact[key])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the table of visits (default: 2,000,000)")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each query (default: 5)")
    parser.add_argument("--out", default=os.path.join(HERE, "results"), help="folder for the CSV")
    parser.add_argument("--commit", default="unknown", help="recorded with the results")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)

    server = Server()
    server.all("CREATE EXTENSION IF NOT EXISTS cvm_count")
    server.all("ALTER DATABASE postgres SET session_preload_libraries = 'cvm_count'")
    # About a tenth and a fifth of the rows, as all the low bits of a hash.
    sizes = {"rows": arguments.rows, "days": 90, "visitors": 2 ** (arguments.rows // 10).bit_length() - 1,
             "sessions": 2 ** (arguments.rows // 5).bit_length() - 1}
    for name, create in TABLES.items():
        progress(f"making {name}")
        server.all(f"CREATE TABLE {name} AS {create.format(**sizes)}")
        server.all(f"VACUUM (FREEZE, ANALYZE) {name}")
    about = machine(server, arguments.commit)
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(f"{'query':48} {'workers':>7} {'exact ms':>9} {'approx ms':>9} {'times':>6} {'error':>8}")
    results = []
    for name, query in QUERIES.items():
        for workers in ["0", "2"]:
            progress(f"{name}, {workers} workers")
            both = rounds(query, arguments.runs, workers)
            (exact, exact_rows), (approximate, rows) = both["0"], both["0.03"]
            error = largest_error(exact_rows, rows)
            results.append(dict(query=name, workers=workers, exact_ms=1e3 * exact, approximate_ms=1e3 * approximate,
                                times_faster=exact / approximate, largest_error_percent=error, **about))
            print(f"{name:48} {workers:>7} {1e3 * exact:9.0f} {1e3 * approximate:9.0f} {exact / approximate:6.2f} {error:6.2f} %", flush=True)
    recorded(os.path.join(arguments.out, "dashboards.csv"), list(QUERIES), results, "query")


if __name__ == "__main__":
    main()
