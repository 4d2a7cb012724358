"""The picture of the benchmark from Python."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

# Colours that the colour-blind tell apart.
plt.style.use("tableau-colorblind10")

KINDS = {"str": "texts", "int": "integers"}


def plot(rows: list[dict], path: str):
    """The time of an item, a line for each form and what it takes, a panel for each kind of items."""
    rows = [row for row in rows if row["ns_an_item"]]
    # All forms take integers; one of them nothing else.
    labels = list(dict.fromkeys((row["form"], row["input"]) for row in rows if row["column"].startswith("int")))
    figure, panels = plt.subplots(1, 2, figsize=(9, 0.26 * len(labels) + 1.2), sharex=True, sharey=True)
    for axes, (kind, title) in zip(panels, KINDS.items()):
        of_kind = [row for row in rows if row["column"].startswith(kind)]
        for y, label in enumerate(labels):
            points = [row for row in of_kind if (row["form"], row["input"]) == label]
            colour = "C0" if label[0].startswith("cvm_count") else "C1" if label[0].startswith("article") else "C3"
            axes.plot([row["ns_an_item"] for row in points], [y] * len(points), "-", color=colour, linewidth=1)
            for row in points:
                axes.plot(row["ns_an_item"], y, "o" if "all" in row["column"] else "s", color=colour, markersize=5,
                          fillstyle="none" if "all" in row["column"] else "full")
        axes.set_xscale("log")
        axes.set_xticks([1, 3, 10, 30, 100, 300, 1000], ["1", "3", "10", "30", "100", "300", "1,000"])
        axes.minorticks_off()
        axes.grid(axis="x", linewidth=0.4)
        axes.set_title(title)
        axes.set_xlabel("nanoseconds an item; circles: all distinct")
    panels[0].set_yticks(range(len(labels)), [f"{form} ({given})" for form, given in labels], fontsize=8)
    panels[0].invert_yaxis()
    figure.tight_layout()
    figure.savefig(path)
