"""What is being tried just now, remembered beyond the process that tries it.

One row or payload that nobody foresaw must not stop all others, and it must not be given up for a passing
trouble. So what is tried is noted before, in a small file, and crossed out after. A process that finds
something there at its start knows at what its predecessor died, by whatever cause: an exception, a signal,
the end of the memory. It then tries those alone, one at a time; what failed alone `MOST_TRIES` times is
spent, and its owner puts it aside.

What comes in quick succession has one cause, which need not be the row: failures count only `APART_S` apart,
so that three restarts within a second, or a machine that is short of memory for a moment, give nothing up.
A process that was asked to stop counts nothing any more (see `excuse_all`), however it then ends.

The note is not synced: what a power cut takes with it was not the cause of the power cut.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar
from weakref import WeakSet

import structlog

MOST_TRIES: Final = 3
APART_S: Final = 20.0
REMEMBERED_S: Final = 86_400.0
MOST_REMEMBERED: Final = 1000
MOST_PROCESSES: Final = 64
MOST_BYTES: Final = 2**20
FOLDER: Final = "trials"
_Item = TypeVar("_Item")
log = structlog.get_logger(__name__)


class Trials:
    """Counts for one process; `place` None: in memory only, for what cannot end the process."""

    def __init__(
        self,
        place: Path | None = None,
        *,
        apart_s: float = APART_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`place`: the file without its ending. Each process takes one that no living one has."""
        self._apart_s, self._now = apart_s, now
        self._tries: dict[str, tuple[int, float]] = {}  # how often, and when it was last counted
        self._excused = False
        self._file = None if place is None else _free_file(place)
        if self._file is not None:
            self._recall(self._file)
            _LIVING.add(self)

    def groups(self, items: Iterable[_Item], name: Callable[[_Item], str]) -> Iterator[list[_Item]]:
        """The items in order, in groups to be tried together: each suspect is a group of its own."""
        together: list[_Item] = []
        for item in items:
            if not self._tries or name(item) not in self._tries:
                together.append(item)
                continue
            if together:
                yield together
            yield [item]
            together = []
        if together:
            yield together

    def spent(self, name: str) -> bool:
        """Whether it has failed alone as often as it may."""
        return self._tries.get(name, (0, 0.0))[0] >= MOST_TRIES

    def begin(self, names: Sequence[str]) -> None:
        """Note what is tried from now on."""
        self._note(names)

    def wait(self) -> None:
        """It was not the items' fault; nothing is counted."""
        self._note(())

    def passed(self, names: Iterable[str]) -> None:
        """Done with, one way or the other: a name that comes again begins anew."""
        for name in names if self._tries else ():
            self._tries.pop(name, None)
        self._note(())

    def failed(self, names: Sequence[str]) -> None:
        """One that was tried alone has failed once more; of several each is a suspect."""
        for name in names:
            self._add(name, int(len(names) == 1))
        self._note(())

    def count(self, name: str) -> None:
        """One of those that are tried just now has failed by itself; the others are still tried."""
        self._add(name, 1)

    def excuse(self) -> None:
        """The process was asked to stop: how it ends is nobody's fault."""
        self._excused = True
        self._note(())

    def _add(self, name: str, times: int) -> None:
        now = self._now()
        before, at = self._tries.pop(name, (0, now))
        # By the distance alone: a clock may be set back in between.
        counts = not before or abs(now - at) >= self._apart_s
        self._tries[name] = (before + times, now) if counts else (before, at)
        while len(self._tries) > MOST_REMEMBERED:
            del self._tries[next(iter(self._tries))]

    def close(self) -> None:
        _LIVING.discard(self)
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _recall(self, file: int) -> None:
        said = os.pread(file, MOST_BYTES, 0).partition(b"\n")[0]
        with suppress(ValueError, TypeError, KeyError, AttributeError):
            left = json.loads(said)
            told = {str(name): (int(times), float(at)) for name, (times, at) in left["tries"].items()}
            now = self._now()
            self._tries = {
                name: (times, at) for name, (times, at) in told.items() if abs(now - at) < REMEMBERED_S
            }
            if left["trying"]:
                self.failed([str(name) for name in left["trying"]])

    def _note(self, trying: Sequence[str]) -> None:
        if self._file is None:
            return
        # In place, and with one write: who is killed between two pages of a long one leaves a mixture of the
        # note of before and this one, or nothing that can be read. Either makes others suspects, or forgets
        # some, and costs them nothing but a turn alone. A disk that is full is for the store to report, which
        # is written next.
        said = {"trying": () if self._excused else trying, "tries": self._tries}
        with suppress(OSError):
            os.pwrite(self._file, json.dumps(said).encode() + b"\n", 0)


_LIVING: WeakSet[Trials] = WeakSet()


def excuse_all() -> None:
    """For the handler of a signal that asks the process to stop."""
    for trials in list(_LIVING):
        trials.excuse()


def _free_file(place: Path) -> int | None:
    """A file under that name, or under the next number; None when none can be had."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, MOST_PROCESSES + 1):
            path = place.with_name(f"{place.name}-{number}.json")
            opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(opened)
                continue
            return opened
    except OSError as error:
        log.warning(
            "what ends this process will not be known to the next", place=str(place), reason=str(error)
        )
    return None
