{{ config(materialized='incremental') }}
select count(distinct visitor) as visitors from public.visits
