"""How many processes of each runner `oshwatch serve --workers` starts, and what it refuses."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from ingest_service.settings import Settings
from oshwatch.supervisor import Supervisor, WorkersError, counted

FILES = Settings(data_dir=Path("/nowhere"))
DATABASE = FILES.model_copy(update={"database_url": SecretStr("postgresql+psycopg://a:b@c/d")})
SERVER = DATABASE.model_copy(update={"influx_url": "http://i:8086"})


def test_numbers_are_read_and_one_process_each_needs_no_server() -> None:
    assert counted("intake=2, projector=3,alerts=1", SERVER) == {"intake": 2, "projector": 3, "alerts": 1}
    assert counted("", FILES) == {}
    assert counted("intake=1", FILES) == {"intake": 1}
    assert counted("intake=8", DATABASE) == {"intake": 8}


@pytest.mark.parametrize(
    ("workers", "settings", "reason"),
    [
        ("intakes=2", SERVER, "'intakes=2' is not a runner"),
        ("intake", SERVER, "is not a runner"),
        ("intake=0", SERVER, "is not a runner"),
        ("intake=99", SERVER, "at most 32"),
        ("web=2", SERVER, "one port"),
        ("intake=2", FILES, "OSHWATCH_DATABASE_URL"),
        ("alerts=2", DATABASE, "OSHWATCH_INFLUX_URL"),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(workers: str, settings: Settings, reason: str) -> None:
    with pytest.raises(WorkersError, match=reason):
        counted(workers, settings)


def test_each_process_has_a_name_of_its_own(tmp_path: Path) -> None:
    supervisor = Supervisor(
        SERVER.model_copy(update={"data_dir": tmp_path}), ("intake", "web"), workers={"intake": 3}
    )
    assert [one.instance for one in supervisor._runners] == ["intake", "intake-2", "intake-3", "web"]
