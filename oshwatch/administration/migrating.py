"""``oshwatch admin migrate``: tables and rights in the server's database, by the role that owns it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from pydantic import SecretStr

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


class Roles(NamedTuple):
    """Names of the roles, and passwords where they are known."""

    service: str
    grafana: str
    service_password: SecretStr | None = None
    grafana_password: SecretStr | None = None


def migrate(
    data_dir: DataDir = None,
    service_role: ServiceRole = None,
    grafana_role: GrafanaRole = GRAFANA_ROLE,
    check: Annotated[bool, typer.Option("--check", help="Only say what there is to do.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the server's database to this program's schema and give each role its rights.

    Reads database_owner_url; the service's own role may make no tables. Where the owner may make roles, that
    of the service (name and password of database_url) and Grafana's (grafana_database_password) are made too.
    Safe to repeat. With --check nothing changes; exit code 1 when there is something to do.
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
        roles = _roles(settings, service_role, grafana_role)
        role = roles.service
        lines = [f"database  {where(engine)}", f"schema    {found or 'none'}, newest {newest}"]
        if check:
            wrong = lacking(engine, role) if found == newest else ["the schema is not the newest"]
            facts = {"schema": found, "newest": newest, "service_role": role, "to_do": wrong}
            answer(facts, as_json, [*lines, *(wrong or [f"rights    complete for {role}"])])
            raise typer.Exit(1 if wrong else 0)
        lines += bring_up_to_date(engine, roles)
        answer({"schema": newest, "before": found, "service_role": role}, as_json, lines)
    except DatabaseError as error:
        raise fail(str(error)) from None
    except SQLAlchemyError as error:
        raise fail(f"{where(engine)}: {said(error, engine)}; nothing changed") from None
    finally:
        engine.dispose()


def _roles(settings: Settings, service: str | None, grafana: str) -> Roles:
    from sqlalchemy.engine import make_url

    password = None
    if settings.database_url is not None:
        url = make_url(settings.database_url.get_secret_value())
        if service in (None, url.username):
            service, password = url.username, SecretStr(str(url.password)) if url.password else None
    if not service:
        raise fail("say which role the service has: --service-role NAME, or set database_url")
    return Roles(service, grafana, password, settings.grafana_database_password)


def bring_up_to_date(engine: sa.Engine, roles: Roles) -> list[str]:
    """Roles, tables and rights; returns what was done. Raises DatabaseError, SQLAlchemyError."""
    from ingest_service.database import head_revision, revision_of, write
    from ingest_service.database import migrate as migrate_schema
    from ingest_service.rights import grant_grafana, grant_service
    from ingest_service.roles import role_exists
    from ingest_service.series.influx.state import prepare

    with write(engine) as connection:
        done = _put_roles(connection, roles)
        readable = bool(roles.grafana) and role_exists(connection, roles.grafana)
    before = revision_of(engine)
    migrate_schema(engine)
    prepare(engine)
    done.append(f"migrated  to {head_revision()}" if before != head_revision() else "migrated  nothing to do")
    with write(engine) as connection:
        done.append(f"granted   {roles.service}: {grant_service(connection, roles.service)} tables")
        if readable:
            grant_grafana(connection, roles.grafana)
            done.append(f"granted   {roles.grafana}: the views of schema grafana")
        elif roles.grafana:
            done.append(
                f"left out  {roles.grafana}: set grafana_database_password, or make the role, for Grafana"
            )
    return done


def _put_roles(connection: sa.Connection, roles: Roles) -> list[str]:
    from ingest_service.database import DatabaseError
    from ingest_service.roles import may_make_roles, put_role, role_exists

    done = []
    own = str(connection.engine.url.username)
    if may_make_roles(connection):
        known = ((roles.service, roles.service_password), (roles.grafana, roles.grafana_password))
        for role, password in known:
            if role and password is not None and role != own:
                done.append(f"role      {role}: {put_role(connection, role, password)}, with its password")
    if not role_exists(connection, roles.service):
        raise DatabaseError(
            f"There is no role {roles.service}; nothing changed. Set database_url with its name and password "
            f"and let an owner who may make roles run this; or, as one: CREATE ROLE {roles.service} LOGIN "
            "PASSWORD '...'; then run this again."
        )
    return done


def lacking(engine: sa.Engine, role: str) -> list[str]:
    """What the service's role lacks, or has too much."""
    from ingest_service.rights import missing_rights
    from ingest_service.roles import role_exists

    with engine.connect() as connection:
        if not role_exists(connection, role):
            return [f"there is no role {role}"]
        return missing_rights(connection, role)
