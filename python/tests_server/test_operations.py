"""What is done with two sketches here, and by the functions of SQL there: equal bytes, and numbers equal to the last digit."""

from __future__ import annotations

from collections import Counter
from random import Random

import cvm_count
import psycopg
import pytest

KINDS = ["integer", "text"]


def drawn_sketch(r: Random, seed: int) -> cvm_count.Sketch:
    """Of integers or of texts, exact or not, alone or derived, of few accuracies, so that many go together."""
    first, length = r.randrange(3000), r.choice([0, 1, 5, 200, 3000, 20_000])
    items: list[int] | list[str] = list(range(first, first + length))
    if r.random() < 0.2:
        items = [f"visitor {item}" for item in items]
    sketch = cvm_count.sketch(items, epsilon=r.choice([0.5, 0.1, 0.1, 0.03]), delta=r.choice([0.01, 0.01, 0.1]), seed=seed)
    if r.random() < 0.2:
        other = cvm_count.sketch(items[: length // 2], epsilon=r.choice([0.5, 0.03]), seed=seed)
        sketch = r.choice([sketch & other, sketch - other, sketch | other])
    return sketch


def test_pairs(connection: psycopg.Connection, compared: Counter[str], pytestconfig: pytest.Config) -> None:
    r = Random(pytestconfig.getoption("seed"))
    pairs = []
    while len(pairs) < max(200, pytestconfig.getoption("columns") // 10):
        a, b = drawn_sketch(r, seed := r.choice([0, 0, 5])), drawn_sketch(r, seed)
        try:
            a | b
        except ValueError:
            with pytest.raises(psycopg.errors.InvalidParameterValue):
                connection.execute("SELECT %s || %s", (a, b))
            connection.rollback()
            compared["pairs refused"] += 1
            continue
        pairs.append((a, b, r.choice([0.95, 0.5, 0.99, 0.999])))
    connection.execute("CREATE TEMPORARY TABLE pairs (n integer, a cvm_sketch, b cvm_sketch, c double precision) ON COMMIT DROP")
    with connection.cursor().copy("COPY pairs FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "cvm_sketch", "cvm_sketch", "float8"])
        for n, (a, b, confidence) in enumerate(pairs):
            copy.write_row((n, a, b, confidence))
    rows = connection.execute("""
        SELECT a || b, a & b, a - b, a = b,
               ARRAY[(x).lower, (x).upper],
               ARRAY[(j).estimate, (j).lower, (j).upper], ARRAY[(k).estimate, (k).lower, (k).upper],
               ARRAY[(i).estimate, (i).lower, (i).upper], ARRAY[(d).estimate, (d).lower, (d).upper]
        FROM (SELECT n, a, b, cvm_sketch_bounds(a, c) AS x, cvm_sketch_jaccard(a, b, c) AS j, cvm_sketch_containment(a, b, c) AS k,
                     cvm_sketch_intersection_bounds(a, b, c) AS i, cvm_sketch_difference_bounds(a, b, c) AS d FROM pairs) p
        ORDER BY n""", binary=True).fetchall()
    for (a, b, confidence), there in zip(pairs, rows, strict=True):
        here = (
            a | b, a & b, a - b, a == b, list(a.bounds(confidence)),
            list(a.jaccard(b, confidence)), list(a.containment(b, confidence)),
            list(a.intersection_bounds(b, confidence)), list(a.difference_bounds(b, confidence)),
        )
        assert [plain(value) for value in here] == [plain(value) for value in there], f"{a!r} and {b!r}"
        compared["pairs of sketches"] += 1


def plain(value: object) -> object:
    # NaN, of which SQL has one where there is nothing to divide by, is not equal to itself.
    return bytes(value) if isinstance(value, cvm_count.Sketch) else repr(value)


def test_downsampling_and_unions_of_many(connection: psycopg.Connection, compared: Counter[str], pytestconfig: pytest.Config) -> None:
    r = Random(pytestconfig.getoption("seed"))
    for _ in range(60):
        sketch, epsilon, delta = drawn_sketch(r, 0), r.choice([0.5, 0.2, 0.1, 0.05]), r.choice([0.01, 0.1])
        try:
            here = sketch.downsample(epsilon, delta)
        except ValueError:
            with pytest.raises(psycopg.errors.InvalidParameterValue):
                connection.execute("SELECT cvm_sketch_downsample(%s, %s, %s)", (sketch, epsilon, delta))
            connection.rollback()
            continue
        there = connection.execute("SELECT cvm_sketch_downsample(%s, %s, %s)", (sketch, epsilon, delta)).fetchone()[0]
        assert bytes(here) == bytes(there)
        compared["downsampled"] += 1
    for length in (0, 1, 2, 7, 30):
        sketches = [cvm_count.sketch(range(first := r.randrange(10**6), first + r.randrange(9000)), epsilon=r.choice([0.1, 0.03])) for _ in range(length)]
        agg, of_array = connection.execute(
            "SELECT (SELECT cvm_sketch_union_agg(s) FROM unnest(%(s)s::cvm_sketch[]) s), cvm_sketch_union(%(s)s::cvm_sketch[])", {"s": sketches}
        ).fetchone()
        assert cvm_count.union(sketches) == agg == of_array
        compared["unions of many"] += 1


def test_parts_on_both_sides(connection: psycopg.Connection) -> None:
    """A union of a sketch from here and one from there is the sketch of all."""
    there = connection.execute("SELECT cvm_sketch_agg(i) FROM generate_series(1, 60000) i").fetchone()[0]
    here = cvm_count.sketch(range(50_000, 100_001))
    assert here | there == cvm_count.sketch(range(1, 100_001))
    assert connection.execute("SELECT %s || cvm_sketch_agg(i) = cvm_sketch_agg(i) || %s FROM generate_series(1, 60000) i", (here, here)).fetchone()[0]
