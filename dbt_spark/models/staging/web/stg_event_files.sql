select
    source_file,
    cast(landed_at as date) as landed_date,
    sum(record_count) as record_count
from {{ source('raw', 'landed_files') }}
where kind = 'events'
group by source_file, cast(landed_at as date)
