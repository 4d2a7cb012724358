"""The class Sketch: what one says, and what becomes of several."""

import copy
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cvm_count
from cvm_count import Sketch, sketch

SETS = st.sets(st.integers(0, 400), max_size=300)
# Few hashes are kept of these, so that the sketches have levels.
COARSE = {"epsilon": 0.5, "delta": 0.1}


@given(SETS, SETS)
def test_operations_are_those_of_sets(a, b):
    x, y = sketch(a), sketch(b)
    for combined, expected in [(x | y, a | b), (x & y, a & b), (x - y, a - b), (cvm_count.union([x, None, y]), a | b)]:
        assert combined.is_exact and not combined.is_derived
        assert int(combined) == combined.estimate() == combined.retained == len(expected)
        assert combined.bounds(0.5) == (len(expected), len(expected))
        assert combined == sketch(expected) or not expected
    assert x.intersection_bounds(y) == (len(a & b),) * 3
    assert x.difference_bounds(y) == (len(a - b),) * 3
    assert x.containment(y) == ((len(a & b) / len(a) if a else 1.0),) * 3
    assert x.jaccard(y)[0] == pytest.approx(len(a & b) / len(a | b) if a | b else 1.0)


@given(st.lists(st.lists(st.integers(0, 5_000), max_size=600), max_size=5), st.integers(-(2**63), 2**63 - 1))
def test_the_union_of_parts_is_the_sketch_of_all(parts, seed):
    whole = sketch([item for part in parts for item in part], **COARSE, seed=seed)
    sketches = [sketch(part, **COARSE, seed=seed) for part in parts]
    assert cvm_count.union(sketches) == whole
    builder = cvm_count.Builder(**COARSE, seed=seed)
    for part in parts:
        builder.update(part)
        builder.sketch()
    assert builder.sketch() == whole
    assert sketch(range(200), seed=seed).seed == seed


@given(st.sets(st.integers(), max_size=300).map(list), st.booleans())
def test_a_sketch_goes_into_bytes_and_text_and_back(items, is_coarse):
    made = sketch([item % 2**63 for item in items], **(COARSE if is_coarse else {}))
    for again in [
        Sketch.from_bytes(bytes(made)),
        Sketch.from_bytes(bytearray(bytes(made))),
        Sketch.from_bytes(memoryview(bytes(made))),
        Sketch.from_str(str(made)),
        pickle.loads(pickle.dumps(made)),
        copy.copy(made),
        copy.deepcopy(made),
    ]:
        assert again == made and hash(again) == hash(made) and bytes(again) == bytes(made)
    assert str(made) == "\\x" + bytes(made).hex()
    assert made != bytes(made) and made != sketch(["other"])


@given(st.data())
def test_corrupt_bytes_are_refused(data):
    intact = bytes(sketch(range(300), **COARSE))
    position = data.draw(st.integers(0, len(intact) - 1))
    for corrupt in [intact[:position], intact + b"\0", intact[:position] + bytes([intact[position] ^ data.draw(st.integers(1, 255))]) + intact[position + 1 :]]:
        try:
            made = Sketch.from_bytes(corrupt)
        except ValueError as error:
            assert str(error).startswith("invalid cvm_sketch: ")
        else:
            # Another sketch: all that it says of itself is legal.
            assert len(corrupt) == len(intact) and bytes(made) == corrupt
            made.estimate(), made.bounds(), repr(made), made.jaccard(made)


def test_faults_are_named():
    for data, fault in [
        (b"", "invalid cvm_sketch: length must be at least 20 bytes, not 0"),
        (b"\3" * 30, "invalid cvm_sketch: format version must be 1 or 2, not 3"),
    ]:
        with pytest.raises(ValueError, match=fault):
            Sketch.from_bytes(data)
    with pytest.raises(ValueError, match="invalid cvm_sketch: no hexadecimal digit at position 3"):
        Sketch.from_str("\\xzz")
    with pytest.raises(TypeError):
        Sketch.from_bytes("\\x00")
    with pytest.raises(TypeError):
        Sketch()


