"""The line of each day reaches both sides, once a person and day, with the same words at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller

from alert_rules.notifier import AppriseNotifier
from ingest_service import alert_runner
from ingest_service.auth.server_key import verify_ed25519
from ingest_service.cases import day_lines
from ingest_service.cases.day_lines import DayLines, tell_days
from ingest_service.cases.schema import ATTEMPTS, NOTICES
from ingest_service.clock import WallClock
from ingest_service.database import MIGRATIONS, migrate, open_database, write
from ingest_service.evidence.roots import publish_due
from ingest_service.intake import Intake
from ingest_service.ledger.sqlite import SqliteLedger, open_ledger
from ingest_service.register.description import import_description
from ingest_service.register.entries import Role
from ingest_service.register.store import Register
from osh_domain.evidence.day_roots import read_day_root
from tests.ingest_service.gateways import NOW, SIGNER, Device, arrival, snapshot
from tests.servers import free_port, wait_for

DAY = 86_400.0
DUE = NOW - NOW % DAY + DAY + 300.0
SITE = "kh-f0123"


class Postbox:
    """A real SMTP server that keeps what it gets."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.controller = Controller(self, hostname="127.0.0.1", port=free_port())

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.original_content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 kept"

    @property
    def url(self) -> str:
        return f"mailto://127.0.0.1:{self.controller.port}?from=osh@example.org&to="


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    box = Postbox()
    box.controller.start()
    yield box
    box.controller.stop()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    found = open_ledger(tmp_path / "data")
    device = Device()
    Intake(found, snapshot).take([arrival(device.batch(), at=NOW) for _ in range(3)], NOW)
    publish_due(found, SIGNER, DUE)
    yield found
    found.close()


@pytest.fixture
def register(engine: sa.Engine, sample_description: Any, postbox: Postbox) -> Register:
    """The sample factory and a second one; one worker's representative for the whole district."""
    found = Register(engine)
    sample_description["sites"][0]["people"] = []
    import_description(found, sample_description, "test")
    people = (("w", Role.COMMITTEE_WORKER, "kh/phnom-penh"), ("m", Role.COMMITTEE_MANAGEMENT, SCOPE),
              ("adviser", Role.ADVISER, "kh"), ("eng", Role.ENGINEER, "kh"))  # fmt: skip
    with found.change("test") as change:
        for login, role, scope in people:
            person = change.put_person(login, login.title(), role, scope)
            change.put_contacts(person, [("email", postbox.url + f"{login}@example.org")])
    return found


SCOPE = f"kh/phnom-penh/{SITE}"


def rows(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(NOTICES).order_by(NOTICES.c.id)).mappings())


def test_both_sides_get_the_same_line_by_mail_and_nobody_else(
    engine: sa.Engine, register: Register, ledger: SqliteLedger, postbox: Postbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(day_lines, "LOOK_S", 0.05)
    stop = threading.Event()
    lines = DayLines(engine, register, ledger, "https://osh.example.org")
    threads = [
        threading.Thread(target=tell_days, args=(lines, WallClock(), stop)),
        threading.Thread(
            target=alert_runner.deliver,
            args=(engine, register, AppriseNotifier(("127.0.0.1",)), WallClock(), stop),
        ),
    ]
    for thread in threads:
        thread.start()
    try:
        wait_for(lambda: len(postbox.mails) == 2, what="two mails")
        wait_for(lambda: {row["state"] for row in rows(engine)} == {"sent"}, what="receipts")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert sorted(str(mail["to"]) for mail in postbox.mails) == ["m@example.org", "w@example.org"]
    texts = {mail.get_body(("plain",)).get_content().replace("\r", "") for mail in postbox.mails}  # type: ignore[union-attr]
    assert len(texts) == 1, "the same words"
    said = texts.pop()
    assert "all 3 batches" in said
    assert "https://osh.example.org/evidence" in said
    word = "\n".join(said[said.index('{"v"') :].split("\n")[:2]).encode()
    assert read_day_root(word, SIGNER.public_key, verify_ed25519).last == 3, "the line is whole in the mail"
    first, second = rows(engine)
    assert (first["created_at"], first["due_at"]) == (second["created_at"], second["due_at"])


def test_it_is_never_written_twice(engine: sa.Engine, register: Register, ledger: SqliteLedger) -> None:
    assert DayLines(engine, register, ledger, "").tell_due(DUE) == 2
    again = [DayLines(engine, register, ledger, "") for _ in range(4)]
    threads = [threading.Thread(target=one.tell_due, args=(DUE + 60,)) for one in again]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rows(engine)) == 2
    publish_due(ledger, SIGNER, DUE + DAY)
    assert again[0].tell_due(DUE + DAY) == 2
    assert len(rows(engine)) == 4


def test_a_ledger_without_a_published_day_tells_nothing(
    engine: sa.Engine, register: Register, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    empty = open_ledger(tmp_path / "empty")
    assert DayLines(engine, register, empty, "").tell_due(DUE) == 0
    empty.close()


def test_an_installation_that_is_brought_up_to_date_keeps_its_notices_and_attempts(tmp_path: Path) -> None:
    from alembic import command
    from alembic.config import Config

    engine = open_database(tmp_path)
    with write(engine) as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0008_grafana")
        connection.execute(sa.text(
            "INSERT INTO cases (id, key, site, zone, hazard, rule, pack, pack_version, state, severity, "
            "opened_at, event) VALUES (1, 'k', 's', 's/z', 'heat', 'r', 'p', '1', 'open', 'danger', 1, '{}')"
        ))  # fmt: skip
        connection.execute(sa.text(
            "INSERT INTO notices (id, key, case_id, kind, person, name, language, subject, body, created_at, "
            "due_at, state) VALUES (7, 'n', 1, 'opened', '1', 'A', 'en', 's', 'b', 1, 1, 'sent')"
        ))  # fmt: skip
        connection.execute(sa.text(
            "INSERT INTO attempts (id, notice_id, started_at, outcome, detail) "
            "VALUES (9, 7, 1, 'delivered', 'ok')"
        ))  # fmt: skip
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(sa.select(ATTEMPTS.c.id, ATTEMPTS.c.notice_id)).all() == [(9, 7)]
        assert connection.execute(sa.select(NOTICES.c.id, NOTICES.c.case_id)).all() == [(7, 1)]
        assert connection.execute(sa.text("PRAGMA foreign_key_check")).all() == []
        assert connection.execute(sa.text("PRAGMA foreign_keys")).scalar() == 1
        tables = sa.inspect(connection)
        assert {one["name"] for one in tables.get_indexes("notices")} >= {"ix_notices_state_due_at"}
        assert tables.get_foreign_keys("attempts")[0]["referred_table"] == "notices"
    engine.dispose()
