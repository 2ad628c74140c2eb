"""The charts of each hazard: which quantity feeds them and which exposure kinds they draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ingest_service.queries.models import Hazard
from osh_domain.coverage import CAPTURE


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart. `thin` is the quick line, `thick` the average people know; `judged` is what a limit is for.

    `quantities` are those whose readings make it; `facts` are further kinds named beside the big value.
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

    @property
    def kinds(self) -> tuple[str, ...]:
        """Every kind that is drawn, each once."""
        return tuple(dict.fromkeys((self.thin, self.thick, self.judged)))

    @property
    def limited(self) -> tuple[str, ...]:
        """Every kind that a rule may compare with a limit."""
        return tuple(dict.fromkeys((self.judged, *self.kinds, *self.facts)))


PANELS: Final = (
    Panel("wbgt", "heat", "WBGT", "Cel", 1, ("ta", "rh", "wbgt"),
          "wbgt.minute", "wbgt_eff.twa60", "wbgt_eff.twa60", ("ta.mean60", "rh.mean60", "heat_index.minute")),
    Panel("la", "noise", "LAeq", "dB", 1, ("la",),
          "la.leq1", "la.leq60", "la.lex8h", ("la.projected_lex8h", "la.niosh_dose")),
    Panel("pm2_5", "air", "PM2.5", "ug/m3", 1, ("pm2_5",), "pm2_5.mean60", "pm2_5.mean24h", "pm2_5.mean24h"),
    Panel("pm10", "air", "PM10", "ug/m3", 1, ("pm10",), "pm10.mean60", "pm10.mean24h", "pm10.mean24h"),
    Panel("co2", "air", "CO2", "ppm", 0, ("co2",), "co2.minute", "co2.twa8h", "co2.twa8h", ("co2.stel15",)),
    Panel("co", "air", "CO", "ppm", 1, ("co",), "co.minute_max", "co.twa8h", "co.twa8h"),
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
    if kind == "la.niosh_dose":
        return "%", 0
    stem = kind.partition(".")[0]
    if stem == "rh":
        return "%RH", 0
    if stem in {"wbgt", "wbgt_eff", "heat_index", "ta"}:
        return "Cel", 1
    found = panel(stem)
    return (found.unit, found.decimals) if found else ("", 1)


assert all(kind in CAPTURE for one in PANELS for kind in (*one.kinds, *one.facts))  # noqa: S101
