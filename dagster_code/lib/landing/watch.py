"""How far a landing has come, and how long it will still take."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession
from pyspark.sql.connect.shell.progress import ProgressHandler, StageInfo

from dagster_code.lib.progress import Progress, log_of, watched
from dagster_code.lib.time_left import Pace, in_words

_LOGGED_SECONDS = 5.0


class LandingWatch(ProgressHandler):
    """Knows how many tasks of a landing's statement are done; each is about as large as another."""

    def __init__(
        self,
        file_count: int,
        size_bytes: int,
        log: Progress,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin.

        Args:
            file_count: how many files land.
            size_bytes: their size.
            log: told every few seconds.
            clock: seconds, for tests.
        """
        self._files = f"{file_count:,} file{'s' * (file_count != 1)}"
        self._size = size_bytes
        self._pace = Pace(size_bytes, clock=clock)
        self._log = log
        self._clock = clock
        self._logged_at = clock()
        self.task_count = 0

    def __call__(
        self,
        stages: Iterable[StageInfo] | None,
        inflight_tasks: int,
        operation_id: str | None,
        done: bool,
    ) -> None:
        """Take what Spark Connect tells of a running statement.

        Args:
            stages: of it so far; Delta's own, which read its log, are among them.
            inflight_tasks: of all of them.
            operation_id: of the statement.
            done: whether it has ended.
        """
        if stages is None or done:
            return
        tasks = [
            stage.num_completed_tasks for stage in stages if stage.num_tasks == self.task_count
        ]
        if tasks and self.task_count:
            self._pace.reached(self._size * max(tasks) / self.task_count)
        if self._clock() - self._logged_at >= _LOGGED_SECONDS:
            self._logged_at = self._clock()
            self._log(self.describe())

    def describe(self) -> str:
        """Write how far it has come and how long it will still take."""
        share = self._pace.share
        whole = f"{self._size / 1e6:,.1f} MB of {self._files}"
        if not share:
            return f"{whole}, {in_words(self._pace)}"
        return f"{share * self._size / 1e6:,.1f} of {whole}, {share:.0%}, {in_words(self._pace)}"


@contextmanager
def watching(
    spark: SparkSession, file_count: int, size_bytes: int, tell: Progress, title: str
) -> Iterator[LandingWatch]:
    """Show how far the statement inside has come.

    Args:
        spark: the session that runs it.
        file_count: how many files land.
        size_bytes: their size.
        tell: takes progress lines; what lies behind ``announce`` gets some of these.
        title: like ``landing events``.
    """
    watch = LandingWatch(file_count, size_bytes, log_of(tell))
    spark.registerProgressHandler(watch)
    try:
        with watched(lambda: f"{title}: {watch.describe()}"):
            yield watch
    finally:
        spark.removeProgressHandler(watch)
