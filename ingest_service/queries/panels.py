"""The charts of each hazard: which quantity feeds them and which exposure kinds they draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from alert_rules import exposures
from ingest_service.queries.models import Hazard
from osh_domain.coverage import CAPTURE


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart. `thin` is the quick line, `thick` the average people know; `judged` is what a limit is for.

    `quantities` are those whose readings make it; `facts` are further kinds named beside the big value.
    Rules on any kind of `stems` (what stands before the first dot) belong to it. `by_shift`: what is judged
    is the sum of a shift and ends with it.
    """

    id: str
    hazard: Hazard
    title: str
    unit: str
    decimals: int
    quantities: tuple[str, ...]
    thin: str
    thick: str
    judged: str
    facts: tuple[str, ...] = ()
    stems: tuple[str, ...] = ()
    by_shift: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind that is drawn, each once."""
        return tuple(dict.fromkeys((self.thin, self.thick, self.judged)))

    @property
    def limited(self) -> tuple[str, ...]:
        """Every kind that a rule may compare with a limit, what the panel is judged by first."""
        stems = self.stems or (self.id,)
        return tuple(
            dict.fromkeys((self.judged, *(kind for kind in CAPTURE if kind.partition(".")[0] in stems)))
        )


PANELS: Final = (
    Panel("wbgt", "heat", "WBGT", "Cel", 1, ("ta", "rh", "wbgt"),
          "wbgt.minute", "wbgt_eff.twa60", "wbgt_eff.twa60", ("ta.mean60", "rh.mean60", "heat_index.minute"),
          ("wbgt", "wbgt_eff", "ta", "rh", "va", "heat_index")),
    Panel("la", "noise", "LAeq", "dB", 1, ("la",), "la.leq1", "la.leq60", "la.lex8h", ("la.niosh_dose",),
          by_shift=True),
    Panel("pm2_5", "air", "PM2.5", "ug/m3", 1, ("pm2_5",), "pm2_5.mean60", "pm2_5.mean24h", "pm2_5.mean24h"),
    Panel("pm10", "air", "PM10", "ug/m3", 1, ("pm10",), "pm10.mean60", "pm10.mean24h", "pm10.mean24h"),
    Panel("co2", "air", "CO2", "ppm", 0, ("co2",), "co2.minute", "co2.twa8h", "co2.twa8h", ("co2.stel15",)),
    Panel("co", "air", "CO", "ppm", 1, ("co",), "co.minute_max", "co.twa8h", "co.twa8h"),
    Panel("no2", "air", "NO2", "ppb", 0, ("no2",), "no2.minute", "no2.stel15", "no2.stel15"),
    Panel("hcho", "air", "Formaldehyde", "ppb", 0, ("hcho",), "hcho.stel15", "hcho.twa8h", "hcho.twa8h"),
)  # fmt: skip

HAZARDS: Final[tuple[Hazard, ...]] = ("heat", "noise", "air")


def panels_of(hazard: Hazard) -> tuple[Panel, ...]:
    """The charts of one hazard, the most telling first."""
    return tuple(panel for panel in PANELS if panel.hazard == hazard)


def panel(panel_id: str) -> Panel | None:
    """A chart by its name."""
    return next((one for one in PANELS if one.id == panel_id), None)


def feeds(quantity: str, one: Panel) -> bool:
    """Whether readings of a quantity, in any of its statistics (`la.eq60`), make this chart."""
    return quantity.partition(".")[0] in one.quantities


def unit_of(kind: str) -> tuple[str, int]:
    """Unit and decimals of an exposure kind for a screen."""
    found = panel(kind.partition(".")[0])
    unit = exposures.UNITS.get(kind, "")
    if found is not None and unit == found.unit:
        return unit, found.decimals
    return unit, exposures.decimals(kind)


assert all(kind in CAPTURE for one in PANELS for kind in (*one.kinds, *one.facts))  # noqa: S101
