#!/usr/bin/env python3
"""Holds the figures in the pages against bench/results, or fills them in. Usage: scripts/figures.py [--check]

A page has a figure between two comments, `<!-- NAME -->1.05<!-- /NAME -->`, not at the beginning of a line; a table has them on
lines of their own. What stands between them comes from here. A figure of which the results have nothing is left as it is, and
named."""

import csv
import os
import re
import sys

PAGES = ["README.md", "bench/README.md", "docs/python.md", "docs/servers.md"]


def results(name):
    path = f"bench/results/{name}.csv"
    if not os.path.exists(path):
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


SQL, MEMORY, STORED, DASHBOARDS, WINDOWS, PYTHON = map(results, ["sql", "memory", "stored", "dashboards", "windows", "python"])


class Missing(Exception):
    """The results have nothing for a figure."""


def some(rows, what):
    if not rows:
        raise Missing(what)
    return rows


def work(name):
    """The rows of a work: its base, ours, the peers, the exact forms."""
    return some([row for row in SQL if row["work"] == name], f"the work {name!r}")


def one(rows, query):
    return some([row for row in rows if row["query"] == query], f"the query {query!r}")[0]


def ratio(name, query="cvm_count"):
    return f"{float(one(work(name), query)['ratio']):.2f}"


def is_exact(row):
    return row["query"].startswith("count(DISTINCT")


def table(head, rows):
    return "\n" + "".join(f"| {' | '.join(row)} |\n" for row in [head, ["---"] * len(head), *some(rows, "any row of the table")])


def kilobytes(size):
    return f"{size / 1000:.1f} kB" if size < 10_000 else f"{size / 1000:.0f} kB"


def faster():
    """What a user gains: the exact form of a work, or of a dashboard's query, beside ours."""
    def line(what, exact_ms, ours_ms, error):
        exact, ours = float(exact_ms) / 1e3, float(ours_ms) / 1e3
        return [what, f"{exact:.2f} s", f"{ours:.2f} s", f"**{exact / ours:.1f} times**", f"{float(error):.1f} %"]

    rows = []
    for name in ["short texts", "integers", "distinct uuids", "numeric"]:
        for exact in [row for row in SQL if row["work"] == name and is_exact(row)]:
            ours = one(work(name), "cvm_count")
            rows.append(line(f"{name}: `{exact['query']}`", exact["median_ms"], ours["median_ms"], abs(float(ours["error_percent"]))))
    for query in ["visitors", "visitors by country", "totals and subtotals", "categories, joined"]:
        row = next(row for row in DASHBOARDS if (row["query"], row["workers"]) == (query, "0"))
        rows.append(line(f"dashboard: {query}", row["exact_ms"], row["approximate_ms"], row["largest_error_percent"]))
    return table(["Counted", "`count(DISTINCT x)`", "approximately", "faster", "largest error"], rows)


def reach(row):
    if not row["reach"]:
        return ""
    missed = round(float(row["ratio"]), 2) > float(row["reach"])
    return f"{float(row['reach']):.2f}{', missed' if missed else ''}"


FEW = r"(.*), ([\d,]+) distinct"
GROUPS = r"GROUP BY, ([\d,]+) values, each (.*)"


def works():
    return dict.fromkeys(row["work"] for row in SQL)


def beside(name):
    """The cells of a work that are alike in all tables: ours, its reach, hll, the exact forms."""
    has_hll = any(row["query"] == "hll" for row in work(name))
    return [f"**{ratio(name)}**", reach(one(work(name), "cvm_count")), ratio(name, "hll") if has_hll else "",
            ", ".join(f"{float(row['ratio']):.2f}" for row in work(name) if is_exact(row))]


def speed():
    """All works, but for those that have a table of their own."""
    rows = []
    for name in works():
        if not re.fullmatch(FEW, name) and not re.fullmatch(GROUPS, name):
            base = work(name)[0]["query"]
            rows.append([name, f"`{base}`" if "(" in base else base, *beside(name)])
    return table(["Work", "against", "cvm_count", "reach", "hll", "exact"], rows)


def few_values():
    rows = [[*match.groups(), *beside(match[0])] for match in (re.fullmatch(FEW, name) for name in works()) if match]
    return table(["Column", "distinct values", "cvm_count", "reach", "hll", "exact"], some(rows, "works of few values"))


def groups():
    rows = [[*match.groups(), *beside(match[0])] for match in (re.fullmatch(GROUPS, name) for name in works()) if match]
    return table(["Values of a group", "each", "cvm_count", "reach", "hll", "exact"], some(rows, "works of groups"))


