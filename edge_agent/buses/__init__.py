"""Bus ports: what a driver may ask of the wire it hangs on. Each has a fake that a test can script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Bus(Protocol):
    """Any bus. Sensors with the same bus name are read one after the other by one thread."""

    def close(self) -> None: ...


class NoBus:
    """For drivers that need no wire."""

    def close(self) -> None:
        return


class I2cBus(Bus, Protocol):
    """Write `out`, wait, read; raises OSError when nobody acknowledges."""

    def transfer(self, address: int, out: bytes, read_n: int, wait_s: float) -> bytes: ...


class SerialPort(Bus, Protocol):
    """A byte stream; every call ends by its deadline, with what has come so far."""

    def read_until(self, end: bytes, deadline_s: float) -> bytes: ...

    def read_n(self, count: int, deadline_s: float) -> bytes: ...

    def write(self, data: bytes, deadline_s: float) -> None: ...

    def flush(self) -> None: ...


class Modbus(Bus, Protocol):
    """Registers of one unit, RTU or TCP; the bus is locked for the length of the call."""

    def read(self, unit: int, table: str, address: int, count: int) -> Sequence[int]: ...


class SysfsTree(Bus, Protocol):
    """Values the kernel shows as files below a root; raises OSError."""

    def read_text(self, path: str) -> str: ...

    def names(self, pattern: str) -> list[str]: ...
