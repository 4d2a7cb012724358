{{ config(materialized='view') }}
select count(distinct visitor) as visitors from public.visits
