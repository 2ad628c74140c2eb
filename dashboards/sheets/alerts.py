"""Alert log: which cases there were, who was told, who signed, how long an answer took."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.table import Panel as Table

from dashboards import columns, frame, panels, style, tables
from dashboards.plan import Plan
from dashboards.queries import history

NAME: Final = "alerts"
_WHERE: Final = f"{history.OF_COUNTRY} AND site ~ '^(${{sites:regex}})$'"


def build(plan: Plan) -> Dashboard:
    """The dashboard of cases and notices."""
    say = plan.say
    made = frame.dashboard(
        plan,
        NAME,
        say("Alert log"),
        say(
            "Cases, their history and their notices. No names: those are on the pages, for whom they concern."
        ),
        since="now-7d",
    )
    made = frame.sites(plan, made).link(frame.pages(say("Cases page"), "/cases"))
    for panel in _counts(plan):
        made = made.with_panel(panel)
    return (
        made.with_panel(panels.case_bars(say, history.opened("A", _WHERE)).height(7))
        .with_panel(tables.cases(plan, say("Cases"), history.cases("A", _WHERE), height=11))
        .with_panel(_notices(plan))
        .with_panel(_events(plan))
    )


def _counts(plan: Plan) -> list[panels.Number]:
    say = plan.say
    fates = panels.number(
        say("Notices"), say("What became of the notices of the range."), history.notice_fates("A")
    )
    return [
        panels.number(
            say("⬢ Danger, open"),
            say("Cases that had not ended at the end of the range."),
            history.open_count("A", _WHERE, "danger"),
            style.DANGER,
        ),
        panels.number(
            say("▲ Warning, open"),
            say("Cases that had not ended at the end of the range."),
            history.open_count("A", _WHERE, "warning"),
            style.WARNING,
        ),
        panels.number(
            say("Seen by both sides"),
            say("Share of the cases of the range that both sides of the committee signed."),
            history.seen_share("A", _WHERE),
            unit="percentunit",
        ),
        panels.number(
            say("First action after"),
            say("Median time from opening to the first action written down, of cases with one."),
            history.answer_time("A", _WHERE),
            unit="dtdurations",
        ),
        panels.named(fates.mappings(style.case_words(say)), rows="notices").span(8),
    ]


def _notices(plan: Plan) -> Table:
    say = plan.say
    words = style.case_words(say)
    table = panels.sheet(
        say("Notices"),
        say(
            "To which side, by which way, and what became of each; without an address there is only the page."
        ),
        (history.notices("A"),),
        height=9,
    )
    table = _common(plan, table)
    table = columns.column(table, "side", say("Side"), mappings=words)
    table = columns.column(table, "channel", say("Way"), mappings=words)
    table = columns.states_column(table, "state", say("State"), words)
    table = columns.column(table, "tries", say("Tries"), unit="none", decimals=0)
    return columns.column(
        table,
        "took",
        say("Last try after"),
        unit="dtdurations",
        decimals=0,
        mappings=[style.nothing_known(say)],
    )


def _events(plan: Plan) -> Table:
    say = plan.say
    table = panels.sheet(
        say("History"),
        say(
            "Every line of history of the range, newest first. What people wrote is on the page of the case."
        ),
        (history.events("A"),),
        height=11,
    )
    table = _common(plan, table)
    table = columns.column(table, "zone_name", say("Zone"))
    table = columns.column(table, "kind", say("What happened"))
    table = columns.column(table, "side", say("Side"), mappings=style.case_words(say))
    return columns.column(table, "text", say("Reason"))


def _common(plan: Plan, table: Table) -> Table:
    say = plan.say
    words = style.case_words(say)
    table = columns.column(table, "at", say("Time (factory's)"))
    table = columns.column(table, "site_name", say("Factory"))
    table = columns.column(table, "hazard", say("Hazard"), mappings=words)
    table = columns.states_column(table, "severity", say("Severity"), words)
    page = "${public_url:raw}/cases/" + frame.field("case_id")
    return columns.linked(table, "case_id", say("Case"), [(say("Page of the case"), page)])
