"""Air in one zone: dust and gases, each with its average, its limits and its coverage."""

from __future__ import annotations

from typing import Final, NamedTuple

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards import frame, panels, tables
from dashboards.plan import Plan
from dashboards.queries import cases as sql
from dashboards.queries import history, series
from dashboards.words import Say

NAME: Final = "air"


class Agent(NamedTuple):
    """What is drawn of one agent: kinds with their names, quick to slow, and those whose limits are drawn."""

    title: str
    lines: tuple[tuple[str, str], ...]
    limited: tuple[str, ...]


def build(plan: Plan) -> Dashboard:
    """The dashboard of air."""
    say = plan.say
    made = frame.dashboard(plan, NAME, say("Air"), say("Dust and gases in one zone with their limits."))
    made = frame.zone(plan, made)
    made = frame.marked(plan, made, history.OF_ZONE)
    made = made.link(frame.pages(say("Page of the zone"), "/factories/${site:raw}/zones/${word:raw}/air"))
    for agent in agents(say):
        made = made.with_panel(
            panels.exposure_chart(agent.title, _about(say), agent.lines, agent.limited).height(8)
        )
        kind, name = agent.lines[-1]
        made = made.with_panel(panels.coverage_strip(say, (series.coverage("A", kind, name),)))
    return made.with_panel(
        tables.limits(plan, sql.limits_in_force("A", f"zone = {sql.ZONE} AND hazard = 'air'"))
    ).with_panel(
        panels.note(
            say("Optical dust sensors are indicative: what they count depends on the dust and on humidity.")
        )
    )


def agents(say: Say) -> tuple[Agent, ...]:
    """The agents in the order of the pages."""
    hour, day, shift = say("average of 1 h"), say("average of 24 h"), say("average of 8 h")
    quarter, minute = say("average of 15 min"), say("1 min")
    highest = say("highest of 1 min")
    return (
        Agent("PM2.5", (("pm2_5.mean60", hour), ("pm2_5.mean24h", day)), ("pm2_5.mean60", "pm2_5.mean24h")),
        Agent("PM10", (("pm10.mean60", hour), ("pm10.mean24h", day)), ("pm10.mean60", "pm10.mean24h")),
        Agent(
            say("Carbon monoxide"),
            (("co.minute_max", highest), ("co.twa8h", shift)),
            ("co.minute_max", "co.stel15", "co.twa8h"),
        ),
        Agent(
            say("Carbon dioxide"), (("co2.minute", minute), ("co2.twa8h", shift)), ("co2.twa8h", "co2.stel15")
        ),
        Agent(
            say("Nitrogen dioxide"),
            (("no2.minute", minute), ("no2.stel15", quarter)),
            ("no2.minute", "no2.stel15"),
        ),
        Agent(
            say("Formaldehyde"),
            (("hcho.stel15", quarter), ("hcho.twa8h", shift)),
            ("hcho.stel15", "hcho.twa8h"),
        ),
    )


def _about(say: Say) -> str:
    return say("Thin: the quick value. Thick: the average that people know. Each limit names what it is for.")
