-- Engines that send aggregates to other servers ask for concrete types.
-- Neither state nor arguments are of a pseudo-type there.
-- The state can be sent as text and in binary, and be combined.
SELECT aggfnoid::regprocedure AS aggregate,
       aggtranstype::regtype AS state,
       state.typtype <> 'p'
           AND NOT EXISTS (
               SELECT
               FROM unnest(proargtypes) AS argument JOIN pg_type ON pg_type.oid = argument
               WHERE typtype = 'p'
           ) AS is_concrete,
       state.typinput <> 0 AND state.typoutput <> 0 AS as_text,
       state.typreceive <> 0 AND state.typsend <> 0 AS as_binary,
       aggcombinefn <> 0 AS combines,
       proparallel = 's' AS in_parallel
FROM pg_aggregate
JOIN pg_proc ON aggfnoid = pg_proc.oid
JOIN pg_type AS state ON state.oid = aggtranstype
WHERE proname ~ '^(cvm_|approx_count_distinct_cvm)'
ORDER BY is_concrete DESC, proname COLLATE "C", pronargs;
