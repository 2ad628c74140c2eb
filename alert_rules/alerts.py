"""From the transitions of single rules to what becomes of the case they share.

Several rules may speak of one hazard in one zone (a warning for newcomers, the danger line of two
instruments). They share one case, so that people are told of a hazard, not of rules: once when it begins,
again only when it gets worse, and when it is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from alert_rules.engine import Change, Transition
from alert_rules.pack_model import SEVERITIES, Severity


class Deed(StrEnum):
    """What is done to a case; all but `JOINED`, `AGAIN`, `EASED` and `PARTED` are told to people, and
    `AGAIN` where they had closed the case."""

    OPENED = "opened"
    WORSENED = "worsened"
    JOINED = "joined"
    AGAIN = "again"
    EASED = "eased"
    PARTED = "parted"
    CLEARED = "cleared"


TOLD = frozenset({Deed.OPENED, Deed.WORSENED, Deed.CLEARED})


@dataclass(frozen=True, slots=True)
class CaseChange:
    """A deed, the severity of the case after it, and the transition that caused it."""

    deed: Deed
    severity: Severity
    rule: str
    transition: Transition


class Standing:
    """The raised rules of one hazard in one zone, with their severities."""

    def __init__(self, raised: Mapping[str, Severity] | None = None) -> None:
        self._raised: dict[str, Severity] = dict(raised or {})

    @property
    def severity(self) -> Severity | None:
        """The worst severity of the raised rules; None when none is raised."""
        return max(self._raised.values(), key=SEVERITIES.index, default=None)

    def take(self, rule: str, severity: Severity, transition: Transition) -> CaseChange | None:
        """Take one transition of a rule; None when the case does not change by it."""
        before = self.severity
        if transition.change is Change.RAISED:
            self._raised[rule] = severity
            return CaseChange(self._risen(before, severity), self.severity or severity, rule, transition)
        if transition.change is Change.AGAIN and before is not None:
            return CaseChange(Deed.AGAIN, severity, rule, transition)
        if transition.change is not Change.CLEARED or rule not in self._raised:
            return None
        self._raised.pop(rule)
        after = self.severity
        if after is None:
            return CaseChange(Deed.CLEARED, before or severity, rule, transition)
        return CaseChange(Deed.PARTED if after == before else Deed.EASED, after, rule, transition)

    @staticmethod
    def _risen(before: Severity | None, severity: Severity) -> Deed:
        if before is None:
            return Deed.OPENED
        worse = SEVERITIES.index(severity) > SEVERITIES.index(before)
        return Deed.WORSENED if worse else Deed.JOINED
