"""The deliberate mistakes: one change of the dbt project's text each."""

import shutil
from dataclasses import dataclass
from pathlib import Path

ATTRIBUTION_EVENTS = "models/intermediate/attribution/int_attribution_events.sql"
BASE_EVENTS = "models/staging/web/base_events.sql"
TIMELINES = "models/intermediate/attribution/int_purchaser_timelines.sql"
ASSISTS = "models/intermediate/attribution/int_assisted_conversions.sql"


class MutantNotFoundError(Exception):
    """The text to change is not there: the project has moved on, and the mutant with it must."""


@dataclass(frozen=True)
class Mutant:
    """A mistake.

    Attributes:
        name: what to call it on the command line.
        mistake: what it does, in words.
        path: the file, from the dbt project's folder.
        old: the text that is there.
        new: what takes its place.
        count: how often the text is there; None for any number but none.
    """

    name: str
    mistake: str
    path: str
    old: str
    new: str
    count: int | None = 1

    def mutated(self, text: str) -> str:
        """The file's text with the mistake.

        Args:
            text: the file as it should be.

        Raises:
            MutantNotFoundError: the text to change is not there, or not as often as it should be.
        """
        found = text.count(self.old)
        if found == 0 or self.count not in (None, found):
            raise MutantNotFoundError(
                f"{self.name}: {self.path} has {found} times, not {self.count or 'once or more'},"
                f" the text {self.old!r}"
            )
        return text.replace(self.old, self.new)

    def project_with(self, project_dir: Path, folder: Path) -> Path:
        """A copy of the dbt project with the mistake.

        Args:
            project_dir: the project as it should be.
            folder: where the copy goes.
        """
        copy = folder / self.name
        shutil.copytree(project_dir, copy, ignore=shutil.ignore_patterns("target", "logs"))
        file = copy / self.path
        if not file.is_file():
            raise MutantNotFoundError(f"{self.name}: there is no file {self.path}")
        file.write_text(self.mutated(file.read_text(encoding="utf-8")), encoding="utf-8")
        return copy


MUTANTS = (
    Mutant(
        "window_start",
        "a touch exactly 30 x 24 h old is outside the window (< for <=)",
        TIMELINES,
        "'{{ var(\"attribution_window_days\") }} 00:00:00.000001' day to second preceding",
        "'{{ var(\"attribution_window_days\") }} 00:00:00' day to second preceding",
    ),
    Mutant(
        "window_end",
        "a touch at the conversion's own instant is outside the window",
        TIMELINES,
        "    range between unbounded preceding and current row\n",
        "    range between unbounded preceding and interval '0.000001' second preceding\n",
    ),
    Mutant(
        "assist_window",
        "a touch exactly 30 x 24 h old assists no conversion (> for >=)",
        ASSISTS,
        "and latest_touch_at >= event_time",
        "and latest_touch_at > event_time",
    ),
    Mutant(
        "session_gap",
        "a gap of exactly 30 minutes starts a session (>= for >)",
        BASE_EVENTS,
        "deduplicated.event_time > coalesce(",
        "deduplicated.event_time >= coalesce(",
    ),
    Mutant(
        "session_tie",
        "of events at one instant the greatest id opens the session",
        BASE_EVENTS,
        "order by deduplicated.event_time, deduplicated.event_id\n",
        "order by deduplicated.event_time, deduplicated.event_id desc\n",
    ),
    Mutant(
        "touch_tie",
        "of touches at one instant the greatest id comes first",
        TIMELINES,
        "    order by event_time, event_id\n",
        "    order by event_time, event_id desc\n",
    ),
    Mutant(
        "direct_exclusion",
        "a direct touch counts as a marketing touch",
        ATTRIBUTION_EVENTS,
        "is_touch and channel <> 'direct' as is_marketing_touch",
        "is_touch as is_marketing_touch",
    ),
    Mutant(
        "in_session_repeat",
        "the same campaign twice in a session is two touches",
        BASE_EVENTS,
        "when has_evidence then not (has_previous_tags"
        " and previous_evidence.sender_channel <=> sender_channel)",
        "when has_evidence then true",
    ),
    Mutant(
        "repeat_over_sessions",
        "the same campaign in the next session is no touch",
        BASE_EVENTS,
        "coalesce(previous_evidence.event_time >= session_started_at, false)\n"
        "        and previous_evidence.source",
        "previous_evidence is not null\n        and previous_evidence.source",
    ),
    Mutant(
        "duplicate_order",
        "of records with one id the latest stays",
        BASE_EVENTS,
        "order by event_id, event_time, content_hash,",
        "order by event_id, event_time desc, content_hash,",
    ),
    Mutant(
        "revenue_rounding",
        "half a cent of a purchase is cut off",
        "macros/revenue.sql",
        "then try_cast({{ text }} as decimal(18, 2))",
        "then cast(floor(try_cast({{ text }} as decimal(38, 15)) * 100) / 100 as decimal(18, 2))",
    ),
    Mutant(
        "cents_rounding",
        "the cents left over go to the smallest remainders",
        "macros/cents.sql",
        "struct(-",
        "struct(",
        count=None,
    ),
)
