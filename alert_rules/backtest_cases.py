"""From the episodes of single rules to the cases that they would have shared. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from alert_rules.alerts import Deed, Standing
from alert_rules.backtest import Episode
from alert_rules.engine import NEVER, Change, Transition
from alert_rules.pack_model import Severity
from alert_rules.zone_rules import ActiveRule


class Case(NamedTuple):
    """A case that would have been opened, from minute to minute; `ended` is `NEVER` while it lasts.

    `severity` is the worst it came to, `rule` the one that opened it.
    """

    opened: int
    ended: int
    severity: Severity
    rule: str


class _Move(NamedTuple):
    """A raised or cleared rule, in the order in which the alert runner takes them."""

    minute: int
    unmeasured: bool
    urgency: int
    number: int
    change: Change
    active: ActiveRule


def cases(raised: Iterable[tuple[ActiveRule, Sequence[Episode]]]) -> tuple[Case, ...]:
    """The cases of one hazard in one zone, with the same standing that the alert runner keeps."""
    moves: list[_Move] = []
    for number, (active, episodes) in enumerate(raised):
        for one in episodes:
            moves.append(_Move(one.raised, False, active.urgency, number, Change.RAISED, active))
            if one.ended != NEVER:
                unmeasured = bool(one.reason)
                moves.append(_Move(one.ended, unmeasured, active.urgency, number, Change.CLEARED, active))
    standing = Standing()
    found: list[Case] = []
    for move in sorted(moves, key=lambda one: one[:4]):
        rule = move.active.rule
        transition = Transition(move.change, move.minute, move.minute, "")
        made = standing.take(rule.id, rule.severity, transition)
        if made is None:
            continue
        if made.deed is Deed.OPENED:
            found.append(Case(move.minute, NEVER, rule.severity, rule.id))
        elif made.deed is Deed.CLEARED:
            found[-1] = found[-1]._replace(ended=move.minute)
        elif made.deed is Deed.WORSENED:
            found[-1] = found[-1]._replace(severity=rule.severity)
    return tuple(found)
