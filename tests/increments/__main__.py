"""Delivers random histories in random batches and holds increments against a full refresh.

    python -m tests.increments [--histories N] [--batches B] [--kills K] [--one-home] ...

After each batch every table of the home that is only ever run incrementally is compared, whole and
both ways, with that of another home, which lands the same files and builds them from nothing; at
last also with the oracle. Exit code 1 on any difference, or when a killed run is not healed by the
next one.
"""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.increments.differences import RUN_TABLES
from tests.increments.homes import RunError
from tests.increments.kills import table_lines
from tests.increments.trial import Plan, Trial

SEED = 20261123

# Besides those that are killed: the first builds, the second shows how long a run takes, the last
# is left alone.
SPARE_BATCHES = 3

_INTERRUPTED = 130


def main() -> int:
    """Try what is asked for.

    Returns:
        0 if nothing differs, 130 if it was interrupted; its figures until then are told.
    """
    options = _parser().parse_args()
    # `kill` ends it like Ctrl-C, also in the background: no server is left behind
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    # Spark Connect hands timestamps over in the zone of this process
    os.environ["TZ"] = "UTC"
    time.tzset()
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="increments-"))).absolute()
    if options.folder is not None:
        for name in ("files", "increments", "reference", "increments-commands"):
            shutil.rmtree(folder / name, ignore_errors=True)
    trial = Trial(_plan(options), folder, _say)
    failure: RunError | None = None
    is_interrupted = False
    try:
        trial.hold()
    except RunError as error:
        failure = error
    except KeyboardInterrupt:
        # what it has seen so far took an hour, perhaps
        is_interrupted = True
    figures = trial.figures
    if figures.kills:
        _say("", *table_lines(figures.kills))
    _say("", *figures.lines())
    if is_interrupted:
        _say(f"interrupted; the homes and the files are in {folder}")
        return _INTERRUPTED
    if failure is not None:
        _say(f"FAILED: {failure}")
    if failure is not None or not figures.is_clean:
        _say(f"different, failed or not healed; the homes and the files are in {folder}")
        return 1
    _say("increments equal full refreshes")
    if options.folder is None:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.increments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--seed", type=int, default=SEED, help="equal seeds give equal files")
    add("--histories", type=int, default=300, help="clients that are drawn (default 300)")
    add("--copies", type=int, default=2, help="clients for each directed history (default 2)")
    add("--batches", type=int, default=5, help="deliveries (default 5)")
    add("--compare-every", type=int, default=1, metavar="K", help="after every K-th batch only")
    add(
        "--one-home",
        action="store_true",
        help="full refreshes in the home itself; the next batch goes on from there",
    )
    add("--two-servers", action="store_true", help="leave both homes' servers up: faster, heavier")
    add("--kills", type=int, default=0, metavar="N", help="kill N runs at random moments")
    add("--vars", type=json.loads, default={}, metavar="JSON", help="dbt variables of all runs")
    add("--schema", action="append", help="tables of these (default staging and marts)")
    add("--skip", action="append", default=[], metavar="TABLE", help="do not compare this table")
    add("--keep-going", action="store_true", help="also after a difference")
    add("--no-oracle", action="store_true", help="do not ask the oracle at last")
    add("--folder", type=Path, help="keep the homes and the files here (emptied first)")
    return parser


def _plan(options: argparse.Namespace) -> Plan:
    fewest = options.kills + options.kills // 4 + SPARE_BATCHES if options.kills else 1
    return Plan(
        seed=options.seed,
        drawn=options.histories,
        copies=options.copies,
        batches=max(options.batches, fewest),
        compare_every=max(options.compare_every, 1),
        is_one_home=options.one_home,
        keeps_servers=options.two_servers,
        schemas=tuple(options.schema or ("staging", "marts")),
        skipped=RUN_TABLES | set(options.skip),
        variables=options.vars,
        kills=options.kills,
        keeps_going=options.keep_going,
        has_oracle=not options.no_oracle,
    )


def _say(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
