"""Columns of tables: names, units, states, links."""

from __future__ import annotations

from collections.abc import Iterable

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, ValueMapping


def column(panel: table.Panel, field: str, name: str, **properties: object) -> table.Panel:
    """Name a column and set its properties (`unit`, `decimals`, `mappings`, ...)."""
    found = [setting("displayName", name)]
    found += [setting(key.replace("__", "."), value) for key, value in properties.items()]
    return panel.override_by_name(field, found)


def states_column(panel: table.Panel, field: str, name: str, mappings: list[ValueMapping]) -> table.Panel:
    """A column of states: word and shape on its colour."""
    return column(
        panel,
        field,
        name,
        mappings=mappings,
        custom__cellOptions={"type": "color-text"},
        custom__minWidth=140,
    )


def hidden(panel: table.Panel, *fields: str) -> table.Panel:
    """Columns that only links need."""
    for field in fields:
        panel = panel.override_by_name(field, [setting("custom.hidden", True)])
    return panel


def linked(panel: table.Panel, field: str, name: str, links: Iterable[tuple[str, str]]) -> table.Panel:
    """A column that leads somewhere: titles and addresses."""
    made = [
        DashboardLink(title).url(url).target_blank(url.startswith("${public_url")).build()
        for title, url in links
    ]
    return column(panel, field, name, links=made)


def setting(key: str, value: object) -> DynamicConfigValue:
    """One property of a field, as overrides hold it."""
    return DynamicConfigValue(id_val=key, value=value)
