"""Tables that several dashboards share: cases, devices' cases, limits, shifts."""

from __future__ import annotations

from grafana_foundation_sdk.builders.table import Panel as Table

from dashboards import columns, frame, panels, style
from dashboards.plan import Plan
from dashboards.sources import Query, Sql


def cases(plan: Plan, title: str, query: Sql, *, height: int = 10, factory: bool = True) -> Table:
    """Cases, each leading to its page. `factory`: whether its name is a column."""
    say = plan.say
    words, unknown = style.case_words(say), [style.nothing_known(say)]
    table = panels.sheet(
        title,
        say("Times are the factory's own. What people wrote is on the page of the case."),
        (query,),
        height=height,
    )
    table = columns.states_column(table, "severity", say("Severity"), words)
    table = columns.states_column(table, "state", say("State"), words)
    table = columns.column(table, "hazard", say("Hazard"), mappings=words)
    table = columns.column(table, "site_name", say("Factory"))
    table = columns.column(table, "zone_name", say("Zone"))
    table = _titled(plan, table)
    table = columns.column(table, "value", say("Value"), decimals=1)
    table = columns.column(table, "unit", say("Unit"))
    table = columns.column(table, "limit_value", say("Limit"), decimals=1)
    table = columns.column(table, "opened", say("Opened"))
    table = columns.column(table, "cleared", say("Below its limit since"))
    signed = style.yes_or_no(say)
    table = columns.column(table, "seen_by_worker", say("Seen by the workers' side"), mappings=signed)
    table = columns.column(table, "seen_by_management", say("Seen by the management side"), mappings=signed)
    table = columns.column(
        table, "answered_after", say("First action after"), unit="dtdurations", decimals=0, mappings=unknown
    )
    return columns.hidden(table, "case_id", "timezone", *(() if factory else ("site_name",)))


def of_devices(plan: Plan, query: Sql) -> Table:
    """Silences and sensors in doubt."""
    say = plan.say
    words = style.case_words(say)
    table = panels.sheet(
        say("Silences and sensors in doubt"),
        say("Open in the range; one power cut is one case."),
        (query,),
        height=8,
    )
    table = columns.states_column(table, "severity", say("Severity"), words)
    table = columns.states_column(table, "state", say("State"), words)
    table = columns.column(table, "hazard", say("What"), mappings=words)
    table = columns.column(table, "site_name", say("Factory"))
    table = columns.column(table, "zone_name", say("Zone"))
    table = columns.column(table, "subject", say("Device or channel"))
    table = _titled(plan, table)
    table = columns.column(table, "opened", say("Opened"))
    table = columns.column(table, "cleared", say("Heard again since"))
    return columns.hidden(table, "case_id")


def limits(plan: Plan, query: Sql) -> Table:
    """The limits in force with their sources, each leading to its explanation."""
    say = plan.say
    table = panels.sheet(
        say("Limits in force"),
        say("From the rule packs, for this zone as it is described today."),
        (query,),
        height=9,
    )
    table = columns.states_column(table, "severity", say("Severity"), style.case_words(say))
    table = columns.column(table, "hazard", say("Hazard"), mappings=style.case_words(say))
    table = columns.column(table, "kind", say("Exposure"))
    table = columns.column(table, "value", say("Limit"), decimals=1)
    table = columns.column(table, "unit", say("Unit"))
    table = columns.column(table, "compare", say("Kept when"))
    page = "${public_url:raw}/rules/" + frame.field("pack") + "/" + frame.field("rule")
    table = columns.linked(table, "label", say("Name"), [(say("Where it comes from"), page)])
    table = columns.column(table, "instrument", say("Instrument"))
    table = columns.column(table, "clause", say("Clause"))
    table = columns.column(table, "confidence", say("How sure"))
    table = columns.column(table, "layer", say("Layer"))
    return columns.hidden(table, "pack", "rule")


def shifts(plan: Plan, query: Sql) -> Table:
    """Hours above each limit that counts."""
    say = plan.say
    unknown = [style.nothing_known(say)]
    table = panels.sheet(
        say("Shifts: hours above a limit"),
        say(
            "Stretches that are over. Hours are not known where too little was measured to say that "
            "there were none."
        ),
        (query,),
        height=9,
    )
    table = columns.column(table, "began", say("Began (factory's time)"))
    table = columns.column(table, "ended", say("Ended"))
    table = columns.column(table, "hazard", say("Hazard"), mappings=style.case_words(say))
    table = columns.column(table, "label", say("Limit"))
    table = columns.column(
        table, "hours_above", say("Hours above"), unit="suffix: h", decimals=1, mappings=unknown
    )
    return columns.column(
        table, "coverage", say("Coverage"), unit="percentunit", decimals=0, mappings=unknown
    )


def newest(plan: Plan, title: str, kind: str, query: Query) -> Table:
    """The newest number with everything that must travel with it."""
    say = plan.say
    unit, places = style.unit_of(kind)
    unknown = [style.nothing_known(say)]
    table = panels.sheet(
        title, say("The newest of the range, with its time, coverage and grade."), (query,), height=4
    )
    table = columns.column(table, "Time", say("Time"))
    table = columns.column(table, "value", say("Value"), unit=unit, decimals=places, mappings=unknown)
    table = columns.column(
        table, "coverage", say("Coverage"), unit="percentunit", decimals=0, mappings=unknown
    )
    table = columns.column(table, "grade", say("Grade"), mappings=style.grades(say))
    table = columns.column(table, "worst_gap_s", say("Longest gap"), unit="dtdurations", decimals=0)
    return columns.column(table, "revision", say("Revised"), unit="none", decimals=0)


def summaries(plan: Plan, title: str, kind: str, query: Query) -> Table:
    """What shifts came to by the series themselves."""
    say = plan.say
    unit, places = style.unit_of(kind)
    unknown = [style.nothing_known(say)]
    table = panels.sheet(
        title, say("Each shift that is over; known and expected are minutes."), (query,), height=8
    )
    table = columns.column(table, "Time", say("Ended"))
    table = columns.column(table, "high", say("Highest"), unit=unit, decimals=places, mappings=unknown)
    table = columns.column(table, "value", say("At its end"), unit=unit, decimals=places, mappings=unknown)
    table = columns.column(table, "known", say("Known"), unit="suffix: min", decimals=0)
    table = columns.column(table, "expected", say("Expected"), unit="suffix: min", decimals=0)
    table = columns.column(table, "grade", say("Grade"), mappings=style.grades(say))
    return columns.column(table, "revision", say("Revised"), unit="none", decimals=0)


def _titled(plan: Plan, table: Table) -> Table:
    page = "${public_url:raw}/cases/" + frame.field("case_id")
    return columns.linked(table, "title", plan.say("Rule"), [(plan.say("Page of the case"), page)])
