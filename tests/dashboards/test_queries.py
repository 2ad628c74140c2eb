"""Every query of every panel, run against a real InfluxDB and a real PostgreSQL that hold a simulated day."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
import structlog
from pydantic import SecretStr

from alert_rules.pack_format import load_packs
from dashboards.building import dashboards
from dashboards.plan import Plan
from firmware_sim.fleet import fleet_named
from firmware_sim.scenario_files import Course, course, scenario
from ingest_service.cases.schema import CASES
from ingest_service.cases.store import Cases
from ingest_service.database import open_database
from ingest_service.exposure_rollup import Rollup
from ingest_service.projection import Projector
from ingest_service.register.store import Register
from ingest_service.settings import Settings
from ingest_service.stores import open_database_of, open_ledger_of, open_series_of
from ingest_service.views.keeping import ViewKeeper
from oshwatch.scoring.playing import play
from tests.dashboards.asking import EVERYTHING, Asked, Stores, put_in, queries, rows
from tests.influx_server import InfluxServer
from tests.postgres import TEMPLATE, Postgres, PostgresServer

pytestmark = pytest.mark.timeout(300)

SITE = "kh-f0123"
ZONES = ("sewing-1", "sewing-3", "pressing-1", "cutting-1")
HAZARDS = ("heat", "noise", "air")
DASHBOARDS = dashboards(Plan())
ALL = list(queries(DASHBOARDS))
PAGES = "https://osh.example"

# What the simulated factory has no instrument for, and what a day of ten hours cannot have yet.
NOT_THERE = {
    "fleet: Temperature of the gateway [A]": "simulated gateways have no thermometer",
    "air: Nitrogen dioxide [A]": "no sensor",
    "air: Nitrogen dioxide [B]": "no sensor",
    "air: Formaldehyde [A]": "no sensor",
    "air: Formaldehyde [B]": "no sensor",
    "air: PM2.5 [B]": "an average of 24 h needs 18 of them",
    "air: PM10 [B]": "an average of 24 h needs 18 of them",
}
NO_SENSOR = ("no2.", "hcho.")


@pytest.fixture(scope="module")
def day(
    postgres_server: PostgresServer, influx_session: InfluxServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stores]:
    """A hot day shift of one factory: gateways, ledger, rules and cases as in earnest, minute by minute; then
    the projector brings the whole ledger into InfluxDB, which gives the same numbers and takes seconds."""
    database = Postgres(postgres_server, "dashboards_day")
    postgres_server.create(database.name, TEMPLATE)
    folder, bucket = tmp_path_factory.mktemp("day"), influx_session.new_bucket()
    settings = database.settings(folder / "server")
    in_influx = settings.model_copy(
        update={
            "influx_url": influx_session.url,
            "influx_bucket": bucket,
            "influx_org": influx_session.org,
            "influx_token": SecretStr(influx_session.token) if influx_session.token else None,
        }
    )
    shift = course(scenario(str(Path(__file__).parent / "day.yaml")), fleet_named("demo", 7), None)
    usual = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        play(shift, folder, load_packs(), settings=settings)
    finally:
        structlog.configure(wrapper_class=usual)
    _project(in_influx, shift.end)
    _afterwards(database.url, shift)
    # As seen a quarter of an hour before the shift ends, when its cases are open.
    until = shift.end - 3600.0
    yield Stores(database.grafana_url, influx_session.url, influx_session.token, bucket, shift.start, until)
    postgres_server.drop(database.name)


def _project(settings: Settings, now: float) -> None:
    ledger, engine = open_ledger_of(settings, read_only=True), open_database_of(settings)
    register, series = Register(engine), open_series_of(settings)
    projector = Projector(ledger, series, register.snapshot)
    while projector.step(500):
        pass
    rollup = Rollup(series, register, budget_s=60.0, look_every_s=0.0)
    while not rollup.cycle(now).idle:
        pass
    series.close()
    ledger.close()
    engine.dispose()


def _afterwards(url: str, shift: Course) -> None:
    """What people do with a case, and what the alerts runner keeps for the views."""
    engine = open_database(url)
    register = Register(engine)
    people = {person.login: person for person in register.snapshot().people}
    with engine.connect() as connection:
        heat = connection.execute(
            sa.select(CASES.c.id).where(CASES.c.hazard == "heat").order_by(CASES.c.id).limit(1)
        ).scalar_one()
    cases = Cases(engine)
    for side in ("worker", "management"):
        person = people[f"committee-{side}-{SITE}"]
        cases.acknowledge(heat, person, person.role.side or "worker", shift.end - 3600)
    person = people[f"committee-worker-{SITE}"]
    cases.add_action(heat, "Sok opened the east louvres", person, person.side, shift.end - 3000, None)
    assert ViewKeeper(engine, load_packs(), PAGES).keep(register.snapshot(), shift.end) > 0
    engine.dispose()


def variables(zone: str = ZONES[0], hazard: str = "heat") -> dict[str, str]:
    chosen = {"country": "kh", "site": SITE, "sites": EVERYTHING, "hazard": hazard}
    return chosen | {"zone": f"{SITE}/{zone}", "word": zone}


def known(found: list[dict[str, Any]]) -> bool:
    """Whether anything but times and names came back."""
    return any(
        value is not None for row in found for name, value in row.items() if name not in {"time", "zone"}
    )


@pytest.mark.parametrize("asked", ALL, ids=[one.name for one in ALL])
def test_every_query_is_answered_with_data_of_the_day(day: Stores, asked: Asked) -> None:
    # What shifts came to is there when they are over.
    spans = (day, replace(day, end=day.end + 3600.0))
    found = any(known(rows(span, asked, variables(zone))) for span in spans for zone in ZONES)
    expected = asked.name not in NOT_THERE and not any(
        f"'{kind}" in asked.target.get("query", "") for kind in NO_SENSOR
    )
    assert found is expected, NOT_THERE.get(asked.name, "no data")


@pytest.mark.parametrize("hazard", HAZARDS)
def test_the_national_overview_answers_for_each_hazard(day: Stores, hazard: str) -> None:
    for asked in ALL:
        if asked.dashboard == "national":
            assert known(rows(day, asked, variables(hazard=hazard))), asked.name


def test_a_gap_is_empty_steps_and_a_lower_coverage(day: Stores) -> None:
    """The air temperature of sewing line 1 is silent from 10:20 to 11:10 of the factory's time."""
    heat = next(one for one in ALL if one.name == "zone: Heat: effective WBGT [A]")
    minutes = {row["time"] / 1000: row["max"] for row in rows(day, heat, variables())}
    silent = [value for time, value in minutes.items() if day.start + 14_400 < time < day.start + 16_200]
    assert len(silent) > 25
    assert set(silent) == {None}
    coverage = next(one for one in ALL if one.name == "zone: Coverage [A]")
    least = min(row["min"] for row in rows(day, coverage, variables()) if row["min"] is not None)
    assert least < 0.5


