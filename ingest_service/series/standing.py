"""How far a series has got and how it stands: a part of `SeriesReader`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ingest_service.series.rows import Waiting


class Standing(Protocol):
    """What readers ask before they believe what is not there."""

    def held(self) -> list[Waiting]: ...

    def cursor(self, name: str) -> int:
        """The stored position of that name, 0 if there is none."""
        ...

    def cursors(self, name: str) -> Mapping[int | None, int]:
        """The same of every shard that the reader reads and that has one; of None where there are none."""
        ...

    def trouble(self) -> str | None:
        """What is wrong with the engine now, in a sentence with the way out; None when nothing is."""
        ...
