"""Whom a notice concerns: the pairs with that record, whose own write it is, and which declarations hold. One statement."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Select, Text, bindparam, cast, func, select

from domain.records import RecordRef
from store.database import Tx
from store.documents import EMPTY_OBJECT, Document, built, listed
from store.integrations import VERSIONS
from store.ledger import ECHOES, Echoes
from store.pairs import PAIR, PairRow, has_record
from store.schema import pairs


@dataclass(frozen=True, slots=True)
class Addressees:
    """All that is asked of the store when a record is said to have changed."""

    pairs: list[PairRow]
    """Active ones with this record, in all integrations."""
    is_own: dict[str, bool]
    """By pair: the version is its own write (True), or may turn out to be (False)."""
    versions: dict[str, int]
    """The current version of every integration, by name."""

    @property
    def echoes(self) -> Echoes:
        return Echoes.of(self.is_own)


ROW = TypeAdapter(Addressees)


def _by_name(query: Select[Any]) -> Document:
    """A query of two columns as an object."""
    rows = query.subquery()
    return select(func.coalesce(func.jsonb_object_agg(*rows.c), EMPTY_OBJECT)).scalar_subquery()


RECORD = [bindparam(name, type_=Text) for name in ("connection", "record_id", "record_type")]

FOUND = built(
    pairs=listed(PAIR, has_record(*RECORD), order=pairs.c.id),
    is_own=_by_name(ECHOES),
    versions=_by_name(VERSIONS),
)

# As text, so that the document is parsed once, by pydantic.
FIND = select(cast(FOUND, Text))


async def find(tx: Tx, ref: RecordRef, version: str | None) -> Addressees:
    """Everybody that a notice of this version concerns. No version is nobody's own."""
    values = {
        "connection": ref.connection,
        "record_id": ref.id,
        "record_type": ref.record_type,
        "version": version,
    }
    document = await tx.scalar(FIND, values)
    assert document is not None, "a statement without a table has one row"
    found = ROW.validate_json(document)
    return found if version is not None else replace(found, is_own={})
