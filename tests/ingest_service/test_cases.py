"""Cases in a real database: signatures, actions, closing, and the outbox with a real mail server."""

import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from typer.testing import CliRunner

from alert_rules.alerts import CaseChange, Deed
from alert_rules.delivery import Delivery
from alert_rules.engine import Change, Transition
from alert_rules.notifier import AppriseNotifier
from ingest_service.cases.keeping import CaseKeeper
from ingest_service.cases.outbox import INTERRUPTED, NoticeOutbox
from ingest_service.cases.schema import ATTEMPTS, CASE_EVENTS, CASES, NOTICES, SIGNATURES
from ingest_service.cases.store import CaseError, Cases
from ingest_service.database import write
from ingest_service.register.entries import Contact, Person
from ingest_service.register.store import Register
from oshwatch.commands.rules import app
from tests.servers import free_port

BOTH_ENGINES = True

NOW = 1780285800.0
EVENT = {
    "format": 1, "rule": "heat-iso7243-reference", "title": "WBGT above the reference value",
    "pack": "intl-heat", "pack_version": "1", "advice": ["heat.rest"], "severity": "danger",
    "tell": ["committee.worker", "committee.management"],
    "site": "kh-f0123", "site_name": "Mekong Garment 0123", "timezone": "Asia/Phnom_Penh",
    "hazard": "heat", "agent": "", "subject": "", "zone": "kh-f0123/sewing-3", "zone_name": "Sewing line 3",
    "at": NOW, "since": NOW - 600.0, "exposure": "wbgt_eff.twa60", "unit": "Cel", "value": 31.25,
    "coverage": 0.95, "expected": 60, "received": 57, "worst_gap_s": 60.0, "method": "measured_globe",
    "grade": "A", "revision": 0, "calc": "1", "clear_below": 29.5, "least_coverage": 0.75,
    "raise_after_min": 10, "clear_after_min": 30, "metabolic_class": 1, "acclimatised": True,
    "limit": {
        "value": 30.0, "unit": "Cel", "strict": True, "label": "WBGT reference value",
        "instrument": "ISO 7243:2017", "clause": "Annex A, Table A.1", "confidence": "verified",
    },
}  # fmt: skip


@pytest.fixture
def cases(engine: sa.Engine) -> Cases:
    return Cases(engine)


@pytest.fixture
def case_id(engine: sa.Engine, register: Register) -> int:
    raise_case(engine, register)
    with engine.connect() as connection:
        return int(connection.execute(sa.select(CASES.c.id)).scalar_one())


def raise_case(engine: sa.Engine, register: Register, **changed: Any) -> None:
    with write(engine) as connection:
        keeper = CaseKeeper(connection, register.snapshot(), "http://osh.example", NOW)
        keeper.raised({**EVENT, **changed}, "31.25 Cel is above 30 Cel for 10 min")


def clear_case(engine: sa.Engine, register: Register) -> None:
    with write(engine) as connection:
        keeper = CaseKeeper(connection, register.snapshot(), "http://osh.example", NOW + 3600.0)
        keeper.cleared({**EVENT, "at": NOW + 3600.0, "value": 28.0}, "below for 30 min")


def change_case(engine: sa.Engine, register: Register, deed: Deed, **changed: Any) -> None:
    transition = Transition(Change.CLEARED, 0, 0, "as the rules say")
    with write(engine) as connection:
        keeper = CaseKeeper(connection, register.snapshot(), "http://osh.example", NOW + 7200.0)
        change = CaseChange(deed, "warning", str(EVENT["rule"]), transition)
        keeper.change(change, {**EVENT, "at": NOW + 7200.0, **changed})


@pytest.fixture
def people(register: Register) -> dict[str, Person]:
    return {person.login: person for person in register.snapshot().people}


def rows(engine: sa.Engine, table: sa.Table) -> list[dict[str, Any]]:
    query = sa.select(table).order_by(*table.primary_key.columns)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def test_each_side_signs_once_and_both_signatures_are_noted(
    cases: Cases, case_id: int, people: dict[str, Person]
) -> None:
    assert cases.acknowledge(case_id, people["dara"], "worker", NOW + 60)
    assert not cases.acknowledge(case_id, people["dara"], "worker", NOW + 70)
    assert cases.acknowledge(case_id, people["vanna"], "management", NOW + 80)
    assert [one["name"] for one in cases.signatures(case_id)] == ["Chan Vanna", "Sok Dara"]
    kinds = [line["kind"] for line in cases.history(case_id)]
    assert kinds == ["opened", "acknowledged", "acknowledged", "acknowledged_by_both"]


