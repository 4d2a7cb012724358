{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='day',
    indexes=[{'columns': ['day'], 'unique': true}],
    pre_hook=[
        "{% if is_incremental() %} lock table {{ this }} in share row exclusive mode {% endif %}",
        "{% if is_incremental() %} delete from {{ this }} where day = any ('{ {{ var('rebuild') }} }') {% endif %}",
    ],
) }}

with visits as (
    select (visited_at at time zone 'UTC')::date as day, visitor, arrived_at
    from {{ source('web', 'visits') }}
    where isfinite(visited_at)
),

arrived as (
    select day, cvm_sketch_agg(visitor) as visitors, least(max(arrived_at), now()) as arrived_until
    from visits
    {% if is_incremental() %}
    where arrived_at > (select coalesce(max(arrived_until) - interval '{{ var("overlap") }}', '-infinity') from {{ this }})
        {% if var('rebuild') %} or day = any ('{ {{ var("rebuild") }} }') {% endif %}
    {% endif %}
    group by day
)

{% if is_incremental() %}
select
    day,
    cvm_sketch_union(array[stored.visitors, arrived.visitors]) as visitors,
    greatest(stored.arrived_until, arrived.arrived_until) as arrived_until
from arrived
left join {{ this }} as stored using (day)
{% else %}
select day, visitors, arrived_until from arrived
{% endif %}