def test_no_values_are_the_servers_empty_sketch():
    empty = "\\x0200000045210000000000000000000000000000"
    for items in [[], (), iter([]), [None, None], set()]:
        made = sketch(items, epsilon=0.5, delta=0.1, seed=7, kind="text")
        assert str(made) == empty
        assert (made.kind, made.capacity, made.seed, made.estimate()) == ("unknown", 8517, 0, 0)
    assert str(cvm_count.union([])) == str(cvm_count.union([None])) == str(cvm_count.Builder(0.1).sketch()) == empty
    assert sketch(["a"], 0.1, seed=3) | made == sketch(["a"], 0.1, seed=3)


def test_what_does_not_go_together_is_refused():
    integers, texts, seeded = sketch([1]), sketch(["1"]), sketch([1], seed=2)
    for operation in [Sketch.__or__, Sketch.__and__, Sketch.__sub__, Sketch.jaccard, Sketch.intersection_bounds, lambda a, b: cvm_count.union([a, b])]:
        with pytest.raises(ValueError, match="same kind of values, not integer and text"):
            operation(integers, texts)
        with pytest.raises(ValueError, match="same seed, not 0 and 2"):
            operation(integers, seeded)
    with pytest.raises(TypeError):
        integers | 1
    with pytest.raises(TypeError):
        cvm_count.union([1])


def test_arguments_are_checked():
    for arguments, error, message in [
        ({"epsilon": 0.6}, ValueError, "epsilon must be between 0.001 and 0.5, not 0.6"),
        ({"epsilon": math.nan}, ValueError, "epsilon must be between 0.001 and 0.5, not NaN"),
        ({"delta": 0}, ValueError, "delta must be between 1e-9 and 0.1, not 0"),
        ({"seed": 2**63}, OverflowError, "int"),
        ({"kind": "Integer"}, ValueError, 'kind must be one of unknown, integer, .*, not "Integer"'),
        ({"threads": 0}, ValueError, "threads must be between 1 and 256, not 0"),
        ({"threads": 257}, ValueError, "threads must be between 1 and 256, not 257"),
        ({"threads": -1}, ValueError, "threads must be between 1 and 256, not -1"),
    ]:
        with pytest.raises(error, match=message):
            sketch([1], **arguments)
        with pytest.raises(error, match=message):
            cvm_count.count_approx([1], **arguments)
    for confidence in [0, 1, math.nan]:
        with pytest.raises(ValueError, match="confidence must be greater than 0 and less than 1, not"):
            sketch([1]).bounds(confidence)


def test_what_an_estimate_says():
    made = sketch(range(100_000))
    assert not made.is_exact and made.level > 0 and made.retained < made.capacity == 8517
    low, high = made.bounds(0.99)
    assert low < made.estimate() < high and low < 100_000 < high
    assert made.bounds(0.5)[0] > low
    assert repr(made).startswith(f"<Sketch: about {made.estimate():,} distinct, ") and "kind integer; epsilon 0.03" in repr(made)
    assert repr(sketch(["a", "b"])) == "<Sketch: exactly 2 distinct; kind text; epsilon 0.03; 33 bytes>"
    both = made & sketch(range(50_000, 150_000))
    assert both.is_derived and "derived" in repr(both)
    assert cvm_count.count_approx(range(100_000)) == made.estimate()


def test_downsampling():
    made = sketch(range(100_000), epsilon=0.02)
    assert made.downsample(0.1) == sketch(range(100_000), epsilon=0.1)
    assert made.downsample(0.1, 0.05) == sketch(range(100_000), 0.1, 0.05)
    with pytest.raises(ValueError, match="cannot downsample a cvm_sketch to epsilon 0.01, which is finer: at delta 0.01, it has epsilon 0.02"):
        made.downsample(0.01)
    with pytest.raises(ValueError, match="made by intersection or difference"):
        (made & made).downsample(0.1)
