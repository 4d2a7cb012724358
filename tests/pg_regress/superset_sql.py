"""Prints sql/superset.sql: what Superset sends for a small dataset, as its own SQLAlchemy layer writes it, beside the same in plain SQL.

To print it anew, in an empty virtual environment of Python 3.11:
pip install apache-superset==VERSION flask-caching==2.3.1 cachetools psycopg2-binary
python .../tests/pg_regress/superset_sql.py >.../tests/pg_regress/sql/superset.sql
"""

import logging
import os
import tempfile
from datetime import datetime
from importlib.metadata import version

with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as config:
    config.write("SECRET_KEY = 'of no use to anybody, since nothing is kept'\nSQLALCHEMY_DATABASE_URI = 'sqlite://'\n")
    config.write("FILTER_STATE_CACHE_CONFIG = EXPLORE_FORM_DATA_CACHE_CONFIG = {'CACHE_TYPE': 'NullCache'}\n")
os.environ["SUPERSET_CONFIG_PATH"] = config.name
logging.disable()
output = os.dup(1)
os.dup2(2, 1)

from superset.app import create_app  # noqa: E402: it needs the configuration

application = create_app()
application.app_context().push()
os.unlink(config.name)
os.dup2(output, 1)

from superset.connectors.sqla.models import SqlaTable, SqlMetric, TableColumn  # noqa: E402: they need the application
from superset.exceptions import SupersetException  # noqa: E402
from superset.models.core import Database  # noqa: E402
from superset.sql.parse import SQLScript  # noqa: E402

# There is no server to be asked.
Database.get_default_schema = lambda self, catalog: "public"
database = Database(database_name="shop", sqlalchemy_uri="postgresql+psycopg2://superset@localhost/shop")
types = {"visitor": "BIGINT", "page": "TEXT", "country": "TEXT", "at": "TIMESTAMP WITHOUT TIME ZONE"}


def dataset(name, columns, **parameters):
    return SqlaTable(
        table_name=name,
        schema="superset",
        database=database,
        main_dttm_col="at" if "at" in columns else None,
        columns=[TableColumn(column_name=column, type=types[column], is_dttm=column == "at") for column in columns],
        metrics=[SqlMetric(metric_name="visitors", expression="COUNT(DISTINCT visitor)")],
        **parameters,
    )


visits = dataset("visits", types)
virtual = dataset("seen", types, sql="SELECT visitor, page, country, at FROM superset.visits WHERE page <> 'page 7'")
daily = dataset("daily", ["country", "at"])


def count(column):
    return {
        "expressionType": "SIMPLE", "aggregate": "COUNT_DISTINCT", "column": {"column_name": column}, "label": f"n of {column}",
    }


def custom(label, expression):
    return {"expressionType": "SQL", "sqlExpression": expression, "label": label}


def axis(grain):
    return {"columnType": "BASE_AXIS", "timeGrain": grain, "expressionType": "SQL", "sqlExpression": "at", "label": "at"}


def ask(source, **question):
    sql = source.get_query_str({"is_timeseries": False, **question})
    return sql.removesuffix(";").replace(" \n", "\n")


def refused(action):
    try:
        action()
    except SupersetException:
        return
    raise SystemExit("Superset takes what it did not take before")


# For # and a sketch, its parser finds no number on the left.
refused(lambda: ask(daily, metrics=[custom("n", "# cvm_sketch_union_agg(visitors)")]))
sketches = dataset("numbers", ["at"], sql="SELECT at, # visitors AS visitors FROM superset.daily")
refused(lambda: ask(sketches, metrics=["visitors"]))
refused(lambda: SQLScript("SELECT # visitors FROM superset.daily", "postgresql"))

january = {"granularity": "at", "from_dttm": datetime(2026, 1, 1), "to_dttm": datetime(2026, 2, 1)}
in_january = "at >= timestamp '2026-01-01' AND at < timestamp '2026-02-01'"
seen = f"{in_january} AND page <> 'page 7'"
top = "(SELECT country FROM visits WHERE {} GROUP BY country ORDER BY number(visitor) DESC LIMIT 2)"

