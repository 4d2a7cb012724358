"""What is measured: each way to count the distinct values of a column, ours, the article's and the peers'.

A form is a function that takes a column, makes of it what it counts (which is not measured), and returns the call that is. Libraries
are imported where they are used, so that a process that weighs one form loads no other."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy
import pyarrow

ROWS = 10_000_000
SEED = 29

# Peers that name an accuracy have about our default one: a standard error of 1.1 %.
LOG_SIZE = 13

Call = Callable[[], float]


class Column:
    """The same values as a list, as an Arrow array and, integers, as a NumPy array: `values` in order, each equally often, shuffled
    as the article's list is: `[str(i) for i in range(100_000)] * 100`."""

    def __init__(self, kind: str, distinct: int, rows: int):
        self.kind, self.distinct, self.rows = kind, distinct, rows
        numbers = numpy.random.default_rng(SEED).permutation(numpy.arange(rows) % distinct)
        values = [str(i) for i in range(distinct)] if kind == "str" else list(range(distinct))
        self.list = [values[i] for i in numbers]
        self.numpy = numbers
        self.arrow = pyarrow.array(self.list if kind == "str" else numbers)


@dataclass(frozen=True)
class Form:
    """A way to count: its name and what it takes, as the tables say it, the package whose version is recorded, and how many threads."""

    name: str
    takes: str
    make: Callable[[Column], Call]
    package: str | None = None
    kinds: tuple[str, ...] = ("str", "int")
    threads: int = 1


def length_of_set(column: Column) -> Call:
    return lambda: len(set(column.list))


def by_article(name: str) -> Callable[[Column], Call]:
    def make(column: Column) -> Call:
        import article

        count = getattr(article, name)
        return lambda: count(column.list)

    return make


def by_us(takes: str, **arguments) -> Callable[[Column], Call]:
    def make(column: Column) -> Call:
        import cvm_count

        items = getattr(column, takes)
        return lambda: cvm_count.count_approx(items, **arguments)

    return make


def batches_of(size: int) -> Callable[[Column], Call]:
    def make(column: Column) -> Call:
        import cvm_count

        batches = [column.arrow[start : start + size] for start in range(0, column.rows, size)]

        def count() -> int:
            builder = cvm_count.Builder()
            for batch in batches:
                builder.update(batch)
            return int(builder.sketch())

        return count

    return make


def by_polars(aggregate: str) -> Callable[[Column], Call]:
    def make(column: Column) -> Call:
        import polars

        frame = polars.from_arrow(column.arrow).to_frame("x")
        expression = getattr(polars.col("x"), aggregate)()
        return lambda: frame.select(expression).item()

    return make


def by_duckdb(aggregate: str) -> Callable[[Column], Call]:
    def make(column: Column) -> Call:
        import duckdb

        connection = duckdb.connect(config={"threads": 1})
        connection.register("t", pyarrow.table({"x": column.arrow}))
        return lambda: connection.execute(f"SELECT {aggregate} FROM t").fetchone()[0]

    return make


def by_pyarrow(column: Column) -> Call:
    import pyarrow.compute

    return lambda: pyarrow.compute.count_distinct(column.arrow).as_py()


def by_pandas(column: Column) -> Call:
    import pandas

    series = pandas.Series(pandas.array(column.arrow, dtype="str") if column.kind == "str" else column.numpy)
    return series.nunique


def by_datasketches(name: str) -> Callable[[Column], Call]:
    """It has no call that takes many values."""

    def make(column: Column) -> Call:
        import datasketches

        def count() -> float:
            sketch = getattr(datasketches, name)(LOG_SIZE)
            update = sketch.update
            for item in column.list:
                update(item)
            return sketch.get_estimate()

        return count

    return make


# scripts/figures.py finds them by their names.
FORMS = [
    Form("len(set())", "list", length_of_set),
    Form("article, Python", "list", by_article("count_approx")),
    Form("article, naive Rust", "list", by_article("count_approx_naive")),
    Form("article, optimised Rust", "list", by_article("count_approx_optimised")),
    Form("cvm_count, the article's accuracy", "list", by_us("list", epsilon=0.5, delta=0.001), "cvm_count"),
    Form("cvm_count", "list", by_us("list"), "cvm_count"),
    Form("cvm_count", "Arrow", by_us("arrow"), "cvm_count"),
    Form("cvm_count", "NumPy", by_us("numpy"), "cvm_count", ("int",)),
    Form("cvm_count, epsilon 0.01", "Arrow", by_us("arrow", epsilon=0.01), "cvm_count"),
    Form("cvm_count, 2 threads", "Arrow", by_us("arrow", threads=2), "cvm_count", threads=2),
    Form("cvm_count, batches of 1,000", "Arrow", batches_of(1_000), "cvm_count"),
    Form("polars approx_n_unique", "polars", by_polars("approx_n_unique"), "polars"),
    Form("polars n_unique", "polars", by_polars("n_unique"), "polars"),
    Form("duckdb approx_count_distinct", "Arrow", by_duckdb("approx_count_distinct(x)"), "duckdb"),
    Form("duckdb count(DISTINCT)", "Arrow", by_duckdb("count(DISTINCT x)"), "duckdb"),
    Form("pyarrow count_distinct", "Arrow", by_pyarrow, "pyarrow"),
    Form("pandas nunique", "pandas", by_pandas, "pandas"),
    Form("datasketches theta", "list", by_datasketches("update_theta_sketch"), "datasketches"),
    Form("datasketches hll", "list", by_datasketches("hll_sketch"), "datasketches"),
]
