"""DS18B20 thermometers on 1-Wire, read through the kernel; in a black globe they give the globe temperature.

The kernel shows two lines: the checksum's verdict, and the temperature in thousandths of a degree. 85.000 is
what the chip holds when no conversion has run, so it is a fault and never a temperature.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from edge_agent.buses import Bus, SysfsTree
from edge_agent.buses.sysfs import SysfsFiles
from edge_agent.clock import Clock
from edge_agent.driver import ChannelInfo, DeviceInfo, DriverError, Sample
from osh_domain.quality import Flag

FOLDER = "bus/w1/devices"
ADDRESS = re.compile(r"28-[0-9a-f]{12}")
ANSWER = re.compile(r"crc=[0-9a-f]{2} (YES|NO)\s.*\bt=(-?\d+)", re.DOTALL)
NOT_CONVERTED = 85_000
QUANTITIES = ("ta", "tg", "tnw")
LOW, HIGH = -55.0, 125.0


class Ds18b20:
    """One thermometer. Options: `address` (28-…; not needed when it is alone), `quantity` ta, tg or tnw."""

    kind: ClassVar[str] = "ds18b20"
    api: ClassVar[int] = 1

    @classmethod
    def check(cls, options: Mapping[str, object]) -> list[str]:
        problems = [f"unknown option {key!r}; known are address, quantity" for key in _strange(options)]
        address = options.get("address")
        if address is not None and (not isinstance(address, str) or not ADDRESS.fullmatch(address)):
            problems.append(f"address {address!r} is not 28- and 12 hex digits; list {FOLDER} under /sys")
        if options.get("quantity", "ta") not in QUANTITIES:
            problems.append(f"quantity {options.get('quantity')!r} is not one of {', '.join(QUANTITIES)}")
        return problems

    def __init__(self, options: Mapping[str, object], bus: Bus, clock: Clock) -> None:
        del clock
        self._tree: SysfsTree = bus if isinstance(bus, SysfsFiles) else SysfsFiles()
        self._quantity = str(options.get("quantity", "ta"))
        self._wanted = options.get("address")
        self._address = ""

    def open(self) -> DeviceInfo:
        """Find the device by address, or the only one there is."""
        found = [path.rsplit("/", 1)[-1] for path in self._tree.names(f"{FOLDER}/28-*")]
        if self._wanted is None and len(found) > 1:
            raise DriverError(
                "missing", f"several thermometers, name one: {', '.join(found)}", permanent=True
            )
        address = self._wanted or (found[0] if found else None)
        if address not in found:
            raise DriverError(
                "missing", f"no thermometer {address or '28-*'} in /sys/{FOLDER}; found {found}"
            )
        self._address = str(address)
        channel = ChannelInfo(self._quantity, "Cel", LOW, HIGH, "0.5 K from -10 to 85 Cel", 60.0)
        return DeviceInfo("DS18B20", self._address, "", (channel,))

    def read(self) -> Sequence[Sample]:
        """One conversion (0.75 s)."""
        try:
            text = self._tree.read_text(f"{FOLDER}/{self._address}/w1_slave")
        except FileNotFoundError as error:
            raise DriverError("missing", f"{self._address} has vanished from the bus") from error
        except OSError as error:
            raise DriverError("bus", f"{self._address}: {error.strerror}") from error
        return decode(text, self._quantity)

    def close(self) -> None:
        self._address = ""


def decode(text: str, quantity: str) -> list[Sample]:
    """The sample in the kernel's answer. Raises DriverError (crc, bus)."""
    answer = ANSWER.search(text)
    if answer is None:
        raise DriverError("bus", f"not an answer of a DS18B20: {text[:60]!r}")
    if answer[1] == "NO":
        raise DriverError("crc", "the checksum does not match")
    raw = int(answer[2])
    if raw == NOT_CONVERTED:
        return [Sample(quantity, None, Flag.SENSOR_FAULT)]
    return [Sample(quantity, raw / 1000.0, 0)]


def _strange(options: Mapping[str, object]) -> list[str]:
    return [key for key in options if key not in ("address", "quantity")]
