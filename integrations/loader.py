"""From an owner's YAML file to a validated integration."""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from domain.errors import ConfigError
from domain.integration import Integration
from domain.sides import Pair, Side
from integrations.consistency import inconsistencies
from integrations.document import Document, read_document
from integrations.explain import explained, unknown_keys
from integrations.mistakes import DeclarationError, Mistake, Path


def load_integration(path: FilePath | str, *, custom_policies: Collection[str] | None = None) -> Integration:
    """Read one declaration.

    Raises:
        DeclarationError: With every mistake and its line.
        ConfigError: The file can't be read.
    """
    return parse_integration(_text_of(FilePath(path)), origin=str(path), custom_policies=custom_policies)


def load_integrations(
    folder: FilePath | str, *, custom_policies: Collection[str] | None = None
) -> dict[str, Integration]:
    """Read every `*.yaml` and `*.yml` of a folder, by integration name; rehearsals lie beside them.

    Raises:
        ConfigError: A file is wrong, two files declare one name, or the folder isn't there.
    """
    if not FilePath(folder).is_dir():
        raise ConfigError(f"{folder}: there is no such folder of integrations")
    loaded: dict[str, Integration] = {}
    for path in sorted(FilePath(folder).glob("*.y*ml")):
        if path.stem.endswith(".rehearsal"):
            continue
        rules = load_integration(path, custom_policies=custom_policies)
        if rules.name in loaded:
            raise ConfigError(
                f"{path}: an integration named {rules.name!r} is declared in this folder already"
            )
        loaded[rules.name] = rules
    return loaded


def parse_integration(
    text: str, *, origin: str = "", custom_policies: Collection[str] | None = None
) -> Integration:
    """Read a declaration's text. `origin` names it in messages; custom policies are checked if names are given.

    Raises:
        DeclarationError: A ConfigError with every mistake, its line, and what would be right.
    """
    document = read_document(text, origin)
    rules, mistakes = _shaped(document)
    if rules:
        found = inconsistencies(rules, custom_policies)
        mistakes += [document.mistake(path, message) for path, message in found]
    if mistakes or rules is None:
        raise DeclarationError(origin, mistakes)
    return rules


def _shaped(document: Document) -> tuple[Integration | None, list[Mistake]]:
    """The models, and what is wrong with the shape.

    Unknown keys say nothing, so without them the rest may still be read and checked: one run finds all mistakes.
    """
    names = _names_of_sides(document.value)
    try:
        return _validated(document.value, names), []
    except ValidationError as error:
        mistakes = explained(error, document, names)
        unknown = unknown_keys(error, document)
    if len(unknown) < len(mistakes):
        return None, mistakes
    return _validated(_without(document.value, unknown), names), mistakes


def _validated(value: Any, names: Pair[str]) -> Integration:
    return Integration.model_validate(value, context={"sides": names})


def _names_of_sides(value: Any) -> Pair[str]:
    def name(side: Side) -> str:
        end = value.get(side.value) if isinstance(value, dict) else None
        connection = end.get("connection") if isinstance(end, dict) else None
        return connection if isinstance(connection, str) else side.value

    return Pair.of(name)


def _without(value: Any, paths: list[Path]) -> Any:
    kept = deepcopy(value)
    for path in paths:
        parent = kept
        for step in path[:-1]:
            parent = parent[step]
        del parent[path[-1]]
    return kept


def _text_of(path: FilePath) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: can't be read: {error}") from error
