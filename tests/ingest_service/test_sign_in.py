import logging
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_service.auth import passwords
from ingest_service.auth.access import Action
from ingest_service.auth.passwords import PasswordRefused, Passwords, generated_password
from ingest_service.auth.server_key import ServerKey, ServerKeyError, verify_ed25519
from ingest_service.auth.sessions import IDLE_S, LONGEST_S, Sessions
from ingest_service.auth.tokens import Tokens
from ingest_service.register.store import Register

PASSWORD = "a sentence of some length"
SCOPE = "kh/phnom-penh/kh-f0123"


class Wall:
    """Real time, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def dara(register: Register) -> int:
    return register.snapshot().people_by_login["dara"].id


@pytest.fixture
def with_password(register: Register, dara: int, wall: Wall) -> Passwords:
    made = Passwords(register, wall)
    made.set(dara, PASSWORD, "test")
    return made


def everything_stored(engine: sa.Engine) -> str:
    """The whole database as text, as a thief would have it."""
    with engine.connect() as connection:
        tables = sa.inspect(connection).get_table_names()
        queries = [sa.select(sa.text("*")).select_from(sa.table(name)) for name in tables]
        return "".join(str(row) for query in queries for row in connection.execute(query))


def test_the_right_password_signs_in_and_a_wrong_one_does_not(with_password: Passwords, dara: int) -> None:
    assert with_password.sign_in(" Dara ", PASSWORD, "10.0.0.1").person == dara
    assert with_password.sign_in("dara", PASSWORD + "!", "10.0.0.1").person is None
    assert with_password.sign_in("nobody", PASSWORD, "10.0.0.1").person is None
    assert with_password.sign_in("vanna", PASSWORD, "10.0.0.1").person is None  # has no password yet


def test_a_deactivated_person_cannot_sign_in(with_password: Passwords, register: Register) -> None:
    with register.change("test") as change:
        change.deactivate("dara")
    assert with_password.sign_in("dara", PASSWORD, "10.0.0.1").person is None


def test_only_the_length_of_a_password_is_ruled(with_password: Passwords, dara: int) -> None:
    for refused in ("short", "x" * 11, "x" * 201):
        with pytest.raises(PasswordRefused, match="12 to 200"):
            with_password.set(dara, refused, "test")
    with_password.set(dara, "x" * 12, "test")
    assert with_password.sign_in("dara", "x" * 12, "10.0.0.1").person == dara


def test_failures_slow_down_the_guesser_and_not_the_owner_elsewhere(
    with_password: Passwords, dara: int, wall: Wall
) -> None:
    waits = [with_password.sign_in("dara", "wrong wrong wrong", "10.0.0.1").wait_s for _ in range(5)]
    assert waits == [0, 0, 0, 0, 2]
    blocked = with_password.sign_in("dara", PASSWORD, "10.0.0.1")
    assert (blocked.person, blocked.wait_s) == (None, 2)
    assert with_password.sign_in("dara", PASSWORD, "10.0.0.2").person == dara
    wall.now += 2.1
    assert with_password.sign_in("dara", "wrong wrong wrong", "10.0.0.1").wait_s == 4
    wall.now += 4.1
    assert with_password.sign_in("dara", PASSWORD, "10.0.0.1").person == dara
    assert with_password.sign_in("dara", "wrong wrong wrong", "10.0.0.1").wait_s == 0


def test_few_passwords_are_checked_at_once_since_each_takes_its_memory(
    with_password: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, counts = threading.Lock(), {"now": 0, "most": 0}

    class Hasher:
        def verify(self, _stored: str, _given: str) -> bool:
            with lock:
                counts["now"] += 1
                counts["most"] = max(counts["most"], counts["now"])
            threading.Event().wait(0.02)
            with lock:
                counts["now"] -= 1
            return False

    monkeypatch.setattr(passwords, "_HASHER", Hasher())
    with ThreadPoolExecutor(12) as pool:
        tries = [pool.submit(with_password.sign_in, "dara", "wrong", f"10.0.0.{n}") for n in range(12)]
    assert all(one.result().person is None for one in tries)
    assert 1 <= counts["most"] <= 2


def test_the_wait_never_becomes_a_lock_out(with_password: Passwords, wall: Wall) -> None:
    longest = 0.0
    for _ in range(25):
        wait_s = with_password.sign_in("dara", "wrong wrong wrong", "10.0.0.1").wait_s
        longest = max(longest, wait_s)
        wall.now += wait_s
    assert longest == 300


def test_failures_are_forgotten_after_a_day(with_password: Passwords, engine: sa.Engine, wall: Wall) -> None:
    with_password.sign_in("dara", "wrong wrong wrong", "10.0.0.1")
    wall.now += 90_000
    with_password.sign_in("vanna", "wrong wrong wrong", "10.0.0.9")
    with engine.connect() as connection:
        left = set(connection.execute(sa.text("SELECT subject FROM sign_in_failures")).scalars())
    assert left == {"pair:vanna 10.0.0.9", "login:vanna", "address:10.0.0.9"}


@pytest.mark.usefixtures("with_password")
def test_passwords_are_stored_as_argon2id_only(engine: sa.Engine) -> None:
    stored = everything_stored(engine)
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in stored
    assert PASSWORD not in stored


def test_generated_passwords_keep_the_rule_and_differ() -> None:
    made = {generated_password() for _ in range(50)}
    assert len(made) == 50
    assert all(len(password) >= passwords.SHORTEST for password in made)


def test_a_session_lives_while_it_is_used_and_a_week_at_most(
    engine: sa.Engine, dara: int, wall: Wall
) -> None:
    sessions = Sessions(engine, wall)
    session = sessions.begin(dara)
    begun = wall.now
    while wall.now - begun < LONGEST_S - IDLE_S:
        assert sessions.find(session.token) == session
        wall.now += IDLE_S - 1
    wall.now = begun + LONGEST_S + 1
    assert sessions.find(session.token) is None
    idle = sessions.begin(dara)
    wall.now += IDLE_S
    assert sessions.find(idle.token) is None


def test_a_session_ends_when_the_person_signs_out(engine: sa.Engine, dara: int) -> None:
    sessions = Sessions(engine)
    first, second = sessions.begin(dara), sessions.begin(dara)
    sessions.end(first.token)
    assert sessions.find(first.token) is None
    assert sessions.find(second.token) is not None
    sessions.end_all(dara)
    assert sessions.find(second.token) is None
    assert sessions.find("made up") is None


def test_a_token_is_found_until_it_ends_or_is_revoked(register: Register, dara: int, wall: Wall) -> None:
    tokens = Tokens(register, wall)
    lasting = tokens.create("press", dara, [Action.READ_SITE], SCOPE, "test")
    dated = tokens.create("visit", dara, [Action.READ_SITE], SCOPE, "test", wall.now + 10)
    found = tokens.find(lasting.secret)
    assert found is not None
    assert (found.person, found.grant.scope, list(found.grant.actions)) == (dara, SCOPE, [Action.READ_SITE])
    assert tokens.find(dated.secret) is not None
    wall.now += 10
    assert tokens.find(dated.secret) is None
    assert tokens.revoke(lasting.id, "test")
    assert tokens.find(lasting.secret) is None
    assert not tokens.revoke(99, "test")
    assert tokens.find("osh_made-up") is tokens.find("") is None
    assert [(t.label, t.used_at) for t in tokens.all()] == [
        ("press", 1_800_000_000.0),
        ("visit", 1_800_000_000.0),
    ]


def test_secrets_of_sessions_and_tokens_are_neither_stored_nor_shown(
    register: Register, engine: sa.Engine, dara: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    session = Sessions(engine).begin(dara)
    made = Tokens(register).create("press", dara, [Action.READ_SITE], SCOPE, "test")
    Sessions(engine).find(session.token)
    Tokens(register).find(made.secret)
    for text in (everything_stored(engine), caplog.text, repr(session), repr(made), str(made)):
        assert session.token not in text
        assert made.secret not in text
    assert session.csrf not in repr(session)
    assert made.secret.startswith("osh_")
    assert len(made.secret) == 4 + 43


def test_the_server_key_is_made_once_and_stays_private(tmp_path: Path) -> None:
    path = tmp_path / "server.key"
    key = ServerKey.load_or_create(path)
    again = ServerKey.load_or_create(path)
    assert key.public_key == again.public_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert verify_ed25519(key.public_key, again.sign(b"data"), b"data")
    assert not verify_ed25519(key.public_key, key.sign(b"data"), b"other")
    assert not verify_ed25519(key.public_key, b"", b"data")
    assert not verify_ed25519(b"short", key.sign(b"data"), b"data")
    assert "PRIVATE" in path.read_text()
    assert path.read_text().splitlines()[1] not in repr(key)


def test_processes_that_start_together_end_with_one_key(tmp_path: Path) -> None:
    keys: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: keys.append(ServerKey.load_or_create(tmp_path / "k").public_key))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [("no key at all", 0o600, "not an Ed25519 private key"), (None, 0o644, "chmod 600")],
)
def test_a_key_file_that_cannot_be_trusted_is_refused_with_a_way_out(
    tmp_path: Path, content: str | None, mode: int, words: str
) -> None:
    path = tmp_path / "server.key"
    ServerKey.load_or_create(path)
    if content is not None:
        path.write_text(content)
    path.chmod(mode)
    with pytest.raises(ServerKeyError, match=words):
        ServerKey.load_or_create(path)


def test_a_key_that_cannot_be_made_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(ServerKeyError, match="rights of the data directory"):
        ServerKey.load_or_create(tmp_path / "absent" / "server.key")
