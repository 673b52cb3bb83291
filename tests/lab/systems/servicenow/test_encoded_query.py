import pytest

from lab.systems.servicenow.encoded_query import EncodedQuery, parse

COLUMNS = {"number", "state", "short_description", "sys_updated_on", "sys_id"}

ROW = {
    "number": "INC0010007",
    "state": "2",
    "short_description": "Mail is down",
    "sys_updated_on": "2026-01-06 10:38:52",
}


def understood(text: str) -> EncodedQuery:
    return parse(text, COLUMNS.__contains__)


@pytest.mark.parametrize(
    "query",
    [
        "state=2",
        "state!=3",
        "stateIN1,2",
        "stateNOT IN6,7",
        "short_descriptionLIKEis",
        "short_descriptionNOT LIKEup",
        "short_descriptionSTARTSWITHMail",
        "short_descriptionENDSWITHdown",
        "short_description=MAIL IS DOWN",
        "sys_idISEMPTY",
        "stateISNOTEMPTY",
        "sys_updated_on>=2026-01-06 10:38:52",
        "sys_updated_on>2026-01-06 10:38:51",
        "sys_updated_on<=2026-01-06 10:38:52",
        "state<10",
        "state=1^ORstate=2^number=INC0010007",
        "state=1^NQstate=2",
        "",
        "state=2^EQ",
    ],
)
def test_a_row_that_fits_is_found(query: str) -> None:
    found = understood(query)
    assert found.matches(ROW)
    assert not found.dropped


@pytest.mark.parametrize(
    "query",
    [
        "state=1",
        "state!=2",
        "stateIN1,22",
        "stateISEMPTY",
        "short_descriptionLIKEup",
        "sys_updated_on>2026-01-06 10:38:52",
        "state>10",
        "number=INC0010007^state=1^ORstate=3",
        "state=1^NQnumber=INC0010008",
    ],
)
def test_a_row_that_does_not_fit_is_not_found(query: str) -> None:
    assert not understood(query).matches(ROW)


@pytest.mark.parametrize("part", ["staet=1", "state BETWEEN 1", "nonsense", "ORDERBYstaet"])
def test_a_part_that_is_not_understood_is_dropped_and_the_query_finds_more(part: str) -> None:
    found = understood(f"number=INC0010007^{part}")
    assert found.matches(ROW)
    assert found.dropped == [part]


def test_a_doubled_caret_is_a_caret_inside_a_value() -> None:
    assert understood("short_description=a^^b").matches({"short_description": "a^b"})


def test_rows_are_ordered_by_the_first_column_then_the_next() -> None:
    rows = [{"state": "2", "number": "b"}, {"state": "10", "number": "a"}, {"state": "2", "number": "a"}]
    ordered = understood("ORDERBYDESCstate^ORDERBYnumber").sort(list(rows))
    assert ordered == [rows[1], rows[2], rows[0]]


@pytest.mark.parametrize(
    ("query", "pinned"),
    [
        ("sys_idINa,b^state=1", ["a", "b"]),
        ("sys_id=a", ["a"]),
        ("sys_id=a^ORstate=1", None),
        ("sys_id=a^NQstate=1", None),
        ("state=1", None),
    ],
)
def test_ids_are_looked_up_only_where_nothing_else_can_match(query: str, pinned: list[str] | None) -> None:
    assert understood(query).pinned("sys_id") == pinned
