"""What is new among the exposures: the part of `SeriesReader` by which rules follow them."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from ingest_service.series.rows import ExposureRow

CHANGE: Final = "exposure_change"
"""The cursor with the number of the last change. All changes up to it were committed before it is seen."""


class GoneExposure(NamedTuple):
    """An exposure that was taken away, because it would not be there if it were computed today."""

    zone: str
    kind: str
    minute: int
    change: int


class ExposureFeed(Protocol):
    """Changes have numbers that grow. A row that was taken away and is there again comes with both."""

    def exposures_changed(self, after: int, limit: int) -> list[ExposureRow]:
        """Rows whose change number is above ``after``, in the order they were written."""
        ...

    def exposures_gone(self, after: int, limit: int) -> list[GoneExposure]:
        """The same of rows that were taken away."""
        ...

    def kinds_of(self, zone: str) -> list[str]:
        """The kinds of exposures of which anything is stored."""
        ...
