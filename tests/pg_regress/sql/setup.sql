-- Every other file needs this.
CREATE EXTENSION cvm_count;
SELECT extname, extversion, extrelocatable FROM pg_extension WHERE extname = 'cvm_count';

-- These functions give a query's plan, and its rows as sorted text, while a setting has another value.
CREATE FUNCTION verbose_plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    plan text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS off) ' || query LOOP
        plan := plan || line || E'\n';
    END LOOP;
    RETURN plan;
END $$;

CREATE FUNCTION plan_with(setting text, value text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before text := current_setting(setting);
    plan text;
BEGIN
    PERFORM set_config(setting, value, false);
    plan := verbose_plan(query);
    PERFORM set_config(setting, before, false);
    RETURN plan;
END $$;

CREATE FUNCTION rows_with(setting text, value text, query text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    before text := current_setting(setting);
    found text[];
BEGIN
    PERFORM set_config(setting, value, false);
    EXECUTE format('SELECT array_agg(q::text ORDER BY q::text) FROM (%s) q', query) INTO found;
    PERFORM set_config(setting, before, false);
    RETURN found;
END $$;
