"""Holds what a connector sends against a description of the vendor's API (OpenAPI 3.0)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from openapi_schema_validator import OAS30Validator

DOCUMENTS = Path(__file__).parent / "openapi"


@dataclass
class Described(httpx.AsyncBaseTransport):
    """Passes requests on, and notes what in them the description doesn't allow."""

    document: dict[str, Any]
    inner: httpx.AsyncBaseTransport = field(default_factory=httpx.AsyncHTTPTransport)
    requests: int = 0
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def by(cls, name: str) -> Described:
        return cls(json.loads((DOCUMENTS / f"{name}.json").read_text()))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        where = f"{request.method} {request.url.path}"
        self.complaints += [f"{where}: {complaint}" for complaint in self._check(request)]
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()

    def _check(self, request: httpx.Request) -> list[str]:
        item = self._path_item(request.url.path)
        operation = item.get(request.method.lower())
        if operation is None:
            return ["no such operation"]
        declared = item.get("parameters", []) + operation.get("parameters", [])
        return self._query(request, [self._resolve(p) for p in declared]) + self._body(request, operation)

    def _path_item(self, path: str) -> dict[str, Any]:
        """The item whose template fits; one without parameters in that place comes first."""
        templates = sorted(self.document["paths"], key=lambda template: template.count("{"))
        fits = (t for t in templates if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", t), path))
        return self.document["paths"].get(next(fits, ""), {})

    def _query(self, request: httpx.Request, declared: list[dict[str, Any]]) -> list[str]:
        known = {p["name"]: p for p in declared if p["in"] == "query"}
        sent = request.url.params
        unknown = [f"unknown parameter {name}" for name in sent if name not in known]
        missing = [f"missing {name}" for name, p in known.items() if p.get("required") and name not in sent]
        closed = {name: p["schema"]["enum"] for name, p in known.items() if "enum" in p.get("schema", {})}
        wrong = [
            f"{name}={sent[name]}"
            for name, values in closed.items()
            if name in sent and sent[name] not in values
        ]
        return unknown + missing + wrong

    def _body(self, request: httpx.Request, operation: dict[str, Any]) -> list[str]:
        content = self._resolve(operation.get("requestBody", {})).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        if schema is None or not request.content:
            return []
        validator = OAS30Validator({"allOf": [schema], "components": self.document["components"]})
        return [error.message for error in validator.iter_errors(json.loads(request.content))]

    def _resolve(self, part: dict[str, Any]) -> dict[str, Any]:
        found: Any = part
        if "$ref" in part:
            found = self.document
            for step in part["$ref"].removeprefix("#/").split("/"):
                found = found[step]
        assert isinstance(found, dict)
        return found
