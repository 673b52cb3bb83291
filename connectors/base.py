"""The contract that every connector keeps.

Words: a **connection** is one account on a **system**; its **connector** reads and writes **records** of a **record
type** and hands out **snapshots** in the system's own field names and values. A connector knows nothing of pairs,
policies or baselines. What a system can promise stands in its **capabilities**; the engine adapts to them.

`tests/connectors/conformance.py` is the contract as tests: a connector is done when it passes there against its
simulator. Every method raises the errors of `domain/errors.py` and no others; statuses become errors by one table
per connector (`connectors/refusals.py`, plus the system's own additions).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar

from pydantic import JsonValue

from connectors.subscriptions import Subscriptions
from domain.description import Description
from domain.errors import ConfigError, RecordGone, RecordHidden
from domain.records import ChangeNotice, FieldVersion, Model, RecordRef, Snapshot

if TYPE_CHECKING:  # the gate knows what a request aims at, which leads back here
    from connectors.gate import Gate


class Capabilities(Model):
    """What a connection can promise. Anything unverified on the real system defaults to the cautious answer."""

    compare_and_set: bool = False
    """`update` refuses with StaleVersion if the record is no longer at `expected.version`."""
    change_history: bool = False
    """`history` tells who changed which field when."""
    unlogged: frozenset[str] = frozenset()
    """Native fields whose edits `history` doesn't tell, though it tells others': on these an edit can vanish."""
    field_stamps: bool = False
    """A plain read already carries each field's last change (`Snapshot.changes`)."""
    write_marker: bool = False
    """Our own writes can be told in the history or the webhook."""
    version_exact: bool = False
    """The version token is unique per write, and a write's response carries the token of exactly that write."""
    sequence: bool = False
    """A counter rises by one per save: expected + 1 after our write proves that nobody came between."""
    creates_with_marker: bool = False
    """A create can carry the correlation marker in the same request."""
    granularity: timedelta = timedelta(seconds=1)
    """Of the system's stamps."""
    index_lag: timedelta = timedelta(0)
    """How long a search may miss a change."""
    deletes: frozenset[str] = frozenset()
    """How a deletion shows: any of event, flag, status_410. A bare 404 never counts."""
    transitions: frozenset[str] = frozenset()
    """Native fields that are walked through a workflow instead of set."""
    merges: bool = False
    """A record that was merged into another one says so (`Snapshot.merged_into`)."""
    change_stream: bool = False
    """`stream_changes` tells of changes as they happen."""

    @property
    def at_risk(self) -> bool:
        """An edit between our last read and our write can vanish unseen."""
        return not (self.compare_and_set or self.change_history)


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What a write's own response says."""

    version: str
    fields: Mapping[str, JsonValue] | None
    """The record's native fields as this very write left them; None if the system doesn't tell and a read checked
    against the history couldn't prove it."""
    sequence: int | None = None
    modified_at: datetime | None = None
    by_us: bool | None = None
    """Whether the record's last save is ours; it isn't where somebody had just saved what we wrote. None if that isn't told."""
    request: Mapping[str, JsonValue] = field(default_factory=dict)
    """Method and path, for the write ledger. No secrets, no bodies."""


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Records modified since a cursor, oldest first."""

    notices: Sequence[ChangeNotice]
    cursor: str
    more: bool = False


@dataclass(frozen=True, slots=True)
class StreamBatch:
    """What a stream of changes brought since the batch before; empty where it only says that it lives."""

    notices: Sequence[ChangeNotice]
    position: str
    """Keep it together with the notices: a stream that is opened there goes on right behind them."""
    gap: str = ""
    """Why changes between the position that was asked for and this one may be missing: look at everything."""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """One comparison of the system's `Date` header with our clock."""

    offset: timedelta
    """System time minus ours."""
    uncertainty: timedelta
    """Half the round trip plus the header's own granularity (1 s)."""


