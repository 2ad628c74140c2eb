"""The file of a site description, and an import of it while somebody else changes the register."""

from pathlib import Path
from typing import Any

import pytest

from ingest_service.register.description import import_description, plan_description
from ingest_service.register.description_check import DescriptionError
from ingest_service.register.description_file import load_document
from ingest_service.register.description_plan import takes_down
from ingest_service.register.recorder import ChangeRefused
from ingest_service.register.store import Register


@pytest.mark.parametrize("text", ["sites: [", "{", "\x00", "a: &a [*a"])
def test_a_file_that_is_no_yaml_is_refused_with_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sites.yaml"
    path.write_text(text)
    with pytest.raises(DescriptionError, match="is not YAML or JSON"):
        load_document(path)
    with pytest.raises(DescriptionError, match="cannot be read"):
        load_document(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sites.yaml", "sites: []\npeople: []\nsites: []\n"),
        ("sites.yaml", "sites:\n- {id: kh-f1, zones: [{id: a, women: 3, women: 4}]}\n"),
        ("sites.json", '{"sites": [{"id": "kh-f1", "id": "kh-f2"}]}'),
    ],
)
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(DescriptionError, match=r"the key '(sites|women|id)' stands"):
        load_document(path)


def test_the_mark_that_some_editors_put_first_is_no_mistake(tmp_path: Path) -> None:
    for name in ("sites.yaml", "sites.json"):
        (tmp_path / name).write_text('{"sites": []}', encoding="utf-8-sig")
        assert load_document(tmp_path / name) == {"sites": []}


def test_only_what_was_agreed_to_is_taken_down(register: Register, sample_description: Any) -> None:
    sensors = sample_description["sites"][0]["gateways"][0]["sensors"]
    microphone = sensors.pop(1)
    agreed = takes_down(plan_description(register, sample_description))
    with register.change("somebody else") as change:
        change.expect("kh-f0123-a", "th1", "co2", 60.0)
    with pytest.raises(ChangeRefused, match="changed meanwhile"):
        import_description(register, sample_description, "test", agreed)
    assert register.snapshot().zone_at("kh-f0123-a", microphone["id"], register.now()) is not None
    agreed = takes_down(plan_description(register, sample_description))
    assert import_description(register, sample_description, "test", agreed).changes == len(agreed) == 3
