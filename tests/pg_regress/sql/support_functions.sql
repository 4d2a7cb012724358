-- Nobody can call the functions behind the aggregate: PostgreSQL lets nobody make a value of type internal.
-- PostgreSQL 15 finds no such function then, 16 cannot read the argument.
CREATE FUNCTION refused(call text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SELECT ' || call;
    RETURN false;
EXCEPTION WHEN undefined_function OR feature_not_supported THEN
    RETURN true;
END $$;

SELECT call, refused(call)
FROM (VALUES
    ('cvm_accumulate(NULL, 1)'),
    ('cvm_accumulate(NULL, 1, 0.1)'),
    ('cvm_accumulate(NULL, 1, 0.1, 0.1)'),
    ('cvm_combine(NULL, NULL)'),
    ('cvm_serialize(NULL)'),
    ($$cvm_deserialize('\x'::bytea, NULL)$$),
    ('cvm_final_count(NULL)'),
    ('cvm_final_sketch(NULL)'),
    ('cvm_sample_accumulate(NULL, 1)'),
    ('cvm_sample_accumulate(NULL, 1, 8)'),
    ('cvm_sample_accumulate(NULL, 1, 8, 0)'),
    ('cvm_sample_accumulate_measured(NULL, 1, 1)'),
    ('cvm_sample_accumulate_measured(NULL, 1, 1, 8)'),
    ('cvm_sample_accumulate_measured(NULL, 1, 1, 8, 0)'),
    ('cvm_sample_combine(NULL, NULL)'),
    ('cvm_sample_serialize(NULL)'),
    ($$cvm_sample_deserialize('\x'::bytea, NULL)$$),
    ('cvm_sample_final(NULL)')
) v (call);

DROP FUNCTION refused;

-- Functions of states that have a type are called in no other place than an aggregate.
SELECT cvm_sample_merge(cvm_sample_empty(), NULL);
SELECT cvm_sample_merge(NULL, cvm_sample_empty());
SELECT cvm_sample_final_flat(cvm_sample_empty());

-- A role that is no superuser cannot put them into an aggregate of its own.
CREATE ROLE cvm_builder;
CREATE SCHEMA workshop AUTHORIZATION cvm_builder;
SET ROLE cvm_builder;

CREATE AGGREGATE workshop.other(anyelement) (
    SFUNC = cvm_accumulate,
    STYPE = internal,
    FINALFUNC = cvm_final_count
);

RESET ROLE;
DROP SCHEMA workshop;
DROP ROLE cvm_builder;

-- A superuser can. An aggregate with few of the functions works as long as they are ours.
CREATE AGGREGATE plain_form(anyelement) (
    SFUNC = cvm_accumulate,
    STYPE = internal,
    FINALFUNC = cvm_final_count
);

SELECT plain_form(i) FROM generate_series(1, 1000) i;
DROP AGGREGATE plain_form(anyelement);