def test_a_case_that_begins_again_or_gets_worse_is_to_be_signed_by_both_sides_again(
    cases: Cases, case_id: int, people: dict[str, Person], engine: sa.Engine, register: Register
) -> None:
    for login, side in (("dara", "worker"), ("vanna", "management")):
        assert cases.acknowledge(case_id, people[login], side, NOW + 60)  # type: ignore[arg-type]
    clear_case(engine, register)
    assert len(cases.signatures(case_id)) == 2
    raise_case(engine, register, at=NOW + 7200.0)
    assert cases.signatures(case_id) == []
    assert cases.acknowledge(case_id, people["dara"], "worker", NOW + 7300.0)
    change_case(engine, register, Deed.WORSENED)
    assert cases.signatures(case_id) == []
    assert cases.acknowledge(case_id, people["dara"], "worker", NOW + 7400.0)
    assert not cases.acknowledge(case_id, people["dara"], "worker", NOW + 7500.0)
    assert [one["at"] - NOW for one in cases.all_signatures(case_id)] == [60.0, 60.0, 7300.0, 7400.0]
    kinds = [line["kind"] for line in cases.history(case_id)]
    assert kinds.count("acknowledged_by_both") == 1
    assert cases.acknowledge(case_id, people["vanna"], "management", NOW + 7600.0)
    assert [line["kind"] for line in cases.history(case_id)].count("acknowledged_by_both") == 2


def test_nobody_closes_a_case_alone_nor_before_it_ended_without_a_reason(
    cases: Cases, case_id: int, people: dict[str, Person], engine: sa.Engine, register: Register
) -> None:
    with pytest.raises(CaseError, match="only with a reason"):
        cases.agree_to_close(case_id, people["dara"], "worker", NOW + 60)
    clear_case(engine, register)
    assert not cases.agree_to_close(case_id, people["dara"], "worker", NOW + 4000)
    assert not cases.agree_to_close(case_id, people["dara"], "worker", NOW + 4001)
    assert cases.agree_to_close(case_id, people["vanna"], "management", NOW + 4002)
    case = cases.case(case_id)
    assert case is not None
    assert (case["state"], case["closed_at"]) == ("closed", NOW + 4002)
    with pytest.raises(CaseError, match="has ended"):
        cases.acknowledge(case_id, people["dara"], "worker", NOW + 5000)


def test_a_case_that_begins_again_needs_both_agreements_again(
    cases: Cases, case_id: int, people: dict[str, Person], engine: sa.Engine, register: Register
) -> None:
    clear_case(engine, register)
    cases.agree_to_close(case_id, people["dara"], "worker", NOW + 4000)
    raise_case(engine, register, at=NOW + 7200.0)
    clear_case(engine, register)
    assert not cases.agree_to_close(case_id, people["vanna"], "management", NOW + 9000)
    assert cases.agree_to_close(case_id, people["dara"], "worker", NOW + 9001)


def test_what_only_eases_does_not_begin_a_case_that_both_sides_closed(
    cases: Cases, case_id: int, people: dict[str, Person], engine: sa.Engine, register: Register
) -> None:
    for login, side in (("dara", "worker"), ("vanna", "management")):
        cases.agree_to_close(case_id, people[login], side, NOW + 60, "the line is stopped")  # type: ignore[arg-type]
    told = len(rows(engine, NOTICES))
    for deed in (Deed.PARTED, Deed.EASED):
        change_case(engine, register, deed)
    assert [case["state"] for case in rows(engine, CASES)] == ["closed"]
    assert len(rows(engine, NOTICES)) == told
    change_case(engine, register, Deed.WORSENED)
    assert [case["state"] for case in rows(engine, CASES)] == ["closed", "open"]


def test_the_end_is_told_with_the_unit_of_what_was_measured_last(
    engine: sa.Engine, register: Register
) -> None:
    raise_case(engine, register, hazard="noise", exposure="la.niosh_dose", unit="%", value=104.0)
    last = {"hazard": "noise", "exposure": "la.lex8h", "unit": "dB", "value": 78.4}
    change_case(engine, register, Deed.CLEARED, **last)
    bodies = [one["body"] for one in rows(engine, NOTICES) if one["kind"] == "cleared"]
    assert len(bodies) == 2
    assert all("Noise of the shift so far, as an 8 h average: 78.4 dB(A)." in body for body in bodies)


