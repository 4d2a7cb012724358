-- What dashboards read: the distinct visitors of each day, and of the days up to it.
{{ config(materialized='view') }}

with calendar as (
    select day, coalesce(visitors, cvm_sketch_empty()) as visitors
    from {{ ref('time_spine') }}
    left join {{ ref('daily_visitors') }} using (day)
),

unions as (
    select
        day,
        visitors as daily,
        cvm_sketch_union_agg(visitors) over (order by day range '6 days' preceding) as last_7_days,
        cvm_sketch_union_agg(visitors) over (order by day range '27 days' preceding) as last_28_days,
        cvm_sketch_union_agg(visitors) over (partition by date_trunc('week', day::timestamp) order by day) as week_to_date,
        cvm_sketch_union_agg(visitors) over (partition by date_trunc('month', day::timestamp) order by day) as month_to_date
    from calendar
)

select
    day,
    cvm_sketch_estimate(daily) as daily,
    cvm_sketch_estimate(last_7_days) as last_7_days,
    cvm_sketch_estimate(last_28_days) as last_28_days,
    cvm_sketch_estimate(week_to_date) as week_to_date,
    cvm_sketch_estimate(month_to_date) as month_to_date
from unions
