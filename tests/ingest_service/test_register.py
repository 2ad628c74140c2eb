import copy
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingest_service.auth.audit import Audit
from ingest_service.auth.tokens import Tokens
from ingest_service.database import open_database
from ingest_service.register.description import import_description
from ingest_service.register.description_check import DescriptionError
from ingest_service.register.entries import Role, Zone
from ingest_service.register.recorder import ChangeRefused
from ingest_service.register.snapshot import covers
from ingest_service.register.store import Register
from tests.servers import wait_for

BOTH_ENGINES = True

SITE, GATEWAY = "kh-f0123", "kh-f0123-a"


def test_the_sample_description_becomes_a_register(register: Register) -> None:
    snapshot = register.snapshot()
    assert [site.scope for site in snapshot.sites] == ["kh/phnom-penh/kh-f0123"]
    assert snapshot.zone("kh-f0123/sewing-3") == Zone(
        "kh-f0123/sewing-3", SITE, "Sewing line 3", "sewing", 1, True, 0.0, False, 84, 9
    )
    assert snapshot.scope_of("kh-f0123/sewing-3") == "kh/phnom-penh/kh-f0123/sewing-3"
    assert snapshot.zone_at(GATEWAY, "th1", 0.0) == "kh-f0123/sewing-3"
    assert {(e.sensor, e.quantity, e.period_s) for e in snapshot.expected_in("kh-f0123/sewing-3", 1.0)} == {
        ("th1", "ta", 60.0),
        ("th1", "rh", 60.0),
        ("mic1", "la.eq60", 60.0),
    }
    key = snapshot.key("56475aa75463474c")
    assert key is not None
    assert key.gateway == GATEWAY
    assert snapshot.foreign_names("kh-f0123-x")["urn:dev:ow:10e2073a01080063:temp"].quantity == "ta"
    shift = snapshot.calendar(SITE).shift_at(1780279200.0)  # Monday 09:00 in Phnom Penh
    assert shift is not None
    assert shift.name == "day"
    assert [person.login for person in snapshot.committee(SITE)] == ["dara", "vanna"]
    assert [person.login for person in snapshot.people_with(Role.AUTHORITY, SITE)] == ["bopha"]


def test_importing_again_changes_nothing(register: Register, sample_description: Any) -> None:
    version = register.snapshot().version
    assert import_description(register, sample_description, "again").changes == 0
    assert register.snapshot().version == version


def test_what_is_unknown_gives_nothing_and_no_error(register: Register) -> None:
    snapshot = register.snapshot()
    found = (snapshot.site("x"), snapshot.zone("x"), snapshot.gateway("x"), snapshot.key("x"))
    assert found == (None, None, None, None)
    assert snapshot.zone_at("x", "y", 0.0) is None
    assert snapshot.scope_of("x") is snapshot.scope_of("kh-f0123/x") is None
    assert not snapshot.sensors_in("x", 0.0)
    assert not snapshot.expected_in("x", 0.0)


def test_every_mistake_is_reported_at_once(register: Register, sample_description: Any) -> None:
    site = sample_description["sites"][0]
    site["zonez"] = []
    site["timezone"] = "Asia/Phnom"
    site["zones"][0]["metabolic_class"] = "high"
    site["zones"].append(site["zones"][1])
    site["shifts"][0]["start"] = 420  # what YAML makes of a time without quotes
    site["gateways"][0]["key"] = "abc"
    site["gateways"][0]["sensors"][0]["zone"] = "sewing3"
    site["gateways"][0]["sensors"][1]["channels"] = {"la.eq": 60, "ta": 0}
    site["gateways"][0]["sensors"][2]["id"] = "sys"
    del site["people"][0]["role"]
    site["people"][0]["contacts"][0]["url"] = "hunter2-secret"
    site["people"][1]["scope"] = "kh/phnom-pen"
    sample_description["people"][0]["role"] = "king"
    before = register.snapshot()
    with pytest.raises(DescriptionError) as caught:
        import_description(register, sample_description, "test")
    text = str(caught.value)
    for expected in (
        "unknown key 'zonez'. Did you mean zones?",
        "'Asia/Phnom' is no IANA time zone",
        "sewing-3.metabolic_class: Input should be a valid integer",
        "'ironing' is there 2 times",
        "day.start: YAML read this time as a number",
        "kh-f0123-a.key: this is no Ed25519 public key",
        "unknown zone 'sewing3'. Did you mean sewing-3?",
        "unknown quantity 'la.eq'",
        "channels.ta: Input should be greater than 0",
        "'sys' is the gateway itself",
        "people dara.role: is missing",
        "contacts.0.url: what is given has another form",
        "there is no place 'kh/phnom-pen'. Did you mean kh/phnom-penh?",
        "'king' is no role",
    ):
        assert expected in text
    assert len(caught.value.mistakes) == 14
    assert "hunter2" not in text
    assert register.snapshot() is before


