"""A map that asks nobody outside: countries from a file that comes with Grafana, no tiles from the "
"internet."""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.builders import common as options
from grafana_foundation_sdk.builders import geomap
from grafana_foundation_sdk.models.common import FrameGeometrySourceMode
from grafana_foundation_sdk.models.geomap import TooltipMode

from dashboards import style
from dashboards.panels import plain
from dashboards.plan import Plan
from dashboards.sources import Sql, Target, source_of

COUNTRIES: Final = "public/maps/countries.geojson"
"""A path within Grafana's own files."""


def factories(plan: Plan, query: Sql) -> geomap.Panel:
    """Factories as points, coloured and named by their state."""
    say = plan.say
    return (
        geomap.Panel()
        .title(say("Map of factories"))
        .description(say("Points by state; point at one for its name and its state in words."))
        .datasource(source_of((query,)))
        .with_target(Target(query))
        .mappings(style.states(say))
        .color_scheme(plain(style.UNKNOWN))
        .basemap(_countries())
        .layers([_points(say("Factories"))])
        .view(geomap.MapViewConfig().id("fit").all_layers(True).zoom(6).max_zoom(9))
        .controls(geomap.ControlsOptions().show_zoom(True).mouse_wheel_zoom(False).show_attribution(False))
        .tooltip(geomap.TooltipOptions().mode(TooltipMode.DETAILS))
        .span(12)
        .height(11)
    )


def _countries() -> options.MapLayerOptions:
    look = {
        "color": {"fixed": "#c9c7c0"},
        "opacity": 0.4,
        "lineWidth": 1,
        "size": {"fixed": 3, "min": 1, "max": 3},
    }
    return (
        options.MapLayerOptions()
        .type("geojson")
        .name("countries")
        .config({"src": COUNTRIES, "rules": [], "style": look})
        .tooltip(False)
    )


def _points(name: str) -> options.MapLayerOptions:
    where = (
        options.FrameGeometrySource()
        .mode(FrameGeometrySourceMode.COORDS)
        .latitude("latitude")
        .longitude("longitude")
    )
    look = {
        "color": {"field": "state", "fixed": style.UNKNOWN},
        "opacity": 0.8,
        "size": {"field": "workers", "fixed": 8, "min": 6, "max": 18},
        "symbol": {"mode": "fixed", "fixed": "img/icons/marker/circle.svg"},
    }
    return (
        options.MapLayerOptions()
        .type("markers")
        .name(name)
        .config({"showLegend": False, "style": look})
        .location(where)
        .tooltip(True)
    )
