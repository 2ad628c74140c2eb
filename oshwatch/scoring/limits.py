"""The limits that scenarios are held against, written down a second time on purpose.

The packs and `osh_domain.limits` are what is being judged here, so nothing is taken from them. Sources:
ISO 7243:2017 Table A.1, NIOSH 2016-106 section 8.1, NIOSH 98-126, Directive 2003/10/EC, NIOSH Pocket Guide.
"""

from dataclasses import dataclass
from math import log10
from typing import Final

from oshwatch.scoring.oracle import ZoneTruth

# Class of ISO 7243: nominal W, reference WBGT acclimatised and not.
_CLASSES: Final = {
    0: (115.0, 33.0, 32.0),
    1: (180.0, 30.0, 29.0),
    2: (300.0, 28.0, 26.0),
    3: (415.0, 26.0, 23.0),
    4: (520.0, 25.0, 20.0),
}
# How far a sound instrument of the fleet, with its method, may be from the truth: constant, share of limit.
_MARGINS: Final = (
    ("wbgt", 0.5, 0.0),
    ("ta.", 0.4, 0.0),
    ("rh.", 3.0, 0.0),
    ("va.", 0.06, 0.05),
    ("la.niosh_dose", 0.0, 0.42),
    ("la.osha", 0.0, 0.25),
    ("la.", 1.5, 0.0),  # a class 2 meter; microphones of nodes are not better
    ("pm", 3.0, 0.25),
    ("co2.", 60.0, 0.05),
    ("co.rise", 3.0, 0.05),
    ("co.", 1.5, 0.05),
)
NO_GLOBE_MARGIN: Final = 1.5  # what is estimated without a globe says less


@dataclass(frozen=True)
class TrueLimit:
    """A limit people must be told of: `hold_min` is how long it lasts before that, `slack_min` the rest."""

    hazard: str
    subject: str
    kind: str
    value: float
    severity: str
    hold_min: int
    slack_min: int
    at_work: bool = True


def margin(kind: str, limit: float) -> float:
    """How far beyond or below a limit the truth is neither surely above nor surely within."""
    for start, constant, share in _MARGINS:
        if kind.startswith(start):
            return constant + share * abs(limit)
    return 0.1 * abs(limit)


def limits_of(truth: ZoneTruth) -> list[TrueLimit]:
    """What must be told in a zone."""
    watts, acclimatised, newcomers = _CLASSES[truth.kind.metabolic_class]
    alert, recommended = 59.9 - 14.1 * log10(watts), 56.7 - 11.5 * log10(watts)
    lower, upper = min(newcomers, alert), min(acclimatised, recommended)
    danger = upper if truth.plan.acclimatised else lower
    found = [TrueLimit("heat", "", "wbgt_eff.twa60", danger, "danger", 10, 12)]
    if truth.plan.acclimatised:
        found.append(TrueLimit("heat", "", "wbgt_eff.twa60", lower, "warning", 10, 12))
    found += [
        TrueLimit("noise", "", "la.lex8h", 80.0, "notice", 5, 12),
        TrueLimit("noise", "", "la.lex8h", 85.0, "warning", 5, 12),
        TrueLimit("noise", "", "la.lex8h", 87.0, "danger", 5, 12),
        TrueLimit("noise", "", "la.niosh_dose", 100.0, "danger", 5, 12),
    ]
    if truth.kind.boiler_share > 0.0:  # there the fleet has a carbon monoxide sensor
        found += [
            TrueLimit("air", "co", "co.minute_max", 200.0, "danger", 1, 4, at_work=False),
            TrueLimit("air", "co", "co.twa8h", 35.0, "danger", 5, 12, at_work=False),
        ]
    return found
