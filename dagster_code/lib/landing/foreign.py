"""Records of another form than this project's: what the landing has to know to read them."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from dagster_code.lib.landing.json_lines import document_values
from dagster_code.lib.landing.lines import BOM
from dagster_code.lib.landing.measure import RefusedError
from dagster_code.lib.landing.tab_lines import TAB, values_text

# So many of the first lines are looked at to tell whether a file is of the form.
_LOOKED_AT = 50


@dataclass(frozen=True)
class ForeignForm:
    """A form of records that a mapping reads.

    Attributes:
        name: of the mapping.
        demanded: columns that a record of this form has for certain.
        tab_columns: the names of values between tabs; empty: the file names them itself.
    """

    name: str
    demanded: tuple[str, ...]
    tab_columns: tuple[str, ...] = ()

    def check_names(self, names: Sequence[str]) -> None:
        """Refuse a file whose columns are others.

        Args:
            names: of the columns in the file.

        Raises:
            RefusedError: a demanded one is missing.
        """
        missing = [name for name in self.demanded if name not in names]
        if missing:
            raise RefusedError(self._other(f"no column {', '.join(missing)}"))

    def check_json(self, head: str) -> None:
        """Refuse JSON of which no record at the beginning has what is demanded.

        Args:
            head: the beginning of the file.

        Raises:
            RefusedError: the records are others.
        """
        records: list[dict[str, Any]] = []
        for line in head.strip(BOM).splitlines()[:_LOOKED_AT]:
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                records.append(record)
        self._check_records(records)

    def check_document(self, head: str) -> None:
        """Refuse a JSON document of which no record at the beginning has what is demanded.

        Args:
            head: the beginning of the file.

        Raises:
            RefusedError: the records are others.
        """
        records: list[dict[str, Any]] = []
        # the beginning may end within a record
        with suppress(ValueError):
            for _, value, _ in islice(document_values(head), _LOOKED_AT):
                if isinstance(value, tuple):
                    records.append(dict(value))
        self._check_records(records)

    def _check_records(self, records: Sequence[Mapping[str, Any]]) -> None:
        # Where nothing is a record, it lands as unreadable, and each is told.
        if records and not any(all(name in record for name in self.demanded) for record in records):
            wanted = " and ".join(self.demanded)
            found = ", ".join(list(records[0])[:8])[:200]
            raise RefusedError(self._other(f"no record with {wanted}, but {found}"))

    def check_tabs(self, head: str) -> None:
        """Refuse a text whose first lines have another number of values.

        Args:
            head: the beginning of the file.

        Raises:
            RefusedError: no line has as many values as there are columns.
        """
        lines = [values_text(line) for line in head.split("\n")[:_LOOKED_AT]]
        counts = [line.count(TAB) + 1 for line in lines if line.strip()]
        if counts and len(self.tab_columns) not in counts:
            first = f"{counts[0]} value{'s' * (counts[0] != 1)} between tabs in its first line"
            raise RefusedError(self._other(f"{first}, not {len(self.tab_columns)}"))

    def refuse_parquet(self) -> None:
        """Refuse a Parquet file where lines are expected.

        Raises:
            RefusedError: this form is of lines.
        """
        if self.tab_columns:
            raise RefusedError(self._other("it is a Parquet file, not values between tabs"))

    def _other(self, what: str) -> str:
        return f"not of the form {self.name}: {what}"
