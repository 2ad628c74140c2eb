"""Fleet health: which gateways speak, what waits on them, which sensors are in doubt."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.builders.table import Panel as Table

from dashboards import columns, frame, panels, style, tables
from dashboards.plan import Plan
from dashboards.queries import history, series

NAME: Final = "fleet"


def build(plan: Plan) -> Dashboard:
    """The dashboard of an engineer: the country's gateways, then those of one factory."""
    say = plan.say
    made = frame.dashboard(
        plan, NAME, say("Fleet health"), say("Gateways of the country, and how those of one factory fare.")
    )
    made = frame.site(plan, made).link(frame.pages(say("Fleet page"), "/fleet"))
    for panel in _counts(plan):
        made = made.with_panel(panel)
    made = made.with_panel(_gateways(plan)).with_panel(tables.of_devices(plan, history.device_cases("A")))
    for title, about, query, unit in (
        (
            say("Readings delivered by gateway"),
            say("Of the chosen factory. A gap: nothing arrived of that time."),
            series.readings_by_gateway("A"),
            "short",
        ),
        (
            say("Batches waiting on the gateway"),
            say("The most of each step, as the gateway counts them."),
            series.of_devices("A", "outbox", "max"),
            "none",
        ),
        (
            say("Free share of the disk"),
            say("The least of each step."),
            series.of_devices("A", "disk_free", "min"),
            "percentunit",
        ),
        (
            say("Temperature of the gateway"),
            say("The highest of each step."),
            series.of_devices("A", "temp", "max"),
            "celsius",
        ),
    ):
        made = made.with_panel(panels.chart(title, about, (query,)).unit(unit).span(12).height(8))
    return made.with_panel(
        panels.chart(
            say("Minutes in doubt by channel"),
            say("Minutes that failed a plausibility test or are suspect; they are kept and marked."),
            (series.doubted("A"),),
        )
        .unit("none")
        .interval("1h")
    )


def _counts(plan: Plan) -> list[panels.Number]:
    say = plan.say
    counters = panels.number(
        say("Not taken in as sent"),
        say(
            "Refused, conflicting and dropped batches, and breaks of the chain, since the gateways were "
            "added."
        ),
        history.refused("A"),
        style.WARNING,
    )
    return [
        panels.number(say("Gateways"), say("In use in the country."), history.gateway_count("A")),
        panels.number(
            say("⊠ Silent gateways"),
            say("Nothing delivered in the last 15 minutes of the range."),
            history.silent_gateways("A"),
            style.SILENT,
        ),
        panels.named(
            counters,
            {
                "rejected": say("Refused"),
                "conflicts": say("Conflicts"),
                "dropped": say("Dropped"),
                "chain_breaks": say("Chain breaks"),
            },
        ).span(16),
    ]


def _gateways(plan: Plan) -> Table:
    say = plan.say
    unknown = [style.nothing_known(say)]
    table = panels.sheet(
        say("Gateways"),
        say(
            "Those that were silent longest first. What a gateway says about itself is as old as its "
            "last batch."
        ),
        (history.gateways("A"),),
    )
    table = columns.states_column(table, "heard", say("Heard"), style.heard(say))
    table = columns.column(table, "state", say("Connection"))
    page = "${public_url:raw}/fleet/" + frame.field("gateway")
    table = columns.linked(table, "gateway", say("Gateway"), [(say("Page of the gateway"), page)])
    inside = frame.to_dashboard(
        plan, NAME, country="${country:raw}", site=frame.field("site"), timezone=frame.field("timezone")
    )
    table = columns.linked(
        table, "site_name", say("Factory"), [(say("Show this factory's gateways"), inside)]
    )
    table = columns.column(table, "kind", say("Kind"))
    table = columns.column(table, "last_batch", say("Last batch (factory's time)"), mappings=unknown)
    table = columns.column(table, "age", say("Age"), unit="dtdurations", decimals=0, mappings=unknown)
    table = columns.column(table, "backlog", say("Waiting at its last start"), unit="none", mappings=unknown)
    table = columns.column(table, "clock", say("Clock"), mappings=unknown)
    table = columns.column(table, "clock_error_s", say("Clock error"), unit="s", decimals=1, mappings=unknown)
    for name, title in (
        ("drops", say("Dropped")),
        ("rejected", say("Refused")),
        ("conflicts", say("Conflicts")),
        ("chain_breaks", say("Chain breaks")),
    ):
        table = columns.column(table, name, title, unit="none", decimals=0)
    return columns.hidden(table, "site", "timezone")
