"""Making the roles that sign in to the server's database, by the role that owns it."""

from __future__ import annotations

import psycopg
import sqlalchemy as sa
from psycopg import sql
from pydantic import SecretStr


def role_exists(connection: sa.Connection, role: str) -> bool:
    found = connection.execute(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role})
    return found.first() is not None


def may_make_roles(connection: sa.Connection) -> bool:
    """Whether the role that is signed in may make others."""
    query = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
    return bool(connection.scalar(sa.text(query)))


def put_role(connection: sa.Connection, role: str, password: SecretStr) -> str:
    """Make the role, or give it this password; returns which. The password leaves this process as a verifier
    only, so that no log of the server can hold it."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError("roles are made through psycopg")
    secret = password.get_secret_value().encode()
    verifier = driver.pgconn.encrypt_password(secret, role.encode(), b"scram-sha-256").decode()
    there = role_exists(connection, role)
    word = sql.SQL("ALTER ROLE" if there else "CREATE ROLE")
    driver.execute(
        sql.SQL("{} {} LOGIN PASSWORD {}").format(word, sql.Identifier(role), sql.Literal(verifier))
    )
    database = connection.scalar(sa.text("SELECT current_database()"))
    driver.execute(
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
            sql.Identifier(str(database)), sql.Identifier(role)
        )
    )
    return "kept" if there else "made"
