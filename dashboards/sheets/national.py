"""National overview: where to look first, and how sure that is."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.table import Panel as Table

from dashboards import columns, frame, panels, style
from dashboards.maps import factories
from dashboards.plan import Plan
from dashboards.queries import cases as sql
from dashboards.queries import history
from dashboards.words import Say

NAME: Final = "national"


def build(plan: Plan) -> Dashboard:
    """The dashboard of an authority."""
    say = plan.say
    made = frame.dashboard(
        plan,
        NAME,
        say("National overview"),
        say("Factories by time above a limit, with what is not known of them."),
        since="now-7d",
    )
    made = frame.hazard(plan, frame.country(plan, made)).link(frame.pages(say("Overview page"), "/overview"))
    for panel in _counts(say):
        made = made.with_panel(panel)
    return (
        made.with_panel(_ranking(plan))
        .with_panel(factories(plan, sql.site_points("A")))
        .with_panel(panels.case_bars(say, history.opened("A", history.OF_COUNTRY)).span(12).height(11))
        .with_panel(
            panels.days(
                say("Share of judged time above a limit, by day"),
                say("A day of which too little was measured to say has no cell."),
                sql.calendar("A"),
            )
        )
        .with_panel(panels.screening(say))
    )


def _counts(say: Say) -> list[panels.Number]:
    count = panels.number
    return [
        count(say("Factories"), say("Registered in the country."), sql.site_count("A")),
        count(
            say("⬢ Danger"),
            say("Factories with an open case of the highest severity."),
            sql.site_count("A", "danger"),
            style.DANGER,
        ),
        count(
            say("▲ Warning"),
            say("Factories whose worst open case is a warning."),
            sql.site_count("A", "warning"),
            style.WARNING,
        ),
        count(
            say("⊠ Silent"),
            say("Factories with an open case of silence and none of a hazard."),
            sql.site_count("A", "silent"),
            style.SILENT,
        ),
        count(
            say("□ Cannot tell"),
            say("Factories of which nothing was judged in the last 15 minutes."),
            sql.site_count("A", "cannot_tell"),
            style.UNKNOWN,
        ),
        count(
            say("Coverage"),
            say("Share of the minutes that should have been judged about which something is known."),
            sql.national_coverage("A"),
            unit="percentunit",
        ),
    ]


def _ranking(plan: Plan) -> Table:
    say = plan.say
    table = panels.sheet(
        say("Where to look first"),
        say("Hours above a limit in the worst zone of each factory, in judged time of the range."),
        (sql.ranking("A"),),
        height=12,
    )
    table = columns.states_column(table, "state", say("State"), style.states(say))
    inside = frame.to_dashboard(
        plan,
        "factory",
        country=frame.field("country"),
        site=frame.field("site"),
        timezone=frame.field("timezone"),
    )
    pages = "${public_url:raw}/factories/" + frame.field("site")
    links = [(say("Dashboard of the factory"), inside), (say("Page of the factory"), pages)]
    table = columns.linked(table, "name", say("Factory"), links)
    unknown = [style.nothing_known(say)]
    table = columns.column(table, "district", say("District"))
    table = columns.column(table, "sector", say("Sector"))
    table = columns.column(table, "workers", say("Workers"), unit="none", decimals=0)
    table = columns.column(
        table, "hours_above", say("Hours above a limit"), unit="suffix: h", decimals=1, mappings=unknown
    )
    table = columns.column(
        table, "worker_hours_above", say("Worker-hours above"), unit="suffix: h", decimals=0, mappings=unknown
    )
    table = columns.column(
        table, "coverage", say("Coverage"), unit="percentunit", decimals=0, mappings=unknown
    )
    table = columns.column(table, "open_cases", say("Open cases"), unit="none", decimals=0)
    table = columns.column(table, "oldest", say("Oldest open case"), unit="dateTimeFromNow")
    return columns.hidden(table, "site", "country", "timezone")
