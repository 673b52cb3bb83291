"""Custom fields of incidents: what there is, what an incident holds."""

from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.pagerduty.account import Json
from lab.systems.pagerduty.request import Ask
from lab.systems.pagerduty.settings import CustomField
from lab.systems.pagerduty.shapes import INCIDENT
from lab.systems.records import Record
from lab.systems.refusals import Refused
from lab.systems.system import PublicRoute

_VALUES = "/incidents/{id}/custom_fields/values"


class FieldApi:
    """The handlers."""

    def routes(self) -> list[PublicRoute]:
        return [
            PublicRoute("GET", "/incidents/custom_fields", "meta", self.definitions),
            PublicRoute("GET", _VALUES, "read", self.values),
            PublicRoute("PUT", _VALUES, "write", self.set_values),
        ]

    async def definitions(self, call: Call) -> Response:
        ask = Ask(call)
        fields = ask.settings.custom_fields.items()
        return JSONResponse({"fields": [ask.account.field_definition(name, field) for name, field in fields]})

    async def values(self, call: Call) -> Response:
        ask = Ask(call)
        return _answer(ask, await call.read(INCIDENT, ask.incident_id()))

    async def set_values(self, call: Call) -> Response:
        ask, given = Ask(call), (await call.json()).get("custom_fields")
        if not isinstance(given, list):
            raise Refused("malformed", "custom_fields is missing")
        values = dict(_named_value(ask, one) for one in given)
        return _answer(ask, await call.update(INCIDENT, ask.incident_id(), values), 201)


def _answer(ask: Ask, record: Record, status: int = 200) -> Response:
    return JSONResponse({"custom_fields": ask.shapes.field_values(record)}, status)


def _named_value(ask: Ask, given: Json) -> tuple[str, object]:
    """The field, by name or id, and its value.

    Raises:
        Refused: `refused_field` or `invalid_value`, naming the field.
    """
    for name, field in ask.settings.custom_fields.items():
        if given.get("id", field.id) == field.id and given.get("name", name) == name:
            _check(name, field, given.get("value"))
            return name, given.get("value")
    unknown = str(given.get("name") or given.get("id"))
    raise Refused("refused_field", f"Field {unknown} does not exist", field=unknown)


def _check(name: str, field: CustomField, value: object) -> None:
    if not field.takes(value):
        raise Refused("invalid_value", f"Value of {name} is invalid", field=name, status=400)
