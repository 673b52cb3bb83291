from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from connectors.jira.changelog import Reader, history_metadata
from connectors.jira.fields import Catalogue, FieldInfo
from connectors.jira.issue_api import Created
from connectors.jira.issues import IssueBody, IssueList, IssueParser, entry_in

SAMPLES = Path(__file__).parents[1] / "samples" / "jira"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


CATALOGUE: Catalogue = {field["id"]: FieldInfo.model_validate(field) for field in sample("fields_list")}


def parser(marker_field: str | None = None) -> IssueParser:
    hidden = None if marker_field else "accord-"
    return IssueParser("jira", "https://x.test", Reader(CATALOGUE, "us", hidden), marker_field)


def an_issue(*saves: dict[str, Any], **fields: Any) -> IssueBody:
    histories = [{"id": str(number), "items": [], **save} for number, save in enumerate(saves, start=1)]
    known = {"updated": "2026-01-06T10:38:52.000+0000", **fields}
    body = {"id": "10002", "key": "ED-1", "fields": known, "changelog": {"histories": histories}}
    return IssueBody.model_validate(body)


def test_a_recorded_issue_becomes_a_snapshot() -> None:
    snapshot = parser().parse(IssueBody.model_validate(sample("issue_get_v2")), "Bug").snapshot
    assert (snapshot.ref.id, snapshot.key) == ("10002", "ED-1")
    assert snapshot.url == "https://x.test/browse/ED-1"
    assert snapshot.fields["summary"] == "Test issue summary"
    assert snapshot.fields["project"] == "EX"


def test_recorded_lists_become_snapshots() -> None:
    issues = IssueList.model_validate(sample("search_v2")).issues
    assert [parser().parse(issue, "Bug").snapshot.key for issue in issues] == ["ED-1"]
    assert Created.model_validate(sample("issue_create")).id == "10000"


def test_the_version_tells_two_saves_within_one_tick_apart() -> None:
    once, twice = an_issue({}), an_issue({}, {})
    first, second = (parser().parse(body, "Bug").snapshot.version for body in (once, twice))
    assert first != second
    assert (entry_in(first), entry_in(second)) == (1, 2)


def test_the_version_does_not_depend_on_the_accounts_zone() -> None:
    here, there = an_issue(), an_issue(updated="2026-01-06T21:38:52.000+1100")
    assert parser().parse(here, "Bug").snapshot.version == parser().parse(there, "Bug").snapshot.version


def test_the_marker_label_is_the_marker_and_nobodys_label() -> None:
    snapshot = parser().parse(an_issue(labels=["a", "accord-link-1"]), "Bug").snapshot
    assert snapshot.marker == "link-1"
    assert snapshot.fields["labels"] == ["a"]


def test_the_property_is_believed_before_the_label() -> None:
    body = an_issue(labels=["accord-old"]).model_copy(update={"properties": {"accord": {"marker": "new"}}})
    assert parser().parse(body, "Bug").snapshot.marker == "new"


def test_with_a_marker_field_labels_are_left_alone() -> None:
    body = an_issue(labels=["accord-x"], customfield_9="link-1")
    snapshot = parser("customfield_9").parse(body, "Bug").snapshot
    assert snapshot.marker == "link-1"
    assert snapshot.fields["labels"] == ["accord-x"]


def ours(marker: str) -> dict[str, Any]:
    return {"author": {"accountId": "us"}, "historyMetadata": history_metadata(marker)}


THEIRS = {"author": {"accountId": "ada"}}


def test_a_save_above_ours_means_that_the_fields_may_not_be_ours() -> None:
    assert parser().parse(an_issue(THEIRS, ours("m")), "Bug").shows_write("m", "us", since=0)
    assert not parser().parse(an_issue(ours("m"), THEIRS), "Bug").shows_write("m", "us", since=0)
    assert not parser().parse(an_issue(ours("m"), ours("n")), "Bug").shows_write("m", "us", since=0)


def test_a_write_that_changed_nothing_leaves_no_entry() -> None:
    assert parser().parse(an_issue(THEIRS), "Bug").shows_write("m", "us", since=1)
    assert parser().parse(an_issue(), "Bug").shows_write("m", "us", since=0)


def test_the_modifier_is_unknown_where_the_last_change_left_no_entry() -> None:
    fresh = an_issue({**THEIRS, "created": "2026-01-06T10:38:52.004+0000"})
    commented = an_issue({**THEIRS, "created": "2026-01-05T10:38:52.004+0000"})
    assert parser().parse(fresh, "Bug").snapshot.modified_by == "ada"
    assert parser().parse(commented, "Bug").snapshot.modified_by is None
