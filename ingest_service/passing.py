"""Whether an error is a passing trouble: then nothing that was tried just now is to blame for it."""

from __future__ import annotations

import errno
import logging
from typing import Final

import sqlalchemy as sa

from ingest_service.leases import LeaseLostError
from ingest_service.ledger.port import LedgerError, UnfitError
from ingest_service.series.port import SeriesError

_OF_THE_MACHINE: Final = frozenset({
    errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO, errno.EROFS,
    errno.ENOLCK, errno.EAGAIN, errno.EINTR, errno.EACCES, errno.EPERM, errno.EBUSY, errno.ESTALE,
    errno.ETIMEDOUT,
})  # fmt: skip
_OF_A_STORE: Final = (LedgerError, SeriesError, LeaseLostError)
_OF_THE_REGISTER: Final = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)


def is_passing(error: Exception) -> bool:
    """Of the machine (memory, disk, files), of a store or the road to it; not what a store says of content.

    An OSError counts by its number: some functions raise one for a time that no calendar has.
    """
    if isinstance(error, UnfitError):
        return False
    if isinstance(error, OSError):
        return isinstance(error, ConnectionError | TimeoutError) or error.errno in _OF_THE_MACHINE
    return isinstance(error, (MemoryError, *_OF_A_STORE, *_OF_THE_REGISTER))


class Complaint:
    """What a loop says in the log that goes on whatever happens: a passing trouble once, in one line, and its
    end; anything else with its traceback every time."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log, self._what = log, what
        self._said: str | None = None

    def about(self, error: Exception) -> None:
        """Call it from where the error was caught."""
        if not is_passing(error):
            self._log.exception("%s failed; trying again", self._what)
            return
        kind = type(error).__name__
        if kind != self._said:
            self._log.warning("%s waits for a store (%s); trying again until it answers", self._what, kind)
        self._said = kind

    def over(self) -> None:
        """The loop did its work."""
        if self._said is not None:
            self._log.info("%s goes on", self._what)
        self._said = None
