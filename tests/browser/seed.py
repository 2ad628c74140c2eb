"""A small, fixed world for looking at pages: real stores, four factories in two countries.

    kh-f0123  one zone over its heat limit with an open case, a gap, a warm zone, a quiet one
    kh-f0045  all within limits
    kh-f0007  silent for three hours
    jo-f0211  noise above a limit, a foreign device

The clock of the service runs at real speed from `NOW` on. What is written here goes through the same doors
that the runners use; only the exposures are invented instead of computed.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from alert_rules.engine import Change, Transition
from alert_rules.pack_format import load_packs
from alert_rules.zone_rules import ActiveRule
from ingest_service.auth.passwords import Passwords
from ingest_service.auth.schema import CREDENTIALS
from ingest_service.cases.events import exposure_event
from ingest_service.cases.keeping import CaseKeeper
from ingest_service.cases.outbox import NoticeOutbox
from ingest_service.cases.schema import CASES, JUDGEMENTS
from ingest_service.cases.store import Cases
from ingest_service.database import migrate, open_database, write
from ingest_service.ledger.port import Accepted, BirthNote, Rejected, StateNote
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.queries.limits_in_force import LimitsInForce, verdict
from ingest_service.register.description import import_description
from ingest_service.register.entries import Gateway
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.register.store import Register
from ingest_service.series.port import ExposureRow, QualityRow, Span
from ingest_service.series.sqlite import SqliteSeries, open_series
from osh_domain.batch import genesis, payload_hash
from osh_domain.quality_tests import QcFlag, QcTest
from tests.browser.seed_world import DOCUMENT, PASSWORD, SILENT_FROM, ZONES, ZoneStory

# Wednesday 22 April 2026, 14:20 in Phnom Penh, 10:20 in Amman.
NOW: Final = 1776842400.0
DAYS: Final = 8
_EPOCH: Final = "00112233445566aa"
_INSERT: Final = "INSERT OR REPLACE INTO exposures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def clock_setting() -> str:
    """The service's clock: it shows `NOW` when the server starts and goes on at real speed."""
    return f"1@{time.time():.3f}={NOW:.3f}"


def build(data_dir: Path) -> None:
    """Fill a fresh data directory."""
    data_dir.mkdir(parents=True, exist_ok=True)
    engine = open_database(data_dir)
    migrate(engine)
    register = Register(engine, lambda: NOW - 20 * 86400)
    import_description(register, DOCUMENT, "seed")
    passwords = Passwords(register)
    people = register.snapshot().people
    passwords.set(people[0].id, PASSWORD, "seed")
    _share_password(engine, [person.id for person in people])
    (data_dir / "demo-password").write_text(PASSWORD + "\n", "utf-8")
    snapshot = register.snapshot()
    with closing(open_series(data_dir)) as series:
        _fill_series(series, snapshot)
    _fill_exposures(data_dir, snapshot)
    _revise_and_doubt(data_dir)
    _fill_judgements(engine, data_dir, snapshot)
    _fill_cases(engine, data_dir, snapshot)
    _fill_ledger(data_dir, snapshot)
    engine.dispose()


def _share_password(engine: sa.Engine, people: list[int]) -> None:
    """One slow hash for all: each account gets the first one's."""
    with write(engine) as connection:
        held = connection.execute(sa.select(CREDENTIALS)).mappings().one()
        rest = [{**held, "person": person} for person in people if person != held["person"]]
        connection.execute(sa.insert(CREDENTIALS), rest)


def latest(data_dir: Path, zone: str, kind: str) -> ExposureRow:
    """The newest exposure of a kind."""
    with closing(open_series(data_dir, read_only=True)) as series:
        return next(row for row in series.latest_exposures([zone]) if row.kind == kind)


def write_exposure(data_dir: Path, row: ExposureRow) -> None:
    """What the rollup does when a new minute is complete."""
    with closing(open_series(data_dir)) as series:
        series.write_exposures([row])


# --- series -------------------------------------------------------------------------------------------