class Connector(ABC):
    """One open connection. Safe to use from many tasks at once; close it with `aclose`."""

    system: ClassVar[str]
    """The product's name as people know it: ServiceNow, Jira."""

    def __init__(self, connection: str, capabilities: Capabilities) -> None:
        self.connection = connection
        self.capabilities = capabilities

    # ------------------------------------------------------------------------------------------------- reading
    @abstractmethod
    async def read(self, ref: RecordRef) -> Snapshot:
        """The record now, never from an index.

        Raises:
            RecordGone: The system proves the deletion.
            RecordHidden: It can't be seen, and nothing proves that it is gone.
        """

    async def by_key(self, record_type: str, key: str) -> Snapshot | None:
        """The record that people call so; None if there is none that we may see.

        Where the API takes a key in place of an id, as here; others search for it.
        """
        try:
            return await self.read(RecordRef(connection=self.connection, record_type=record_type, id=key))
        except (RecordGone, RecordHidden):
            return None

    @abstractmethod
    async def read_many(self, refs: Sequence[RecordRef]) -> dict[str, Snapshot]:
        """Snapshots by record id, in as few requests as the API allows; what can't be seen is left out."""

    @abstractmethod
    async def find(
        self, record_type: str, equals: Mapping[str, JsonValue], *, scope: str | None = None, limit: int = 10
    ) -> list[Snapshot]:
        """Records whose native fields equal these values. May miss changes younger than `index_lag`."""

    @abstractmethod
    async def find_marked(self, record_type: str, marker: str) -> list[Snapshot]:
        """Records that carry this correlation marker. May miss changes younger than `index_lag`."""

    @abstractmethod
    async def list_changes(
        self, record_type: str, *, scope: str | None, cursor: str | None, limit: int = 100
    ) -> ChangePage:
        """One page of records modified since the cursor, oldest first; repeats records at its edge.

        Raises:
            ConfigError: The scope is refused, or the cursor belongs to another query.
        """

    def lies_within(self, snapshot: Snapshot, scope: str) -> bool | None:
        """Whether the record as read lies in the scope; None where only a query could tell. Sends nothing."""
        del snapshot, scope
        return None

    async def is_in_scope(self, snapshot: Snapshot, scope: str) -> bool:
        """Whether the record lies in the scope; asks the system where `lies_within` may be unsure.

        Raises:
            ConfigError: The scope is refused.
        """
        return self.lies_within(snapshot, scope) is not False

    async def history(self, ref: RecordRef, since: Snapshot | None = None) -> list[FieldVersion]:
        """Changes of the record's fields after `since` (all, if None), oldest first.

        Origin is ACCORD where the change is known to be ours. Empty without the capability `change_history`.
        """
        del ref, since
        return []

    async def allowed_values(self, ref: RecordRef | str, field: str) -> list[JsonValue] | None:
        """Values the field takes now; None if any. `ref` is a record, or a record type where no record is known."""
        del ref, field
        return None

    @abstractmethod
    async def describe(self, record_type: str, listed: Collection[str]) -> Description:
        """The record type as it is now, asked anew, in as few requests as the API allows.

        Args:
            record_type: The system's own name of it.
            listed: Native fields whose allowed values are wanted.
        """

    # ------------------------------------------------------------------------------------------------- writing
    @abstractmethod
    async def create(
        self, record_type: str, fields: Mapping[str, JsonValue], *, marker: str, scope: str | None = None
    ) -> Snapshot:
        """Create a record that carries the marker in the same request, where the system can."""

    @abstractmethod
    async def update(
        self, expected: Snapshot, fields: Mapping[str, JsonValue], *, marker: str
    ) -> WriteResult:
        """Set these native fields in one request and no others. Watchers' mails are suppressed where possible.

        Called once per part that `parts` returned. With `compare_and_set` the write is refused unless the record
        is still at `expected.version`. Without it the caller has just read `expected` and checks the history.

        Raises:
            StaleVersion: The precondition failed; nothing was written.
            RecordRejected: Refused (400, 422, 403 for one record), with the culprits where the system names them.
        """

    def parts(self, fields: Mapping[str, JsonValue]) -> list[dict[str, JsonValue]]:
        """Split a write into the requests that the API needs, in order (Jira: fields, then a transition)."""
        return [dict(fields)]

    @abstractmethod
    async def delete(self, expected: Snapshot) -> None:
        """Delete the record. Raises RecordRejected where the system has no delete."""

    async def set_marker(self, ref: RecordRef, marker: str) -> None:
        """Write the correlation marker on an existing record, where the system can carry one."""
        del ref, marker

    # ------------------------------------------------------------------------------------------------- hearing
    @abstractmethod
    def verify_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
        """Whether the raw bytes carry a valid proof of any active secret. Constant time; header names lower case."""

    @abstractmethod
    def parse_webhook(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> list[ChangeNotice]:
        """Which records the (verified) delivery speaks of. Unknown events give an empty list.

        Raises:
            ValueError: The body is not what this system sends.
        """

    @property
    def subscriptions(self) -> Subscriptions | None:
        """How webhooks are set up over the API; None where it offers no way."""
        return None

    def webhook_steps(self, url: str) -> Sequence[str]:
        """What a person does instead, step by step; `url` is where deliveries go. Empty: the system sends none."""
        del url
        return ()

    def stream_changes(
        self, record_types: Sequence[str], position: str | None
    ) -> AsyncGenerator[StreamBatch, None]:
        """Changes of these record types as they happen, without end; needs the capability `change_stream`.

        A batch comes at least every minute, an empty one if nothing happened. Asking for the next one says that this
        one was kept: the system may forget it. What was handed out but not kept comes again. Close it by `aclose`.

        Args:
            record_types: Others are passed over for good.
            position: Of the last batch that was kept; None begins with what happens from now on.

        Raises:
            ConfigError: The system has no stream, it isn't set up, or the position is none.
        """
        del record_types, position
        raise ConfigError(f"connection {self.connection}: {self.system} offers no stream of changes")

    # ---------------------------------------------------------------------------------------------- connection
    def guard(self, gate: Gate) -> None:
        """Have every request from here on pass this gate. A connector without requests has nothing to guard."""
        del gate

    @property
    def clock(self) -> ClockReading | None:
        """The best recent comparison of clocks, taken from the answers themselves; None before the first."""
        return None

    @abstractmethod
    async def probe(self) -> ClockReading:
        """Prove that the credentials work by one cheap read, and compare clocks by its `Date` header."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close what is open. Safe to call twice."""
