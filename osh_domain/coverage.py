"""How much of a window was really measured, and whether that is enough to publish a value.

A gap is not clean air: below the rule of its kind an exposure has no value, only its coverage and a reason.
The rules are those of Directive 2008/50/EC Annexes VII and XI (75 % of the hour, of eight hours, of the day's
hourly means) and this project's own for heat, noise and short-term means, stricter about long gaps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NamedTuple


class Coverage(NamedTuple):
    """Expected and received parts of a window (minutes, but hours for 24 h means) and its longest gap [s]."""

    expected: int
    received: int
    worst_gap_s: float

    @property
    def share(self) -> float:
        """Received over expected, 0 to 1; an empty window has 0."""
        return min(1.0, self.received / self.expected) if self.expected > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Capture:
    """Minimum data capture: least share, longest gap [s] or None, least received parts."""

    share: float
    longest_gap_s: float | None = None
    received: int = 1

    def enough(self, coverage: Coverage) -> bool:
        """Say whether a value may be published from this coverage."""
        # Counted, not divided: 45 of 60 is enough whatever the rounding of a quotient.
        if coverage.received < self.received or coverage.received < self.share * coverage.expected - 1e-9:
            return False
        return self.longest_gap_s is None or coverage.worst_gap_s <= self.longest_gap_s


_MINUTE = Capture(1.0)
_MEAN = Capture(0.75)
_SHORT_TERM = Capture(0.8)  # 12 of 15 minutes
_HEAT = Capture(0.75, longest_gap_s=600.0)
_NOISE = Capture(0.75, longest_gap_s=1800.0)

CAPTURE: dict[str, Capture] = {
    "wbgt.minute": _MINUTE,
    "wbgt_eff.twa60": _HEAT,
    "wbgt_eff.twa120": _HEAT,
    "heat_index.minute": _MINUTE,
    "la.leq1": _MINUTE,
    "la.leq60": _NOISE,
    "la.lex8h": _NOISE,
    "la.niosh_dose": _NOISE,
    "la.osha_dose": _NOISE,
    "la.osha_hc_dose": _NOISE,
    # A projection stands on a part of the shift that is long enough to speak for the rest.
    "la.projected_lex8h": Capture(0.75, longest_gap_s=1800.0, received=60),
    "la.lex_week": _MEAN,  # of the shifts of the week so far
    "pm2_5.mean60": _MEAN,
    "pm2_5.mean24h": _MEAN,
    "pm2_5.day": _MEAN,  # of its hours, like the mean of 24 h
    "pm10.mean60": _MEAN,
    "pm10.mean24h": _MEAN,
    "pm10.day": _MEAN,
    "co.minute_max": _MINUTE,
    "co.rise10": _MEAN,
    "co.stel15": _SHORT_TERM,
    "co.twa8h": _MEAN,
    "co2.minute": _MINUTE,
    "co2.stel15": _SHORT_TERM,
    "co2.twa8h": _MEAN,
    "hcho.stel15": _SHORT_TERM,
    "hcho.twa8h": _MEAN,
    "no2.minute": _MINUTE,
    "no2.stel15": _SHORT_TERM,
    "ta.minute": _MINUTE,
    "ta.rise10": _MEAN,
    "ta.mean60": _MEAN,
    "rh.mean60": _MEAN,
    "va.mean60": _MEAN,
}
"""The rule of each exposure kind; the kinds the rollup produces are exactly these."""


def capture(kind: str) -> Capture:
    """Return the capture rule of an exposure kind; ValueError with near matches for an unknown kind."""
    rule = CAPTURE.get(kind)
    if rule is None:
        near = ", ".join(get_close_matches(kind, CAPTURE, n=3)) or ", ".join(CAPTURE)
        raise ValueError(f"no exposure kind is called {kind!r}; near: {near}")
    return rule


def coverage_of(received_minutes: Iterable[int], first: int, last: int) -> Coverage:
    """Measure the coverage of the minutes `first` to `last` (both included) by the minutes that have data.

    Minutes outside the window and repeats do not count. The worst gap is the longest run of minutes without
    data, also at either end, in seconds.
    Example: minutes 1-44 and 61 of the window 1-61 give 45 of 61 with a gap of 960 s.
    """
    expected = last - first + 1
    if expected < 1:
        raise ValueError(f"a window needs at least one minute; {first} to {last} has none")
    inside = sorted({minute for minute in received_minutes if first <= minute <= last})
    worst = 0
    before = first - 1
    for minute in (*inside, last + 1):
        worst = max(worst, minute - before - 1)
        before = minute
    return Coverage(expected, len(inside), 60.0 * worst)


def shift_capture(shift_minutes: int, received_minutes: int) -> bool:
    """Say whether a full-shift statement may be made: the shift's length less one hour was measured.

    OSHA Technical Manual convention (7 of 8 h); unverified. Of a short shift, or of one that has just begun,
    at least 75 % (NIOSH 77-173: 70-80 %): an hour less would leave nothing. Example: 420 of 480 minutes is
    enough, 1 of 60 is not.
    """
    least = max(shift_minutes - 60, 0.75 * shift_minutes)
    return received_minutes > 0 and received_minutes >= least
