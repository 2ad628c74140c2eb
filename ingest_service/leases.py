"""Leases in the database: which shards this process looks after, and proof of it inside each transaction.

A lease says until when nobody else may take a shard; it is renewed while the process works. That alone does
not keep a process that was stopped for a minute from writing when it goes on, so each writing transaction
locks the lease's row and looks whether it is still of the same holder and term (`fence`): either it commits
before anybody can take the shard, or it fails.
"""

import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa
import structlog

from ingest_service.cases.writing import insert_new, upsert
from ingest_service.database import write
from ingest_service.lease_schema import LEASE_HOLDERS, LEASES, database_time
from ingest_service.leasing import Lease, decide
from ingest_service.shards import SHARDS

LEASE_S: Final = 10.0
RENEW_S: Final = 3.0
LOOK_S: Final = 1.0
STUCK_AFTER_S: Final = 120.0
"""A process that did not come round for so long gives its shards up, although its threads live."""
FORGET_AFTER_S: Final = 3600.0

Fence = Callable[[sa.Connection], None]
log = structlog.get_logger(__name__)


class LeaseLostError(Exception):
    """Another process looks after the shard now: nothing of the transaction may stay."""


def no_fence(_connection: sa.Connection) -> None:
    """Where one process does everything nobody can take anything from it."""