@pytest.mark.parametrize(
    "document", [None, 7, [], "sites", {"sites": {}}, {"sites": [None]}, {"people": [3]}]
)
def test_a_document_of_another_shape_is_refused_with_words(register: Register, document: Any) -> None:
    with pytest.raises(DescriptionError, match=r"not a|is missing|valid dictionary"):
        import_description(register, document, "test")


def test_a_change_is_seen_by_another_process_within_a_second(
    engine: sa.Engine, register: Register, tmp_path: Path
) -> None:
    server = engine.dialect.name == "postgresql"
    address = engine.url.render_as_string(hide_password=False) if server else tmp_path / "data"
    engine = open_database(address)
    other = Register(engine)
    held = other.snapshot()
    with register.change("test") as change:
        change.put_person("new", "New Person", Role.ENGINEER, "kh")
    wait_for(lambda: other.snapshot().version > held.version, within_s=1.5, what="the new version")
    assert "new" in other.snapshot().people_by_login
    assert other.snapshot() is other.snapshot()
    engine.dispose()


def test_a_sensor_that_moves_keeps_its_history(register: Register, sample_description: Any) -> None:
    moved = copy.deepcopy(sample_description)
    moved["sites"][0]["gateways"][0]["sensors"][0]["zone"] = "ironing"
    register.now = lambda: 1780300000.0
    import_description(register, moved, "test")
    snapshot = register.snapshot()
    assert snapshot.zone_at(GATEWAY, "th1", 1780299999.0) == "kh-f0123/sewing-3"
    assert snapshot.zone_at(GATEWAY, "th1", 1780300000.0) == "kh-f0123/ironing"
    assert [placement.zone for placement in snapshot.placements_of(GATEWAY, "th1")] == [
        "kh-f0123/sewing-3",
        "kh-f0123/ironing",
    ]


def test_what_a_described_gateway_no_longer_has_ends(register: Register, sample_description: Any) -> None:
    del sample_description["sites"][0]["gateways"][0]["sensors"][1]
    register.now = lambda: 1780300000.0
    import_description(register, sample_description, "test")
    snapshot = register.snapshot()
    assert snapshot.zone_at(GATEWAY, "mic1", 1780299999.0) == "kh-f0123/sewing-3"
    assert snapshot.zone_at(GATEWAY, "mic1", 1780300001.0) is None
    assert "la.eq60" not in {e.quantity for e in snapshot.expected_in("kh-f0123/sewing-3", 1780300001.0)}


def test_a_changed_roster_begins_today_and_keeps_what_was(
    register: Register, sample_description: Any
) -> None:
    sample_description["sites"][0]["shifts"][0]["end"] = "17:00"
    register.now = lambda: 1780365600.0  # Tuesday 09:00 in Phnom Penh
    import_description(register, sample_description, "test")
    calendar = register.snapshot().calendar(SITE)
    monday, tuesday = calendar.shift_at(1780279200.0), calendar.shift_at(1780365600.0)
    assert monday is not None
    assert tuesday is not None
    assert (monday.end - monday.start, tuesday.end - tuesday.start) == (9 * 3600, 10 * 3600)


def test_a_factory_that_is_counted_to_another_district_keeps_its_people(
    register: Register, sample_description: Any
) -> None:
    people = register.snapshot().people_by_login
    zone = Tokens(register).create("upload", people["rith"].id, [], f"kh/phnom-penh/{SITE}/ironing", "test")
    with register.change("test") as change:
        change.put_person("lee", "Lee", Role.AUTHORITY, "kh/phnom-penh")
    site = sample_description["sites"][0]
    site["district"] = "kandal"
    del site["people"], sample_description["people"]
    assert import_description(register, sample_description, "test").changes == 4
    snapshot = register.snapshot()
    assert [person.login for person in snapshot.committee(SITE)] == ["dara", "vanna"]
    assert snapshot.people_by_login["lee"].scope == "kh/phnom-penh"
    (token,) = [one for one in Tokens(register).all() if one.id == zone.id]
    assert token.grant.scope == f"kh/kandal/{SITE}/ironing"
    assert {row.detail["after"]["scope"] for row in Audit(register).rows(action="person changed")} == {
        f"kh/kandal/{SITE}"
    }
    entry = {"login": "new", "name": "New", "role": "adviser", "scope": f"kh/phnom-penh/{SITE}"}
    with pytest.raises(DescriptionError, match="there is no place"):
        import_description(register, sample_description | {"people": [entry]}, "test")


