"""Python objects: which is which type's value, and what is refused."""

import datetime as dt
import decimal
import enum
import math
import pathlib
import re
import uuid
from decimal import Decimal

import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

import cvm_count
from cvm_count import sketch

UTC = dt.timezone.utc


def test_hashes_are_those_of_the_page():
    """docs/hashes.md has examples, in SQL."""
    page = (pathlib.Path(__file__).parents[2] / "docs" / "hashes.md").read_text()
    examples = dict(re.findall(r"^\| `([^|]*)` \| `[0-9a-f ]+` \| (-?\d+) \|$", page, re.M))
    values = {
        "1": 1,
        "'-1'::smallint": -1,
        "true": True,
        "'2000-01-02'::date": dt.date(2000, 1, 2),
        "1.5::float8": 1.5,
        "'-0'::real": -0.0,
        "0.00": Decimal("0.00"),
        "1.50": Decimal("1.50"),
        "-10000.0203": Decimal("-10000.0203"),
        "'NaN'::numeric": Decimal("NaN"),
        "'-Infinity'::numeric": Decimal("-Infinity"),
        "'word'::text": "word",
        "'\\x00ff'::bytea": b"\x00\xff",
        "'1 mon'::interval": dt.timedelta(30),
    }
    for sql, value in values.items():
        assert cvm_count.hash(value) == int(examples[sql]), sql


def mixed(seed):
    every = 2**64 - 1
    seed = (seed ^ (seed >> 33)) * 0xFF51AFD7ED558CCD & every
    seed = (seed ^ (seed >> 33)) * 0xC4CEB9FE1A85EC53 & every
    return seed ^ (seed >> 33)


@given(st.binary(max_size=300), st.integers(-(2**63), 2**63 - 1))
def test_hashes_of_bytes_are_those_of_another_implementation(data, seed):
    expected = xxhash.xxh3_64_intdigest(data, mixed(seed % 2**64))
    for value in [data, bytearray(data)]:
        assert cvm_count.hash(value, seed) % 2**64 == expected
    if len(data) == 8:
        assert cvm_count.hash(int.from_bytes(data, "little", signed=True), seed) % 2**64 == expected


EPOCH = dt.datetime(2000, 1, 1)


