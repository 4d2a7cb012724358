"""NumPy arrays and Arrow data: each form of a column has the sketch of the list of its items."""

import ctypes
import datetime as dt
import math
import uuid
from decimal import Decimal

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cvm_count
from cvm_count import sketch

COARSE = {"epsilon": 0.2, "delta": 0.1}
DAYS = st.dates(dt.date(1700, 1, 1), dt.date(2200, 1, 1))
MOMENTS = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
DURATIONS = st.timedeltas(dt.timedelta(-100_000), dt.timedelta(100_000))

# Arrow's type, and what is drawn of it.
COLUMNS = {
    "bool": (pa.bool_(), st.booleans()),
    **{f"int{bits}": (getattr(pa, f"int{bits}")(), st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": (getattr(pa, f"uint{bits}")(), st.integers(0, min(2**bits, 2**63) - 1)) for bits in (8, 16, 32, 64)},
    "float16": (pa.float16(), st.floats(width=16)),
    "float32": (pa.float32(), st.floats(width=32)),
    "float64": (pa.float64(), st.floats()),
    "decimal32": (pa.decimal32(9, 2), st.decimals(-(10**6), 10**6, places=2)),
    "decimal64": (pa.decimal64(18, 4), st.decimals(-(10**12), 10**12, places=4)),
    "decimal128": (pa.decimal128(38, 10), st.decimals(-(10**20), 10**20, places=10)),
    "decimal of tens": (pa.decimal128(20, -2), st.integers(-(10**15), 10**15).map(lambda number: Decimal(number).scaleb(2))),
    "utf8": (pa.utf8(), st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]))),
    "large_utf8": (pa.large_utf8(), st.text("abc", max_size=20)),
    "utf8_view": (pa.string_view(), st.text("äb", max_size=20)),
    "binary": (pa.binary(), st.binary()),
    "large_binary": (pa.large_binary(), st.binary(max_size=20)),
    "binary_view": (pa.binary_view(), st.binary(max_size=20)),
    "binary of 3": (pa.binary(3), st.binary(min_size=3, max_size=3)),
    "binary of 16": (pa.binary(16), st.binary(min_size=16, max_size=16)),
    "date32": (pa.date32(), DAYS),
    "date64": (pa.date64(), DAYS),
    "timestamp s": (pa.timestamp("s"), MOMENTS.map(lambda moment: moment.replace(microsecond=0))),
    "timestamp ms": (pa.timestamp("ms"), MOMENTS.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))),
    "timestamp us": (pa.timestamp("us"), MOMENTS),
    "timestamp ns": (pa.timestamp("ns"), MOMENTS),
    "timestamptz": (pa.timestamp("us", "Europe/Vienna"), MOMENTS.map(lambda moment: moment.replace(tzinfo=dt.timezone.utc))),
    "time32": (pa.time32("s"), st.times().map(lambda time: time.replace(microsecond=0))),
    "time64": (pa.time64("us"), st.times()),
    "time64 ns": (pa.time64("ns"), st.times()),
    "duration s": (pa.duration("s"), DURATIONS.map(lambda duration: duration - dt.timedelta(microseconds=duration.microseconds))),
    "duration us": (pa.duration("us"), DURATIONS),
    "duration ns": (pa.duration("ns"), DURATIONS),
}


