"""``oshwatch admin migrate``: tables and rights in the server's database, by the role that owns it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from oshwatch.administration.shell import AsJson, DataDir, answer, fail, settings_at

if TYPE_CHECKING:
    import sqlalchemy as sa

    from ingest_service.settings import Settings

GRAFANA_ROLE = "oshwatch_grafana"
ServiceRole = Annotated[
    str | None,
    typer.Option(help="Role of the service; else the one in database_url.", show_default=False),
]
GrafanaRole = Annotated[
    str, typer.Option(help="Role that may read the views of schema grafana; empty for none.")
]


def migrate(
    data_dir: DataDir = None,
    service_role: ServiceRole = None,
    grafana_role: GrafanaRole = GRAFANA_ROLE,
    check: Annotated[bool, typer.Option("--check", help="Only say what there is to do.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the server's database to this program's schema and give each role its rights.

    Reads database_owner_url; the service's own role may make no tables. Safe to repeat. With --check nothing
    changes; exit code 1 when there is something to do.
    """
    from sqlalchemy.exc import SQLAlchemyError

    from ingest_service.database import DatabaseError, head_revision, revision_of, where
    from ingest_service.server_database import said
    from ingest_service.stores import open_database_as_owner

    settings = settings_at(data_dir)
    try:
        engine = open_database_as_owner(settings)
    except DatabaseError as error:
        raise fail(str(error)) from None
    try:
        found, newest = revision_of(engine), head_revision()
        if found is not None and found > newest:
            raise fail(
                f"{where(engine)} has schema {found}, newer than this program's {newest}; nothing changed. "
                "Use the version of OSHWatch that wrote it, or a later one"
            )
        role = service_role or role_of_service(settings)
        lines = [f"database  {where(engine)}", f"schema    {found or 'none'}, newest {newest}"]
        if check:
            wrong = lacking(engine, role) if found == newest else ["the schema is not the newest"]
            facts = {"schema": found, "newest": newest, "service_role": role, "to_do": wrong}
            answer(facts, as_json, [*lines, *(wrong or [f"rights    complete for {role}"])])
            raise typer.Exit(1 if wrong else 0)
        lines += bring_up_to_date(engine, role, grafana_role)
        answer({"schema": newest, "before": found, "service_role": role}, as_json, lines)
    except DatabaseError as error:
        raise fail(str(error)) from None
    except SQLAlchemyError as error:
        raise fail(f"{where(engine)}: {said(error, engine)}; nothing changed") from None
    finally:
        engine.dispose()


def role_of_service(settings: Settings) -> str:
    """The role in the address that the service uses."""
    from sqlalchemy.engine import make_url

    if settings.database_url is None:
        raise fail("say which role the service has: --service-role NAME, or set database_url")
    return str(make_url(settings.database_url.get_secret_value()).username)


def bring_up_to_date(engine: sa.Engine, role: str, grafana_role: str) -> list[str]:
    """Tables and rights; returns what was done. Raises DatabaseError, SQLAlchemyError."""
    from ingest_service.database import DatabaseError, head_revision, revision_of, write
    from ingest_service.database import migrate as migrate_schema
    from ingest_service.rights import grant_grafana, grant_service, role_exists
    from ingest_service.series.influx.state import prepare

    with engine.connect() as connection:
        if not role_exists(connection, role):
            raise DatabaseError(
                f"There is no role {role}; nothing changed. Make it first, as a superuser: CREATE ROLE "
                f"{role} LOGIN PASSWORD '...'; then run this again."
            )
        readable = bool(grafana_role) and role_exists(connection, grafana_role)
    before = revision_of(engine)
    migrate_schema(engine)
    prepare(engine)
    done = [f"migrated  to {head_revision()}" if before != head_revision() else "migrated  nothing to do"]
    with write(engine) as connection:
        done.append(f"granted   {role}: {grant_service(connection, role)} tables")
        if readable:
            grant_grafana(connection, grafana_role)
            done.append(f"granted   {grafana_role}: the views of schema grafana")
        elif grafana_role:
            done.append(f"left out  there is no role {grafana_role}; make it for Grafana and run this again")
    return done


def lacking(engine: sa.Engine, role: str) -> list[str]:
    """What the service's role lacks, or has too much."""
    from ingest_service.rights import missing_rights, role_exists

    with engine.connect() as connection:
        if not role_exists(connection, role):
            return [f"there is no role {role}"]
        return missing_rights(connection, role)
