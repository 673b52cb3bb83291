"""The scenario corpus as typed models: read any file in its format, and say plainly where a case is malformed.

The file's own `meta` describes the words. `check: oracle` cases follow from the pure function alone; `check: product`
cases need real processes. What a case asks for stays in the case's words here; `translation.py` turns it into a
declaration.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

SideWord: TypeAlias = Literal["A", "B"]
SIDE_WORDS: tuple[SideWord, SideWord] = ("A", "B")
Word: TypeAlias = Annotated[
    str, BeforeValidator(lambda value: value if isinstance(value, str) else str(value))
]

VERBS = {
    "edit", "system_edit", "delete", "create", "settle", "signal", "fault", "review", "config", "inject", "move",
    "merge", "burst", "poll", "edit_each", "conflict_each", "webhook_raw", "http",
}  # fmt: skip


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _per_side(value: Any) -> Any:
    """A plain number holds for both sides."""
    return value if value is None or isinstance(value, dict) else dict.fromkeys(SIDE_WORDS, value)


PerSide: TypeAlias = Annotated[dict[SideWord, float], BeforeValidator(_per_side)]


class Written(BaseModel):
    """A part of a case, strict: a word that nothing reads is a mistake in the case."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Loose(BaseModel):
    """A part of a case that may hold words for the product only."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)


JsonKey: TypeAlias = str | int | float | bool | None


class MapGiven(Written):
    a2b: dict[JsonKey, JsonValue] = Field(default_factory=dict)
    b2a: dict[JsonKey, JsonValue] = Field(default_factory=dict)


class FieldGiven(Written):
    """One field, equally named on both sides."""

    policy: Literal["lww", "source", "set", "text", "review", "rules", "custom"] = "review"
    master: SideWord | None = None
    tie: Literal["A", "B", "review"] = "review"
    rule: str | None = None
    rules: list[dict[str, JsonValue]] = Field(default_factory=list)
    map: MapGiven | None = None
    unmapped: Literal["halt", "hold", "blank", "default", "stop_pair"] = "halt"
    default_a: JsonValue = None
    default_b: JsonValue = None
    norm: Annotated[list[Literal["strip", "lower", "none"]], BeforeValidator(_one_or_many)] = []
    valid: list[JsonValue] | dict[SideWord, list[JsonValue]] | None = None
    type: Literal["value", "set", "text"] | None = None
    base: tuple[JsonValue, JsonValue] | None = None

    @property
    def is_set(self) -> bool:
        return self.type == "set" or (self.type is None and self.policy == "set")


class ClockGiven(Written):
    """How far each side's stamps may be trusted, in seconds."""

    bound: PerSide = {"A": 1, "B": 1}
    stamp: Annotated[dict[SideWord, Literal["field", "record"]], BeforeValidator(_per_side)] = {}
    skew: PerSide = {}
    gran: PerSide = {}
    missing: Annotated[list[SideWord], BeforeValidator(_one_or_many)] = []


class CapsGiven(Loose):
    """What one system can do."""

    cas: bool = False
    history: bool = True
    returns_record: bool = True
    store: JsonValue = None


class CdcGiven(Loose):
    """How one system's changes are heard of; times in seconds."""

    mode: Literal["webhook", "poll", "both"] = "both"
    every: float | None = None
    sweep: float | None = None
    cursor_granularity: float = 0
    """The finest time that a query for changes can name."""
    index_lag: float = 0


class DeleteGiven(Written):
    mode: Literal["unlink", "detach", "propagate", "archive", "recreate", "ask"] = "unlink"
    vs_edit: Literal["keep", "delete", "review", "ask"] = "review"
    archive: dict[Literal["a", "b"], dict[str, JsonValue]] = {
        "a": {"state": "closed"},
        "b": {"state": "closed"},
    }
    """With `archive`: what closes the record that is left."""


class DeleteGuardGiven(Written):
    """How large a share of the records may vanish at once before somebody must look."""

    max_share: float = 0.2


class AlertGiven(Written):
    """How many conflicts within an hour somebody wants to hear of."""

    conflicts_per_hour: float


class AutomationGiven(Written):
    """`when` all these values stand, the system itself sets those."""

    when: dict[str, JsonValue]
    set: dict[str, JsonValue]


