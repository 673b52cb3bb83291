"""What a case sends to the front door, how that must be answered, and which words of it aren't known.

| word of `webhook_raw` | meaning |
| --- | --- |
| `sig` | `ok` (also left out), `old_key` (the other active secret), `wrong`, null (none), `prefix …` (cut short) |
| `age` | seconds between its timestamp and now |
| `id` | its delivery id; the same id again is the same delivery |
| `size`, `nesting` | bytes; levels of JSON |
| `slowloris` | a byte now and then |
| `content_type` | other than JSON |
| any other | goes into the body as it stands: `self: http://…` |
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from connectors.signatures import REPLAY_WINDOW, sign
from gateway.body import MOST_BYTES
from gateway.depth import MOST_DEPTH
from lab.scenarios.corpus import Event, Given
from lab.scenarios.live.stage import OLD_SECRET, SECRET

SIGNATURES = {"ok", "old_key", "wrong"}
OWN = {"sig", "age", "id", "size", "nesting", "slowloris", "content_type"}
JSON = "application/json"
TAKEN = frozenset({200, 202})
CANARY = "canary-of-a-body"
"""Stands in every body, so that it is found wherever it must not be."""


@dataclass(frozen=True, slots=True)
class Knock:
    """One request to the webhook address of a connection."""

    words: dict[str, Any]
    record_type: str
    record: str
    number: int
    """Of the knock in its case: tells delivery ids apart where the case names none."""

    @property
    def delivery_id(self) -> str:
        return f"{self.record_type}-{self.words.get('id', f'knock-{self.number}')}"

    @property
    def is_slow(self) -> bool:
        return bool(self.words.get("slowloris"))

    @property
    def size(self) -> int | None:
        """Bytes to announce and send, where that is the point."""
        return int(self.words["size"]) if "size" in self.words else None

    def allowed(self) -> frozenset[int]:
        """Statuses that it may be answered with."""
        kind = str(self.words.get("content_type", JSON)).partition(";")[0]
        if kind != JSON and not kind.endswith("+json"):
            return frozenset({415})
        if self.is_slow:
            return frozenset({408})
        if (self.size or 0) > MOST_BYTES:
            return frozenset({413})
        if not self._is_signed:
            return frozenset({401})
        if not self._is_timely:
            return frozenset({400, 401})
        return frozenset({400}) if int(self.words.get("nesting", 0)) > MOST_DEPTH else TAKEN

    def body(self) -> bytes:
        """A plain system's delivery, with whatever else the case puts into it."""
        said = {word: value for word, value in self.words.items() if word not in OWN}
        text = json.dumps(
            {
                "delivery_id": self.delivery_id,
                "event": "updated",
                "type": self.record_type,
                "id": self.record,
                "note": CANARY,
                **said,
            }
        )
        levels = int(self.words.get("nesting", 0))
        deep = f', "deep": {"[" * (levels - 1)}{"]" * (levels - 1)}}}' if levels > 1 else "}"
        return f"{text[:-1]}{deep}".encode()

    def headers(self, body: bytes) -> dict[str, str]:
        """Content type, timestamp, and the signature as the case wants it."""
        stamp = str(int(time.time() - float(self.words.get("age", 0))))
        wanted = self.words.get("sig", "ok")
        secret = {"ok": SECRET, "old_key": OLD_SECRET, "wrong": "guessed"}.get(str(wanted), SECRET)
        signature = f"sha256={sign(secret, stamp.encode() + b'.' + body)}"
        named = {
            "content-type": str(self.words.get("content_type", JSON)),
            "x-plain-timestamp": stamp,
            "x-plain-delivery": self.delivery_id,
        }
        if wanted is None:
            return named
        return {**named, "x-plain-signature": signature if wanted in SIGNATURES else signature[:-8]}

    @property
    def _is_signed(self) -> bool:
        return self.words.get("sig", "ok") in {"ok", "old_key"}

    @property
    def _is_timely(self) -> bool:
        return abs(float(self.words.get("age", 0))) <= REPLAY_WINDOW.total_seconds()


def is_at_the_door(event: Event) -> bool:
    """Whether the event tries the front door, or where our own requests may lead."""
    return event.verb in {"webhook_raw", "http"} or (
        event.verb == "fault" and "redirect" in event.get("fault")
    )


def unknown_bounds(given: Given) -> Iterator[str]:
    """Bounds that a case takes for granted and the product doesn't have. They are no settings of it."""
    said = given.model_extra or {}
    known = {"window": REPLAY_WINDOW.total_seconds(), "body_limit": MOST_BYTES}
    yield from (f"{word} {said[word]}" for word, bound in known.items() if said.get(word, bound) != bound)


def unknown_knock(words: dict[str, Any]) -> Iterator[str]:
    sig = words.get("sig", "ok")
    if sig is not None and sig not in SIGNATURES and not str(sig).startswith(("prefix", "truncated")):
        yield f"webhook_raw.sig {sig}"


def unknown_request(words: dict[str, Any]) -> Iterator[str]:
    if set(words) != {"cross_site_post"}:
        yield f"http {next(iter(words), 'of no kind')}"
    elif words["cross_site_post"] not in {"approve", "override"}:
        yield f"http cross_site_post {words['cross_site_post']}"
