#!/usr/bin/env python3
"""Holds the figures in the pages against bench/results, or fills them in. Usage: scripts/figures.py [--check]

A page has a figure between two comments, `<!-- NAME -->1.05<!-- /NAME -->`, not at the beginning of a line; a table has them on
lines of their own. What stands between them comes from here. A figure of which the results have nothing is left as it is, and
named."""

import re
import sys

from measured import best_exact, on_newest, rows_of, servers, version

PAGES = ["README.md", "bench/README.md", "docs/accuracy.md", "docs/format.md", "docs/python.md", "docs/servers.md"]


def results(name):
    return rows_of(f"bench/results/{name}.csv")


SQL, MEMORY, STORED, COSTS, DASHBOARDS, WINDOWS, PYTHON = map(
    results, ["sql", "memory", "stored", "costs", "dashboards", "windows", "python"])


class Missing(Exception):
    """The results have nothing for a figure."""


def some(rows, what):
    if not rows:
        raise Missing(what)
    return rows


def table(head, rows):
    return "\n" + "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *some(rows, "any row of the table")])


def kilobytes(size):
    """Of bytes, of which a kB has 1,000."""
    if size < 1_000:
        return f"{size:.0f} bytes"
    if size >= 1_000_000:
        return f"{size / 1e6:.1f} MB" if size < 10_000_000 else f"{size / 1e6:.0f} MB"
    return f"{size / 1000:.1f} kB" if size < 10_000 else f"{size / 1000:.0f} kB"


def machine(rows):
    """What rows were measured on. All rows of a table are of one commit."""
    found = {(row["cores"], row["cpu"], row["commit"]) for row in some(rows, "any row")}
    if len(found) > 1:
        sys.exit(f"results of several commits or machines stand in one table: {found}")
    (cores, cpu, commit), = found
    dates = " and ".join(sorted({row["date"] for row in rows}))
    return f"{cores} cores of an {cpu}, PostgreSQL {' and '.join(servers(rows))}, {dates}, commit {commit}"


def peers():
    return ", ".join(sorted({name for row in some(SQL, "any row") for name in row["peers"].split(", ")}))


def work(name):
    """The rows of a work by server, the newest first: the base, ours, the peers, the exact forms."""
    rows = some([row for row in SQL if row["work"] == name], f"the work {name!r}")
    return [[row for row in rows if version(row) == server] for server in servers(rows)]


def of_query(rows, query):
    return next((row for row in rows if row["query"] == query), None)


def of_system(rows, system):
    return next((row for row in rows if row["system"] == system), None)


def form(row):
    """An exact form as users write it, without the name of the column; and how the server makes it out."""
    written = re.sub(r"count\(DISTINCT \w+(.*?\))|SELECT DISTINCT", lambda match: f"`count(DISTINCT x{match[1]}`" if match[1] else f"`{match[0]}`",
                     row["query"])
    return f"{written}: {row['plan']}, {row['work_mem']}"


def both(chosen, text):
    """A figure of the newest server, and that of the oldest where they differ by more than 0.05; `chosen` has a row of each, or None."""
    found = [float(row["ratio"]) for row in chosen if row]
    if not found:
        return ""
    far = max(found) - min(found) > 0.05
    return " / ".join(dict.fromkeys(text.format(ratio) for ratio in (found if far else found[:1])))


def ratio(name, pick, text="{:.2f}"):
    return both([pick(rows) for rows in work(name)], text)


def ours(name):
    """The cells of ours and of its reach."""
    rows = [of_system(rows, "cvm_count") for rows in work(name)]
    bound = rows[0]["reach"]
    missed = [version(row) for row in rows if bound and round(float(row["ratio"]), 2) > float(bound)]
    said = "" if not missed else ", missed" if len(missed) == len(rows) else f", missed on {missed[0].split('.')[0]}"
    return [f"**{both(rows, '{:.2f}')}**", f"{float(bound):.2f}{said}" if bound else ""]


def times(name, query):
    return ratio(name, lambda rows: of_query(rows, query))


def best(name):
    """The best exact form: its multiple; and which it is, on the newest server and where that differs, on the oldest."""
    rows = [best_exact(rows) for rows in work(name)]
    if not rows[0]:
        return ["", ""]
    forms = list(dict.fromkeys(form(row) for row in rows))
    return [both(rows, "{:.1f}"), " / ".join(forms)]


