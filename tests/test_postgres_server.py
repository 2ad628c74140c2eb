"""The database of the tests is what the tests of the server shape rely on: roles, rights, stop and start."""

import psycopg
import pytest
import sqlalchemy as sa

from ingest_service.database import check_schema, open_database
from tests.postgres import Postgres


def test_each_test_has_a_fresh_database_of_the_newest_schema(postgres: Postgres) -> None:
    engine = open_database(postgres.url)
    check_schema(engine)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT current_user")) == "oshwatch_service"
    engine.dispose()


def test_the_roles_of_the_service_own_nothing(postgres: Postgres) -> None:
    for url in (postgres.url, postgres.grafana_url):
        engine = open_database(url)
        with engine.connect() as connection, pytest.raises(sa.exc.ProgrammingError) as caught:
            connection.execute(sa.text("CREATE TABLE mine(a int)"))
        assert isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)
        engine.dispose()


def test_the_server_can_be_stopped_and_started(postgres: Postgres) -> None:
    postgres.server.stop()
    with pytest.raises(psycopg.OperationalError), postgres.as_superuser():
        pass
    postgres.server.start()
    with postgres.as_superuser() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
