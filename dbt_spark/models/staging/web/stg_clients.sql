with

records as (

    select * from {{ ref('base_client_records') }}
    where rejection_reason is null

),

seen_clients as (

    select * from {{ ref('base_clients') }}

),

described_clients as (

    -- several records of one client: the newest profile wins, field by field; of equals the last value as text
    select
        client_id,
        max_by(user_id, struct(recency, user_id)) filter (where user_id is not null) as user_id,
        max(created_at) as created_at,
        max_by(country, struct(recency, country)) filter (where country is not null) as country,
        max_by(platform, struct(recency, platform)) filter (where platform is not null) as platform
    from records
    group by client_id

)

select
    client_id,
    seen_clients.first_seen_at,
    seen_clients.last_seen_at,
    coalesce(seen_clients.first_platform, described_clients.platform) as first_platform,
    coalesce(seen_clients.event_count, 0) as event_count,
    coalesce(seen_clients.page_view_count, 0) as page_view_count,
    coalesce(seen_clients.purchase_count, 0) as purchase_count,
    cast(coalesce(seen_clients.total_revenue, 0) as decimal(28, 2)) as total_revenue,
    coalesce(described_clients.user_id, seen_clients.user_id) as user_id,
    described_clients.created_at,
    described_clients.country
from seen_clients
full outer join described_clients using (client_id)