@pytest.mark.parametrize("name", COLUMNS)
@given(st.data())
def test_arrow_columns(name, data):
    arrow_type, values = COLUMNS[name]
    items = data.draw(st.lists(st.none() | values, max_size=40))
    array = pa.array(items, arrow_type)
    expected = sketch(items, **COARSE)
    cut = data.draw(st.integers(0, len(items)))
    forms = {
        "array": array,
        "slices": pa.chunked_array([array[:cut], array[cut:]], arrow_type),
        "table": pa.table({"a": array}),
        "batch": pa.record_batch({"a": array}),
    }
    if not pa.types.is_date64(arrow_type) and not pa.types.is_decimal32(arrow_type) and not pa.types.is_decimal64(arrow_type):
        forms["dictionary"] = array.dictionary_encode() if "view" not in name and "float16" != name and "of tens" not in name else array
    for form, column in forms.items():
        assert sketch(column, **COARSE) == expected, form
        assert sketch(column, **COARSE, threads=3) == expected, form
    assert sketch(array[cut:], **COARSE) == sketch(items[cut:], **COARSE)


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.sampled_from(["b1", "i1", ">i2", "<i4", "i8", ">i8", "u1", "<u4", ">u4", "f2", ">f4", "f8", ">f8"]))
def test_numpy_numbers(numbers, dtype):
    with np.errstate(all="ignore"):
        array = np.array(numbers, "i8").astype(dtype)
    expected = sketch(array.tolist(), **COARSE)
    assert sketch(array, **COARSE) == expected
    assert sketch(list(array), **COARSE) == expected
    assert sketch(array.astype(object), **COARSE) == expected
    assert sketch(np.repeat(array, 3)[::3], **COARSE) == sketch(array[::-1], **COARSE) == expected
    read_only = array.copy()
    read_only.flags.writeable = False
    assert sketch(read_only, **COARSE) == expected
    masked = np.ma.masked_array(array, [i % 2 for i in range(len(array))])
    assert sketch(masked, **COARSE) == sketch(array[::2], **COARSE)


@given(st.lists(MOMENTS), st.sampled_from("<>"))
def test_numpy_times(moments, order):
    for dtype, of in [("M8[D]", lambda m: m.date()), ("M8[s]", lambda m: m.replace(microsecond=0)), ("M8[us]", lambda m: m), ("M8[ns]", lambda m: m)]:
        items = [of(moment) for moment in moments]
        array = np.array([*items, None], order + dtype)
        expected = sketch(items, **COARSE)
        assert sketch(array, **COARSE) == sketch(list(array), **COARSE) == expected
    durations = [moment - dt.datetime(1950, 1, 1) for moment in moments]
    for dtype in ["m8[us]", "m8[ns]"]:
        array = np.array([*durations, None], order + dtype)
        assert sketch(array, **COARSE) == sketch(list(array), **COARSE) == sketch(durations, **COARSE)


def test_numpy_strings():
    words = [str(i) + "ä" * (i % 3) for i in range(3_000)]
    expected = sketch(words)
    for array in [np.array(words), np.array(words, object), np.array(words, np.dtypes.StringDType())]:
        assert sketch(array) == sketch(list(array)) == expected
    assert sketch(np.array([b"ab", b"c"])) == sketch([b"ab", b"c"])


@pytest.mark.parametrize("count", [65_535, 65_536, 65_537, 200_000])
def test_long_columns(count):
    numbers = np.random.default_rng(count).integers(0, 50_000, count)
    expected = sketch(numbers.tolist())
    words = numbers.astype(str).astype(object)
    assert sketch(pa.array(words, pa.string())) == sketch(pa.array(words, pa.string_view())) == sketch(list(words))
    for threads in [1, 2, 5]:
        assert sketch(numbers, threads=threads) == sketch(pa.array(numbers), threads=threads) == expected
        assert sketch(numbers.astype(float), threads=threads) == sketch(numbers.astype(float).tolist())
    for batch in [1, 7, 1_000]:
        builder = cvm_count.Builder()
        for start in range(0, 5_000, batch):
            builder.update(numbers[start : start + batch])
        assert builder.sketch() == sketch(numbers[: start + batch])


