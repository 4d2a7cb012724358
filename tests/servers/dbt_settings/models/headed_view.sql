{{ config(materialized='view') }}
{% call set_sql_header(config) %} SET LOCAL cvm_count.count_distinct_epsilon = 0.03; {% endcall %}
select count(distinct visitor) as visitors from public.visits
