"""Support functions with a state of type internal that is not theirs. PostgreSQL lets only a superuser make such an
aggregate, and checks nothing about it: ours must tell a state that is not theirs, and refuse it with an ERROR."""

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


def aggregates():
    """Aggregates that mix pieces: what is mixed, definition, query."""
    for name, (types, transition, call) in FOREIGN.items():
        for final in ("cvm_final_count", "cvm_final_sketch"):
            if name != "ordered_set":
                yield (f"{final} of {name}", f"({types}) (SFUNC = {transition}, STYPE = internal, FINALFUNC = {final})",
                       f"SELECT mixed({call}) FROM numbers")
    avg = "(bigint) (SFUNC = int8_avg_accum, STYPE = internal, FINALFUNC = numeric_poly_avg, PARALLEL = safe, "
    yield "cvm_serialize of int8_avg", avg + "COMBINEFUNC = int8_avg_combine, SERIALFUNC = cvm_serialize, DESERIALFUNC = int8_avg_deserialize)", "SELECT mixed(i) FROM numbers"
    yield "cvm_combine of int8_avg", avg + "COMBINEFUNC = cvm_combine, SERIALFUNC = int8_avg_serialize, DESERIALFUNC = int8_avg_deserialize)", "SELECT mixed(i) FROM numbers"
    yield "cvm_deserialize of int8_avg", avg + "COMBINEFUNC = int8_avg_combine, SERIALFUNC = int8_avg_serialize, DESERIALFUNC = cvm_deserialize)", "SELECT mixed(i) FROM numbers"
    ours = "(anyelement) (SFUNC = cvm_accumulate, STYPE = internal, FINALFUNC = cvm_final_count, PARALLEL = safe, COMBINEFUNC = cvm_combine, "
    yield "cvm_combine of what int8_avg deserialized", ours + "SERIALFUNC = int8_avg_serialize, DESERIALFUNC = int8_avg_deserialize)", "SELECT mixed(i) FROM numbers"
    moving = "(bigint) (SFUNC = int8_avg_accum, STYPE = internal, FINALFUNC = {}, MSTYPE = internal, MSFUNC = int8_avg_accum, "
    frame = "OVER (ORDER BY i ROWS 2 PRECEDING) FROM numbers"
    yield "cvm_accumulate as inverse of int8_avg", moving.format("numeric_poly_avg") + "MINVFUNC = cvm_accumulate, MFINALFUNC = numeric_poly_avg)", f"SELECT mixed(i) {frame}"
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
        session.all(f"CREATE AGGREGATE pg_temp.mixed{definition}")
        session.all("SET search_path = public, pg_temp")
        session.all(PARALLEL)
        try:
            outcome = session.attempt(query.replace("mixed", "pg_temp.mixed"))
            report.check(outcome.state is not None and not outcome.state.startswith("XX"), f"{name}: {outcome.rows and outcome.rows[:1]} {outcome.state} {outcome.message}")
            refused += outcome.state is not None
        except psycopg2.Error:
            report.check(False, f"{name}: the connection is lost")
    report.session = reconnected()
    report.session.all("DROP TABLE numbers")
    report.server_lived()
    report.finish(f"{len(list(aggregates()))} mixed aggregates, {refused} refused")


if __name__ == "__main__":
    main()
