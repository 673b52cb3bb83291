"""An example of a per-integration workflow: hold a major incident's writes until its review queue has been told.

A declaration names it (`workflow: MajorIncidentPair`). It subclasses `PairWorkflow`, restates `run`, and overrides
one hook.
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.messages import Assessed, Resolved
    from workflows.pair import PairWorkflow
    from workflows.state import PairState


@workflow.defn
class MajorIncidentPair(PairWorkflow):
    """Tells the review queue what will be written before it is written, whenever a conflict was decided."""

    @workflow.run
    async def run(self, state: PairState) -> str:
        return await self.live()

    async def before_apply(self, found: Assessed, resolved: Resolved | None) -> None:
        if resolved is None:
            return
        for contested in resolved.contested:
            await self._notify(contested.token, "decided", f"{contested.unit}: {contested.outcome}")