def instance_name() -> str:
    """A name for this process that no other has or had."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"


class Leases:
    """The leases of one kind, as one process has them. `tick` renews, takes and looks what is to be given up;
    it and all else may be called from any thread."""

    def __init__(
        self,
        engine: sa.Engine,
        kind: str,
        *,
        shards: Iterable[int] = range(SHARDS),
        holder: str | None = None,
        lease_s: float = LEASE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.holder = holder or instance_name()
        self.members: frozenset[str] = frozenset({self.holder})
        self.surplus: tuple[int, ...] = ()
        self._engine, self._kind, self._lease_s, self._monotonic = engine, kind, lease_s, monotonic
        self._shards = tuple(shards)
        self._held: dict[int, Lease] = {}
        self._known = False
        self._renewed_at = self._seen_at = float("-inf")
        self._round_at = monotonic()
        self._lock = threading.Lock()

    def held(self) -> dict[int, Lease]:
        """What this process looks after, as far as it knows; calling it is the sign that work goes on."""
        self._round_at = self._monotonic()
        if not self.lives():
            return {}  # the database was not to be reached for so long that somebody else may have all of it
        return dict(self._held)

    def lives(self) -> bool:
        """Whether the others can see that this process lives, as far as it knows."""
        return self._monotonic() - self._seen_at <= self._lease_s

    def fence(self, lease: Lease) -> Fence:
        """A check for the beginning of each writing transaction: raises LeaseLostError, else holds the lease
        until the transaction is over."""
        query = (
            sa.select(LEASES.c.term)
            .where(
                LEASES.c.kind == self._kind,
                LEASES.c.shard == lease.shard,
                LEASES.c.holder == self.holder,
                LEASES.c.term == lease.term,
            )
            .with_for_update()
        )

        def check(connection: sa.Connection) -> None:
            if connection.execute(query).first() is None:
                raise LeaseLostError(
                    f"shard {lease.shard} of {self._kind} is looked after by another process"
                )

        return check

    def tick(self) -> None:
        """Renew, take what is free and due to us, and note what is to be given up. SQLAlchemyError."""
        begun = self._monotonic()
        if begun - self._round_at > STUCK_AFTER_S:
            return
        with self._lock, write(self._engine, alone=False) as connection:
            self._make_rows(connection)
            now = database_time(connection)
            if begun - self._renewed_at >= min(RENEW_S, self._lease_s / 3):
                self._renew(connection, now)
                self._renewed_at = begun
            leases, live = self._read(connection, now)
            decision = decide(self.holder, leases, live, now)
            if decision.take:
                self._take(connection, decision.take, now)
                leases, live = self._read(connection, now)
        held = {lease.shard: lease for lease in leases if lease.holder == self.holder}
        self._tell(held)
        self._held, self._seen_at = held, begun
        self.surplus, self.members = decision.release, frozenset({*live, self.holder})

    def give_up(self, shard: int) -> None:
        """Let somebody else take a shard whose work has been ended in order."""
        with self._lock, write(self._engine, alone=False) as connection:
            self._release(connection, LEASES.c.shard == shard)
        self._held = {number: lease for number, lease in self._held.items() if number != shard}

    def forget(self, shard: int) -> None:
        """It turned out to be lost."""
        self._held = {number: lease for number, lease in self._held.items() if number != shard}

    def leave(self) -> None:
        """Give everything up at once, at an orderly end."""
        with self._lock, write(self._engine, alone=False) as connection:
            self._release(connection, sa.true())
            mine = (LEASE_HOLDERS.c.kind == self._kind, LEASE_HOLDERS.c.holder == self.holder)
            connection.execute(sa.delete(LEASE_HOLDERS).where(*mine))
        self._held = {}

    def rejoin(self, holder: str) -> None:
        """Go on under another name; nothing may be held. What the others knew of the old one is over."""
        with self._lock:
            before, self.holder = self.holder, holder
            self.members = (self.members - {before}) | {holder}
            self._renewed_at = float("-inf")
            # Where the database does not answer the old name is forgotten when its time is over.
            with contextlib.suppress(sa.exc.SQLAlchemyError), write(self._engine, alone=False) as connection:
                mine = (LEASE_HOLDERS.c.kind == self._kind, LEASE_HOLDERS.c.holder == before)
                connection.execute(sa.delete(LEASE_HOLDERS).where(*mine))

    def keep(self, stop: threading.Event) -> None:
        """Tick until the event is set; a thread's body. What the database says in between is waited for."""
        trouble = None
        while True:
            try:
                self.tick()
                trouble = None
            except sa.exc.SQLAlchemyError as error:
                if trouble is None:
                    log.warning("the leases cannot be renewed; trying again", kind=self._kind,
                                reason=type(error).__name__)  # fmt: skip
                trouble = error
            if stop.wait(LOOK_S):
                return

    def _make_rows(self, connection: sa.Connection) -> None:
        if not self._known:
            rows = [
                {"kind": self._kind, "shard": shard, "holder": None, "until": 0.0, "term": 0}
                for shard in self._shards
            ]
            insert_new(connection, LEASES, rows)
            self._known = True

    def _renew(self, connection: sa.Connection, now: float) -> None:
        until = now + self._lease_s
        row = {"kind": self._kind, "holder": self.holder, "until": until}
        upsert(connection, LEASE_HOLDERS, [row])
        gone = (LEASE_HOLDERS.c.kind == self._kind, LEASE_HOLDERS.c.until < now - FORGET_AFTER_S)
        connection.execute(sa.delete(LEASE_HOLDERS).where(*gone))
        # What one of our own transactions has locked is ours until it ends, renewed or not.
        self._update(connection, self._lock_rows(connection, LEASES.c.holder == self.holder), until=until)

    def _take(self, connection: sa.Connection, number: int, now: float) -> None:
        free = sa.and_(
            LEASES.c.shard.in_(self._shards), sa.or_(LEASES.c.holder.is_(None), LEASES.c.until < now)
        )
        until = now + self._lease_s
        found = self._lock_rows(connection, free, number)
        self._update(connection, found, holder=self.holder, until=until, term=LEASES.c.term + 1)

    def _release(self, connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
        mine = (LEASES.c.kind == self._kind, LEASES.c.holder == self.holder, which)
        connection.execute(sa.update(LEASES).where(*mine).values(holder=None, until=0.0))

    def _lock_rows(
        self, connection: sa.Connection, which: sa.ColumnElement[bool], limit: int | None = None
    ) -> list[int]:
        """Rows that nobody else has locked at this moment."""
        query = sa.select(LEASES.c.shard).where(LEASES.c.kind == self._kind, which).order_by(LEASES.c.shard)
        locked = query.limit(limit).with_for_update(skip_locked=True)
        return list(connection.execute(locked).scalars())

    def _update(self, connection: sa.Connection, shards: Sequence[int], **values: Any) -> None:
        if shards:
            rows = (LEASES.c.kind == self._kind, LEASES.c.shard.in_(shards))
            connection.execute(sa.update(LEASES).where(*rows).values(**values))

    def _read(self, connection: sa.Connection, now: float) -> tuple[list[Lease], set[str]]:
        query = sa.select(LEASES.c.shard, LEASES.c.holder, LEASES.c.until, LEASES.c.term).where(
            LEASES.c.kind == self._kind, LEASES.c.shard.in_(self._shards)
        )
        leases = [Lease(*row) for row in connection.execute(query)]
        return leases, live_holders(connection, self._kind, now)

    def _tell(self, held: dict[int, Lease]) -> None:
        before = {shard: lease.term for shard, lease in self._held.items()}
        if before != {shard: lease.term for shard, lease in held.items()}:
            log.info("looks after these shards now", kind=self._kind, shards=sorted(held))


def live_holders(connection: sa.Connection, kind: str, now: float) -> set[str]:
    """Who of a kind gave a sign of life lately."""
    query = sa.select(LEASE_HOLDERS.c.holder).where(
        LEASE_HOLDERS.c.kind == kind, LEASE_HOLDERS.c.until >= now
    )
    return set(connection.execute(query).scalars())


def unheld(engine: sa.Engine, kind: str, shards: Iterable[int] = range(SHARDS)) -> list[int]:
    """The shards that nobody looks after at this moment."""
    with engine.connect() as connection:
        now = database_time(connection)
        query = sa.select(LEASES.c.shard).where(
            LEASES.c.kind == kind, LEASES.c.holder.is_not(None), LEASES.c.until >= now
        )
        return sorted(set(shards) - set(connection.execute(query).scalars()))