PLAIN = r"count\(DISTINCT \w+\)"


def faster():
    """What a user gains: the exact forms of a work beside ours."""
    def seconds(row):
        return f"{float(row['median_ms']) / 1e3:.2f} s"

    lines = []
    for name, words in {
        "short texts": "short texts, 100,000 values",
        "short texts, 10,000,000 distinct": "short texts, all distinct",
        "integers": "integers, 100,000 values",
        "short texts, 2 workers": "short texts, 100,000 values, 2 workers",
        "GROUP BY, 1,000 values, each once": "2.5 million integers in groups of 1,000 values",
    }.items():
        # Sorting takes no workers.
        serial = work(name.removesuffix(", 2 workers"))[0]
        plain = min((row for row in serial if re.fullmatch(PLAIN, row["query"])), key=lambda row: float(row["median_ms"]))
        exact = [best_exact(rows) for rows in work(name)]
        approximate = [of_system(rows, "cvm_count") for rows in work(name)]
        gains = [float(e["median_ms"]) / float(a["median_ms"]) for e, a in zip(exact, approximate)]
        lines.append([words, seconds(plain), f"{seconds(exact[0])}, {exact[0]['plan']}", seconds(approximate[0]),
                      f"**{gains[0]:.1f}**", f"{gains[-1]:.1f}"])
    newest, oldest = (name.split(".")[0] for name in (servers(SQL)[0], servers(SQL)[-1]))
    return table(["Counted", "`count(DISTINCT x)`", "best exact form, and how", "`approx_count_distinct_cvm`",
                  f"times as fast, {newest}", oldest], lines)


FEW = r"(.*), ([\d,]+) distinct"
GROUPS = r"GROUP BY, ([\d,]+) values, each (.*)"
PEERS = {"hll, log2m 11": "hll, 2.3 %", "hll, log2m 13": "hll, 1.1 %", "theta, lgk 13": "theta", "toolkit, 2^13 registers": "toolkit",
         "count_distinct": "`count_distinct`"}


def works():
    return dict.fromkeys(row["work"] for row in SQL)


def against(name):
    base = work(name)[0][0]["query"]
    return f"`{base}`" if "(" in base else base


def speed():
    """All works, but for those that have a table of their own."""
    lines = [[name, against(name), *ours(name)] for name in works()
             if not re.fullmatch(FEW, name) and not re.fullmatch(GROUPS, name)]
    return table(["Work", "against", "cvm_count", "reach"], lines)


# Exact forms without groups: what their queries are like, and their heads in a table.
EXACT = {PLAIN: "`count(DISTINCT x)`", r".*COLLATE.*": '`… COLLATE "C"`', "SELECT DISTINCT": "`SELECT DISTINCT`"}
MEMORIES = ("1GB", "4MB")


def exact_forms():
    """Works without groups: each exact form, with the memory that spares it the disk and with less."""
    def exact(name, pattern, memory):
        return ratio(name, lambda rows: next((row for row in rows if row["system"] == "exact" and row["work_mem"] == memory
                                              and re.fullmatch(pattern, row["query"])), None), "{:.1f}")

    lines = [[name, ours(name)[0], *(exact(name, pattern, memory) for memory in MEMORIES for pattern in EXACT)]
             for name in works() if best(name)[0] and "GROUP BY" not in name]
    return table(["Work", "cvm_count", *(f"{head}, {memory}" for memory in MEMORIES for head in EXACT.values())], lines)


def peers_speed():
    """Works without groups: the peers."""
    lines = [[name, ours(name)[0], *(times(name, query) for query in PEERS)] for name in works()
             if "GROUP BY" not in name and any(times(name, query) for query in PEERS)]
    return table(["Work", "cvm_count", *PEERS.values()], lines)


def few_values():
    lines = [[*match.groups(), *ours(match[0]), times(match[0], "hll, log2m 13"), times(match[0], "theta, lgk 13"), *best(match[0])]
             for match in (re.fullmatch(FEW, name) for name in works()) if match]
    return table(["Column", "distinct values", "cvm_count", "reach", "hll, 1.1 %", "theta", "best exact", "how"], lines)


