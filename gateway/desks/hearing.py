"""How changes of a connection's records are heard of, and how long an edit can stand before anybody looks."""

from __future__ import annotations

from activities.watching import Watched
from gateway.answers import HearingShown
from gateway.assembly import Accord
from store import cursors, deliveries
from store.database import Tx


async def hearing_of(accord: Accord, tx: Tx, one: Watched) -> HearingShown:
    """From the settings, and from what has been heard so far.

    Raises:
        ConfigError: No such connection is configured, or its settings are wrong.
    """
    connector = accord.connections.get(one.connection)
    config, promised = accord.connections.configs[one.connection], connector.capabilities
    capture = config.capture(stream=promised.change_stream)
    reached = await cursors.find(tx, one.connection, one.record_type, one.query)
    return HearingShown(
        system=connector.system,
        connection=one.connection,
        ways=capture.ways,
        exposure=capture.exposure(promised.index_lag),
        last_heard=await deliveries.last_heard(tx, one.connection),
        last_polled=reached.caught_up_at if reached else None,
    )
