import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from ingest_service.auth.audit import Audit
from ingest_service.database import open_database
from ingest_service.register.store import Register
from oshwatch.administration import descriptions
from oshwatch.commands.admin import app

SAMPLE = Path(__file__).parents[2] / "docs" / "site-description.sample.yaml"
SITE = "kh-f0123"


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with the sample factory in it, named in the environment."""
    monkeypatch.setenv("OSHWATCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("OSHWATCH_CONFIG", raising=False)
    done("init")
    done("import", str(SAMPLE))
    return tmp_path / "data"


@pytest.fixture
def without_microphone(tmp_path: Path) -> Path:
    """The sample with more women in a zone and without one sensor."""
    text = SAMPLE.read_text().replace("women: 84", "women: 90")
    begin = text.index("          - id: mic1")
    file = tmp_path / "changed.yaml"
    file.write_text(text[:begin] + text[text.index("          - id: th2") :])
    return file


def admin(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=typed)


def done(*arguments: str, typed: str | None = None) -> str:
    result = admin(*arguments, typed=typed)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: str, typed: str | None = None) -> str:
    result = admin(*arguments, typed=typed)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    return result.stderr


def registered(folder: Path) -> Register:
    return Register(open_database(folder))


def days(first: str, last: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(
        done("calendar", SITE, "--from", first, "--to", last, "--json")
    )["days"]
    return found


def test_a_rehearsed_import_says_what_would_change_and_changes_nothing(
    prepared: Path, without_microphone: Path
) -> None:
    text = done("import", str(without_microphone), "--dry-run")
    assert "  zone changed kh-f0123/sewing-3: women 84 -> 90, since " in text
    assert "- sensor removed kh-f0123-a/mic1" in text
    assert "3 would change; 2 taken down (-)." in text
    found = json.loads(done("import", str(without_microphone), "--dry-run", "--json"))["changes"]
    assert [(row["action"], row["ends"]) for row in found] == [
        ("zone changed", False),
        ("sensor removed", True),
        ("channel ended", True),
    ]
    zone = registered(prepared).snapshot().zone("kh-f0123/sewing-3")
    assert zone is not None
    assert zone.women == 84
    assert "Nothing would change." in done("import", str(SAMPLE), "--dry-run")


def test_an_import_that_takes_a_sensor_down_needs_a_yes(prepared: Path, without_microphone: Path) -> None:
    text = refused("import", str(without_microphone))
    assert "takes down what the file leaves out" in text
    assert "sensor removed kh-f0123-a/mic1" in text
    assert "say --yes" in text
    assert registered(prepared).snapshot().zone_at("kh-f0123-a", "mic1", 4e9) is not None
    assert "3 changed" in done("import", str(without_microphone), "--yes")
    assert registered(prepared).snapshot().zone_at("kh-f0123-a", "mic1", 4e9) is None


def test_on_a_terminal_it_is_asked(
    prepared: Path, without_microphone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prepared.exists()
    monkeypatch.setattr(descriptions, "_at_terminal", lambda: True)
    unwilling = admin("import", str(without_microphone), typed="n\n")
    assert (unwilling.exit_code, "nothing changed" in unwilling.stderr) == (1, True)
    assert "3 changed" in done("import", str(without_microphone), typed="y\n")


def test_a_shift_that_gets_another_end_is_not_taken_down(prepared: Path, tmp_path: Path) -> None:
    assert prepared.exists()
    file = tmp_path / "later.yaml"
    file.write_text(SAMPLE.read_text().replace('end: "16:00"', 'end: "17:00"'))
    assert "2 changed" in done("import", str(file))
    file.write_text(SAMPLE.read_text().replace("name: day", "name: morning"))
    assert "shift ended day" in refused("import", str(file))


def test_a_mistake_is_told_with_its_file(prepared: Path, tmp_path: Path) -> None:
    assert prepared.exists()
    file = tmp_path / "wrong.yaml"
    file.write_text(SAMPLE.read_text().replace("metabolic_class: 1 ", "metabolic_class: 7 "))
    text = refused("import", str(file), "--dry-run")
    assert str(file) in text
    assert "sites kh-f0123.zones sewing-3.metabolic_class" in text


def test_what_is_exported_and_imported_again_changes_nothing(prepared: Path, tmp_path: Path) -> None:
    assert prepared.exists()
    done("day-off", SITE, "2030-04-14", "Khmer New Year")
    done("overtime", SITE, "day", "2030-04-15", "19:00", "--break", "17:00-17:30")
    done("gateway", "add", "--site", SITE, "--id", "kh-f0123-y", "--foreign", "--place", "s2=ironing")
    done("gateway", "add", "--site", SITE, "--id", "kh-f0123-z", "--foreign", "--expect", "s3/ta=60")
    for name, options in (("e.yaml", ()), ("e.json", ("--json",))):
        file = tmp_path / name
        file.write_text(done("export", SITE, *options))
        assert "Nothing would change" in done("import", str(file), "--dry-run")
        assert "nothing changed" in done("import", str(file))
    assert done("export") == done("export", SITE)
    assert "dara@example.org" not in done("export")
    assert "no site vn" in refused("export", "vn")


def test_the_export_makes_the_same_factory_somewhere_else(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert prepared.exists()
    done("overtime", SITE, "day", "2030-04-15", "19:00")
    exported = done("export")
    (tmp_path / "e.yaml").write_text(exported)
    monkeypatch.setenv("OSHWATCH_DATA_DIR", str(tmp_path / "other"))
    done("init")
    done("import", str(tmp_path / "e.yaml"))
    assert done("export") == exported


def test_the_calendar_shows_what_is_worked_in_site_time(prepared: Path) -> None:
    done("day-off", SITE, "2030-04-16", "Khmer New Year")
    done("overtime", SITE, "day", "2030-04-15", "19:00", "--break", "17:00-17:30")
    found = done("calendar", SITE, "--from", "2030-04-14", "--to", "2030-04-17").splitlines()
    assert found == [
        "kh-f0123  Mekong Garment 0123  (Asia/Phnom_Penh)",
        "Sun 2030-04-14  -",
        "Mon 2030-04-15  day 07:00-19:00 (12 h, with overtime, break 11:30-12:30, 17:00-17:30)",
        "Tue 2030-04-16  Khmer New Year: nobody starts work",
        "Wed 2030-04-17  day 07:00-16:00 (9 h, break 11:30-12:30)",
    ]
    monday, tuesday = days("2030-04-15", "2030-04-16")
    assert monday["shifts"] == [
        {
            "name": "day",
            "start": "2030-04-15T07:00+07:00",
            "end": "2030-04-15T19:00+07:00",
            "hours": 12.0,
            "overtime": True,
            "breaks": [
                ["2030-04-15T11:30+07:00", "2030-04-15T12:30+07:00"],
                ["2030-04-15T17:00+07:00", "2030-04-15T17:30+07:00"],
            ],
        }
    ]
    assert (tuesday["day_off"], tuesday["shifts"]) == ("Khmer New Year", [])
    assert len(done("calendar", SITE).splitlines()) == 15
    rows = Audit(registered(prepared)).rows(site=SITE, limit=2)
    assert {row.action for row in rows} == {"day off added", "overtime added"}
    assert all(row.who.startswith("shell:") for row in rows)


def test_an_exception_is_taken_back_and_is_the_same_when_said_twice(prepared: Path) -> None:
    assert prepared.exists()
    done("day-off", SITE, "2030-04-16", "Khmer New Year")
    assert "already was" in done("day-off", SITE, "2030-04-16", "Khmer New Year")
    done("day-off", SITE, "2030-04-16", "New Year")
    assert days("2030-04-16", "2030-04-16")[0]["day_off"] == "New Year"
    done("day-off", SITE, "2030-04-16", "--cancel")
    assert days("2030-04-16", "2030-04-16")[0]["day_off"] is None
    done("overtime", SITE, "day", "2030-04-16", "19:00")
    done("overtime", SITE, "day", "2030-04-16", "02:00")
    done("overtime", SITE, "day", "2030-04-16", "--cancel")
    assert "07:00-16:00" in done("calendar", SITE, "--from", "2030-04-16", "--to", "2030-04-16")


def test_a_register_that_cannot_be_read_or_written_ends_with_a_sentence(prepared: Path) -> None:
    engine = open_database(prepared)
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE shifts RENAME TO away"))
    for arguments in (("site", "list"), ("import", str(SAMPLE))):
        assert "cannot be read or written: no such table: shifts. Nothing changed." in refused(*arguments)


def test_what_cannot_be_is_refused_with_the_way_out(prepared: Path) -> None:
    version = registered(prepared).snapshot().version
    for arguments, words in (
        (("day-off", SITE, "2030-04-16"), "say what 2030-04-16 is called"),
        (("day-off", "kh-x", "2030-04-16", "New Year"), "no site kh-x"),
        (("day-off", SITE, "2030-04-16", "--cancel"), "is no day off"),
        (("overtime", SITE, "day", "2030-04-16", "--cancel"), "has no overtime"),
        (("overtime", SITE, "day", "2030-04-16"), "say until when"),
        (("overtime", SITE, "day", "2030-04-16", "late"), "no time of day"),
        (("overtime", SITE, "day", "2030-04-16", "15:00"), "not after the end of 'day' at 16:00"),
        (("overtime", SITE, "day", "2030-04-14", "19:00"), "no shift of this name starts on that day"),
        (("overtime", SITE, "night", "2030-04-16", "19:00"), "those that do: day"),
        (("overtime", SITE, "day", "2030-04-16", "19:00", "--break", "17"), "is not like 17:00-17:30"),
        (("overtime", SITE, "day", "2030-04-16", "19:00", "--break", "15:00-17:00"), "inside the overtime"),
        (("calendar", SITE, "--from", "2030-04-16", "--to", "2030-04-15"), "is not within 400 days"),
        (("calendar", "kh-x"), "no site kh-x"),
    ):
        assert words in refused(*arguments), arguments
    done("overtime", SITE, "day", "2030-04-16", "19:00")
    assert "that day is off" in refused("day-off", SITE, "2030-04-16", "New Year")
    assert registered(prepared).snapshot().version == version + 1
