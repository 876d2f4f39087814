{{
    config(
        materialized='table',
    )
}}

select
    channel,
    cast(sum(cost) as decimal(28, 2)) as cost,
    min(spend_date) as first_spend_date,
    max(spend_date) as last_spend_date
from {{ ref('stg_ad_spend') }}
group by channel
