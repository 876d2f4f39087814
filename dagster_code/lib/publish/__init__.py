"""The marts in PostgreSQL, for BI tools: ``ATTRIBUTION_PUBLISH_URL``.

What goes over is staged beside the tables first, by Spark's executors. Then one transaction brings
all marts up to date by row: whoever reads sees all of the last publication, or all of this one.
"""
