with

records as (

    select spend_id, spend_date, sender_channel, source, medium, campaign, cost
    from {{ ref('base_ad_spend_records') }}
    where rejection_reason is null

),

channels as (

    select source, medium, campaign, channel from {{ ref('base_channel_lookup') }}

)

select
    records.spend_id,
    records.spend_date,
    coalesce(records.sender_channel, channels.channel, 'unassigned') as channel,
    records.source,
    records.medium,
    records.campaign,
    records.cost
from records
left join channels
    on
        -- nothing given matches nothing, whatever a rule without conditions would say
        coalesce(records.source, records.medium, records.campaign) is not null
        and records.source <=> channels.source
        and records.medium <=> channels.medium
        and records.campaign <=> channels.campaign
