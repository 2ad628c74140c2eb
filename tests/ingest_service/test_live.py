"""Event streams show what their caller may see now: no more than a token allows, nothing after the end."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from ingest_service.auth.access import Action
from ingest_service.auth.sessions import COOKIE, Sessions
from ingest_service.auth.tokens import Tokens
from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.entries import Role
from ingest_service.register.store import Register
from tests.ingest_service.conftest import SAMPLE
from tests.ingest_service.serving import Serving, serving

OWN, OTHER = "kh-f0123", "kh-f0007"
NODE = "kh/phnom-penh/kh-f0123"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    engine = open_database(tmp_path)
    migrate(engine)
    text = SAMPLE.read_text("utf-8")
    other = yaml.safe_load(text.replace(OWN, OTHER))["sites"][0] | {"people": []}
    other["gateways"][0]["key"] = None
    register = Register(engine)
    import_description(register, yaml.safe_load(text), "test")
    import_description(register, {"sites": [other]}, "test")
    with register.change("test") as change:
        change.put_person("inspector", "Inspector", Role.AUTHORITY, "kh")
    engine.dispose()
    with serving(tmp_path) as running:
        yield running


def token(server: Serving, *actions: Action, scope: str) -> httpx.Client:
    engine = open_database(server.data_dir)
    register = Register(engine)
    person = register.snapshot().people_by_login["inspector"].id
    made = Tokens(register).create("t", person, actions, scope, "test")
    engine.dispose()
    return server.client(token=made.secret)


def first_parts(client: httpx.Client, path: str, parts: int) -> str:
    """What a stream sends first, up to so many events."""
    said = ""
    with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        for text in answer.iter_text():
            said += text
            if said.count("event:") >= parts and said.endswith("\r\n\r\n"):
                return said
    return said


def test_a_stream_is_no_wider_than_the_token_it_was_asked_for_with(server: Serving) -> None:
    narrow = token(server, Action.READ_FLEET, scope=NODE)
    wide = token(server, Action.READ_FLEET, scope="kh")
    assert OTHER in first_parts(wide, "/live/fleet", 1)
    said = first_parts(narrow, "/live/fleet", 1)
    assert OWN in said
    assert OTHER not in said


def test_a_token_made_for_something_else_shows_no_fleet(server: Serving) -> None:
    said = first_parts(token(server, Action.READ_CASE, scope="kh"), "/live/fleet", 1)
    assert f"{OWN}-a" not in said


def test_a_stream_ends_with_the_session_that_began_it(server: Serving) -> None:
    client = server.client("inspector")
    engine = open_database(server.data_dir)
    with client.stream("GET", "/live/fleet") as answer:
        Sessions(engine).end(client.cookies[COOKIE])
        said = "".join(answer.iter_text())
    engine.dispose()
    assert "event:" not in said


def test_another_kind_of_authorization_does_not_stand_for_the_session_s_word(server: Serving) -> None:
    client = server.client("inspector")
    del client.headers["X-CSRF-Token"]
    answer = client.post("/sign-out", headers={"Authorization": "Basic eDp5"})
    assert answer.status_code == 403
    assert client.get("/api/v1/me").status_code == 200