def test_who_lost_the_contact_that_was_chosen_is_told_through_another(
    engine: sa.Engine, register: Register, case_id: int, people: dict[str, Person]
) -> None:
    dara = people["dara"].id
    contacts = {str(dara): [Contact(99, dara, "email", "mailto://127.0.0.1?from=a@b.org&to=c@d.org")]}
    deliver(engine, register, AppriseNotifier(), contacts)
    told = [one for one in rows(engine, NOTICES) if one["person"] == str(dara)]
    assert [(one["contact_id"] == "99", one["state"]) for one in told] == [
        (False, "given_up"),
        (True, "waiting"),
    ]
    assert case_id


def test_actions_are_written_down_and_done(cases: Cases, case_id: int, people: dict[str, Person]) -> None:
    action = cases.add_action(case_id, " Two extra fans ", people["vanna"], "management", NOW, NOW + 86400)
    cases.finish_action(action, people["vanna"], "management", NOW + 100)
    cases.finish_action(action, people["dara"], "worker", NOW + 200)
    (row,) = cases.actions(case_id)
    assert (row["text"], row["done_at"]) == ("Two extra fans", NOW + 100)
    with pytest.raises(CaseError, match="Write down"):
        cases.add_action(case_id, "  ", people["vanna"], "management", NOW)
    with pytest.raises(CaseError, match="There is no case 99"):
        cases.add_action(99, "x", people["vanna"], "management", NOW)
    with pytest.raises(CaseError, match="There is no action 99"):
        cases.finish_action(99, people["vanna"], "management", NOW)


def test_the_history_and_the_signatures_only_grow(
    engine: sa.Engine, cases: Cases, case_id: int, people: dict[str, Person]
) -> None:
    cases.acknowledge(case_id, people["dara"], "worker", NOW)
    for table in (CASE_EVENTS, SIGNATURES):
        for deed in (sa.delete(table), sa.update(table).values(at=0.0)):
            # On a server the service's role has no right to, and the owner meets the trigger.
            refused = pytest.raises(sa.exc.DBAPIError, match=r"append-only|permission denied")
            with refused, write(engine) as connection:
                connection.execute(deed)


def test_repeating_the_same_opening_makes_no_second_case_and_no_second_notice(
    engine: sa.Engine, register: Register, case_id: int
) -> None:
    raise_case(engine, register)
    assert [case["id"] for case in rows(engine, CASES)] == [case_id]
    assert len(rows(engine, NOTICES)) == 2


def test_who_has_no_contact_is_named_and_given_up_openly(
    engine: sa.Engine, register: Register, case_id: int
) -> None:
    deliver(engine, register, AppriseNotifier())
    notice = next(one for one in rows(engine, NOTICES) if one["name"] == "Chan Vanna")
    assert notice["state"] == "given_up"
    lines = [line for line in rows(engine, CASE_EVENTS) if line["kind"] == "notice_given_up"]
    assert [(line["case_id"], line["text"]) for line in lines] == [
        (case_id, "Chan Vanna: no way to reach this person is registered")
    ]


