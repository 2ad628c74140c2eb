"""A factory with its stores and an alerts runner that can be killed, on a clock that is moved by hand."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from alert_rules.pack_format import load_packs
from alert_rules.pack_model import Pack
from ingest_service.alert_cycle import AlertCycle
from ingest_service.cases.doubting import Devices
from ingest_service.cases.schema import CASE_EVENTS, CASES, NOTICES
from ingest_service.register.store import Register
from ingest_service.series.port import ExposureRow
from ingest_service.series.sqlite import SqliteSeries

ZONE = "kh-f0123/sewing-3"
NIGHT_END = 1780272000.0  # Monday 2026-06-01 00:00 UTC, 07:00 in Phnom Penh: the day shift begins
START = int(NIGHT_END // 60)


@cache
def shipped_packs() -> tuple[Pack, ...]:
    """The packs that come with the product, read once."""
    return load_packs()


class HandClock:
    """A clock that stands where the test puts it."""

    rate = 1.0

    def __init__(self, t: float) -> None:
        self.t = t

    def now(self) -> float:
        return self.t


class Plant:
    """The sample factory with its stores and a runner that can be killed."""

    def __init__(self, engine: sa.Engine, register: Register, series: SqliteSeries) -> None:
        self.engine, self.register, self.series = engine, register, series
        self.clock = HandClock(NIGHT_END)
        self.packs: Sequence[Pack] = shipped_packs()
        self.devices: Devices | None = None
        self.keep_days: float | None = None
        self.cycle = self.fresh()

    def fresh(self) -> AlertCycle:
        """A runner that was just started and knows only what is stored."""
        return AlertCycle(
            self.engine,
            self.register,
            self.series,
            self.packs,
            clock=self.clock,
            link_base="http://osh.example",
            live_age_s=900.0,
            keep_days=self.keep_days,
            devices=self.devices,
        )

    def measure(
        self, values: Iterable[float | None], first: int, kind: str = "wbgt_eff.twa60", coverage: float = 1.0
    ) -> None:
        """Exposures of one minute each, all written at once."""
        self.series.write_exposures(
            [
                ExposureRow(
                    ZONE,
                    kind,
                    first + n,
                    value,
                    coverage,
                    60,
                    int(60 * coverage),
                    60.0,
                    "measured_globe",
                    0,
                    "1",
                )
                for n, value in enumerate(values)
            ]
        )

    def live(self, values: Iterable[float | None], first: int, **more: Any) -> None:
        """The same, minute by minute, each judged as it comes."""
        for n, value in enumerate(values):
            self.measure([value], first + n, **more)
            self.clock.t = 60.0 * (first + n) + 2.0
            self.cycle.judge_new()
            self.cycle.look_at_clock()

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        query = sa.select(table).order_by(*table.primary_key.columns)
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def heat(self) -> list[dict[str, Any]]:
        return [case for case in self.rows(CASES) if case["hazard"] == "heat"]

    def heat_of(self, rule: str) -> list[dict[str, Any]]:
        return [case for case in self.heat() if case["rule"] == rule]

    def told(self, kind: str) -> set[str]:
        heat = {case["id"] for case in self.heat()}
        return {n["name"] for n in self.rows(NOTICES) if n["kind"] == kind and n["case_id"] in heat}

    def kinds(self, case_id: int) -> list[str]:
        return [line["kind"] for line in self.rows(CASE_EVENTS) if line["case_id"] == case_id]
