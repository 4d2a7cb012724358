"""Arrow arrays whose offsets, views and keys are drawn at random, and lead anywhere: an exception or a sketch, never a crash.
Usage: corrupt_buffers.py SEED TRIES. `make fuzz` runs it for long."""

import random
import struct
import sys

import numpy as np
import pyarrow as pa

import cvm_count

random = random.Random(int(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    count = random.randrange(1, 8)
    # pyarrow looks at the first and the last itself.
    numbers = [random.choice([0, 1]), *(random.choice([0, 1, 2, 3, 5, -1, 2**31 - 1, -(2**31)]) for _ in range(count - 1)), random.randrange(2, 7)]
    data = pa.py_buffer(b"abcdef")
    large = random.random() < 0.5
    offsets = pa.py_buffer(np.array(numbers, "i8" if large else "i4").tobytes())
    array = pa.Array.from_buffers(pa.large_binary() if large else pa.binary(), count, [None, offsets, data])
    keys = pa.Array.from_buffers(pa.int32(), count, [None, pa.py_buffer(np.array(numbers[:count], "i4").tobytes())])
    dictionary = pa.DictionaryArray.from_arrays(keys, pa.array(["a", "b", "c"]), safe=False)
    views = pa.py_buffer(b"".join(struct.pack("<iiii", random.choice([0, 5, 12, 13, 50, -1, 2**31 - 1]), 0, random.choice([0, 1, -1]), random.choice([0, 1, -1, 2**31 - 1])) for _ in range(count)))
    view = pa.Array.from_buffers(pa.binary_view(), count, [None, views, pa.py_buffer(bytes(40))])
    for column, legal in [
        (array, all(0 <= a <= b <= 6 for a, b in zip(numbers, numbers[1:]))),
        (dictionary, all(0 <= key < 3 for key in numbers[:count])),
        (view, None),
    ]:
        try:
            cvm_count.sketch(column)
        except ValueError:
            assert not legal
        else:
            assert legal is not False
