"""What runs meanwhile: other threads, signals, and whoever writes to what is read."""

import gc
import itertools
import signal
import subprocess
import sys
import threading

import numpy as np
import pyarrow as pa
import pytest

import cvm_count
from cvm_count import sketch

INTERRUPTED = r"""
import itertools, os, signal, sys
import numpy as np, pyarrow as pa
import cvm_count

class Endless:
    def __init__(self):
        table = pa.table({"a": np.arange(1_000_000)})
        self.reader = pa.RecordBatchReader.from_batches(table.schema, itertools.cycle(table.to_batches()))
    def __arrow_c_stream__(self, requested_schema=None):
        return self.reader.__arrow_c_stream__()

def documents():
    return pa.array(["[" + ",".join(map(str, range(300))) + "]"] * 40_000)

items = {"stream": Endless, "iterator": lambda: itertools.repeat(1), "documents": documents}[sys.argv[1]]()
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 0.1)
try:
    cvm_count.sketch(items, threads=int(sys.argv[2]), kind="jsonb" if sys.argv[1] == "documents" else None)
except KeyboardInterrupt:
    print("interrupted")
    os._exit(0)
print("came to its end")
"""


@pytest.mark.parametrize("items, threads", [("stream", 1), ("stream", 3), ("iterator", 1), ("documents", 2)])
def test_an_interrupt_ends_a_call(items, threads):
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED, items, str(threads)], capture_output=True, text=True, timeout=60)
    assert ended.stdout == "interrupted\n", ended.stderr


def test_a_signal_that_raises_nothing_changes_nothing():
    numbers = np.arange(3_000_000)
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        assert sketch(numbers, threads=2) == sketch(pa.array(numbers)) == sketch(numbers.tolist())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_python_runs_meanwhile():
    """A callback of the stream waits for another thread of Python, which needs the lock that a call must not hold."""
    asked, answered = threading.Event(), threading.Event()

    def answer():
        asked.wait()
        answered.set()

    def batches():
        for i in range(3):
            asked.set()
            assert answered.wait(30)
            yield pa.record_batch({"a": [i]})

    other = threading.Thread(target=answer)
    other.start()
    for threads in [1, 2]:
        reader = pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches())
        assert sketch(reader, threads=threads).estimate() == 3
    other.join()


LOCKED = r"""
import itertools, os, threading
import cvm_count

# No Python runs in this iterator, so only the package can let the other thread run.
threading.Timer(0.1, lambda: (print("ran", flush=True), os._exit(0))).start()
cvm_count.sketch(itertools.repeat(1))
"""


def test_other_threads_run_while_objects_are_read():
    ended = subprocess.run([sys.executable, "-c", LOCKED], capture_output=True, text=True, timeout=60)
    assert ended.stdout == "ran\n"


def test_an_array_is_written_to_meanwhile():
    numbers = np.zeros(500_000, "i8")
    is_over = threading.Event()

    def write():
        for i in itertools.count():
            numbers[:] = i % 2
            if is_over.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(20):
            assert sketch(numbers, threads=2).estimate() in (1, 2)
    finally:
        is_over.set()
        writer.join()


def test_a_builder_is_of_one_thread_at_a_time():
    builder = cvm_count.Builder()

    def items():
        yield 1
        with pytest.raises(RuntimeError):
            builder.update([2])
        yield 3

    builder.update(items())
    assert builder.sketch() == sketch([1, 3])


def test_what_was_taken_is_given_back():
    class Item(str):
        pass

    items = [Item(i) for i in range(1_000)]
    counts = [sys.getrefcount(item) for item in items]
    array = np.array(items, object)
    for form in [items, tuple(items), iter(items), array, pa.array(items)]:
        sketch(form)
    with pytest.raises(TypeError):
        sketch([*items, 1])
    before = pa.total_allocated_bytes()
    for _ in range(20):
        sketch(pa.array(range(10_000)))
        with pytest.raises(ValueError):
            sketch(pa.array(["a\0"] * 10_000))
    del array, form
    gc.collect()
    assert pa.total_allocated_bytes() <= before
    assert [sys.getrefcount(item) for item in items] == counts


def test_an_interrupt_of_a_producer_is_one():
    def batches():
        yield pa.record_batch({"a": [1]})
        raise KeyboardInterrupt

    for threads in [1, 2]:
        reader = pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches())
        with pytest.raises(KeyboardInterrupt):
            sketch(reader, threads=threads)
