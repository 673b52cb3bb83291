"""An integration as its owner declares it: which fields, how they map, who wins.

The models read the owner's words themselves (a connection's name for a side, `20%`, one policy for a chain of one)
and their own dump alike, so a stored declaration reads back equal. The loader in `integrations/` brings the YAML,
names the line of a mistake and checks what no single part can know. Nothing here does I/O.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, JsonValue, field_validator

from domain import shorthand
from domain.durations import Duration
from domain.policies import Chain, Declared, LastWriteWins, Merge, Review
from domain.sides import Pair, Side
from domain.thresholds import parse_count_in_span, parse_rate, parse_share
from domain.wording import BySide, Scalar, SideWord, read_direction, read_directions, side_or_word


class Flow(StrEnum):
    """Which way changes travel."""

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
    """How values compare and merge."""

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


FlowWord: TypeAlias = Annotated[
    Flow,
    BeforeValidator(
        read_direction, json_schema_input_type=Flow | Annotated[str, Field(pattern="^.+_to_.+$")]
    ),
]
OnLinkWord: TypeAlias = Annotated[OnLink, BeforeValidator(side_or_word, json_schema_input_type=OnLink | str)]
Entries: TypeAlias = Annotated[
    tuple[tuple[Scalar, Scalar], ...],
    BeforeValidator(shorthand.entries, json_schema_input_type=dict[str, Scalar]),
]


class End(Declared):
    """One side of the integration."""

    connection: str
    """Name of a connection in `connections.yaml`."""
    record_type: str
    """The system's own name of the kind of record: incident, Bug."""
    scope: str | None = None
    """The system's own query language; without it every record of the type."""


class ValueMap(Declared):
    """Both directions of a value map; either may be partial, and many values may share one counterpart."""

    a_to_b: Entries = ()
    b_to_a: Entries = ()

    def towards(self, side: Side) -> tuple[tuple[Scalar, Scalar], ...]:
        return self.a_to_b if side is Side.B else self.b_to_a

    def values_of(self, side: Side) -> tuple[Scalar, ...]:
        """Every value of this side that the map names, in either direction."""
        named = [value for value, _ in self.towards(side.other)] + [value for _, value in self.towards(side)]
        return tuple(named)


ValueMapWords: TypeAlias = Annotated[
    ValueMap,
    BeforeValidator(read_directions),
    BeforeValidator(shorthand.value_map, json_schema_input_type=ValueMap | dict[str, Scalar]),
]


class Unmapped(Declared):
    """What happens to a value that has no counterpart."""

    mode: Literal["hold", "blank", "default", "stop_pair"] = "hold"
    defaults: tuple[tuple[SideWord, Scalar], ...] = ()
    """With `default`: the value that a side gets. A side without one is held."""


class DefaultWords(Declared):
    """A value for the side that lacks a counterpart; or one per side."""

    default: Scalar | dict[str, Scalar]


UnmappedWords: TypeAlias = Annotated[
    Unmapped,
    BeforeValidator(
        shorthand.unmapped, json_schema_input_type=Literal["hold", "blank", "stop_pair"] | DefaultWords
    ),
]
PerSide: TypeAlias = Annotated[
    tuple[tuple[Normaliser, ...], tuple[Normaliser, ...]],
    BeforeValidator(
        shorthand.per_side,
        json_schema_input_type=Normaliser | list[Normaliser] | dict[str, list[Normaliser]],
    ),
]


def _implied_type(policy: Chain | None) -> FieldType:
    merges = any(isinstance(step, Merge) for step in policy or ())
    return FieldType.TEXT if merges else FieldType.VALUE


class FieldMap(Declared):
    """One field on both sides."""

    name: str = Field(min_length=1, max_length=100)
    """What people call it; groups, `match` and logs use this name."""
    a: str
    """Native name on side A."""
    b: str
    """Native name on side B."""
    flow: FlowWord = Flow.BOTH
    values: ValueMapWords | None = None
    """`{value on A: value on B}`, or `a_to_b` and `b_to_a` apart."""
    unmapped: UnmappedWords = Unmapped()
    policy: Chain | None = None
    """Who wins a conflict; the integration's default chain, if omitted."""
    type: FieldType = Field(default_factory=lambda earlier: _implied_type(earlier.get("policy")))
    """`value`, if omitted; `text`, if omitted on a field whose own policy merges."""
    on_link: OnLinkWord | None = None
    """What decides where the records differ when they are linked: a side, `policy` or `review`."""
    normalise: PerSide = ((), ())
    """What a comparison ignores. Written once for both sides or as `{a: […], b: […]}`."""
    sensitive: bool = False
    """Values are never shown in histories, pages or notifications."""

    def native(self, side: Side) -> str:
        return self.a if side is Side.A else self.b

    def normalisers(self, side: Side) -> tuple[Normaliser, ...]:
        return self.normalise[0] if side is Side.A else self.normalise[1]


class Group(Declared):
    """Coupled fields that are decided as one unit."""

    name: str = Field(min_length=1, max_length=100)
    fields: tuple[str, ...] = Field(min_length=2)
    policy: Chain | None = None
    on_link: OnLinkWord | None = None


