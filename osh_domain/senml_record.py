"""What a SenML record says once it stands alone, and how much of SenML a receiver reads."""

from __future__ import annotations

from typing import Final, NamedTuple

MAX_PACK: Final = 262_144
"""Bytes of a pack (256 KiB)."""
MAX_RECORDS: Final = 2000
MAX_NAME: Final = 255
"""Characters of a resolved name and of a unit: base fields would else multiply them by every record."""
DEFAULT_VERSION: Final = 10
VERSION: Final = 26
"""``bver`` that we write: 10 with the bit of secondary units (RFC 9100)."""


class Limits(NamedTuple):
    """What a receiver is willing to read."""

    octets: int = MAX_PACK
    records: int = MAX_RECORDS


class Record(NamedTuple):
    """One resolved record: full name, absolute time (s since 1970 UTC), no base fields.

    ``value`` is a float, text, truth value, bytes (``vd``), or None where there is only a ``sum``. ``clock``
    is "none" when the sender says that its times are lower bounds only, ``version`` the pack's ``bver``.
    """

    name: str
    unit: str | None
    time: float
    value: float | str | bool | bytes | None
    sum: float | None = None
    update_time: float | None = None
    flags: int = 0
    clock: str | None = None
    version: int = DEFAULT_VERSION
