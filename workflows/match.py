"""The short life of an unlinked record: find its counterpart, or create it, then hand over to the pair's workflow."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.matching import MatchActivities, Matched, MatchInput
    from workflows import options, story
    from workflows.state import PairState


@workflow.defn
class MatchWorkflow:
    """One per unlinked record and integration. Id `match/<integration>/<connection>:<type>/<record id>`."""

    @workflow.init
    def __init__(self, asked: MatchInput) -> None:
        self.asked = asked
        self.noticed = 1

    @workflow.signal
    def record_noticed(self) -> None:
        """Heard of the record again: match it anew, since it may meet `create.when` only now."""
        self.noticed += 1

    @workflow.run
    async def run(self, asked: MatchInput) -> str:
        matched = Matched(outcome="nothing", story="not looked at yet")
        while self.noticed:
            self.noticed = 0
            matched = await workflow.execute_activity_method(
                MatchActivities.match_record,
                asked,
                summary=f"find the counterpart of {asked.ref}",
                **options.STEP,
            )
        if matched.pair is not None:
            await self._hand_over(matched)
        return matched.story

    async def _hand_over(self, matched: Matched) -> None:
        """Start the pair's workflow; one that runs already needs nothing."""
        assert matched.pair is not None
        state = PairState(pair=matched.pair)
        state.look_everywhere(matched.outcome)
        try:
            await workflow.start_child_workflow(
                matched.workflow,
                state,
                id=f"pair/{matched.pair.integration}/{matched.pair.pair_id}",
                parent_close_policy=ParentClosePolicy.ABANDON,
                search_attributes=story.first_attributes(matched.pair),
                memo={"pair": matched.pair.both},
                static_summary=matched.pair.both,
            )
        except WorkflowAlreadyStartedError:
            workflow.logger.debug("the workflow of %s runs already", matched.pair.both)
