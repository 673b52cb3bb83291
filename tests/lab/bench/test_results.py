import pytest

from lab.bench.course import Change
from lab.bench.meters import Requests, Told
from lab.bench.results import Latency, Results, Row, claims_of


def row(name: str, per_second: float) -> Row:
    return Row(
        name=name, changes=1, per_second=per_second, told=Told(), requests=Requests(), cpu_ms={"lab": 1.5}
    )


@pytest.mark.parametrize(("clean", "holds"), [(50, (True, True)), (32, (True, False)), (29, (False, False))])
def test_a_clean_change_must_reach_its_share_of_both_yardsticks(
    clean: float, holds: tuple[bool, bool]
) -> None:
    claims = claims_of([row("bare", 100), row("http", 80), row("clean", clean)])
    assert tuple(claim.holds for claim in claims) == holds
    assert Results(rows=[], kilobytes_per_idle_pair=1, claims=claims).all_hold == all(holds)


def test_latency_is_told_in_milliseconds_by_percentile() -> None:
    changes = [Change(began=10, ended=10 + n / 1000) for n in range(101)]
    found = Latency.of(changes)
    assert found is not None
    assert (found.p50, found.p95, found.p99) == pytest.approx((50, 95, 99))
    assert Latency.of([]) is None


def test_programs_get_counts_by_name() -> None:
    told = row("bare", 1).model_dump(mode="json")
    assert told["told"] == {"events": 0, "workflow_tasks": 0, "activities": 0}
    assert told["requests"] == {"reads": 0, "writes": 0, "histories": 0, "others": 0}