def test_a_deactivated_person_stays_so_when_imported_again(
    register: Register, sample_description: Any
) -> None:
    with register.change("test") as change:
        change.deactivate("dara")
    import_description(register, sample_description, "test")
    assert not register.snapshot().people_by_login["dara"].active
    assert [person.login for person in register.snapshot().committee(SITE)] == ["vanna"]


def test_contacts_hide_their_address_and_end_instead_of_vanishing(
    register: Register, sample_description: Any, engine: sa.Engine
) -> None:
    snapshot = register.snapshot()
    person = snapshot.people_by_login["dara"]
    (contact,) = snapshot.contacts(person.id)
    assert "dara@example.org" in contact.url
    assert "dara@example.org" not in repr(contact)
    sample_description["sites"][0]["people"][0]["contacts"] = []
    import_description(register, sample_description, "test")
    assert register.snapshot().contacts(person.id) == ()
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM contacts")).scalar() == 1
        audited = connection.execute(sa.text("SELECT detail, object FROM audit")).all()
    assert "example.org" not in str(audited)


def test_revoking_a_gateway_takes_two_people_and_ends_its_keys(register: Register) -> None:
    with pytest.raises(ChangeRefused, match="two people"), register.change("rith") as change:
        change.revoke_gateway(GATEWAY, "rith", "stolen")
    with register.change("rith") as change:
        change.revoke_gateway(GATEWAY, "bopha", "stolen")
    snapshot = register.snapshot()
    gateway, key = snapshot.gateway(GATEWAY), snapshot.key("56475aa75463474c")
    assert gateway is not None
    assert key is not None
    assert gateway.revoked_at == key.revoked_at == 1780279200.0
    assert key.valid_at(1780279199.0)
    assert not key.valid_at(1780279200.0)
    (row,) = Audit(register).rows(action="gateway revoked")
    assert (row.who, row.detail) == ("rith", {"second_person": "bopha", "reason": "stolen"})


def test_a_gateway_id_is_never_used_again(register: Register, sample_description: Any) -> None:
    with register.change("rith") as change:
        change.revoke_gateway(GATEWAY, "bopha", "broken")
    with pytest.raises(DescriptionError, match="was revoked; give the device a new id"):
        import_description(register, sample_description, "test")


def test_a_change_that_fails_leaves_no_trace(register: Register) -> None:
    before = register.snapshot().version
    audit = len(Audit(register).rows(limit=1000))

    def half_way() -> None:
        with register.change("test") as change:
            change.put_person("half", "Half", Role.ENGINEER, "kh")
            change.deactivate("nobody")

    with pytest.raises(ChangeRefused):
        half_way()
    assert register.snapshot().version == before
    assert len(Audit(register).rows(limit=1000)) == audit


def test_every_change_is_in_the_audit_log_with_what_was_before(
    register: Register, sample_description: Any
) -> None:
    sample_description["sites"][0]["zones"][0]["women"] = 90
    import_description(register, sample_description, "rith")
    (row,) = Audit(register).rows(action="zone changed")
    assert (row.who, row.site, row.at) == ("rith", SITE, 1780279200.0)
    assert row.detail == {"before": {"women": 84}, "after": {"women": 90}, "valid_from": 1780279200.0}


def test_looks_of_an_authority_are_noted_once_an_hour(register: Register) -> None:
    audit = Audit(register)
    people = register.snapshot().people_by_login
    version = register.snapshot().version
    for _ in range(3):
        audit.read(people["bopha"], SITE)
        Audit(register).read(people["bopha"], SITE)  # as another process would
        audit.read(people["dara"], SITE)
    register.now = lambda: 1780279200.0 + 3600
    audit.read(people["bopha"], SITE)
    assert [row.who for row in audit.who_looked(SITE)] == ["bopha", "bopha"]
    assert register.snapshot().version == version


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("", "", True),
        ("", "kh/pp/a", True),
        ("kh", "", False),
        ("kh", "kh", True),
        ("kh", "kh/pp", True),
        ("kh", "kha/pp", False),
        ("kh/pp/a", "kh/pp/ab", False),
        ("kh/pp/a", "kh/pp/a/zone", True),
        ("kh/pp/a/zone", "kh/pp/a", False),
    ],
)
def test_a_scope_covers_itself_and_what_is_below(outer: str, inner: str, expected: bool) -> None:
    assert covers(outer, inner) is expected
