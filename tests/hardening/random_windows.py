"""Aggregates in windows drawn at random: every frame that PostgreSQL has, over partitions and streams of many shapes, values of many
types, and stored sketches. PostgreSQL itself says which rows a frame has, by array_agg over the same window. The answer of each
row must be that of the plain aggregate over these rows, to the byte.

Where rows of a frame do not go together, the plain aggregate is an ERROR. Then the window must raise it at the first row that
has such a frame, and answer right before. Each kind of what is drawn has to have occurred."""

import io
import random
from collections import Counter
from typing import NamedTuple

import model
import values
from common import Report, drawn_hashes, options

SETUP = """
DROP SCHEMA IF EXISTS random_windows CASCADE;
CREATE SCHEMA random_windows;
SET search_path = random_windows, public;
SET lc_monetary = 'C';
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', '1');
CREATE TYPE pair AS (n numeric, t text);
CREATE DOMAIN small AS integer CHECK (VALUE < 1000000);
CREATE FUNCTION shifted(x anyarray, lower integer, OUT y anyarray) LANGUAGE plpgsql AS $$
BEGIN
    y[lower : lower + cardinality(x) - 1] := x;
END $$;
-- PostgreSQL may call the one again for a row that leaves the frame, and not the other.
CREATE FUNCTION steady(integer) RETURNS integer LANGUAGE plpgsql STABLE AS 'BEGIN RETURN $1; END';
CREATE FUNCTION unsteady(integer) RETURNS integer LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN $1; END';
-- A hash of which so many upper bits are 0, so that it belongs to high levels; of -1 bits, three are 1, and it belongs to none.
CREATE FUNCTION with_zeros(hash bigint, zeros integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS
    'SELECT CASE WHEN $2 < 0 THEN $1 | 7::bigint << 61 WHEN $2 = 0 THEN $1 ELSE ($1 >> 1 & 9223372036854775807) >> ($2 - 1) END';
-- Of four values in ten, hashes that differ from that of another only below the upper 48 bits, or the upper 40: sketches keep no more.
CREATE FUNCTION sharing(v integer, zeros integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS
    'SELECT CASE WHEN v % 10 < 4 THEN with_zeros(cvm_hash(v / 10), zeros) # (ARRAY[0, 4096, 1048576, 1052672])[1 + v % 10] ELSE with_zeros(cvm_hash(v), zeros) END';
-- These say that they are what they are not: another value leaves a frame than has come.
CREATE SEQUENCE lies;
CREATE FUNCTION lying(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN nullif(nextval(''random_windows.lies'') * 7 % (3 + $1 % 50), 2); END';
CREATE FUNCTION lying(cvm_sketch) RETURNS cvm_sketch LANGUAGE plpgsql IMMUTABLE AS
    'BEGIN RETURN CASE nextval(''random_windows.lies'') % 3 WHEN 0 THEN $1 WHEN 1 THEN (SELECT $1 || cvm_sketch_agg(i, 0.5, 0.1) FROM generate_series(0, 20) i) END; END';
-- The answer of a query of some rows, or the SQLSTATE of its ERROR.
CREATE FUNCTION outcome(query text, ids integer[], OUT answer text, OUT state text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE query INTO answer USING ids;
EXCEPTION WHEN OTHERS THEN
    state := SQLSTATE;
END $$;
"""

# What each row has beside its identity, by its place in the order: partitions (one, a few, blocks of rows, many, one for each
# row), orders (with peers and NULLs, without, and of other types), and what a FILTER looks at.
PLACE = ["one", "few", "block", "many", "lonely", "o", "u", "day", "minute", "f", "kept"]
PLACED = """SELECT id, one::integer, few::integer, block::integer, many::integer, lonely::integer, o::integer, u::integer,
    '2026-01-01'::date + day::integer AS d, '2026-01-01'::timestamp + minute::integer * interval '1 minute' AS ts, u::numeric / 8 AS num,
    f::float8, kept::boolean, {columns} FROM read"""
