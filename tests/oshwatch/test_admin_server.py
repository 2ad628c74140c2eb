"""Commands of the server shape: schema and rights by the owner, and one box that moves into a database."""

import json
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from ingest_service.cases.store import Cases
from ingest_service.database import head_revision, open_database
from ingest_service.intake import Intake
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.register.store import Register
from ingest_service.rights import missing_rights
from ingest_service.stores import open_database_of, open_ledger_of
from oshwatch.commands.admin import app
from tests.ingest_service.gateways import NOW, Device, arrival, snapshot
from tests.postgres import GRAFANA, OWNER, SERVICE, Postgres, PostgresServer

SAMPLE = Path(__file__).parents[2] / "docs" / "site-description.sample.yaml"


def admin(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def empty(postgres: Postgres) -> Postgres:
    """A database without any table."""
    name = f"{postgres.name}_empty"
    postgres.server.drop(name)
    postgres.server.create(name)
    return Postgres(postgres.server, name)


@pytest.fixture
def named(empty: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Postgres:
    """The same, named in the environment as compose does it: by files."""
    for key, url in (("DATABASE_URL", empty.url), ("DATABASE_OWNER_URL", empty.owner_url)):
        file = tmp_path / key.lower()
        file.write_text(url + "\n")
        monkeypatch.setenv(f"OSHWATCH_{key}_FILE", str(file))
    monkeypatch.delenv("OSHWATCH_CONFIG", raising=False)
    monkeypatch.setenv("OSHWATCH_DATA_DIR", str(tmp_path / "server"))
    (tmp_path / "server").mkdir()
    return empty


def test_migrate_makes_tables_and_least_rights_and_says_so_and_can_be_repeated(named: Postgres) -> None:
    assert "has no tables yet. Run `oshwatch admin migrate`" in admin("init").stderr
    assert admin("migrate", "--check").exit_code == 1
    first = admin("migrate")
    assert first.exit_code == 0, first.output
    assert f"migrated  to {head_revision()}" in first.output
    assert "migrated  nothing to do" in admin("migrate").output
    assert admin("migrate", "--check").exit_code == 0
    engine = open_database(named.owner_url)
    with engine.begin() as connection:
        assert missing_rights(connection, SERVICE) == []
        connection.execute(sa.text(f"GRANT DELETE ON batches TO {SERVICE}"))
        connection.execute(sa.text(f"REVOKE INSERT ON audit FROM {SERVICE}"))
    engine.dispose()
    checked = admin("migrate", "--check")
    assert "audit: INSERT is missing" in checked.output
    assert "batches: DELETE must not be" in checked.output
    admin("migrate")
    assert admin("migrate", "--check").exit_code == 0
    done = admin("init", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["administrator"] == "admin"


@pytest.mark.parametrize("table", ["batches", "audit", "case_events", "signatures", "day_roots"])
def test_not_even_the_owner_changes_empties_or_truncates_what_is_append_only(
    postgres: Postgres, table: str
) -> None:
    for deed in ("UPDATE", "DELETE", "TRUNCATE"):
        for role in (SERVICE, OWNER):
            sql = {"UPDATE": f"UPDATE {table} SET {{}} = {{}}", "DELETE": f"DELETE FROM {table}"}  # noqa: S608
            with postgres.as_superuser() as connection:
                query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s LIMIT 1"
                (column,) = connection.execute(query, (table,)).fetchone() or ("",)
                connection.execute(f"SET ROLE {role}".encode())
                statement = sql.get(deed, f"TRUNCATE {table} CASCADE").format(f'"{column}"', f'"{column}"')
                told = "permission denied" if role == SERVICE else "append-only"
                with pytest.raises(psycopg.Error, match=told):
                    connection.execute(statement.encode())


def test_migrate_makes_the_roles_where_the_owner_may_and_renews_their_passwords(
    named: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = named.server
    made = {"service": f"{named.name}_s", "grafana": f"{named.name}_g"}
    monkeypatch.delenv("OSHWATCH_DATABASE_URL_FILE")
    monkeypatch.setenv("OSHWATCH_DATABASE_OWNER_URL", server.url("tester", named.name))
    monkeypatch.delenv("OSHWATCH_DATABASE_OWNER_URL_FILE")
    try:
        for password, word in (("first one'%", "made"), ("second", "kept")):
            address = server.url(made["service"], named.name, quote(password))
            monkeypatch.setenv("OSHWATCH_DATABASE_URL", address)
            monkeypatch.setenv("OSHWATCH_GRAFANA_DATABASE_PASSWORD", "of-grafana")
            done = admin("migrate", "--grafana-role", made["grafana"])
            assert done.exit_code == 0, done.output
            assert f"{made['service']}: {word}" in done.output
            assert password not in done.output
            engine = open_database(address)
            with engine.connect() as connection:
                assert connection.scalar(sa.text("SELECT count(*) FROM batches")) == 0
            engine.dispose()
        with psycopg.connect(
            server.url(made["grafana"], named.name, "of-grafana").replace("+psycopg", "")
        ) as own:
            own.execute("SELECT * FROM grafana.v1_cases")
    finally:
        server.drop(named.name)
        with server.administering() as connection:
            for role in made.values():
                connection.execute(f"DROP ROLE IF EXISTS {role}".encode())


def test_migrate_says_what_is_wrong(named: Postgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert (
        "There is no role nobody_here; nothing changed"
        in admin("migrate", "--service-role", "nobody_here").stderr
    )
    admin("migrate")
    with named.as_superuser() as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999_later'")
    assert "newer than this program's" in admin("migrate").stderr
    half = tmp_path / "half"
    half.write_text("")
    monkeypatch.setenv("OSHWATCH_DATABASE_OWNER_URL_FILE", str(half))
    result = admin("migrate")
    assert "is empty. It may be half written" in str(result.exception)
    monkeypatch.delenv("OSHWATCH_DATABASE_OWNER_URL_FILE")
    assert "set database_owner_url" in admin("migrate").stderr
    monkeypatch.setenv("OSHWATCH_DATABASE_OWNER_URL", named.server.url(OWNER, named.name, "not-the-one"))
    wrong = admin("migrate").stderr
    assert "password authentication failed" in wrong
    assert "not-the-one" not in wrong


def test_the_role_of_grafana_reads_its_views_and_nothing_else(postgres: Postgres) -> None:
    engine = open_database(postgres.grafana_url)
    with engine.connect() as connection:
        for table in ("batches", "persons", "sessions"):
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied"), connection.begin_nested():
                connection.execute(sa.text(f"SELECT * FROM public.{table}"))  # noqa: S608
        connection.execute(sa.text("SELECT * FROM grafana.v1_cases"))
    engine.dispose()
    assert GRAFANA in postgres.grafana_url


def one_box(folder: Path) -> None:
    """A factory with people, batches, something refused, a birth's configuration and an audit log."""
    assert admin("init", "--data-dir", str(folder)).exit_code == 0
    assert admin("import", str(SAMPLE), "--data-dir", str(folder)).exit_code == 0
    ledger, device = open_ledger(folder), Device()
    intake = Intake(ledger, snapshot)
    for _ in range(30):
        intake.take([arrival(device.batch()) for _ in range(10)], NOW)
    intake.take([arrival(b"[]"), arrival(b"{rubbish\0")], NOW)
    ledger.note_event(1, at=NOW, who="sok", action="note", text="looked at it")
    ledger.close()


def test_one_box_moves_into_an_empty_database_whole_and_stays_as_it_was(
    empty: Postgres, tmp_path: Path
) -> None:
    box, address = tmp_path / "box", tmp_path / "address"
    one_box(box)
    before = {path.name: path.read_bytes() for path in box.glob("*.sqlite")}
    address.write_text(empty.owner_url)
    moving = ("move", "--to-database-url-file", str(address), "--data-dir", str(box), "--json")
    moved = admin(*moving)
    assert moved.exit_code == 0, moved.output
    told = json.loads(moved.stdout)
    assert (told["last_row"], told["rows"]["ledger.quarantine"], told["broken_rows"]) == (300, 2, [])
    assert any(str(box / "server.key") in line for line in told["next"])

    settings = empty.settings(tmp_path / "server")
    old, new = open_ledger(box, read_only=True), open_ledger_of(settings)
    assert new.rows(0, 1000) == old.rows(0, 1000)
    assert new.row_hashes(1, 300) == old.row_hashes(1, 300)
    assert new.quarantine() == old.quarantine()
    assert new.epochs() == old.epochs()
    device = Device(seq=300, prev=old.rows(299, 1)[0].batch_hash)
    assert Intake(new, snapshot).take([arrival(device.batch())], NOW)[0].row == 301
    assert list(new.broken_rows()) == []
    engine, register = open_database_of(settings), open_database(box)
    assert Register(engine).snapshot().people == Register(register).snapshot().people
    assert Register(engine).snapshot().version == Register(register).snapshot().version
    with Register(engine).change("after the move") as change:  # numbers go on where they were
        change.put_contacts(1, [("email", "mailto://x@example.org")])
    assert Cases(engine).case(1) is None
    for store in (engine, register):
        store.dispose()
    old.close()
    new.close()
    assert {path.name: path.read_bytes() for path in box.glob("*.sqlite")} == before
    assert [path for path in box.iterdir() if path.name.startswith(".move")] == []

    again = admin(*moving)
    assert again.exit_code == 1
    assert "is not empty" in again.stderr
    differ = admin(*moving, "--compare")
    assert "batches has other content (300 rows here, 301 there)" in differ.stderr


def test_a_move_that_fails_leaves_nothing_and_can_be_made_again(
    empty: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, address = tmp_path / "box", tmp_path / "address"
    one_box(box)
    moving = ("move", "--to-database-url-file", str(address), "--data-dir", str(box))
    assert "is not there" in admin(*moving).stderr
    address.write_text("postgres://elsewhere")
    refusal = admin(*moving).stderr
    assert "postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE" in refusal
    assert "elsewhere" not in refusal
    address.write_text(empty.owner_url)
    with monkeypatch.context() as patch:
        patch.setattr("ingest_service.backup.putting_back._set_sequences", _power_cut)
        assert isinstance(admin(*moving).exception, KeyboardInterrupt | SystemExit)
    ledger = open_ledger_of(empty.settings(tmp_path / "server"))
    assert ledger.last_row() == 0
    ledger.close()
    assert admin(*moving).exit_code == 0


def _power_cut(*_: object) -> None:
    raise KeyboardInterrupt


def test_nothing_moves_while_the_service_runs(postgres_server: PostgresServer, tmp_path: Path) -> None:
    from ingest_service.heartbeat import beat

    beat(tmp_path, "intake")
    address = tmp_path / "address"
    address.write_text(postgres_server.url(OWNER, "postgres"))
    moved = admin("move", "--to-database-url-file", str(address), "--data-dir", str(tmp_path))
    assert "the intake runner still runs" in moved.stderr
