-- Every day from the first to the last that has visits.
{{ config(materialized='view') }}

select first_day + generate_series(0, last_day - first_day) as day
from (select min(day) as first_day, max(day) as last_day from {{ ref('daily_visitors') }}) as days
