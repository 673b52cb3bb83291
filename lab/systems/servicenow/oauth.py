"""The OAuth token endpoint, `/oauth_token.do`. Tokens are signed, not stored: a restarted instance still knows them."""

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response

from lab.systems.call import Call
from lab.systems.refusals import Refused
from lab.systems.servicenow.settings import ServiceNowSettings

PATH: Final = "/oauth_token.do"
LIFETIME: Final = 1799
"""Seconds; what a fresh instance gives."""
DENIED: Final = "access_denied"


async def answer(call: Call) -> Response:
    """`POST /oauth_token.do`, form-encoded."""
    form = dict(parse_qsl((await call.request.body()).decode()))
    settings: Any = call.system.switches.now
    return JSONResponse(grant(settings, form, call.system.clock.true_time()))


def grant(settings: ServiceNowSettings, form: Mapping[str, Any], now: float) -> dict[str, Any]:
    """The answer to a token request.

    Raises:
        Refused: `unauthorized`, if client or user aren't known.
    """
    if (form.get("client_id"), form.get("client_secret")) != (settings.client_id, settings.client_secret):
        raise _denied()
    expires = int(now) + LIFETIME
    answer = {
        "access_token": _token(settings, settings.user, expires),
        "scope": "useraccount",
        "token_type": "Bearer",
        "expires_in": LIFETIME,
    }
    match form.get("grant_type"):
        case "client_credentials":
            return answer
        case "password":
            if (form.get("username"), form.get("password")) != (settings.user, settings.password):
                raise _denied()
        case "refresh_token":
            holder(settings, str(form.get("refresh_token")), now)
        case _:
            raise _denied()
    return answer | {"refresh_token": _token(settings, settings.user, expires + 100 * LIFETIME)}


def holder(settings: ServiceNowSettings, token: str, now: float) -> str:
    """The user that a token stands for.

    Raises:
        Refused: `unauthorized`, if the token is not ours or has expired.
    """
    user, _, rest = token.partition(".")
    expires, _, _ = rest.partition(".")
    if not expires.isdecimal() or not hmac.compare_digest(token, _token(settings, user, int(expires))):
        raise _denied()
    if int(expires) < now:
        raise _denied()
    return user


def _token(settings: ServiceNowSettings, user: str, expires: int) -> str:
    text = f"{user}.{expires}"
    return f"{text}.{hmac.new(settings.client_secret.encode(), text.encode(), sha256).hexdigest()}"


def _denied() -> Refused:
    return Refused("unauthorized", DENIED)
