"""What the projector keeps in ``series.sqlite`` to take ledger rows again after the register was mended."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from ingest_service.series.connections import Connections


class Retake(NamedTuple):
    """Ledger rows of a gateway that must be projected again: from `row` to `last`."""

    gateway: str
    row: int
    last: int


class RetakingStore(Protocol):
    """Part of `SeriesStore`."""

    def first_rows(self, gateway: str) -> dict[str, int]:
        """The first ledger row with each configuration document of a gateway, by the document's hash."""
        ...

    def note_first_rows(self, rows: Iterable[tuple[str, str, int]]) -> None:
        """Gateway, hash of the document, ledger row; the smallest row is kept."""
        ...

    def placed_serials(self) -> dict[str, str]:
        """With which serial numbers of the register the readings of each gateway were projected."""
        ...

    def set_placed_serials(self, gateway: str, text: str) -> None: ...

    def retakes(self) -> list[Retake]: ...

    def set_retake(self, retake: Retake) -> None:
        """Replaces what must be projected again of a gateway; a range that is empty ends it."""
        ...

    def remove_minutes(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Takes away minutes (channel, minute) of which no reading counts any more."""
        ...


class Retaking:
    """The same over SQLite; a part of the store's class."""

    _connections: Connections

    def transaction(self) -> AbstractContextManager[None]:
        """The store's own."""
        raise NotImplementedError

    def first_rows(self, gateway: str) -> dict[str, int]:
        found = self._connections.here().execute(
            "SELECT document, row FROM documents WHERE gateway = ? ORDER BY document", (gateway,)
        )
        return dict(found.fetchall())

    def note_first_rows(self, rows: Iterable[tuple[str, str, int]]) -> None:
        with self.transaction():
            self._connections.here().executemany(
                "INSERT INTO documents(gateway, document, row) VALUES (?, ?, ?) "
                "ON CONFLICT(gateway, document) DO UPDATE SET row = min(row, excluded.row)",
                rows,
            )

    def placed_serials(self) -> dict[str, str]:
        return dict(self._connections.here().execute("SELECT gateway, text FROM placed_serials").fetchall())

    def set_placed_serials(self, gateway: str, text: str) -> None:
        with self.transaction():
            self._connections.here().execute(
                "INSERT OR REPLACE INTO placed_serials(gateway, text) VALUES (?, ?)", (gateway, text)
            )

    def retakes(self) -> list[Retake]:
        found = self._connections.here().execute("SELECT gateway, row, last FROM retakes ORDER BY gateway")
        return [Retake(*row) for row in found]

    def set_retake(self, retake: Retake) -> None:
        with self.transaction():
            connection = self._connections.here()
            connection.execute("DELETE FROM retakes WHERE gateway = ?", (retake.gateway,))
            if retake.row <= retake.last:
                connection.execute("INSERT INTO retakes(gateway, row, last) VALUES (?, ?, ?)", retake)

    def remove_minutes(self, pairs: Iterable[tuple[int, int]]) -> None:
        with self.transaction():
            self._connections.here().executemany(
                "DELETE FROM minutes WHERE channel = ? AND minute = ?", pairs
            )
