"""Everything that can be said about a declaration before it runs. What contradicts itself the loader has refused.

Pure: the live systems' answers are passed in; `accord check` asks for them and prints the findings.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from domain.integration import Integration
from domain.sides import SIDES, Pair
from integrations.findings import Finding, Level, SystemFacts, warning
from integrations.mistakes import Path
from integrations.policy_checks import policy_findings
from integrations.schema_checks import schema_findings
from integrations.value_checks import value_findings

NOT_ASKED = Pair(SystemFacts(), SystemFacts())


def check(
    rules: Integration,
    systems: Pair[SystemFacts] = NOT_ASKED,
    *,
    queues: Collection[str] | None = None,
) -> list[Finding]:
    """All findings, errors first, otherwise in the order of the declaration.

    Args:
        rules: The declaration.
        systems: What both sides say of themselves; what is unknown isn't checked.
        queues: Notification targets that the settings know; None leaves their names unchecked.
    """
    found = [
        *schema_findings(rules, systems),
        *value_findings(rules),
        *policy_findings(rules, systems),
        *_at_risk(rules, systems),
        *_unlogged(rules, systems),
        *_not_carried(rules),
        *_unclosed(rules),
        *_unknown_queues(rules, queues),
    ]
    return sorted(found, key=lambda finding: list(Level).index(finding.level))


def _at_risk(rules: Integration, systems: Pair[SystemFacts]) -> Iterator[Finding]:
    for side in SIDES:
        facts = systems[side]
        if facts.compare_and_set is False and facts.change_history is False:
            name = rules.ends[side].connection
            message = f"{name} offers neither compare-and-set nor a change history: an edit there between our last read"
            yield warning(
                (side.value,), f"{message} and our write can vanish unseen; its pairs are shown as at risk"
            )


def _unlogged(rules: Integration, systems: Pair[SystemFacts]) -> Iterator[Finding]:
    """Fields that we write, on a side where only the history could tell of an edit in between, and doesn't."""
    for side in SIDES:
        facts, name = systems[side], rules.ends[side].connection
        if facts.compare_and_set or not facts.change_history:
            continue
        for index, field in enumerate(rules.fields):
            if field.native(side) in facts.unlogged and field.flow.allows(side.other):
                yield warning(
                    ("fields", index, side.value),
                    f"{name}'s change history doesn't tell who edits {field.native(side)!r}, and {name} offers no "
                    "compare-and-set: an edit there between our last read and our write can vanish unseen",
                )


def _not_carried(rules: Integration) -> Iterator[Finding]:
    if rules.comments:
        yield warning(("comments",), "comments are declared, but this version doesn't carry them yet")


def _unclosed(rules: Integration) -> Iterator[Finding]:
    if rules.on_delete.mode != "archive":
        return
    for side in SIDES:
        if side not in rules.on_delete.archive:
            name = rules.ends[side].connection
            yield warning(
                ("on_delete", "archive"), f"no closing fields for {name}: a surviving record there stays open"
            )


def _unknown_queues(rules: Integration, queues: Collection[str] | None) -> Iterator[Finding]:
    named: list[tuple[Path, str | None]] = [
        (("reviews", "queue"), rules.reviews.queue),
        (("reviews", "escalate_to"), rules.reviews.escalate_to),
        *((("alerts", index, "notify"), rule.notify) for index, rule in enumerate(rules.alerts)),
    ]
    for path, queue in named:
        if queue is not None and queues is not None and queue not in queues:
            yield warning(
                path, f"the settings know no notification target {queue!r}; nobody would hear of it"
            )
