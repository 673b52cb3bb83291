"""The control API under `/_lab`: what a test, a demo or a chaos run does to a simulated system behind its public API.

JSON, no authentication, loopback only. Edits made here are people's (or, by `origin`, automations'): they skip the API's checks of
values, count as no API write, and fire webhooks and automation rules like any other edit.

| call | does |
| --- | --- |
| `GET /health` | name, kind, true time |
| `POST /actions` | a list of creates, edits, deletes, moves in one transaction → the records, in the same order |
| `GET /records/{type}` | all records as they are, deleted ones too |
| `GET /records/{type}/{id}` | one record with its saves |
| `GET`, `PATCH /settings` | every switch: clock, store rules, valid and refused values, automation, lags, limits, webhooks, capabilities |
| `GET`, `POST`, `DELETE /faults`, `DELETE /faults/{id}` | armed faults |
| `GET`, `POST /injections` | edits that get in just before the next read or write of a record |
| `GET`, `POST /subscriptions`, `DELETE /subscriptions/{id}` | who gets webhooks |
| `GET /webhooks` | counts: undelivered (queued, held, in flight, to be retried), held, failed, delivered |
| `POST /webhooks/hold`, `POST /webhooks/release` | keep webhooks back; let them go in an order |
| `POST /webhooks/resend` | a record's last event again, n times, altered if wished |
| `GET`, `DELETE /journal`, `GET /counts` | requests of the public API, one by one and counted |
| `POST /reset` | wipe records, deliveries, faults, journal; on request settings and subscriptions too |
"""

from typing import Annotated, Any, Literal

from fastapi import Body, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, ValidationError

from lab.systems.faults import ArmedFault, Fault
from lab.systems.injections import Injection
from lab.systems.journal import Entry
from lab.systems.outbox import Order, Subscription
from lab.systems.records import Author, Origin, Record, Save
from lab.systems.settings import Settings
from lab.systems.system import System


