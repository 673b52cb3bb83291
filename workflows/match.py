"""The short life of an unlinked record: find its counterpart, or create it, then hand over to the pair's workflow."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.counterpart import Matched, MatchInput
    from activities.matching import MatchActivities
    from workflows import options, story
    from workflows.state import PairState


@workflow.defn
class MatchWorkflow:
    """One per unlinked record and integration. Id `match/<integration>/<connection>:<type>/<record id>`."""

    @workflow.init
    def __init__(self, asked: MatchInput) -> None:
        self.asked = asked
        self.noticed = 1
        self.failures = 0

    @workflow.signal
    def record_noticed(self) -> None:
        """Heard of the record again: match it anew, since it may meet `create.when` only now."""
        self.noticed += 1

    @workflow.signal
    def retry(self) -> None:
        """What was refused is mended: try it again, though the record is as it was."""
        self.asked = self.asked.model_copy(update={"retried": True})
        self.noticed += 1

    @workflow.run
    async def run(self, asked: MatchInput) -> str:
        matched = Matched(outcome="nothing", story="not looked at yet")
        while self.noticed:
            self.noticed = 0
            matched = await self._match()
        if matched.pair is not None:
            await self._hand_over(matched)
        return matched.story

    async def _match(self) -> Matched:
        """Match, however long a system is out: what was heard must not be lost to an outage."""
        while True:
            try:
                return await workflow.execute_activity_method(
                    MatchActivities.match_record,
                    self.asked,
                    summary=f"find the counterpart of {self.asked.ref}",
                    **options.STEP,
                )
            except ActivityError as error:
                if not _may_pass(error):
                    raise
                await self._wait()

    async def _wait(self) -> None:
        """Until the next try; a fresh run if this one has become long."""
        pause = options.BACK_OFF[min(self.failures, len(options.BACK_OFF) - 1)]
        self.failures += 1
        workflow.set_current_details(f"waits for a system; tries again in {pause}")
        await workflow.sleep(pause, summary="a system doesn't answer")
        if workflow.info().is_continue_as_new_suggested():
            workflow.continue_as_new(self.asked)

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


def _may_pass(error: ActivityError) -> bool:
    """Whether the same may succeed later: everything but what was marked as never to be tried again."""
    return not (isinstance(error.cause, ApplicationError) and error.cause.non_retryable)
