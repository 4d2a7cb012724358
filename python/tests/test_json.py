"""JSON documents, which kind="jsonb" asks for."""

import json
import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvm_count import hash, sketch

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]))
DOCUMENTS = st.recursive(SCALARS, lambda part: st.lists(part) | st.dictionaries(st.text("abä", max_size=3), part), max_leaves=12)


def hash_of(document):
    """Of a sketch of one document, its only hash."""
    return bytes(sketch([document], kind="jsonb"))


@given(DOCUMENTS)
def test_documents_are_their_text(document):
    text = json.dumps(document)
    expected = hash_of(text)
    assert hash_of(json.dumps(document, indent=3, ensure_ascii=False)) == expected
    if isinstance(document, (list, dict)):
        assert hash_of(document) == expected
    if isinstance(document, dict):
        assert hash_of(dict(reversed(document.items()))) == expected
    for array in [pa.array([text, None]), pa.array([text], pa.string_view()), pa.array([text], pa.large_utf8()), np.array([text]), pa.array([text]).dictionary_encode()]:
        assert bytes(sketch(array, kind="jsonb")) == expected


def test_which_documents_are_equal():
    for one, other in [('{"a": 1, "b": 2}', '{"b":2.0,"a":1e0}'), ('{"a": 1, "a": 2}', '{"a": 2}'), ("[1, 2]", "[1.0,2]"), ('"\\u00e4"', '"ä"'), ("0", "-0.0")]:
        assert hash_of(one) == hash_of(other)
    different = ["1", '"1"', "[1]", "[[1]]", "{}", "[]", "null", "[null]", "true", '{"a": 1}', '{"b": 1}', '{"a": null}', "[1, 2]", "[2, 1]", "0.1", "0.10000000000000000001"]
    made = sketch(different, kind="jsonb")
    assert (made.estimate(), made.kind) == (len(different), "jsonb")
    assert sketch([{"a": (1, 2)}], kind="jsonb") == sketch(['{"a": [1, 2]}'], kind="jsonb")


@pytest.mark.parametrize(
    "document, error, message",
    [
        ("{", ValueError, "Expecting"),
        ("NaN", ValueError, "no number of JSON"),
        ("[Infinity]", ValueError, "no number of JSON"),
        ([math.nan], ValueError, "no number of JSON"),
        ('"\\u0000"', ValueError, "NUL"),
        ('"\\ud800"', ValueError, "surrogates"),
        ({1: 2}, TypeError, "keys of a JSON object"),
        ([b"a"], TypeError, "holds nothing of type bytes"),
        ([Decimal("1e200000")], OverflowError, "digits"),
        (1, ValueError, 'integer values are not of kind "jsonb"'),
    ],
)
def test_what_is_no_document(document, error, message):
    with pytest.raises(error, match=message):
        sketch([document], kind="jsonb")


def test_depth_has_an_end():
    document = []
    for _ in range(100_000):
        document = [document]
    with pytest.raises(ValueError, match="500 levels deep"):
        sketch([document], kind="jsonb")
    while document:
        document = document.pop()
    with pytest.raises(ValueError, match="500 levels deep"):
        sketch(["[" * 100_000 + "]" * 100_000], kind="jsonb")


def test_a_document_has_to_be_called_one():
    for holder in [{}, [1], (1, 2)]:
        with pytest.raises(TypeError, match='kind="jsonb" takes it as one'):
            sketch([holder])
        with pytest.raises(TypeError):
            hash(holder)
    with pytest.raises(ValueError, match="same kind"):
        sketch(["1"], kind="jsonb") | sketch(["1"])
