"""From a case's words to switches, faults, names and times of real systems."""

import json
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from domain.sides import Pair, Side
from gateway.depth import is_deeper
from integrations.loader import parse_integration
from lab.scenarios.command import CORPUS
from lab.scenarios.corpus import Case, Given, read_corpus
from lab.scenarios.live.able import why_not_live
from lab.scenarios.live.case_clock import MARGIN, start_of_time
from lab.scenarios.live.knocks import Knock
from lab.scenarios.live.logbook import forged_lines
from lab.scenarios.live.stage import connections_of, stages_of
from lab.scenarios.live.switches import switches_of
from lab.scenarios.live.troubles import fault_of
from lab.scenarios.translation import integration_of, spelled

FIELD = {"title": {"policy": "lww", "base": ["t", "t"]}}


def a_case(**words: Any) -> Case:
    return Case.model_validate({"id": "X", "given": {"fields": FIELD}, **words})


def with_events(text: str) -> Case:
    return a_case(events=yaml.safe_load(text))


@pytest.mark.parametrize("case", read_corpus(CORPUS).cases, ids=lambda case: case.id)
def test_a_declaration_survives_the_way_through_its_text(case: Case) -> None:
    if case.given.fields:
        (stage,) = stages_of([case])
        declared = stage.declaration(case.given)
        assert parse_integration(spelled(declared)) == declared


def test_cases_never_share_a_name_however_alike_their_ids() -> None:
    stages = stages_of([a_case(id="S1-a"), a_case(id="S1 a")])
    names = connections_of(stages, Pair("http://a", "http://b"))
    assert len({stage.name for stage in stages}) == 2
    assert len(names) == 4


def test_the_clock_bound_of_a_case_is_its_connections() -> None:
    (stage,) = stages_of([a_case(given={"fields": FIELD, "clock": {"bound": {"A": 5, "B": 0.5}}})])
    found = stage.connection_settings(Pair("http://a", "http://b"))
    assert [entry["clock_bound"] for entry in found.values()] == ["5.000000s", "0.500000s"]


def test_a_system_that_stamps_records_only_tells_no_times_of_fields_by_a_history_either() -> None:
    given = Given.model_validate({"clock": {"stamp": {"A": "record"}}})
    assert [(s["field_stamps"], s["history"]) for s in (switches_of(given, side) for side in Side)] == [
        (False, False),
        (True, True),
    ]


def test_each_case_sets_every_switch_so_that_none_is_left_from_the_case_before() -> None:
    plain, rich = (
        Given(),
        Given.model_validate(
            {
                "clock": {"skew": {"A": 30}, "missing": ["A"]},
                "caps": {"A": {"cas": True, "store": "cut 10", "search_lag": 2}},
                "automation": {"A": [{"when": {"x": 1}, "set": {"y": 2}}]},
            }
        ),
    )
    assert switches_of(plain, Side.A).keys() == switches_of(rich, Side.A).keys()
    assert switches_of(rich, Side.A)["store"] == {"*": "cut:10"}


@pytest.mark.parametrize(
    ("events", "word"),
    [
        ("[{t: 0, poll: B}]", "poll of B, which isn't polled"),
        ("[{t: 0, edit: A, record: 2, set: {title: u}}]", "edit of record 2, of 1"),
        ("[{t: 0, fault: {pause: here}}]", "pause here"),
        ("[{t: 0, fault: {kill: worker, at: NOON}}]", "kill at NOON"),
        ("[{t: 0, fault: {outage: temporal}}]", "outage of temporal without an end"),
        ("[{t: 0, fault: {status: B, code: 400, record: 3}}]", "fault of record 3, of 1"),
        ("[{t: 0, merge: A, loser: 1, survivor: 2}]", "merge of survivor 2, of 1"),
        ("[{t: 0, create: A, record: 1, rec: {title: u}}]", "create of another record"),
        ("[{t: 0, inject: {at: after_write_B, edit: B, set: {title: h}}}]", "inject at after_write_B"),
        (
            "[{t: 0, inject: {at: before_write_B, edit: A, set: {title: h}}}]",
            "inject at before_write_B into the other system",
        ),
        ("[{t: 0, config: {clock: {bound: 3}}}]", "config.clock.bound"),
        ("[{t: 0, webhook_raw: {sig: forged}}]", "webhook_raw.sig forged"),
        ("[{t: 0, http: {upload: x}}]", "http upload"),
        (
            "[{t: 0, review: title, choose: A, by: viewer_role}]",
            "review by viewer_role: nobody has a role yet",
        ),
    ],
)
def test_what_cannot_be_played_is_named_by_its_word(events: str, word: str) -> None:
    assert why_not_live(with_events(events)) == word


def test_an_unknown_word_of_given_is_named() -> None:
    assert why_not_live(a_case(given={"fields": FIELD, "cdc": {"A": {"by": "post"}}})) == "cdc.by"
    assert why_not_live(a_case(given={"fields": FIELD, "caps": {"A": {"store": "rot13"}}})) == (
        "caps.store 'rot13'"
    )


