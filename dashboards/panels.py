"""Panels that several dashboards share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import stat, statetimeline, statushistory, table, text, timeseries
from grafana_foundation_sdk.builders.dashboard import FieldColor, ThresholdsConfig
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    StackingMode,
    TableCellHeight,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
    ValueMapping,
)
from grafana_foundation_sdk.models.text import TextMode

from dashboards import style
from dashboards.columns import setting
from dashboards.queries import cases as sql
from dashboards.queries import series
from dashboards.sources import InfluxQL, Query, Sql, Target, source_of
from dashboards.words import Say

Chart = timeseries.Panel
Number = stat.Panel

WHOLE: Final = 24
STEP: Final = "1m"
"""No step of a chart is shorter than what is stored: a shorter one would be all gaps."""


def plain(colour: str) -> FieldColor:
    """One colour whatever the value: limits are lines, never traffic lights."""
    return FieldColor().mode(FieldColorModeId.FIXED).fixed_color(colour)


def chart(title: str, about: str, queries: tuple[Query, ...], kind: str | None = None) -> timeseries.Panel:
    """Lines over time with gaps left open. `kind` gives unit and decimals."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .datasource(source_of(queries))
        .interval(STEP)
        .line_interpolation(LineInterpolation.LINEAR)
        .span_nulls(style.NEVER_CONNECT)
        .show_points(VisibilityMode.AUTO)
        .point_size(4)
        .line_width(1)
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .legend(
            options.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(options.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .height(9)
        .span(WHOLE)
    )
    if kind is not None:
        unit, places = style.unit_of(kind)
        panel = panel.unit(unit).decimals(places)
    for query in queries:
        panel = panel.with_target(Target(query))
    return panel


def exposure_chart(
    title: str, about: str, lines: tuple[tuple[str, str], ...], limited: tuple[str, ...]
) -> timeseries.Panel:
    """Exposures of one zone with the limits that the rule packs set for them.

    `lines` are kinds with their names, the quick one first and thin; `limited` the kinds whose limits are
    drawn.
    """
    drawn = tuple(
        series.exposure(chr(ord("A") + number), kind, name) for number, (kind, name) in enumerate(lines)
    )
    panel = chart(title, about, (*drawn, sql.limit_lines("L", *limited)), lines[0][0])
    for number, _ in enumerate(lines):
        last = number == len(lines) - 1
        colour = style.THICK if last else style.THIN
        panel = panel.override_by_query(
            chr(ord("A") + number),
            [
                setting("color", {"mode": "fixed", "fixedColor": colour}),
                setting("custom.lineWidth", 3 if last else 1),
            ],
        )
    panel = panel.override_by_query("L", limit_look())
    for sign, colour in (("⬢", style.DANGER), ("▲", style.WARNING), ("◆", style.NOTICE)):
        panel = panel.override_by_regexp(
            f"/^{sign} /", [setting("color", {"mode": "fixed", "fixedColor": colour})]
        )
    return panel


def limit_look() -> list[DynamicConfigValue]:
    """A limit is a dashed line from end to end; it has a value at its two ends only."""
    return [
        setting("custom.lineStyle", {"fill": "dash", "dash": [10, 6]}),
        setting("custom.lineWidth", 2),
        setting("custom.spanNulls", True),
        setting("custom.showPoints", "never"),
    ]


def coverage_strip(say: Say, queries: tuple[InfluxQL, ...]) -> timeseries.Panel:
    """What share of the data the averages above stand on; stands under every chart of averages."""
    return (
        chart(
            say("Coverage"),
            say(
                "The lowest share of the expected data behind the values above. A gap: nothing was "
                "expected or nothing is known."
            ),
            queries,
        )
        .unit("percentunit")
        .decimals(0)
        .min(0)
        .max(1)
        .draw_style(GraphDrawStyle.LINE)
        .line_interpolation(LineInterpolation.STEP_BEFORE)
        .fill_opacity(15)
        .height(4)
    )


def number(
    title: str, about: str, query: Query, colour: str = style.THICK, *, unit: str = "none", places: int = 0
) -> stat.Panel:
    """One number, in its own words when there is none."""
    return (
        stat.Panel()
        .title(title)
        .description(about)
        .datasource(source_of((query,)))
        .with_target(Target(query))
        .unit(unit)
        .decimals(places)
        .color_scheme(plain(colour))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.VALUE)
        .reduce_options(options.ReduceDataOptions().calcs(["lastNotNull"]).values(False))
        .height(4)
        .span(4)
    )


