"""Faults that can be armed while a system runs: each has an effect, a filter, and an end by count or by time."""

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Effect = Literal["lost_response", "status", "outage", "slow", "list_empty"]
EFFECTS: tuple[Effect, ...] = get_args(Effect)
ENDING: tuple[Effect, ...] = ("lost_response", "status", "outage")

Operation = Literal["read", "write", "create", "delete", "search", "history", "meta"]


class Fault(BaseModel):
    """What goes wrong, for which requests, how often.

    - `lost_response`: the request is carried out, then the connection is aborted without an answer.
    - `status`: answered with `status` (default 500), `headers` and either `body` as it is or the system's own error body
      saying `reason`. Not carried out, unless `applied`.
    - `outage`: the connection is aborted, nothing is carried out.
    - `slow`: `delay` seconds pass first.
    - `list_empty`: searches and lists find nothing.

    `record` is a record's id; `field` a field that the request writes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    effect: Effect
    operation: Operation | Literal["any"] = "any"
    record: str | None = None
    field: str | None = None
    times: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    delay: float = Field(default=0, ge=0)
    status: int = Field(default=500, ge=300, le=599)
    headers: dict[str, str] = {}
    body: Any = None
    reason: str = "the system is not well"
    applied: bool = False

    def meets(self, operation: Operation, records: tuple[str, ...], fields: tuple[str, ...]) -> bool:
        return (
            self.operation in {"any", operation}
            and (self.record is None or self.record in records)
            and (self.field is None or self.field in fields)
        )


@dataclass(slots=True)
class ArmedFault:
    id: int
    fault: Fault
    left: int | None
    until: float | None

    def is_over(self) -> bool:
        return self.left == 0 or (self.until is not None and monotonic() >= self.until)


@dataclass(slots=True)
class Faults:
    """The armed faults, in memory: a restarted system is a healthy one."""

    _armed: dict[int, ArmedFault] = field(default_factory=dict)
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    def arm(self, fault: Fault) -> int:
        until = None if fault.seconds is None else monotonic() + fault.seconds
        armed = ArmedFault(next(self._ids), fault, fault.times, until)
        self._armed[armed.id] = armed
        return armed.id

    def disarm(self, fault_id: int | None = None) -> None:
        """Take one fault away, or all."""
        if fault_id is None:
            self._armed.clear()
        else:
            self._armed.pop(fault_id, None)

    def armed(self) -> list[ArmedFault]:
        self._armed = {armed.id: armed for armed in self._armed.values() if not armed.is_over()}
        return list(self._armed.values())

    def strike(
        self,
        operation: Operation,
        records: tuple[str, ...],
        fields: tuple[str, ...],
        already: set[int],
        effects: Collection[Effect] = EFFECTS,
    ) -> list[Fault]:
        """The faults that a request meets, each used up by one; those that follow an ending one wait for the next request.

        Args:
            operation: What the request does.
            records: The ids of the records that it is about, as far as they are known.
            fields: The fields that it writes.
            already: Ids of faults that this request has met; those met now are added.
            effects: Only these.
        """
        struck = []
        for armed in self.armed() if self._armed else []:
            fault = armed.fault
            if (
                armed.id in already
                or fault.effect not in effects
                or not fault.meets(operation, records, fields)
            ):
                continue
            already.add(armed.id)
            armed.left = None if armed.left is None else armed.left - 1
            struck.append(fault)
            if fault.effect in ENDING:
                break
        return struck
