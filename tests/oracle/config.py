"""The vars of the dbt project that change a number."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Config:
    """The vars, with their shipped values."""

    session_timeout_minutes: int = 30
    attribution_window_days: int = 30
    outside_window_channel: str = "unattributed"
    max_path_touches: int = 500
    position_based_first_percent: int = 40
    position_based_last_percent: int = 40
    time_decay_half_life_days: int = 7

    @property
    def session_timeout(self) -> timedelta:
        """The longest gap inside a session."""
        return timedelta(minutes=self.session_timeout_minutes)

    @property
    def attribution_window(self) -> timedelta:
        """SPEC: "30 x 24 h": no calendar days."""
        return timedelta(hours=24 * self.attribution_window_days)

    @property
    def half_life(self) -> timedelta:
        """ADR 7: in whole days, of 24 hours as everywhere."""
        return timedelta(hours=24 * self.time_decay_half_life_days)
