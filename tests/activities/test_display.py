"""Short, safe texts."""

from activities.display import HIDDEN, halves, proposal_shown, shown, side_values, winner_shown
from activities.messages import SHOWN, PairRef
from domain.outcome import Proposal, ReviewRequest, SideValue, Winner
from domain.sides import SIDES, Side

PAIR = PairRef(integration="tickets", pair_id="p1", systems=("ServiceNow", "Jira"), keys=("INC1", "OPS-7"))
TWINS = PAIR.model_copy(update={"systems": ("Jira", "Jira"), "keys": ("OPS-7", "DEV-2")})


def both(field: str = "owner", a: str = "tom", b: str = "eva") -> list[SideValue]:
    return [SideValue(side=side, field=field, value=value) for side, value in zip(SIDES, (a, b), strict=True)]


def test_a_value_is_one_bounded_line() -> None:
    assert shown("one\n  two") == "one two"
    assert shown(None) == "null"
    assert shown(["b", 1]) == '["b",1]'
    long = shown("x" * 500)
    assert (len(long), long[-1]) == (SHOWN, "…")


def test_people_see_systems_not_sides() -> None:
    assert side_values(both(), PAIR, frozenset()) == {"ServiceNow": "tom", "Jira": "eva"}


def test_two_records_of_one_system_are_told_apart_by_their_keys() -> None:
    assert side_values(both(), TWINS, frozenset()) == {"Jira OPS-7": "tom", "Jira DEV-2": "eva"}
    assert winner_shown(Winner.B, TWINS) == "Jira DEV-2"


def test_a_groups_values_are_named() -> None:
    values = side_values([*both("impact", "1", "1"), *both("urgency", "2", "3")], PAIR, frozenset())
    assert values == {"ServiceNow": "impact=1, urgency=2", "Jira": "impact=1, urgency=3"}


def test_a_sensitive_value_is_hidden_in_values_and_baseline() -> None:
    hidden = frozenset({"owner"})
    assert side_values(both(), PAIR, hidden) == {"ServiceNow": HIDDEN, "Jira": HIDDEN}
    assert halves({"owner": ("tom", "eva")}, hidden) == HIDDEN


def test_equal_halves_are_said_once() -> None:
    assert halves({"title": ("x", "x"), "priority": ("2", "High")}, frozenset()) == "x, 2 / High"


def test_a_winner_is_a_system_a_merge_or_a_third_value() -> None:
    assert [winner_shown(w, PAIR) for w in (Winner.A, Winner.MERGED, Winner.VALUE, None)] == [
        "ServiceNow",
        "merged",
        "a third value",
        "",
    ]


def test_a_proposal_says_who_what_and_by_which_rule() -> None:
    proposal = Proposal(winner=Winner.side(Side.B), rule="last_write_wins", outcome={"owner": ("eva", "eva")})
    request = ReviewRequest(unit="owner", conflict_id="c", asked_by="review", reason="", proposal=proposal)
    assert proposal_shown(request, PAIR, frozenset()) == "Jira: eva (last_write_wins)"
    without = request.model_copy(update={"proposal": None})
    assert proposal_shown(without, PAIR, frozenset()) == ""
