import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ingest_service.auth.passwords import Passwords
from ingest_service.auth.server_key import ServerKey
from ingest_service.auth.tokens import Tokens
from ingest_service.database import open_database
from ingest_service.register.store import Register
from oshwatch.administration.descriptions import PUBLISHED_KEY
from oshwatch.commands.admin import app

SAMPLE = Path(__file__).parents[2] / "docs" / "site-description.sample.yaml"


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory that does not exist yet, named in the environment."""
    monkeypatch.setenv("OSHWATCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("OSHWATCH_CONFIG", raising=False)
    return tmp_path / "data"


@pytest.fixture
def prepared(data_dir: Path) -> Path:
    """The same with the sample factory in it."""
    done("init")
    done("import", str(SAMPLE))
    return data_dir


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
    assert result.stderr.startswith("oshwatch admin: ")
    return result.stderr


def signs_in(data_dir: Path, login: str, password: str) -> bool:
    engine = open_database(data_dir)
    outcome = Passwords(Register(engine)).sign_in(login, password, "test")
    engine.dispose()
    return outcome.person is not None


def test_init_makes_everything_and_prints_the_password_once(data_dir: Path) -> None:
    text = done("init")
    found = re.search(r"shown this once\): (\S+)", text)
    assert found is not None
    assert signs_in(data_dir, "admin", found[1])
    names = {path.name for path in data_dir.iterdir()}
    assert {"register.sqlite", "ledger.sqlite", "series.sqlite", "server.key"} <= names
    key = ServerKey.load_or_create(data_dir / "server.key").public_key
    again = json.loads(done("init", "--json"))
    assert (again["administrator"], again["password"]) == (None, None)
    assert ServerKey.load_or_create(data_dir / "server.key").public_key == key
    assert len(again["server_key"]) == 43


def test_init_takes_a_password_that_is_asked_for(data_dir: Path) -> None:
    assert "password you gave" in done(
        "init", "--ask-password", "--login", "root", typed="correct horse battery\n"
    )
    assert signs_in(data_dir, "root", "correct horse battery")


def test_the_data_directory_may_come_from_the_settings_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OSHWATCH_DATA_DIR", raising=False)
    assert "OSHWATCH_DATA_DIR or OSHWATCH_CONFIG" in refused("init")
    (tmp_path / "oshwatch.toml").write_text(f'data_dir = "{tmp_path / "there"}"\n')
    monkeypatch.setenv("OSHWATCH_CONFIG", str(tmp_path / "oshwatch.toml"))
    done("init")
    assert (tmp_path / "there" / "register.sqlite").exists()


def test_a_missing_register_is_named_with_the_way_out(data_dir: Path) -> None:
    assert "oshwatch admin init" in refused("site", "list")
    assert not data_dir.exists()


def test_a_data_directory_that_cannot_be_made_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("OSHWATCH_DATA_DIR", str(tmp_path / "file" / "data"))
    assert "OSHWATCH_DATA_DIR" in refused("init")


@pytest.mark.usefixtures("data_dir")
def test_a_key_whose_private_half_is_published_is_warned_of(tmp_path: Path) -> None:
    done("init")
    warned = admin("import", str(SAMPLE))
    assert "anybody can sign as that gateway" in warned.stderr
    own = tmp_path / "own.yaml"
    own.write_text(SAMPLE.read_text("utf-8").replace(PUBLISHED_KEY, "B" + PUBLISHED_KEY[1:]), "utf-8")
    assert "WARNING" not in admin("import", str(own)).stderr


def test_a_description_is_imported_twice_with_the_same_result(prepared: Path) -> None:
    assert prepared.exists()
    assert "nothing changed" in done("import", str(SAMPLE))
    (site,) = json.loads(done("site", "list", "--json"))
    assert site["zones"] == ["kh-f0123/ironing", "kh-f0123/sewing-3"]
    assert "kh-f0123" in done("site", "list")


def test_a_wrong_description_reports_every_mistake_and_changes_nothing(
    prepared: Path, tmp_path: Path
) -> None:
    assert prepared.exists()
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(SAMPLE.read_text().replace("role: engineer", "role: king").replace('"16:00"', "16:00"))
    text = refused("import", str(wrong))
    assert "2 mistakes" in text
    assert "'king' is no role" in text
    assert "in quotes" in text
    assert "nothing changed" in done("import", str(SAMPLE))


def test_people_come_and_go(prepared: Path) -> None:
    made = json.loads(
        done("person", "add", "zed", "--name", "Zed", "--role", "adviser", "--scope", "kh", "--json")
    )
    assert signs_in(prepared, "zed", made["password"])
    assert "already is" in refused(
        "person", "add", "zed", "--name", "Z", "--role", "adviser", "--scope", "kh"
    )
    assert "no role" in refused("person", "add", "yan", "--name", "Y", "--role", "king", "--scope", "kh")
    assert "no place" in refused("person", "add", "yan", "--name", "Y", "--role", "adviser", "--scope", "xx")
    done("person", "password", "zed", "--ask-password", typed="another sentence\n")
    assert signs_in(prepared, "zed", "another sentence")
    assert "12 to 200" in refused("person", "password", "zed", "--ask-password", typed="short\n")
    done("person", "deactivate", "zed")
    assert not signs_in(prepared, "zed", "another sentence")
    assert {"zed": False, "dara": True}.items() <= {
        person["login"]: person["active"] for person in json.loads(done("person", "list", "--json"))
    }.items()
    assert "no person" in refused("person", "deactivate", "nobody")


def test_tokens_are_shown_once_and_end(prepared: Path) -> None:
    arguments = ("token", "add", "rith", "--label", "usb", "--action", "upload", "--days", "1")
    made = json.loads(done(*arguments, "--json"))
    engine = open_database(prepared)
    assert Tokens(Register(engine)).find(made["secret"]) is not None
    assert made["secret"] not in done("token", "list", "--json")
    done("token", "revoke", str(made["id"]))
    assert Tokens(Register(engine)).find(made["secret"]) is None
    engine.dispose()
    assert "may not upload" in refused("token", "add", "dara", "--label", "x", "--action", "upload")
    assert "no place" in refused(*arguments, "--scope", "vn")
    assert "no active person" in refused("token", "add", "who", "--label", "x", "--action", "upload")
    assert "no token 99" in refused("token", "revoke", "99")


def test_gateways_are_added_listed_and_revoked_by_two_people(prepared: Path) -> None:
    key = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
    site = ("gateway", "add", "--site", "kh-f0123", "--id")
    foreign = (*site, "kh-f0123-z", "--foreign", "--map", "urn:a:temp=s1/ta")
    done(*foreign, "--place", "s1=ironing", "--expect", "s1/ta=60")
    known = ("gateway", "add", "--site", "kh-f0123", "--id", "kh-f0123-a", "--public-key", key)
    assert "(nothing changed)" in done(*known, "--place", "th2=ironing")  # which keeps its globe and serial
    engine = open_database(prepared)
    snapshot = Register(engine).snapshot()
    engine.dispose()
    assert snapshot.foreign_names("kh-f0123-z")["urn:a:temp"].quantity == "ta"
    assert snapshot.zone_at("kh-f0123-z", "s1", 0.0) == "kh-f0123/ironing"
    assert "kh-f0123-z" in done("gateway", "list")
    for wrong, words in (
        ((*site, "kh-f0123-y"), "--public-key"),
        ((*site, "kh-f0123-y", "--public-key", "abc"), "Ed25519"),
        ((*site, "kh-f0123-y", "--public-key", key), "registered for gateway kh-f0123-a"),
        ((*site, "NO", "--foreign"), "id:"),
        ((*site, "kh-f0123-y", "--foreign", "--map", "x"), "not name=sensor/quantity"),
        ((*site, "kh-f0123-y", "--foreign", "--map", "x=s/tta"), "unknown quantity"),
        ((*site, "kh-f0123-y", "--foreign", "--place", "s1=roof"), "no zone roof"),
        ((*site, "kh-f0123-y", "--foreign", "--expect", "s1/ta=soon"), "no number of seconds"),
        (("gateway", "add", "--site", "vn", "--id", "kh-f0123-y", "--foreign"), "no site vn"),
    ):
        assert words in refused(*wrong)
    for login in ("rith", "bopha", "dara"):
        done("person", "password", login, "--ask-password", typed=f"the password of {login}\n")
    revoke = ("gateway", "revoke", "kh-f0123-z", "--reason", "lost", "--password-stdin", "--by")
    confirm = ("gateway", "confirm", "1", "--password-stdin", "--by")
    assert "not the password" in refused(*revoke, "who", typed="guessed by who\n")
    assert "may not revoke" in refused(*revoke, "dara", typed="the password of dara\n")
    assert "Nothing ended yet" in done(*revoke, "RITH", typed="the password of rith\n")
    assert "takes two people" in refused(*confirm, " Rith", typed="the password of rith\n")
    assert "revoked" not in done("gateway", "list")
    assert "kh-f0123-z is revoked" in done(*confirm, "bopha", typed="the password of bopha\n")
    assert "revoked" in done("gateway", "list")
