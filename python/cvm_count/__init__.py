"""Mergeable approximate distinct counts: the sketches of the PostgreSQL extension cvm_count, made in Python.

    >>> import cvm_count
    >>> cvm_count.sketch(["a", "b", "a"]).estimate()
    2

A sketch that is made here has the bytes that the server makes of the same values. docs/python.md has the whole story.
"""

from ._cvm_count import Builder, Sketch, __version__, count_approx, hash, sketch, union

__all__ = ["Builder", "Sketch", "__version__", "count_approx", "hash", "sketch", "union"]
