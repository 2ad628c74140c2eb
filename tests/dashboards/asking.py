"""Asks what a dashboard asks, as Grafana does: variables and macros put in, then the real stores.

How Grafana formats a variable (`raw`, `regex`, `sqlstring`) and what its macros become is written in its
manual; the same queries were also run in a real Grafana.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg

EVERYTHING = ".*"
STEP_S = 60
_VARIABLE = re.compile(r"\$\{(\w+):(raw|regex|sqlstring)\}")
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}/]")


@dataclass(frozen=True)
class Stores:
    """Where the day is, and which instants it spans [s]."""

    cases_url: str
    series_url: str
    series_token: str
    bucket: str
    start: float
    end: float


@dataclass(frozen=True)
class Asked:
    """One query of one panel."""

    dashboard: str
    panel: str
    target: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.dashboard}: {self.panel} [{self.target['refId']}]"

    @property
    def is_sql(self) -> bool:
        return "rawSql" in self.target


def queries(dashboards: Mapping[str, Mapping[str, Any]]) -> Iterator[Asked]:
    """Every query of panels, of notes on the time line and of variables."""
    for name, dashboard in dashboards.items():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", ()):
                yield Asked(name, panel["title"], target)
        for marks in dashboard.get("annotations", {}).get("list", ()):
            yield Asked(name, f"notes: {marks['name']}", marks["target"])
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                target = {"refId": "variable", "rawSql": variable["query"]}
                yield Asked(name, f"variable {variable['name']}", target)


def put_in(text: str, variables: Mapping[str, str]) -> str:
    """The text with its variables; "all" goes in as it is, as Grafana does with a custom value of it."""

    def formatted(found: re.Match[str]) -> str:
        value, form = variables[found[1]], found[2]
        if form == "raw" or value == EVERYTHING:
            return value
        if form == "regex":
            return _SPECIAL.sub(lambda sign: "\\" + sign[0], value)
        return "'" + value.replace("'", "''") + "'"

    return _VARIABLE.sub(formatted, text)


def rows(stores: Stores, asked: Asked, variables: Mapping[str, str]) -> list[dict[str, Any]]:
    """What comes back, a dictionary a row; fails when the store refuses."""
    if asked.is_sql:
        return _sql(stores, put_in(asked.target["rawSql"], variables))
    return _influx(stores, put_in(asked.target["query"], variables))


def _sql(stores: Stores, text: str) -> list[dict[str, Any]]:
    since, until = (f"'{_iso(one)}'" for one in (stores.start, stores.end))
    text = re.sub(r"\$__timeFilter\(([^)]+)\)", rf"\1 BETWEEN {since} AND {until}", text)
    group = rf"to_timestamp(floor(extract(epoch from \1)/{STEP_S})*{STEP_S})"
    text = re.sub(r"\$__timeGroup\(([^,]+), \$__interval\)", group, text)
    for macro, value in (
        ("$__timeFrom()", since),
        ("$__timeTo()", until),
        ("$__unixEpochFrom()", f"{stores.start:.0f}"),
        ("$__unixEpochTo()", f"{stores.end:.0f}"),
    ):
        text = text.replace(macro, value)
    assert "$" not in text.replace("$'", ""), f"a macro or variable is left: {text}"
    with psycopg.connect(stores.cases_url.replace("+psycopg", "")) as connection:
        cursor = connection.execute(text.encode())
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def _influx(stores: Stores, text: str) -> list[dict[str, Any]]:
    span = f"time >= {1000 * stores.start:.0f}ms AND time <= {1000 * stores.end:.0f}ms"
    text = text.replace("$timeFilter", span).replace("$__interval", f"{STEP_S}s")
    assert "$" not in text, f"a macro or variable is left: {text}"
    headers = {"Authorization": f"Token {stores.series_token}"} if stores.series_token else {}
    answer = httpx.get(
        f"{stores.series_url}/query", params={"db": stores.bucket, "q": text, "epoch": "ms"}, headers=headers
    )
    answer.raise_for_status()
    (result,) = answer.json()["results"]
    assert "error" not in result, result
    return [
        {**one.get("tags", {}), **dict(zip(one["columns"], row, strict=True))}
        for one in result.get("series", ())
        for row in one["values"]
    ]


def _iso(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat().replace("+00:00", "Z")