def groups():
    lines = []
    for match in (re.fullmatch(GROUPS, name) for name in works()):
        if match:
            lines.append([*match.groups(), *ours(match[0]), *(times(match[0], query) for query in list(PEERS)[1:]), *best(match[0])])
    return table(["Values of a group", "each", "cvm_count", "reach", *list(PEERS.values())[1:], "best exact", "how"], lines)


def exact_groups():
    """Exact forms in groups, on each server, in much memory and in little."""
    lines = []
    for match in (re.fullmatch(GROUPS, name) for name in works()):
        for rows in work(match[0]) if match else []:
            found = {(row["query"], row["work_mem"]): float(row["ratio"]) for row in rows if row["system"] == "exact"}
            lines.append([*match.groups(), version(rows[0]), f"**{float(of_system(rows, 'cvm_count')['ratio']):.2f}**", *(
                f"{found[query, memory]:.1f}" if (query, memory) in found else "" for memory in MEMORIES
                for query in ("count(DISTINCT v)", "count(DISTINCT v), not presorted", "SELECT DISTINCT"))])
    heads = ("`count(DISTINCT v)`", "not presorted", "`SELECT DISTINCT`")
    return table(["Values of a group", "each", "PostgreSQL", "cvm_count", *(f"{head}, {memory}" for memory in MEMORIES for head in heads)], lines)


def own_hashes():
    """Types of which the own hash is measured by itself."""
    lines = []
    for name in dict.fromkeys(row["work"] for row in SQL if row["query"] == "count of its own hash"):
        rows = on_newest([row for rows in work(name) for row in rows])
        time = {row["query"]: float(row["median_ms"]) for row in rows}
        count = next(time[query] for query in time if re.match(r"count\((?!DISTINCT)", query))
        lines.append([name, f"{time['cvm_count'] / count:.2f}", f"{time['cvm_count'] / time['count of its own hash']:.2f}",
                      f"{rows[0]['query']}: {ours(name)[1]}"])
    return table(["Type", "multiple of `count`", "of the type's own hash alone", "reach, and against what"], lines)


def merging():
    """The union of stored sketches, for one of them."""
    rows = work("10,000 stored sketches")[0]
    sketches = 10_000
    read, merged = (float(of_query(rows, name)["median_ms"]) / sketches for name in ("reading alone", "cvm_count"))
    return table(["", "for a sketch", "against reading it"], [
        ["reading it, out of line", f"{read:.3f} ms", "1"],
        ["`cvm_sketch_union_agg`, reading included", f"{merged:.3f} ms", f"{merged / read:.2f}"]])


def memory_of_groups():
    """Bytes of a group by its distinct values, on the newest server."""
    rows = on_newest(some(MEMORY, "any row"))
    columns = {"`count`": ("count(v)", "1"), "cvm_count": ("cvm_count", "1"), "each value 40 times": ("cvm_count", "40"),
               "hll, 1.1 %": ("hll, log2m 13", "1"), "theta": ("theta, lgk 13", "1")}
    found = {(row["query"], row["times"], row["values_per_group"]): kilobytes(float(row["bytes_per_group"])) for row in rows}
    lines = [[f"{int(values):,}", *(found.get((query, times, values), "") for query, times in columns.values())]
             for values in dict.fromkeys(row["values_per_group"] for row in rows)]
    return table(["Values of a group", *columns], lines)


def stored_sizes():
    """Bytes of a stored sketch by its distinct values."""
    found = {(row["sketch"], row["distinct"]): int(row["bytes"]) for row in STORED}
    sketches = list(dict.fromkeys(sketch for sketch, _ in found))
    lines = [[f"{int(distinct):,}", *(kilobytes(found[sketch, distinct]) for sketch in sketches)]
             for distinct in dict.fromkeys(distinct for _, distinct in found) if distinct != "0"]
    return table(["Values", *sketches], lines)


def accuracies():
    """What an accuracy costs, on the newest server: (epsilon, delta) -> capacity, typical error, memory where values come once and again."""
    found = {}
    for row in on_newest(some(COSTS, "any row")):
        capacity = int(row["capacity"])
        # The root mean square, which scripts/accuracy.py tries.
        error = 103 / capacity**0.5
        cell = found.setdefault((row["epsilon"], row["delta"]), [capacity, f"{error:.2f} %" if error < 0.1 else f"{error:.1f} %"])
        cell.append(kilobytes(float(row["bytes_per_group"])))
    return found


def marked(cells, is_default):
    return [f"**{cell}**" for cell in cells] if is_default else cells