class Given(Loose):
    sides: dict[SideWord, str] = {"A": "ServiceNow", "B": "Jira"}
    fields: dict[str, FieldGiven] = {}
    clock: ClockGiven = ClockGiven()
    caps: dict[SideWord, CapsGiven] = {}
    cdc: dict[SideWord, CdcGiven] = {}
    delete: DeleteGiven = DeleteGiven()
    automation: dict[SideWord, list[AutomationGiven]] = {}
    start: dict[SideWord, dict[str, JsonValue]] = {}
    match_key: str | None = None
    scope: dict[SideWord, str] = {}
    """`field=value`: only such records of a side are the integration's."""
    pairs: int = Field(default=1, ge=1, le=1000)
    """So many pairs in step, all alike."""
    rate_limit: dict[SideWord, str] = {}
    """`10/s`: what a side's connection may ask for; the system refuses more."""
    pace: float | None = Field(default=None, gt=0)
    """The case's outages last their time by the clock on the wall, so much faster; and in an outage of a system the
    product's own pauses pass faster too. If omitted, an outage is over once it has been noticed."""
    webhook_retries: int | None = None
    """How often a system sends a webhook again that wasn't taken; as often as it takes, if omitted."""
    second_pair: bool = False
    delete_guard: DeleteGuardGiven | None = None
    alert: AlertGiven | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_a_field(cls, written: Any) -> Any:
        """Pairs in step have something in step: a title, where the case names no fields."""
        if isinstance(written, dict) and "pairs" in written and not written.get("fields"):
            return {**written, "fields": {"title": {"policy": "lww", "tie": "A", "base": ["t", "t"]}}}
        return written

    @property
    def number(self) -> int:
        """How many pairs there are."""
        return max(self.pairs, 2 if self.second_pair else 1)

    def caps_of(self, side: SideWord) -> CapsGiven:
        return self.caps.get(side, CapsGiven())

    def cdc_of(self, side: SideWord) -> CdcGiven:
        return self.cdc.get(side, CdcGiven(mode="webhook"))

    def is_polled(self, side: SideWord) -> bool:
        """Whether it is asked now and then; a sweep does that as well."""
        said = self.cdc_of(side)
        return said.mode != "webhook" or said.sweep is not None

    def changed_by(self, words: Any) -> Given:
        """A new version: these words over the old ones, at any depth.

        Raises:
            ValidationError: A word that nothing reads, or a value that it can't have.
        """
        return Given.model_validate(_merged(self.model_dump(), words))


def _merged(old: Any, new: Any) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {**old, **{key: _merged(old.get(key), value) for key, value in new.items()}}


class Event(Loose):
    """One thing that happens at true time `t`. The verb is the key that names it."""

    t: float

    @property
    def words(self) -> dict[str, Any]:
        return self.model_extra or {}

    @property
    def verb(self) -> str:
        """The verb; empty where the event has none that is known."""
        return next((word for word in self.words if word in VERBS), "")

    def get(self, word: str, default: Any = None) -> Any:
        return self.words.get(word, default)


class LogExpected(Written):
    """A line that the conflict log must hold; only the words that are written are compared."""

    field: Word
    kind: str
    policy: str | None = None
    winner: Literal["A", "B", "merged", "value"] | None = None
    overruled: list[tuple[SideWord, JsonValue]] | None = None


class Expect(Written):
    A: dict[str, JsonValue] | Literal["deleted"] | None = None
    B: dict[str, JsonValue] | Literal["deleted"] | None = None
    log: list[LogExpected] | None = None
    log_min: list[LogExpected] | None = None
    writes: dict[str, int] = {}
    writes_max: dict[str, int] = {}
    pending: list[str] | None = None
    alerts: list[str] | None = None
    link: Literal["active", "detached", "closed"] | None = None
    links: int | None = None
    records: dict[SideWord, int] = {}
    must: list[str] = []
    """Claims in words; `live/claims.py` checks those that it knows."""
    must_not: list[str] = []

    def record(self, side: SideWord) -> dict[str, JsonValue] | Literal["deleted"] | None:
        return self.A if side == "A" else self.B


class Case(Written):
    id: str
    title: str = ""
    source: str = ""
    check: Literal["oracle", "product"] = "oracle"
    given: Given = Given()
    events: list[Event] = []
    expect: Expect = Expect()


class CorpusError(Exception):
    """The file as a whole can't be read."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Every case that could be read, and what is wrong with each that could not."""

    cases: tuple[Case, ...]
    malformed: tuple[str, ...] = ()


def read_corpus(path: Path) -> Corpus:
    """Read a corpus file.

    Raises:
        CorpusError: The file is no YAML, or holds no list of scenarios.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise CorpusError(f"{path} is no YAML: {error}") from error
    written = document.get("scenarios") if isinstance(document, dict) else document
    if not isinstance(written, list):
        raise CorpusError(f"{path} holds no list under `scenarios`")
    read = list(_read_cases(written))
    cases = tuple(case for case in read if isinstance(case, Case))
    return Corpus(cases, tuple(problem for problem in read if isinstance(problem, str)))


def _read_cases(written: list[Any]) -> Iterator[Case | str]:
    seen: set[str] = set()
    for number, raw in enumerate(written, 1):
        case = _read_case(raw, number)
        if isinstance(case, Case) and case.id in seen:
            yield f"{case.id} (case {number}): the id is taken"
            continue
        if isinstance(case, Case):
            seen.add(case.id)
        yield case


def _read_case(raw: Any, number: int) -> Case | str:
    name = raw.get("id", "without an id") if isinstance(raw, dict) else "no mapping"
    try:
        return Case.model_validate(_without_prose(raw))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
        return f"{name} (case {number}): " + "; ".join(problems)


def _without_prose(raw: Any) -> Any:
    """Drop keys without a value: a comma in the unquoted `source` of a flow-style case makes such keys."""
    if not isinstance(raw, dict):
        return raw
    return {key: value for key, value in raw.items() if key in Case.model_fields or value is not None}
