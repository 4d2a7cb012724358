"""Draws the pictures of results from their CSV files alone, so that they can be drawn anew without measuring.

Usage: bench/pictures.py [FOLDER...], by default those of the committed results. A picture is written beside its CSV file; one without
such a file is left out. The same results give the same file."""

import math
import os
import re
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.append(os.path.join(ROOT, "scripts"))

from binomial import rate_with
from measured import best_exact, on_newest, rows_of, servers, version

FOLDERS = [os.path.join(ROOT, "bench", "results"), os.path.join(ROOT, "docs", "accuracy")]

# The look: a system has one colour and one marker in all pictures. The colour-blind tell them apart.
LOOK = {"cvm_count": ("#0072B2", "o"), "hll": ("#D55E00", "s"), "theta": ("#009E73", "^"), "exact": ("#333333", "D"),
        "count": ("#999999", "|"), "article": ("#882255", "X"), "polars": ("#E69F00", "<"), "duckdb": ("#999933", ">")}
COLOUR = {system: colour for system, (colour, _) in LOOK.items()}
MARKER = {system: marker for system, (_, marker) in LOOK.items()}

plt.rcParams.update({
    "svg.hashsalt": "cvm_count", "font.size": 10, "axes.titlesize": 10, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#888888", "axes.grid": True, "axes.axisbelow": True,
    "grid.color": "#EEEEEE", "legend.frameon": False, "lines.linewidth": 1.6, "lines.markersize": 5.5,
    "xtick.color": "#888888", "xtick.labelcolor": "black", "ytick.color": "#888888", "ytick.labelcolor": "black"})


def number(value):
    """1,000; 10 M."""
    return f"{value / 1e6:,.0f} M" if value >= 1e6 else f"{value:,.10g}"


def size(value):
    """Of bytes: 100 B, 10 kB, 1 MB."""
    for unit, name in [(1e6, "MB"), (1e3, "kB")]:
        if value >= unit:
            return f"{value / unit:,.10g} {name}"
    return f"{value:,.10g} B"


