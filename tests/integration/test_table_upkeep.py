"""The upkeep of a small table, on a real server: fewer files, the same rows, nothing lost."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dagster_code.lib import server
from dagster_code.lib.session import session_on
from dagster_code.lib.upkeep import OPERATIONS

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# Parts of the first write, and appends after it: each leaves a file of a hundred rows.
PARTS, APPENDS = 7, 3
FILES = PARTS + APPENDS
HOLDING = """
import sys
from dagster_code.lib.lock import writer_lock
from dagster_code.lib.settings import load_settings
with writer_lock(load_settings(), print, "attribution run"):
    print("holding", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def neglected(empty_home):
    """A table of many tiny files with deleted rows, a view, and a file that a dead writer left."""
    state = server.start(empty_home.settings, lambda _line: None)
    with session_on(empty_home.settings, state.connect_port) as spark:
        spark.sql("create schema marts")
        spark.sql(
            "create table marts.neglected (id bigint) using delta"
            " tblproperties ('delta.enableDeletionVectors' = 'true')"
        )
        starts = range(100 * PARTS, 100 * FILES, 100)
        hundreds = [spark.range(start, start + 100, 1, 1) for start in starts]
        for frame in (spark.range(0, 100 * PARTS, 1, PARTS), *hundreds):
            frame.write.format("delta").mode("append").saveAsTable("marts.neglected")
        spark.sql("delete from marts.neglected where id % 4 = 0")
        spark.sql("create view marts.seen as select * from marts.neglected")
    orphan = empty_home.settings.warehouse_dir / "marts.db" / "neglected" / "part-orphan.parquet"
    orphan.write_bytes(b"cut off")
    long_ago = time.time() - 30 * 24 * 3600
    os.utime(orphan, (long_ago, long_ago))
    return orphan


def version(home):
    return home.rows("describe history marts.neglected limit 1")[0]["version"]


def ids(home, at=""):
    return sorted(row["id"] for row in home.rows(f"select id from marts.neglected {at}"))


def cells(done):
    """The printed line of the table, split at its columns."""
    line = next(line for line in done.stdout.splitlines() if line.startswith("marts.neglected"))
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_upkeep(empty_home, neglected: Path):
    home = empty_home
    before, former = ids(home), version(home)
    assert len(before) == 75 * FILES

    # A dry run says what and why, and changes nothing.
    planned = home.run("upkeep", "--dry-run").stdout
    assert "marts.seen" not in planned
    assert "purge, optimize, vacuum" in planned
    assert "25% of the stored rows are deleted" in planned
    assert f"{FILES} files below 32 MiB" in planned
    assert "1 files that no kept version needs" in planned
    assert version(home) == former
    assert neglected.exists()

    # Nothing is done beside another writer.
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING],
        env={**os.environ, "ATTRIBUTION_HOME": str(home.settings.home)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout.readline() == "holding\n"
        refused = home.attribution("upkeep")
        writer.stdin.close()
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert f"attribution run (pid {writer.pid}) writes to" in refused.stderr
    assert version(home) == former

    done = cells(home.run("upkeep"))
    assert done[1:4] == ["purge, optimize, vacuum", str(FILES), "1"]
    assert done[6] == "1"
    assert not neglected.exists()
    assert ids(home) == before
    assert ids(home, f"version as of {former}") == before
    assert len(ids(home, f"version as of {former - 1}")) == 100 * FILES

    history = home.rows("describe history marts.neglected")
    assert {row["operation"] for row in history if row["version"] > former} <= OPERATIONS

    # The rows are still as they were: so is the version, after a second upkeep.
    kept = version(home)
    again = home.run("upkeep")
    assert cells(again)[1] == "-"
    assert "nothing to do" in again.stderr
    assert version(home) == kept

    # A former version can be made the newest again.
    home.rows(f"restore table marts.neglected to version as of {former - 1}")
    assert len(ids(home)) == 100 * FILES
