-- What every other file needs.
CREATE EXTENSION cvm_count;
SELECT extname, extversion, extrelocatable FROM pg_extension WHERE extname = 'cvm_count';
