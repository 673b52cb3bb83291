"""A small campaign on a real stack: worker and gateway die at a sample of their fault points."""

from pathlib import Path

import pytest

from lab.crashes.campaign import Campaign, Finding
from lab.crashes.ground import opened
from lab.crashes.kinds import KINDS

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

SHARE = 0.08
"""Of some 270 points; all of them are died at by `accord lab crashes`."""


@pytest.fixture
async def finding(tmp_path: Path) -> Finding:
    async with opened(tmp_path, {}) as ground:
        return await Campaign(ground, print).run(pairs=30, share=SHARE, seed=20)


async def test_dying_anywhere_makes_no_difference_to_any_pair(finding: Finding) -> None:
    assert finding.violations == []
    assert finding.hit == set(finding.points)
    assert {point.subject for point in finding.points} <= {kind.name for kind in KINDS}
    assert len(finding.points) > 10
