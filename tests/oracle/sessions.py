"""Sessions and touches of one client (SPEC.md section 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.oracle.channels import DIRECT, Evidence
from tests.oracle.staging import Event


@dataclass(frozen=True)
class Touch:
    """A moment at which a channel reached the client."""

    touch_at: datetime
    event_id: str
    evidence: Evidence

    @property
    def channel(self) -> str:
        """The touch's channel."""
        return self.evidence.channel

    @property
    def is_marketing(self) -> bool:
        """SPEC: "Marketing touches are those whose channel is not direct"."""
        return self.evidence.is_marketing


@dataclass(frozen=True)
class Session:
    """Events of one client without a longer gap than the timeout."""

    started_at: datetime
    channel: str
    touches: Sequence[Touch]


def sessions_of(events: Sequence[Event], timeout: timedelta) -> list[Session]:
    """The sessions of one client's events, given in the order (event_time, event_id)."""
    return [
        Session(group[0].event_time, channel_of_session(group), touches_of_session(group))
        for group in _split_at_gaps(events, timeout)
    ]


def _split_at_gaps(events: Sequence[Event], timeout: timedelta) -> list[list[Event]]:
    """The events of each session.

    SPEC: "a gap of more than 30 minutes since the client's previous event starts a new one; exactly
    30:00 does not. Midnight and campaign changes do not".
    """
    groups: list[list[Event]] = []
    for event in events:
        if groups and event.event_time - groups[-1][-1].event_time <= timeout:
            groups[-1].append(event)
        else:
            groups.append([event])
    return groups


def channel_of_session(events: Sequence[Event]) -> str:
    """SPEC: "That of its first event with marketing evidence, else direct"."""
    channels = (event.evidence.channel for event in events if event.evidence.is_marketing)
    return next(channels, DIRECT)


def touches_of_session(events: Sequence[Event]) -> list[Touch]:
    """The touches of one session, in order.

    "(a) an event with marketing evidence, unless the evidence event before it in the same session
    shows the same (channel, source, medium, campaign); (b) the first event of a session if it shows
    no evidence: a direct touch. touch_at is that event's time."
    """
    touches: list[Touch] = []
    previous: Evidence | None = None
    for position, event in enumerate(events):
        evidence = event.evidence
        is_new_evidence = evidence.is_marketing and evidence != previous
        is_direct_start = position == 0 and not evidence.is_marketing
        if is_new_evidence or is_direct_start:
            touches.append(Touch(event.event_time, event.event_id, evidence))
        if evidence.is_marketing:
            previous = evidence
    return touches
