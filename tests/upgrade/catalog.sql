-- All that the catalog says of the extension's objects, but for their Oids: a line for each property.
WITH object AS (
    SELECT classid, objid, pg_describe_object(classid, objid, 0) AS name
    FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
      AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'cvm_count')
)
SELECT format('%s: %s', name, coalesce(obj_description(objid, classid::regclass::name), 'NO COMMENT')) FROM object
UNION ALL
SELECT format('%s: %s', name, pg_get_functiondef(objid))
FROM object JOIN pg_proc ON classid = 'pg_proc'::regclass AND objid = pg_proc.oid WHERE prokind <> 'a'
UNION ALL
SELECT format('%s: %s', name, ROW(pg_get_function_arguments(objid), prorettype::regtype, provolatile, proparallel, aggkind, aggtransfn,
    aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggfinalextra, aggfinalmodify, aggtranstype::regtype, aggtransspace, agginitval, aggmtransfn, aggminvtransfn, aggmfinalfn,
    aggmfinalextra, aggmfinalmodify, aggmtranstype::regtype, aggmtransspace, aggminitval))
FROM object JOIN pg_proc ON classid = 'pg_proc'::regclass AND objid = pg_proc.oid JOIN pg_aggregate ON aggfnoid = pg_proc.oid
UNION ALL
SELECT format('%s: %s', name, ROW(typlen, typbyval, typtype, typcategory, typalign, typstorage, typinput, typoutput, typreceive, typsend))
FROM object JOIN pg_type ON classid = 'pg_type'::regclass AND objid = pg_type.oid
UNION ALL
SELECT format('%s: %s', name, ROW(oprkind, oprcanmerge, oprcanhash, oprcom::regoperator, oprnegate::regoperator, oprcode, oprrest, oprjoin))
FROM object JOIN pg_operator ON classid = 'pg_operator'::regclass AND objid = pg_operator.oid
UNION ALL
SELECT format('%s: %s', name, ROW(castcontext, castmethod, castfunc::regprocedure))
FROM object JOIN pg_cast ON classid = 'pg_cast'::regclass AND objid = pg_cast.oid
UNION ALL
SELECT format('%s: %s', name, ROW(opcdefault, opcintype::regtype, opckeytype::regtype,
    (SELECT array_agg(amopopr::regoperator::text ORDER BY amopstrategy) FROM pg_amop WHERE amopfamily = opcfamily),
    (SELECT array_agg(amproc::regprocedure::text ORDER BY amprocnum) FROM pg_amproc WHERE amprocfamily = opcfamily)))
FROM object JOIN pg_opclass ON classid = 'pg_opclass'::regclass AND objid = pg_opclass.oid
ORDER BY 1;