class Defaults(Declared):
    """What holds for every field and group that says nothing else."""

    policy: Chain = (LastWriteWins(), Review())
    on_link: OnLinkWord = OnLink.POLICY


class Create(Declared):
    """When an unlinked record gets a counterpart."""

    when: str
    """CEL over the unlinked record: `a.priority in ['1', '2']`."""
    direction: FlowWord
    with_: BySide[dict[str, JsonValue]] = Field(default_factory=dict, alias="with")
    """Native fields that the new record gets besides the mapped ones, by the side where it is created."""


class OnDelete(Declared):
    """What a proven deletion on one side means for the other."""

    mode: Literal["detach", "propagate", "archive", "recreate", "ask"] = "detach"
    versus_edit: Literal["ask", "keep", "delete"] = "ask"
    """With `propagate` and `archive`: what happens when the survivor was edited since."""
    grace: Duration = timedelta(minutes=10)
    """How long a record must be gone before that counts."""
    archive: BySide[dict[str, JsonValue]] = Field(default_factory=dict)
    """With `archive`: the native fields that close the surviving record."""


class Duplicates(Declared):
    """What becomes of records that stand twice."""

    close: BySide[dict[str, JsonValue]] = Field(default_factory=dict)
    """The native fields that close a record as a duplicate; `{kept}` in a text becomes the key of the one that stays."""


class Reviews(Declared):
    """How people are asked."""

    queue: str | None = None
    """Who is notified: the name of a notification target in the settings."""
    hold: Literal["field", "record"] = "field"
    remind_after: Duration | None = None
    escalate_after: Duration | None = None
    escalate_to: str | None = None
    fallback_after: Duration | None = None
    fallback: Chain | None = None
    """Who decides for an absent person; nobody, if omitted."""
    decide_by_signal: bool | None = None
    """Whether plain Temporal signals may decide; left to the deployment, if omitted."""


class Comments(Declared):
    """Comments flow as well."""

    direction: FlowWord
    internal: Literal["never", "as_internal"] = "never"
    """Whether comments that customers can't see are carried."""


class Flap(Declared):
    """`5 in 10m`: more changes of one field within so long, with no person involved, park it."""

    changes: int = Field(default=5, ge=1)
    within: Duration = timedelta(minutes=10)


FlapText: TypeAlias = Annotated[str, Field(pattern=r"^\s*\d+\s+in\s+\S.*$", examples=["5 in 10m"])]
ShareText: TypeAlias = Annotated[str, Field(pattern=r"^\s*\d+(\.\d+)?\s*%\s*$", examples=["20%"])]


class Limits(Declared):
    """Where Accord stops by itself."""

    flap: Annotated[Flap, BeforeValidator(parse_count_in_span, json_schema_input_type=FlapText | Flap)] = (
        Flap()
    )
    """`5 in 10m`: so many changes of one field by programs alone park it."""
    brake: Annotated[
        float,
        Field(gt=0, le=1),
        BeforeValidator(parse_share, json_schema_input_type=ShareText | Annotated[float, Field(gt=0, le=1)]),
    ] = 0.2
    """Share of a scope that may vanish or be overwritten by us within one window."""


class AlertRule(Declared):
    """A rate that somebody wants to hear of."""

    when: str
    """`conflict_rate > 10 per 1h`; also review_rate and unmapped_rate."""
    notify: str
    """Name of a notification target in the settings."""

    @field_validator("when")
    @classmethod
    def _is_a_rate(cls, written: str) -> str:
        parse_rate(written)
        return written

    @property
    def rate(self) -> tuple[str, float, timedelta]:
        """What is counted, how many are too many, within which time."""
        return parse_rate(self.when)


class Integration(Declared):
    """The declared rules for a kind of pair."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")
    a: End
    b: End
    match: tuple[str, ...] = ()
    """`correlation_id` or names of declared fields, in the order they are tried."""
    create: Create | None = None
    """Never, if omitted."""
    scope_left: Literal["keep", "pause", "detach"] = "keep"
    on_delete: OnDelete = OnDelete()
    duplicates: Duplicates = Duplicates()
    settle: Duration = timedelta(0)
    """How long to wait for half-typed values."""
    defaults: Defaults = Defaults()
    reviews: Reviews = Reviews()
    fields: tuple[FieldMap, ...] = Field(min_length=1)
    groups: tuple[Group, ...] = ()
    comments: Comments | None = None
    """Off, if omitted."""
    limits: Limits = Limits()
    alerts: tuple[AlertRule, ...] = ()
    workflow: str | None = None
    """Name of a PairWorkflow subclass, if this integration has its own."""

    @property
    def ends(self) -> Pair[End]:
        return Pair(self.a, self.b)

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """Groups and ungrouped fields, in declared order: what is decided as one."""
        return declared_units(self)

    def __copy__(self) -> Self:
        """Without what was derived: a copy is made to be changed."""
        copied = super().__copy__()
        copied.__dict__.pop("units", None)
        return copied


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
