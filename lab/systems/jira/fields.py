"""The fields of an issue: what kind each is, how the API writes and reads its value, how it is kept.

Kept values are plain: names, account ids, texts. `Codec.read` turns what a client sends into them, `Codec.show` turns them into
what the API answers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from lab.systems.jira.adf import is_document, to_adf, to_text
from lab.systems.jira.settings import JiraSettings
from lab.systems.jira.site import Json, Site
from lab.systems.refusals import Refused

Kind = str

_LISTS: Final = {"labels", "options", "components"}


@dataclass(frozen=True, slots=True)
class Field:
    """`kind` decides the shapes; a field that is not `editable` is on no edit screen."""

    id: str
    name: str
    kind: Kind
    editable: bool = True
    options: tuple[str, ...] = ()

    @property
    def is_custom(self) -> bool:
        return self.id.startswith("customfield_")


_SYSTEM: Final = (
    Field("summary", "Summary", "summary"),
    Field("description", "Description", "textarea"),
    Field("environment", "Environment", "textarea"),
    Field("issuetype", "Issue Type", "issuetype"),
    Field("priority", "Priority", "priority"),
    Field("labels", "Labels", "labels"),
    Field("components", "Components", "components"),
    Field("assignee", "Assignee", "user"),
    Field("reporter", "Reporter", "user"),
    Field("duedate", "Due date", "date"),
    Field("project", "Project", "project", editable=False),
    Field("status", "Status", "status", editable=False),
    Field("resolution", "Resolution", "resolution", editable=False),
    Field("creator", "Creator", "user", editable=False),
    Field("created", "Created", "datetime", editable=False),
    Field("updated", "Updated", "datetime", editable=False),
    Field("resolutiondate", "Resolved", "datetime", editable=False),
    Field("comment", "Comment", "comments", editable=False),
)


def catalogue(settings: JiraSettings) -> dict[str, Field]:
    """All fields of the site by id."""
    custom = {
        field_id: Field(field_id, field.name, field.kind, options=field.options)
        for field_id, field in settings.custom_fields.items()
    }
    return {field.id: field for field in _SYSTEM} | custom


@dataclass(frozen=True, slots=True)
class Codec:
    """Reads and shows values for one version of the API."""

    site: Site

    def show(self, field: Field, value: Any) -> Any:
        """The kept value as the API writes it."""
        if field.kind in _LISTS:
            return [self._show_one(field, one) for one in value or []]
        return None if value is None else self._show_one(field, value)

    def _show_one(self, field: Field, value: Any) -> Any:
        site = self.site
        match field.kind:
            case "textarea" if site.version == "3":
                return to_adf(value)
            case "option" | "options":
                return site.option(field.id, value)
            case "components":
                return {"name": value}
        shapes = {
            "priority": site.priority,
            "status": site.status,
            "resolution": site.resolution,
            "issuetype": site.issue_type,
            "project": site.project,
            "user": site.person,
        }
        return shapes[field.kind](value) if field.kind in shapes else value

    def read(self, field: Field, given: Any) -> Any:
        """What a client sent, as it is kept.

        Raises:
            Refused: `invalid_value`, naming the field.
        """
        readers: dict[Kind, Callable[[Field, Any], Any]] = {
            "summary": _summary,
            "text": _text,
            "number": _number,
            "labels": _labels,
            "components": _component_names,
            "user": _account_id,
            "textarea": self._rich_text,
            "option": self._choice,
            "options": self._chosen,
            "priority": self._choice,
            "resolution": self._choice,
            "issuetype": self._choice,
        }
        return readers[field.kind](field, given) if field.kind in readers else given

    def choices(self, field: Field) -> list[Json]:
        """The allowed values of a field that has such."""
        match field.kind:
            case "priority":
                return self.site.priorities()
            case "resolution":
                return self.site.resolutions()
            case "issuetype":
                return self.site.issue_types()
            case "project":
                return self.site.projects()
            case "option" | "options":
                return [self.site.option(field.id, value) for value in field.options]
            case _:
                return []

    def _chosen(self, field: Field, given: Any) -> list[str | None]:
        return [self._choice(field, one) for one in _listed(field, given)]

    def _choice(self, field: Field, given: Any) -> str | None:
        if given is None:
            return None
        label = "value" if field.is_custom else "name"
        if isinstance(given, dict):
            for choice in self.choices(field):
                if given.get("id") == choice["id"] or given.get(label) == choice[label]:
                    return str(choice[label])
        raise _invalid(field, f"The value given for {field.name} is not valid")

    def _rich_text(self, field: Field, given: Any) -> str | None:
        if given is None or given == "":
            return None
        if self.site.version == "3":
            if not is_document(given):
                raise _invalid(field, "Operation value must be an Atlassian Document")
            return to_text(given) or None
        if not isinstance(given, str):
            raise _invalid(field, "Operation value must be a string")
        return given


def _summary(field: Field, given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise _invalid(field, "You must specify a summary of the issue.")
    if len(given) > 255:
        raise _invalid(field, "Summary must be less than 255 characters.")
    if "\n" in given:
        raise _invalid(field, "The summary is invalid because it contains newline characters.")
    return given


def _text(field: Field, given: Any) -> str | None:
    if given is not None and not isinstance(given, str):
        raise _invalid(field, "Operation value must be a string")
    return given or None


def _number(field: Field, given: Any) -> float | None:
    if given is not None and (isinstance(given, bool) or not isinstance(given, int | float)):
        raise _invalid(field, "Operation value must be a number")
    return given


def _labels(field: Field, given: Any) -> list[str]:
    for label in given or []:
        if not isinstance(label, str) or " " in label:
            raise _invalid(field, f"The label '{label}' contains spaces which is invalid.")
    return list(dict.fromkeys(given or []))


def _component_names(field: Field, given: Any) -> list[str]:
    return [str(one.get("name")) for one in _listed(field, given)]


def _listed(field: Field, given: Any) -> list[Json]:
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise _invalid(field, "data was not an array")
    return given


def _account_id(field: Field, given: Any) -> str | None:
    if given is None:
        return None
    account_id = given.get("accountId", given.get("id")) if isinstance(given, dict) else None
    if not isinstance(account_id, str):
        raise _invalid(field, "expected an object with an accountId")
    return account_id


def _invalid(field: Field, message: str) -> Refused:
    return Refused("invalid_value", message, field=field.id, status=400)