def _fill_series(series: SqliteSeries, snapshot: RegisterSnapshot) -> None:
    points = []
    received = {}
    for expected in snapshot.expected:
        gateway = snapshot.gateway(expected.gateway)
        assert gateway is not None
        stem = expected.quantity.partition(".")[0]
        unit, value = {
            "ta": ("Cel", 33.6), "rh": ("%RH", 61.0), "tg": ("Cel", 36.9), "va": ("m/s", 0.21),
            "la": ("dB", 83.4), "pm2_5": ("ug/m3", 41.2), "co2": ("ppm", 1240.0), "co": ("ppm", 3.1),
        }[stem]  # fmt: skip
        channel = series.channel_id(gateway.site, gateway.id, expected.sensor, expected.quantity, unit)
        last = NOW - 40.0
        if gateway.id in SILENT_FROM:
            last = SILENT_FROM[gateway.id] + NOW
        for back in range(30, -1, -1):
            t = last - back * expected.period_s
            wave = value * (1 + 0.01 * math.sin(back / 4))
            grade = 2 if gateway.kind == "foreign" else 1
            points.append((channel, int(t * 1000) * 1000, wave, 0, grade))
        received[channel] = last + 12.0
        end = int(last // 60)
        series.write_minutes(
            Span(channel, minute, 3, value, value, value, 0, 1) for minute in range(end - 1440, end + 1)
        )
    for gateway in snapshot.gateways:
        for quantity, unit, value in _said_of_itself(gateway.id):
            channel = series.channel_id(gateway.site, gateway.id, "sys", quantity, unit)
            last = SILENT_FROM.get(gateway.id, -40.0) + NOW
            points.append((channel, int(last * 1000) * 1000, value, 0, 1))
            received[channel] = last + 12.0
    series.write(points, [], "ledger", 1, received=received)


def _said_of_itself(gateway: str) -> list[tuple[str, str, float]]:
    """Backlog, disk and heat of a gateway; one has a bad link and a nearly full card."""
    waiting, age, free = (412.0, 26_100.0, 0.07) if gateway == "kh-f0045-a" else (1.0, 41.0, 0.78)
    return [("outbox", "count", waiting), ("backlog_age", "s", age), ("disk_free", "/", free),
            ("temp", "Cel", 51.0)]  # fmt: skip


def _fill_exposures(data_dir: Path, snapshot: RegisterSnapshot) -> None:
    rows = (row for story in ZONES for row in _rows(snapshot, story))
    with closing(sqlite3.connect(data_dir / "series.sqlite", isolation_level=None)) as file:
        file.execute("BEGIN")
        file.executemany(
            _INSERT, ((*row[:10], 0, row.calc, number) for number, row in enumerate(rows, start=1))
        )
        file.execute("INSERT OR REPLACE INTO cursors SELECT 'exposure_change', max(change) FROM exposures")
        file.execute("COMMIT")


def _revise_and_doubt(data_dir: Path) -> None:
    """Late data replaced the newest hour of one zone; tests doubt some minutes of its thermometer."""
    row = latest(data_dir, "kh-f0123/sewing-3", "wbgt_eff.twa60")
    with closing(open_series(data_dir)) as series:
        better = row._replace(value=(row.value or 0.0) + 0.1)
        series.write_exposures([better], cause=lambda _kind, _minute: "late_data", at=NOW - 20.0)
        entry = series.channel("kh-f0123-a", "th2", "ta")
        assert entry is not None
        first = row.minute - 240
        doubted = [QualityRow(entry.id, first + n, QcFlag.SUSPECT, QcTest.RATE) for n in range(25)]
        failed = [QualityRow(entry.id, first + 40 + n, QcFlag.FAIL, QcTest.FLAT_LINE) for n in range(12)]
        series.replace_quality(entry.id, first, first + 60, doubted + failed)


def _rows(snapshot: RegisterSnapshot, story: ZoneStory) -> Iterator[ExposureRow]:
    last = int((NOW - 60) // 60)
    if story.ends_before_s:
        last -= int(story.ends_before_s // 60)
    calendar = snapshot.calendar(story.zone.partition("/")[0])
    for minute in range(last - DAYS * 1440, last + 1):
        t = 60.0 * minute
        whole = last - minute <= 1560  # the last 26 hours with all kinds, before that what is judged
        shift = calendar.shift_of_minute(minute)
        if shift is None and not whole:
            continue
        into = 0.0 if shift is None else (t - shift.start) / shift.length_s
        lost = any(NOW - begin <= t <= NOW - end for begin, end in story.gaps_before_s)
        for kind, value, coverage in story.kinds(t, into, working=shift is not None, whole=whole):
            known = None if lost and coverage >= 1 else value
            share = 0.2 if lost else coverage
            gap_s = 0.0 if share >= 1 else 900.0
            method = story.method if kind.startswith("wbgt") else ""
            told = known if share >= 0.75 else None
            received = round(60 * share)
            yield ExposureRow(
                story.zone, kind, minute, told, share, 60, received, gap_s, method, story.grade, "1"
            )


# --- what the alert runner writes ---------------------------------------------------------------------


def _fill_judgements(engine: sa.Engine, data_dir: Path, snapshot: RegisterSnapshot) -> None:
    limits = LimitsInForce(load_packs())
    kinds = ("wbgt_eff.twa60", "la.lex8h", "pm2_5.mean24h", "co2.twa8h", "co.twa8h")
    rows = []
    with closing(open_series(data_dir, read_only=True)) as series:
        for zone in snapshot.zones:
            site = snapshot.site(zone.site)
            assert site is not None
            calendar = snapshot.calendar(site.id)
            for active in _first_of_each_kind(limits.active(site, zone, kinds, NOW)):
                for row in series.exposures(zone.id, active.rule.exposure, 0, int(NOW // 60)):
                    if calendar.shift_of_minute(row.minute) is not None:
                        word = verdict(active, row).value
                        rows.append(
                            {"zone": zone.id, "rule": active.id, "minute": row.minute, "verdict": word}
                        )
    with write(engine) as connection:
        connection.execute(sa.insert(JUDGEMENTS), rows)


def _first_of_each_kind(rules: list[ActiveRule]) -> list[ActiveRule]:
    """The rule that pages count with."""
    return list({one.rule.exposure: one for one in reversed(rules)}.values())


def _fill_cases(engine: sa.Engine, data_dir: Path, snapshot: RegisterSnapshot) -> None:
    _open_case(engine, data_dir, snapshot, "kh-f0123/pressing", "heat-iso7243-reference", NOW - 13200)
    _open_case(engine, data_dir, snapshot, "jo-f0211/knitting", "noise-niosh-twa", NOW - 5400)
    _open_case(engine, data_dir, snapshot, "kh-f0123/sewing-3", "heat-iso7243-reference", NOW - 2 * 86400)
    cases = Cases(engine)
    people = snapshot.people_by_login
    old = next(row for row in cases.open_cases() if row["zone"] == "kh-f0123/sewing-3")
    cases.acknowledge(old["id"], people["dara"], "worker", old["opened_at"] + 700)
    cases.acknowledge(old["id"], people["vanna"], "management", old["opened_at"] + 1900)
    done = "Fans moved beside line 3, roof sprayed at noon"
    cases.add_action(old["id"], done, people["vanna"], "management", old["opened_at"] + 9000)
    with write(engine) as connection:
        ended = old["opened_at"] + 12000
        connection.execute(
            sa.update(CASES).where(CASES.c.id == old["id"]).values(state="cleared", cleared_at=ended)
        )
    outbox = NoticeOutbox(engine, lambda person: snapshot.contacts(int(person)))
    for number, waiting in enumerate(outbox.due(NOW, 100)):
        attempt = _begun(outbox, waiting.id, waiting.first_at + 4)
        if number % 3 == 1:
            again = waiting.first_at + 240
            outbox.failed(attempt, waiting.first_at + 14, "451 try again later", again_at=again, second=False)
            attempt = _begun(outbox, waiting.id, again)
            outbox.delivered(attempt, again + 2, "250 queued as 7C1F")
        else:
            outbox.delivered(attempt, waiting.first_at + 5, "250 queued as 5A02")


def _begun(outbox: NoticeOutbox, notice: int, at: float) -> int:
    attempt = outbox.begin(notice, at)
    assert attempt is not None
    return attempt


def _open_case(
    engine: sa.Engine, data_dir: Path, snapshot: RegisterSnapshot, zone_id: str, rule_id: str, at: float
) -> None:
    limits = LimitsInForce(load_packs())
    zone = snapshot.zone(zone_id)
    assert zone is not None
    site = snapshot.site(zone.site)
    assert site is not None
    kinds = ("wbgt_eff.twa60", "la.lex8h")
    active = next(one for one in limits.active(site, zone, kinds, NOW) if one.id == rule_id)
    minute = int(at // 60)
    with closing(open_series(data_dir, read_only=True)) as series:
        row = series.exposures(zone_id, active.rule.exposure, minute, minute)[0]
    transition = Transition(Change.RAISED, minute, minute - 9, "above for 10 min")
    event = exposure_event(active, site, zone, row, transition, active.rule.severity)
    with write(engine) as connection:
        CaseKeeper(connection, snapshot, "http://127.0.0.1:8080", at).raised(event, transition.reason)


# --- what the intake writes ---------------------------------------------------------------------------


def _fill_ledger(data_dir: Path, snapshot: RegisterSnapshot) -> None:
    with closing(open_ledger(data_dir)) as ledger:
        for gateway in snapshot.gateways:
            at = SILENT_FROM.get(gateway.id, -30.0) + NOW
            signed = gateway.kind == "signed"
            ledger.append([_batch(gateway, at)], _notes(gateway, at) if signed else [])
        torn = b'{"v":1,"gw":"kh-f0123-a","ep":"0011\n\xff\x00[{"bn":"kh-f0123-a/","n":"th1/ta","v":'
        strange = b'[{"bn":"urn:dev:ow:10e2073a01080063:","n":"temp","u":"Cel","v":NaN}]'
        for payload, gateway_id, code, detail in (
            (torn, "kh-f0123-a", "frame", "the frame ends in the middle of its pack"),
            (strange, "jo-f0211-x", "json", "NaN is not a number in JSON (position 66)"),
        ):
            site = gateway_id.rpartition("-")[0]
            topic = f"osh/v1/{site}/{gateway_id}/data/live"
            hash_ = payload_hash(payload)
            ledger.append(
                [Rejected(NOW - 4000, "mqtt", topic, site, gateway_id, True, payload, hash_, code, detail)]
            )


def _batch(gateway: Gateway, at: float) -> Accepted:
    body = f'[{{"bn":"{gateway.id}/","n":"th1/ta","u":"Cel","v":33.1,"t":{at:.0f}}}]'.encode()
    signed = gateway.kind == "signed"
    return Accepted(
        received_at=at,
        source="mqtt",
        site=gateway.site,
        gateway=gateway.id,
        kind="sealed" if signed else "senml",
        epoch=_EPOCH if signed else None,
        seq=1 if signed else None,
        batch_hash=payload_hash(body),
        prev=genesis(gateway.id, _EPOCH) if signed else None,
        signed=signed,
        payload=body,
        payload_hash=payload_hash(body),
        clk="ntp" if signed else None,
        err=0.012 if signed else None,
        readings=1,
    )


def _notes(gateway: Gateway, at: float) -> list[StateNote | BirthNote]:
    state = "offline" if gateway.id in SILENT_FROM else "online"
    configuration = ("5f1d7a84db00d2fc", "{}")
    return [
        StateNote(gateway.site, gateway.id, at, state, "b7f0c2d1a9e84f0c", _EPOCH, 1),
        BirthNote(gateway.site, gateway.id, at - 86400, _birth(gateway.id), _EPOCH, configuration, 0, 0),
    ]


def _birth(gateway: str) -> str:
    return (
        f'{{"v":1,"gw":"{gateway}","version":"0.1.0","hardware":"Raspberry Pi 4 Model B","os":"Debian 12",'
        '"boot":"b7f0c2d1a9e84f0c","cfg":"5f1d7a84db00d2fc","clk":"ntp"}'
    )
