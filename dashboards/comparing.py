"""What differs between a dashboard or a data source as it is in Grafana and as the code makes it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_GRAFANAS_OWN: Final = frozenset({"id", "version", "iteration", "apiVersion"})
"""What Grafana numbers itself in a dashboard."""
MOST_LINES: Final = 20


def dashboard_differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """One line for each place that differs."""
    return _lines(_without(stored), _without(wanted))


def source_differences(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The same for a data source: only what we set is ours. Secrets cannot be read back and are not "
    "compared."""
    found = {key: stored.get(key) for key in wanted if key != "secureJsonData"}
    settings = stored.get("jsonData")
    if isinstance(settings, Mapping):
        found["jsonData"] = {key: settings.get(key) for key in wanted["jsonData"]}
    asked = {key: value for key, value in wanted.items() if key != "secureJsonData"}
    if str(found.get("type", "")).endswith("postgresql-datasource"):
        found["type"] = asked["type"]  # its name since Grafana 11
    if not found.get("database"):
        found["database"] = asked["database"]  # Grafana 10 and later keep it in jsonData
    return _lines(found, asked)


def _without(dashboard: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in dashboard.items() if key not in _GRAFANAS_OWN}


def _lines(stored: Any, wanted: Any) -> list[str]:
    found = list(_differing(stored, wanted, ""))
    more = len(found) - MOST_LINES
    return found if more <= 0 else [*found[:MOST_LINES], f"... and {more} more places"]


def _differing(stored: Any, wanted: Any, where: str) -> Iterator[str]:
    if isinstance(stored, Mapping) and isinstance(wanted, Mapping):
        for key in sorted({*stored, *wanted}):
            yield from _differing(stored.get(key), wanted.get(key), f"{where}.{key}" if where else key)
    elif isinstance(stored, list) and isinstance(wanted, list) and len(stored) == len(wanted):
        for number, (one, other) in enumerate(zip(stored, wanted, strict=True)):
            yield from _differing(one, other, f"{where}[{number}]")
    elif stored != wanted:
        yield f"{where}: {_short(stored)} -> {_short(wanted)}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} entries"
    if isinstance(value, Mapping):
        return "an object"
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
