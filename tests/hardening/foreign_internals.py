"""Support functions with a state of type internal that is not theirs, or an expanded object of another type in place of a
sketch. PostgreSQL lets only a superuser make such an aggregate, and checks nothing about it: ours must tell a state that is
not theirs, and refuse it with an ERROR."""

import psycopg2

from common import Report, options, reconnected

PARALLEL = ("SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; "
            "SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off")

# Foreign pieces that fit: name, arguments, transition, and the call of the aggregate.
FOREIGN = {
    "array_agg": ("anynonarray", "array_agg_transfn", "i"),
    "int8_avg": ("bigint", "int8_avg_accum", "i"),
    "numeric_avg": ("numeric", "numeric_avg_accum", "i::numeric"),
    "string_agg": ("text, text", "string_agg_transfn", "i::text, ','"),
    "json_agg": ("anyelement", "json_agg_transfn", "i"),
    "ordered_set": ("\"any\"", "ordered_set_transition", "i"),
}

# Functions of PostgreSQL's own under other declarations.
PIECES = """
CREATE FUNCTION pg_temp.keeps_json(internal, bigint, float8) RETURNS internal LANGUAGE internal AS 'json_object_agg_transfn';
CREATE FUNCTION pg_temp.keeps_json(internal, bigint, float8, float8) RETURNS internal LANGUAGE internal AS 'json_object_agg_transfn';
CREATE FUNCTION pg_temp.array_as_sketch(integer[], integer) RETURNS cvm_sketch LANGUAGE internal AS 'array_append';
"""


