select
    rejection_reason as reason,
    client_id,
    record,
    problem,
    source_file,
    source_sha256,
    source_position,
    landed_at,
    batch
from {{ ref('base_client_records') }}
where rejection_reason is not null
