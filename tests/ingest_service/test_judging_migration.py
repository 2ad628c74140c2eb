"""An installation that is brought up to date keeps its signatures and where its rules stand."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from ingest_service.cases.schema import RULE_STATES, SIGNATURES
from ingest_service.cases.store import Cases
from ingest_service.database import MIGRATIONS, migrate, open_database, write


@pytest.fixture
def before(tmp_path: Path) -> Iterator[sa.Engine]:
    """A database of the revision before."""
    engine = open_database(tmp_path / "data")
    with write(engine) as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0003_calendar")
    yield engine
    engine.dispose()


def _case(connection: sa.Connection) -> None:
    connection.execute(
        sa.text(
            "INSERT INTO cases (id, key, site, zone, hazard, rule, pack, pack_version, state, severity, "
            "opened_at, event) "
            "VALUES (1, 'k', 's', 's/z', 'heat', 'r', 'p', '1', 'open', 'danger', 100, '{}')"
        )
    )
    for number, (at, kind) in enumerate([(100.0, "opened"), (900.0, "raised_again")], start=1):
        connection.execute(
            sa.text("INSERT INTO case_events (id, case_id, at, kind, data) VALUES (:n, 1, :at, :kind, '{}')"),
            {"n": number, "at": at, "kind": kind},
        )


def test_a_signature_stays_and_is_for_what_the_case_was_when_it_was_given(before: sa.Engine) -> None:
    with write(before) as connection:
        _case(connection)
        for side, at in (("worker", 200.0), ("management", 950.0)):
            connection.execute(
                sa.text("INSERT INTO signatures VALUES (1, :side, '7', 'Dara', :at)"),
                {"side": side, "at": at},
            )
    migrate(before)
    cases = Cases(before)
    assert [(one["side"], one["occasion"]) for one in cases.all_signatures(1)] == [
        ("worker", 1),
        ("management", 2),
    ]
    assert [one["side"] for one in cases.signatures(1)] == ["management"]
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), write(before) as connection:
        connection.execute(sa.delete(SIGNATURES))


def test_where_rules_stand_is_taken_over(before: sa.Engine) -> None:
    states = {"hot": ["raised", 120, 111, -1], "warm": ["pending", 120, 119, -1]}
    with write(before) as connection:
        for rule, live in states.items():
            state = json.dumps({"live": live, "late": ["quiet", -1, -1, -1]})
            connection.execute(
                sa.text("INSERT INTO rule_states VALUES ('s/z', :rule, :state, 120)"),
                {"rule": rule, "state": state},
            )
        connection.execute(sa.text("INSERT INTO rule_states VALUES ('s', 'silence', '{\"open\": {}}', 120)"))
    migrate(before)
    with before.connect() as connection:
        rows = {row.rule: row for row in connection.execute(sa.select(RULE_STATES))}
    assert set(rows) == {"exposures", "silence"}
    assert {rule: track[6:] for rule, track in rows["exposures"].state["tracks"].items()} == states
    assert rows["exposures"].judged_to == 120