def aggregates():
    """Aggregates that mix pieces: what is mixed, definition, query."""
    for name, (types, transition, call) in FOREIGN.items():
        for final in ("cvm_final_count", "cvm_final_sketch", "cvm_sample_final"):
            if name != "ordered_set":
                yield (f"{final} of {name}", f"({types}) (SFUNC = {transition}, STYPE = internal, FINALFUNC = {final})",
                       f"SELECT mixed({call}) FROM numbers")
    avg = "(bigint) (SFUNC = int8_avg_accum, STYPE = internal, FINALFUNC = numeric_poly_avg, PARALLEL = safe, "
    yield "cvm_sample_serialize of int8_avg", avg + "COMBINEFUNC = int8_avg_combine, SERIALFUNC = cvm_sample_serialize, DESERIALFUNC = int8_avg_deserialize)", "SELECT mixed(i) FROM numbers"
    yield "cvm_sample_combine of int8_avg", avg + "COMBINEFUNC = cvm_sample_combine, SERIALFUNC = int8_avg_serialize, DESERIALFUNC = int8_avg_deserialize)", "SELECT mixed(i) FROM numbers"
    yield "cvm_sample_deserialize of int8_avg", avg + "COMBINEFUNC = int8_avg_combine, SERIALFUNC = int8_avg_serialize, DESERIALFUNC = cvm_sample_deserialize)", "SELECT mixed(i) FROM numbers"
    # Sketches for samples, and samples for sketches.
    yield "cvm_sample_final of sketches", "(anyelement) (SFUNC = cvm_accumulate, STYPE = internal, FINALFUNC = cvm_sample_final)", "SELECT mixed(i) FROM numbers"
    yield "cvm_final_count of samples", "(anyelement) (SFUNC = cvm_sample_accumulate, STYPE = internal, FINALFUNC = cvm_final_count)", "SELECT mixed(i) FROM numbers"
    yield "cvm_serialize of int8_avg", avg + "COMBINEFUNC = int8_avg_combine, SERIALFUNC = cvm_serialize, DESERIALFUNC = int8_avg_deserialize)", "SELECT mixed(i) FROM numbers"
    yield "cvm_combine of int8_avg", avg + "COMBINEFUNC = cvm_combine, SERIALFUNC = int8_avg_serialize, DESERIALFUNC = int8_avg_deserialize)", "SELECT mixed(i) FROM numbers"
    yield "cvm_deserialize of int8_avg", avg + "COMBINEFUNC = int8_avg_combine, SERIALFUNC = int8_avg_serialize, DESERIALFUNC = cvm_deserialize)", "SELECT mixed(i) FROM numbers"
    ours = "(anyelement) (SFUNC = cvm_accumulate, STYPE = internal, FINALFUNC = cvm_final_count, PARALLEL = safe, COMBINEFUNC = cvm_combine, "
    yield "cvm_combine of what int8_avg deserialized", ours + "SERIALFUNC = int8_avg_serialize, DESERIALFUNC = int8_avg_deserialize)", "SELECT mixed(i) FROM numbers"
    moving = "(bigint) (SFUNC = int8_avg_accum, STYPE = internal, FINALFUNC = {}, MSTYPE = internal, MSFUNC = int8_avg_accum, "
    frame = "OVER (ORDER BY i ROWS 2 PRECEDING) FROM numbers"
    yield "cvm_sample_accumulate as inverse of int8_avg", moving.format("numeric_poly_avg") + "MINVFUNC = cvm_sample_accumulate, MFINALFUNC = numeric_poly_avg)", f"SELECT mixed(i) {frame}"
    yield "cvm_accumulate as inverse of int8_avg", moving.format("numeric_poly_avg") + "MINVFUNC = cvm_accumulate, MFINALFUNC = numeric_poly_avg)", f"SELECT mixed(i) {frame}"
    for arguments in ("float8", "float8, float8"):
        types, call = f"(bigint, {arguments})", "i" + ", 0.1::float8" * len(arguments.split(","))
        name, final = "pg_temp.keeps_json", "json_object_agg_finalfn"
        yield (f"cvm_accumulate of {types} as inverse of json_object_agg",
               f"{types} (SFUNC = {name}, STYPE = internal, FINALFUNC = {final}, MSTYPE = internal, MSFUNC = {name}, MINVFUNC = cvm_accumulate, MFINALFUNC = {final})",
               f"SELECT mixed({call}) {frame}")
    # An array that may be changed in place, said to be a sketch.
    yield "cvm_merge of arrays", "(cvm_sketch) (SFUNC = cvm_merge, STYPE = cvm_sketch)", "SELECT mixed(pg_temp.array_as_sketch(ARRAY[1], i::integer)) FROM numbers"
    yield "cvm_leave of int8_avg", moving.format("numeric_poly_avg") + "MINVFUNC = cvm_leave, MFINALFUNC = numeric_poly_avg)", f"SELECT mixed(i) {frame}"
    yield "cvm_leave_hashed of int8_avg", moving.format("numeric_poly_avg") + "MINVFUNC = cvm_leave_hashed, MFINALFUNC = numeric_poly_avg)", f"SELECT mixed(i) {frame}"
    for final in ("cvm_moving_count", "cvm_moving_sketch", "cvm_moving_union"):
        yield f"{final} of int8_avg", f"(bigint) (SFUNC = int8_avg_accum, STYPE = internal, FINALFUNC = {final})", "SELECT mixed(i) FROM numbers"
        yield f"{final} of cvm_accumulate", f"(anyelement) (SFUNC = cvm_accumulate, STYPE = internal, FINALFUNC = {final})", "SELECT mixed(i) FROM numbers"
    # Frames of values for frames of sketches, plain states for moving ones, and the other way round.
    yield "cvm_moving_union of values", "(anyelement) (SFUNC = cvm_enter, STYPE = internal, FINALFUNC = cvm_moving_union)", "SELECT mixed(i) FROM numbers"
    for final in ("cvm_moving_sketch", "cvm_final_sketch", "cvm_sample_final"):
        yield f"{final} of sketches in a frame", f"(cvm_sketch) (SFUNC = cvm_enter_sketch, STYPE = internal, FINALFUNC = {final})", "SELECT mixed(cvm_sketch_empty()) FROM numbers"
    yield "cvm_final_count of values in a frame", "(anyelement) (SFUNC = cvm_enter, STYPE = internal, FINALFUNC = cvm_final_count)", "SELECT mixed(i) FROM numbers"
    ours = "({}) (SFUNC = {}, STYPE = internal, FINALFUNC = {final}, MSTYPE = internal, MSFUNC = {}, MINVFUNC = {}, MFINALFUNC = {final})"
    for types, enters, leaves, final, call in (
            ("anyelement", "cvm_accumulate", "cvm_leave", "cvm_final_count", "i"),
            ("anyelement", "cvm_enter", "cvm_accumulate", "cvm_moving_count", "i"),
            ("anyelement", "cvm_enter", "cvm_sample_accumulate", "cvm_moving_count", "i"),
            ("cvm_sketch", "cvm_enter_sketch", "cvm_leave", "cvm_moving_union", "cvm_sketch_empty()"),
            ("cvm_sketch", "cvm_enter", "cvm_leave_sketch", "cvm_moving_sketch", "cvm_sketch_empty()")):
        yield f"{leaves} after {enters}", ours.format(types, enters, enters, leaves, final=final), f"SELECT mixed({call}) {frame}"
    yield "cvm_final_count of moving int8_avg", moving.format("cvm_final_count") + "MINVFUNC = int8_avg_accum_inv, MFINALFUNC = cvm_final_count)", f"SELECT mixed(i) {frame}"


def main():
    options(__doc__)
    report = Report("foreign_internals")
    report.session.all("DROP TABLE IF EXISTS numbers; CREATE TABLE numbers AS SELECT i::bigint AS i FROM generate_series(1, 5000) i; "
                       "ALTER TABLE numbers SET (parallel_workers = 2); ANALYZE numbers")
    report.session.close()
    refused = 0
    for name, definition, query in aggregates():
        session = reconnected()
        session.all(PIECES)
        session.all(f"CREATE AGGREGATE pg_temp.mixed{definition}")
        session.all("SET search_path = public, pg_temp")
        session.all(PARALLEL)
        try:
            outcome = session.attempt(query.replace("mixed", "pg_temp.mixed"))
            # XX001 says that a sketch is broken, which is what a state of type cvm_sketch is that is none.
            clean = outcome.state is not None and (not outcome.state.startswith("XX") or "STYPE = cvm_sketch" in definition and outcome.state == "XX001")
            report.check(clean, f"{name}: {outcome.rows and outcome.rows[:1]} {outcome.state} {outcome.message}")
            refused += outcome.state is not None
        except psycopg2.Error:
            report.check(False, f"{name}: the connection is lost")
    report.session = reconnected()
    report.session.all("DROP TABLE numbers")
    report.server_lived()
    report.finish(f"{len(list(aggregates()))} mixed aggregates, {refused} refused")


if __name__ == "__main__":
    main()
