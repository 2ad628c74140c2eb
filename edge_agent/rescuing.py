"""After damage: says what happened, and brings back what verifies of the old outbox, a little at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from edge_agent.clock import Clock
from edge_agent.heartbeat import status
from edge_agent.identity import Identity
from edge_agent.journal import Journal
from edge_agent.outbox.records import OpenRecord
from edge_agent.outbox.salvaging import Salvage
from edge_agent.outbox.store import Outbox
from edge_agent.unreadable import Unreadable
from osh_domain.batch import Frame

AT_ONCE = 50  # so that measuring goes on meanwhile
log = Journal(__name__)


class Rescued(NamedTuple):
    """What a damaged file gave: frames that verify, those that were not in the outbox, those of others."""

    read: int
    taken: int
    foreign: int


class Rescuer:
    """Looks after the file that was set aside when the outbox was opened, if there was one."""

    def __init__(
        self, outbox: Outbox, identity: Identity, clock: Clock, batches_waiting: Callable[[], None]
    ) -> None:
        """`batches_waiting` is called when there is something new to deliver."""
        self._outbox = outbox
        self._clock = clock
        self._batches_waiting = batches_waiting
        self._salvage: Salvage | None = None
        self._add: Callable[[OpenRecord], None] = lambda _record: None
        self._until: float | None = None  # wall time at which measuring went on
        self._frames: Iterator[tuple[Frame, bytes]] = iter(())
        self._taken = 0
        self._unreadable = Unreadable()
        if outbox.set_aside is not None:
            self._salvage = Salvage(outbox.set_aside, identity.gateway, *identity.own_keys)
            self._frames = self._salvage.frames()

    def begin(self, tell: Callable[[str], None], add: Callable[[OpenRecord], None]) -> None:
        """Say that the outbox was damaged, and that what was not yet sealed is missing."""
        aside = self._outbox.set_aside
        if aside is None:
            return
        self._add = add
        tell(
            f"outbox damaged ({self._outbox.damage[:100]}): set aside as {aside.name}, "
            f"new epoch {self._outbox.epoch}"
        )
        word = "outbox damaged: what was measured and not yet sealed is missing until now"
        add(status(word, self._clock.boot_time(), name="gap"))

    def step(self, now: float, tell: Callable[[str], None]) -> None:
        """Bring back a few batches; say so when it was the last of them. A full disk is tried again."""
        if self._salvage is None:
            return
        self._until = now if self._until is None else self._until
        try:
            portion = list(islice(self._frames, AT_ONCE))
            self._taken += self._outbox.take_back(portion, now)
            self._unreadable.add(frame for frame, _ in portion)
        except sqlite3.OperationalError:
            log.exception("what was salvaged cannot be written; it begins anew later")
            self._frames, self._unreadable = self._salvage.frames(), Unreadable()
            return
        except OSError as error:
            tell(f"salvage: {self._salvage.path.name} cannot be read: {error.strerror}")
            self._salvage = None
            return
        if portion:
            self._batches_waiting()
        else:
            tell(f"salvage: {self._taken} batches of {self._salvage.path.name} are sent again")
            for word in self._unreadable.words(self._until):
                self._add(status(word, self._clock.boot_time(), name="gap"))
            self._salvage = None


def salvage_file(path: Path, outbox: Outbox, identity: Identity, now: float) -> Rescued:
    """Bring everything of a file back at once. Raises OSError, sqlite3.OperationalError."""
    path.stat()  # a file that was set aside may be gone but for its log; one that is asked for may not
    salvage = Salvage(path, identity.gateway, *identity.own_keys)
    frames = salvage.frames()
    read = taken = 0
    while portion := list(islice(frames, AT_ONCE)):
        read += len(portion)
        taken += outbox.take_back(portion, now)
    return Rescued(read, taken, salvage.foreign)