PARTITIONS = ["", "", "", "one", "few", "few", "block", "many", "lonely", "few, block"]
# The columns to order by, and offsets of RANGE that their types have.
ORDERS = {
    "o": ["0", "1", "2", "7", "40", "200"],
    "u": ["0", "1", "3", "20", "90", "400"],
    "d": ["'0 days'", "'1 day'", "'7 days'", "'28 days'", "'2 mons'"],
    "ts": ["'0'::interval", "'1 minute'", "'6 hours'", "'3 days'::interval", "'1 mon 2 hours'"],
    "num": ["0", "0.5", "3.25", "60"],
    "f": ["0", "0.5", "3.25", "60", "'Infinity'"],
}
OFFSETS = {"ROWS": ["0", "1", "1", "2", "5", "20", "20", "100", "100", "400", "1000", "(SELECT 30)"], "GROUPS": ["0", "1", "1", "2", "3", "10", "50"]}
# A frame may not end before where it begins in this list.
BOUNDS = ["UNBOUNDED PRECEDING", "PRECEDING", "CURRENT ROW", "FOLLOWING", "UNBOUNDED FOLLOWING"]
EXCLUSIONS = ["CURRENT ROW", "GROUP", "TIES", "NO OTHERS"]
FILTERS = ["kept", "kept", "id % 3 > 0", "u % 100 < 40", "false", "unsteady(id) % 2 = 0"]

# What is counted, made of an integer v.
TYPES = {
    "smallint": "(v % 30000)::smallint",
    "integer": "v",
    "bigint": "v * 4294967296 + v",
    "text": "'value ' || v",
    "text in another collation": "('value ' || v) COLLATE \"POSIX\"",
    "text in any case": "(CASE id % 2 WHEN 0 THEN 'value ' ELSE 'VALUE ' END || v) COLLATE any_case",
    "long text": "long",
    "char": "('v' || v)::char(8)",
    "bytea": "int4send(v)",
    "numeric": "(v / 4.0)::numeric(12, 2) * (ARRAY[1, 1.0, 1.00])[1 + id % 3]",
    "float8": "CASE v % 50 WHEN 0 THEN 'NaN' WHEN 1 THEN '-NaN' WHEN 2 THEN 0 WHEN 3 THEN '-0'::float8 WHEN 4 THEN 'Infinity' ELSE v / 3.0 END",
    "real": "(v / 3.0)::real",
    "boolean": "v % 2 = 0",
    "enum": "(enum_range(NULL::mood))[1 + v % 4]",
    "uuid": "md5(v::text)::uuid",
    "date": "'2000-01-01'::date + v",
    "timestamptz": "'2000-01-01 00:00+00'::timestamptz + v * interval '1 minute'",
    "interval": "v * CASE id % 2 WHEN 0 THEN interval '1 day' ELSE interval '24 hours' END",
    "jsonb": "jsonb_build_object('k', v, 'l', NULL)",
    "array": "ARRAY[v, NULL]",
    "array of texts": "ARRAY[v::text, 'x']",
    "row": "ROW(v, 'literal')",
    "composite": "ROW((ARRAY[1, 1.0])[1 + id % 2] * v, 'x')::pair",
    "range": "int4range(v, v + 5)",
    "domain": "v::small",
    "inet": "'10.0.0.0'::inet + v",
    "stable": "steady(v)",
    "volatile": "unsteady(v)",
    "with a subquery": "v + (SELECT 1)",
}
# The first has the smallest capacity that aggregates give, so that a few thousand values are dozens of levels.
ACCURACIES = [", 0.5, 0.1"] * 6 + [", 0.5", ", 0.3, 0.1", ", 0.1", ""]
BESIDE = [("sum(v)", "{}"), ("avg(v)", "{}"), ("count(v)", "{}"), ("count(*)", "{}"), ("cvm_sample_agg(v, 20)", "({})::bytea")]