def test_limit_lines_are_those_of_the_packs_with_instrument_and_clause(day: Stores) -> None:
    lines = next(one for one in ALL if one.name == "zone: Heat: effective WBGT [L]")
    found = {(row["metric"], row["value"]) for row in rows(day, lines, variables())}
    reference = {value for name, value in found if "ISO 7243:2017, Annex A, Table A.1" in name}
    assert reference == {29.0, 30.0}
    assert all(name.startswith(("⬢ ", "▲ ", "◆ ")) for name, _ in found)


def test_hours_above_are_what_the_rules_judged(day: Stores) -> None:
    ranking = next(one for one in ALL if one.name == "national: Where to look first [A]")
    (factory,) = rows(day, ranking, variables())
    with psycopg.connect(day.cases_url.replace("+psycopg", "")) as connection:
        most = connection.execute(
            "SELECT max(above) / 60.0 FROM grafana.v1_judged_shifts WHERE rule = 'heat-iso7243-reference'"
        ).fetchone()
    assert most is not None
    assert float(factory["hours_above"]) == pytest.approx(float(most[0]))
    assert 0.5 < factory["coverage"] <= 1.0


def test_the_views_say_nothing_of_people(day: Stores) -> None:
    with psycopg.connect(day.cases_url.replace("+psycopg", "")) as connection:
        names = [
            str(row[0])
            for row in connection.execute(
                "SELECT table_name FROM information_schema.views WHERE table_schema = 'grafana'"
            )
        ]
        text = "\n".join(
            str(row[0])
            for name in names
            for row in connection.execute(f"SELECT v::text FROM grafana.{name} v".encode())  # noqa: S608
        )
    assert len(names) == 10
    assert "committee" not in text.replace("committee.worker", "").replace("committee.management", "")
    assert "louvres" not in text


def test_grafanas_role_reads_the_views_and_nothing_else(day: Stores) -> None:
    with (
        psycopg.connect(day.cases_url.replace("+psycopg", "")) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("SELECT * FROM persons")


def test_the_pages_are_where_the_links_lead(day: Stores) -> None:
    address = next(one for one in ALL if one.name == "zone: variable public_url [variable]")
    assert rows(day, address, variables()) == [{"value": PAGES}]


def test_a_name_with_a_quote_stays_a_name() -> None:
    text = "SELECT 1 WHERE site = ${site:sqlstring} AND site ~ '^(${site:regex})$'"
    assert put_in(text, {"site": "l'usine.1"}) == (
        "SELECT 1 WHERE site = 'l''usine.1' AND site ~ '^(l'usine\\.1)$'"
    )
