"""What a site says about itself: fields, screens, priorities, statuses, people."""

from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.jira.issue_api import field_meta, schema_of
from lab.systems.jira.request import ISSUE, Ask
from lab.systems.jira.site import Json
from lab.systems.jira.times import time_text
from lab.systems.refusals import Refused
from lab.systems.system import PublicRoute

META_PAGE = 200
REQUIRED = {"summary", "project", "issuetype"}


def is_required(ask: Ask, name: str) -> bool:
    return name in REQUIRED or name in ask.settings.required_fields


class MetaApi:
    """The handlers."""

    def routes(self, base: str) -> list[PublicRoute]:
        types = f"{base}/issue/createmeta/{{project}}/issuetypes"
        calls = {
            "serverInfo": self.server_info,
            "myself": self.myself,
            "field": self.fields,
            "priority": self.priorities,
            "status": self.statuses,
            "resolution": self.resolutions,
            "issuetype": self.issue_types,
            "project": self.projects,
            "user": self.user,
            "user/search": self.find_users,
            "user/assignable/search": self.find_users,
        }
        return [
            *(PublicRoute("GET", f"{base}/{path}", "meta", handler) for path, handler in calls.items()),
            PublicRoute("GET", f"{base}/project/{{project}}", "meta", self.project),
            PublicRoute("GET", f"{base}/project/{{project}}/statuses", "meta", self.project_statuses),
            PublicRoute("GET", types, "meta", self.create_types),
            PublicRoute("GET", f"{types}/{{type}}", "meta", self.create_fields),
            PublicRoute("GET", f"{base}/issue/{{issue}}/editmeta", "meta", self.edit_fields),
        ]

    async def server_info(self, call: Call) -> Response:
        clock = call.system.clock
        return JSONResponse(
            {
                "baseUrl": call.system.url,
                "version": "1001.0.0-SNAPSHOT",
                "versionNumbers": [1001, 0, 0],
                "deploymentType": "Cloud",
                "buildNumber": 100286,
                "serverTime": time_text(clock.stamp(clock.true_time())),
                "serverTitle": "Jira",
            }
        )

    async def myself(self, call: Call) -> Response:
        return JSONResponse(Ask(call).site.person(str(call.actor)))

    async def fields(self, call: Call) -> Response:
        ask = Ask(call)
        return JSONResponse([self._field(ask, name) for name in ask.shapes.fields])

    async def priorities(self, call: Call) -> Response:
        return JSONResponse(Ask(call).site.priorities())

    async def statuses(self, call: Call) -> Response:
        return JSONResponse(Ask(call).site.statuses())

    async def resolutions(self, call: Call) -> Response:
        return JSONResponse(Ask(call).site.resolutions())

    async def issue_types(self, call: Call) -> Response:
        return JSONResponse(Ask(call).site.issue_types())

    async def projects(self, call: Call) -> Response:
        return JSONResponse(Ask(call).site.projects())

    async def project(self, call: Call) -> Response:
        ask = Ask(call)
        return JSONResponse(self._project(ask) | {"issueTypes": ask.site.issue_types()})

    async def project_statuses(self, call: Call) -> Response:
        """Per issue type; here all of them follow one workflow."""
        ask = Ask(call)
        self._project(ask)
        return JSONResponse([kind | {"statuses": ask.site.statuses()} for kind in ask.site.issue_types()])

    async def user(self, call: Call) -> Response:
        account_id = call.request.query_params.get("accountId", "")
        if account_id not in Ask(call).settings.people:
            raise Refused(
                "not_found", "Specified user does not exist or you do not have required permissions"
            )
        return JSONResponse(Ask(call).site.person(account_id))

    async def find_users(self, call: Call) -> Response:
        return JSONResponse(Ask(call).site.people(call.request.query_params.get("query", "")))

    async def create_types(self, call: Call) -> Response:
        ask = Ask(call)
        self._project(ask)
        return JSONResponse(ask.page(ask.site.issue_types(), limit=META_PAGE, name="issueTypes"))

    async def create_fields(self, call: Call) -> Response:
        ask = Ask(call)
        self._project(ask)
        names = [*self._on_screen(ask), "project"]
        metas = [field_meta(ask, name, required=is_required(ask, name)) | {"fieldId": name} for name in names]
        return JSONResponse(ask.page(metas, limit=META_PAGE, name="fields"))

    async def edit_fields(self, call: Call) -> Response:
        ask = Ask(call)
        await call.read(ISSUE, ask.issue_id())
        metas = {
            name: field_meta(ask, name, required=is_required(ask, name)) for name in self._on_screen(ask)
        }
        return JSONResponse({"fields": metas})

    def _on_screen(self, ask: Ask) -> list[str]:
        hidden = ask.settings.off_screen
        return [name for name, field in ask.shapes.fields.items() if field.editable and name not in hidden]

    def _field(self, ask: Ask, name: str) -> Json:
        field = ask.shapes.fields[name]
        clauses = [f"cf[{name.removeprefix('customfield_')}]", field.name] if field.is_custom else [name]
        return {
            "id": name,
            "key": name,
            "name": field.name,
            "custom": field.is_custom,
            "orderable": field.editable,
            "navigable": True,
            "searchable": True,
            "clauseNames": clauses,
            "schema": schema_of(ask, name),
        }

    def _project(self, ask: Ask) -> Json:
        asked = ask.call.path["project"]
        for project in ask.site.projects():
            if asked in {project["key"], project["id"]}:
                return project
        raise Refused("not_found", f"No project could be found with key '{asked}'.")
