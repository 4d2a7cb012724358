"""What ibis writes for distinct counts, under the setting that is the argument. Run by tests/servers/tools.

The connection is psycopg's: that of ibis needs pandas, too.
"""

import sys

import ibis
import psycopg

visits = ibis.table({"id": "int64", "visitor": "int64", "page": "string", "country": "string"}, name="visits")
visitors, pages = visits.visitor.nunique(), visits.page.approx_nunique()


@ibis.udf.agg.builtin
def approx_count_distinct_cvm(x) -> int:
    """Stands for the aggregate of that name, of values of any type."""


with psycopg.connect(options=f"-c cvm_count.count_distinct_epsilon={sys.argv[1]}") as connection:

    def rows(expression):
        return connection.execute(ibis.to_sql(expression, dialect="postgres"))

    print("total", *(rows(visits.visitor.approx_nunique()).fetchone()))
    groups = visits.group_by("country").agg(visitors=visitors, pages=pages).order_by("country")
    print("groups", *(value for row in rows(groups) for value in row))
    first = visits.group_by("country").agg(n=visitors, p=pages).filter(lambda t: t.n > 9).order_by(ibis.desc("p"), "country")
    print("first", rows(first).fetchone()[0])
    print("subquery", *(rows(visits.select("visitor").distinct().count()).fetchone()))
    over = approx_count_distinct_cvm(visits.visitor).over(group_by=visits.country)
    print("in windows", *(value for row in rows(visits.select("country", n=over).distinct().order_by("country")) for value in row))