def test_libraries_agree():
    numbers, words = list(range(5_000)), [f"word {i}" for i in range(5_000)]
    for items in [numbers, words]:
        expected = sketch(items)
        frame = pd.DataFrame({"a": items})
        relation = duckdb.sql("SELECT a FROM frame")
        for column in [pl.Series(items), pl.DataFrame({"a": items}), pl.Series(items[:10]).append(pl.Series(items[10:])), frame, frame["a"], frame["a"].array, relation]:
            assert sketch(column) == expected, type(column)
    categories = pl.Series(words, dtype=pl.Categorical)
    assert sketch(categories) == sketch(pd.Series(words, dtype="category")) == sketch(words)
    assert sketch(pl.Series(["a", "b"], dtype=pl.Enum(["a", "b", "never"]))) == sketch(["a", "b"])
    assert sketch(pa.array(["a", "b", "a", None]).dictionary_encode()[2:]) == sketch(["a"])
    days = [dt.date(2026, 1, 1) + dt.timedelta(i) for i in range(100)]
    moments = [dt.datetime.combine(day, dt.time(1)) for day in days]
    assert sketch(pl.Series(days)) == sketch(duckdb.sql("SELECT unnest(?::date[])", params=[days])) == sketch(days)
    assert sketch(pd.Series(moments)) == sketch(pl.Series(moments)) == sketch([pd.Timestamp(moment) for moment in moments]) == sketch(moments)
    assert sketch(pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(15) + b"\1"], pa.binary(16)))) == sketch([uuid.UUID(int=1)])
    documents = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}']))
    assert sketch(documents) == sketch(['{"a": 1}']) and sketch(documents, kind="jsonb") == sketch([{"a": 1}], kind="jsonb")


def test_what_is_no_value():
    assert sketch([pd.NaT, pd.NA, None, np.datetime64("NaT"), np.timedelta64("NaT", "s")]) == sketch([])
    assert sketch(pa.nulls(5)) == sketch(pa.array([None], pa.int64())) == sketch([])
    assert sketch([1, pd.NA, None]) == sketch(pd.Series([1, None], dtype="Int64")) == sketch([1])
    # Where pandas has no integers for it, they are floating-point numbers, and of another kind.
    assert sketch(pd.Series([1, None])).kind == "floating point"
    with pytest.raises(ValueError, match="same kind"):
        sketch(pd.Series([1, None])) | sketch([1])
    assert sketch(pd.Series([1, None]), kind="integer") == sketch([1])


def test_nan_is_a_value_but_to_pandas():
    numbers = [1.0, math.nan, math.nan]
    for column in [numbers, np.array(numbers), np.array(numbers, object), pl.Series(numbers), pa.array(numbers)]:
        assert sketch(column).estimate() == 2
    assert sketch(pd.Series(numbers)).estimate() == 1
    assert sketch(pd.Series(numbers).to_numpy()).estimate() == 2


