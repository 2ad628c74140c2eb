"""An installation made before the calendar knew exceptions keeps everything when it is brought up."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

import ingest_service.auth.schema
import ingest_service.cases.schema
import ingest_service.register.schema  # noqa: F401 - the three fill METADATA
from ingest_service.database import METADATA, MIGRATIONS, migrate, open_database, write
from ingest_service.register.store import Register

BEFORE = (
    "INSERT INTO sites VALUES ('kh-f1', 'F', 'kh', 'pp', 'Asia/Phnom_Penh', 'garment', 11.5, 104.9)",
    (
        "INSERT INTO zones (id, site, name, kind, metabolic_class, acclimatised, clothing_caf, "
        "radiant_source, women, men) VALUES"
        " ('kh-f1/sewing', 'kh-f1', 'Sewing', 'sewing', 2, true, 3.0, false, 84, 9),"
        " ('kh-f1/boiler', 'kh-f1', 'Boiler', 'boiler', 3, false, 0.0, true, 0, 4)"
    ),
    "INSERT INTO gateways VALUES ('kh-f1-a', 'kh-f1', 'signed', 5.0, NULL)",
    (
        "INSERT INTO placements (gateway, sensor, zone, valid_from, valid_to, height_m) VALUES"
        " ('kh-f1-a', 'th1', 'kh-f1/sewing', 0.0, 100.0, 1.1), ('kh-f1-a', 'th1', 'kh-f1/boiler', 100.0, "
        "NULL, NULL)"
    ),
    (
        'INSERT INTO shifts (site, name, start, "end", days, breaks, valid_from, valid_to) VALUES'
        " ('kh-f1', 'night', '22:00:00.000000', '06:00:00.000000', '012345', '[[\"02:00\", \"02:30\"]]',"
        " '0001-01-01', NULL)"
    ),
    "INSERT INTO audit (at, who, action, object, detail) VALUES (5.0, 'rith', 'site added', 'kh-f1', '{}')",
)


@pytest.fixture
def old(tmp_path: Path) -> sa.Engine:
    """A database of the revision before, with a factory in it."""
    engine = open_database(tmp_path / "data")
    bring_to_0002(engine)
    return engine


def bring_to_0002(engine: sa.Engine) -> None:
    with write(engine) as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002_cases")
        for statement in BEFORE:
            connection.execute(sa.text(statement))


def test_an_installation_of_before_keeps_its_factory(old: sa.Engine) -> None:
    migrate(old)
    with old.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        if connection.dialect.name == "sqlite":
            assert connection.execute(sa.text("PRAGMA foreign_key_check")).all() == []
        assert connection.execute(sa.text("SELECT count(*) FROM audit")).scalar() == 1
    snapshot = Register(old).snapshot()
    sewing, boiler = snapshot.zone("kh-f1/sewing"), snapshot.zone("kh-f1/boiler")
    assert sewing is not None
    assert boiler is not None
    assert (sewing.metabolic_class, sewing.acclimatised, sewing.clothing_caf) == (2, True, 3.0)
    assert (sewing.women, sewing.men, sewing.radiant_source, sewing.outdoors) == (84, 9, False, False)
    assert (boiler.metabolic_class, boiler.acclimatised, boiler.radiant_source) == (3, False, True)
    assert snapshot.zone_as_of("kh-f1/sewing", 0.0) == sewing
    first, second = snapshot.placements_of("kh-f1-a", "th1")
    assert (first.zone, first.valid_to, first.height_m, first.globe_diameter_m) == (
        "kh-f1/sewing",
        100.0,
        1.1,
        None,
    )
    assert (second.zone, second.serial) == ("kh-f1/boiler", None)
    calendar = snapshot.calendar("kh-f1")
    night = calendar.shift_at(1780351200.0)  # a Tuesday, 05:00 in Phnom Penh
    assert night is not None
    assert (night.name, night.length_s, len(night.breaks)) == ("night", 8 * 3600, 1)
    old.dispose()


def test_the_upgraded_installation_takes_changes(old: sa.Engine) -> None:
    migrate(old)
    register = Register(old, now=lambda: 1780279200.0)
    zone = register.snapshot().zone("kh-f1/sewing")
    assert zone is not None
    with register.change("rith") as change:
        change.place("kh-f1-a", "g1", zone.id, globe_diameter_m=0.05, serial="A1")
    (placement,) = register.snapshot().placements_of("kh-f1-a", "g1")
    assert (placement.globe_diameter_m, placement.serial) == (0.05, "A1")
    old.dispose()
