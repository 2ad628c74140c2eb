"""API tokens: `osh_` and 32 random bytes, shown once, kept as a hash, never abler than their person."""

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa

from ingest_service.auth.access import Action, Grant
from ingest_service.auth.schema import TOKENS
from ingest_service.auth.sessions import hashed
from ingest_service.database import write
from ingest_service.register.store import Register

PREFIX: Final = "osh_"
_NOTED_EVERY_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret. Instants are real time [s since 1970 UTC]."""

    id: int
    label: str
    person: int
    grant: Grant
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    used_at: float | None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made; the only place its secret is ever in."""

    id: int
    secret: str = field(repr=False)


class Tokens:
    """Makes, finds and revokes tokens. `wall` is real time, never simulated."""

    def __init__(self, register: Register, wall: Callable[[], float] = time.time) -> None:
        self._register = register
        self._wall = wall

    def create(
        self,
        label: str,
        person: int,
        actions: Iterable[Action],
        scope: str,
        who: str,
        expires_at: float | None = None,
    ) -> NewToken:
        """A new token of the person for these actions at a node of the tree."""
        secret = PREFIX + secrets.token_urlsafe(32)
        wanted = sorted(set(actions))
        with self._register.change(who) as change:
            made = change.connection.execute(
                sa.insert(TOKENS).values(
                    label=label,
                    token_hash=hashed(secret),
                    person=person,
                    actions=[str(action) for action in wanted],
                    scope=scope,
                    created_at=self._wall(),
                    expires_at=expires_at,
                )
            )
            key = made.inserted_primary_key
            assert key is not None  # noqa: S101 - a row was inserted
            number = int(key[0])
            change.record("token created", f"token {number}", label=label, person=person, scope=scope)
        return NewToken(number, secret)

    def find(self, secret: str) -> Token | None:
        """The token of a secret, if it still holds; notes that it was used."""
        if not secret.startswith(PREFIX):
            return None
        now = self._wall()
        with self._register.engine.connect() as connection:
            query = sa.select(TOKENS).where(TOKENS.c.token_hash == hashed(secret))
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        token = _token(row)
        if token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= now):
            return None
        if token.used_at is None or now - token.used_at >= _NOTED_EVERY_S:
            with write(self._register.engine) as connection:
                connection.execute(sa.update(TOKENS).where(TOKENS.c.id == token.id).values(used_at=now))
        return token

    def all(self) -> list[Token]:
        """Every token that was ever made, oldest first."""
        with self._register.engine.connect() as connection:
            return [
                _token(row) for row in connection.execute(sa.select(TOKENS).order_by(TOKENS.c.id)).mappings()
            ]

    def revoke(self, token_id: int, who: str) -> bool:
        """End a token now; False when there is none of that number."""
        with self._register.change(who) as change:
            query = sa.select(TOKENS.c.revoked_at).where(TOKENS.c.id == token_id)
            held = change.connection.execute(query).one_or_none()
            if held is None:
                return False
            if held.revoked_at is None:
                change.connection.execute(
                    sa.update(TOKENS).where(TOKENS.c.id == token_id).values(revoked_at=self._wall())
                )
                change.record("token revoked", f"token {token_id}")
        return True


def _token(row: sa.RowMapping) -> Token:
    grant = Grant(frozenset(Action(action) for action in row["actions"]), row["scope"])
    return Token(
        row["id"],
        row["label"],
        row["person"],
        grant,
        row["created_at"],
        row["expires_at"],
        row["revoked_at"],
        row["used_at"],
    )
