"""Exposures in columns, for whoever reads years of them: from the file in a tenth of the time that rows take.

Where the series are in InfluxDB the same columns are made of the rows that the store answers with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ingest_service.series.connections import Connections
from ingest_service.series.exposure_reader import KINDS_OF_ZONE
from ingest_service.series.port import SeriesStore

# No value is read as infinity: SQLite has no NaN, and neither is a number that anything is compared with.
_COLUMNS = """
SELECT minute, ifnull(value, 9e999), coverage, instr(method, ?) > 0 FROM exposures
WHERE zone = ? AND kind = ? AND minute BETWEEN ? AND ? ORDER BY minute
"""
# Two columns are read in half the time of four, and nearly every minute was measured whole.
_MINUTES_AND_VALUES = """
SELECT minute, ifnull(value, 9e999) FROM exposures
WHERE zone = ? AND kind = ? AND minute BETWEEN ? AND ? ORDER BY minute
"""
_PARTLY_COVERED = """
SELECT minute, coverage FROM exposures
WHERE zone = ? AND kind = ? AND minute BETWEEN ? AND ? AND NOT coverage >= 1.0 ORDER BY minute
"""
MINUTE, VALUE, COVERAGE, HAS_WORD = range(4)
# Of one kind; an answer of InfluxDB for so many minutes is about 2 MB.
MINUTES_AT_ONCE: Final = 7 * 1440


class Columns(Protocol):
    """Exposures of a zone by columns. Both raise SeriesError."""

    def read(
        self, zone: str, kind: str, spans: Iterable[tuple[int, int]], word: str = ""
    ) -> NDArray[np.float64]:
        """Minute, value, coverage, and whether the method contains `word`: a row for each stored minute.

        `spans`: (first, last) minutes, ascending, without overlap. The value is infinite where there is none.
        """
        ...

    def kinds(self, zone: str) -> list[str]:
        """The kinds of which anything is stored for a zone."""
        ...


class ColumnsOfRows:
    """Columns of any series store, through its port."""

    def __init__(self, series: SeriesStore) -> None:
        self._series = series

    def read(
        self, zone: str, kind: str, spans: Iterable[tuple[int, int]], word: str = ""
    ) -> NDArray[np.float64]:
        found = [
            (row.minute, np.inf if row.value is None else row.value, row.coverage, word in row.method)
            for first, last in _portions(spans)
            for row in self._series.exposures(zone, kind, first, last)
        ]
        table = np.array(found, dtype=np.float64).reshape(-1, 4)
        if not word:
            table[:, HAS_WORD] = 0.0
        return table

    def kinds(self, zone: str) -> list[str]:
        return self._series.kinds_of(zone)


def _portions(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same minutes in questions that are not too large."""
    for first, last in spans:
        for begin in range(first, last + 1, MINUTES_AT_ONCE):
            yield begin, min(last, begin + MINUTES_AT_ONCE - 1)


class ExposureColumns:
    """Reads the series file of a data directory by columns; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Raises SeriesError when the file cannot be opened."""
        self._connections = Connections(path, read_only=True)

    def close(self) -> None:
        self._connections.close()

    def read(
        self, zone: str, kind: str, spans: Iterable[tuple[int, int]], word: str = ""
    ) -> NDArray[np.float64]:
        """As `Columns` says; without a word nothing is said of the method."""
        stretches = tuple(spans)
        if word:
            return self._table(_COLUMNS, [(word, zone, kind, *span) for span in stretches], 4)
        keys = [(zone, kind, *span) for span in stretches]
        known = self._table(_MINUTES_AND_VALUES, keys, 2)
        partly = self._table(_PARTLY_COVERED, keys, 2)
        found = np.zeros((len(known), 4))
        found[:, :COVERAGE] = known
        found[:, COVERAGE] = 1.0
        # A minute that was written between the two readings is not among the first.
        there = np.isin(partly[:, MINUTE], known[:, MINUTE], assume_unique=True)
        rows = np.searchsorted(known[:, MINUTE], partly[there, MINUTE])
        found[rows, COVERAGE] = partly[there, 1]
        return found

    def _table(self, query: str, keys: Sequence[tuple[object, ...]], width: int) -> NDArray[np.float64]:
        connection = self._connections.here()
        rows = chain.from_iterable(connection.execute(query, key) for key in keys)
        return np.fromiter(chain.from_iterable(rows), dtype=np.float64).reshape(-1, width)

    def kinds(self, zone: str) -> list[str]:
        """The kinds of which anything is stored for a zone."""
        return [kind for (kind,) in self._connections.here().execute(KINDS_OF_ZONE, {"zone": zone})]