def accuracy_costs():
    """All accuracies. An eighth of the hashes is dropped at a time."""
    return table(["epsilon", "delta", "exact up to", "typical error", "hashes kept, about", "memory, once", "memory, again and again"], [
        [*marked([epsilon, delta, f"{capacity - 1:,}", error], (epsilon, delta) == ("0.03", "0.01")),
         f"{capacity * 7 // 8:,} to {capacity - 1:,}", once, again]
        for (epsilon, delta), (capacity, error, once, again) in accuracies().items()])


def accuracy_in_short():
    return table(["epsilon", "exact up to", "typical error", "memory of a group, at most"], [
        marked([epsilon, f"{capacity - 1:,}", error, again], epsilon == "0.03")
        for (epsilon, delta), (capacity, error, _, again) in accuracies().items() if delta == "0.01" and epsilon in ("0.1", "0.03", "0.01", "0.001")])


def dashboards():
    """The queries of dashboards: exact and approximated, on the newest server; how many times as fast, on all."""
    rows = on_newest(some(DASHBOARDS, "any row"))

    def gains(query, workers):
        found = {version(row): float(row["times_faster"]) for row in DASHBOARDS if (row["query"], row["workers"]) == (query, workers)}
        return " / ".join(f"{found[server]:.1f}" for server in servers(DASHBOARDS))

    lines = []
    for row in rows:
        if row["workers"] == "0":
            lines.append([row["query"], f"{float(row['exact_ms']) / 1e3:.2f} s", f"{float(row['approximate_ms']) / 1e3:.2f} s",
                          gains(row["query"], "0"), gains(row["query"], "2"), f"{float(row['largest_error_percent']):.1f} %"])
    return table(["Query", "exact", "approximated", "times as fast", "with 2 workers", "largest error"], lines)


SKETCHES = r"daily sketches, (.*)"
STATES = r"memory, (.*)"
FINER = "cvm_count, epsilon 0.01"


def on_servers(pattern):
    """The rows of each work over windows of which the name matches, and of each server: match, version, query -> row."""
    found = {}
    for row in WINDOWS:
        match = re.fullmatch(pattern, row["work"])
        if match:
            found.setdefault((row["work"], row["server"].split()[0]), (match, {}))[1][row["query"]] = row
    order = list(dict.fromkeys(row["work"] for row in WINDOWS))
    return [(match, server, rows) for (name, server), (match, rows) in sorted(found.items(), key=lambda item: order.index(item[0][0]))]


def against_reach(rows, query, form):
    """The cells of a figure and of its reach."""
    if query not in rows:
        return ["", ""]
    row = rows[query]
    text, reach_text = form(float(row[row["reach_of"]])), form(float(row["reach"]))
    missed = float(row[row["reach_of"]]) > float(row["reach"]) and text != reach_text
    return [f"**{text}**", f"{reach_text}{', missed' if missed else ''}"]


def windows():
    """Frames of raw rows: as multiples of sum, and rivals in microseconds a row."""
    def microseconds(rows, query):
        return f"{float(rows[query]['us_a_row']):,.2f}" if query in rows else ""

    lines = []
    for match, server, rows in on_servers(f"(?!{SKETCHES}|{STATES}).*"):
        summed, counted = list(rows.values())[:2]
        lines.append([match[0], server, f"{int(summed['frame_rows']):,}", microseconds(rows, summed["query"]),
                      f"{float(counted['times_sum']):.2f}", *against_reach(rows, "cvm_count", "{:.2f}".format),
                      *against_reach(rows, FINER, "{:.2f}".format),
                      *(microseconds(rows, rival) for rival in ["recomputing", "hll", "exact"])])
    return table(["Window", "PostgreSQL", "rows of the longest frame", "`sum`, µs a row", "`count`", "cvm_count", "reach", "at epsilon 0.01",
                  "reach", "each frame anew, µs", "hll, µs", "exact, µs"], lines)


def windows_of_sketches():
    lines = []
    for match, server, rows in on_servers(SKETCHES):
        lines.append([match[1], server, kilobytes(int(rows["cvm_count"]["bytes"])), *against_reach(rows, "cvm_count", "{:,.0f}".format),
                      f"{float(rows['recomputing']['us_a_row']):,.0f}"])
    return table(["Window", "PostgreSQL", "a sketch", "µs a row", "reach", "each frame anew, µs"], lines)


