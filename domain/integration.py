"""An integration as its owner declares it: which fields, how they map, who wins.

The loader in `integrations/` reads the YAML, turns the owner's words (a connection's name for a side) into these
models and names the line of a mistake. Nothing here does I/O.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, JsonValue

from domain.durations import parse_duration
from domain.policies import Chain, Declared, LastWriteWins, Review
from domain.sides import Pair, Side

Duration: TypeAlias = Annotated[timedelta, BeforeValidator(parse_duration)]
"""`90s`, `30m`, `2h`, `1d`; YAML numbers are refused because nobody knows their unit."""
Scalar: TypeAlias = str | int | float | bool | None


class Flow(StrEnum):
    BOTH = "both"
    A_TO_B = "a_to_b"
    B_TO_A = "b_to_a"

    def allows(self, source: Side) -> bool:
        """Whether a change of the source side may travel to the other."""
        return self is Flow.BOTH or (self is Flow.A_TO_B) == (source is Side.A)


class OnLink(StrEnum):
    """What decides a difference that has no baseline."""

    A = "a"
    B = "b"
    POLICY = "policy"
    REVIEW = "review"


class FieldType(StrEnum):
    VALUE = "value"
    SET = "set"
    TEXT = "text"


class Normaliser(StrEnum):
    """What a comparison ignores on one side."""

    TRIM = "trim"  # white space around the text
    LOWER = "lower"  # case
    LINES = "lines"  # CRLF and trailing blanks of lines
    DATE = "date"  # time stamps of the same instant in any zone or form
    NUMBER = "number"  # "2" and 2 and 2.0
    EMPTY = "empty"  # "" and null


class End(Declared):
    """One side of the integration."""

    connection: str
    record_type: str
    scope: str | None = None
    """The system's own query language; None means every record of the type."""


class ValueMap(Declared):
    """Both directions of a value map; either may be partial, and many values may share one counterpart."""

    a_to_b: tuple[tuple[Scalar, Scalar], ...] = ()
    b_to_a: tuple[tuple[Scalar, Scalar], ...] = ()

    def towards(self, side: Side) -> tuple[tuple[Scalar, Scalar], ...]:
        return self.a_to_b if side is Side.B else self.b_to_a


class Unmapped(Declared):
    """What happens to a value that has no counterpart."""

    mode: Literal["hold", "blank", "default", "stop_pair"] = "hold"
    defaults: tuple[tuple[Side, Scalar], ...] = ()
    """With `default`: the value that a side gets. A side without one is held."""


class FieldMap(Declared):
    """One field on both sides."""

    name: str
    a: str
    """Native name on side A."""
    b: str
    type: FieldType = FieldType.VALUE
    flow: Flow = Flow.BOTH
    values: ValueMap | None = None
    unmapped: Unmapped = Unmapped()
    policy: Chain | None = None
    on_link: OnLink | None = None
    normalise: tuple[tuple[Normaliser, ...], tuple[Normaliser, ...]] = ((), ())
    """What a comparison ignores, for A and for B. Written once for both or as {a: […], b: […]}."""
    sensitive: bool = False
    """Values are never shown in histories, pages or notifications."""

    def native(self, side: Side) -> str:
        return self.a if side is Side.A else self.b

    def normalisers(self, side: Side) -> tuple[Normaliser, ...]:
        return self.normalise[0] if side is Side.A else self.normalise[1]


class Group(Declared):
    """Coupled fields that are decided as one unit."""

    name: str
    fields: tuple[str, ...] = Field(min_length=2)
    policy: Chain | None = None
    on_link: OnLink | None = None


class Defaults(Declared):
    policy: Chain = (LastWriteWins(), Review())
    on_link: OnLink = OnLink.POLICY


class Create(Declared):
    when: str
    """CEL over the unlinked record: `a.priority in ['1', '2']`."""
    direction: Flow
    with_: dict[Side, dict[str, JsonValue]] = Field(default_factory=dict, alias="with")
    """Native fields that the new record gets besides the mapped ones."""


class OnDelete(Declared):
    mode: Literal["detach", "propagate", "archive", "recreate", "ask"] = "detach"
    versus_edit: Literal["ask", "keep", "delete"] = "ask"
    grace: Duration = timedelta(minutes=10)
    archive: dict[Side, dict[str, JsonValue]] = Field(default_factory=dict)
    """With `archive`: the native fields that close the surviving record."""


class Reviews(Declared):
    queue: str | None = None
    hold: Literal["field", "record"] = "field"
    remind_after: Duration | None = None
    escalate_after: Duration | None = None
    escalate_to: str | None = None
    fallback_after: Duration | None = None
    fallback: Chain | None = None
    decide_by_signal: bool | None = None
    """Whether plain Temporal signals may decide; None leaves it to the deployment."""


class Comments(Declared):
    direction: Flow
    internal: Literal["never", "as_internal"] = "never"


class Flap(Declared):
    """`5 in 10m`: so many changes of one field within so long, with no person involved, park it."""

    changes: int = 5
    within: timedelta = timedelta(minutes=10)


class Limits(Declared):
    flap: Flap = Flap()
    brake: float = 0.2
    """Share of a scope that may vanish or be overwritten by us within one window."""


class AlertRule(Declared):
    when: str
    notify: str


class Integration(Declared):
    """The declared rules for a kind of pair."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    a: End
    b: End
    match: tuple[str, ...] = ()
    """`correlation_id` or names of declared fields, in the order they are tried."""
    create: Create | None = None
    scope_left: Literal["keep", "pause", "detach"] = "keep"
    on_delete: OnDelete = OnDelete()
    settle: Duration = timedelta(0)
    defaults: Defaults = Defaults()
    reviews: Reviews = Reviews()
    fields: tuple[FieldMap, ...] = Field(min_length=1)
    groups: tuple[Group, ...] = ()
    comments: Comments | None = None
    limits: Limits = Limits()
    alerts: tuple[AlertRule, ...] = ()
    workflow: str | None = None
    """Name of a PairWorkflow subclass, if this integration has its own."""

    @property
    def ends(self) -> Pair[End]:
        return Pair(self.a, self.b)

    @property
    def units(self) -> tuple[Unit, ...]:
        """Groups and ungrouped fields, in declared order: what is decided as one."""
        return declared_units(self)


class Unit(Declared):
    """A field, or a group of coupled fields, with the policy that holds for it."""

    name: str
    fields: tuple[FieldMap, ...]
    chain: Chain
    on_link: OnLink

    @property
    def is_group(self) -> bool:
        return len(self.fields) > 1


def declared_units(rules: Integration) -> tuple[Unit, ...]:
    """Build the units of an integration; a group stands where its first field stands."""
    group_of = {name: group for group in rules.groups for name in group.fields}
    done: set[str] = set()
    units: list[Unit] = []
    for field in rules.fields:
        owner = group_of.get(field.name)
        name = owner.name if owner else field.name
        if name in done:
            continue
        done.add(name)
        units.append(_unit(rules, field, owner))
    return tuple(units)


def _unit(rules: Integration, field: FieldMap, group: Group | None) -> Unit:
    source: Any = group or field
    members = tuple(f for f in rules.fields if f.name in group.fields) if group else (field,)
    return Unit(
        name=source.name,
        fields=members,
        chain=source.policy if source.policy is not None else rules.defaults.policy,
        on_link=source.on_link if source.on_link is not None else rules.defaults.on_link,
    )