# How values follow each other: at each place of n the value, and how many upper bits of its hash are 0.
SHAPES = {
    "distinct": lambda chance, i, n: (i, 0),
    "few": lambda chance, i, n: (chance.randrange(50), 0),
    "repeating": lambda chance, i, n: (chance.randrange(n // 2), i % 3),
    # Frames lose most of what they had.
    "bursts": lambda chance, i, n: (i if i // 150 % 2 else chance.randrange(3), i // 100 % 40),
    "shrinking": lambda chance, i, n: (i, 0) if i < n // 2 else (chance.randrange(10), 0) if i < n * 3 // 4 else (None, 0),
    "waves": lambda chance, i, n: (chance.randrange(1 + abs(i % 700 - 350)), abs(i % 400 - 200) // 5),
    "mostly NULL": lambda chance, i, n: (i % 40 if chance.random() < 0.1 else None, 0),
    "in no level": lambda chance, i, n: (i, -1 if i // 200 % 2 else 50),
}
STREAM = """v::integer, sharing(v::integer, zeros::integer) AS h,
    CASE WHEN id % 10 = 0 THEN repeat(md5(v), 80) ELSE 'short ' || v END AS long"""

# Stored sketches of the values from `first` on. That of no values is of another capacity, and goes with all.
VALUES_OF_ROW = "FROM generate_series(first::integer, first::integer + many_::integer - 1) i"
# Of capacity 8, the least that there is.
TINY = "'\\x0200000008000000000000000000000000000000'::bytea::cvm_sketch"
SKETCH_COLUMNS = {
    "same": f"""CASE variant WHEN 'NULL' THEN NULL WHEN 'nothing' THEN cvm_sketch_empty() WHEN 'empty' THEN cvm_sketch_empty(0.5, 0.1)
        WHEN 'hashes' THEN (SELECT cvm_sketch_agg_hashed(cvm_hash(i), 0.5, 0.1) {VALUES_OF_ROW}) ELSE (SELECT cvm_sketch_agg(i, 0.5, 0.1) {VALUES_OF_ROW}) END""",
    "deep": f"(SELECT cvm_sketch_agg_hashed(sharing(i, zeros::integer), 0.5, 0.1) {VALUES_OF_ROW})",
    "mixed": f"(SELECT cvm_sketch_agg(i, epsilon::float8, 0.1) {VALUES_OF_ROW})",
    "tiny": f"{TINY} || (SELECT cvm_sketch_agg(i, 0.5, 0.1) {VALUES_OF_ROW})",
    "derived": f"""CASE many_::integer % 4 WHEN 0 THEN (SELECT cvm_sketch_agg(i, 0.5, 0.1) {VALUES_OF_ROW})
        WHEN 1 THEN (SELECT cvm_sketch_agg(i, 0.5, 0.1) - cvm_sketch_agg(i / 2, 0.5, 0.1) {VALUES_OF_ROW})
        ELSE (SELECT cvm_sketch_agg(i, 0.5, 0.1) & cvm_sketch_agg(i / 3 * 3, 0.5, 0.1) {VALUES_OF_ROW}) END""",
}
# Of either format version, of hashes that share what sketches keep.
SKETCH_COLUMNS["versions"] = "stored::cvm_sketch"
LARGE = {"large": f"(SELECT cvm_sketch_agg(i) {VALUES_OF_ROW})"}
# Sketches that the query makes itself, of groups.
DAILY = """
CREATE VIEW daily AS
    SELECT d - '2026-01-01' AS id, 1 AS one, (d - '2026-01-01') % 3 AS few, (d - '2026-01-01') / 20 AS block, (d - '2026-01-01') % 7 AS many, d AS lonely,
        d - '2026-01-01' AS o, d - '2026-01-01' AS u, d, min(ts) AS ts, (d - '2026-01-01')::numeric AS num, (d - '2026-01-01')::float8 AS f,
        bool_or(kept) AS kept, min(v) AS v, cvm_sketch_agg(v, 0.5, 0.1) AS same
    FROM stream_3 GROUP BY d
"""
UNIONS = {"sketches": sorted(SKETCH_COLUMNS), "large_sketches": sorted(LARGE), "daily": ["same"]}

# Calls of which two rows may not go together: the parameters, seeds and kinds change from run to run.
RUNS = """CASE WHEN v <> '' THEN v::integer END AS v, cvm_hash(v::integer) AS h, e::float8, delta::float8, seed::bigint, counts::boolean,
    CASE variant WHEN 'NULL' THEN NULL WHEN 'nothing' THEN cvm_sketch_empty() ELSE (SELECT cvm_sketch_agg(i, 0.5, 0.1, seed::bigint) FROM generate_series(1, many_::integer) i) END AS seeded,
    CASE variant WHEN 'NULL' THEN NULL WHEN 'nothing' THEN cvm_sketch_empty(0.5, 0.1) WHEN 'hashes' THEN (SELECT cvm_sketch_agg_hashed(cvm_hash(i), 0.5, 0.1) FROM generate_series(1, many_::integer) i)
        WHEN 'texts' THEN (SELECT cvm_sketch_agg(i::text, 0.5, 0.1) FROM generate_series(1, many_::integer) i)
        ELSE (SELECT cvm_sketch_agg(i, 0.5, 0.1) FROM generate_series(1, many_::integer) i) END AS kinds"""
CHANGING = {
    "approx_count_distinct_cvm(v, e)": "{}", "approx_count_distinct_cvm(v, 0.5, delta)": "{}", "approx_count_distinct_cvm(v, e, delta)": "{}",
    "cvm_sketch_agg(v, e)": "({})::bytea", "cvm_sketch_agg(v, e, delta)": "({})::bytea", "cvm_sketch_agg(v, 0.5, 0.1, seed)": "({})::bytea",
    "cvm_sketch_agg_hashed(h, e)": "({})::bytea", "cvm_sketch_agg_hashed(h, e, delta)": "({})::bytea", "cvm_sketch_agg_hashed(h, 0.5, 0.1, seed)": "({})::bytea",
    "cvm_sketch_union_agg(seeded)": "({})::bytea", "cvm_sketch_union_agg(kinds)": "({})::bytea",
}
RUNS_TABLES = 6
# Counts of values that are not the same twice: the table, and the call.
LIES = [("stream_3", "approx_count_distinct_cvm(lying(v))"), ("stream_5", "approx_count_distinct_cvm(lying(v), 0.5, 0.1)"),
        ("stream_5", "# cvm_sketch_agg(lying(v), 0.5, 0.1, 7)"), ("stream_3", "# cvm_sketch_agg_hashed(cvm_hash(lying(v)) / 4096, 0.5, 0.1)"),
        ("sketches", "# cvm_sketch_union_agg(lying(same))"), ("sketches", "# cvm_sketch_union_agg(lying(derived))")]
ENDS = ["no ERROR", "an ERROR in the first row", "an ERROR after answers"]


def place(chance, i, n):
    """What orders the row at that place, and what it belongs to."""
    # First peers of 1, 1, and very many rows, then of few.
    peers = i // 300 * 3 + min(i % 300, 2) if i < n // 2 else n + i // 3
    # Days are missing, and nights have few rows.
    day = i // 30 if i % 200 < 150 else 90 + i // 10
    minute = i // 200 * 1440 + (i % 200 * 4 if i % 200 < 190 else 760 + (i % 200 - 190) * 60)
    return [0, i % 3 if chance.random() < 0.9 else None, i // 97, i % 113, i, peers if chance.random() < 0.98 else None, i, day, minute,
            "NaN" if i > n - 3 else i / 8, chance.choice("tttf") if chance.random() < 0.9 else None]


def make_table(session, chance, name, n, names, row, columns):
    """A table of n rows, stored in any order. `row` says of each place what `names` name, and `columns` are made of that."""
    ids = chance.sample(range(n), n)
    rows = sorted([number, *place(chance, i, n), *row(i)] for i, number in enumerate(ids))
    text = "\n".join("\t".join("\\N" if value is None else str(value) for value in row) for row in rows)
    session.all(f"CREATE TEMP TABLE read (id integer, {', '.join(f'{column} text' for column in PLACE + names)})")
    session.cursor.copy_expert("COPY read FROM STDIN", io.StringIO(text))
    session.all(f"CREATE TABLE {name} AS {PLACED.format(columns=columns)}; DROP TABLE read; ALTER TABLE {name} ADD PRIMARY KEY (id); ANALYZE {name}")


def make_tables(session, chance):
    for number, shape in enumerate(SHAPES):
        n = 2500 if shape == "distinct" else 1200
        make_table(session, chance, f"stream_{number}", n, ["v", "zeros"], lambda i: SHAPES[shape](chance, i, n), STREAM)
    make_table(session, chance, "rows_of_types", 250, ["v", "zeros"], lambda i: (i, 0), STREAM)

    hashes = {zeros: drawn_hashes(chance, 2_000, zeros) for zeros in (0, 10, 30)}

    def stored(first, many):
        part = chance.choice([hashes[0], hashes[0], hashes[10], hashes[30]])[first // 2:first // 2 + many]
        sketch = model.of_hashes(part, chance.choice([24, 24, 24, 8, 100]), version=chance.choice([1, 2]))
        if chance.random() < 0.1:
            level = min(sketch.level + chance.choice([1, 8]), model.LAST_LEVEL)
            if level > sketch.level:
                sketch = sketch._replace(level=level, derived=True, hashes=tuple(sorted(sketch.cells(level))))
        return f"\\\\x{model.encode(sketch).hex()}"

    def sketch(largest):
        # Some are met again and again.
        first, many = chance.choice([(7, 50), (chance.randrange(2000), chance.choice([0, 1, 3, 20, 100, largest, chance.randrange(largest)]))])
        epsilon, zeros = chance.choice([0.5, 0.5, 0.5, 0.4, 0.3, 0.2]), chance.choice([0, 0, 3, 10, 25, 40, -1])
        return first, many, epsilon, zeros, chance.choice(["NULL", "nothing", "empty", "hashes"] + ["values"] * 6), stored(first, many)
    listed = lambda columns: "first::integer AS v, " + ", ".join(f"{text} AS {name}" for name, text in columns.items())
    names = ["first", "many_", "epsilon", "zeros", "variant", "stored"]
    make_table(session, chance, "sketches", 400, names, lambda i: sketch(3000 if i % 40 == 0 else 300), listed(SKETCH_COLUMNS))
    make_table(session, chance, "large_sketches", 60, names, lambda i: sketch(20000), listed(LARGE))
    session.all(DAILY)

    for number in range(RUNS_TABLES):
        run, left = None, 0

        def row(i):
            nonlocal run, left
            if left == 0:
                # Rows that may not count stand between runs.
                left = chance.choice([1, 3, 10, 30, 60])
                before = run
                run = (chance.choice([0.5, 0.5, 0.4999, 0.3, 0.2] + [None, 7] * (i > 20 and chance.random() < 0.2)), chance.choice([0.1, 0.1, 0.0999, 0.01]),
                       chance.choice([0, 7, 8]), chance.choice(["texts", "values"]))
                between = chance.choice([0, 0, 2, 6]) if before else 0
                gap.extend([False] * between)
            left -= 1
            counts = not gap or gap.pop()
            variant = chance.choice(["NULL", "NULL", "nothing", "hashes", run[3], run[3], run[3]])
            return [None if chance.random() < 0.4 else chance.randrange(200), *run[:3], counts, variant, chance.choice([0, 1, 5, 100])]
        gap = []
        make_table(session, chance, f"runs_{number}", 200, ["v", "e", "delta", "seed", "counts", "variant", "many_"], row, RUNS)


class Window(NamedTuple):
    """The definition of a window in two parts, the second the frame, and of what kinds it is."""
    head: str
    frame: str
    kinds: list


def draw_window(chance, largest=None):
    """`largest` is the largest number of rows or groups, where a frame is to be small."""
    partition = chance.choice(PARTITIONS)
    order = chance.choice(sorted(ORDERS) + ["o", "u"])
    mode = chance.choice(["ROWS", "ROWS", "RANGE", "GROUPS"])
    head = f"PARTITION BY {partition}" if partition else ""
    kinds = [f"partitions by {partition or 'nothing'}"]
    bounds = range(5)
    if chance.random() < 0.95:
        direction = chance.choice(["", "", " DESC", " NULLS FIRST", " DESC NULLS LAST"])
        # A second column leaves RANGE no offsets, and other modes fewer peers.
        second = chance.choice([", id", ", kept", ", u DESC"]) if mode != "RANGE" and chance.random() < 0.4 else ""
        head += f" ORDER BY {order}{direction}{second}"
        kinds += [f"order by {order}", f"order{direction}"]
    else:
        kinds += ["no order"]
        if mode != "ROWS":
            mode, bounds = "RANGE", [0, 2, 4]
    if chance.random() < 0.03:
        return Window(head, "", kinds + ["no frame"])

    def bound(kind):
        if "UNBOUNDED" in BOUNDS[kind] or kind == 2:
            return BOUNDS[kind]
        offsets = ORDERS[order] if mode == "RANGE" else OFFSETS[mode] if largest is None else range(largest + 1)
        return f"{chance.choice(offsets)} {BOUNDS[kind]}"
    start = chance.choice([kind for kind in bounds if kind < 4] + [kind for kind in bounds if kind == 1] * 3)
    # A frame that ends n PRECEDING may begin m PRECEDING with m less than n: then it is empty.
    end = chance.choice([kind for kind in bounds if kind >= max(start, 1)] + [2] * (start <= 2) * 2)
    kinds += [mode, f"from {BOUNDS[start]}", f"to {BOUNDS[end]}"]
    frame = f"{mode} BETWEEN {bound(start)} AND {bound(end)}"
    if end == 2 and start < 3 and chance.random() < 0.5:
        frame = f"{mode} {bound(start)}"
        kinds += ["a frame without its end"]
    if chance.random() < 0.25:
        exclude = f" EXCLUDE {chance.choice(EXCLUSIONS)}"
        frame += exclude
        kinds += [exclude[1:]]
    return Window(head, frame, kinds)


class Call(NamedTuple):
    """An aggregate with its arguments, what reads its answer, in which window of the query it is, and which rows it takes."""
    call: str
    read: str
    window: int
    where: str

    def text(self, over=""):
        return self.read.format(self.call + over)

    def filter(self):
        return f" FILTER (WHERE {self.where})" if self.where else ""


class Draw:
    """Draws windows and calls in them, and remembers of what kinds they were."""

    def __init__(self, chance):
        self.chance, self.kinds = chance, []

    def choice(self, choices):
        """Of choices that are kinds."""
        drawn = self.chance.choice(choices)
        self.kinds.append(drawn)
        return drawn

    def windows(self, largest=None):
        windows = [draw_window(self.chance, largest) for _ in range(self.chance.choice([1, 1, 1, 2, 3]))]
        self.kinds += [f"{len(windows)} windows"] + [kind for window in windows for kind in window.kinds]
        return windows

    def over_values(self, types):
        """A call over values of one of these types."""
        kind = self.choice(sorted(types))
        value, accuracy = types[kind], self.choice(ACCURACIES)
        form = self.choice(["count", "sketch", "sketch of hashes"])
        if form == "count":
            return f"approx_count_distinct_cvm({value}{accuracy})", "{}"
        seed = self.choice([", 7", "", ""]) if accuracy.count(",") == 2 else ""
        if form == "sketch":
            return f"cvm_sketch_agg({value}{accuracy}{seed})", "({})::bytea"
        hashed = self.chance.choice(["h", "h", f"cvm_hash({value})"])
        return f"cvm_sketch_agg_hashed({hashed}{accuracy}{seed})", "({})::bytea"

    def over_sketches(self, columns):
        column = self.choice(columns)
        call = self.choice(["cvm_sketch_union_agg({})"] * 6 + ["cvm_sketch_union_agg({0} || {0})", "cvm_sketch_intersection_agg({})"])
        return call.format(column), self.chance.choice(["# {}", "({})::bytea", "({})::bytea"])

    def calls(self, windows, draw):
        """A few calls that `draw` draws, each in one of the windows, some twice, some with others beside."""
        drawn = [draw() for _ in range(self.chance.choice([1, 2, 2, 3]))]
        beside = self.chance.sample(BESIDE, self.chance.choice([0, 0, 1, 2]))
        calls = [Call(*call, self.chance.randrange(len(windows)), self.choice(FILTERS) if self.chance.random() < 0.3 else "") for call in drawn + beside]
        if beside:
            self.kinds.append("others beside")
        if self.chance.random() < 0.15:
            self.kinds.append("identical calls")
            calls.append(calls[0])
        return calls


class Runner:
    # The answer of a row takes the time of its frame. So in each query only frames of so many rows in all are looked at.
    MOST = 40_000

    def __init__(self, report, chance):
        self.report, self.chance, self.session = report, chance, report.session
        self.seen, self.highest, self.queries, self.compared = Counter(), 0, 0, 0

    def query(self, table, windows, calls, named):
        """The query, and the keys by which it tells of the rows of frames: by the window, and by the filter."""
        rows = sorted({(call.window, call.filter()) for call in calls})

        def over(at):
            return {"inline": f"({windows[at].head} {windows[at].frame})", "named": f"w{at}", "extended": f"(w{at} {windows[at].frame})"}[named]
        chosen = [f"array_agg(id){where} OVER {over(at)} AS ids{number}" for number, (at, where) in enumerate(rows)]
        chosen += [f"{call.text(f'{call.filter()} OVER {over(call.window)}')} AS c{number}" for number, call in enumerate(calls)]
        self.chance.shuffle(chosen)
        defined = ", ".join(f"w{at} AS ({window.head}{f' {window.frame}' if named == 'named' else ''})" for at, window in enumerate(windows))
        return f"SELECT {', '.join(chosen)} FROM {{table}}{f' WINDOW {defined}' if named != 'inline' else ''}".replace("{table}", table), rows

    def compare(self, table, windows, calls, kinds):
        """Each answer must be that of the plain aggregate over the rows of the frame."""
        named = self.chance.choice(["inline", "named", "extended"])
        form = self.chance.choice(["once", "once", "once", "anew", "first"])
        if form == "anew":
            # The node of a window starts anew with other rows.
            inner, rows = self.query(f"{table} WHERE id % r.k = 0 OR r.k = 3", windows, calls, named)
            query = f"SELECT q.* FROM (VALUES (2), (3), (7)) r (k), LATERAL ({inner} OFFSET 0) q"
        else:
            query, rows = self.query(table, windows, calls, named)
            # It may end within a partition.
            query += " LIMIT 40" * (form == "first")
        of = {number: rows.index((call.window, call.filter())) for number, call in enumerate(calls)}
        plain = [f"LATERAL (SELECT count(*){''.join(f', {call.text()} AS c{number}' for number, call in enumerate(calls) if of[number] == at)} "
                 f"FROM unnest(f.ids{at}) AS i (id) JOIN {table} USING (id)) p{at}" for at in range(len(rows))]
        wrong = [f"count(*) FILTER (WHERE f.c{number} IS DISTINCT FROM p{at}.c{number})" for number, at in of.items()]
        sketches = [number for number, call in enumerate(calls) if "cvm_sketch" in call.call and "bytea" in call.read]
        level = f"get_byte(c{sketches[0]}, 2) + 256 * get_byte(c{sketches[0]}, 3)" if sketches else "NULL::integer"
        size = " + ".join(f"coalesce(cardinality(ids{at}), 0)" for at in range(len(rows)))
        outcome = self.session.attempt(f"""
            WITH framed AS MATERIALIZED (SELECT row_number() OVER () AS n, q.* FROM ({query}) q),
                looked_at AS (SELECT * FROM framed WHERE n % (1 + (SELECT sum({size}) FROM framed) / {self.MOST}) = 0),
                levels AS (SELECT {level} AS level, lag({level}) OVER (ORDER BY n) AS before FROM framed)
            SELECT count(*), count(*) FILTER (WHERE ids0 IS NULL), count(*) FILTER (WHERE cardinality(ids0) = 1), (SELECT max(level) FROM levels),
                (SELECT count(*) FROM levels WHERE level > before), (SELECT count(*) FROM levels WHERE level < before), {', '.join(wrong)}
            FROM looked_at f, {', '.join(plain)}""")
        self.queries += 1
        self.report.check(outcome.state is None, lambda: f"{outcome.state} {outcome.message}: {query}")
        if outcome.state is not None:
            return
        looked_at, empty, single, level, entered, left, *wrong = outcome.rows[0]
        for call, count in zip(calls, wrong):
            self.report.check(count == 0, lambda: f"{call.call} in window {call.window}: {count} of {looked_at} answers are not those of the rows: {query}")
        self.compared += looked_at * len(calls)
        self.highest = max(self.highest, level or 0)
        self.seen.update({"an empty frame": empty, "a frame of one row": single, "a level entered": entered, "a level left": left})
        self.seen.update([named, form, *kinds])

    def step(self, table, window, call, kinds):
        """An ERROR comes at the first row in whose frame the plain aggregate is one, and with its SQLSTATE. It may also come where
        the plain aggregate is one in another order of the rows: before the first value, it does not look at parameters."""
        over = f"{call.filter()} OVER ({window.head} {window.frame})"
        value = call.call[:-1].split("(", 1)[1].split(",")[0]
        plain = [f"SELECT ({call.text()})::text FROM (SELECT t.* FROM unnest($1) WITH ORDINALITY AS i (id, at) JOIN {table} t USING (id) ORDER BY {order}) q"
                 for order in ("at", f"{value} IS NULL, at")]
        expected = self.session.all(f"""
            SELECT id, o.answer, o.state, any_order.state
            FROM (SELECT row_number() OVER () AS n, q.* FROM (SELECT id, array_agg(id){over} AS ids FROM {table}) q) q, outcome(%s, ids) o, outcome(%s, ids) any_order
            ORDER BY n""", plain)
        must, may = [next((n for n, row in enumerate(expected) if row[column]), len(expected)) for column in (2, 3)]
        self.report.check(may <= must, lambda: f"{call.call} is an ERROR only where NULLs come first: {expected[must]}")
        query = f"SELECT id, ({call.text(over)})::text FROM {table}"
        answers = [row[:2] for row in expected]
        for limit in sorted({may, must, min(must + 1, len(expected))}):
            outcome = self.session.attempt(f"SELECT * FROM ({query}) q LIMIT {limit}")
            state = expected[limit - 1][3] if limit > may else None
            if outcome.state is None:
                self.report.check(limit <= must and outcome.rows == answers[:limit], lambda: f"{limit} answers of {len(expected)} are others, or an ERROR at {must + 1}: {query}")
            else:
                self.report.check(outcome.state == state, lambda: f"{outcome.state} {outcome.message}, not {state}, in {limit} rows of {len(expected)}: {query}")
        self.queries += 1
        self.compared += must
        kind = "no ERROR" if must == len(expected) else "an ERROR in the first row" if must == 0 else "an ERROR after answers"
        self.seen.update([kind, *kinds])
        self.seen["an ERROR in some orders"] += may < must


    def survive(self, table, window, call, kinds):
        """Where the values that leave a frame have not come, the answer is any, but there is one for each row, and none is absurd."""
        query = f"SELECT id, {call} OVER ({window.head} {window.frame}) AS n FROM {table}"
        outcome = self.session.attempt(f"SELECT count(n) = (SELECT count(*) FROM {table}), min(n) >= 0, max(n) < 10000000 FROM ({query}) q")
        self.queries += 1
        self.report.check(outcome.rows == [(True, True, True)], lambda: f"{outcome.state} {outcome.message or outcome.rows}: {query}")
        self.seen.update(kinds)


def of_drawn_type(session, chance, draw):
    """Puts values of a type that is drawn, each a few times, into a table. Returns whether the type has a hash."""
    name = None
    while name is None:
        name, value = draw.type(chance.choice([0, 1, 1, 2, 3]))
    session.all(f"DROP TABLE IF EXISTS typed, typed_values; CREATE TABLE typed_values (k integer, x {name})")
    for k in range(30):
        # Not all values that are drawn can be formed.
        session.attempt(f"INSERT INTO typed_values SELECT {k}, {value()}")
    session.all("CREATE TABLE typed AS SELECT r.*, x FROM rows_of_types r LEFT JOIN typed_values ON k = u % 37; ALTER TABLE typed ADD PRIMARY KEY (id); ANALYZE typed")
    return session.attempt("SELECT approx_count_distinct_cvm(x) FROM typed").state is None


def main():
    arguments = options(__doc__)
    report, chance = Report("random_windows"), random.Random(arguments.seed)
    session = report.session
    session.all(SETUP)
    session.all("SET jit = off; SET work_mem = '256MB'; SET client_min_messages = warning")
    types = dict(TYPES)
    if session.attempt("CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)").state is not None:
        report.left_out("text in any case (the server has no ICU)")
        del types["text in any case"]
    make_tables(session, chance)
    runner, drawn_types = Runner(report, chance), values.Draw(session, chance)

    wanted = {*types, *ACCURACIES, *SHAPES, *UNIONS, *CHANGING, *ENDS, *(call for _, call in LIES), *FILTERS, *OFFSETS, "RANGE", "no order", "no frame", "a frame without its end", "order",
              "1 windows", "2 windows", "3 windows", "others beside", "identical calls", "inline", "named", "extended", "once", "anew", "first", "a drawn type",
              "an empty frame", "a frame of one row", "a level entered", "a level left", *(column for columns in UNIONS.values() for column in columns),
              *(f"partitions by {partition or 'nothing'}" for partition in PARTITIONS), *(f"order by {order}" for order in ORDERS),
              *(f"from {bound}" for bound in BOUNDS[:4]), *(f"to {bound}" for bound in BOUNDS[1:]), *(f"EXCLUDE {exclusion}" for exclusion in EXCLUSIONS)}
    most, cases = 240 if arguments.form == "short" else 6_000, 0
    # What is rare may take a few more.
    while cases < most or cases < 3 * most and not all(runner.seen[kind] for kind in wanted):
        cases += 1
        draw, kind = Draw(chance), cases % 12
        if kind < 4:
            number = (cases // 12 + kind) % len(SHAPES)
            draw.kinds.append(list(SHAPES)[number])
            windows = draw.windows()
            runner.compare(f"stream_{number}", windows, draw.calls(windows, lambda: draw.over_values(types)), draw.kinds)
        elif kind < 8:
            table = draw.choice(sorted(UNIONS))
            windows = draw.windows()
            runner.compare(table, windows, draw.calls(windows, lambda: draw.over_sketches(UNIONS[table])), draw.kinds)
        elif kind < 9:
            if of_drawn_type(session, chance, drawn_types):
                draw.kinds.append("a drawn type")
                windows = draw.windows()
                runner.compare("typed", windows, draw.calls(windows, lambda: draw.over_values({"integer": "x"})), draw.kinds)
        elif kind < 10:
            table, call = chance.choice(LIES)
            draw.kinds.append(call)
            runner.survive(table, draw_window(chance), call, draw.kinds)
        else:
            call = sorted(CHANGING)[(2 * (cases // 12) + kind) % len(CHANGING)]
            draw.kinds.append(call)
            window = draw_window(chance, largest=5)
            runner.step(f"runs_{chance.randrange(RUNS_TABLES)}", window, Call(call, CHANGING[call], 0, chance.choice(["counts", "counts", ""])), draw.kinds)
    for kind in sorted(wanted):
        report.check(runner.seen[kind] > 0, f"there was never: {kind}")
    report.check(runner.highest > 100, f"no level was above {runner.highest}")
    session.all("DROP SCHEMA random_windows CASCADE")
    report.server_lived()
    rarest = ", ".join(f"{kind} {count}" for kind, count in sorted(runner.seen.items(), key=lambda item: item[1]) if kind in wanted)
    report.finish(f"{runner.queries:,} queries, {runner.compared:,} answers compared, levels to {runner.highest}; kinds: {rarest}")


if __name__ == "__main__":
    main()
