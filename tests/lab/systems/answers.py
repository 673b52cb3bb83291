"""Holds what a simulator answers against a description of the vendor's API."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from openapi_schema_validator import OAS30Validator

DOCUMENTS = Path(__file__).parents[1] / "openapi"


@dataclass(slots=True)
class Answers:
    """An event hook of an HTTP client that notes each mistake; `checked` names the operations that were answered."""

    document: dict[str, Any]
    checked: set[str] = field(default_factory=set)
    mistakes: list[str] = field(default_factory=list)

    @classmethod
    def described_by(cls, vendor: str) -> "Answers":
        return cls(json.loads((DOCUMENTS / f"{vendor}.json").read_text()))

    async def check(self, response: httpx.Response) -> None:
        if response.status_code >= 400:
            return
        await response.aread()
        name, described = self._described(response.request)
        self.checked.add(name)
        answer = described.get(str(response.status_code))
        if answer is None:
            self.mistakes.append(f"{name}: status {response.status_code} is not described")
        elif response.content:
            self.mistakes += [f"{name}: {mistake}" for mistake in self._against(answer, response.json())]

    def _described(self, request: httpx.Request) -> tuple[str, dict[str, Any]]:
        """The most concrete operation that fits: literal parts go before placeholders."""
        path, method = request.url.path, request.method
        fitting = [t for t in self.document["paths"] if re.fullmatch(re.sub(r"{\w+}", "[^/]+", t), path)]
        assert fitting, f"{method} {path} is not described"
        template = min(fitting, key=lambda one: one.count("{"))
        responses: dict[str, Any] = self.document["paths"][template][method.lower()]["responses"]
        return f"{method} {template}", responses

    def _against(self, answer: dict[str, Any], content: Any) -> list[str]:
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        whole = {"allOf": [schema], "components": self.document["components"]}
        return [
            f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
            for error in OAS30Validator(whole).iter_errors(content)
        ]
