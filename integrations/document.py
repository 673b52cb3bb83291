"""YAML files with the place of every value.

Scalars are read by the core schema of YAML 1.2, as editors do: `yes`, `on` and `1:30` are text. A key that occurs
twice is a mistake, not the last one's victory. Anchors work; what they expand to is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from integrations.mistakes import DeclarationError, Mistake, Path, spelled

LARGEST = 256 * 1024
"""Characters. A declaration of 200 mapped fields has about 30,000."""
MOST_VALUES = 50_000
"""Values after anchors are expanded: a few lines can otherwise unfold to billions."""

PLAIN = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(0|[1-9][0-9]*)", "-+0123456789"),
    "float": (r"[-+]?(\d+\.\d*|\.\d+|\d+(\.\d*)?[eE][-+]?\d+)", "-+0123456789."),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
}
SCALAR_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in (*PLAIN, "str"))


class CoreSchemaLoader(yaml.SafeLoader):
    """PyYAML reads YAML 1.1, where `no` is false and `1:30` is ninety."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way


for _name, (_form, _first) in PLAIN.items():
    CoreSchemaLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_name}", re.compile(rf"^(?:{_form})$"), list(_first)
    )


@dataclass(frozen=True, slots=True)
class Document:
    """A file's values, and where each of them stands."""

    origin: str
    root: yaml.Node
    value: Any

    def locate(self, path: Path, *, key: bool = False) -> tuple[Path, int, int]:
        """The part of a path that the file has, with line and column of its value (or of its last key).

        A path may hold steps that the file hasn't, such as pydantic's union tags or a key that is missing.
        """
        steps = _walk(self.root, path)
        node = self.root
        for _, key_node, value_node in steps[-1:]:
            node = key_node if key else value_node
        mark = node.start_mark
        return tuple(step for step, _, _ in steps), mark.line + 1, mark.column + 1

    def mistake(self, path: Path, message: str, *, key: bool = False) -> Mistake:
        found, line, column = self.locate(path, key=key)
        return Mistake(line, column, spelled(found), message)


_Step = tuple[str | int, yaml.Node, yaml.Node]


def _walk(node: yaml.Node, path: Path) -> list[_Step]:
    """The longest part of the path that exists below the node; unknown steps are left out."""
    if not path:
        return []
    skipped = _walk(node, path[1:])
    child = _child(node, path[0])
    if child is None:
        return skipped
    step = path[0] if isinstance(node, yaml.SequenceNode) else str(path[0])
    taken = [(step, *child), *_walk(child[1], path[1:])]
    return max(
        skipped, taken, key=len
    )  # at a tie the step is a tag: `custom` stands beside `with`, not above it


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
        return node.value[step], node.value[step]
    if isinstance(node, yaml.MappingNode):
        return next(((k, v) for k, v in node.value if k.value == str(step)), None)
    return None


def read_document(text: str, origin: str = "") -> Document:
    """Parse one YAML document.

    Raises:
        DeclarationError: No YAML, more than one document, keys that occur twice, or beyond the bounds.
    """
    if len(text) > LARGEST:
        raise DeclarationError(origin, [Mistake(1, 1, "", f"larger than {LARGEST // 1024} KiB")])
    builder = _Builder(CoreSchemaLoader(text))
    try:
        root = builder.loader.get_single_node()
        value = builder.value_of(root) if root else None
    except yaml.YAMLError as error:
        raise DeclarationError(origin, [_as_mistake(error)]) from error
    except RecursionError as error:
        raise DeclarationError(origin, [Mistake(1, 1, "", "nested too deeply")]) from error
    if root is None:
        raise DeclarationError(origin, [Mistake(1, 1, "", "the file is empty")])
    if builder.mistakes:
        raise DeclarationError(origin, builder.mistakes)
    return Document(origin, root, value)


def _as_mistake(error: yaml.YAMLError) -> Mistake:
    mark = getattr(error, "problem_mark", None)
    message = getattr(error, "problem", None) or str(error)
    return Mistake(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, "", f"no YAML: {message}")


@dataclass(slots=True)
class _Builder:
    """Turns nodes into plain values and notes what plain values can't show."""

    loader: CoreSchemaLoader
    mistakes: list[Mistake] = field(default_factory=list)
    built: int = 0

    def value_of(self, node: yaml.Node) -> Any:
        self.built += 1
        if self.built > MOST_VALUES:
            raise yaml.MarkedYAMLError(
                problem=f"more than {MOST_VALUES} values", problem_mark=node.start_mark
            )
        match node:
            case yaml.MappingNode():
                return dict(self._items(node))
            case yaml.SequenceNode():
                return [self.value_of(item) for item in node.value]
        if node.tag not in SCALAR_TAGS:
            raise yaml.MarkedYAMLError(
                problem=f"the tag {node.tag} has no meaning here", problem_mark=node.start_mark
            )
        return self.loader.construct_object(node)

    def _items(self, node: yaml.MappingNode) -> Iterator[tuple[Any, Any]]:
        seen: dict[Any, int] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(
                    problem="a key is a single value", problem_mark=key_node.start_mark
                )
            key = self.value_of(key_node)
            if key in seen:
                message = f"the key `{key_node.value}` stands already in line {seen[key]}"
                self.mistakes.append(Mistake(line, key_node.start_mark.column + 1, "", message))
            seen.setdefault(key, line)
            yield key, self.value_of(value_node)
