"""The tables, as SQLAlchemy knows them.

`migrations/versions/0001_first.sql` holds the words and reasons, the checks and the triggers; a test proves that this
metadata and the migrated database agree. Statements are built once, at import, with named parameters, so that each is
compiled once and prepared once per database connection. Where a statement writes, a parameter that is no value to be
set must not be called like a column: SQLAlchemy would set it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    FetchedValue,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData()

Instant = DateTime(timezone=True)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _optional(name: str, kind: Any = Text) -> Column[Any]:
    return Column(name, kind, nullable=True)


def _json(name: str) -> Column[Any]:
    return Column(name, JSONB, nullable=False)


def _defaulted(name: str, kind: Any = Text) -> Column[Any]:
    return Column(name, kind, nullable=False, server_default=FetchedValue())


def _now(name: str) -> Column[Any]:
    return Column(name, Instant, nullable=False, server_default=func.now())


def _number(name: str = "id") -> Column[int]:
    return Column(name, BigInteger, Identity(always=True), nullable=False)


def _of_pair() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["pair_id"], ["pairs.id"])


integrations = Table(
    "integrations",
    metadata,
    _text("name"),
    Column("version", Integer, nullable=False, autoincrement=False),
    _text("source"),
    _text("applied_by"),
    _now("applied_at"),
    PrimaryKeyConstraint("name", "version"),
)

brakes = Table(
    "brakes",
    metadata,
    _text("integration"),
    _defaulted("what"),
    _text("reason"),
    _text("by"),
    _now("since"),
    PrimaryKeyConstraint("integration", "what"),
)

connections = Table(
    "connections",
    metadata,
    _text("name"),
    _defaulted("health"),
    _defaulted("reason"),
    _now("since"),
    _optional("paused_at", Instant),
    _optional("paused_by", Text),
    _optional("paused_for", Text),
    _optional("clock_offset_ms", Double),
    _optional("clock_uncertainty_ms", Double),
    _optional("clock_measured_at", Instant),
    _optional("budget", Double),
    _optional("budget_at", Instant),
    _optional("until", Instant),
    PrimaryKeyConstraint("name"),
)

cursors = Table(
    "cursors",
    metadata,
    _text("connection"),
    _text("record_type"),
    _text("query"),
    _text("cursor"),
    _now("moved_at"),
    _optional("caught_up_at", Instant),
    PrimaryKeyConstraint("connection", "record_type", "query"),
)

descriptions = Table(
    "descriptions",
    metadata,
    _text("connection"),
    _text("record_type"),
    _now("asked_at"),
    _optional("seen_at", Instant),
    _optional("description", JSONB),
    _defaulted("changes", JSONB),
    PrimaryKeyConstraint("connection", "record_type"),
)

pairs = Table(
    "pairs",
    metadata,
    _text("id"),
    _text("integration"),
    Column("version", Integer, nullable=False),
    _defaulted("link"),
    _defaulted("link_reason"),
    _defaulted("state", ARRAY(Text)),
    _now("state_since"),
    _defaulted("waits_for"),
    _defaulted("paused", Boolean),
    _optional("quarantine"),
    _now("created_at"),
    _optional("last_pass_at", Instant),
    PrimaryKeyConstraint("id"),
    ForeignKeyConstraint(["integration", "version"], ["integrations.name", "integrations.version"]),
    Index("ix_pairs_integration", "integration", "id"),
)

snapshots = Table(
    "snapshots",
    metadata,
    _number(),
    _text("pair_id"),
    _text("side"),
    _text("version"),
    _text("hash"),
    _optional("modified_at", Instant),
    _json("body"),
    _now("taken_at"),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("pair_id", "side", "version", "hash", name="uq_snapshots_content"),
    _of_pair(),
)

pair_ends = Table(
    "pair_ends",
    metadata,
    _text("pair_id"),
    _text("side"),
    _text("integration"),
    _text("connection"),
    _text("record_type"),
    _text("record_id"),
    _text("key"),
    _optional("url"),
    _defaulted("active", Boolean),
    _optional("snapshot_id", BigInteger),
    _optional("outside_since", Instant),
    _defaulted("late_writer", Boolean),
    _optional("fence", Instant),
    PrimaryKeyConstraint("pair_id", "side"),
    _of_pair(),
    ForeignKeyConstraint(["snapshot_id"], ["snapshots.id"]),
    Index(
        "uq_pair_ends_active_record",
        "integration",
        "connection",
        "record_type",
        "record_id",
        unique=True,
        postgresql_where=text("active"),
    ),
    Index("ix_pair_ends_record", "connection", "record_id", postgresql_where=text("active")),
    Index(
        "ix_pair_ends_former", "integration", "connection", "record_id", postgresql_where=text("NOT active")
    ),
    Index("ix_pair_ends_key", text("lower(key)")),
)

baselines = Table(
    "baselines",
    metadata,
    _text("pair_id"),
    _text("field"),
    _text("native_a"),
    _text("native_b"),
    _json("half_a"),
    _json("half_b"),
    _defaulted("revision", Integer),
    _now("updated_at"),
    PrimaryKeyConstraint("pair_id", "field"),
    _of_pair(),
)

parked_units = Table(
    "parked_units",
    metadata,
    _text("pair_id"),
    _text("unit"),
    _text("cause"),
    _text("reason"),
    _now("since"),
    PrimaryKeyConstraint("pair_id", "unit"),
    _of_pair(),
)

losses = Table(
    "losses",
    metadata,
    _text("pair_id"),
    _text("record_id"),
    _text("integration"),
    _text("side"),
    _now("seen_at"),
    _defaulted("allowed", Boolean),
    _optional("sent"),
    PrimaryKeyConstraint("pair_id", "record_id"),
    _of_pair(),
    Index("ix_losses_recent", "integration", "side", "seen_at", postgresql_where=text("NOT allowed")),
)

overwritten = Table(
    "overwritten",
    metadata,
    _text("pair_id"),
    _text("side"),
    _text("field"),
    _json("version"),
    _json("ours"),
    _now("since"),
    PrimaryKeyConstraint("pair_id", "side", "field"),
    _of_pair(),
)

field_versions = Table(
    "field_versions",
    metadata,
    _text("pair_id"),
    _defaulted("n", BigInteger),
    _text("side"),
    _text("field"),
    _json("value"),
    _json("old"),
    _optional("at", Instant),
    _optional("by"),
    _text("origin"),
    _optional("sequence", BigInteger),
    _text("seen_by"),
    _now("seen_at"),
    PrimaryKeyConstraint("pair_id", "n", "seen_at"),
    _of_pair(),
    postgresql_partition_by="RANGE (seen_at)",
)

plans = Table(
    "plans",
    metadata,
    _number(),
    _text("pair_id"),
    Column("version", Integer, nullable=False),
    _defaulted("state"),
    Column("snapshot_a", BigInteger, nullable=False),
    Column("snapshot_b", BigInteger, nullable=False),
    _json("body"),
    _now("created_at"),
    _optional("closed_at", Instant),
    PrimaryKeyConstraint("id"),
    _of_pair(),
    Index("uq_plans_open", "pair_id", unique=True, postgresql_where=text("state = 'open'")),
)

plan_steps = Table(
    "plan_steps",
    metadata,
    _number(),
    Column("plan_id", BigInteger, nullable=False),
    Column("n", Integer, nullable=False),
    _text("side"),
    _json("fields"),
    _json("expect"),
    _defaulted("state"),
    _optional("holder"),
    _optional("claimed_at", Instant),
    _defaulted("response", JSONB),
    _optional("finished_at", Instant),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("plan_id", "n", name="uq_plan_steps_n"),
    ForeignKeyConstraint(["plan_id"], ["plans.id"], ondelete="CASCADE"),
)

write_ledger = Table(
    "write_ledger",
    metadata,
    _number(),
    _text("pair_id"),
    _text("side"),
    _text("connection"),
    _text("record_type"),
    _text("record_id"),
    _text("version"),
    _text("fields_hash"),
    Column("exact", Boolean, nullable=False),
    _json("request"),
    _now("at"),
    PrimaryKeyConstraint("id"),
    _of_pair(),
    Index("ix_write_ledger_own", "connection", "record_id", "version", postgresql_where=text("exact")),
)

conflicts = Table(
    "conflicts",
    metadata,
    _number(),
    _text("conflict_id"),
    Column("n", Integer, nullable=False),
    _text("pair_id"),
    _text("integration"),
    Column("version", Integer, nullable=False),
    _text("unit"),
    _text("kind"),
    _text("stage"),
    _text("policy"),
    _text("rule"),
    _optional("winner"),
    _optional("by"),
    _json("line"),
    _now("at"),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("conflict_id", "n", name="uq_conflicts_n"),
    _of_pair(),
    Index("ix_conflicts_pair", "pair_id", "id"),
    Index("ix_conflicts_integration", "integration", "at"),
)

reviews = Table(
    "reviews",
    metadata,
    _text("token"),
    _text("pair_id"),
    _text("unit"),
    _defaulted("state"),
    Column("opened_at", Instant, nullable=False),
    _json("request"),
    _optional("reminded_at", Instant),
    _optional("escalated_at", Instant),
    _optional("closed_at", Instant),
    _defaulted("closed_because"),
    _optional("moved_to"),
    _optional("decided_by"),
    PrimaryKeyConstraint("token"),
    _of_pair(),
    Index("uq_reviews_open", "pair_id", "unit", unique=True, postgresql_where=text("state = 'open'")),
)

decisions = Table(
    "decisions",
    metadata,
    _number("n"),
    _text("pair_id"),
    _text("token"),
    _text("unit"),
    Column("accepted", Boolean, nullable=False),
    _json("decision"),
    _json("verdict"),
    _now("at"),
    PrimaryKeyConstraint("n"),
    _of_pair(),
    Index("ix_decisions_token", "token", "n"),
)

deliveries = Table(
    "deliveries",
    metadata,
    _number(),
    _text("connection"),
    _optional("delivery_id"),
    _json("notices"),
    _now("received_at"),
    _optional("signalled_at", Instant),
    PrimaryKeyConstraint("id"),
    Index(
        "uq_deliveries_delivery_id",
        "connection",
        "delivery_id",
        unique=True,
        postgresql_where=text("delivery_id IS NOT NULL"),
    ),
    Index(
        "ix_deliveries_version",
        "connection",
        text("(notices #>> '{0,ref,id}')"),
        text("(notices #>> '{0,version}')"),
        postgresql_where=text("notices #>> '{0,version}' IS NOT NULL"),
    ),
    Index("ix_deliveries_unsignalled", "received_at", postgresql_where=text("signalled_at IS NULL")),
)

creations = Table(
    "creations",
    metadata,
    _text("key"),
    _text("integration"),
    _text("connection"),
    _text("record_type"),
    _text("record_id"),
    _defaulted("state"),
    _defaulted("created", JSONB),
    _defaulted("halves", JSONB),
    _now("reserved_at"),
    _optional("attempted_at", Instant),
    PrimaryKeyConstraint("key"),
    UniqueConstraint("integration", "connection", "record_type", "record_id", name="uq_creations_source"),
)

held_matches = Table(
    "held_matches",
    metadata,
    _text("id"),
    _text("integration"),
    _text("kind"),
    _text("found_by"),
    _text("reason"),
    _json("records"),
    Column("members", ARRAY(Text), nullable=False),
    _defaulted("tried"),
    _now("opened_at"),
    PrimaryKeyConstraint("id"),
    Index("ix_held_matches_members", "members", postgresql_using="gin"),
)

match_decisions = Table(
    "match_decisions",
    metadata,
    _text("integration"),
    _text("connection"),
    _text("record_type"),
    _text("record_id"),
    _text("decision"),
    _text("by"),
    _now("at"),
    PrimaryKeyConstraint("integration", "connection", "record_type", "record_id"),
)

backfills = Table(
    "backfills",
    metadata,
    _number(),
    _text("run"),
    _text("integration"),
    Column("version", Integer, nullable=False),
    Column("dry_run", Boolean, nullable=False),
    _text("asked_by"),
    _defaulted("phase"),
    _defaulted("place"),
    _defaulted("tally", JSONB),
    _defaulted("seen"),
    _now("began_at"),
    _optional("ended_at", Instant),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("run", name="uq_backfills_run"),
    Index("uq_backfills_open", "integration", unique=True, postgresql_where=text("ended_at IS NULL")),
)

backfill_records = Table(
    "backfill_records",
    metadata,
    Column("backfill", BigInteger, nullable=False),
    _text("side"),
    _text("record_id"),
    _number("n"),
    _text("key"),
    _text("version"),
    _defaulted("taken", Boolean),
    PrimaryKeyConstraint("backfill", "side", "record_id"),
    ForeignKeyConstraint(["backfill"], ["backfills.id"]),
    Index("ix_backfill_records_n", "backfill", "side", "n"),
)

backfill_keys = Table(
    "backfill_keys",
    metadata,
    Column("backfill", BigInteger, nullable=False),
    _text("side"),
    _text("record_id"),
    _text("match_key"),
    _optional("own"),
    _optional("wants"),
    PrimaryKeyConstraint("backfill", "side", "record_id", "match_key"),
    ForeignKeyConstraint(
        ["backfill", "side", "record_id"],
        ["backfill_records.backfill", "backfill_records.side", "backfill_records.record_id"],
        ondelete="CASCADE",
    ),
    Index("ix_backfill_keys_own", "backfill", "side", "match_key", "own"),
)

sweeps = Table(
    "sweeps",
    metadata,
    _text("integration"),
    _text("side"),
    _text("sweep"),
    _optional("cursor"),
    _defaulted("is_listed", Boolean),
    _defaulted("listed", Integer),
    _defaulted("behind", Integer),
    _optional("unlisted", Integer),
    PrimaryKeyConstraint("integration", "side"),
)

sweep_records = Table(
    "sweep_records",
    metadata,
    _text("integration"),
    _text("side"),
    _text("record_id"),
    PrimaryKeyConstraint("integration", "side", "record_id"),
    ForeignKeyConstraint(["integration", "side"], ["sweeps.integration", "sweeps.side"]),
)

alerts = Table(
    "alerts",
    metadata,
    _number(),
    _text("key"),
    _text("kind"),
    _optional("pair_id"),
    _text("message"),
    _now("raised_at"),
    _optional("cleared_at", Instant),
    PrimaryKeyConstraint("id"),
    _of_pair(),
    Index("uq_alerts_raised", "key", unique=True, postgresql_where=text("cleared_at IS NULL")),
    Index("ix_alerts_pair", "pair_id", postgresql_where=text("cleared_at IS NULL")),
)

audit = Table(
    "audit",
    metadata,
    _number(),
    _now("at"),
    _text("who"),
    _text("what"),
    _optional("pair_id"),
    _json("detail"),
    PrimaryKeyConstraint("id"),
    _of_pair(),
    Index("ix_audit_pair", "pair_id", "id"),
)