def own_hashes():
    """Types of which the own hash is measured by itself."""
    rows = []
    for name in dict.fromkeys(row["work"] for row in SQL if row["query"] == "count of its own hash"):
        ours = float(one(work(name), "cvm_count")["median_ms"])
        own = float(one(work(name), "count of its own hash")["median_ms"])
        count = next(float(row["median_ms"]) for row in work(name) if re.match(r"count\((?!DISTINCT)", row["query"]))
        rows.append([name, f"{ours / count:.2f}", f"{ours / own:.2f}", f"{work(name)[0]['query']}: {reach(one(work(name), 'cvm_count'))}"])
    return table(["Type", "multiple of `count`", "of the type's own hash alone", "reach, and against what"], rows)


def merging():
    """The union of stored sketches, for one of them."""
    rows = work("10,000 stored sketches")
    sketches = 10_000
    read, merged = (float(one(rows, name)["median_ms"]) / sketches for name in ("reading alone", "cvm_count"))
    return table(["", "for a sketch", "against reading it"], [
        ["reading it, out of line", f"{read:.3f} ms", "1"],
        ["`cvm_sketch_union_agg`, reading included", f"{merged:.3f} ms", f"{merged / read:.2f}"]])


def group(size):
    """Bytes that a group of so many values takes beyond what it takes for count."""
    def bytes_of(query):
        return float(one([row for row in MEMORY if row["values_per_group"] == str(size)], query)["bytes_per_group"])
    return f"{round(bytes_of('cvm_count') - bytes_of('count(v)'), -1):,.0f}"


def stored(sketch):
    """The size of a stored sketch of 100,000 values."""
    sizes = [row for row in STORED if (row["sketch"], row["distinct"]) == (sketch, "100000")]
    return kilobytes(int(some(sizes, f"sizes of {sketch}")[0]["bytes"]))


def machine():
    row = SQL[0]
    return f"{row['cores']} cores of an {row['cpu']}, PostgreSQL {row['server'].split()[0]}, {row['date']}, commit {row['commit']}"


def dashboards():
    times = [float(row["times_faster"]) for row in DASHBOARDS]
    return f"{min(times):.1f} to {max(times):.1f}"


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
        return f"{size / 2**20:.2f} MB"

    lines = [[match[1], server, f"{int(rows['cvm_count']['frame_rows']):,}", *against_reach(rows, "cvm_count", megabytes),
              *against_reach(rows, FINER, megabytes)] for match, server, rows in on_servers(STATES)]
    return table(["Window", "PostgreSQL", "rows of the longest frame", "at epsilon 0.03", "reach", "at epsilon 0.01", "reach"], lines)


def windows_times(query, pattern):
    """The least and the largest multiple of sum that ours takes, over the works of which the name matches."""
    times = [float(row["times_sum"]) for row in some(WINDOWS, "any window") if row["query"] == query and re.match(pattern, row["work"])]
    return f"{min(some(times, 'such windows')):.2f} to {max(times):.2f}"


def windows_machine():
    found = list(dict.fromkeys((row["cores"], row["cpu"], row["server"].split()[0], row["date"], row["commit"]) for row in WINDOWS))
    return "; ".join(f"{cores} cores of an {cpu}, PostgreSQL {server}, {date}, commit {commit}"
                     for cores, cpu, server, date, commit in some(found, "any window"))


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
    "few values": few_values,
    "groups": groups,
    "own hashes": own_hashes,
    "merging": merging,
    "machine": machine,
    "dashboards": dashboards,
    "windows": windows,
    "windows of sketches": windows_of_sketches,
    "windows, memory": windows_memory,
    "windows, machine": windows_machine,
    "windows, 0.03": lambda: windows_times("cvm_count", "ROWS [0-9]|RANGE"),
    "windows, 0.01": lambda: windows_times(FINER, "ROWS [0-9]|RANGE"),
    "python, the article's list": python_story,
    "python, speed": python_speed,
    "python, reach": python_reach,
    "python, machine": python_machine,
    "python, versions": python_versions,
    "python, to": lambda: f"{milliseconds(TEXTS, 'cvm_count', 'Arrow') / 1e3:.3f} s",
    "python, import": lambda: f"{milliseconds('import', 'cvm_count', ''):.0f} ms",
    "python, ten items": lambda: f"{1e3 * milliseconds('str, 10 items', 'cvm_count'):.1f} µs",
    "integers": lambda: ratio("integers"),
    "nanoseconds a row": lambda: f"{float(one(work('integers'), 'cvm_count')['median_ms']) / 10:.0f}",
    "union": lambda: ratio("10,000 stored sketches"),
    "union, hll": lambda: ratio("10,000 stored sketches", "hll"),
    "groups of 100": lambda: ratio("GROUP BY, groups of 100"),
    "groups of 5": lambda: ratio("GROUP BY, groups of 5"),
    "groups of 5, exact": lambda: ratio("GROUP BY, groups of 5", "count(DISTINCT v)"),
    **{f"group of {size}": lambda size=size: group(size) for size in (7, 16, 100)},
    "stored": lambda: stored("cvm_count"),
    "stored, hll": lambda: stored("hll, log2m 13"),
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
