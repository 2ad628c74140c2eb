"""Caught mail stays in its part of the tree of scopes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.entries import Role
from ingest_service.register.store import Register
from tests.ingest_service.conftest import SAMPLE
from tests.ingest_service.serving import Serving, serving


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Serving]:
    data_dir, mail = tmp_path / "data", tmp_path / "mail"
    mail.mkdir()
    engine = open_database(data_dir)
    migrate(engine)
    register = Register(engine)
    text = SAMPLE.read_text("utf-8")
    import_description(register, yaml.safe_load(text), "test")
    with register.change("test") as change:
        change.put_person("inspector-kh", "Inspector", Role.AUTHORITY, "kh")
        change.put_person("inspector-bd", "Inspector", Role.AUTHORITY, "bd")
        change.put_person("root", "Root", Role.ADMINISTRATOR, "")
    engine.dispose()
    for number, to in enumerate(("dara@example.org", "somebody@elsewhere.example")):
        letter = f"From: oshwatch@example.org\nTo: {to}\nSubject: Letter to {to}\n\nToo hot.\n"
        (mail / f"{number}.eml").write_text(letter, "utf-8")
    with serving(data_dir, mail_viewer_dir=mail) as running:
        yield running


@pytest.mark.parametrize(
    ("login", "dara", "elsewhere"),
    [("inspector-kh", True, False), ("inspector-bd", False, False), ("root", True, True)],
)
def test_mail_is_shown_to_those_whose_scope_holds_its_reader(
    server: Serving, login: str, dara: bool, elsewhere: bool
) -> None:
    answer = server.client(login).get("/demo/mail")
    assert answer.status_code == 200
    assert ("Letter to dara@example.org" in answer.text) is dara
    assert ("Letter to somebody@elsewhere.example" in answer.text) is elsewhere
