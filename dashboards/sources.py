"""The two data sources, and queries to them as the SDK takes them.

Their uids are fixed, so that a dashboard of one installation works in every other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from grafana_foundation_sdk.cog import variants
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

SERIES_UID: Final = "oshwatch-series"
CASES_UID: Final = "oshwatch-cases"

SERIES: Final = DataSourceRef(type_val="influxdb", uid=SERIES_UID)
CASES: Final = DataSourceRef(type_val="grafana-postgresql-datasource", uid=CASES_UID)
# Grafana's own name for "each query says where it goes".
MIXED: Final = DataSourceRef(type_val="datasource", uid="-- Mixed --")

Shape = Literal["time_series", "table"]


@dataclass(frozen=True, slots=True)
class InfluxQL(variants.Dataquery):
    """A query of the series in InfluxQL, written out. The SDK has no class for it.

    `alias` names the lines: `$tag_zone`, `$col`, or plain text.
    """

    ref: str
    text: str
    alias: str = ""
    shape: Shape = "time_series"

    def to_json(self) -> dict[str, object]:
        """As Grafana stores it."""
        return {
            "refId": self.ref,
            "datasource": SERIES.to_json(),
            "query": self.text,
            "rawQuery": True,
            "resultFormat": self.shape,
            "alias": self.alias,
        }


@dataclass(frozen=True, slots=True)
class Sql(variants.Dataquery):
    """A query of the cases and the register in SQL, on the views of the schema `grafana` only."""

    ref: str
    text: str
    shape: Shape = "table"

    def to_json(self) -> dict[str, object]:
        """As Grafana stores it."""
        return {
            "refId": self.ref,
            "datasource": CASES.to_json(),
            "rawSql": self.text,
            "rawQuery": True,
            "format": self.shape,
            "editorMode": "code",
        }


Query = InfluxQL | Sql


class Target(Builder[variants.Dataquery]):
    """Hands a query to a panel's builder."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def build(self) -> variants.Dataquery:
        """The query as it is."""
        return self._query


def source_of(queries: tuple[Query, ...]) -> DataSourceRef:
    """The data source that a panel with these queries names."""
    kinds = {type(query) for query in queries}
    if len(kinds) > 1:
        return MIXED
    return SERIES if kinds == {InfluxQL} else CASES