def test_the_last_event_is_just_over_and_coarse_stamps_are_cut_as_the_case_expects() -> None:
    case = a_case(
        given={"fields": FIELD, "clock": {"gran": {"A": 1, "B": 60}}},
        events=[{"t": 12, "edit": "A", "set": {"title": "u"}}, {"t": 100, "settle": True}],
    )
    start, now = start_of_time(case, 1_000_000.0), 1_000_000.0
    assert start % 60 == 0
    assert MARGIN <= now - (start + 100) < MARGIN + 60


def test_a_lost_response_strikes_once_and_an_outage_until_it_is_over() -> None:
    assert fault_of("lost_response", {"lost_response": "B", "op": "write"}).times == 1
    assert fault_of("outage", {"outage": "B", "until": 60}).times is None


def test_a_new_version_changes_only_what_it_names() -> None:
    given = Given.model_validate({"fields": {"title": {"policy": "lww", "tie": "A", "base": ["t", "t"]}}})
    changed = given.changed_by({"fields": {"title": {"policy": "review"}}})
    assert (changed.fields["title"].policy, changed.fields["title"].tie) == ("review", "A")
    with pytest.raises(ValidationError):
        given.changed_by({"fields": {"title": {"policy": "a coin"}}})


def test_pairs_without_fields_have_a_title_in_step() -> None:
    given = Given.model_validate({"pairs": 50, "delete_guard": {"max_share": 0.1}})
    assert (given.number, list(given.fields), given.fields["title"].base) == (50, ["title"], ("t", "t"))
    assert integration_of(given).limits.brake == 0.1
    assert Given.model_validate({"second_pair": True}).number == 2
    assert Given().fields == {}


def test_a_record_called_by_a_word_is_of_a_pair_beside_the_case_s_own() -> None:
    edit = {"t": 0, "edit": "A", "record": "other", "set": {"title": "u"}}
    based = {"title": {"policy": "lww", "tie": "A", "base": ["t", "t"]}}
    assert why_not_live(a_case(given={"fields": based}, events=[edit])) is None
    unlinked = a_case(given={"fields": {"title": {"policy": "lww"}}}, events=[edit])
    assert why_not_live(unlinked) == "edit of record other, of 1"


def test_records_are_meant_by_their_numbers() -> None:
    case = a_case(
        given={"pairs": 3},
        events=[
            {"t": 0, "fault": {"status": "B", "code": 400, "record": 3}},
            {"t": 1, "edit_each": "A", "field": "title"},
            {"t": 2, "edit": "A", "record": 2, "set": {"title": "u"}},
            {"t": 3, "merge": "A", "loser": 1, "survivor": 2},
        ],
    )
    assert why_not_live(case) is None
    assert fault_of("status", {"status": "B", "code": 400}, "17").record == "17"


@pytest.mark.parametrize(
    ("words", "statuses"),
    [
        ({"sig": "ok"}, {200, 202}),
        ({"sig": "old_key", "age": 299}, {200, 202}),
        ({"sig": None}, {401}),
        ({"sig": "prefix of the right one"}, {401}),
        ({"sig": "ok", "age": -400}, {400, 401}),
        ({"nesting": 100_000}, {400}),
        ({"nesting": 100_000, "sig": "wrong"}, {401}),
        ({"size": 50_000_000, "sig": None}, {413}),
        ({"content_type": "text/xml"}, {415}),
        ({"slowloris": True}, {408}),
    ],
)
def test_how_a_stranger_must_be_answered_follows_from_what_is_sent(
    words: dict[str, Any], statuses: set[int]
) -> None:
    assert Knock(words, "ticket", "1", 1).allowed() == statuses


def test_a_knock_is_signed_as_its_case_says_and_as_deep() -> None:
    deep = Knock({"nesting": 300, "self": "http://x"}, "ticket", "1", 1)
    body = deep.body()
    assert (
        json.loads(body.replace(b"[", b"").replace(b"]", b"").replace(b'"deep": ', b'"deep": 0'))["self"]
        == "http://x"
    )
    assert is_deeper(body, 299)
    assert not is_deeper(body, 300)
    signature = deep.headers(body)["x-plain-signature"]
    assert Knock({"sig": None}, "ticket", "1", 1).headers(body).get("x-plain-signature") is None
    short = Knock({"sig": "truncated"}, "ticket", "1", 1).headers(body)["x-plain-signature"]
    assert len(short) < len(signature)


def test_a_log_line_that_a_value_begins_is_told() -> None:
    (event,) = a_case(
        given={"fields": FIELD}, events=[{"t": 0, "edit": "A", "set": {"title": "x\nFAKE"}}]
    ).events
    assert list(forged_lines('{"event": "x\\nFAKE"}\n', [event])) == []
    assert list(forged_lines("x\nFAKE LOG\n", [event])) == ["FAKE"]


def test_bounds_that_the_product_does_not_have_are_named() -> None:
    knock = [{"t": 0, "webhook_raw": {"sig": "ok"}}]
    assert why_not_live(a_case(given={"window": 300, "body_limit": 1_048_576}, events=knock)) is None
    assert why_not_live(a_case(given={"window": 60}, events=knock)) == "window 60"