def windows_memory():
    def megabytes(size):
        return f"{size / 1e6:.2f} MB"

    lines = [[match[1], server, f"{int(rows['cvm_count']['frame_rows']):,}", *against_reach(rows, "cvm_count", megabytes),
              *against_reach(rows, FINER, megabytes)] for match, server, rows in on_servers(STATES)]
    return table(["Window", "PostgreSQL", "rows of the longest frame", "at epsilon 0.03", "reach", "at epsilon 0.01", "reach"], lines)


# The columns that are counted from Python: the article's list first.
TEXTS, DISTINCT_TEXTS, INTEGERS, DISTINCT_INTEGERS = PYTHON_COLUMNS = [
    f"{kind}, {distinct} distinct" for kind in ("str", "int") for distinct in ("100,000", "all")]
AS_ARTICLE = "cvm_count, the article's accuracy"


def from_python(column, form, takes="list"):
    """The row of a form over a column."""
    rows = [row for row in PYTHON if (row["column"], row["form"], row["input"]) == (column, form, takes)]
    return some(rows, f"{form} of {takes}, {column}")[0]


def milliseconds(*row):
    return float(from_python(*row)["best_ms"])


def python_story():
    """The article's list: what the article reports, and what each form takes here."""
    rows = []
    for what, form, takes, reported in [
        ("the article's function in Python", "article, Python", "list", 0.78),
        ("its naive Rust, over Python's set", "article, naive Rust", "list", 0.37),
        ("its optimised Rust", "article, optimised Rust", "list", 0.21),
        ("`cvm_count`, the same list and accuracy", AS_ARTICLE, "list", None),
        ("`cvm_count`, the same list, epsilon 0.03", "cvm_count", "list", None),
        ("`cvm_count`, an Arrow column of it, epsilon 0.03", "cvm_count", "Arrow", None),
        ("`cvm_count`, the same on two threads", "cvm_count, 2 threads", "Arrow", None),
    ]:
        row = from_python(TEXTS, form, takes)
        rows.append([what, f"{reported:.2f} s" if reported else "", f"**{float(row['best_ms']) / 1e3:.3f} s**", f"{float(row['error_percent']):+.1f} %"])
    return table(["", "there", "here", "error"], rows)


def python_speed():
    """Nanoseconds an item, of every form and what it takes; the most memory and the largest error over the columns."""
    lines = []
    # All forms take integers; one of them nothing else.
    for form, takes in [(row["form"], row["input"]) for row in PYTHON if row["column"] == INTEGERS]:
        of_form = {row["column"]: row for row in PYTHON if (row["form"], row["input"]) == (form, takes) and row["ns_an_item"]}
        mark = "**" if form.startswith("cvm_count") else ""
        lines.append([f"{mark}{form}{mark}", takes,
                      *(f"{float(of_form[column]['ns_an_item']):.1f}" if column in of_form else "" for column in PYTHON_COLUMNS),
                      f"{max(float(row['peak_mb']) for row in of_form.values()):,.1f}",
                      f"{max(abs(float(row['error_percent'])) for row in of_form.values()):.1f}"])
    return table(["", "takes", "texts, 100,000", "all distinct", "integers, 100,000", "all distinct", "MB", "error, %"], lines)


