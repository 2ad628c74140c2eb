"""One factory: its zones now and over the range, cases, coverage."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.table import Panel as Table

from dashboards import columns, frame, panels, style, tables
from dashboards.plan import Plan
from dashboards.queries import cases as sql
from dashboards.queries import history, series

NAME: Final = "factory"


def build(plan: Plan) -> Dashboard:
    """The dashboard of a factory."""
    say = plan.say
    made = frame.dashboard(
        plan, NAME, say("Factory"), say("The zones of one factory, now and over the range, with their gaps.")
    )
    made = frame.site(plan, made)
    made = frame.marked(plan, made, history.OF_SITE)
    made = made.link(frame.pages(say("Page of the factory"), "/factories/${site:raw}"))
    made = made.with_panel(_zones(plan)).with_panel(
        panels.course(
            say("Verdicts of the rules"),
            say(
                "The worst verdict in each zone. Nothing is drawn where nothing was judged: nobody "
                "works, or nobody knows."
            ),
            sql.zone_course("A", {"heat": say("heat"), "noise": say("noise"), "air": say("air")}),
            style.verdicts(say),
        ).height(12)
    )
    made = made.with_panel(
        tables.cases(
            plan,
            say("Open cases"),
            history.cases("A", history.OF_SITE, only_open=True),
            height=7,
            factory=False,
        )
    )
    for kind, title in _titles(plan):
        chart = panels.chart(title, _about(plan), (series.exposure_by_zone("A", kind),), kind)
        coverage = panels.coverage_strip(say, (series.coverage_by_zone("A", kind),))
        made = made.with_panel(panels.by_zone(chart.height(8))).with_panel(panels.by_zone(coverage))
    return made.with_panel(panels.screening(say))


def _titles(plan: Plan) -> tuple[tuple[str, str], ...]:
    say = plan.say
    return (
        ("wbgt_eff.twa60", say("Effective WBGT, average of 1 h, by zone")),
        ("la.leq60", say("Sound level, energy average of 1 h, by zone")),
        ("pm2_5.mean60", say("PM2.5, average of 1 h, by zone")),
    )


def _about(plan: Plan) -> str:
    return plan.say("A line a zone. The limits differ between zones: the dashboard of a zone draws them.")


def _zones(plan: Plan) -> Table:
    say = plan.say
    table = panels.sheet(
        say("Zones now"),
        say("As of the end of the range, by the rules that count hours above a limit, the worst first."),
        (sql.zones_now("A"),),
        height=8,
    )
    table = columns.states_column(table, "state", say("State"), style.states(say))
    inside = frame.to_dashboard(
        plan,
        "zone",
        country="${country:raw}",
        site="${site:raw}",
        zone=frame.field("zone"),
        timezone=frame.field("timezone"),
    )
    pages = "${public_url:raw}/factories/${site:raw}/zones/" + frame.field("word")
    links = [(say("Dashboard of the zone"), inside), (say("Page of the zone"), pages)]
    table = columns.linked(table, "name", say("Zone"), links)
    table = columns.column(table, "kind", say("Kind of work"))
    table = columns.column(table, "workers", say("Workers"), unit="none", decimals=0)
    table = columns.column(table, "open_cases", say("Open cases"), unit="none", decimals=0)
    table = columns.column(table, "since", say("Oldest open case"), unit="dateTimeFromNow")
    table = columns.column(
        table, "judged_at", say("Judged last (factory's time)"), mappings=[style.nothing_known(say)]
    )
    return columns.hidden(table, "zone", "word", "timezone")
