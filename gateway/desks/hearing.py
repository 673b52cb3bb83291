"""How changes of a connection's records are heard of, and how long an edit can stand before anybody looks."""

from __future__ import annotations

from datetime import timedelta

from activities.watching import Watched
from domain.capture import Capture
from gateway.answers import HearingShown
from gateway.assembly import Accord
from store import cursors, deliveries
from store.database import Tx


def capture_of(accord: Accord, connection: str) -> tuple[Capture, timedelta | None]:
    """By which ways this connection's changes come, and how long an edit can stand unseen; None: for ever.

    Raises:
        ConfigError: No such connection is configured, or its settings are wrong.
    """
    promised = accord.connections.get(connection).capabilities
    capture = accord.connections.configs[connection].capture(stream=promised.change_stream)
    return capture, capture.exposure(promised.index_lag)


async def hearing_of(accord: Accord, tx: Tx, one: Watched) -> HearingShown:
    """From the settings, and from what has been heard so far.

    Raises:
        ConfigError: No such connection is configured, or its settings are wrong.
    """
    capture, exposure = capture_of(accord, one.connection)
    reached = await cursors.find(tx, one.connection, one.record_type, one.query)
    return HearingShown(
        system=accord.connections.get(one.connection).system,
        connection=one.connection,
        ways=capture.ways,
        exposure=exposure,
        last_heard=await deliveries.last_heard(tx, one.connection),
        last_polled=reached.caught_up_at if reached else None,
    )
