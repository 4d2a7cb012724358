"""What the benchmark measures counts what it says, and what it measures with measures it."""

import bench
import forms
import pytest

EXACT = ("len(set())", "polars n_unique", "duckdb count(DISTINCT)", "pyarrow count_distinct", "pandas nunique")
# Exact to ours and to the article's; the others may take a few values for one another.
FEW, ROWS = 40, 4_000


@pytest.mark.parametrize("kind", ["str", "int"])
@pytest.mark.parametrize("form", forms.FORMS, ids=lambda form: f"{form.name} of {form.takes}")
def test_each_form_counts_the_column(form, kind):
    if kind not in form.kinds:
        pytest.skip(f"it takes {form.kinds} only")
    if form.package:
        pytest.importorskip(form.package)
    count = form.make(forms.Column(kind, FEW, ROWS))()
    if form.name in EXACT or "cvm_count" in form.name or "article" in form.name:
        assert count == FEW
    else:
        assert count == pytest.approx(FEW, rel=0.2)


def test_a_column_has_the_same_values_in_each_form():
    for kind, type_of_items in [("str", str), ("int", int)]:
        column = forms.Column(kind, FEW, ROWS)
        assert column.arrow.to_pylist() == column.list == [type_of_items(number) for number in column.numpy]
        assert sorted(column.list) == sorted([type_of_items(i) for i in range(FEW)] * (ROWS // FEW))
        assert column.list != sorted(column.list)
        # The article's list has one object for each word.
        assert len(set(map(id, column.list))) == FEW


@pytest.mark.parametrize("megabytes", [0, 50])
def test_the_peak_is_what_a_call_takes(megabytes):
    form = forms.Form("taking", "list", lambda column: lambda: len(b"x" * (megabytes * 1_000_000 if column.rows == ROWS else 0)))
    column = forms.Column("int", FEW, ROWS)
    assert bench.in_a_process(bench.peak_of, form, column) == pytest.approx(megabytes, abs=2)


def test_times_are_of_the_rounds():
    fast, other = (forms.Form(name, "list", lambda column: lambda: 2 * FEW) for name in ("fast", "other"))
    for row in bench.in_a_process(bench.times_of, [fast, other], forms.Column("int", FEW, ROWS), 3):
        assert row["rounds"] == 3
        assert row["error_percent"] == 100
        assert 0 < row["best_ms"] <= row["median_ms"] <= row["max_ms"]
        assert row["ns_an_item"] == pytest.approx(row["best_ms"] * 1e6 / ROWS)


def test_a_measurement_that_fails_ends_the_run():
    with pytest.raises(SystemExit):
        bench.in_a_process(lambda: 1 / 0)