class Action(BaseModel):
    """One thing that somebody does in the system's own user interface. `at` is true time and may lie in the past."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: Literal["create", "edit", "delete", "move"]
    record_type: str
    id: str | None = None  # of the record edited, deleted or moved
    fields: dict[str, Any] = {}  # created with, or changed
    key: str | None = None  # moved to
    by: str = "person"
    origin: Origin = "person"
    at: float | None = None
    marker: str | None = None


class Health(BaseModel):
    """Says that the process answers, and which system it is."""

    name: str
    kind: str
    true_time: float


class History(BaseModel):
    """A record with everything that was ever saved to it, oldest first."""

    record: Record
    saves: list[Save]


class Control:
    """The calls, each a few lines on the system's parts."""

    def __init__(self, system: System[Settings], kind: str) -> None:
        self._system = system
        self._kind = kind

    def application(self) -> FastAPI:
        """The control API as an application to mount at `/_lab`."""
        app = FastAPI(title=f"lab control of {self._system.name}")
        app.get("/health")(self.health)
        app.post("/actions")(self.act)
        app.get("/records/{record_type}")(self.records)
        app.get("/records/{record_type}/{record_id}")(self.record)
        app.get("/settings")(self.settings)
        app.patch("/settings")(self.change_settings)
        app.get("/faults")(self.faults)
        app.post("/faults")(self.arm)
        app.delete("/faults", status_code=204)(self.disarm_all)
        app.delete("/faults/{fault_id}", status_code=204)(self.disarm)
        app.get("/injections")(self.injections)
        app.post("/injections", status_code=204)(self.inject)
        app.get("/subscriptions")(self.subscriptions)
        app.post("/subscriptions", status_code=204)(self.subscribe)
        app.delete("/subscriptions/{subscription_id}", status_code=204)(self.unsubscribe)
        app.get("/webhooks")(self.webhooks)
        app.post("/webhooks/hold", status_code=204)(self.hold)
        app.post("/webhooks/release")(self.release)
        app.post("/webhooks/resend")(self.resend)
        app.get("/journal")(self.journal)
        app.delete("/journal", status_code=204)(self.clear_journal)
        app.get("/counts")(self.counts)
        app.post("/reset", status_code=204)(self.reset)
        return app

    async def health(self) -> Health:
        return Health(name=self._system.name, kind=self._kind, true_time=self._system.clock.true_time())

    async def act(self, actions: list[Action]) -> list[Record]:
        with self._system.database.transaction():
            return [self._act(action) for action in actions]

    async def records(self, record_type: str) -> list[Record]:
        return self._system.records.heads(record_type)

    async def record(self, record_type: str, record_id: str) -> History:
        saves = self._system.records.history(record_type, record_id)
        return History(record=self._existing(record_type, record_id), saves=saves)

    async def settings(self) -> dict[str, Any]:
        return self._system.switches.now.model_dump()

    async def change_settings(self, changes: dict[str, Any]) -> dict[str, Any]:
        try:
            found = self._system.switches.patch(changes).model_dump()
        except ValidationError as error:
            raise HTTPException(422, str(error)) from error
        self._system.outbox.on_change()
        return found

    async def faults(self) -> list[ArmedFault]:
        return self._system.faults.armed()

    async def arm(self, fault: Fault) -> int:
        return self._system.faults.arm(fault)

    async def disarm_all(self) -> None:
        self._system.faults.disarm()

    async def disarm(self, fault_id: int) -> None:
        self._system.faults.disarm(fault_id)

    async def injections(self) -> list[Injection]:
        return self._system.injections.waiting

    async def inject(self, injection: Injection) -> None:
        self._system.injections.waiting.append(injection)

    async def subscriptions(self) -> list[Subscription]:
        return self._system.outbox.subscriptions

    async def subscribe(self, subscription: Subscription) -> None:
        self._system.outbox.subscribe(subscription)

    async def unsubscribe(self, subscription_id: str) -> None:
        self._system.outbox.unsubscribe(subscription_id)

    async def webhooks(self) -> dict[str, int]:
        return self._system.outbox.counts()

    async def hold(self) -> None:
        self._system.switches.patch({"webhook_hold": True})

    async def release(
        self, order: Annotated[Order | list[str], Body()] = "kept", seed: Annotated[int, Body()] = 0
    ) -> int:
        return self._system.outbox.release(order, seed)

    async def resend(
        self,
        record_type: Annotated[str, Body()],
        record_id: Annotated[str, Body()],
        times: Annotated[int, Body(ge=1)] = 1,
        altered: Annotated[dict[str, Any] | None, Body()] = None,
    ) -> int:
        save = self._system.records.last_save(record_type, record_id)
        if save is None:
            raise _unknown(record_type, record_id)
        return self._system.outbox.resend(save, times, altered)

    async def journal(self, since: int = 0) -> list[Entry]:
        return self._system.journal.since(since)

    async def clear_journal(self) -> None:
        self._system.journal.clear()

    async def counts(self) -> dict[str, Any]:
        return self._system.journal.counts()

    async def reset(
        self, *, settings: Annotated[bool, Body()] = False, subscriptions: Annotated[bool, Body()] = False
    ) -> None:
        self._system.reset(settings=settings, subscriptions=subscriptions)

    def _act(self, action: Action) -> Record:
        desk = self._system.desk
        at = self._system.clock.true_time() if action.at is None else action.at
        author = Author(action.by, action.origin, at, action.marker)
        if action.do == "create":
            return desk.create(action.record_type, action.fields, author).record
        record = self._existing(action.record_type, action.id or "")
        match action.do:
            case "edit":
                save = desk.edit(record, action.fields, author)
                return save.record if save else record
            case "delete":
                return desk.delete(record, author).record
            case "move":
                return desk.move(record, action.key or record.key, author).record

    def _existing(self, record_type: str, record_id: str) -> Record:
        record = self._system.records.head(record_type, record_id)
        if record is None:
            raise _unknown(record_type, record_id)
        return record


def _unknown(record_type: str, record_id: str) -> HTTPException:
    return HTTPException(404, f"there is no {record_type} {record_id}")
