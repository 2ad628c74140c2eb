"""Values that the kernel shows as files: 1-Wire, IIO, hwmon."""

from __future__ import annotations

from pathlib import Path


class SysfsFiles:
    """Files below a root; in a test the root is a directory of the test."""

    def __init__(self, root: Path = Path("/sys")) -> None:
        self._root = root

    def read_text(self, path: str) -> str:
        """The content of one file. Raises OSError."""
        return (self._root / path).read_text()

    def names(self, pattern: str) -> list[str]:
        """Paths below the root that fit a pattern, sorted."""
        return sorted(str(found.relative_to(self._root)) for found in self._root.glob(pattern))

    def close(self) -> None:
        return
