"""The blocks of a page that run in order, and what each is shown to print."""

from __future__ import annotations

import ast
import contextlib
import io
import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

BLOCK = re.compile(r"^```(python|sql|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """`shown` is None where no output follows it. `line` is that of the page."""

    language: str
    code: str
    shown: str | None
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    found = list(BLOCK.finditer(text))
    made = []
    for match, following in zip(found, [*found[1:], None]):
        if match[1] == "text":
            continue
        follows = following is not None and following[1] == "text" and not text[match.end() : following.start()].strip()
        made.append(Block(match[1], match[2], following[2] if follows else None, text.count("\n", 0, match.start()) + 1))
    return made


def run_python(code: str, names: dict[str, Any]) -> str:
    """What the block prints, and then its last line's value, or the exception's last line, as an interactive Python shows them."""
    printed = io.StringIO()
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(tree, "page", "exec"), names)
            value = eval(compile(ast.Expression(last.value), "page", "eval"), names) if last else None
            if value is not None:
                print(repr(value))
        except ValueError as error:
            print(f"{type(error).__name__}: {error}")
    return printed.getvalue()


def run_sql(code: str, database: str) -> str:
    """What psql prints."""
    ran = subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", database], input=code, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").split("\n")]
