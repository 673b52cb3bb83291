"""How a connection's changes are heard of, and how long an edit can stand before anybody looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.durations import Duration, spell_duration
from domain.rhythm import NONE, Crontab, Freeze, Rhythm, Span, Zone

Mode: TypeAlias = Literal["webhook", "poll", "both"]

ALONE, BESIDE = timedelta(minutes=1), timedelta(minutes=5)
"""How often is polled, if nobody says: where nothing else tells of changes, and where webhooks do."""
SPREAD = 10
"""The jitter of an interval is a tenth of it, if nobody says."""


class Changes(BaseModel):
    """`changes:` of a connection."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Mode | None = None
    """`both`, if omitted; of a system that offers a stream of its changes, the stream alone is read then."""
    every: Span | None = None
    cron: Crontab | None = None
    zone: Zone = "UTC"
    """Of `cron` and `freeze`."""
    jitter: Duration | None = None
    freeze: tuple[Freeze, ...] = ()
    """Windows in which nothing is polled; webhooks are heard and pairs are written all the same."""
    page: int = Field(default=200, ge=1, le=10_000)
    """Records asked for at once."""
    pause: Duration = timedelta(milliseconds=200)
    """Between two pages, so that catching up leaves the system room for others."""
    late_after: Span = timedelta(minutes=15)
    """How long a poll may go on failing before an alert says so."""

    @model_validator(mode="after")
    def _is_one_rhythm(self) -> Self:
        if self.every is not None and self.cron is not None:
            raise ValueError("`every` and `cron` exclude each other: leave one of them out")
        if self.mode == "webhook" and (self.every, self.cron, self.freeze) != (None, None, ()):
            raise ValueError(
                "`mode: webhook` polls nothing: leave `every`, `cron` and `freeze` out, or write `both`"
            )
        if not Rhythm(every=ALONE, zone=self.zone, freeze=self.freeze).is_ever_thawed:
            raise ValueError("the windows of `freeze` leave no time to poll")
        return self

    def rhythm(self, *, beside_webhooks: bool) -> Rhythm:
        """When to poll."""
        default = None if self.cron else BESIDE if beside_webhooks else ALONE
        every = self.every or default
        jitter = self.jitter if self.jitter is not None else (every or NONE) / SPREAD
        return Rhythm(every=every, cron=self.cron, zone=self.zone, jitter=jitter, freeze=self.freeze)


@dataclass(frozen=True, slots=True)
class Capture:
    """By which ways a connection's changes come, and when it is polled."""

    webhook: bool
    stream: bool
    polled: Rhythm | None

    @classmethod
    def of(cls, changes: Changes, *, webhook: bool, stream: bool) -> Capture:
        """`webhook`: whether deliveries are accepted; `stream`: whether the system offers its changes as they happen."""
        heard = webhook and changes.mode != "poll"
        polls = changes.mode in {"poll", "both"} or (changes.mode is None and not stream)
        rhythm = changes.rhythm(beside_webhooks=heard or stream) if polls else None
        return cls(webhook=heard, stream=stream, polled=rhythm)

    def exposure(self, index_lag: timedelta) -> timedelta | None:
        """How long an edit can stand unseen if every webhook is lost; None if then nobody ever looks.

        A stream forgets nothing: what it can't tell any more, it says.

        Args:
            index_lag: How long the system's own search may miss a change.
        """
        if self.stream:
            return NONE
        return None if self.polled is None else self.polled.longest_wait + index_lag

    @property
    def ways(self) -> str:
        """In words: `webhook, poll every 5m`."""
        told = [way for way, used in (("webhook", self.webhook), ("stream", self.stream)) if used]
        return ", ".join([*told, *([_words(self.polled)] if self.polled else [])]) or "nothing"


def _words(rhythm: Rhythm) -> str:
    if rhythm.every is not None:
        return f"poll every {spell_duration(rhythm.every)}"
    return f"poll at {rhythm.cron} ({rhythm.zone})"
