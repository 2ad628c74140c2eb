"""Proposals that waited before gateways could be proposed keep what they are about."""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from ingest_service.database import MIGRATIONS, migrate, open_database, write
from ingest_service.register.store import Register

KID = "56475aa75463474c"
BEFORE = (
    "INSERT INTO sites VALUES ('kh-f1', 'F', 'kh', 'pp', 'Asia/Phnom_Penh', 'garment', 11.5, 104.9)",
    "INSERT INTO gateways VALUES ('kh-f1-a', 'kh-f1', 'signed', 5.0, NULL)",
    (
        "INSERT INTO gateway_keys (kid, gateway, public_key, valid_from)"
        " VALUES ('56475aa75463474c', 'kh-f1-a', x'00', 0.0)"
    ),
    (
        "INSERT INTO key_revocations (kid, good_up_to, why, proposed_by, proposed_at)"
        " VALUES ('56475aa75463474c', '', 'lost', 'rith', 5.0)"
    ),
)


def test_a_proposal_of_before_can_be_confirmed(tmp_path: Path) -> None:
    engine = open_database(tmp_path / "data")
    with write(engine) as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0010_day_lines")
        for statement in BEFORE:
            connection.execute(sa.text(statement))
    migrate(engine)
    with Register(engine).change("bopha") as change:
        assert change.proposal(1)["gateway"] == "kh-f1-a"
        assert change.confirm_revocation(1) == [KID]
    engine.dispose()
