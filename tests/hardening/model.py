"""Sketches as docs/format.md describes them, written from that and not from the code of the extension: what is a valid
sketch, and what the operations make of valid sketches.

A sketch is kept as it is stored, in the format version of its bytes. What is computed is of the present version."""

import math
import struct
from typing import NamedTuple

HEADER = struct.Struct("<BBHIIQ")
DERIVED = 1
KINDS = ["unknown", "integer", "floating point", "numeric", "text", "text under a nondeterministic collation", "bytes", "bit string",
         "date", "timestamp", "time or interval", "enum", "row", "array", "range", "jsonb", "other"]
LEAST_CAPACITY, MOST_CAPACITY = 8, 1 << 26

# The row of thresholds, for whole hashes of 56 bits.
WHOLE = 56
ROW = [1 << WHOLE]
while ROW[-1] // 8 > 0:
    ROW.append(ROW[-1] - ROW[-1] // 8)
LAST_LEVELS = {1: 280, 2: 193}
LAST_LEVEL = LAST_LEVELS[2]
MOST_VALUES = 1 << WHOLE


def width(level, version=2):
    """The number of bits that are kept of each hash: upper ones."""
    return WHOLE if version == 1 else 48 if level == 0 else 40


def threshold(level, version=2):
    """What the hashes of a level are below, as integers of that width."""
    return ROW[level] >> WHOLE - width(level, version)


def cell(hash, level, version=2):
    """What is kept of a hash of 64 bits."""
    return hash >> 64 - width(level, version)


def divided(numerator, denominator):
    """Rounded to the nearest integer."""
    return (2 * numerator + denominator) // (2 * denominator)


def values(cells, width):
    """How many values hit so many of 2^width cells, not rounded."""
    total = 1 << width
    return float(MOST_VALUES) if cells >= total else min(-total * math.log1p(-cells / total), float(MOST_VALUES))


def values_of(cells, width):
    """How many values hit so many of 2^width cells."""
    hit = values(cells, width)
    return MOST_VALUES if hit == MOST_VALUES else min(cells + math.floor(hit - cells + 0.5), MOST_VALUES)


class Near(NamedTuple):
    """A number of which the last digits depend on the order of operations: the texts of all between these."""
    low: float
    high: float

    def __eq__(self, text):
        return text is not None and self.low <= float(text) <= self.high

    def at_most(self, number):
        return Near(min(self.low, number), min(self.high, number))


# By how much a result of a few operations may be off, as a share.
TINY = 1e-9


class Sketch(NamedTuple):
    level: int
    capacity: int
    seed: int
    derived: bool
    hashes: tuple
    kind: int = 0
    version: int = 2

    @property
    def width(self):
        return width(self.level, self.version)

    @property
    def threshold(self):
        return threshold(self.level, self.version)

    def scaled_up(self, count, level=None):
        """The number of cells of which so many belong to the level. There are as many hashes below a threshold as it says."""
        bound = ROW[self.level if level is None else level] >> WHOLE - self.width
        return divided(min(count, bound) << self.width, bound)

    def estimate(self):
        if self.level == 0:
            return len(self.hashes)
        cells = self.scaled_up(len(self.hashes))
        if not self.derived:
            # As many hashes as the capacity belong to the level before, or the level would be lower.
            cells = max(cells, self.scaled_up(self.capacity, self.level - 1))
        return values_of(cells, self.width)

    def read(self):
        """The sketch of the present version that this one is taken for."""
        if self.version == 2:
            return self
        level = min(self.level, LAST_LEVEL)
        cut = {hash >> WHOLE - width(level) for hash in self.hashes}
        return self._replace(version=2, level=level, hashes=tuple(sorted(hash for hash in cut if hash < threshold(level))))

    def cells(self, level):
        """What there is of the hashes at a level that is no lower."""
        dropped = self.width - width(level, self.version)
        return {hash >> dropped for hash in self.hashes if hash >> dropped < threshold(level, self.version)}

    def signed_seed(self):
        return self.seed - (self.seed >> 63 << 64)


NOTHING = Sketch(0, 8517, 0, False, ())


def layout(count, threshold):
    """The width of the low bits, their bytes, and the bits of the bitmap."""
    if count == 0:
        return 0, 0, 0
    low = (threshold // count).bit_length() - 1
    return low, (count * low + 7) // 8, count + ((threshold - 1) >> low)


def encode(sketch):
    header = HEADER.pack(sketch.version, (DERIVED if sketch.derived else 0) | sketch.kind << 1, sketch.level, sketch.capacity, len(sketch.hashes), sketch.seed)
    low, low_bytes, high_bits = layout(len(sketch.hashes), sketch.threshold)
    # Integers of millions of bits are not shifted once for each hash.
    lows = "".join(format(value & (1 << low) - 1, f"0{low}b") for value in reversed(sketch.hashes)) if low else ""
    highs = bytearray((high_bits + 7) // 8)
    for i, value in enumerate(sketch.hashes):
        place = (value >> low) + i
        highs[place // 8] |= 1 << place % 8
    return header + int(lows or "0", 2).to_bytes(low_bytes, "little") + highs


def decode(data):
    """The sketch of these bytes, or None if they are none."""
    if len(data) < HEADER.size:
        return None
    version, flags, level, capacity, count, seed = HEADER.unpack_from(data)
    derived, kind = bool(flags & DERIVED), flags >> 1
    if version not in LAST_LEVELS or kind >= len(KINDS) or level > LAST_LEVELS[version] or (derived and level == 0):
        return None
    bound = threshold(level, version)
    if not LEAST_CAPACITY <= capacity <= MOST_CAPACITY or count >= capacity or count > bound:
        return None
    low, low_bytes, high_bits = layout(count, bound)
    if len(data) != HEADER.size + low_bytes + (high_bits + 7) // 8:
        return None
    lows = int.from_bytes(data[HEADER.size:HEADER.size + low_bytes], "little")
    highs = int.from_bytes(data[HEADER.size + low_bytes:], "little")
    if lows >> count * low or highs >> high_bits or bin(highs).count("1") != count:
        return None
    hashes = []
    for i in range(count):
        lowest = highs & -highs
        highs ^= lowest
        value = lowest.bit_length() - 1 - i << low | lows >> i * low & (1 << low) - 1
        if value >= bound or hashes and value <= hashes[-1]:
            return None
        hashes.append(value)
    return Sketch(level, capacity, seed, derived, tuple(hashes), kind, version)


class Refused(Exception):
    """An operation that has no result: an ERROR with SQLSTATE 22023 and this message."""


def thinned(sketch):
    """At the first level, from its own on, at which the hashes are fewer than the capacity. Such a level knows all its hashes."""
    while len(sketch.hashes) >= sketch.capacity:
        level = sketch.level + 1
        sketch = sketch._replace(level=level, derived=False, hashes=tuple(sorted(sketch.cells(level))))
    return sketch


def made(hashes, level, capacity, seed, kind, derived_level, version=2):
    """The sketch of these hashes, which belong to this level, at it or the first above where they are fewer than the capacity."""
    sketch = thinned(Sketch(level, capacity, seed, False, tuple(sorted(hashes)), kind, version))
    return sketch._replace(derived=sketch.level > 0 and sketch.level == derived_level)


def of_hashes(hashes, capacity, seed=0, kind=0, version=2):
    """The sketch of hashes of 64 bits."""
    return made({cell(hash, 0, version) for hash in hashes}, 0, capacity, seed, kind, None, version)


def common_kind(one, other):
    if one and other and one != other:
        raise Refused(f"cvm_sketch values must be of the same kind of values, not {KINDS[one]} and {KINDS[other]}")
    return one or other


def common(a, b):
    if a.seed != b.seed:
        raise Refused(f"cvm_sketch values must have the same seed, not {a.signed_seed()} and {b.signed_seed()}")
    return max(a.level, b.level), min(a.capacity, b.capacity), a.seed, common_kind(a.kind, b.kind)


def united(a, b):
    """The union of two sketches of the same version, neither of them nothing."""
    level, capacity, seed, kind = common(a, b)
    derived = max((sketch.level for sketch in (a, b) if sketch.derived), default=None)
    return made(a.cells(level) | b.cells(level), level, capacity, seed, kind, derived, a.version)


def union(a, b):
    a, b = a.read(), b.read()
    if NOTHING in (a, b):
        return b if a == NOTHING else a
    return united(a, b)


def intersection(a, b):
    a, b = a.read(), b.read()
    if NOTHING in (a, b):
        other = b if a == NOTHING else a
        return Sketch(other.level, min(a.capacity, b.capacity), other.seed, other.level > 0, (), other.kind)
    level, capacity, seed, kind = common(a, b)
    return made(a.cells(level) & b.cells(level), level, capacity, seed, kind, level)


def difference(a, b):
    a, b = a.read(), b.read()
    if NOTHING in (a, b):
        return a
    level, capacity, seed, kind = common(a, b)
    return made(a.cells(level) - b.cells(level), level, capacity, seed, kind, level)


def refuse_derived(sketch):
    if sketch.derived:
        raise Refused("a cvm_sketch made by intersection or difference takes no values and cannot be downsampled")


def with_hash(stored, kind, hash):
    """With one hash of 64 bits more. What adds nothing leaves the bytes alone, and so their version."""
    refuse_derived(stored)
    kind = common_kind(stored.kind, kind)
    sketch = stored.read()
    added = {kept for kept in [cell(hash, sketch.level)] if kept < sketch.threshold} - {*sketch.hashes}
    if not added and kind == sketch.kind:
        return stored
    return made(added | {*sketch.hashes}, sketch.level, sketch.capacity, sketch.seed, kind, None)


def of_kind(stored, kind):
    """Said to be of that kind. What is of it already, and what is nothing, stays as it is."""
    kind = common_kind(stored.kind, kind)
    sketch = stored.read()
    return stored if kind == sketch.kind or sketch == NOTHING else sketch._replace(kind=kind)


def downsample(sketch, capacity):
    refuse_derived(sketch)
    sketch = sketch.read()
    if sketch == NOTHING:
        return sketch
    if capacity > sketch.capacity:
        # The coarsest accuracy that can be asked for: whatever has fewer hashes has none that can be named.
        raise Refused("cannot downsample a cvm_sketch to epsilon 0.5, which is finer: at delta 0.1, its epsilon is above 0.5")
    return made(sketch.hashes, sketch.level, capacity, sketch.seed, sketch.kind, None)


def jaccard(a, b):
    """The numbers of hashes in both and in either at the higher level, of which the Jaccard index is estimated."""
    a, b = a.read(), b.read()
    if NOTHING in (a, b):
        return 0, len(a.hashes) + len(b.hashes)
    level, *_ = common(a, b)
    one, other = a.cells(level), b.cells(level)
    return len(one & other), len(one | other)


def common_hashes(a, b):
    """The numbers of hashes in both and in the first alone at the higher level."""
    a, b = a.read(), b.read()
    if NOTHING in (a, b):
        return 0, len(a.hashes)
    level, *_ = common(a, b)
    one, other = a.cells(level), b.cells(level)
    return len(one & other), len(one - other)


# What is common by chance is left out from so many hashes on, and what shares a cell is put back into shares of so many cells.
NEGLIGIBLE, MANY_CELLS = 0.01, 1 << 23


def shared_by_chance(a, b):
    """At the higher level: how many of the common hashes are so by chance, and the share of cells that the second leaves free. Of the cells
    that no common value hits, either set hits its own share."""
    (both, rest), (_, other) = common_hashes(a, b), common_hashes(b, a)
    level = max(a.level, b.level)
    if level == 0:
        return 0, 1
    neither = max(threshold(level) - both - rest - other, 1)
    by_chance = min(rest * other / neither, both)
    return by_chance if by_chance >= NEGLIGIBLE else 0, min((rest + neither) / threshold(level), 1)


def part(sketch, known, told, visible=1):
    """The estimate of a part of a sketch, which has `known` of the `told` hashes at the common level, where such a share of it is not
    hidden by the other: of all, the sketch's own."""
    own = sketch.estimate()
    if known == told > 0:
        return Near(own, own)
    cells = len(sketch.hashes) * known / max(told, 1) / (sketch.threshold / 2 ** sketch.width * visible)
    ends = [max(cells + off * (0.5 + cells * TINY), 0) for off in (-1, 1)]
    low, high = ends if sketch.level == 0 else (values(end, sketch.width) for end in ends)
    return Near(math.floor(low), math.ceil(high)).at_most(own)


def estimated_intersection(a, b):
    """The finer sketch's share, but never more than the other has. Of two alike, the one of which a larger share is common."""
    a, b = a.read(), b.read()
    both, rest = common_hashes(a, b)
    _, other_rest = common_hashes(b, a)
    by_chance, _ = shared_by_chance(a, b)
    finer, coarser = a, b
    if (a.level, rest) > (b.level, other_rest):
        finer, coarser, rest = b, a, other_rest
    return part(finer, both - by_chance, both + rest).at_most(coarser.estimate())


def estimated_difference(a, b):
    a, b = a.read(), b.read()
    both, rest = common_hashes(a, b)
    return part(a, rest, both + rest, shared_by_chance(a, b)[1])


def estimated_jaccard(a, b):
    """The share of the values that are common, where any hash is."""
    a, b = a.read(), b.read()
    both, either = jaccard(a, b)
    level = max(a.level, b.level)
    if level == 0:
        return both / either
    common, rate = both - shared_by_chance(a, b)[0], threshold(level) / 2 ** width(level)
    if either / rate < MANY_CELLS - 0.5:
        return Near(common / either - TINY, common / either + TINY)
    shares = [values(common / rate * (1 + off), width(level)) / values(either / rate * (1 - off), width(level)) for off in (-TINY, TINY)]
    return Near(shares[0] - TINY, shares[1] + TINY)
