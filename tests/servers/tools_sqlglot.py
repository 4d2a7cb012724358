"""What sqlglot writes for PostgreSQL in place of the approximate counts of other dialects, run by their names. Run by tests/servers/tools."""

import psycopg
import sqlglot

counts = {
    "APPROX_COUNT_DISTINCT(visitor)": (
        "bigquery clickhouse databricks doris dremio drill druid duckdb fabric hive oracle risingwave snowflake spark starrocks tsql"
    ),
    "APPROX_DISTINCT(visitor)": "athena hive presto teradata trino",
    "APPROXIMATE COUNT(DISTINCT visitor)": "redshift",
    "APPROXIMATE_COUNT_DISTINCT(visitor)": "exasol",
    "uniq(visitor)": "clickhouse",
    '"approx_distinct"("visitor")': "trino",
    "approx_count_distinct(DISTINCT visitor)": "snowflake",
}
of_error = {
    "approx_distinct(visitor, 0.05)": "athena presto trino",
    "approx_distinct(visitor, DOUBLE '0.05')": "trino",
    "approx_count_distinct(visitor, 0.05)": "databricks spark",
    "approx_count_distinct(visitor, 0.05D)": "databricks spark",
}
filtered = {
    "approx_distinct(visitor) FILTER (WHERE country = 'ch')": "trino",
    "approx_count_distinct(visitor) FILTER (WHERE country = 'ch')": "databricks duckdb spark",
    "APPROX_COUNT_DISTINCT(IFF(country = 'ch', visitor, NULL))": "snowflake",
    "APPROX_COUNT_DISTINCT(IF(country = 'ch', visitor, NULL))": "bigquery",
}
in_windows = {
    "APPROX_COUNT_DISTINCT(visitor) OVER (PARTITION BY country)": "databricks duckdb snowflake spark",
    "approx_distinct(visitor) OVER (PARTITION BY country ORDER BY visitor RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)": "trino",
}
# Of two columns. PostgreSQL counts rows, of which sqlglot makes one only where no column is NULL.
of_pairs = {
    "COUNT(DISTINCT visitor, page)": "athena bigquery databricks doris duckdb hive mysql redshift singlestore snowflake spark starrocks trino",
    "COUNT(DISTINCT (visitor, page))": "duckdb snowflake trino",
}
# A second column is not a standard error. The last are names that sqlglot hands on.
refused = {
    "APPROX_COUNT_DISTINCT(visitor, id)": "snowflake",
    "uniq(visitor, id)": "clickhouse",
    "APPROX_COUNT_DISTINCT(page, country)": "snowflake",
    "APPROX_COUNT_DISTINCT(*)": "snowflake",
    "APPROX_COUNT_DISTINCT(visitor)": "singlestore",
    "HLL(visitor)": "redshift snowflake",
    "NDV(visitor)": "doris dremio drill starrocks",
    "uniqCombined(visitor)": "clickhouse",
    "uniqIf(visitor, id > 5)": "clickhouse",
    "HLL_COUNT.EXTRACT(HLL_COUNT.INIT(visitor))": "bigquery",
    "HLL_ESTIMATE(HLL_COMBINE(HLL_ACCUMULATE(visitor)))": "snowflake",
    "hll_sketch_estimate(hll_sketch_agg(visitor))": "databricks spark",
}

with psycopg.connect(autocommit=True) as connection:

    def answer(sent):
        try:
            return " ".join(str(value) for row in connection.execute(sent) for value in row)
        except psycopg.Error as error:
            return error.sqlstate

    def answers(forms, query):
        """The answers in all dialects, each once, as they first come."""
        sent = [
            sqlglot.transpile(query.format(form), read=dialect, write="postgres")[0]
            for form, dialects in forms.items()
            for dialect in dialects.split()
        ]
        return " / ".join(dict.fromkeys(answer(query) for query in dict.fromkeys(sent)))

    print("counts", answers(counts, "SELECT {} FROM visits"))
    print("of error", answers(of_error, "SELECT {} FROM visits"))
    print("filtered", answers(filtered, "SELECT {} FROM visits"))
    print("in windows", answers(in_windows, "SELECT DISTINCT country, {} FROM visits ORDER BY country"))
    connection.execute("SET cvm_count.count_distinct_epsilon = 0.03")
    print("of pairs", answers(of_pairs, "SELECT {} FROM visits"))
    connection.execute("RESET cvm_count.count_distinct_epsilon")
    print("refused", answers(refused, "SELECT {} FROM visits"))

try:
    sqlglot.transpile("SELECT # visitors FROM daily", read="postgres")
except sqlglot.ParseError:
    print("hash not read")
