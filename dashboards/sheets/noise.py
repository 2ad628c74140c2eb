"""Noise in one zone: levels, the shift's 8 h level with its limits, doses."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import frame, panels, tables
from dashboards.plan import Plan
from dashboards.queries import cases as sql
from dashboards.queries import history, series

NAME: Final = "noise"
LEX: Final = "la.lex8h"


def build(plan: Plan) -> Dashboard:
    """The dashboard of noise."""
    say = plan.say
    made = frame.dashboard(
        plan, NAME, say("Noise"), say("A-weighted levels of one zone; decibels are averaged as energy.")
    )
    made = frame.zone(plan, made)
    made = frame.marked(plan, made, history.OF_ZONE)
    made = made.link(frame.pages(say("Page of the zone"), "/factories/${site:raw}/zones/${word:raw}/noise"))
    lex = say("Shift so far, 8 h level")
    return (
        made.with_panel(
            tables.newest(plan, say("8 h level of the shift so far"), LEX, series.newest("A", LEX))
        )
        .with_panel(
            panels.exposure_chart(
                say("8 h level of the shift"),
                say("What the limits are for. It begins anew with each shift."),
                ((LEX, lex),),
                (LEX,),
            )
        )
        .with_panel(panels.coverage_strip(say, (series.coverage("A", LEX, lex),)))
        .with_panel(_levels(plan))
        .with_panel(
            panels.coverage_strip(say, (series.coverage("A", "la.leq60", say("Energy average of 1 h")),))
        )
        .with_panel(_doses(plan))
        .with_panel(panels.coverage_strip(say, (series.coverage("A", "la.niosh_dose", say("NIOSH dose")),)))
        .with_panel(tables.summaries(plan, say("Shifts: 8 h level"), LEX, series.shifts("A", LEX)))
        .with_panel(tables.limits(plan, sql.limits_in_force("A", f"zone = {sql.ZONE} AND hazard = 'noise'")))
        .with_panel(
            panels.note(
                say(
                    "An area level is an estimate of what people take up: nobody stands beside the "
                    "sensor all day."
                )
            )
        )
    )


def _levels(plan: Plan) -> panels.Chart:
    say = plan.say
    return panels.exposure_chart(
        say("Levels"),
        say("Thin: the level of each minute. Thick: the energy average of an hour."),
        (("la.leq1", say("Level, 1 min")), ("la.leq60", say("Energy average of 1 h"))),
        ("la.leq1", "la.leq60"),
    )


def _doses(plan: Plan) -> panels.Chart:
    say = plan.say
    return panels.exposure_chart(
        say("Noise dose of the shift so far"),
        say("Share of a day's allowance, by the exchange rates of NIOSH and OSHA."),
        (
            ("la.osha_hc_dose", say("OSHA dose, hearing conservation")),
            ("la.osha_dose", say("OSHA dose")),
            ("la.niosh_dose", say("NIOSH dose")),
        ),
        ("la.niosh_dose", "la.osha_dose", "la.osha_hc_dose"),
    )
