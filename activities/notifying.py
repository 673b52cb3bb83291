"""Tell people: one message to the Apprise URLs of a queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.errors import SystemUnavailable


@dataclass(frozen=True, slots=True)
class Notifier:
    """Queue name → Apprise URLs. A queue without URLs is silent: its reviews show in the lists only."""

    queues: Mapping[str, Sequence[str]] = field(default_factory=dict)

    async def tell(self, queue: str, title: str, body: str) -> bool:
        """Send to every URL of the queue; False if it has none.

        Raises:
            SystemUnavailable: One of them could not be told.
        """
        urls = self.queues.get(queue, ())
        if not urls:
            return False
        import apprise  # noqa: PLC0415 - loads every service it knows; few processes tell anybody

        sender = apprise.Apprise()
        for url in urls:
            sender.add(url)
        if not await sender.async_notify(title=title, body=body):
            raise SystemUnavailable(
                f"review queue {queue}: a notification could not be sent; see its Apprise URLs"
            )
        return True
