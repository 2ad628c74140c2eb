"""Who else is due to be told of a case, given what was done about it and what time it is. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from alert_rules.pack_model import Escalation, Recipient, Unless

SIDES = frozenset({"worker", "management"})


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What escalation looks at. `raised_at`: when the case was opened, or last got worse or began again.

    `running`: the hazard is there. A case that is over but not closed still waits for what is to be done.
    """

    raised_at: float
    opened_at: float
    running: bool
    signed: frozenset[str]
    actions: int


@dataclass(frozen=True, slots=True)
class Due:
    """A step that is due: which one, since when, whom to tell, and why.

    `reason` is for the record, in English; `unless`, `after_s` and `running` say the same in any language.
    """

    kind: str
    due_at: float
    to: tuple[Recipient, ...]
    reason: str
    unless: Unless
    after_s: float
    running: bool


_NOT_DONE: dict[Unless, str] = {
    "acknowledged_by_both": "not both sides have said that they saw it",
    "action_recorded": "no action has been written down",
    "cleared": "it is still so",
}


def due_steps(
    case: CaseFacts, steps: Sequence[Escalation], done: Collection[str], ever: Collection[str], now: float
) -> Iterator[Due]:
    """The steps that are due now and not yet taken (by their kind), earliest first.

    `done`: the steps taken since the case last began or got worse; `ever`: since it was opened. What asks for
    an action counts from the opening, once, and goes on when the hazard ends: it ends with every shift and
    begins again with the next, and none of that is an action.
    """
    for number, one in sorted(enumerate(steps, start=1), key=lambda pair: pair[1].after):
        kind = f"escalation-{number}"
        lasting = one.unless == "action_recorded"
        due_at = (case.opened_at if lasting else case.raised_at) + one.after
        if kind in (ever if lasting else done) or now < due_at or _met(case, one.unless):
            continue
        if case.running or lasting:
            ended = "" if case.running else "; it has ended for now"
            reason = f"{_span(one.after)} later {_NOT_DONE[one.unless]}{ended}"
            yield Due(kind, due_at, one.to, reason, one.unless, one.after, case.running)


def _met(case: CaseFacts, unless: Unless) -> bool:
    if unless == "acknowledged_by_both":
        return case.signed >= SIDES
    if unless == "action_recorded":
        return case.actions > 0
    return not case.running


def _span(seconds: float) -> str:
    return f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds / 60:g} min"
