"""What people are told, and what the store shows while no pass can say anything."""

from dataclasses import dataclass, field

import pytest

from activities.messages import ReviewEvent, StandingNote
from activities.notifying import Notifier
from domain.errors import SystemUnavailable
from domain.sides import Side
from store import audit, reviews
from tests.activities.conftest import Build
from tests.activities.world import OWNER, World, declaration

pytestmark = pytest.mark.stack

QUEUES = {"queue": "desk", "escalate_after": "2h", "escalate_to": "manager"}


@dataclass(frozen=True, slots=True)
class Listening(Notifier):
    """Keeps what would be sent."""

    told: list[tuple[str, str, str]] = field(default_factory=list)

    async def tell(self, queue: str, title: str, body: str) -> bool:
        self.told.append((queue, title, body))
        return True


async def waiting(build: Build, **words: object) -> tuple[World, str, Listening]:
    """A world with one open review, its token, and who listens."""
    notifier = Listening()
    source = declaration({**OWNER, **words}, reviews=QUEUES)
    world = await build(source, notifier=notifier)
    world.edit(Side.A, owner="tom")
    world.edit(Side.B, assignee="eva")
    done = await world.one_pass()
    assert done.resolved is not None
    return world, done.resolved.opened[0], notifier


def event(world: World, token: str, what: str) -> ReviewEvent:
    return ReviewEvent.model_validate({"pair": world.pair, "token": token, "event": what})


async def test_a_new_review_is_told_to_its_queue_with_values_and_what_to_do(build: Build) -> None:
    world, token, notifier = await waiting(build)
    assert await world.noted(event(world, token, "opened")) is True
    ((queue, title, body),) = notifier.told
    assert queue == "desk"
    assert title == "A conflict waits for you: owner of Left TICKET-1 ↔ Right TICKET-1"
    assert "Left: tom" in body
    assert f"accord approve {token}" in body


async def test_an_escalation_goes_to_whom_the_declaration_names_and_is_noted(build: Build) -> None:
    world, token, notifier = await waiting(build)
    await world.noted(event(world, token, "escalated"))
    assert [queue for queue, _, _ in notifier.told] == ["manager"]
    async with world.database.begin() as tx:
        row = await reviews.get(tx, token)
    assert row is not None
    assert row.escalated_at == world.clock.at


async def test_a_sensitive_value_is_not_told(build: Build) -> None:
    world, token, notifier = await waiting(build, sensitive=True)
    await world.noted(event(world, token, "opened"))
    ((_, _, body),) = notifier.told
    assert "tom" not in body


async def test_a_queue_without_addresses_is_silent(build: Build) -> None:
    world, token, _ = await waiting(build)
    assert await Notifier().tell("desk", "title", "body") is False
    assert await world.noted(event(world, "no such token", "opened")) is False
    assert token


@pytest.mark.filterwarnings(
    "ignore:.imghdr.:DeprecationWarning"
)  # the module of Apprise that is loaded with it
async def test_an_address_that_fails_is_tried_again() -> None:
    notifier = Notifier({"desk": ["json://127.0.0.1:9/"]})
    with pytest.raises(SystemUnavailable, match="review queue desk"):
        await notifier.tell("desk", "title", "body")


async def test_a_pause_shows_in_the_lists_with_who_did_it(build: Build) -> None:
    world = await build()
    note = StandingNote(
        pair=world.pair,
        states=("paused",),
        waits_for="paused by ines",
        act="pause",
        by="ines",
        reason="maintenance",
    )
    await world.noted(note)
    row = (await world.work()).pair
    assert (row.paused, row.state, row.waits_for) == (True, ["paused"], "paused by ines")
    async with world.database.begin() as tx:
        (act,) = await audit.of_pair(tx, world.pair.pair_id)
    assert (act.who, act.what, act.detail) == ("ines", "pause", {"reason": "maintenance"})


async def test_the_first_pass_after_a_pause_lifts_it_in_the_lists(build: Build) -> None:
    world = await build()
    await world.noted(StandingNote(pair=world.pair, states=("paused",), waits_for="paused by ines"))
    await world.one_pass()
    row = (await world.work()).pair
    assert (row.paused, row.state, row.waits_for) == (False, ["in_sync"], "")
