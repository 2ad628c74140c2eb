"""Putting the made-up year into real stores, as fast as they take it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa

from alert_rules.pack_format import load_packs
from ingest_service.cases.schema import ACTIONS, CASES, JUDGED_SHIFTS
from ingest_service.database import write
from ingest_service.queries.limits_in_force import LimitsInForce
from ingest_service.queries.panels import HAZARDS, panels_of
from ingest_service.register.description import import_description
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.register.store import Register
from ingest_service.series.port import SeriesStore
from ingest_service.series.sqlite import FILE_NAME
from ingest_service.settings import Settings
from ingest_service.stores import influx_of, open_database_of, open_ledger_of, open_series_of
from oshwatch.bench.registering import Copy, Registered
from oshwatch.bench.year import (
    COUNTRIES,
    NOW,
    Nation,
    description,
    gateway_id,
    minutes_above,
    newest_exposures,
    shifts,
    site,
    site_id,
    summaries,
)

AT_ONCE: Final = 50_000
CASES_A_SITE: Final = 40
_OF_SITE: Final = ("district", "latitude", "longitude")
_SUMMARY: Final = "INSERT INTO summaries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
Tell = Callable[[str], None]


def fill(settings: Settings, nation: Nation, tell: Tell) -> dict[str, int]:
    """Fill empty stores; how many rows of what."""
    tell("registering the factories")
    engine = open_database_of(settings)
    try:
        open_ledger_of(settings).close()
        register = Register(engine, lambda: NOW - 400 * 86400.0)
        first = replace(nation, factories=min(nation.factories, len(COUNTRIES)))
        import_description(register, description(first), "bench")
        _register_others(engine, nation, first.factories)
        snapshot = register.snapshot()
        tell("writing judged shifts")
        judged = _fill(engine, JUDGED_SHIFTS, _judged(nation, snapshot))
        tell("writing cases")
        cases = _fill(engine, CASES, _cases(nation))
        _fill(engine, ACTIONS, _actions(cases))
    finally:
        engine.dispose()
    with closing(open_series_of(settings)) as series:
        tell("writing channels and the newest exposures")
        _channels(series, nation)
        newest = sum(series.write_exposures(rows) for rows in _pieces(newest_exposures(nation)))
    tell("writing summaries")
    if settings.influx_url is None:
        summed = _summaries_into_file(settings, nation)
    else:
        summed = summaries_into_influx(settings, nation)
    return {"judged_shifts": judged, "cases": cases, "newest_exposures": newest, "summaries": summed}


def _register_others(engine: sa.Engine, nation: Nation, done: int) -> None:
    """Copies of the factory in the same country, with a name, a district and a place of their own."""
    registered = Registered(engine)
    patterns = [registered.pattern(site_id(number)) for number in range(done)]
    registered.fill(
        Copy(
            patterns[number % done],
            {
                site_id(number % done): site_id(number),
                site(number % done, 0)["name"]: site(number, 0)["name"],
            },
            {key: value for key, value in site(number, 0).items() if key in _OF_SITE},
        )
        for number in range(done, nation.factories)
    )


def _judged(nation: Nation, register: RegisterSnapshot) -> Iterator[dict[str, Any]]:
    limits = LimitsInForce(load_packs())
    known: dict[tuple[object, ...], list[str]] = {}
    for number in range(nation.factories):
        its_site = register.site(site_id(number))
        assert its_site is not None  # noqa: S101 - it was registered above
        stretches = list(shifts(nation, number))
        for index, zone in enumerate(register.zones_of(its_site.id)):
            key = (its_site.country, its_site.sector, zone.metabolic_class, zone.acclimatised)
            if key not in known:
                known[key] = [
                    active[0].id
                    for hazard in HAZARDS
                    for panel in panels_of(hazard)[:1]
                    if (active := limits.active(its_site, zone, (panel.judged,), NOW))
                ]
            for rule in known[key]:
                for begin, end in stretches:
                    above, within = minutes_above(nation.zones * number + index, begin)
                    yield {
                        "zone": zone.id,
                        "rule": rule,
                        "start": begin,
                        "end": end,
                        "above": above,
                        "within": within,
                        "cannot_tell": end - begin - above - within,
                    }


def _cases(nation: Nation) -> Iterator[dict[str, Any]]:
    """Cases spread over the year; the newest of every fourth factory is open."""
    for number in range(nation.factories):
        for nth in range(CASES_A_SITE):
            opened = NOW - 3600.0 - (nth * nation.days / CASES_A_SITE) * 86400.0
            is_open = nth == 0 and number % 4 == 0
            yield {
                "key": f"bench:{number}:{nth}",
                "site": site_id(number),
                "zone": f"{site_id(number)}/zone-{nth % nation.zones}",
                "subject": "",
                "hazard": "heat",
                "rule": "intl-heat/wbgt-reference-value",
                "pack": "intl-heat",
                "pack_version": "bench",
                "state": "open" if is_open else "closed",
                "severity": "danger",
                "opened_at": opened,
                "cleared_at": None if is_open else opened + 7200.0,
                "closed_at": None if is_open else opened + 86400.0,
                "event": {"since": opened},
            }


def _actions(cases: int) -> Iterator[dict[str, Any]]:
    for number in range(1, cases + 1):
        at = NOW - 3000.0
        yield {
            "case_id": number,
            "text": "Fans",
            "person": "1",
            "name": "Committee",
            "side": "worker",
            "at": at,
        }


def _channels(series: SeriesStore, nation: Nation) -> None:
    """Every channel with a reading of half a minute ago."""
    with series.transaction():
        for number in range(nation.factories):
            ids = [
                series.channel_id(site_id(number), gateway_id(number), f"st{zone}", quantity, None)
                for zone in range(nation.zones)
                for quantity in ("ta", "rh", "tg", "la.eq60", "pm2_5")
            ]
            at = round((NOW - 30.0) * 1000) * 1000
            series.write(
                [(one, at, 27.0, 0, 1) for one in ids], [], "bench", 0, received=dict.fromkeys(ids, NOW)
            )
        while pairs := series.take_dirty(AT_ONCE):
            series.clear_dirty(pairs)


def _summaries_into_file(settings: Settings, nation: Nation) -> int:
    """Straight into the file: nothing here has to outlive a power cut."""
    count = 0
    with closing(sqlite3.connect(settings.data_dir / FILE_NAME, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for rows in _pieces(summaries(nation)):
            connection.execute("BEGIN")
            connection.executemany(_SUMMARY, rows)
            connection.execute("COMMIT")
            count += len(rows)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return count


def summaries_into_influx(settings: Settings, nation: Nation) -> int:
    """Straight into the bucket: there is nothing to compare them with."""
    from ingest_service.series.influx.link import Link
    from ingest_service.series.influx.summing import summary_line

    count = 0
    with closing(Link(influx_of(settings))) as link:
        for rows in _pieces(summaries(nation)):
            link.write([summary_line(row) for row in rows])
            count += len(rows)
    return count


def _fill(engine: sa.Engine, table: sa.Table, rows: Iterable[dict[str, Any]]) -> int:
    count = 0
    for piece in _pieces(rows):
        with write(engine) as connection:
            connection.execute(sa.insert(table), piece)
        count += len(piece)
    return count


def _pieces(rows: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(rows)
    while piece := list(islice(left, AT_ONCE)):
        yield piece
