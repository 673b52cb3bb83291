"""The things that a site has beside issues, each as the API writes it: people, statuses, priorities, types, projects."""

from dataclasses import dataclass
from typing import Any, Final

from lab.systems.jira.settings import JiraSettings, Person
from lab.systems.jira.workflow import Status

Json = dict[str, Any]

_CATEGORIES: Final = {
    "new": {"id": 2, "key": "new", "colorName": "blue-gray", "name": "To Do"},
    "indeterminate": {"id": 4, "key": "indeterminate", "colorName": "yellow", "name": "In Progress"},
    "done": {"id": 3, "key": "done", "colorName": "green", "name": "Done"},
}


@dataclass(frozen=True, slots=True)
class Site:
    """Names ↔ ids ↔ JSON. Ids follow from the order in the settings, so they are the same after a restart."""

    settings: JiraSettings
    url: str
    version: str
    """Of the REST API, for self links: 2 or 3."""

    def link(self, path: str) -> str:
        return f"{self.url}/rest/api/{self.version}/{path}"

    def person(self, account_id: str) -> Json:
        person = self.settings.people.get(account_id, Person(name=account_id.title()))
        shape: Json = {
            "self": self.link(f"user?accountId={account_id}"),
            "accountId": account_id,
            "accountType": "app" if person.is_app else "atlassian",
            "displayName": person.name,
            "active": True,
            "timeZone": person.time_zone,
        }
        return shape | ({"emailAddress": person.email} if person.email else {})

    def people(self, query: str) -> list[Json]:
        """Whose e-mail or name contains the query, case put aside."""
        wanted = query.casefold()
        return [
            self.person(account_id)
            for account_id, person in self.settings.people.items()
            if wanted in person.email.casefold() or wanted in person.name.casefold()
        ]

    def status(self, name: str) -> Json:
        status = self.settings.way.status(name) or Status(name=name, category="indeterminate")
        category = _CATEGORIES[status.category]
        status_id = self.status_id(name)
        return {
            "self": self.link(f"status/{status_id}"),
            "description": "",
            "iconUrl": f"{self.url}/images/icons/statuses/generic.png",
            "id": status_id,
            "name": name,
            "statusCategory": {"self": self.link(f"statuscategory/{category['id']}"), **category},
        }

    def status_id(self, name: str) -> str:
        names = [status.name for status in self.settings.way.statuses]
        return str(10000 + names.index(name)) if name in names else "1"

    def statuses(self) -> list[Json]:
        return [self.status(status.name) for status in self.settings.way.statuses]

    def priority(self, name: str) -> Json:
        return self._named("priority", name, self.settings.priorities, 1)

    def priorities(self) -> list[Json]:
        return [self.priority(name) for name in self.settings.priorities]

    def resolution(self, name: str) -> Json:
        return self._named("resolution", name, self.settings.resolutions, 10000)

    def resolutions(self) -> list[Json]:
        return [self.resolution(name) for name in self.settings.resolutions]

    def issue_type(self, name: str) -> Json:
        return self._named("issuetype", name, self.settings.issue_types, 10001) | {"subtask": False}

    def issue_types(self) -> list[Json]:
        return [self.issue_type(name) for name in self.settings.issue_types]

    def project(self, key: str) -> Json:
        projects = self.settings.projects
        project_id = str(10000 + projects.index(key)) if key in projects else "10999"
        return {
            "self": self.link(f"project/{project_id}"),
            "id": project_id,
            "key": key,
            "name": f"{key.title()} project",
            "projectTypeKey": "software",
            "simplified": False,
        }

    def projects(self) -> list[Json]:
        return [self.project(key) for key in self.settings.projects]

    def option(self, field_id: str, value: str) -> Json:
        option_id = self.option_id(field_id, value)
        return {"self": self.link(f"customFieldOption/{option_id}"), "value": value, "id": option_id}

    def option_id(self, field_id: str, value: str) -> str:
        """Unique in the site: the field's number, then the option's place."""
        field = self.settings.custom_fields.get(field_id)
        options = field.options if field else ()
        place = options.index(value) if value in options else len(options)
        return f"{field_id.removeprefix('customfield_')}{place:02d}"

    def _named(self, kind: str, name: str, names: tuple[str, ...], first_id: int) -> Json:
        item_id = str(first_id + names.index(name)) if name in names else str(first_id + len(names))
        return {
            "self": self.link(f"{kind}/{item_id}"),
            "id": item_id,
            "name": name,
            "description": "",
            "iconUrl": f"{self.url}/images/icons/{kind}/{item_id}.svg",
        }