def named(panel: Number, names: Mapping[str, str] | None = None, *, rows: str | None = None) -> Number:
    """Several numbers with their names: columns of one row by `names`, or the field `rows` of each row."""
    panel = panel.text_mode(BigValueTextMode.VALUE_AND_NAME)
    for field, name in (names or {}).items():
        panel = panel.override_by_name(field, [setting("displayName", name)])
    if rows is None:
        return panel
    return panel.reduce_options(options.ReduceDataOptions().calcs(["lastNotNull"]).values(True).fields(rows))


def sheet(title: str, about: str, queries: tuple[Query, ...], *, height: int = 10) -> table.Panel:
    """A table."""
    panel = (
        table.Panel()
        .title(title)
        .description(about)
        .datasource(source_of(queries))
        .cell_height(TableCellHeight.SM)
        .show_header(True)
        # Some servers answer a frame a column; of one frame it changes nothing.
        .with_transformation(DataTransformerConfig(id_val="merge", options={}))
        .height(height)
        .span(WHOLE)
    )
    for query in queries:
        panel = panel.with_target(Target(query))
    return panel


def case_bars(say: Say, query: Sql) -> Chart:
    """Cases opened in each step, a colour a severity, named in words."""
    panel = (
        chart(
            say("Cases opened"),
            say("In each step, by severity, without what was only found afterwards."),
            (query,),
        )
        .unit("none")
        .decimals(0)
        .min(0)
        .interval("1h")
        .draw_style(GraphDrawStyle.BARS)
        .fill_opacity(80)
        .stacking(options.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    )
    for severity, name, colour in (
        ("danger", "⬢ " + say("danger"), style.DANGER),
        ("warning", "▲ " + say("warning"), style.WARNING),
        ("notice", "◆ " + say("notice"), style.NOTICE),
    ):
        looks = [setting("displayName", name), setting("color", {"mode": "fixed", "fixedColor": colour})]
        panel = panel.override_by_name(severity, looks)
    return panel


def course(title: str, about: str, query: Sql, mappings: list[ValueMapping]) -> statetimeline.Panel:
    """States over time, a row each; a stretch without a state stays empty."""
    return (
        statetimeline.Panel()
        .title(title)
        .description(about)
        .datasource(source_of((query,)))
        .with_target(Target(query))
        .interval(STEP)
        .mappings(mappings)
        .color_scheme(plain(style.UNKNOWN))
        .merge_values(True)
        .fill_opacity(85)
        .height(10)
        .span(WHOLE)
    )


def days(title: str, about: str, query: Sql) -> statushistory.Panel:
    """A calendar: a row each, a cell a day, the darker the longer above a limit; empty is unknown."""
    steps = ((None, "#d7e3ea"), (0.01, "#fbe3b0"), (0.1, "#f5b95f"), (0.25, "#dd7a2b"), (0.5, "#a8341b"))
    return (
        statushistory.Panel()
        .title(title)
        .description(about)
        .datasource(source_of((query,)))
        .with_target(Target(query))
        .unit("percentunit")
        .decimals(0)
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .thresholds(
            ThresholdsConfig()
            .mode(ThresholdsMode.ABSOLUTE)
            .steps([Threshold(value=value, color=colour) for value, colour in steps])
        )
        .fill_opacity(95)
        .height(12)
        .span(WHOLE)
    )


def by_zone(panel: Chart) -> Chart:
    """Lines named by the zone's own word, without the factory's before it."""
    rename = DataTransformerConfig(
        id_val="renameByRegex", options={"regex": "^[^/]+/(.+)$", "renamePattern": "$1"}
    )
    return panel.with_transformation(rename)


def note(words: str, *, height: int = 3) -> text.Panel:
    """A line of text; what a reader has to know before the numbers."""
    return text.Panel().mode(TextMode.MARKDOWN).content(words).transparent(True).height(height).span(WHOLE)


def screening(say: Say) -> text.Panel:
    """What a fixed sensor can and cannot say, beside what it says."""
    return note(
        say("A fixed sensor supports screening and trends; it is not proof of one person's exposure.")
        + " "
        + say("Each step of a chart shows the worst of its time; gaps are gaps.")
    )
