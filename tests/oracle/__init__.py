"""The independent oracle: SPEC.md once more, in plain Python, to judge the pipeline by."""

from tests.oracle.channels import Rules
from tests.oracle.compare import compare, smallest_client
from tests.oracle.config import Config
from tests.oracle.delivery import read_files, record_from_raw_row, records_from, write_files
from tests.oracle.generate import generate, generate_clients
from tests.oracle.marts import run
from tests.oracle.records import RawRecord

__all__ = [
    "Config",
    "RawRecord",
    "Rules",
    "compare",
    "generate",
    "generate_clients",
    "read_files",
    "record_from_raw_row",
    "records_from",
    "run",
    "smallest_client",
    "write_files",
]
