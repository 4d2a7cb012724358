"""Arrow's C structures, each with one field changed at random: an exception or a sketch, never a crash.

A pointer that is not null is trusted, as the interface has it, so none is made up here: pointers become null, numbers become any.
Usage: corrupt_structures.py SEED TRIES. It prints how many fields it has changed, and how many of them were refused at least once.
`make fuzz` runs it for long."""

import ctypes
import faulthandler
import os
import random
import sys

import pyarrow as pa

import cvm_count

faulthandler.enable()
get = ctypes.pythonapi.PyCapsule_GetPointer
get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


class Schema(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("format", "name", "metadata")] + [("flags", ctypes.c_int64), ("n_children", ctypes.c_int64)] + [
        (name, ctypes.c_void_p) for name in ("children", "dictionary", "release", "private_data")]


class Array(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")] + [
        (name, ctypes.c_void_p) for name in ("buffers", "children", "dictionary", "release", "private_data")]


class Exported:
    def __init__(self, pair):
        self.pair = pair

    def __arrow_c_array__(self, requested_schema=None):
        return self.pair


words = ["a", None, "a word that is longer than a view", "b"] * 5
columns = [
    pa.array([1, None, 3] * 5), pa.array([True, False]), pa.array(words), pa.array(words, pa.large_utf8()), pa.array(words, pa.string_view()),
    pa.array([b"abc"] * 3, pa.binary(3)), pa.array(words).dictionary_encode(), pa.record_batch({"a": words}), pa.nulls(3),
    pa.record_batch({"a": pa.array(words).dictionary_encode()}), pa.array([1.5]), pa.array([[1], [2]]), pa.array(words)[3:9],
]
# More items, buffers or children than there are would be read where nothing is: that is a pointer's fault, and trusted.
NUMBERS = [-1, -(2**63), 2**63 - 1, 2**62, 0, -2]
FORMATS = [b"\xff", b"", b"x", b"+s", b"+l", b"+w:3", b"w:", b"w:-1", b"w:99999999999", b"d:1", b"d:99,99,256", b"+ud:", b"+r", b"+vl", b"tsx:", b"n", b"vu" * 100]

# The producer's own would walk what was changed.
release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda _: None)

random = random.Random(int(sys.argv[1]))
kept = []
outcomes = {}
for _ in range(int(sys.argv[2])):
    schema, array = pair = random.choice(columns).__arrow_c_array__()
    Array.from_address(get(array, b"arrow_array")).release = ctypes.cast(release, ctypes.c_void_p).value
    kind = random.choice([Schema, Array])
    capsule, name = (schema, b"arrow_schema") if kind is Schema else (array, b"arrow_array")
    raw = kind.from_address(get(capsule, name))
    while random.random() < 0.5:
        # One of the children, or the dictionary.
        inside = [raw.dictionary] if raw.dictionary else []
        if raw.n_children > 0:
            inside += (ctypes.c_void_p * raw.n_children).from_address(raw.children)
        if not inside:
            break
        raw = kind.from_address(random.choice(inside))
    field, of = random.choice(kind._fields_[:-2])
    buffers = kind is Array and raw.buffers and raw.n_buffers > 0 and random.random() < 0.3
    if buffers:
        pointers = (ctypes.c_void_p * raw.n_buffers).from_address(raw.buffers)
        place = random.randrange(raw.n_buffers)
        pointers[place] = None
    elif field == "format":
        text = ctypes.create_string_buffer(random.choice(FORMATS))
        kept.append(text)
        raw.format = ctypes.addressof(text)
    else:
        setattr(raw, field, random.choice(NUMBERS) if of is ctypes.c_int64 else None)
    what = f"{kind.__name__}.{'buffers[]' if buffers else field}"
    print(what, file=sys.stderr, flush=True)
    try:
        cvm_count.sketch(Exported(pair))
        outcome = "sketch"
    except (ValueError, TypeError):
        outcome = "error"
    outcomes.setdefault(what, set()).add(outcome)
    # So would its capsules, and Python at its end.
    kept.append(pair)
print(len(outcomes), sum("error" in outcome for outcome in outcomes.values()), flush=True)
os._exit(0)
