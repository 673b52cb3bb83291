"""The things of an account beside incidents, each as the API writes it."""

from dataclasses import dataclass
from hashlib import md5
from typing import Any, Final

from lab.systems.desk import AUTOMATION
from lab.systems.pagerduty.settings import CustomField, PagerDutySettings, Person

Json = dict[str, Any]

ESCALATION_POLICY: Final = "PESCAL1"
_COLOURS: Final = ("a8171c", "eb6016", "f9b406", "555555", "999999")


@dataclass(frozen=True, slots=True)
class Account:
    """Names ↔ ids ↔ JSON."""

    settings: PagerDutySettings
    url: str

    def reference(self, kind: str, path: str, item_id: str, summary: str) -> Json:
        """The five keys that every object of the API begins with; `kind` is e.g. `user_reference`."""
        return {
            "id": item_id,
            "type": kind,
            "summary": summary,
            "self": f"{self.url}/{path}/{item_id}",
            "html_url": f"{self.url}/app/{path}/{item_id}",
        }

    def person(self, name: str) -> Person:
        made_up = "P" + md5(name.encode(), usedforsecurity=False).hexdigest()[:6].upper()
        return self.settings.people.get(name, Person(id=made_up, name=name.title(), email=""))

    def person_by_email(self, email: str) -> str | None:
        found = (name for name, person in self.settings.people.items() if person.email == email.lower())
        return next(found, None)

    def person_by_id(self, user_id: str) -> str | None:
        found = (name for name, person in self.settings.people.items() if person.id == user_id)
        return next(found, None)

    def user_reference(self, name: str) -> Json:
        person = self.person(name)
        return self.reference("user_reference", "users", person.id, person.name)

    def agent(self, name: str) -> Json | None:
        """Who acted; nobody, where it was an automation."""
        return None if name == AUTOMATION else self.user_reference(name)

    def user(self, name: str) -> Json:
        person = self.person(name)
        return self.reference("user", "users", person.id, person.name) | {
            "name": person.name,
            "email": person.email,
            "time_zone": self.settings.time_zone,
            "role": "user",
            "teams": [],
            "contact_methods": [],
            "notification_rules": [],
        }

    def users(self, query: str) -> list[Json]:
        """Whose name or e-mail contains the query, case put aside."""
        wanted = query.casefold()
        return [
            self.user(name)
            for name, person in self.settings.people.items()
            if wanted in person.name.casefold() or wanted in person.email.casefold()
        ]

    def service_reference(self, service_id: str) -> Json:
        name = self.settings.services.get(service_id, service_id)
        return self.reference("service_reference", "services", service_id, name)

    def service(self, service_id: str) -> Json:
        name = self.settings.services[service_id]
        return self.reference("service", "services", service_id, name) | {
            "name": name,
            "status": "active",
            "escalation_policy": self.escalation_policy(),
            "teams": [],
        }

    def escalation_policy(self) -> Json:
        return self.reference(
            "escalation_policy_reference", "escalation_policies", ESCALATION_POLICY, "Default"
        )

    def priority(self, name: str) -> Json:
        names = list(self.settings.priorities)
        place = names.index(name) if name in names else len(names)
        priority_id = self.settings.priorities.get(name, f"PPRIO{place}")
        return self.reference("priority", "priorities", priority_id, name) | {
            "name": name,
            "description": "",
            "order": 500_000_000 >> place,
            "color": _COLOURS[min(place, len(_COLOURS) - 1)],
        }

    def priority_id(self, name: str | None) -> str | None:
        return None if name is None else str(self.priority(name)["id"])

    def field_definition(self, name: str, field: CustomField) -> Json:
        shape = self._field(name, field) | {"type": "field", "enabled": True, "default_value": None}
        if field.options:
            shape["field_options"] = [
                {
                    "id": f"{field.id}{place}",
                    "type": "field_option",
                    "data": {"data_type": "string", "value": option},
                }
                for place, option in enumerate(field.options)
            ]
        return shape

    def field_value(self, name: str, value: Any) -> Json:
        field = self.settings.custom_fields[name]
        return self._field(name, field) | {"type": "field_value", "namespace": "incidents", "value": value}

    def _field(self, name: str, field: CustomField) -> Json:
        return {
            "id": field.id,
            "name": name,
            "display_name": field.display_name,
            "description": "",
            "data_type": field.data_type,
            "field_type": "single_value_fixed" if field.options else "single_value",
        }
