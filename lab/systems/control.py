"""Typed client of the control API: one method per call, see `control_api` for what each does."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import TypeAdapter

from lab.systems.control_api import Action, Health, History
from lab.systems.faults import ArmedFault, Fault
from lab.systems.injections import Injection
from lab.systems.journal import Entry
from lab.systems.outbox import Order, Subscription
from lab.systems.records import Origin, Record

T = TypeVar("T")

_NOTHING = TypeAdapter(None)
_NUMBER = TypeAdapter(int)
_NUMBERS = TypeAdapter(dict[str, int])
_OBJECT = TypeAdapter(dict[str, Any])
_HEALTH = TypeAdapter(Health)
_HISTORY = TypeAdapter(History)
_RECORDS = TypeAdapter(list[Record])
_ENTRIES = TypeAdapter(list[Entry])
_FAULTS = TypeAdapter(list[ArmedFault])
_INJECTIONS = TypeAdapter(list[Injection])
_SUBSCRIPTIONS = TypeAdapter(list[Subscription])


class LabControl:
    """Does things to one simulated system. Every method raises `httpx.HTTPStatusError` when the system refuses."""

    def __init__(self, url: str, authority: Path | None = None) -> None:
        """`authority` is the PEM file to trust, if the system serves https."""
        trusted = ssl.create_default_context(cafile=authority) if authority else True
        self._client = httpx.AsyncClient(base_url=f"{url}/_lab", trust_env=False, timeout=30, verify=trusted)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()

    async def health(self) -> Health:
        return await self._get(_HEALTH, "/health")

    async def create(
        self, record_type: str, fields: dict[str, Any], *, by: str = "person", at: float | None = None
    ) -> Record:
        return await self._act(Action(do="create", record_type=record_type, fields=fields, by=by, at=at))

    async def edit(
        self,
        record_type: str,
        record_id: str,
        fields: dict[str, Any],
        *,
        by: str = "person",
        at: float | None = None,
        origin: Origin = "person",
    ) -> Record:
        return await self._act(
            Action(
                do="edit", record_type=record_type, id=record_id, fields=fields, by=by, at=at, origin=origin
            )
        )

    async def delete(
        self, record_type: str, record_id: str, *, by: str = "person", at: float | None = None
    ) -> Record:
        return await self._act(Action(do="delete", record_type=record_type, id=record_id, by=by, at=at))

    async def move(
        self, record_type: str, record_id: str, key: str, *, by: str = "person", at: float | None = None
    ) -> Record:
        return await self._act(
            Action(do="move", record_type=record_type, id=record_id, key=key, by=by, at=at)
        )

    async def act(self, actions: Sequence[Action]) -> list[Record]:
        """Many actions in one transaction; the records, in the same order."""
        body = [action.model_dump() for action in actions]
        return await self._post(_RECORDS, "/actions", body)

    async def records(self, record_type: str) -> list[Record]:
        return await self._get(_RECORDS, f"/records/{record_type}")

    async def record(self, record_type: str, record_id: str) -> History:
        return await self._get(_HISTORY, f"/records/{record_type}/{record_id}")

    async def settings(self) -> dict[str, Any]:
        return await self._get(_OBJECT, "/settings")

    async def change_settings(self, **changes: Any) -> dict[str, Any]:
        return await self._send(_OBJECT, "PATCH", "/settings", changes)

    async def faults(self) -> list[ArmedFault]:
        return await self._get(_FAULTS, "/faults")

    async def arm(self, fault: Fault) -> int:
        """Arm a fault; its id."""
        return await self._post(_NUMBER, "/faults", fault.model_dump())

    async def disarm(self, fault_id: int | None = None) -> None:
        """Take one fault away, or all."""
        await self._send(_NOTHING, "DELETE", "/faults" if fault_id is None else f"/faults/{fault_id}")

    async def injections(self) -> list[Injection]:
        """Those that haven't happened yet."""
        return await self._get(_INJECTIONS, "/injections")

    async def inject(self, injection: Injection) -> None:
        await self._post(_NOTHING, "/injections", injection.model_dump())

    async def subscriptions(self) -> list[Subscription]:
        return await self._get(_SUBSCRIPTIONS, "/subscriptions")

    async def subscribe(self, subscription: Subscription) -> None:
        await self._post(_NOTHING, "/subscriptions", subscription.model_dump())

    async def unsubscribe(self, subscription_id: str) -> None:
        await self._send(_NOTHING, "DELETE", f"/subscriptions/{subscription_id}")

    async def webhooks(self) -> dict[str, int]:
        return await self._get(_NUMBERS, "/webhooks")

    async def undelivered(self) -> int:
        """Webhooks that may still arrive: queued, held, in flight, waiting for a retry."""
        return (await self.webhooks())["undelivered"]

    async def hold(self) -> None:
        await self._post(_NOTHING, "/webhooks/hold")

    async def release(self, order: Order | list[str] = "kept", seed: int = 0) -> int:
        """Let held webhooks go; the number of them."""
        return await self._post(_NUMBER, "/webhooks/release", {"order": order, "seed": seed})

    async def resend(
        self, record_type: str, record_id: str, times: int = 1, altered: dict[str, Any] | None = None
    ) -> int:
        """Queue a record's last event again; the number of deliveries. `altered` is a JSON merge patch of the payload."""
        body = {"record_type": record_type, "record_id": record_id, "times": times, "altered": altered}
        return await self._post(_NUMBER, "/webhooks/resend", body)

    async def journal(self, since: int = 0) -> list[Entry]:
        return await self._get(_ENTRIES, f"/journal?since={since}")

    async def journal_end(self) -> int:
        """The number of the last request; 0 before the first."""
        entries = await self.journal()
        return entries[-1].n if entries else 0

    async def clear_journal(self) -> None:
        await self._send(_NOTHING, "DELETE", "/journal")

    async def counts(self) -> dict[str, Any]:
        return await self._get(_OBJECT, "/counts")

    async def record_counts(self, record_type: str, record_id: str) -> dict[str, int]:
        """Counters of one record; see `Journal.counts`. What never happened isn't in it."""
        counted = (await self.counts())["records"].get(f"{record_type}/{record_id}", {})
        return _NUMBERS.validate_python(counted)

    async def reset(self, *, settings: bool = False, subscriptions: bool = False) -> None:
        await self._post(_NOTHING, "/reset", {"settings": settings, "subscriptions": subscriptions})

    async def _act(self, action: Action) -> Record:
        return (await self.act([action]))[0]

    async def _get(self, shape: TypeAdapter[T], path: str) -> T:
        return await self._send(shape, "GET", path)

    async def _post(self, shape: TypeAdapter[T], path: str, body: Any = None) -> T:
        return await self._send(shape, "POST", path, body)

    async def _send(self, shape: TypeAdapter[T], method: str, path: str, body: Any = None) -> T:
        response = await self._client.request(method, path, json=body)
        response.raise_for_status()
        return shape.validate_json(response.content or b"null")