@pytest.mark.parametrize(
    "items, error, message",
    [
        (np.zeros((2, 2)), ValueError, r"one dimension, not 2; ravel\(\) makes it so"),
        (np.array(1), ValueError, "one dimension, not 0"),
        (np.zeros(2, "c8"), TypeError, "dtype complex64 has no rule"),
        (np.zeros(2, "g"), TypeError, "dtype float128 has no rule"),
        (np.zeros(2, "M8[M]"), TypeError, r"astype\(\) to the unit D, s, ms, us or ns"),
        (np.zeros(2, "M8[10us]"), TypeError, "has no rule"),
        (np.zeros(2, [("a", "i4")]), TypeError, "has no rule"),
        (np.array([2**63], "u8"), OverflowError, 'kind="numeric" takes it'),
        (np.array([1], "M8[ns]"), ValueError, "nanoseconds"),
        (np.array([-1500], "m8[ns]"), ValueError, "nanoseconds"),
        (np.array([2**50], "i8").view("M8[s]"), OverflowError, "range of PostgreSQL's timestamp"),
        (np.array([2**40], "i8").view("M8[D]"), OverflowError, "range of PostgreSQL's date"),
        ([np.longdouble(1)], TypeError, "longdouble has no rule"),
        ([pd.Timestamp(1)], ValueError, "nanoseconds"),
        ([pd.Timedelta(1)], ValueError, "nanoseconds"),
        (np.array(["a\0b"]), ValueError, "NUL"),
        (np.array([1, "a", None], object), TypeError, "integer and text"),
        (pa.array([2**63], pa.uint64()), OverflowError, "bigint"),
        (pa.array([1500], pa.timestamp("ns")), ValueError, "nanoseconds"),
        (pa.array([2**63 - 1], pa.timestamp("us")), OverflowError, "timestamp"),
        (pa.array([-1], pa.time64("us")), OverflowError, "range of PostgreSQL's time"),
        (pa.array([2**62], pa.duration("s")), OverflowError, "range of PostgreSQL's interval"),
        (np.array([2**62], "m8[s]"), OverflowError, "range of PostgreSQL's interval"),
        (pa.Array.from_buffers(pa.date64(), 1, [None, pa.py_buffer((1).to_bytes(8, "little"))]), ValueError, "time of day"),
        (pa.array(["a\0b"]), ValueError, "NUL"),
        (pa.array(["a\0b", None]), ValueError, "NUL"),
        (pa.array(["a\0b"], pa.string_view()), ValueError, "NUL"),
        (pa.array(["a\0b" * 10], pa.string_view()), ValueError, "NUL"),
        (pa.array(["a\0b"]).dictionary_encode(), ValueError, "NUL"),
        (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([0, 1], pa.int8())), TypeError, "extension type arrow.bool8 has no rule"),
        (pd.Series(pd.period_range("2026-01", periods=3, freq="M")), TypeError, "extension type pandas.period has no rule"),
        (pa.table({"a": [1], "b": [2]}), TypeError, 'one column, not a table of 2: "a", "b"; pass one of them'),
        (pl.DataFrame({f"c{i}": [1] for i in range(12)}), TypeError, 'a table of 12: .*"c9", ...; pass one'),
        (pl.DataFrame(), TypeError, "without columns"),
        (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), TypeError, "has no rule"),
        (duckdb.sql("SELECT 'infinity'::timestamp AS a"), OverflowError, "timestamp"),
        (duckdb.sql("SELECT 'infinity'::date AS a"), OverflowError, "date"),
    ],
)
def test_what_postgresql_does_not_have_is_refused(items, error, message):
    with pytest.raises(error, match=message):
        sketch(items)


def test_kinds_of_columns():
    for column in [np.arange(5), np.arange(5, dtype="u8"), np.arange(5.0), pa.array(range(5)), pa.array(range(5), pa.uint64()), pa.array(map(float, range(5))), pa.array(map(Decimal, range(5)))]:
        assert sketch(column, kind="numeric") == sketch(map(Decimal, range(5)))
        assert sketch(column, kind="floating point") == sketch(map(float, range(5)))
        assert sketch(column, kind="integer") == sketch(range(5))
    assert sketch(np.array([2**64 - 1], "u8"), kind="numeric") == sketch([Decimal(2**64 - 1)])
    for column in [np.array([0.5]), pa.array([0.5]), pa.array([Decimal("0.5")])]:
        with pytest.raises(ValueError, match="no integer"):
            sketch(column, kind="integer")
    with pytest.raises(ValueError, match='integer values are not of kind "text"'):
        sketch(pa.array([1]), kind="text")
    assert sketch(pa.array(["a"]), kind="enum").kind == "enum"


def test_a_null_may_lie_over_anything():
    offsets = pa.py_buffer(np.array([0, 1, 2], "i4").tobytes())
    array = pa.Array.from_buffers(pa.utf8(), 2, [pa.py_buffer(b"\1"), offsets, pa.py_buffer(b"a\0")])
    assert sketch(array) == sketch(["a"])
    times = pa.Array.from_buffers(pa.timestamp("ns"), 2, [pa.py_buffer(b"\1"), pa.py_buffer(np.array([0, 1]).tobytes())])
    assert sketch(times) == sketch([dt.datetime(1970, 1, 1)])


def test_a_stream_is_consumed_once():
    reader = pa.table({"a": [1, 2]}).to_reader()
    assert sketch(reader).estimate() == 2

    class Consumed:
        def __init__(self, capsule):
            self.capsule = capsule

        def __arrow_c_stream__(self, requested_schema=None):
            return self.capsule

    consumed = Consumed(pa.table({"a": [1]}).__arrow_c_stream__())
    sketch(consumed)
    with pytest.raises(ValueError, match="consumed already"):
        sketch(consumed)
    for capsule in [None, 1, pa.array([1]).__arrow_c_array__()[0]]:
        with pytest.raises((TypeError, ValueError)):
            sketch(Consumed(capsule))


