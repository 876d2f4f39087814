select
    source_file,
    cast(landed_at as date) as landed_date,
    count(*) as record_count
from {{ source('raw', 'events') }}
group by source_file, cast(landed_at as date)
