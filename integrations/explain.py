"""Pydantic's errors, in words that an integration owner can act on."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from domain.sides import Pair
from integrations.document import Document
from integrations.mistakes import Mistake, Path, suggestion
from integrations.schema import known_keys

POLICIES = ("last_write_wins", "source_priority", "merge", "review", "rules", "custom")
QUOTED = re.compile(r"'([^']*)'")
UNKNOWN_KEY = "extra_forbidden"
NO_TEXT_KEY = "invalid_key"


@dataclass(frozen=True, slots=True)
class _Complaint:
    """One of pydantic's errors, the part of its path that the file has, and what the sides are called."""

    detail: ErrorDetails
    path: Path
    names: Pair[str]

    @property
    def last_step(self) -> str | int:
        return self.detail["loc"][-1]

    @property
    def context(self) -> Mapping[str, Any]:
        return self.detail.get("ctx", {})

    @property
    def written(self) -> str:
        text = repr(self.detail["input"])
        return text if len(text) <= 60 else f"{text[:57]}…"


def explained(
    error: ValidationError, document: Document, names: Pair[str], *, below: Path = ()
) -> list[Mistake]:
    """One mistake per error, with its place in the file. `below`: where in it the validated part stands."""
    causes = [detail for detail in error.errors(include_url=False) if not _follows_from_another(detail)]
    return [_mistake(detail, (*below, *detail["loc"]), document, names) for detail in causes]


def _follows_from_another(detail: ErrorDetails) -> bool:
    """A default that wasn't computed, a list that is too short only because its items are wrong."""
    return detail["type"] == "default_factory_not_called" or (
        detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]
    )


def unknown_keys(error: ValidationError, document: Document) -> list[Path]:
    """Where keys stand that nothing knows."""
    unknown = [detail["loc"] for detail in error.errors() if detail["type"] == UNKNOWN_KEY]
    return [document.locate(path)[0] for path in unknown]


def _mistake(detail: ErrorDetails, place: Path, document: Document, names: Pair[str]) -> Mistake:
    path, _, _ = document.locate(place)
    say = SENTENCES.get(detail["type"], _in_pydantics_words)
    return document.mistake(
        path, say(_Complaint(detail, path, names)), key=detail["type"] in {UNKNOWN_KEY, NO_TEXT_KEY}
    )


def _unknown_key(it: _Complaint) -> str:
    return f"unknown key; {suggestion(it.last_step, known_keys(it.path[:-1]))}"


def _missing(it: _Complaint) -> str:
    return f"`{it.last_step}` is missing"


def _no_such_word(it: _Complaint) -> str:
    words = QUOTED.findall(it.context["expected"])
    known = [*dict.fromkeys(it.names), *words] if "a" in words else words
    return f"{it.written} is not understood; {suggestion(it.detail['input'], known)}"


def _no_such_policy(it: _Complaint) -> str:
    tag = it.context.get("tag", it.detail["input"])
    return f"`{tag}` is no policy; {suggestion(tag, POLICIES)}"


def _own_words(it: _Complaint) -> str:
    return str(it.context["error"])


def _no_mapping(it: _Complaint) -> str:
    known = known_keys(it.path)
    return f"keys and values belong here, not {it.written}" + (
        f"; known here: {', '.join(known)}" if known else ""
    )


def _no_text(it: _Complaint) -> str:
    return f"text belongs here, not {it.written}; put it in quotes if it is meant as text"


def _no_list(it: _Complaint) -> str:
    return f"a list belongs here, not {it.written}"


def _too_few(it: _Complaint) -> str:
    return f"needs at least {it.context['min_length']}"


def _in_pydantics_words(it: _Complaint) -> str:
    message = it.detail["msg"]
    return f"{it.written} is not allowed: {message[0].lower()}{message[1:]}"


SENTENCES: Mapping[str, Callable[[_Complaint], str]] = {
    UNKNOWN_KEY: _unknown_key,
    NO_TEXT_KEY: _unknown_key,
    "missing": _missing,
    "literal_error": _no_such_word,
    "enum": _no_such_word,
    "union_tag_invalid": _no_such_policy,
    "union_tag_not_found": _no_such_policy,
    "value_error": _own_words,
    "model_type": _no_mapping,
    "dict_type": _no_mapping,
    "string_type": _no_text,
    "tuple_type": _no_list,
    "too_short": _too_few,
}