def python_reach():
    """What had been set out to reach from Python: against another form, and in nanoseconds an item."""
    def bounded(measured, bound, form):
        text, bound_text = form(measured), form(bound)
        return [f"**{text}**", f"{bound_text}{', missed' if measured > bound and text != bound_text else ''}"]

    lines = []
    for column, bound, nanoseconds in [(TEXTS, 0.7, 4), (DISTINCT_TEXTS, 0.7, 4), (INTEGERS, 0.6, 3), (DISTINCT_INTEGERS, 0.6, 3)]:
        for takes in ["Arrow", "NumPy"] if column.startswith("int") else ["Arrow"]:
            ours = from_python(column, "cvm_count", takes)
            peer = milliseconds(column, "polars approx_n_unique", "polars")
            lines.append([f"{takes}, {column}", "polars approx_n_unique",
                          *bounded(float(ours["best_ms"]) / peer, bound, "{:.2f}".format),
                          *bounded(float(ours["ns_an_item"]), nanoseconds, "{:.1f} ns".format)])
    for column, bound in [(TEXTS, 0.75), (INTEGERS, 0.5)]:
        lines.append([f"list, {column}", "article, optimised Rust",
                      *bounded(milliseconds(column, AS_ARTICLE) / milliseconds(column, "article, optimised Rust"), bound, "{:.2f}".format), "", ""])
    for column in PYTHON_COLUMNS:
        one_thread = milliseconds(column, "cvm_count", "Arrow")
        for form, bound in [("cvm_count, 2 threads", 1 / 1.7), ("cvm_count, batches of 1,000", 2)]:
            lines.append([f"Arrow, {column}, {form.split(', ', 1)[1]}", "one call, one thread",
                          *bounded(milliseconds(column, form, "Arrow") / one_thread, bound, "{:.2f}".format), "", ""])
    lines.append(["import", "", "", "", *bounded(milliseconds("import", "cvm_count", ""), 20, "{:.1f} ms".format)])
    for column in ["str, 10 items", "int, 10 items"]:
        for row in PYTHON:
            if (row["column"], row["form"]) == (column, "cvm_count"):
                lines.append([f"{row['input']}, {column}", "", "", "", *bounded(1e3 * float(row["best_ms"]), 3, "{:.1f} µs".format)])
    return table(["", "against", "multiple", "reach", "by itself", "reach"], lines)


def python_machine():
    row = some(PYTHON, "any row from Python")[0]
    return f"{row['cores']} cores of an {row['cpu']}, Python {row['python']}, {row['date']}, commit {row['commit']}"


def python_versions():
    found = {row["form"].split()[0]: row["version"] for row in PYTHON if row["column"] == TEXTS and row["input"] != "list" or "datasketches" in row["form"]}
    return ", ".join(f"{name} {version}" for name, version in some(found, "any version").items() if not name.startswith("cvm_count"))


FIGURES = {
    "faster": faster,
    "speed": speed,
    "exact forms": exact_forms,
    "peers": peers_speed,
    "few values": few_values,
    "groups": groups,
    "exact forms in groups": exact_groups,
    "own hashes": own_hashes,
    "merging": merging,
    "memory of groups": memory_of_groups,
    "stored sizes": stored_sizes,
    "accuracy": accuracy_in_short,
    "accuracy, costs": accuracy_costs,
    "dashboards": dashboards,
    "machine": lambda: machine(SQL),
    "memory, machine": lambda: machine(MEMORY + COSTS),
    "dashboards, machine": lambda: machine(DASHBOARDS),
    "versions of peers": peers,
    "windows": windows,
    "windows of sketches": windows_of_sketches,
    "windows, memory": windows_memory,
    "windows, machine": lambda: machine(WINDOWS),
    "python, the article's list": python_story,
    "python, speed": python_speed,
    "python, reach": python_reach,
    "python, machine": python_machine,
    "python, versions": python_versions,
}


def main():
    check = sys.argv[1:] == ["--check"]
    wrong, unused, missing = [], set(FIGURES), set()
    for page in PAGES:
        with open(page) as file:
            text = file.read()
        # Markdown takes such a line, and what follows it, for HTML.
        wrong += [f"{page}: a line begins with a figure: {line}" for line in re.findall(r"^\s*<!-- [^/]+? -->\S.*", text, re.M)]

        def filled(match):
            name, stands = match.groups()
            unused.discard(name)
            if name not in FIGURES:
                sys.exit(f"{page}: there is no figure {name!r}")
            try:
                figure = FIGURES[name]()
            except Missing as what:
                missing.add(f"{page}: {name}: the results lack {what}")
                return match[0]
            if figure != stands:
                wrong.append(f"{page}: {name} is {stands.strip()!r}, and by the results {figure.strip()!r}")
            return f"<!-- {name} -->{figure}<!-- /{name} -->"

        new = re.sub(r"<!-- ([^/>]+?) -->(.*?)<!-- /\1 -->", filled, text, flags=re.S)
        if not check and new != text:
            with open(page, "w") as file:
                file.write(new)
    wrong += [f"no page has the figure {name!r}" for name in sorted(unused)]
    for line in wrong + sorted(missing):
        print(line)
    print(f"{len(FIGURES) - len(unused)} figures", "filled in" if not check else f"checked, {len(wrong)} wrong")
    sys.exit(check and bool(wrong))


main()
