"""Sketches as docs/format.md describes them, written from that and not from the code of the extension: what is a valid
sketch, and what the operations make of valid sketches."""

import struct
from typing import NamedTuple

HEADER = struct.Struct("<BBHIIQ")
DERIVED = 1
KINDS = ["unknown", "integer", "floating point", "numeric", "text", "text under a nondeterministic collation", "bytes", "bit string",
         "date", "timestamp", "time or interval", "enum", "row", "array", "range", "jsonb", "other"]
LEAST_CAPACITY, MOST_CAPACITY = 8, 1 << 26

THRESHOLDS = [1 << 56]
while THRESHOLDS[-1] // 8 > 0:
    THRESHOLDS.append(THRESHOLDS[-1] - THRESHOLDS[-1] // 8)


def scaled_up(count, threshold):
    """The number of values of which so many have a hash below the threshold."""
    return ((count << 56) + threshold // 2) // threshold


class Sketch(NamedTuple):
    level: int
    capacity: int
    seed: int
    derived: bool
    hashes: tuple
    kind: int = 0

    @property
    def threshold(self):
        return THRESHOLDS[self.level]

    def estimate(self):
        unbiased = scaled_up(len(self.hashes), self.threshold)
        if self.derived or self.level == 0:
            return unbiased
        # As many hashes as the capacity belong to the level before, or the level would be lower.
        before = THRESHOLDS[self.level - 1]
        return max(unbiased, scaled_up(min(self.capacity, before), before))

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
    header = HEADER.pack(1, (DERIVED if sketch.derived else 0) | sketch.kind << 1, sketch.level, sketch.capacity, len(sketch.hashes), sketch.seed)
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
    if version != 1 or kind >= len(KINDS) or level >= len(THRESHOLDS) or (derived and level == 0):
        return None
    threshold = THRESHOLDS[level]
    if not LEAST_CAPACITY <= capacity <= MOST_CAPACITY or count >= capacity or count > threshold:
        return None
    low, low_bytes, high_bits = layout(count, threshold)
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
        if value >= threshold or hashes and value <= hashes[-1]:
            return None
        hashes.append(value)
    return Sketch(level, capacity, seed, derived, tuple(hashes), kind)


class Refused(Exception):
    """An operation that has no result: an ERROR with SQLSTATE 22023 and this message."""


def made(hashes, level, capacity, seed, kind, derived_level):
    """The sketch of these hashes at this level or the first above it where they are fewer than the capacity."""
    hashes = sorted(hash for hash in hashes if hash < THRESHOLDS[level])
    while len(hashes) >= capacity:
        level += 1
        hashes = [hash for hash in hashes if hash < THRESHOLDS[level]]
    return Sketch(level, capacity, seed, level > 0 and derived_level == level, tuple(hashes), kind)


def common_kind(one, other):
    if one and other and one != other:
        raise Refused(f"cvm_sketch values must be of the same kind of values, not {KINDS[one]} and {KINDS[other]}")
    return one or other


def common(a, b):
    if a.seed != b.seed:
        raise Refused(f"cvm_sketch values must have the same seed, not {a.signed_seed()} and {b.signed_seed()}")
    return max(a.level, b.level), min(a.capacity, b.capacity), a.seed, common_kind(a.kind, b.kind)


def union(a, b):
    if NOTHING in (a, b):
        return b if a == NOTHING else a
    level, capacity, seed, kind = common(a, b)
    derived = max((sketch.level for sketch in (a, b) if sketch.derived), default=None)
    return made({*a.hashes, *b.hashes}, level, capacity, seed, kind, derived)


def intersection(a, b):
    if NOTHING in (a, b):
        other = b if a == NOTHING else a
        return Sketch(other.level, min(a.capacity, b.capacity), other.seed, other.level > 0, (), other.kind)
    level, capacity, seed, kind = common(a, b)
    return made({*a.hashes} & {*b.hashes}, level, capacity, seed, kind, level)


def difference(a, b):
    if NOTHING in (a, b):
        return a
    level, capacity, seed, kind = common(a, b)
    return made({*a.hashes} - {*b.hashes}, level, capacity, seed, kind, level)


def refuse_derived(sketch):
    if sketch.derived:
        raise Refused("a cvm_sketch made by intersection or difference takes no values and cannot be downsampled")


def with_hash(sketch, kind, hash):
    refuse_derived(sketch)
    kind = common_kind(sketch.kind, kind)
    return made({*sketch.hashes, hash >> 8}, sketch.level, sketch.capacity, sketch.seed, kind, None)


def downsample(sketch, capacity):
    refuse_derived(sketch)
    if sketch == NOTHING:
        return sketch
    if capacity > sketch.capacity:
        # The coarsest accuracy that can be asked for: whatever has fewer hashes has none that can be named.
        raise Refused("cannot downsample a cvm_sketch to epsilon 0.5, which is finer: at delta 0.1, its epsilon is above 0.5")
    return made(sketch.hashes, sketch.level, capacity, sketch.seed, sketch.kind, None)


def jaccard(a, b):
    """The numbers of hashes in both and in either at the higher level, of which the Jaccard index is estimated."""
    if NOTHING in (a, b):
        return 0, len(a.hashes) + len(b.hashes)
    level, *_ = common(a, b)
    one, other = ({hash for hash in sketch.hashes if hash < THRESHOLDS[level]} for sketch in (a, b))
    return len(one & other), len(one | other)


def common_hashes(a, b):
    """The numbers of hashes in both and in the first alone at the higher level."""
    if NOTHING in (a, b):
        return 0, len(a.hashes)
    both, either = jaccard(a, b)
    level, *_ = common(a, b)
    others = sum(hash < THRESHOLDS[level] for hash in b.hashes)
    return both, either - others


def part(sketch, known, told):
    """The estimate of a part of a sketch, which has `known` of the `told` hashes at the common level: of all, the sketch's own."""
    if known == told > 0:
        return sketch.estimate()
    numerator, denominator = len(sketch.hashes) * known << 56, max(told, 1) * sketch.threshold
    return (numerator + denominator // 2) // denominator


def estimated_intersection(a, b):
    """The finer sketch's share, but never more than the other has. Of two alike, the one of which a larger share is common."""
    both, rest = common_hashes(a, b)
    _, other_rest = common_hashes(b, a)
    finer, coarser = a, b
    if (a.level, rest) > (b.level, other_rest):
        finer, coarser, rest = b, a, other_rest
    return min(part(finer, both, both + rest), coarser.estimate())


def estimated_difference(a, b):
    both, rest = common_hashes(a, b)
    return part(a, rest, both + rest)
