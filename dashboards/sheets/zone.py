"""One zone: what people there take up, with the limits of the rule packs drawn and named."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import frame, panels, tables
from dashboards.plan import Plan
from dashboards.queries import cases as sql
from dashboards.queries import history, series
from dashboards.sources import InfluxQL

NAME: Final = "zone"
HEAT: Final = "wbgt_eff.twa60"


def build(plan: Plan) -> Dashboard:
    """The dashboard of a zone: heat first, then what else acts on it."""
    say = plan.say
    made = frame.dashboard(
        plan, NAME, say("Zone exposure"), say("Heat in one zone with its limits; noise and air in short.")
    )
    made = frame.zone(plan, made)
    made = frame.marked(plan, made, history.OF_ZONE)
    made = made.link(frame.pages(say("Page of the zone"), "/factories/${site:raw}/zones/${word:raw}"))
    made = (
        made.with_panel(
            tables.newest(plan, say("Effective WBGT now, average of 1 h"), HEAT, series.newest("A", HEAT))
        )
        .with_panel(_heat(plan))
        .with_panel(
            panels.coverage_strip(say, (series.coverage("A", HEAT, say("Effective WBGT, average of 1 h")),))
        )
        .with_panel(_climate(plan))
        .with_panel(_humidity(plan))
        .with_panel(panels.coverage_strip(say, _of_climate(plan)))
        .with_panel(
            panels.exposure_chart(
                say("Noise over the shift"),
                say("The level of the shift so far as if it lasted eight hours, with its limits."),
                (("la.lex8h", say("Shift so far, 8 h level")),),
                ("la.lex8h",),
            )
        )
        .with_panel(
            panels.coverage_strip(say, (series.coverage("A", "la.lex8h", say("Shift so far, 8 h level")),))
        )
    )
    return (
        made.with_panel(tables.shifts(plan, sql.shifts_above("A")))
        .with_panel(tables.limits(plan, sql.limits_in_force("A")))
        .with_panel(panels.screening(say))
    )


def _heat(plan: Plan) -> panels.Chart:
    say = plan.say
    return panels.exposure_chart(
        say("Heat: effective WBGT"),
        say("Thin: WBGT of each minute. Thick: the average of an hour that the limits are for."),
        (("wbgt.minute", say("WBGT, 1 min")), (HEAT, say("Effective WBGT, average of 1 h"))),
        (HEAT,),
    ).height(11)


def _climate(plan: Plan) -> panels.Chart:
    say = plan.say
    return (
        panels.chart(
            say("Air temperature and heat index"),
            say("Where heat comes from. The heat index is for information."),
            (
                series.exposure("A", "ta.mean60", say("Air temperature, average of 1 h")),
                series.exposure("B", "heat_index.minute", say("Heat index, 1 min")),
            ),
            "ta.mean60",
        )
        .span(12)
        .height(8)
    )


def _of_climate(plan: Plan) -> tuple[InfluxQL, InfluxQL]:
    say = plan.say
    return (
        series.coverage("A", "ta.mean60", say("Air temperature, average of 1 h")),
        series.coverage("B", "rh.mean60", say("Relative humidity, average of 1 h")),
    )


def _humidity(plan: Plan) -> panels.Chart:
    say = plan.say
    return (
        panels.chart(
            say("Relative humidity"),
            say("The average of an hour."),
            (series.exposure("A", "rh.mean60", say("Relative humidity, average of 1 h")),),
            "rh.mean60",
        )
        .span(12)
        .height(8)
    )
