"""What a simulated system is made of, and the few things that each of them decides for itself.

To write one: subclass `System`, give its routes, its authentication, its ids, its error bodies and its webhooks. Records, history,
clock, delivery, faults, limits, journal and the control API come from here.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic

from starlette.requests import Request
from starlette.responses import Response

from lab.systems.clock import Clock
from lab.systems.database import Database
from lab.systems.desk import Desk
from lab.systems.faults import Faults, Operation
from lab.systems.injections import Injections
from lab.systems.journal import Journal
from lab.systems.limits import Bucket
from lab.systems.outbox import Delivery, Outbox, Subscription
from lab.systems.records import Author, Record, Records, Save
from lab.systems.refusals import Refused
from lab.systems.sender import RETRIED, Message, Sender
from lab.systems.settings import SettingsT_co, Switches

if TYPE_CHECKING:
    from lab.systems.call import Call

Handler = Callable[["Call"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PublicRoute:
    """One operation of the system's public API, as its journal and its faults know it."""

    method: str
    path: str
    operation: Operation
    handler: Handler


class System(ABC, Generic[SettingsT_co]):
    """One simulated system: a name, a state file, and the parts every system shares."""

    settings_type: type[SettingsT_co]
    retried: frozenset[int] = RETRIED
    """Answers after which a webhook is tried again, beside silence."""

    def __init__(self, name: str, state: Path | None, options: Mapping[str, Any]) -> None:
        self.name = name
        self.url = ""  # known when the process listens; public links in answers start with it
        self.database = Database(state)
        self.switches = Switches(self.database, self.settings_type, options)
        self.clock = Clock(self.switches)
        self.records = Records(self.database)
        self.outbox = Outbox(self.database, self.clock, self.switches)
        self.desk = Desk(
            self.database,
            self.records,
            self.clock,
            self.switches,
            self.identify,
            self.announce,
            self.settle,
        )
        self.faults = Faults()
        self.injections = Injections()
        self.journal = Journal()
        self.bucket = Bucket()
        self.sender = Sender(self.outbox, self.switches, self._compose, self.retried)

    @abstractmethod
    def routes(self) -> list[PublicRoute]:
        """The public API."""

    @abstractmethod
    def authenticate(self, request: Request) -> str:
        """The actor whose credential the request carries; saves and the journal bear that name.

        Raises:
            Refused: `unauthorized`.
        """

    @abstractmethod
    def refuse(self, refused: Refused) -> Response:
        """A refusal in the system's own words. Status, headers and body of an armed fault are set by the chassis."""

    @abstractmethod
    def identify(
        self, record_type: str, fields: dict[str, Any], next_number: Callable[[str], int]
    ) -> tuple[str, str]:
        """The id and the key of a new record; `next_number(series)` counts 1, 2, 3 … and never repeats."""

    @abstractmethod
    def payload(self, save: Save, delivery_id: str, subscription: Subscription) -> dict[str, Any]:
        """The body of the webhook that tells of a save."""

    @abstractmethod
    def sign(self, body: bytes, delivery_id: str, subscription: Subscription) -> dict[str, str]:
        """The headers of a webhook: content type, signature, delivery id, as the system sends them."""

    def wants(self, save: Save, subscription: Subscription) -> bool:
        """Whether a subscriber hears of a save; by type and event, unless a system filters further."""
        types, events = subscription.record_types, subscription.events
        return (types is None or save.record.record_type in types) and (
            events is None or save.event in events
        )

    def settle(self, record: Record, written: dict[str, Any], author: Author) -> dict[str, Any]:  # noqa: ARG002 - the hook's signature
        """What a save stores: the values written (to a new record, if its version is 0) and what the system sets along with them."""
        return written

    def limit_headers(self, retry_after: float) -> dict[str, str]:
        """Headers of every answer while a rate limit is set; `retry_after` is 0 unless this request was over it."""
        return {"retry-after": f"{retry_after:.3f}"} if retry_after else {}

    def reset(self, *, settings: bool, subscriptions: bool) -> None:
        """Wipe all records and what happened to them; numbers of new records go on where they were."""
        with self.database.transaction():
            self.records.clear()
            self.outbox.clear(subscriptions=subscriptions)
            if settings:
                self.switches.reset()
        self.faults.disarm()
        self.injections.waiting.clear()
        self.journal.clear()

    def announce(self, save: Save) -> None:
        """Queue the webhooks that tell of a save, in its transaction."""
        for subscription in self.outbox.subscriptions:
            if self.wants(save, subscription):
                self.outbox.queue(save, subscription)

    def _compose(self, delivery: Delivery) -> Message:
        save = self.records.save(delivery.save_n)
        assert save is not None
        payload = delivery.payload or self.payload(save, delivery.delivery_id, delivery.subscription)
        payload = merge(payload, delivery.altered or {})
        body = json.dumps(payload).encode()
        return Message(body, self.sign(body, delivery.delivery_id, delivery.subscription))


def merge(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """JSON merge patch (RFC 7396): objects merge, null removes, everything else replaces."""
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = merge(merged[name], value)
        else:
            merged[name] = value
    return merged
