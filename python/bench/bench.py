"""The benchmark from Python: what it takes to count the distinct values of ten million, in time, memory and error.

Within a column, the forms run interleaved, A B C A B C ..., in one process, each library on one thread unless its name says otherwise.
Reported are the least, the median and the largest time. Memory is weighed in a process for each: the most that the call took beyond
its input. python/bench/run makes what it needs and starts it."""

import argparse
import csv
import ctypes
import gc
import importlib.metadata
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time

# Before the libraries look.
os.environ["POLARS_MAX_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import pyarrow

from forms import FORMS, ROWS, Column, Form

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "results")
FIELDS = ["column", "form", "input", "rounds", "best_ms", "median_ms", "max_ms", "ns_an_item", "peak_mb", "error_percent", "version",
          "commit", "cpu", "cores", "python", "date"]

# A form of which a call takes longer than this, in seconds, runs in fewer rounds.
SLOW = 1.0
IMPORTED = ["cvm_count", "numpy", "polars", "duckdb", "pandas", "pyarrow"]
SMALL_CALLS = 5_000


def in_a_process(function, *arguments):
    """What the function returns, called in a process of its own that has what this one has."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=lambda: theirs.send(function(*arguments)))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        sys.exit("a measurement has failed; its message is above")
    finally:
        process.join()


def seconds(call, threads: int = 1) -> tuple[float, float]:
    """How long the call took, and what it returned. One thread is timed by the processor's clock, which leaves out what others did
    meanwhile, and several by that on the wall."""
    clock = time.process_time if threads == 1 else time.perf_counter
    start = clock()
    result = call()
    return clock() - start, result


def times_of(forms: list[Form], column: Column, rounds: int) -> list[dict]:
    """The times of each form, interleaved, and the error of its first call."""
    pyarrow.set_cpu_count(1)
    calls = [form.make(column) for form in forms]
    times: list[list[float]] = [[] for _ in forms]
    counts: list[float] = []
    gc.collect()
    gc.disable()
    for number in range(rounds):
        for form, call, taken in zip(forms, calls, times):
            if taken and max(taken) > SLOW and number * 2 >= rounds:
                continue
            took, count = seconds(call, form.threads)
            taken.append(took)
            if number == 0:
                counts.append(count)
    return [{**summary(taken, column.rows), "error_percent": 100 * (count / column.distinct - 1)} for taken, count in zip(times, counts)]


def summary(taken: list[float], items: int | None = None) -> dict:
    """The columns of times; `items` is how many a call counts."""
    return {"rounds": len(taken), "best_ms": 1e3 * min(taken), "median_ms": 1e3 * statistics.median(taken), "max_ms": 1e3 * max(taken),
            "ns_an_item": 1e9 * min(taken) / items if items else None}


def status(name: str) -> int:
    """A size of this process, in bytes."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(f"{name}:"))


def peak_of(form: Form, column: Column) -> float:
    """The most memory that a call takes beyond what is there before it, in MB."""
    pyarrow.set_cpu_count(1)
    call = form.make(column)
    # A library sets up threads and pools with its first call: this one is of few items.
    form.make(Column(column.kind, 10, 100))()
    gc.collect()
    # What was freed is given back, for the call not to find it.
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as file:
        # The mark of the most so far is set back to what there is now.
        file.write("5")
    before = status("VmRSS")
    call()
    return (status("VmHWM") - before) / 1e6


def of_column(kind: str, distinct: int, rows: int, rounds: int) -> list[dict]:
    """All forms over a column. It is made here, so that each process below has it, and no library but Arrow is there yet."""
    column = Column(kind, distinct, rows)
    forms = [form for form in FORMS if kind in form.kinds]
    results = in_a_process(times_of, forms, column, rounds)
    for form, result in zip(forms, results):
        result |= {"column": f"{kind}, {'all' if distinct == rows else f'{distinct:,}'} distinct", "form": form.name, "input": form.takes}
        result["peak_mb"] = in_a_process(peak_of, form, column)
        result["version"] = importlib.metadata.version(form.package) if form.package else platform.python_version()
    return results


def small_calls(rounds: int) -> list[dict]:
    """A call with ten items."""
    columns = [Column(kind, 10, 10) for kind in ("str", "int")]
    calls = [(column, form, form.make(column)) for column in columns for form in FORMS
             if column.kind in form.kinds and form.threads == 1]
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for (_, form, call), taken in zip(calls, times):
            count = SMALL_CALLS if form.name.startswith(("cvm_count", "len", "article")) else SMALL_CALLS // 50
            taken.append(seconds(lambda: [call() for _ in range(count)])[0] / count)
    return [{**summary(taken), "column": f"{column.kind}, 10 items", "form": form.name, "input": form.takes,
             "version": importlib.metadata.version(form.package) if form.package else platform.python_version()}
            for (column, form, _), taken in zip(calls, times)]


def imports(rounds: int) -> list[dict]:
    """How long the import takes in a new process, beyond that process itself."""
    times: dict[str, list[float]] = {name: [] for name in IMPORTED}
    for _ in range(rounds):
        for name, taken in times.items():
            program = f"import time; start = time.process_time(); import {name}; print(time.process_time() - start)"
            taken.append(float(subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True).stdout))
    return [{**summary(taken), "column": "import", "form": name, "input": "", "version": importlib.metadata.version(name)}
            for name, taken in times.items()]


def machine(commit: str) -> dict:
    with open("/proc/cpuinfo") as file:
        cpu = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    return {"commit": commit, "cpu": cpu, "cores": os.cpu_count(), "python": platform.python_version(), "date": time.strftime("%Y-%m-%d")}


def show(row: dict):
    def cell(field: str, form: str) -> str:
        return "" if row.get(field) is None else form.format(row[field])

    print(f"{row['column']:24} {row['form']:36} {row['input']:8} {cell('best_ms', '{:,.4f}'):>12} {cell('median_ms', '{:,.4f}'):>12} "
          f"{cell('ns_an_item', '{:.2f}'):>8} {cell('peak_mb', '{:,.1f}'):>9} {cell('error_percent', '{:+.2f}'):>7}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, help=f"items of a column (default: {ROWS:,})")
    parser.add_argument("--rounds", type=int, default=6, help="calls of each form; half as many of one that takes a second (default: 6)")
    parser.add_argument("--out", default=RESULTS, help="folder for the CSV")
    parser.add_argument("--commit", default="unknown", help="recorded with the results")
    arguments = parser.parse_args()
    about = machine(arguments.commit)
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(f"{'column':24} {'form':36} {'input':8} {'best ms':>12} {'median ms':>12} {'ns/item':>8} {'peak MB':>9} {'error %':>7}")
    rows = imports(10) + in_a_process(small_calls, 7)
    for row in rows:
        show(row)
    for kind in ("str", "int"):
        for distinct in (arguments.rows // 100, arguments.rows):
            measured = in_a_process(of_column, kind, distinct, arguments.rows, arguments.rounds)
            for row in measured:
                show(row)
            rows += measured
    with open(os.path.join(arguments.out, "python.csv"), "w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows({**row, **about} for row in rows)


if __name__ == "__main__":
    main()
