"""Proof that a delivery comes from who shares a secret with us."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

REPLAY_WINDOW = timedelta(minutes=5)
"""How far a signed timestamp may lie from our clock, either way."""


def sign(secret: str, message: bytes) -> str:
    """HMAC-SHA256 in lower-case hexadecimal digits."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def is_signed(message: bytes, signature: str, secrets: Iterable[SecretStr]) -> bool:
    """Whether any active secret gives this signature. Tries them all, so time tells nothing of which fits."""
    # compare_digest refuses non-ASCII text, and headers come from anybody.
    given = signature.encode(errors="replace")
    fits = [hmac.compare_digest(sign(s.get_secret_value(), message).encode(), given) for s in secrets]
    return any(fits)


def is_recent(timestamp: str, now: datetime, window: timedelta = REPLAY_WINDOW) -> bool:
    """Whether this epoch timestamp (seconds) lies close to now; False if it can't be read."""
    try:
        moment = datetime.fromtimestamp(float(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        return False
    return abs(now - moment) <= window


def is_timely_and_signed(
    body: bytes, *, timestamp: str, signature: str, secrets: Iterable[SecretStr], now: datetime
) -> bool:
    """Whether `sha256=<digits>` signs `timestamp.body` with an active secret, and the timestamp is recent.

    The timestamp is under the signature, so a recorded delivery can't be sent again later.
    """
    scheme, _, digits = signature.partition("=")
    message = timestamp.encode(errors="replace") + b"." + body
    return scheme == "sha256" and is_signed(message, digits, secrets) and is_recent(timestamp, now)
