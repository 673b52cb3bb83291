"""Webhook subscriptions and the durable queue of deliveries, written in the transaction of the save that they tell of."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random  # noqa: TID251 - seeded by whoever asks for a shuffle
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from lab.systems.clock import Clock
from lab.systems.database import Database
from lab.systems.records import Save
from lab.systems.settings import Settings, Switches

Order = Literal["kept", "reversed", "shuffled", "apart"]

# Deliveries released in an asked-for order share one lane; others have a lane per subscriber and record.
_DUE = """
SELECT deliveries.id, delivery_id, subscription, save, payload, altered, attempts,
       iif(place IS NULL, subscription || ' ' || record_type || ' ' || saves.id, 'ordered')
FROM deliveries JOIN saves ON saves.n = save
WHERE NOT failed AND due_at <= ? ORDER BY place IS NULL, place, deliveries.id LIMIT ?
"""


class Subscription(BaseModel):
    """Who is told. Without filters: every event of every type. `options` are the system's own, e.g. header names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    url: str
    secret: str = ""
    record_types: list[str] | None = None
    events: list[str] | None = None
    options: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to send. Copies and retries share their `delivery_id`; deliveries in one `lane` go one at a time."""

    row: int
    delivery_id: str
    subscription: Subscription
    save_n: int
    payload: dict[str, Any] | None
    altered: dict[str, Any] | None
    attempts: int
    lane: str


class Outbox:
    """Deliveries leave the table when the receiver answered 2xx; those given up stay, marked failed."""

    def __init__(self, database: Database, clock: Clock, switches: Switches[Settings]) -> None:
        self._database = database
        self._clock = clock
        self._switches = switches
        self._subscriptions = {
            row[0]: Subscription.model_validate_json(row[1])
            for row in database.rows("SELECT id, body FROM subscriptions")
        }
        self.delivered = 0
        self.on_change: Callable[[], None] = lambda: None

    @property
    def subscriptions(self) -> list[Subscription]:
        return list(self._subscriptions.values())

    def subscribe(self, subscription: Subscription) -> None:
        """Add it, or replace the one with the same id."""
        self._database.execute(
            "INSERT OR REPLACE INTO subscriptions VALUES (?, ?)",
            subscription.id,
            subscription.model_dump_json(),
        )
        self._subscriptions[subscription.id] = subscription

    def unsubscribe(self, subscription_id: str) -> None:
        self._database.execute("DELETE FROM subscriptions WHERE id = ?", subscription_id)
        self._database.execute("DELETE FROM deliveries WHERE subscription = ?", subscription_id)
        self._subscriptions.pop(subscription_id, None)

    def queue(self, save: Save, subscription: Subscription, payload: dict[str, Any] | None = None) -> None:
        """Queue what this subscriber is to hear of a save, as often and as late as the settings say.

        `payload` is for a system that tells of one save by several events; without it the body is composed when sent.
        """
        settings = self._switches.now
        if settings.webhook_drop_next:
            self._switches.patch({"webhook_drop_next": settings.webhook_drop_next - 1})
            return
        self._insert(
            save.n,
            subscription.id,
            copies=settings.webhook_copies,
            delay=settings.webhook_delay,
            payload=payload,
        )

    def resend(self, save: Save, times: int, altered: dict[str, Any] | None) -> int:
        """Queue a save's event again for every subscriber, under a new delivery id; the number of deliveries."""
        for subscription in self._subscriptions.values():
            self._insert(save.n, subscription.id, copies=times, delay=0, altered=altered)
        return times * len(self._subscriptions)

    def release(self, order: Order | list[str], seed: int) -> int:
        """Let held deliveries go, one at a time in the order asked for; the number of them.

        Args:
            order: As they were queued, backwards, shuffled, or by a list of record ids (others follow). `apart`: each
                record's in a lane of their own, several at once, as they go unheld.
            seed: For the shuffle.
        """
        self._switches.patch({"webhook_hold": False})
        rows = self._database.rows(
            "SELECT deliveries.id, saves.id FROM deliveries JOIN saves ON saves.n = save WHERE NOT failed ORDER BY 1"
        )
        with self._database.transaction():
            for place, row in enumerate(_ordered(rows, order, seed)):
                lane = None if order == "apart" else place
                self._database.execute("UPDATE deliveries SET place = ?, due_at = 0 WHERE id = ?", lane, row)
        self.on_change()
        return len(rows)

    def due(self, now: float, limit: int) -> list[Delivery]:
        """Deliveries whose time has come, in sending order; nothing while held."""
        if self._switches.now.webhook_hold:
            return []
        return [self._delivery(row) for row in self._database.rows(_DUE, now, limit)]

    def next_due(self, now: float) -> float | None:
        """When the next delivery that isn't due yet falls due; None if none waits or all is held."""
        if self._switches.now.webhook_hold:
            return None
        row = self._database.row("SELECT min(due_at) FROM deliveries WHERE NOT failed AND due_at > ?", now)
        return row[0] if row else None

    def succeed(self, delivery: Delivery) -> None:
        self._database.execute("DELETE FROM deliveries WHERE id = ?", delivery.row)
        self.delivered += 1

    def fail(self, delivery: Delivery, *, final: bool) -> None:
        """Come back later, each time twice as late, until the retries are used up; never, if the failure is final."""
        settings = self._switches.now
        self._database.execute(
            "UPDATE deliveries SET attempts = attempts + 1, due_at = ?, failed = ? WHERE id = ?",
            self._clock.true_time() + settings.webhook_backoff * 2**delivery.attempts,
            final or delivery.attempts >= settings.webhook_retries,
            delivery.row,
        )

    def counts(self) -> dict[str, int]:
        """`undelivered` counts everything that may still arrive: queued, held, in flight, waiting for a retry."""
        row = self._database.row(
            "SELECT count(*) FILTER (WHERE NOT failed), count(*) FILTER (WHERE failed) FROM deliveries"
        )
        undelivered, failed = row or (0, 0)
        held = undelivered if self._switches.now.webhook_hold else 0
        return {"undelivered": undelivered, "held": held, "failed": failed, "delivered": self.delivered}

    def clear(self, *, subscriptions: bool) -> None:
        self._database.execute("DELETE FROM deliveries")
        self.delivered = 0
        if subscriptions:
            self._database.execute("DELETE FROM subscriptions")
            self._subscriptions.clear()

    def _insert(
        self,
        save_n: int,
        subscription_id: str,
        *,
        copies: int,
        delay: float,
        payload: dict[str, Any] | None = None,
        altered: dict[str, Any] | None = None,
    ) -> None:
        delivery_id = str(uuid4())
        for _ in range(copies):
            self._database.execute(
                "INSERT INTO deliveries (delivery_id, subscription, save, payload, altered, due_at) VALUES (?, ?, ?, ?, ?, ?)",
                delivery_id, subscription_id, save_n, _json(payload), _json(altered),
                self._clock.true_time() + delay,
            )  # fmt: skip
        self.on_change()

    def _delivery(self, columns: tuple[Any, ...]) -> Delivery:
        row, delivery_id, subscription, save_n, payload, altered, attempts, lane = columns
        to = self._subscriptions[subscription]
        return Delivery(row, delivery_id, to, save_n, _parsed(payload), _parsed(altered), attempts, lane)


def _json(content: dict[str, Any] | None) -> str | None:
    return None if content is None else json.dumps(content)


def _parsed(text: str | None) -> dict[str, Any] | None:
    content: dict[str, Any] | None = None if text is None else json.loads(text)
    return content


def _ordered(rows: list[tuple[Any, ...]], order: Order | list[str], seed: int) -> list[int]:
    queued: list[int] = [row for row, _ in rows]
    match order:
        case "kept" | "apart":
            return queued
        case "reversed":
            return queued[::-1]
        case "shuffled":
            return Random(seed).sample(queued, len(queued))
        case list():
            rank = {record_id: place for place, record_id in enumerate(order)}
            return [row for row, record_id in sorted(rows, key=lambda found: rank.get(found[1], len(rank)))]
