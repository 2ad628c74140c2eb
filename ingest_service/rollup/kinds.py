"""The kinds of exposure: which window of which track, and by which method.

`windows` turns a kind and a minute into a row. `summaries` adds the weekly noise level, which is made of
whole shifts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ingest_service.rollup.zone_series import DAY, LONGEST_DAY
from osh_domain.coverage import CAPTURE

Form = Literal["mean", "hours", "day", "rise", "shift"]
"""Mean of a window; mean of the hours of 24 h, of a local day; rise over the minutes before; shift so far."""
Inputs = tuple[tuple[str, ...], ...]
HEAT: Inputs = (("ta", "rh"), ("tnw", "tg"), ("wbgt",))
AIR: Inputs = (("ta", "rh"),)


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the table. `length` in minutes; 0 is as long as the shift or the day is.

    `inputs`: what must be due for the absence of data to be worth a row, one of several sets.
    """

    name: str
    track: str
    length: int
    inputs: Inputs
    method: str
    form: Form = "mean"

    @property
    def reach(self) -> int:
        """Minutes after a reading, its own included, whose windows may hold it."""
        return self.length or (LONGEST_DAY if self.form == "day" else DAY)

    @property
    def feeding(self) -> frozenset[str]:
        """The inputs that may change a value of this kind."""
        return _OF_WBGT if self.track == "wbgt" else frozenset(name for some in self.inputs for name in some)


_OF_WBGT = frozenset({"ta", "rh", "tg", "va", "p", "tnw", "wbgt", "solar"})
_DOSE = "area_estimate_minute_levels"
_OPTICAL = "optical_uncorrected"


def _of(name: str) -> Inputs:
    return ((name,),)


NOISE = _of("la")
KINDS: tuple[Kind, ...] = (
    Kind("wbgt.minute", "wbgt", 1, HEAT, ""),
    Kind("wbgt_eff.twa60", "wbgt", 60, HEAT, ""),
    Kind("wbgt_eff.twa120", "wbgt", 120, HEAT, ""),
    Kind("heat_index.minute", "heat_index", 1, AIR, "nws_regression"),
    Kind("ta.minute", "ta", 1, _of("ta"), "area_mean"),
    Kind("ta.rise10", "ta", 11, _of("ta"), "area_mean", "rise"),
    Kind("ta.mean60", "ta", 60, _of("ta"), "area_mean"),
    Kind("rh.mean60", "rh", 60, _of("rh"), "area_mean"),
    Kind("va.mean60", "va", 60, _of("va"), "area_mean"),
    Kind("la.leq1", "la", 1, NOISE, "area_laeq"),
    Kind("la.leq60", "la_energy", 60, NOISE, "area_laeq"),
    Kind("la.lex8h", "la_energy", 0, NOISE, "area_estimate", "shift"),
    Kind("la.niosh_dose", "la_niosh", 0, NOISE, _DOSE, "shift"),
    Kind("la.osha_dose", "la_osha", 0, NOISE, _DOSE, "shift"),
    Kind("la.osha_hc_dose", "la_osha_hc", 0, NOISE, _DOSE, "shift"),
    Kind("la.projected_lex8h", "la_energy", 0, NOISE, "area_projected", "shift"),
    Kind("pm2_5.mean60", "pm2_5", 60, _of("pm2_5"), _OPTICAL),
    Kind("pm2_5.mean24h", "pm2_5", DAY, _of("pm2_5"), _OPTICAL, "hours"),
    Kind("pm2_5.day", "pm2_5", 0, _of("pm2_5"), _OPTICAL, "day"),
    Kind("pm10.mean60", "pm10", 60, _of("pm10"), _OPTICAL),
    Kind("pm10.mean24h", "pm10", DAY, _of("pm10"), _OPTICAL, "hours"),
    Kind("pm10.day", "pm10", 0, _of("pm10"), _OPTICAL, "day"),
    Kind("co.minute_max", "co_max", 1, _of("co"), "area_highest"),
    Kind("co.rise10", "co", 11, _of("co"), "area_mean", "rise"),
    Kind("co.stel15", "co", 15, _of("co"), "area_mean"),
    Kind("co.twa8h", "co", 480, _of("co"), "area_mean"),
    Kind("co2.minute", "co2", 1, _of("co2"), "area_mean"),
    Kind("co2.stel15", "co2", 15, _of("co2"), "area_mean"),
    Kind("co2.twa8h", "co2", 480, _of("co2"), "area_mean"),
    Kind("hcho.stel15", "hcho", 15, _of("hcho"), "area_mean"),
    Kind("hcho.twa8h", "hcho", 480, _of("hcho"), "area_mean"),
    Kind("no2.minute", "no2", 1, _of("no2"), "area_mean"),
    Kind("no2.stel15", "no2", 15, _of("no2"), "area_mean"),
)
LEX, WEEK = "la.lex8h", "la.lex_week"
ALL_KINDS: tuple[str, ...] = (*(kind.name for kind in KINDS), WEEK)
assert set(ALL_KINDS) == set(CAPTURE)  # noqa: S101 - one table without the other is a mistake of the program
