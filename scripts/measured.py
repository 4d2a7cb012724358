"""What the CSV files of results say, for the pages and for the pictures."""

import csv
import os


def rows_of(path):
    """The rows of a file of results; none if it is not there."""
    if not os.path.exists(path):
        return []
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def version(row):
    """The version of PostgreSQL of a row: 18.6."""
    return row["server"].split()[0]


def servers(rows):
    """The versions of PostgreSQL of rows, the newest first."""
    return sorted({version(row) for row in rows}, key=lambda name: [int(part) for part in name.split(".")], reverse=True)


def on_newest(rows):
    """The rows of the newest server, of which there must be some."""
    newest = servers(rows)[0]
    return [row for row in rows if version(row) == newest]


def best_exact(rows):
    """The fastest exact form, in much memory or in little; None if there is none."""
    return min((row for row in rows if row["system"] == "exact"), key=lambda row: float(row["median_ms"]), default=None)
