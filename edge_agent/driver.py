"""What a sensor driver is, and what it hands to the agent.

Drivers are synchronous and know nothing of time, calibration or delivery: the agent stamps, applies gain and
offset, checks the range and decides when to try again. Units come from `osh_domain.quantities`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Protocol, get_args

from edge_agent.buses import Bus
from edge_agent.clock import Clock

API = 1
Fault = Literal["timeout", "crc", "bus", "range", "missing", "fault"]
FAULTS: frozenset[str] = frozenset(get_args(Fault))


class Sample(NamedTuple):
    """One measured value in the quantity's unit; `value` None means it failed and `flags` say why."""

    quantity: str
    value: float | str | bool | None
    flags: int = 0


class ChannelInfo(NamedTuple):
    """What the device says it can measure: range in `unit`, accuracy in the maker's words."""

    quantity: str
    unit: str
    low: float
    high: float
    accuracy: str
    period_s: float


@dataclass(frozen=True)
class DeviceInfo:
    """Who the device is; goes into the configuration document that every batch names."""

    model: str
    serial: str
    firmware: str
    channels: tuple[ChannelInfo, ...]


class DriverError(Exception):
    """A read or an open failed. `code` goes to sensor/status; `permanent`: trying again cannot help."""

    def __init__(self, code: Fault, message: str, *, permanent: bool = False) -> None:
        if code not in FAULTS:
            raise ValueError(f"{code!r} is not one of {', '.join(sorted(FAULTS))}")
        super().__init__(message)
        self.code: Fault = code
        self.permanent = permanent


class Driver(Protocol):
    """One kind of sensor, registered in `edge_agent.drivers.DRIVERS` or as an entry point."""

    kind: ClassVar[str]
    api: ClassVar[int]

    @classmethod
    def check(cls, options: Mapping[str, object]) -> list[str]:
        """All mistakes in the options at once, as sentences; no input or output."""
        ...

    def __init__(self, options: Mapping[str, object], bus: Bus, clock: Clock) -> None: ...

    def open(self) -> DeviceInfo:
        """Find and identify the device. Raises DriverError."""
        ...

    def read(self) -> Sequence[Sample]:
        """One measurement, bounded in time; empty when there is nothing new. Raises DriverError."""
        ...

    def close(self) -> None:
        """Leave the device safe; may be called twice."""
        ...
