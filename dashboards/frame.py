"""What every dashboard has: uid, folder's tag, variables, notes of cases on the time line, links."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    CustomVariable,
    Dashboard,
    DashboardLink,
    QueryVariable,
)
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableHide,
    VariableOption,
    VariableRefresh,
)

from dashboards import style
from dashboards.plan import Plan
from dashboards.queries import cases as sql
from dashboards.queries import history
from dashboards.sources import CASES, Sql

TAG: Final = "oshwatch"
EVERYTHING: Final = ".*"
"""What "all" stands for where a variable is used as a regular expression, however many factories there "
"are."""


class CaseMarks(AnnotationQuery):
    """Notes on the time line from an SQL query; the SDK's own only knows Grafana's tags."""

    def __init__(self, name: str, query: str, colour: str = style.CASE) -> None:
        super().__init__()
        self._internal = _Marks(
            name=name, datasource=CASES, enable=True, icon_color=colour, query=Sql("Marks", query)
        )


class _Marks(model.AnnotationQuery):
    def __init__(
        self, *, name: str, datasource: model.DataSourceRef, enable: bool, icon_color: str, query: Sql
    ) -> None:
        super().__init__(name=name, datasource=datasource, enable=enable, icon_color=icon_color)
        self._query = query

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), "target": self._query.to_json()}


def dashboard(plan: Plan, name: str, title: str, about: str, since: str = "now-24h") -> Dashboard:
    """An empty dashboard with the address of the pages in a hidden variable."""
    return (
        Dashboard(title)
        .uid(plan.uid(name))
        .description(about)
        .tags([TAG, f"{TAG}-{plan.language}"])
        .timezone(plan.timezone)
        .time(since, "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(_hidden("public_url", sql.PUBLIC_URL))
        .link(_others(plan))
    )


def marked(plan: Plan, made: Dashboard, where: str) -> Dashboard:
    """With the openings of cases on the time line, and silences as spans: those are the causes of gaps."""
    return made.annotation(
        CaseMarks(plan.say("Cases"), history.case_marks(f"{where} AND hazard <> 'silence'"))
    ).annotation(
        CaseMarks(
            plan.say("Silences"),
            history.case_marks(f"{where} AND hazard = 'silence'", spans=True),
            style.SILENCE,
        )
    )


def country(plan: Plan, made: Dashboard) -> Dashboard:
    """With the variable `country`: one, or all."""
    variable = _chosen("country", plan.say("Country"), sql.COUNTRIES).include_all(True).all_value(EVERYTHING)
    return made.with_variable(variable.current(VariableOption(text=plan.say("All"), value="$__all")))


def site(plan: Plan, made: Dashboard) -> Dashboard:
    """With the variables `country` and `site`, and the site's time zone for links and captions."""
    return (
        country(plan, made)
        .with_variable(_chosen("site", plan.say("Factory"), sql.SITES))
        .with_variable(_hidden("site_timezone", sql.TIMEZONE))
    )


def sites(plan: Plan, made: Dashboard) -> Dashboard:
    """With the variables `country` and `sites`: one factory, several, or all."""
    variable = (
        _chosen("sites", plan.say("Factories"), sql.SITES).multi(True).include_all(True).all_value(EVERYTHING)
    )
    return country(plan, made).with_variable(
        variable.current(VariableOption(text=[plan.say("All")], value=["$__all"]))
    )


def zone(plan: Plan, made: Dashboard) -> Dashboard:
    """With the variables `country`, `site` and `zone`."""
    return (
        site(plan, made)
        .with_variable(_chosen("zone", plan.say("Zone"), sql.ZONES))
        .with_variable(_hidden("word", sql.WORD))
    )


def hazard(plan: Plan, made: Dashboard) -> Dashboard:
    """With the variable `hazard`."""
    say = plan.say
    names = (("heat", say("Heat")), ("noise", say("Noise")), ("air", say("Air")))
    variable = (
        CustomVariable("hazard")
        .label(say("Hazard"))
        .values(", ".join(f"{label} : {value}" for value, label in names))
        .options(
            [VariableOption(text=label, value=value, selected=value == "heat") for value, label in names]
        )
        .current(VariableOption(text=names[0][1], value="heat", selected=True))
    )
    return made.with_variable(variable)


def pages(title: str, path: str) -> DashboardLink:
    """A link to the pages of the same installation."""
    return (
        DashboardLink(title)
        .type(DashboardLinkType.LINK)
        .icon("external link")
        .url(f"${{public_url:raw}}{path}")
        .target_blank(True)
    )


def to_dashboard(plan: Plan, name: str, **variables: str) -> str:
    """The address of another of our dashboards, with the range kept."""
    chosen = "".join(f"&var-{key}={value}" for key, value in variables.items() if key != "timezone")
    zone_of_time = f"&timezone={variables['timezone']}" if "timezone" in variables else ""
    return f"/d/{plan.uid(name)}?${{__url_time_range}}{chosen}{zone_of_time}"


def field(name: str) -> str:
    """A value of the same row, for a link."""
    return f"${{__data.fields.{name}}}"


def _others(plan: Plan) -> DashboardLink:
    return (
        DashboardLink(plan.say("Dashboards"))
        .type(DashboardLinkType.DASHBOARDS)
        .tags([f"{TAG}-{plan.language}"])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
        .icon("external link")
    )


def _chosen(name: str, label: str, query: str) -> QueryVariable:
    return (
        QueryVariable(name)
        .label(label)
        .datasource(CASES)
        .query(query)
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
    )


def _hidden(name: str, query: str) -> QueryVariable:
    return _chosen(name, name, query).hide(VariableHide.HIDE_VARIABLE)
