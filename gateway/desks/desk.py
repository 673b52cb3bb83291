"""What every desk works with."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import quote

from activities.messages import PairRef
from activities.rulebook import Rules
from domain.errors import ConfigError
from gateway.answers import EndShown, PairLine
from gateway.assembly import Accord
from gateway.finding import Unknown
from gateway.signaller import Signaller
from store import integrations
from store.database import Tx
from store.pairs import EndRow, PairRow


@dataclass(frozen=True, slots=True)
class Desk:
    """A process's parts, and how people are shown what the store holds."""

    accord: Accord
    signaller: Signaller

    # ------------------------------------------------------------------------------------------------ declarations
    async def rules(self, tx: Tx, name: str) -> Rules:
        """The integration's current version.

        Raises:
            Unknown: It was never applied; names near ones.
        """
        versions = await integrations.versions(tx)
        if name not in versions:
            near = get_close_matches(name, versions, n=3)
            known = ", ".join(near or sorted(versions)) or "none; `accord apply FILE` adds one"
            raise Unknown(f"no integration {name!r} is applied (there are: {known})")
        return await self.accord.context.rules.at(tx, name, versions[name])

    # --------------------------------------------------------------------------------------------------- showing
    def line(self, pair: PairRow) -> PairLine:
        a, b = (self.end(end) for end in pair.ends)
        return PairLine(
            id=pair.id,
            integration=pair.integration,
            version=pair.version,
            ends=(a, b),
            link=pair.link,
            states=tuple(pair.state) if pair.link == "active" else (pair.link,),
            waits_for=pair.waits_for if pair.link == "active" else pair.link_reason,
            last_pass_at=pair.last_pass_at,
        )

    def ref(self, pair: PairRow) -> PairRef:
        """The pair by what people call its ends."""
        a, b = (self.system(end.ref.connection) for end in pair.ends)
        return PairRef(
            integration=pair.integration,
            pair_id=pair.id,
            systems=(a, b),
            keys=(pair.ends.a.key, pair.ends.b.key),
        )

    def system(self, connection: str) -> str:
        """The product's name; the connection's, where it isn't configured here."""
        try:
            return self.accord.connections.get(connection).system
        except ConfigError:
            return connection

    def page(self, pair: PairRow, run: str | None = None) -> str | None:
        """The pair's workflow in the Temporal UI, if its address is known."""
        root = self.accord.settings.temporal_ui_url
        if root is None:
            return None
        below = f"/namespaces/{self.accord.settings.temporal_namespace}/workflows/{quote(pair.workflow_id, safe='')}"
        return f"{root.rstrip('/')}{below}{f'/{run}/history' if run else ''}"

    def end(self, end: EndRow) -> EndShown:
        ref = end.ref
        return EndShown(
            system=self.system(ref.connection),
            connection=ref.connection,
            record_type=ref.record_type,
            id=ref.id,
            key=end.key,
            url=end.url,
        )
