"""`count_approx` of the article that this project starts from, written anew in its three forms: in Python, and twice in Rust.

The algorithm is CVM with a random coin at every row (Chakraborty, Vinodchandran and Meel, arXiv 2301.10191). An estimate is within
epsilon of the true number, but for a probability of delta. These forms are there to compare with, and nothing uses them."""

import math
import random
from collections.abc import Hashable, Sequence

from article._article import count_approx_naive, count_approx_optimised

__all__ = ["count_approx", "count_approx_naive", "count_approx_optimised"]


def count_approx(items: Sequence[Hashable], epsilon: float = 0.5, delta: float = 0.001) -> int:
    """The approximate number of distinct items. The coins are those of the module `random`."""
    threshold = math.ceil(12 / epsilon**2 * math.log2(8 * max(1, len(items)) / delta))
    kept: set[Hashable] = set()
    probability = 1.0
    for item in items:
        kept.discard(item)
        if random.random() < probability:
            kept.add(item)
        while len(kept) >= threshold:
            kept = {item for item in kept if random.random() < 0.5}
            probability /= 2
    return int(len(kept) / probability)
