"""The agent's settings: one typed table. `edge_agent.settings_file` reads it and writes the sample.

Plain dataclasses, so that the process of a gateway carries them without the library that checks them. That
is pydantic, in `edge_agent.settings_file`: it reads the types, `Tested` beside them, and in `metadata` limits
and descriptions by its own names. What is made in code is checked when it is given to `checked` there; only
what the fields say of each other is checked always.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, NamedTuple

from edge_agent.identity import decode_public_key
from osh_domain.quantities import quantity as quantity_named
from osh_domain.readings import GATEWAY_ID, SENSOR_ID, SYSTEM_SENSOR
from osh_domain.scaled_time import ScaledTime

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

PREFIX = "OSHWATCH_AGENT_"
FORBID: Final[Mapping[str, object]] = {"extra": "forbid", "revalidate_instances": "always"}


class Tested(NamedTuple):
    """Beside a type: `test` raises ValueError, with the words of the report, for a value that is no good."""

    test: Callable[[Any], object]

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core.core_schema import (
            no_info_after_validator_function,
        )  # only where it is there anyway

        return no_info_after_validator_function(self._tested, handler(source))

    def _tested(self, value: Any) -> Any:
        self.test(value)
        return value


def _gateway_id(text: str) -> None:
    if GATEWAY_ID.fullmatch(text) is None:
        raise ValueError("not 3 to 32 of a-z, 0-9 and '-', beginning with a letter or digit")


def _sensor_id(text: str) -> None:
    if SENSOR_ID.fullmatch(text) is None:
        raise ValueError("not 1 to 32 of a-z, 0-9 and '-', beginning with a letter or digit")
    if text == SYSTEM_SENSOR:
        raise ValueError("that name is the gateway itself; choose another")


def _own_ids(sensors: tuple[SensorSettings, ...]) -> None:
    twice = _twice(sensor.id for sensor in sensors)
    if twice:
        raise ValueError(f"id {', '.join(twice)} is used twice; give each sensor its own")


def _twice(names: Iterable[str]) -> list[str]:
    return sorted(name for name, times in Counter(names).items() if times > 1)


def _told(description: str, **limits: object) -> dict[str, object]:
    """What is known of a field beside its type."""
    return {"description": description, **limits}


def _seconds(description: str) -> dict[str, object]:
    return _told(description, gt=0, allow_inf_nan=False)


def _share(description: str) -> dict[str, object]:
    return _told(description, ge=0, le=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The last calibration of a channel; goes word for word into the signed configuration."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = FORBID

    id: str = field(metadata=_told("Number of the calibration record"))
    date: dt.date = field(metadata=_told("Day of the calibration"))
    due: dt.date = field(metadata=_told("Day from which readings are flagged as overdue"))
    by: str = field(metadata=_told("Laboratory or person"))
    gain: float = field(default=1.0, metadata=_told("reading = gain x raw + offset", allow_inf_nan=False))
    offset: float = field(default=0.0, metadata=_told("In the quantity's unit", allow_inf_nan=False))
    as_found: str | None = field(default=None, metadata=_told("Deviation found before adjusting, in words"))
    certificate_sha256: str | None = field(
        default=None, metadata=_told("SHA-256 of the certificate file", pattern=r"^[0-9a-f]{64}$")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings:
    """One quantity of a sensor; leave all channels out to take everything the device offers."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = FORBID

    quantity: Annotated[str, Tested(quantity_named)] = field(
        metadata=_told("A name of the quantity table, for example ta, rh, la.eq60")
    )
    low: float | None = field(
        default=None, metadata=_told("Lowest value the sensor can show; below it is flagged")
    )
    high: float | None = field(
        default=None, metadata=_told("Highest value the sensor can show; above it is flagged")
    )
    accuracy: str | None = field(default=None, metadata=_told("In the maker's words"))
    cal: Calibration | None = field(default=None, metadata=_told("Calibration in force"))

    def __post_init__(self) -> None:
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorSettings:
    """One sensor on the gateway."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = FORBID

    id: Annotated[str, Tested(_sensor_id)] = field(
        metadata=_told("Name of the sensor on this gateway, for example st1")
    )
    driver: str = field(metadata=_told("Kind of sensor, see `oshwatch agent sample-config`"))
    bus: str | None = field(
        default=None, metadata=_told("Sensors with the same bus name are read one after the other")
    )
    period_s: float = field(
        default=60.0, metadata=_seconds("Read every so many seconds, at full multiples of it")
    )
    options: dict[str, Any] = field(default_factory=dict, metadata=_told("What the driver needs"))
    channels: tuple[ChannelSettings, ...] = field(
        default=(), metadata=_told("Quantities to keep, with ranges")
    )

    def __post_init__(self) -> None:
        twice = _twice(channel.quantity for channel in self.channels)
        if twice:
            raise ValueError(f"{', '.join(twice)} appears twice; keep one channel for each quantity")

    @property
    def bus_name(self) -> str:
        return self.bus or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    """Everything an agent can be told. The environment wins over the file."""

    __pydantic_config__: ClassVar[Mapping[str, object]] = {**FORBID, "hide_input_in_errors": True}

    gateway: Annotated[str, Tested(_gateway_id)] = field(
        metadata=_told("Id of this gateway, as registered on the server")
    )
    site: Annotated[str, Tested(_gateway_id)] = field(metadata=_told("Id of the site it stands in"))
    data_dir: Path = field(
        default=Path("/var/lib/oshwatch-agent"), metadata=_told("Key and outbox live here")
    )
    server_public_key: Annotated[str, Tested(decode_public_key)] | None = field(
        default=None,
        metadata=_told("The server's key; without it nothing is ever deleted and no command obeyed"),
    )

    mqtt_host: str = field(default="127.0.0.1", metadata=_told("Broker"))
    mqtt_port: int = field(default=1883, metadata=_told("1883, with TLS usually 8883", ge=1, le=65535))
    mqtt_username: str | None = field(default=None, metadata=_told("Usually the gateway id"))
    mqtt_password: str | None = field(
        default=None, repr=False, metadata=_told("Better set in the environment than in the file")
    )
    mqtt_ca_file: Path | None = field(default=None, metadata=_told("CA certificate; turns TLS on"))
    mqtt_certificate_file: Path | None = field(
        default=None, metadata=_told("Client certificate, where the broker asks")
    )
    mqtt_key_file: Path | None = field(default=None, metadata=_told("Key of the client certificate"))
    reconnect_longest_s: float = field(
        default=60.0, metadata=_seconds("Longest pause between attempts to connect")
    )

    sync_after_s: float = field(default=10.0, metadata=_seconds("A reading is on disk after at most so long"))
    seal_after_s: float = field(
        default=60.0, metadata=_seconds("A batch is closed and sent at multiples of this")
    )
    seal_grace_s: float = field(default=2.0, metadata=_told("... plus this, for slow sensors", ge=0, le=30))
    seal_records: int = field(default=500, metadata=_told("Most records in a batch", ge=1, le=2000))
    seal_bytes: int = field(default=65_536, metadata=_told("Most bytes in a batch", ge=1024, le=250_000))

    live_window: int = field(default=8, metadata=_told("New batches that may be unacknowledged", ge=1, le=16))
    back_window: int = field(
        default=16, metadata=_told("Backlog batches that may be unacknowledged", ge=1, le=16)
    )
    back_rate: float = field(default=5.0, metadata=_told("Backlog batches a second", gt=0, le=1000))
    retry_first_s: float = field(
        default=30.0, metadata=_seconds("Send again when unacknowledged for so long, then doubling")
    )
    retry_longest_s: float = field(default=600.0, metadata=_seconds("... up to this"))

    keep_done_days: float = field(default=30.0, metadata=_told("Keep delivered batches so long", ge=0))
    disk_tidy: float = field(
        default=0.80, metadata=_share("From this share of the disk delivered batches are deleted")
    )
    disk_lean: float = field(
        default=0.90, metadata=_share("From here only aggregates of 60 s and longer are taken")
    )
    disk_full: float = field(
        default=0.95, metadata=_share("From here nothing is measured, and a signed gap says so")
    )

    heartbeat_s: float = field(default=60.0, metadata=_told("Own state every so often; 0: never", ge=0))
    time_exchange: str = field(
        default="auto", metadata=_told("Ask the server for the time", pattern="^(auto|always|never)$")
    )
    rtc_error_s: float = field(
        default=2.0, metadata=_seconds("How wrong the hardware clock of this machine may be")
    )
    clock: Annotated[str, Tested(ScaledTime.parse)] | None = field(
        default=None, metadata=_told("Rehearsals only: RATE@WALL=TIME")
    )

    sensors: Annotated[tuple[SensorSettings, ...], Tested(_own_ids)] = field(
        default=(), metadata=_told("What hangs on this gateway")
    )

    def __post_init__(self) -> None:
        if not self.disk_tidy <= self.disk_lean <= self.disk_full:
            raise ValueError("the shares do not rise: order them disk_tidy <= disk_lean <= disk_full")


Table = AgentSettings | SensorSettings | ChannelSettings | Calibration