def log_ticks(axis, values, text=number):
    """A logarithmic axis with these ticks, written plainly."""
    (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("log")
    axis.set_ticks(values, [text(value) for value in values])
    axis.set_ticks([], minor=True)


def powers(first, last, step=1):
    return [10**power for power in range(first, last + 1, step)]


def head(figure, title, below=""):
    """The title of a picture, and a line below it, from the left edge."""
    height = figure.get_figheight()
    figure.text(0.012, 1 - 0.12 / height, title, fontsize=13, fontweight="bold", va="top")
    figure.text(0.012, 1 - 0.40 / height, below, fontsize=10, color="#555555", va="top")


def arrange(figure, left, right, top=0.85, bottom=0.6, **spaces):
    """The margins, in inches, of which the top has the title."""
    width, height = figure.get_size_inches()
    figure.subplots_adjust(left=left / width, right=1 - right / width, top=1 - top / height, bottom=bottom / height, **spaces)


def label_ends(axes, ends, gap=14):
    """Writes what a line is beside its last point: of (x, y, text, colour), moved up and down so far that none covers another."""
    ends = sorted(ends, key=lambda end: end[1])
    points = [axes.transData.transform((x, y))[1] * 72 / axes.figure.dpi for x, y, _, _ in ends]
    places = list(points)
    for _ in range(200):
        for lower, upper in zip(range(len(ends)), range(1, len(ends))):
            lacking = max(0, gap - (places[upper] - places[lower]))
            places[lower], places[upper] = places[lower] - lacking / 2, places[upper] + lacking / 2
    for (x, y, text, colour), point, place in zip(ends, points, places):
        axes.annotate(text, (x, y), (9, place - point), textcoords="offset points", va="center", color=colour, annotation_clip=False)


def save(figure, folder, name):
    figure.savefig(os.path.join(folder, f"{name}.svg"), metadata={"Date": None})
    plt.close(figure)


def of_newest_server(rows):
    """The rows of the newest server, and its name."""
    newest = on_newest(rows)
    return newest, f"PostgreSQL {version(newest[0])}"


# Of each system the query that is shown, of sketches the one with the error of ours, and its name.
SYSTEMS = {"cvm_count": ("cvm_count", "cvm_count"), "hll": ("hll, log2m 13", "hll at the same error"),
           "theta": ("theta, lgk 13", "DataSketches theta"), "count": ("count(v)", "count(x)"), "exact": (None, "fastest exact form")}
COMPARED = ["cvm_count", "hll", "theta", "exact"]


def measured(rows, work, system):
    """The row of a system in a work, or None. Of exact forms, the fastest."""
    of_work = [row for row in rows if row["work"] == work]
    return best_exact(of_work) if system == "exact" else next((row for row in of_work if row["query"] == SYSTEMS[system][0]), None)


def key(system, label=None, **options):
    """The entry of a system in a legend."""
    return Line2D([], [], color=COLOUR[system], marker=MARKER[system], label=label or SYSTEMS[system][1], **options)


def legend(figure, handles, left, top, columns=4):
    """A legend in lines, from so many inches off the left edge and the top."""
    width, height = figure.get_size_inches()
    figure.legend(handles=handles, ncol=columns, loc="upper left", bbox_to_anchor=(left / width, 1 - top / height), borderpad=0)


def multiples(axis, drawn, most):
    """The axis of multiples of count, which is 1: all that are drawn, and so much more than the largest."""
    low, high = min(0.85, 0.9 * min(drawn)), most * max(drawn)
    log_ticks(axis, [multiple for multiple in [0.5, 1, 1.5, 2, 3, 5, 10, 20, 50] if low < multiple < high])
    (axis.axes.set_xlim if axis.axis_name == "x" else axis.axes.set_ylim)(low, high)


# The works that are shown first, in words.
SHOWN = {
    "short texts": "10 M short texts, 100,000 distinct",
    "short texts, 10,000,000 distinct": "10 M short texts, all distinct",
    "integers": "10 M integers, 100,000 distinct",
    "integers, 100 distinct": "10 M integers, 100 distinct",
    "integers, 10,000,000 distinct": "10 M integers, all distinct",
    "distinct uuids": "10 M uuids, all distinct",
    "short texts, 2 workers": "10 M short texts, 2 parallel workers",
    "GROUP BY, 100 values, each once": "25,000 groups of 100 values",
    "GROUP BY, 1,000 values, each 10 times": "250 groups of 1,000 values, 10 times each",
}


def short_form(query):
    """An exact form without the names of columns, and without how a group is sorted."""
    return re.sub(r"count\(DISTINCT \w+( COLLATE \"\w+\")?\).*", r"count(DISTINCT x\1)", query)


def ratios(rows, folder):
    """A row of dots for each work."""
    rows, server = of_newest_server(rows)
    figure, axes = plt.subplots(figsize=(9, 6.2))
    shown = ["cvm_count", "hll", "exact"]
    drawn = [1]
    for y, work in enumerate(SHOWN):
        found = {system: row for system in shown if (row := measured(rows, work, system))}
        for system, row in found.items():
            ratio, is_ours = float(row["ratio"]), system == "cvm_count"
            axes.plot(ratio, y, MARKER[system], color=COLOUR[system], markersize=9 if is_ours else 7, zorder=3)
            text = f"{ratio:.2f}" if ratio < 3 else f"{ratio:.1f}"
            # Above, below and beside its dot, so that none covers another.
            if system == "exact":
                axes.annotate(f"{text}  {short_form(row['query'])}", (ratio, y), (9, 0), textcoords="offset points", va="center", fontsize=9,
                              color=COLOUR[system], bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})
            else:
                axes.annotate(text, (ratio, y), (0, 7 if is_ours else -16), textcoords="offset points", ha="center", fontsize=9,
                              color=COLOUR[system], fontweight="bold" if is_ours else "normal")
        ends = [1, *(float(row["ratio"]) for row in found.values())]
        axes.plot([min(ends), max(ends)], [y, y], color="#DDDDDD", linewidth=2, zorder=1)
        drawn += ends
    axes.axvline(1, color=COLOUR["count"], linewidth=1.5, zorder=2)
    axes.set_yticks(range(len(SHOWN)), SHOWN.values())
    axes.set_ylim(len(SHOWN) - 0.4, -0.7)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    multiples(axes.xaxis, drawn, 1.7)
    axes.set_xlabel("time, as a multiple of count(x)'s over the same rows")
    head(figure, "What does it cost to count distinct values? Left is faster",
         f"{server}; 1 is count(x). The fastest exact form, of three and of two sizes of work_mem, is named.")
    arrange(figure, 3.3, 0.15, top=1.1)
    legend(figure, [key(system, linestyle="none", markersize=8) for system in shown], 3.2, 0.75)
    save(figure, folder, "ratios")


