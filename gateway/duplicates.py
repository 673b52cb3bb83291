"""What people are shown of twins: groups, proposals, and what was carried out of them."""

from __future__ import annotations

from pydantic import AwareDatetime

from domain.proposing import Proposal
from domain.records import Model
from domain.sides import Side
from gateway.answers import EndShown


class TwinShown(Model):
    """One record of a group."""

    side: Side
    end: EndShown
    title: str = ""
    state: str = ""
    created_at: AwareDatetime | None = None
    modified_at: AwareDatetime | None = None
    link: str = ""
    """Its pair's other record; or why it has none to look for."""


class GroupShown(Model):
    """Records that a key can't tell apart, or links that cross, with what is proposed."""

    by: str
    """The match key; empty if no single one holds them together."""
    size: int
    is_crossed: bool = False
    twins: tuple[TwinShown, ...]
    proposals: tuple[Proposal, ...]

    @property
    def work(self) -> list[Proposal]:
        """Those that would be carried out, in their order."""
        return [one for one in self.proposals if one.is_work]


class DuplicatesPlan(Model):
    """Everything that stands twice in an integration, and what would be done about it."""

    integration: str
    version: int
    """Of the declaration."""
    listed: tuple[int, int] = (0, 0)
    groups: tuple[GroupShown, ...] = ()

    @property
    def work(self) -> list[Proposal]:
        """Everything that would be carried out, in its order."""
        return [one for group in self.groups for one in group.work]


class ProposalDone(Model):
    """What became of one proposal."""

    action: str
    keys: tuple[str, ...]
    done: bool
    why: str = ""
    """Why not."""


class DuplicatesShown(Model):
    """The plan, and what became of it where it was to be carried out."""

    plan: DuplicatesPlan
    asked: bool = False
    """Whether it was to be carried out, and there was something to do."""
    applied: tuple[ProposalDone, ...] = ()
