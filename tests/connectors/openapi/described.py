"""Holds requests against an OpenAPI description."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from openapi_schema_validator import OAS30Validator

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Description:
    """The described operations of one vendor."""

    document: dict[str, Any]

    @classmethod
    def of(cls, vendor: str) -> Description:
        return cls(json.loads((HERE / f"{vendor}.json").read_text()))

    def mistakes(self, request: httpx.Request, path: str) -> list[str]:
        """What speaks against this request; `path` is its path as the description would write it."""
        name = self.name_of(request, path)
        if name not in self.operations():
            return [f"{request.method} {path} is not described"]
        operation = self.operations()[name]
        found = self._mistakes_in_query(operation, request) + self._mistakes_in_body(operation, request)
        return [f"{request.method} {path}: {mistake}" for mistake in found]

    def operations(self) -> dict[str, Any]:
        """Those described, by `METHOD /path/{parameter}`."""
        paths = self.document["paths"].items()
        return {
            f"{method.upper()} {path}": operation
            for path, item in paths
            for method, operation in item.items()
        }

    def name_of(self, request: httpx.Request, path: str) -> str:
        """The operation with this path: literal parts go before placeholders."""
        fitting = [p for p in self.document["paths"] if re.fullmatch(re.sub(r"{\w+}", "[^/]+", p), path)]
        best = min(fitting, key=lambda template: template.count("{"), default=path)
        return f"{request.method} {best}"

    def _mistakes_in_query(self, operation: dict[str, Any], request: httpx.Request) -> list[str]:
        parameters = [self._resolved(parameter) for parameter in operation.get("parameters", [])]
        schemas = {p["name"]: p["schema"] for p in parameters if p["in"] == "query"}
        sent = request.url.params
        return [
            mistake
            for name in dict.fromkeys(sent)
            for mistake in self._mistakes_in_parameter(name, sent.get_list(name), schemas.get(name))
        ]

    def _mistakes_in_parameter(self, name: str, values: list[str], schema: Any) -> list[str]:
        if schema is None:
            return [f"{name} is no parameter"]
        value = values if schema.get("type") == "array" else _typed(values[0], schema.get("type"))
        return [f"{name}: {mistake}" for mistake in self._errors(schema, value)]

    def _mistakes_in_body(self, operation: dict[str, Any], request: httpx.Request) -> list[str]:
        described = operation.get("requestBody")
        if described is None:
            return ["a body where none is described"] if request.content else []
        schema = described["content"]["application/json"]["schema"]
        return self._errors(schema, json.loads(request.content))

    def _errors(self, schema: Any, value: Any) -> list[str]:
        whole = {"allOf": [schema], "components": self.document["components"]}
        return [error.message for error in OAS30Validator(whole).iter_errors(value)]

    def _resolved(self, parameter: dict[str, Any]) -> dict[str, Any]:
        name = parameter.get("$ref", "").rpartition("/")[2]
        return self.document["components"]["parameters"][name] if name else parameter


def _typed(value: str, kind: str | None) -> Any:
    """A query string's text as the type that its schema names; itself where it doesn't spell one."""
    try:
        return json.loads(value) if kind in {"boolean", "integer", "number"} else value
    except ValueError:
        return value


@dataclass
class Recorder(httpx.AsyncBaseTransport):
    """Sends requests on, and keeps them."""

    onward: httpx.AsyncBaseTransport = field(default_factory=httpx.AsyncHTTPTransport)
    requests: list[httpx.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        return await self.onward.handle_async_request(request)

    async def aclose(self) -> None:
        await self.onward.aclose()