def lines_of(axes, rows, works):
    """The multiples of the systems that are compared, over the number that each work stands for; returns them."""
    drawn = [1]
    for system in COMPARED:
        points = sorted((x, float(row["ratio"])) for work, x in works.items() if (row := measured(rows, work, system)))
        axes.plot([x for x, _ in points], [y for _, y in points], marker=MARKER[system], color=COLOUR[system])
        drawn += [y for _, y in points]
    axes.axhline(1, color=COLOUR["count"], linewidth=1.5)
    return drawn


def numbers_of(rows, pattern):
    """Of works whose name matches, the number in the name."""
    matches = [match for work in dict.fromkeys(row["work"] for row in rows) if (match := re.fullmatch(pattern, work))]
    return {match[0]: int(match[1].replace(",", "")) for match in matches}


def columns(rows, folder):
    """The multiple over the distinct values of a column."""
    rows, server = of_newest_server(rows)
    figure, panels = plt.subplots(1, 2, figsize=(9, 4.4), sharey=True)
    drawn = []
    for axes, kind in zip(panels, ["integers", "short texts"]):
        works = numbers_of(rows, rf"{kind}, ([\d,]+) distinct") | {kind: 100_000}
        drawn += lines_of(axes, rows, works)
        log_ticks(axes.xaxis, [power for power in powers(0, 6, 2) if power >= min(works.values())])
        axes.set_title(f"10 M {kind}")
        axes.set_xlabel("distinct values of the column")
    multiples(axes.yaxis, drawn, 1.2)
    panels[0].set_ylabel("multiple of count(x)'s time")
    head(figure, "Few distinct values or many: what does it cost? Lower is faster",
         f"{server}; 1 is count(x)")
    arrange(figure, 0.65, 0.3, top=1.35, wspace=0.1)
    legend(figure, [key(system) for system in COMPARED], 0.6, 0.75)
    save(figure, folder, "columns")


# The rows of the works in groups.
GROUPED = 2_500_000