@given(st.datetimes(), st.timedeltas(dt.timedelta(-1), dt.timedelta(1)).map(lambda offset: dt.timedelta(seconds=offset // dt.timedelta(seconds=1))), st.times())
def test_times_are_microseconds(moment, offset, time):
    since = (moment - EPOCH) // dt.timedelta(microseconds=1)
    assert cvm_count.hash(moment) == cvm_count.hash(since)
    assert cvm_count.hash(moment.replace(tzinfo=UTC)) == cvm_count.hash(since)
    if abs(offset) < dt.timedelta(1):
        zone = dt.timezone(offset)
        assert cvm_count.hash(moment.replace(tzinfo=zone)) == cvm_count.hash(since - offset // dt.timedelta(microseconds=1))
    of_day = (dt.datetime.combine(EPOCH, time) - EPOCH) // dt.timedelta(microseconds=1)
    assert cvm_count.hash(time) == cvm_count.hash(of_day)
    if abs(offset) < dt.timedelta(hours=16):
        zone = dt.timezone(offset)
        west = -(offset // dt.timedelta(seconds=1))
        assert cvm_count.hash(time.replace(tzinfo=zone)) == cvm_count.hash(of_day.to_bytes(8, "little") + west.to_bytes(4, "little", signed=True))
    assert cvm_count.hash(moment.date()) == cvm_count.hash((moment.date() - EPOCH.date()).days)
    duration = moment - EPOCH
    assert cvm_count.hash(duration) == cvm_count.hash(since.to_bytes(16, "little", signed=True))


@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers(0, 30))
def test_decimals_hash_by_what_they_are_worth(number, zeros):
    with decimal.localcontext(prec=300):
        try:
            expected = cvm_count.hash(number)
        except OverflowError:
            assert abs(number) >= 10 ** Decimal(131072) or number.normalize().as_tuple().exponent < -16383
            return
        sign, digits, exponent = number.as_tuple()
        assert cvm_count.hash(Decimal((sign, digits + (0,) * zeros, exponent - zeros))) == expected
        if abs(number) < 10**200 and number == number.to_integral_value():
            assert sketch([int(number)], kind="numeric") == sketch([number])


class Colour(enum.IntEnum):
    RED = 1


class Name(str):
    pass


def test_types_are_told_apart():
    kinds = {
        "integer": [1, -(2**63), 2**63 - 1, Colour.RED],
        "floating point": [1.0, math.nan, math.inf],
        "numeric": [Decimal(1), Decimal("sNaN"), Decimal("Infinity")],
        "text": ["", "a", "ä€𝄞", Name("b")],
        "bytes": [b"", b"\0", bytearray(b"a")],
        "date": [dt.date.min, dt.date.max],
        "timestamp": [dt.datetime.min, dt.datetime.max],
        "time or interval": [dt.time.min, dt.time.max],
    }
    for kind, items in kinds.items():
        made = sketch([*items, None])
        assert (made.kind, made.estimate()) == (kind, len(set(map(repr, items)) - {repr(Colour.RED)}))
        assert made == sketch(iter(items)) == sketch(tuple(items)) == sketch(items, kind=kind)
    assert sketch([True, False]).kind == sketch([uuid.UUID(int=1)]).kind == "other"
    assert sketch([dt.timedelta.min, dt.timedelta.max]).kind == "time or interval"
    assert sketch([1.0, 0.0, -0.0, math.nan, -math.nan]).estimate() == 3
    assert cvm_count.hash(uuid.UUID(int=1)) == cvm_count.hash(bytes(15) + b"\1")


@pytest.mark.parametrize(
    "items, names",
    [
        ([1, 2.0], "integer and floating point; kind="),
        ([1, Decimal(1)], "integer and numeric; kind="),
        ([1, True], "integer and boolean"),
        ([True, 1], "boolean and integer"),
        ([1, "1"], "integer and text"),
        (["a", math.nan], "text and floating point"),
        (["a", b"a"], "text and bytes"),
        ([True, uuid.UUID(int=1)], "boolean and uuid"),
        ([dt.date.min, dt.datetime.min], "date and timestamp"),
        ([dt.datetime.min, dt.datetime.now(UTC)], "timestamp and timestamp with time zone"),
        ([dt.time.min, dt.timedelta()], "time and interval"),
        ([dt.time.min, dt.time.min.replace(tzinfo=UTC)], "time and time with time zone"),
    ],
)
def test_columns_of_several_types_are_refused(items, names):
    for given_as in [items, tuple(items), iter(items), [None, *items]]:
        with pytest.raises(TypeError, match=f"items must be of one type, not {names}"):
            sketch(given_as)
    builder = cvm_count.Builder()
    builder.update(items[:1])
    with pytest.raises(TypeError, match=names):
        builder.update(items[1:])


@pytest.mark.parametrize(
    "items, error, message",
    [
        (["a\0b"], ValueError, "NUL"),
        ([2**63], OverflowError, 'beyond PostgreSQL\'s bigint, of 64 bits; kind="numeric" takes it'),
        ([-(2**63) - 1], OverflowError, "bigint"),
        ([Decimal("1e131072")], OverflowError, "131072 digits before"),
        ([Decimal("1e-16384")], OverflowError, "16383 digits after"),
        (["\ud800"], UnicodeEncodeError, "surrogates"),
        ([object()], TypeError, "an item of type object has no rule"),
        ([1j], TypeError, "an item of type complex has no rule"),
        ("abc", TypeError, "not a str, of which the characters would be counted"),
        (b"abc", TypeError, "not bytes"),
        ({"a": 1}, TypeError, r"not a dict; pass its keys\(\) or its values\(\)"),
        (5, TypeError, "not iterable"),
        (None, TypeError, "not iterable"),
        ([dt.time(tzinfo=dt.timezone(dt.timedelta(microseconds=1)))], ValueError, "whole number of seconds"),
    ],
)
def test_what_postgresql_does_not_have_is_refused(items, error, message):
    with pytest.raises(error, match=message):
        sketch(items)


def test_a_hash_is_of_a_value():
    with pytest.raises(TypeError, match="None is no value"):
        cvm_count.hash(None)


def test_an_iterator_that_raises():
    def items():
        yield 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        sketch(items())


def test_a_list_that_changes_meanwhile():
    items = []

    class Item(Decimal):
        def as_tuple(self):
            items.clear()
            return super().as_tuple()

    items.extend([Item(1), *map(Decimal, range(2, 1_000))])
    assert 1 <= sketch(items).estimate() < 1_000 and not items


# What a kind makes of values whose own is another.


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=50))
def test_numbers_of_another_kind(numbers):
    assert sketch(map(Decimal, numbers), kind="integer") == sketch(numbers)
    assert sketch(numbers, kind="numeric") == sketch(map(Decimal, numbers))
    exact = [number for number in numbers if int(float(number)) == number]
    assert sketch(map(float, exact), kind="numeric") == sketch(exact, kind="numeric")
    assert sketch(exact, kind="floating point") == sketch(map(float, exact))
    assert sketch(map(Decimal, exact), kind="floating point") == sketch(map(float, exact))
    fit = [number for number in exact if float(number) < 2**63]
    assert sketch(map(float, fit), kind="integer") == sketch(fit)


def test_kinds_of_mixed_numbers():
    assert sketch([1, 1.0, Decimal("1.0"), 2.0**70, 2**70], kind="numeric").estimate() == 2
    assert sketch([1, 1.0, 0.5, 2**70, math.nan], kind="floating point").estimate() == 4
    assert sketch(["a", "b"], kind="enum").kind == "enum"
    assert cvm_count.hash("a") == cvm_count.hash("a")
    assert sketch([math.inf, math.nan, -math.inf], kind="numeric") == sketch(map(Decimal, ["Infinity", "NaN", "-Infinity"]))


@pytest.mark.parametrize(
    "items, kind, error, message",
    [
        ([1.5], "integer", ValueError, "the number 1.5 is no integer"),
        ([2.0**63], "integer", ValueError, "no integer of 64 bits"),
        ([math.nan], "integer", ValueError, "no integer"),
        ([Decimal("1.5")], "integer", ValueError, "no integer"),
        ([Decimal("NaN")], "integer", ValueError, "no integer"),
        ([Decimal("1e400")], "integer", ValueError, "no integer"),
        ([2**53 + 1], "floating point", ValueError, "is no floating-point number"),
        ([2**63 - 1], "floating point", ValueError, "is no floating-point number"),
        ([2**70 + 1], "floating point", ValueError, "is no floating-point number"),
        ([2**2000], "floating point", OverflowError, "too large"),
        ([0.1], "numeric", ValueError, "PostgreSQL rounds others"),
        ([1], "text", ValueError, 'integer values are not of kind "text"'),
        (["1"], "integer", ValueError, 'text values are not of kind "integer"'),
        (["00000000-0000-0000-0000-000000000000"], "other", ValueError, 'text values are not of kind "other"'),
        ([True], "integer", ValueError, 'boolean values are not of kind "integer"'),
        ([dt.date.min], "timestamp", ValueError, 'date values are not of kind "timestamp"'),
        ([1], "unknown", ValueError, 'integer values are not of kind "unknown"'),
    ],
)
def test_kinds_that_values_are_not_of(items, kind, error, message):
    with pytest.raises(error, match=message):
        sketch(items, kind=kind)


def test_decimals_that_are_doubles():
    assert sketch([Decimal("0.5"), Decimal("-0"), Decimal("1e22")], kind="floating point") == sketch([0.5, 0.0, 1e22])
    for special in ["NaN", "Infinity", "-Infinity"]:
        assert sketch([Decimal(special)], kind="floating point") == sketch([float(special)])
    for number in ["0.1", "1e400", "9007199254740993"]:
        with pytest.raises(ValueError, match="no floating-point number"):
            sketch([Decimal(number)], kind="floating point")


def test_what_is_hinted_at_helps():
    for items, kind in [([1, 2.5], "floating point"), ([2.5, 1], "floating point"), ([1, Decimal("2.5")], "numeric"), ([Decimal("2.5"), 1], "numeric")]:
        with pytest.raises(TypeError, match=f'kind="{kind}" takes both'):
            sketch(items)
        assert sketch(items, kind=kind).estimate() == 2
    with pytest.raises(TypeError, match="not floating point and numeric$"):
        sketch([2.5, Decimal("2.5")])


class Nowhere(dt.tzinfo):
    def utcoffset(self, moment):
        return None


def test_a_zone_that_says_nothing_is_none():
    assert sketch([dt.datetime(2026, 1, 1, tzinfo=Nowhere())]) == sketch([dt.datetime(2026, 1, 1)])


def test_zones_are_postgresqls():
    for hours in [-16, 16, 23]:
        with pytest.raises(ValueError, match="16 hours or more"):
            sketch([dt.time(1, tzinfo=dt.timezone(dt.timedelta(hours=hours)))])
    assert sketch([dt.time(1, tzinfo=dt.timezone(dt.timedelta(hours=-15, minutes=-59)))]).kind == "time or interval"


def test_bytes_are_no_collection():
    for items in [b"ab", bytearray(b"ab"), memoryview(b"ab")]:
        with pytest.raises(TypeError, match="of which the bytes would be counted"):
            sketch(items)


def test_a_batch_without_values_says_nothing_of_the_type():
    import numpy as np
    import pandas as pd

    for nothing in [[], [None], np.array([], "f8"), pd.Series([None, None], dtype="float64"), pd.Series([], dtype="category")]:
        builder = cvm_count.Builder()
        builder.update(nothing)
        builder.update([1, 2])
        assert builder.sketch() == sketch([1, 2])
    builder = cvm_count.Builder()
    with pytest.raises(ValueError):
        builder.update(["a\0"])
    builder.update([1])
    with pytest.raises(TypeError):
        builder.update(["a"])
    assert builder.sketch() == sketch([1])
