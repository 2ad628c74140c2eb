"""Minutes that were counted before their verdicts went are whole numbers, whichever database adds them up."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_service.cases.schema import JUDGED_SHIFTS
from ingest_service.database import migrate, open_database
from ingest_service.queries.judged import Counts, Minutes
from tests.postgres import Postgres


@pytest.mark.parametrize("server", [False, True], ids=["sqlite", "postgresql"])
def test_stretches_that_were_counted_add_up_to_hours(
    server: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if server:
        postgres: Postgres = request.getfixturevalue("postgres")
        engine = open_database(postgres.url)
    else:
        engine = open_database(tmp_path)
        migrate(engine)
    with engine.begin() as connection:
        for start in (480, 960):
            facts = {"zone": "kh-f0123/sewing-3", "rule": "heat", "start": start, "end": start + 480}
            connection.execute(sa.insert(JUDGED_SHIFTS).values(**facts, above=45, within=400, cannot_tell=35))
        found = Counts(connection).between("kh-f0123/sewing-3", "heat", 0.0, 60.0 * 1500)
    engine.dispose()
    assert found == Minutes(90, 800, 1500)
    assert found.hours == 1.5
