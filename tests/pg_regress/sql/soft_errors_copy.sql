-- COPY that ignores errors leaves out the rows whose sketch is broken.
CREATE TABLE copied (name text, sketch cvm_sketch);
COPY copied FROM stdin WITH (FORMAT csv, ON_ERROR ignore);
good,\x0100000045210000000000000000000000000000
text,zz
null,
short,\x01
version,\x0300000045210000000000000000000000000000
again,\x0100000045210000000000000000000000000000
\.

SELECT name, # sketch AS estimate FROM copied;

-- One broken row ends it otherwise.
COPY copied FROM stdin WITH (FORMAT csv);
good,\x0100000045210000000000000000000000000000
text,zz
\.

DROP TABLE copied;
