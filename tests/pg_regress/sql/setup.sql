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

-- This one compares a query that some tool sends with one by hand, in which number(x) stands for the number of distinct x: whether they
-- agree without the setting and with it, and whether that makes a difference.
CREATE FUNCTION sent_and_own(sent text, own text, OUT exact boolean, OUT approximate boolean, OUT differ boolean) LANGUAGE plpgsql AS $$
DECLARE
    setting CONSTANT text := 'cvm_count.count_distinct_epsilon';
    call CONSTANT text := 'number\(((?:[^()]|\([^()]*\))*)\)';
    exact_rows CONSTANT text[] := public.rows_with(setting, '0', sent);
    approximate_rows CONSTANT text[] := public.rows_with(setting, '0.3', sent);
BEGIN
    exact := exact_rows = public.rows_with(setting, '0', regexp_replace(own, call, 'count(DISTINCT \1)', 'g'));
    approximate := approximate_rows
        = public.rows_with(setting, '0', regexp_replace(own, call, 'public.approx_count_distinct_cvm(\1, 0.3, 0.01)', 'g'));
    differ := exact_rows <> approximate_rows;
END $$;
