"""When to look next: every so often or by a crontab line, spread by jitter, never inside a freeze.

Times that were missed, because everything was down or frozen, are made up for by one look, not by one each. Pure: the
caller says what time it is. Crontab lines are read by cronsim, which treats daylight saving as Debian's cron does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise, takewhile
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from domain.durations import Duration
from domain.values import digest

NONE = timedelta(0)
SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
"""Where the gaps of a crontab line are measured from."""
TICKS, SPAN = 3000, timedelta(days=4 * 365)
"""How many times, and how far, a line is followed to find its longest gap: to the next leap year, or for two days of
every minute."""
STARTS = 400
"""How many of a freeze's beginnings are looked at to find its longest stretch: a year of nights."""
WINDOWS = 100
"""More freezes that follow each other without a pause are one that never ends."""


def _crontab(line: str) -> str:
    try:
        next(CronSim(line, SOME_DAY))
    except CronSimError as error:
        raise ValueError(
            f"{line!r} is no crontab line ({error}); write for example */10 8-18 * * 1-5"
        ) from error
    return line


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write for example Europe/Vienna") from error
    return name


def _positive(span: timedelta) -> timedelta:
    if span <= NONE:
        raise ValueError("it must be longer than nothing")
    return span


Crontab: TypeAlias = Annotated[str, AfterValidator(_crontab)]
"""Minute, hour, day of month, month, day of week."""
Zone: TypeAlias = Annotated[str, AfterValidator(_zone)]
Span: TypeAlias = Annotated[Duration, AfterValidator(_positive)]


class Freeze(BaseModel):
    """A window that begins by a crontab line, for example a system's own maintenance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: Crontab
    length: Span = Field(alias="for")


class Rhythm(BaseModel):
    """When to look. Exactly one of `every` and `cron` is set."""

    model_config = ConfigDict(frozen=True)

    every: Span | None = None
    cron: Crontab | None = None
    zone: Zone = "UTC"
    """Of `cron` and `freeze`."""
    jitter: Duration = NONE
    """Each look is late by up to this much, so that many connections don't all ask at once."""
    freeze: tuple[Freeze, ...] = ()

    def next_look(self, began: datetime, now: datetime, key: str = "") -> datetime:
        """When to look again: later than now, in no freeze, within `longest_wait`.

        Args:
            began: When the last look began; the interval counts from here.
            now: When it was over, however late.
            key: Who looks. Different keys are late by different parts of the jitter, the same key by the same one.
        """
        tick = self._tick(began, now)
        return self.thawed(tick + self.jitter * _fraction(key, tick))

    def thawed(self, moment: datetime) -> datetime:
        """This moment, or the end of the freeze that it lies in."""
        for _ in range(WINDOWS):
            end = self.frozen_until(moment)
            if end is None:
                return moment
            moment = end
        return moment

    def frozen_until(self, moment: datetime) -> datetime | None:
        """When the freeze ends that this moment lies in; None if it lies in none."""
        ends = [end for one in self.freeze if (end := self._end(one, moment)) > moment]
        return max(ends, default=None)

    @property
    def longest_wait(self) -> timedelta:
        """The longest time between two looks."""
        gap = self.every if self.every is not None else _longest_gap(self.cron or "", self.zone)
        return gap + self.jitter + _longest_freeze(Rhythm(zone=self.zone, freeze=self.freeze))

    @property
    def is_ever_thawed(self) -> bool:
        """Whether its freezes leave any time to look."""
        return self.frozen_until(self.thawed(SOME_DAY)) is None

    def _tick(self, began: datetime, now: datetime) -> datetime:
        if self.every is not None:
            return began + self.every * ((now - began) // self.every + 1)
        return next(CronSim(self.cron or "", now.astimezone(ZoneInfo(self.zone)))).astimezone(UTC)

    def _end(self, one: Freeze, moment: datetime) -> datetime:
        """Of the freeze that began last. A line's own minute counts as begun."""
        local = (moment + timedelta(minutes=1)).astimezone(ZoneInfo(self.zone))
        starts = (start.astimezone(UTC) for start in CronSim(one.start, local, reverse=True))
        return next(start for start in starts if start <= moment) + one.length


@cache
def _longest_gap(line: str, zone: str) -> timedelta:
    return max((later - earlier for earlier, later in pairwise(_ticks(line, zone))), default=SPAN)


@cache
def _longest_freeze(rhythm: Rhythm) -> timedelta:
    """Together with the freezes that follow it without a pause."""
    starts = (start for one in rhythm.freeze for start in islice(_ticks(one.start, rhythm.zone), STARTS))
    return max((rhythm.thawed(start) - start for start in starts), default=NONE)


def _ticks(line: str, zone: str) -> Iterator[datetime]:
    ticks = (tick.astimezone(UTC) for tick in CronSim(line, SOME_DAY.astimezone(ZoneInfo(zone))))
    return takewhile(lambda tick: tick < SOME_DAY + SPAN, islice(ticks, TICKS))


def _fraction(key: str, tick: datetime) -> float:
    """Between 0 and 1, and always the same for the same key and time."""
    return int(digest(key, tick.isoformat())[:8], 16) / 0xFFFFFFFF
