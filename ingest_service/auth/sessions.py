"""Sessions of people who signed in: a random token in a cookie, its hash in the database."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from ingest_service.auth.schema import SESSIONS
from ingest_service.database import write

COOKIE: Final = "oshwatch_session"
IDLE_S: Final = 12 * 3600.0
LONGEST_S: Final = 7 * 86_400.0
_NOTED_EVERY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Session:
    """A session that runs; `csrf` is the word its forms must bring."""

    person: int
    csrf: str = field(repr=False)
    token: str = field(repr=False)


def hashed(secret: str) -> str:
    """How a random secret is stored: SHA-256, hex. (Not for passwords, which can be guessed.)"""
    return hashlib.sha256(secret.encode()).hexdigest()


class Sessions:
    """Begins, finds and ends sessions. `wall` is real time, never simulated."""

    def __init__(self, engine: sa.Engine, wall: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._wall = wall

    def begin(self, person: int) -> Session:
        """A new session; sessions that ran out are forgotten on the way."""
        session = Session(person, secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        now = self._wall()
        with write(self._engine) as connection:
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.expires_at <= now))
            connection.execute(
                sa.insert(SESSIONS).values(
                    token_hash=hashed(session.token),
                    person=person,
                    csrf=session.csrf,
                    begun_at=now,
                    used_at=now,
                    expires_at=now + IDLE_S,
                )
            )
        return session

    def find(self, token: str, *, using: bool = True) -> Session | None:
        """The running session of a cookie; using it keeps it alive up to a week."""
        now, chosen = self._wall(), SESSIONS.c.token_hash == hashed(token)
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(SESSIONS).where(chosen)).mappings().one_or_none()
        if row is None or row["expires_at"] <= now:
            return None
        if using and now - row["used_at"] >= _NOTED_EVERY_S:
            expires_at = min(now + IDLE_S, row["begun_at"] + LONGEST_S)
            with write(self._engine) as connection:
                connection.execute(
                    sa.update(SESSIONS).where(chosen).values(used_at=now, expires_at=expires_at)
                )
        return Session(int(row["person"]), str(row["csrf"]), token)

    def end(self, token: str) -> None:
        """Sign out."""
        with write(self._engine) as connection:
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.token_hash == hashed(token)))

    def end_all(self, person: int) -> None:
        """Sign the person out everywhere: after a new password, or when they are deactivated."""
        with write(self._engine) as connection:
            connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.person == person))
