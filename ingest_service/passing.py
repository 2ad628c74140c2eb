"""Whether an error is a passing trouble: then nothing that was tried just now is to blame for it."""

from __future__ import annotations

import errno
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
