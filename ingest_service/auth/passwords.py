"""Passwords: argon2id, a length rule only, and a slow-down on failures instead of a lock-out."""

import secrets
import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import argon2
import sqlalchemy as sa
from argon2.exceptions import InvalidHashError, VerificationError

from ingest_service.auth.schema import CREDENTIALS, SIGN_INS
from ingest_service.database import write
from ingest_service.register.store import Register

SHORTEST: Final = 12
LONGEST: Final = 200

_HASHER: Final = argon2.PasswordHasher()  # argon2id with the parameters of RFC 9106, 64 MiB
_AT_ONCE: Final = threading.BoundedSemaphore(2)
"""Each check takes 64 MiB: as many at once as the web process has threads would fill a small machine."""
_LONGEST_WAIT_S: Final = 300.0
_FORGOTTEN_AFTER_S: Final = 86_400.0
_FREE_FAILURES: Final = {"pair": 4, "login": 20, "address": 20}


class PasswordRefused(ValueError):  # noqa: N818 - the noun that callers read
    """The password does not keep the length rule; the message says how long it must be."""


class SignIn(NamedTuple):
    """The outcome of an attempt: the person's id, or how long to wait before the next try [s]."""

    person: int | None
    wait_s: float


def generated_password() -> str:
    """A password of 16 random letters and digits in groups, about 82 bits."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


class Passwords:
    """Sets and checks passwords. `wall` is real time, never simulated."""

    def __init__(self, register: Register, wall: Callable[[], float] = time.time) -> None:
        self._register = register
        self._wall = wall
        self._nobody = _HASHER.hash(secrets.token_hex(16))

    def set(self, person: int, password: str, who: str) -> None:
        """Give the person this password. Raises `PasswordRefused`."""
        if not SHORTEST <= len(password) <= LONGEST:
            raise PasswordRefused(f"A password has {SHORTEST} to {LONGEST} characters; a sentence is good.")
        values = {"password_hash": _HASHER.hash(password), "changed_at": self._wall()}
        with self._register.change(who) as change:
            table = CREDENTIALS
            done = change.connection.execute(
                sa.update(table).where(table.c.person == person).values(**values)
            )
            if not done.rowcount:
                change.connection.execute(sa.insert(table).values(person=person, **values))
            change.record("password set", f"person {person}")

    def sign_in(self, login: str, password: str, address: str) -> SignIn:
        """Check a login and a password that came from a network address.

        While a wait runs nothing is checked. An unknown login costs as much time as a wrong password.
        """
        login = login.strip().lower()[:64]
        subjects = {"pair": f"{login} {address}", "login": login, "address": address}
        keys = {kind: f"{kind}:{subject}"[:120] for kind, subject in subjects.items()}
        wait_s = self._wait(list(keys.values()))
        if wait_s > 0:
            return SignIn(None, wait_s)
        person = self._register.snapshot().people_by_login.get(login)
        stored = self._hash_of(person.id) if person is not None and person.active else None
        try:
            with _AT_ONCE:
                good = _HASHER.verify(stored or self._nobody, password[: LONGEST + 1]) and stored is not None
        except (VerificationError, InvalidHashError):
            good = False
        if not good or person is None:
            return SignIn(None, self._failed(keys))
        self._forget(keys["pair"])
        return SignIn(person.id, 0.0)

    def _hash_of(self, person: int) -> str | None:
        with self._register.engine.connect() as connection:
            query = sa.select(CREDENTIALS.c.password_hash).where(CREDENTIALS.c.person == person)
            found: str | None = connection.execute(query).scalar()
            return found

    def _wait(self, subjects: list[str]) -> float:
        with self._register.engine.connect() as connection:
            query = sa.select(sa.func.max(SIGN_INS.c.blocked_until)).where(SIGN_INS.c.subject.in_(subjects))
            blocked_until = connection.execute(query).scalar() or 0.0
        return max(0.0, float(blocked_until) - self._wall())

    def _failed(self, keys: dict[str, str]) -> float:
        now, longest = self._wall(), 0.0
        with write(self._register.engine) as connection:
            old = SIGN_INS.c.blocked_until < now - _FORGOTTEN_AFTER_S
            connection.execute(sa.delete(SIGN_INS).where(old))
            for kind, subject in keys.items():
                chosen = SIGN_INS.c.subject == subject
                failures = (
                    connection.execute(sa.select(SIGN_INS.c.failures).where(chosen)).scalar() or 0
                ) + 1
                excess = failures - _FREE_FAILURES[kind]
                wait_s = min(_LONGEST_WAIT_S, 2.0 ** min(excess, 10)) if excess > 0 else 0.0
                values = {"failures": failures, "blocked_until": now + wait_s}
                if failures == 1:
                    connection.execute(sa.insert(SIGN_INS).values(subject=subject, **values))
                else:
                    connection.execute(sa.update(SIGN_INS).where(chosen).values(**values))
                longest = max(longest, wait_s)
        return longest

    def _forget(self, subject: str) -> None:
        with write(self._register.engine) as connection:
            connection.execute(sa.delete(SIGN_INS).where(SIGN_INS.c.subject == subject))