def groups(rows, folder):
    """Above the multiple, below the bytes of a value of ours, over the distinct values of a group."""
    rows, server = of_newest_server(rows)
    figure, panels = plt.subplots(2, 2, figsize=(9, 6.2), sharex=True, sharey="row", height_ratios=[3, 2])
    drawn = []
    for (above, below), times in zip(panels.T, [1, 10]):
        each = "once" if times == 1 else f"{times} times"
        works = numbers_of(rows, rf"GROUP BY, ([\d,]+) values, each {each}")
        drawn += lines_of(above, rows, works)
        points = [(values, 1024 * float(row["memory_kb"]) / (GROUPED // (values * times)) / values)
                  for work, values in works.items() if (row := measured(rows, work, "cvm_count")) and row["memory_kb"]]
        below.plot(*zip(*sorted(points)), marker=MARKER["cvm_count"], color=COLOUR["cvm_count"])
        above.set_title(f"each value {each}")
        log_ticks(below.yaxis, [5, 10, 20, 50, 100], size)
        log_ticks(below.xaxis, sorted(works.values()))
        below.set_xlabel("distinct values of a group")
    multiples(above.yaxis, drawn, 1.2)
    panels[0][0].set_ylabel("multiple of\ncount(x)'s time")
    panels[1][0].set_ylabel("memory of cvm_count,\nfor each value")
    head(figure, "Counting in groups: time, and memory for each value. Lower is better",
         f"{server}, 2.5 M rows; 1 is count(x)")
    arrange(figure, 0.95, 0.35, top=1.35, wspace=0.08, hspace=0.12)
    figure.align_ylabels()
    legend(figure, [key(system) for system in COMPARED], 0.9, 0.75)
    save(figure, folder, "groups")


def memory(rows, folder):
    """Bytes of a group over its distinct values. Ours, which alone depends on how often they come, has a line for each."""
    rows, server = of_newest_server(rows)
    figure, axes = plt.subplots(figsize=(9, 4.8))
    log_ticks(axes.xaxis, powers(0, 5))
    log_ticks(axes.yaxis, powers(2, 6), size)
    axes.set_xlim(0.9, 1.15e5)
    axes.set_ylim(80, 2 * max(float(row["bytes_per_group"]) for row in rows))
    arrange(figure, 0.85, 2.3, top=0.95)
    ends = []
    for system in ["cvm_count", "hll", "theta", "count"]:
        query, name = SYSTEMS[system]
        for times in sorted({int(row["times"]) for row in rows if row["query"] == query} if system == "cvm_count" else [1]):
            points = sorted((int(row["values_per_group"]), float(row["bytes_per_group"])) for row in rows
                            if (row["query"], row["times"]) == (query, str(times)))
            if points:
                axes.plot(*zip(*points), marker=MARKER[system], markersize=4, color=COLOUR[system], linestyle="-" if times == 1 else "--",
                          linewidth=2.4 if system == "cvm_count" else 1.6, zorder=3 if system == "cvm_count" else 2)
                ends.append((*points[-1], name if times == 1 else f"{name}, {times} times each", COLOUR[system]))
    label_ends(axes, ends)
    axes.set_xlabel("distinct values of a group")
    axes.set_ylabel("memory of a group")
    head(figure, "How much memory does a group take? Lower is less",
         f"{server}, as EXPLAIN ANALYZE reports. Dashed: each value comes again and again.")
    save(figure, folder, "memory")


def errors(rows, folder):
    """The bands in which the errors are, and what is promised."""
    figure, axes = plt.subplots(figsize=(9, 4.2))
    n = [int(row["n"]) for row in rows]
    low, middle, high = ([100 * float(row[column]) for row in rows] for column in ["p01", "p50", "p99"])
    colour = COLOUR["cvm_count"]
    axes.fill_between(n, low, high, color=colour, alpha=0.25, linewidth=0)
    axes.plot(n, middle, color=colour)
    for epsilon in (-3, 3):
        axes.axhline(epsilon, color=COLOUR["exact"], linewidth=1.5, linestyle="--")
    log_ticks(axes.xaxis, powers(3, 7))
    axes.set_xlim(n[0], n[-1])
    axes.set_ylim(-4, 4)
    axes.set_yticks(range(-4, 5), [f"{percent:+} %" if percent else "0" for percent in range(-4, 5)])
    arrange(figure, 0.75, 2.0)
    label_ends(axes, [(n[-1], 3, "promised: within 3 %,\n99 times of 100", COLOUR["exact"]),
                      (n[-1], -3, "promised", COLOUR["exact"]), (n[-1], middle[-1], "median", colour),
                      (n[-1], high[-1] - 1, "98 of 100 counts\nare in the band", colour)])
    exact = max(x for x, bottom, top in zip(n, low, high) if bottom == top)
    axes.annotate("exact below 8,500", (math.sqrt(n[0] * exact), 0), (0, 8), textcoords="offset points", ha="center", color=colour)
    axes.set_xlabel("distinct values")
    axes.set_ylabel("error of the estimate")
    head(figure, "How far off are the counts?", f"{min(int(row['seeds']) for row in rows):,} to {max(int(row['seeds']) for row in rows):,} "
         "independent sets of each number of values, at the default accuracy")
    save(figure, folder, "errors")


def failures(rows, folder):
    """The rate of failure, with its 99 % interval of Clopper and Pearson, beside the rate that is permitted."""
    # Those below the capacity are exact and cannot fail.
    rows = [row for row in rows if int(row["distinct"]) >= int(row["capacity"])]
    cells = list(dict.fromkeys((row["epsilon"], row["delta"]) for row in rows))
    figure, axes = plt.subplots(figsize=(9, 3.6))
    least, most = 5e-6, 0.2
    log_ticks(axes.xaxis, powers(-5, -1), lambda rate: f"1 in {1 / rate:,.0f}")
    axes.set_xlim(least, most)
    for y, cell in enumerate(cells):
        of_cell = [row for row in rows if (row["epsilon"], row["delta"]) == cell]
        trials, failed = (sum(int(row[column]) for row in of_cell) for column in ("trials", "failed"))
        delta = float(cell[1])
        axes.barh(y, delta - least, 0.56, left=least, color=COLOUR["cvm_count"], alpha=0.12, linewidth=0)
        axes.plot([delta, delta], [y - 0.28, y + 0.28], color=COLOUR["exact"], linewidth=2.5)
        axes.plot([rate_with(failed, trials, 0.005), rate_with(failed + 1, trials, 0.995)], [y, y], color=COLOUR["cvm_count"], linewidth=2)
        axes.plot(failed / trials, y, MARKER["cvm_count"], color=COLOUR["cvm_count"], markersize=8)
        axes.annotate(f"1 in {1 / delta:,.0f}", (delta, y), (7, 0), textcoords="offset points", va="center", color=COLOUR["exact"])
        axes.annotate(f"{failed:,} of {trials:,}", (failed / trials, y), (0, 9), textcoords="offset points", ha="center", fontsize=9,
                      color=COLOUR["cvm_count"])
    axes.set_yticks(range(len(cells)), [f"off by more than {float(epsilon):.0%}".replace("%", " %") for epsilon, _ in cells])
    axes.set_ylim(len(cells) - 0.5, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("share of counts that were off by more")
    head(figure, "How often is a count further off than asked for? Left is better")
    arrange(figure, 1.85, 0.2, top=0.85)
    seen = key("cvm_count", "seen, with its 99 % interval", markersize=8)
    promised = Line2D([], [], color=COLOUR["exact"], marker="|", markersize=14, markeredgewidth=2.5, linestyle="none",
                      label="promised at most (delta)")
    legend(figure, [seen, promised], 1.8, 0.45)
    save(figure, folder, "failures")


def between(rows, folder):
    """The error of intersections with a set of a million values, as a share of the smaller set: of the function and of the operator."""
    rows = [row for row in rows if (row["b"], row["estimate_of"]) == ("1000000", "intersection")]
    figure, axes = plt.subplots(figsize=(9, 4.6))
    function, operator = ("rms_error", "-"), ("rms_error_of_operator", ":")
    # Three shades of ours.
    shades = {0.1: "#8FC4E8", 0.5: "#0072B2", 1: "#00304D"}
    for share, colour in shades.items():
        of_share = sorted((int(row["a"]), row) for row in rows if int(row["both"]) == share * int(row["a"]))
        for column, style in [function, operator]:
            axes.plot([a for a, _ in of_share], [100 * float(row[column]) / a for a, row in of_share], marker="o", markersize=5, color=colour,
                      linestyle=style)
    log_ticks(axes.xaxis, powers(2, 6))
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_yticks([0, 0.1, 1, 10, 100], ["0", "0.1 %", "1 %", "10 %", "100 %"])
    axes.set_yticks([], minor=True)
    axes.set_ylim(-0.02, 220)
    axes.set_xlabel("values of the small set")
    axes.set_ylabel("error, as a share of the small set")
    head(figure, "A small set inside one of a million: how far off is what they share? Lower is better",
         "root mean square of the errors of 100 pairs of sketches")
    arrange(figure, 0.85, 2.5, top=0.95)
    handles = [Line2D([], [], color=COLOUR["exact"], linestyle="-", label="cvm_sketch_\nintersection_bounds(a, b)"),
               Line2D([], [], color=COLOUR["exact"], linestyle=":", label="# (a & b)"),
               *(Line2D([], [], color=colour, marker="o", linestyle="none", label=f"{100 * share:g} % in common")
                 for share, colour in shades.items())]
    legend(figure, handles, 6.7, 1.0, columns=1)
    save(figure, folder, "between")


# The lines over windows: query, system, style, label.
WINDOWS = [("cvm_count", "cvm_count", "-", "cvm_count"), ("cvm_count, epsilon 0.01", "cvm_count", "--", "cvm_count, epsilon 0.01"),
           ("sum(visitor)", "count", "-", "sum(bigint)"), ("exact", "exact", "-", "exact, gaps and islands"),
           ("recomputing", "cvm_count", ":", "cvm_count, each frame anew"), ("hll", "hll", "-", "hll, each frame anew")]


def windows(rows, folder):
    """Time a row over the rows of a frame, a panel for each server."""
    rows = [row for row in rows if re.fullmatch(r"ROWS [\d,]+ PRECEDING", row["work"])]
    oldest_first = servers(rows)[::-1]
    figure, panels = plt.subplots(1, len(oldest_first), figsize=(9, 4.9), sharey=True, squeeze=False)
    for axes, server in zip(panels[0], oldest_first):
        for query, system, style, _ in WINDOWS:
            points = sorted((int(row["frame_rows"]), float(row["us_a_row"])) for row in rows
                            if (version(row), row["query"]) == (server, query))
            axes.plot([x for x, _ in points], [y for _, y in points], marker=MARKER[system], color=COLOUR[system], linestyle=style)
        log_ticks(axes.xaxis, powers(2, 5))
        log_ticks(axes.yaxis, powers(-1, 4), lambda time: f"{time:,g} µs" if time < 1000 else f"{time / 1000:g} ms")
        axes.set_ylim(0.2, 15_000)
        axes.set_title(f"PostgreSQL {server}")
        axes.set_xlabel("rows of the frame")
    panels[0][0].set_ylabel("time for each row")
    head(figure, "For every row, the distinct values of the last n rows. Lower is faster")
    arrange(figure, 0.85, 0.3, top=1.3, wspace=0.08)
    legend(figure, [key(system, label, linestyle=style) for _, system, style, label in WINDOWS], 0.85, 0.5, columns=3)
    save(figure, folder, "windows")


# The forms in Python: what a name has in it -> system. The others are exact.
FORMS = {"cvm_count": "cvm_count", "article": "article", "theta": "theta", "hll": "hll", "polars approx": "polars", "duckdb approx": "duckdb"}


def python(rows, folder):
    """The time of an item, a row for each form and what it takes, the fastest above; a panel for each kind of items."""
    rows = [row for row in rows if row["ns_an_item"]]
    # All forms take integers; one of them nothing else.
    of_integers = {}
    for row in rows:
        if row["column"].startswith("int"):
            of_integers.setdefault((row["form"], row["input"]), []).append(float(row["ns_an_item"]))
    labels = sorted(of_integers, key=lambda label: math.prod(of_integers[label]))
    figure, panels = plt.subplots(1, 2, figsize=(9, 0.26 * len(labels) + 2.0), sharex=True, sharey=True)
    for axes, (kind, title) in zip(panels, {"str": "texts", "int": "integers"}.items()):
        for y, label in enumerate(labels):
            system = next((system for part, system in FORMS.items() if part in label[0]), "exact")
            points = [row for row in rows if row["column"].startswith(kind) and (row["form"], row["input"]) == label]
            axes.plot([float(row["ns_an_item"]) for row in points], [y] * len(points), color=COLOUR[system], linewidth=1)
            for row in points:
                axes.plot(float(row["ns_an_item"]), y, MARKER[system], color=COLOUR[system],
                          fillstyle="none" if "all" in row["column"] else "full")
        log_ticks(axes.xaxis, [1, 10, 100], lambda time: f"{time} ns")
        axes.set_title(title)
        axes.set_xlabel("time an item")
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(labels)), [f"{form} ({given})" for form, given in labels], fontsize=9)
    panels[0].invert_yaxis()
    for text, (form, _) in zip(panels[0].get_yticklabels(), labels):
        if form.startswith("cvm_count"):
            text.set(color=COLOUR["cvm_count"], fontweight="bold")
    head(figure, "Counting ten million items from Python. Left is faster", "filled: 100,000 distinct items; hollow: all distinct")
    arrange(figure, 2.9, 0.2, top=1.35, wspace=0.08)
    names = {"cvm_count": "cvm_count", "polars": "polars, approximate", "duckdb": "duckdb, approximate", "article": "the article's",
             "exact": "exact"}
    legend(figure, [key(system, name) for system, name in names.items()], 0.15, 0.75, columns=5)
    save(figure, folder, "python")


# The CSV file that pictures are drawn from.
PICTURES = {"sql": [ratios, columns, groups], "memory": [memory], "errors": [errors], "windows": [windows], "python": [python],
            "failures": [failures], "between": [between]}


def main():
    for folder in sys.argv[1:] or FOLDERS:
        for name, pictures in PICTURES.items():
            if rows := rows_of(os.path.join(folder, f"{name}.csv")):
                for draw in pictures:
                    draw(rows, folder)


if __name__ == "__main__":
    main()
