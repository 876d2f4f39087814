select
    rejection_reason as reason,
    record,
    problem,
    source_file,
    source_sha256,
    source_position,
    landed_at,
    batch
from {{ ref('base_ad_spend_records') }}
where rejection_reason is not null
