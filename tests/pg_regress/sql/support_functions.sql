-- The functions behind the aggregate, called as they should not be: PostgreSQL lets nobody make a value of type internal.
SELECT cvm_accumulate(NULL, 1);
SELECT cvm_accumulate(NULL, 1, 0.1);
SELECT cvm_accumulate(NULL, 1, 0.1, 0.1);
SELECT cvm_combine(NULL, NULL);
SELECT cvm_serialize(NULL);
SELECT cvm_deserialize('\x'::bytea, NULL);
SELECT cvm_final_count(NULL);
SELECT cvm_final_sketch(NULL);

-- Neither can a role that is no superuser put them into an aggregate of its own.
CREATE ROLE cvm_builder;
CREATE SCHEMA workshop AUTHORIZATION cvm_builder;
SET ROLE cvm_builder;
CREATE AGGREGATE workshop.other(anyelement) (SFUNC = cvm_accumulate, STYPE = internal, FINALFUNC = cvm_final_count);
RESET ROLE;
DROP SCHEMA workshop;
DROP ROLE cvm_builder;

-- A superuser can. An aggregate without a final function, or with few others, works as long as the pieces are ours.
CREATE AGGREGATE plain_form(anyelement) (SFUNC = cvm_accumulate, STYPE = internal, FINALFUNC = cvm_final_count);
SELECT plain_form(i) FROM generate_series(1, 1000) i;
DROP AGGREGATE plain_form(anyelement);