# What is asked, what Superset sends for it, and the same by hand, where number(x) is to be count(DISTINCT x) and its like.
charts = [
    (
        "a number",
        ask(visits, metrics=[count("visitor"), "visitors"]),
        "SELECT number(visitor), number(visitor) FROM visits",
    ),
    (
        "a table",
        ask(
            visits,
            metrics=[count("visitor"), count("page")],
            columns=["country"],
            filter=[{"col": "page", "op": "NOT IN", "val": ["page 7", "page 8"]}],
            extras={"where": "visitor % 5 <> 2", "having": "COUNT(DISTINCT visitor) > 100"},
            orderby=[(count("visitor"), False)],
            row_limit=1000,
        ),
        "SELECT country, number(visitor), number(page) FROM visits WHERE visitor % 5 <> 2 AND page <> 'page 7' AND page <> 'page 8'"
        " GROUP BY country HAVING number(visitor) > 100",
    ),
    (
        "days of the largest series",
        ask(
            visits,
            **january,
            is_timeseries=True,
            metrics=[count("visitor")],
            columns=["country"],
            extras={"time_grain_sqla": "P1D"},
            filter=[{"col": "page", "op": "!=", "val": "page 7"}],
            series_columns=["country"],
            series_limit=2,
            series_limit_metric=count("visitor"),
            row_limit=10000,
        ),
        f"SELECT date_trunc('day', at), country, number(visitor) FROM visits WHERE {seen} AND country IN {top.format(seen)} GROUP BY 1, 2",
    ),
    (
        "weeks, and the other series",
        ask(
            visits,
            **january,
            is_timeseries=True,
            metrics=[count("visitor")],
            columns=["country"],
            extras={"time_grain_sqla": "P1W"},
            series_columns=["country"],
            series_limit=2,
            group_others_when_limit_reached=True,
        ),
        f"SELECT date_trunc('week', at), CASE WHEN country IN {top.format(in_january)} THEN country ELSE 'Others' END, number(visitor)"
        f" FROM visits WHERE {in_january} GROUP BY 1, 2",
    ),
    (
        "months on an axis",
        ask(
            visits,
            metrics=[count("visitor")],
            columns=[axis("P1M"), "country"],
            filter=[{"col": "at", "op": "TEMPORAL_RANGE", "val": "2026-01-05 : 2026-02-10"}],
        ),
        "SELECT date_trunc('month', at), country, number(visitor) FROM visits"
        " WHERE at >= timestamp '2026-01-05' AND at < timestamp '2026-02-10' GROUP BY 1, 2",
    ),
    (
        "a dataset in SQL",
        ask(virtual, metrics=["visitors"], columns=["country"], orderby=[("visitors", True)]),
        "SELECT country, number(visitor) FROM visits WHERE page <> 'page 7' GROUP BY country",
    ),
    (
        "metrics in SQL",
        ask(
            visits,
            columns=["country"],
            metrics=[
                custom("filtered", "count(distinct visitor) filter (where page like 'page 1%')"),
                custom("pairs", "count(distinct (visitor, page))"),
                custom("rate", "count(distinct visitor)::numeric / count(*)"),
            ],
        ),
        "SELECT country, number(CASE WHEN page LIKE 'page 1%' THEN visitor END), number((visitor, page)),"
        " number(visitor)::numeric / count(*) FROM visits GROUP BY country",
    ),
]

# What counts approximately under any setting.
approximate = [
    (
        "our name",
        ask(visits, metrics=[custom("n", "public.approx_count_distinct_cvm(visitor)")], columns=["country"]),
        "SELECT country, approx_count_distinct_cvm(visitor) FROM visits GROUP BY country",
    ),
    (
        "the other names",
        ask(
            visits,
            metrics=[custom("n", "approx_count_distinct(visitor)"), custom("m", "approx_distinct(visitor, 0.1)")],
            columns=["country"],
        ),
        "SELECT country, approx_count_distinct_cvm(visitor), approx_count_distinct_cvm(visitor, 2.7::float8 * 0.1) FROM visits GROUP BY country",
    ),
    (
        "daily sketches",
        ask(daily, metrics=[custom("n", "public.cvm_sketch_estimate(public.cvm_sketch_union_agg(visitors))")], columns=[axis("P1M")]),
        "SELECT date_trunc('month', at), approx_count_distinct_cvm(visitor) FROM visits GROUP BY 1",
    ),
]


def written(queries):
    for name, sent, own in queries:
        print(f"INSERT INTO written VALUES ('{name}', $sent$\n{sent}\n$sent$, $own$\n{own}\n$own$);\n")


print(f"""\
-- What Superset sends for distinct counts is approximate under the setting, and runs unchanged. The queries between $sent$ are as the
-- package apache-superset {version("apache-superset")} writes them for a small dataset, which ../superset_sql.py has; that prints this file.
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
""")
written(charts)
print("""\
-- As Superset has it for such a dataset, the schema of the extension is not searched.
SET search_path = superset;

SELECT name, same.* FROM written, public.sent_and_own(sent, own) same ORDER BY name COLLATE "C";

-- What is approximate under any setting, in a metric of its own SQL. Superset writes APPROX_DISTINCT for both of the other names. It
-- refuses # and a sketch.
TRUNCATE written;
""")
written(approximate)
print("""\
SELECT name, same_sent = same_own AS same
FROM written,
     LATERAL public.rows_with('cvm_count.count_distinct_epsilon', '0', sent) same_sent,
     LATERAL public.rows_with('search_path', 'superset, public', own) same_own
ORDER BY name COLLATE "C";

RESET search_path;
DROP EXTENSION cvm_count_aliases;
DROP SCHEMA superset CASCADE;""")
