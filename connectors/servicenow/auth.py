"""How an instance is signed in to. Client credentials: a token for each half hour, fetched when one is missing, old or refused.

Source: ServiceNow documentation, "OAuth client credentials"; RFC 6749 §4.4.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator

import httpx
from pydantic import BaseModel, ValidationError

from connectors.servicenow.settings import ServiceNowSettings
from domain.errors import CredentialsRefused, SystemUnavailable

EARLY = 60.0
"""Seconds before its end that a token is replaced."""


class Token(BaseModel):
    access_token: str
    expires_in: float
    """Seconds."""


class ClientCredentials(httpx.Auth):
    """Puts a bearer token on each request; one task fetches, the others wait for it."""

    def __init__(self, url: str, client_id: str, client_secret: str) -> None:
        self._request = httpx.Request(
            "POST",
            f"{url}/oauth_token.do",
            data={"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret},
            headers={"Accept": "application/json"},
        )
        self._token = ""
        self._renew_at = 0.0
        self._fetching = asyncio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Send with a token; once more with a fresh one, if this one is refused before its time.

        Raises:
            CredentialsRefused: The instance gives no token for these credentials.
            SystemUnavailable: It gives none for another reason.
        """
        used = self._token
        async with self._fetching:
            if time.monotonic() >= self._renew_at:
                self._accept(await _drained((yield self._request)))
        response = yield self._signed(request)
        if response.status_code != 401 or used != self._token:
            return
        async with self._fetching:
            if used == self._token:
                self._accept(await _drained((yield self._request)))
        yield self._signed(request)

    def _signed(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def _accept(self, response: httpx.Response) -> None:
        if response.status_code in {400, 401, 403}:
            raise CredentialsRefused(
                f"ServiceNow gives no token to this client (answered {response.status_code})"
            )
        try:
            token = Token.model_validate_json(response.content)
        except ValidationError:
            raise SystemUnavailable(
                f"ServiceNow answered {response.status_code} instead of a token"
            ) from None
        self._token, self._renew_at = token.access_token, time.monotonic() + token.expires_in - EARLY


async def _drained(response: httpx.Response) -> httpx.Response:
    await response.aread()
    return response


def auth_of(settings: ServiceNowSettings) -> httpx.Auth:
    """Basic authentication where a password is set, client credentials otherwise."""
    if settings.password is not None:
        return httpx.BasicAuth(settings.user, settings.password.get_secret_value())
    assert settings.client_id is not None
    assert settings.client_secret is not None
    return ClientCredentials(settings.url, settings.client_id, settings.client_secret.get_secret_value())
