{{ config(pre_hook="SET LOCAL cvm_count.count_distinct_epsilon = 0.03") }}
select count(distinct visitor) as visitors from public.visits
