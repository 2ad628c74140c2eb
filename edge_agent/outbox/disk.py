"""What to give up as the disk fills: old copies first, then detail, at last measuring. Never a batch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Protocol


class DiskSpace(Protocol):
    """How full the file system below the outbox is, 0..1."""

    def used_share(self) -> float: ...


class RealDisk:
    """The file system of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def used_share(self) -> float:
        found = os.statvfs(self._folder)
        return 1.0 - found.f_bavail / found.f_blocks if found.f_blocks else 0.0


class EndlessDisk:
    """For simulated gateways, whose disks are not the one they share."""

    def used_share(self) -> float:
        return 0.0


class DiskLevel(IntEnum):
    """PLENTY: nothing to do. TIDY: delete DONE. LEAN: aggregates of 60 s only. FULL: stop measuring."""

    PLENTY = 0
    TIDY = 1
    LEAN = 2
    FULL = 3


@dataclass(frozen=True)
class DiskPolicy:
    """Shares of the disk at which each level begins."""

    tidy: float = 0.80
    lean: float = 0.90
    full: float = 0.95

    def level(self, used: float) -> DiskLevel:
        if used >= self.full:
            return DiskLevel.FULL
        if used >= self.lean:
            return DiskLevel.LEAN
        return DiskLevel.TIDY if used >= self.tidy else DiskLevel.PLENTY
