"""What a create, edit or transition request asks for, as kept values: `fields` replace, `update` verbs change lists and add comments."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from lab.systems.jira.fields import Codec, Field
from lab.systems.jira.site import Json
from lab.systems.refusals import Refused


@dataclass(frozen=True, slots=True)
class Editing:
    """Reads the bodies of one request. `on_screen` are the ids of the fields that it may set."""

    codec: Codec
    fields: dict[str, Field]
    on_screen: Container[str]

    def values(self, body: Json, before: Json) -> Json:
        """The kept values that the request sets; `before` are the issue's, for the verbs.

        Raises:
            Refused: `refused_field` or `invalid_value`, naming the field; `malformed`.
        """
        values = {name: self._read(name, given) for name, given in _object(body, "fields").items()}
        for name, operations in _object(body, "update").items():
            if name in values:
                raise _refused(name, f"Field '{name}' cannot appear in both 'fields' and 'update'")
            values[name] = self._updated(name, operations, before.get(name))
        return values | _properties(body, before)

    def _read(self, name: str, given: Any) -> Any:
        return self.codec.read(self._field(name), given)

    def _updated(self, name: str, operations: Any, value: Any) -> Any:
        if name == "comment":
            return [comment_of(self.codec, given) for given in _verbs(operations, "add")]
        field = self._field(name)
        for operation in operations:
            value = self._apply(field, operation, value)
        return value

    def _apply(self, field: Field, operation: Json, value: Any) -> Any:
        verb, given = next(iter(operation.items()), ("", None))
        if verb == "set":
            return self.codec.read(field, given)
        if verb not in {"add", "remove"} or field.kind not in {"labels", "options", "components"}:
            raise _refused(field.id, f"The operation '{verb}' is not supported for this field")
        others = [one for one in value or [] if one not in self.codec.read(field, [given])]
        return others + self.codec.read(field, [given]) if verb == "add" else others

    def _field(self, name: str) -> Field:
        if name not in self.fields or name not in self.on_screen:
            raise _refused(
                name, f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
            )
        return self.fields[name]


def comment_of(codec: Codec, given: Json) -> Json:
    """A comment as it is written, before it has an id.

    Raises:
        Refused: `invalid_value`, naming `comment`.
    """
    text = codec.read(Field("comment", "Comment", "textarea"), given.get("body"))
    if not text:
        raise Refused("invalid_value", "Comment body can not be empty!", field="comment", status=400)
    properties = {one["key"]: one["value"] for one in given.get("properties", [])}
    internal = bool((properties.get("sd.public.comment") or {}).get("internal", False))
    return {"body": text, "properties": properties, "public": not internal}


def _properties(body: Json, before: Json) -> Json:
    given = body.get("properties") or []
    if not given:
        return {}
    return {"properties": (before.get("properties") or {}) | {one["key"]: one["value"] for one in given}}


def _object(body: Json, name: str) -> Json:
    content = body.get(name) or {}
    if not isinstance(content, dict):
        raise Refused("malformed", f"{name} is not an object")
    return content


def _verbs(operations: list[Json], verb: str) -> list[Json]:
    return [operation[verb] for operation in operations if verb in operation]


def _refused(name: str, message: str) -> Refused:
    return Refused("refused_field", message, field=name)