def test_a_stream_that_fails():
    def batches():
        yield pa.record_batch({"a": [1]})
        raise RuntimeError("no more of it")

    reader = pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches())
    with pytest.raises(ValueError, match="the Arrow stream failed: .*no more of it"):
        sketch(reader, threads=2)


class Uuids(pa.ExtensionType):
    """A dictionary whose categories are of an extension type."""

    def __init__(self):
        super().__init__(pa.binary(16), "arrow.opaque")

    def __arrow_ext_serialize__(self):
        return b"{}"


def test_an_extension_type_may_be_that_of_a_dictionary():
    categories = pa.ExtensionArray.from_storage(Uuids(), pa.array([bytes(16)], pa.binary(16)))
    with pytest.raises(TypeError, match="dictionary of the extension type arrow.opaque has no rule"):
        sketch(pa.DictionaryArray.from_arrays([0, 0], categories))


def test_an_empty_chunk_is_nothing():
    """The only offset of an empty slice may be any, as that of a library that copies no offsets."""
    for data_type, offsets in [(pa.utf8(), np.array([5], "i4")), (pa.large_binary(), np.array([5], "i8"))]:
        empty = pa.Array.from_buffers(data_type, 0, [None, pa.py_buffer(offsets), pa.py_buffer(b"")])
        assert sketch(empty) == sketch([])
        full = pa.array(["a"], data_type)
        assert sketch(pa.chunked_array([full, empty, full])) == sketch(full)


def test_texts_are_utf8():
    for text in ["\xff", "\xc3", "a\x80"]:
        data = text.encode("latin-1")
        offsets = pa.py_buffer(np.array([0, len(data)], "i4"))
        binary = pa.Array.from_buffers(pa.binary(), 1, [None, offsets, pa.py_buffer(data)])
        assert sketch(binary) == sketch([data])
        for column in [pa.Array.from_buffers(pa.utf8(), 1, [None, offsets, pa.py_buffer(data)]), binary.cast(pa.binary_view()).view(pa.string_view())]:
            with pytest.raises(ValueError, match="not UTF-8"):
                sketch(column)
    # Half of a character each.
    halves = pa.Array.from_buffers(pa.utf8(), 2, [None, pa.py_buffer(np.array([0, 1, 2], "i4")), pa.py_buffer("é".encode())])
    with pytest.raises(ValueError, match="not UTF-8"):
        sketch(halves)
    long = "é" * 20
    for data_type in [pa.utf8(), pa.large_utf8(), pa.string_view()]:
        assert sketch(pa.array(["é", None, long, "e"], data_type)) == sketch(["é", long, "e"])


def test_doubles_of_large_integers():
    for number, is_double in [(2**63, True), (2**63 + 2048, True), (2**63 + 1, False), (2**64 - 1, False)]:
        for items in [[number], [np.uint64(number)], np.array([number], "u8"), pa.array([number], pa.uint64())]:
            if is_double:
                assert sketch(items, kind="floating point") == sketch([float(number)])
            else:
                with pytest.raises(ValueError, match=f"the integer {number} is no floating-point number"):
                    sketch(items, kind="floating point")


@pytest.mark.parametrize("dtype", ["i8", "f8", "M8[us]", "u8", "f4"])
def test_arrays_that_are_not_aligned(dtype):
    table = np.zeros(5, [("byte", "u1"), ("item", dtype)])
    table["item"] = np.arange(5).astype(dtype)
    assert sketch(table["item"]) == sketch(np.arange(5).astype(dtype))


def test_a_number_of_nulls_says_which():
    schema, array = pa.array([1, 2]).__arrow_c_array__()
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    # The second number of the structure.
    ctypes.c_int64.from_address(get(array, b"arrow_array") + 8).value = 1

    class Exported:
        def __arrow_c_array__(self, requested_schema=None):
            return schema, array

    with pytest.raises(ValueError, match="there are nulls, but nothing says which"):
        sketch(Exported())
