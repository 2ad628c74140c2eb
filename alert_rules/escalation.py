"""Who else is due to be told of a case, given what was done about it and what time it is. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from alert_rules.pack_model import Escalation, Recipient, Unless

SIDES = frozenset({"worker", "management"})


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What escalation looks at. `raised_at`: when the case was opened, or last got worse or began again."""

    raised_at: float
    running: bool
    signed: frozenset[str]
    actions: int


@dataclass(frozen=True, slots=True)
class Due:
    """A step that is due: which one, since when, whom to tell, and why."""

    kind: str
    due_at: float
    to: tuple[Recipient, ...]
    reason: str


_NOT_DONE: dict[Unless, str] = {
    "acknowledged_by_both": "not both sides have said that they saw it",
    "action_recorded": "no action has been written down",
    "cleared": "it is still so",
}


def due_steps(
    case: CaseFacts, steps: Sequence[Escalation], done: Collection[str], now: float
) -> Iterator[Due]:
    """The steps that are due now and not yet `done` (by their kind), earliest first.

    A step whose condition is met is not due; it becomes due again never, because what was done stays done.
    """
    for number, one in sorted(enumerate(steps, start=1), key=lambda pair: pair[1].after):
        kind, due_at = f"escalation-{number}", case.raised_at + one.after
        if kind in done or now < due_at or not case.running or _met(case, one.unless):
            continue
        yield Due(kind, due_at, one.to, f"{_span(one.after)} later {_NOT_DONE[one.unless]}")


def next_due(case: CaseFacts, steps: Sequence[Escalation], done: Collection[str]) -> float | None:
    """When the next step will be due if nothing is done until then."""
    waiting = (
        case.raised_at + one.after
        for number, one in enumerate(steps, start=1)
        if f"escalation-{number}" not in done and case.running and not _met(case, one.unless)
    )
    return min(waiting, default=None)


def _met(case: CaseFacts, unless: Unless) -> bool:
    if unless == "acknowledged_by_both":
        return case.signed >= SIDES
    if unless == "action_recorded":
        return case.actions > 0
    return not case.running


def _span(seconds: float) -> str:
    return f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds / 60:g} min"