class Taking:
    """A mail server's handler: looks into the database while it takes, and refuses when told to."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine, self.refuse = engine, False
        self.seen: list[list[str]] = []
        self.mails: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.seen.append([row["outcome"] for row in rows(self.engine, ATTEMPTS)])
        if self.refuse:
            return "451 not now"
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"


@pytest.fixture
def mail(engine: sa.Engine) -> Iterator[tuple[Taking, str]]:
    handler = Taking(engine)
    port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, f"mailto://127.0.0.1:{port}?from=oshwatch@example.org&to=dara@example.org"
    controller.stop()


class Clock:
    t = NOW


def deliver(
    engine: sa.Engine,
    register: Register,
    notifier: AppriseNotifier,
    contacts: dict[str, list[Contact]] | None = None,
    clock: type[Clock] | Clock = Clock,
) -> list[str]:
    def known(person: str) -> tuple[Contact, ...]:
        if contacts is not None:
            return tuple(contacts.get(person, ()))
        return register.snapshot().contacts(int(person))

    return Delivery(NoticeOutbox(engine, known), notifier, lambda: clock.t).pass_once()


def test_the_attempt_shows_as_sending_while_the_mail_goes_out(
    engine: sa.Engine,
    register: Register,
    case_id: int,
    people: dict[str, Person],
    mail: tuple[Taking, str],
) -> None:
    taking, url = mail
    dara = str(people["dara"].id)
    with write(engine) as connection:
        connection.execute(sa.delete(NOTICES).where(NOTICES.c.person != dara))
    (notice,) = rows(engine, NOTICES)
    contacts = {dara: [Contact(int(notice["contact_id"]), people["dara"].id, "email", url)]}
    taking.refuse = True
    clock = Clock()
    assert deliver(engine, register, AppriseNotifier(), contacts, clock) == ["failed"]
    assert deliver(engine, register, AppriseNotifier(), contacts, clock) == []  # not before its pause
    taking.refuse = False
    clock.t = NOW + 31.0
    assert deliver(engine, register, AppriseNotifier(), contacts, clock) == ["delivered"]
    assert deliver(engine, register, AppriseNotifier(), contacts, clock) == []
    assert taking.seen == [["sending"], ["failed", "sending"]]
    assert [(a["outcome"], a["detail"]) for a in rows(engine, ATTEMPTS)] == [
        ("failed", rows(engine, ATTEMPTS)[0]["detail"]),
        ("delivered", "accepted by 127.0.0.1"),
    ]
    assert "451" in rows(engine, ATTEMPTS)[0]["detail"]
    (sent,) = taking.mails
    assert sent["Subject"] == "DANGER: Too hot, Sewing line 3, Mekong Garment 0123"
    assert f"http://osh.example/cases/{case_id}" in sent.get_content()


def test_after_three_failures_the_second_channel_is_used_with_the_same_words(
    engine: sa.Engine, register: Register, case_id: int, people: dict[str, Person]
) -> None:
    posts: list[bytes] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posts.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        dara = people["dara"].id
        token = "s3cret-path"
        hook = Contact(99, dara, "webhook", f"json://127.0.0.1:{server.server_port}/{token}")
        first = register.snapshot().contacts(dara)[0]
        dead = Contact(
            first.id, dara, "email", f"mailto://u:{token}@127.0.0.1:{free_port()}?from=a@b.org&to=c@d.org"
        )
        clock = Clock()
        for _ in range(4):
            deliver(engine, register, AppriseNotifier(["127.0.0.1"]), {str(dara): [dead, hook]}, clock)
            clock.t += 3600.0
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    told = [one for one in rows(engine, NOTICES) if one["person"] == str(dara)]
    assert [(one["contact_kind"], one["state"]) for one in told] == [
        ("e-mail", "waiting"),
        ("webhook", "sent"),
    ]
    assert told[0]["body"] == told[1]["body"]
    assert len(posts) == 1
    assert token not in repr(rows(engine, ATTEMPTS)) + repr(rows(engine, NOTICES)) + repr(hook)
    assert {one["case_id"] for one in told} == {case_id}


def test_an_attempt_that_a_power_cut_left_open_is_tried_again(engine: sa.Engine, case_id: int) -> None:
    outbox = NoticeOutbox(engine, lambda _: ())
    (notice, *_) = outbox.due(NOW, 10)
    outbox.begin(notice.id, NOW)
    assert Delivery(outbox, AppriseNotifier(), lambda: NOW).recover() == 1
    (attempt,) = rows(engine, ATTEMPTS)
    assert (attempt["outcome"], attempt["detail"]) == ("failed", INTERRUPTED)
    assert notice.id in [one.id for one in outbox.due(NOW, 10)]
    assert case_id


def test_explain_says_numbers_limit_clause_and_coverage(
    engine: sa.Engine, case_id: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir = tmp_path / "data"
    if engine.dialect.name == "postgresql":
        monkeypatch.setenv("OSHWATCH_DATABASE_URL", engine.url.render_as_string(hide_password=False))
    shown = CliRunner().invoke(app, ["explain", str(case_id), "--data-dir", str(data_dir)])
    assert shown.exit_code == 0, shown.output
    parts = (
        "wbgt_eff.twa60 = 31.25 Cel",
        "above 30.0 Cel",
        "ISO 7243:2017, Annex A, Table A.1 (verified)",
        "57 of 60 (95.0 %), needed 75 %",
        "measured_globe",
        "opened: 31.25 Cel is above 30 Cel",
        "for 10 min (WBGT above the reference value)",
    )
    said = " ".join(shown.output.split())
    for part in parts:
        assert part in said
    document = CliRunner().invoke(app, ["explain", str(case_id), "--data-dir", str(data_dir), "--json"])
    assert '"history"' in document.output
    missing = CliRunner().invoke(app, ["explain", "99", "--data-dir", str(data_dir)])
    assert missing.exit_code == 1
