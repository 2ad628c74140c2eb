"""Units, decimals, and how a state looks: a word and a shape with every colour.

The colours can be told apart by readers who see no difference between red and green. Grey is "nobody knows";
nothing unknown is ever shown in the colour of "within".
"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import DashboardSpecialValueMapOptions
from grafana_foundation_sdk.models.dashboard import (
    SpecialValueMap,
    SpecialValueMatch,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

from alert_rules.exposures import UNITS, decimals
from dashboards.words import Say

DANGER: Final = "#c4420a"
WARNING: Final = "#e6a100"
NOTICE: Final = "#8a6fb0"
WITHIN: Final = "#2f7fb8"
UNKNOWN: Final = "#8b8f94"
SILENT: Final = "#5b5f66"
THIN: Final = "#8aa4b4"
THICK: Final = "#1f78b4"
CASE: Final = "#8a6fb0"
SILENCE: Final = "#8b8f94"

NEVER_CONNECT: Final = False
"""A gap is a gap: no line is ever drawn across missing data."""

_GRAFANA_UNITS: Final = {
    "Cel": "celsius",
    "K": "suffix: K",
    "dB": "suffix: dB(A)",
    "ug/m3": "suffix: µg/m³",
    "ppm": "suffix: ppm",
    "ppb": "suffix: ppb",
    "%": "percent",
    "%RH": "percent",
    "m/s": "suffix: m/s",
}


def unit_of(kind: str) -> tuple[str, int]:
    """Grafana's unit and the decimals of an exposure kind, from the table that rules are checked against."""
    return _GRAFANA_UNITS[UNITS[kind]], decimals(kind)


def states(say: Say) -> list[ValueMapping]:
    """The words of the views, as a person reads them."""
    rows = (
        ("danger", "⬢ " + say("danger"), DANGER),
        ("above", "▲ " + say("above the limit"), DANGER),
        ("warning", "▲ " + say("warning"), WARNING),
        ("notice", "◆ " + say("notice"), NOTICE),
        ("within", "● " + say("within limits"), WITHIN),
        ("no_case", "○ " + say("no open case"), WITHIN),
        ("cannot_tell", "□ " + say("cannot tell"), UNKNOWN),
        ("silent", "⊠ " + say("silent"), SILENT),
    )
    return [_mapped(rows), nothing_known(say)]


def verdicts(say: Say) -> list[ValueMapping]:
    """The verdicts of a state chart, as numbers: the higher the worse."""
    rows = (
        ("2", "▲ " + say("above the limit"), DANGER),
        ("1", "□ " + say("cannot tell"), UNKNOWN),
        ("0", "● " + say("within limits"), WITHIN),
    )
    return [_mapped(rows)]


def case_words(say: Say) -> list[ValueMapping]:
    """Severities and states of cases, hazards, and what became of a notice."""
    rows = (
        ("open", "⬢ " + say("open"), DANGER),
        ("cleared", "◐ " + say("cleared, not closed"), WARNING),
        ("closed", "● " + say("closed"), WITHIN),
        ("found_afterwards", "◇ " + say("found afterwards"), NOTICE),
        ("heat", say("heat"), ""),
        ("noise", say("noise"), ""),
        ("air", say("air"), ""),
        ("silence", say("silence"), ""),
        ("device", say("sensor in doubt"), ""),
        ("worker", say("workers' side"), ""),
        ("management", say("management side"), ""),
        ("page", say("only on the page"), ""),
        ("sent", "● " + say("sent"), WITHIN),
        ("waiting", "○ " + say("waiting"), WARNING),
        ("given_up", "⊠ " + say("given up"), DANGER),
    )
    return [*states(say)[:1], _mapped(rows)]


def grades(say: Say) -> list[ValueMapping]:
    """The grade of a number, which travels with it."""
    rows = (
        ("0", "A " + say("evidential"), ""),
        ("1", "B " + say("incomplete"), ""),
        ("2", "C " + say("indicative"), ""),
    )
    return [_mapped(rows), nothing_known(say)]


def yes_or_no(say: Say) -> list[ValueMapping]:
    """Of a signature: given or not yet."""
    rows = (("true", "● " + say("yes"), WITHIN), ("false", "□ " + say("not yet"), UNKNOWN))
    return [_mapped(rows)]


def heard(say: Say) -> list[ValueMapping]:
    """Whether a gateway was heard of lately."""
    rows = (("heard", "● " + say("heard"), WITHIN), ("silent", "⊠ " + say("silent"), SILENT))
    return [_mapped(rows), nothing_known(say)]


def nothing_known(say: Say) -> ValueMapping:
    """Null is said, never left white. (Grafana's "null or NaN" would take every text for a NaN.)"""
    result = ValueMappingResult(text="□ " + say("not known"), color=UNKNOWN)
    options = DashboardSpecialValueMapOptions().match(SpecialValueMatch.NULL).result(result)
    return SpecialValueMap(options=options.build())


def _mapped(rows: tuple[tuple[str, str, str], ...]) -> ValueMap:
    return ValueMap(
        options={
            value: ValueMappingResult(text=text, color=colour or None, index=number)
            for number, (value, text, colour) in enumerate(rows)
        }
    )
