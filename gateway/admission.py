"""Who may use the API: on the loopback interface everybody, elsewhere whoever has the token.

"Loopback" is what the socket says. A forwarded request came from elsewhere, and so may one that a page in a browser
on this machine makes: both are refused without a token. With one, a page can do nothing either, for no browser adds
the token by itself.
"""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, status

from gateway.assembly import Accord

FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def admit(request: Request) -> None:
    """Let the request in.

    Raises:
        HTTPException: 401 with a token set, 403 without one.
    """
    accord: Accord = request.app.state.accord
    token = accord.settings.api_token
    if token is not None:
        _require_token(request, token.get_secret_value())
    elif not _is_local(request):
        raise HTTPException(
            status.HTTP_403_FORBIDDEN,
            "without ACCORD_API_TOKEN the API answers on the loopback interface only",
        )


def _require_token(request: Request, token: str) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise HTTPException(
            status.HTTP_401_UNAUTHORIZED,
            "say `Authorization: Bearer <ACCORD_API_TOKEN>`",
            headers={"www-authenticate": "Bearer"},
        )


def _is_local(request: Request) -> bool:
    if any(name in request.headers for name in FORWARDED):
        return False
    client = request.client.host if request.client else ""
    return (
        _is_loopback(client)
        and _is_loopback(request.url.hostname or "")  # else a name that was rebound to this machine
        and _is_own_page(request)
    )


def _is_own_page(request: Request) -> bool:
    """Whether no page of another site sent this: not even of another port, where anything may be served."""
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return False
    return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
