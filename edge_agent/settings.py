"""The agent's settings: one typed table. `edge_agent.settings_file` reads it and writes the sample."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from edge_agent.identity import decode_public_key
from osh_domain.quantities import quantity
from osh_domain.readings import GATEWAY_ID, SENSOR_ID, SYSTEM_SENSOR
from osh_domain.scaled_time import ScaledTime

PREFIX = "OSHWATCH_AGENT_"
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


def _gateway_id(text: str) -> str:
    if GATEWAY_ID.fullmatch(text) is None:
        raise ValueError("not 3 to 32 of a-z, 0-9 and '-', beginning with a letter or digit")
    return text


def _public_key(text: str) -> str:
    decode_public_key(text)
    return text


def _scaled_time(text: str) -> str:
    ScaledTime.parse(text)
    return text


def _known_quantity(text: str) -> str:
    quantity(text)
    return text


def _sensor_id(text: str) -> str:
    if SENSOR_ID.fullmatch(text) is None:
        raise ValueError("not 1 to 32 of a-z, 0-9 and '-', beginning with a letter or digit")
    if text == SYSTEM_SENSOR:
        raise ValueError("that name is the gateway itself; choose another")
    return text


class Calibration(BaseModel):
    """The last calibration of a channel; goes word for word into the signed configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(description="Number of the calibration record")
    date: dt.date = Field(description="Day of the calibration")
    due: dt.date = Field(description="Day from which readings are flagged as overdue")
    by: str = Field(description="Laboratory or person")
    gain: Annotated[float, Field(allow_inf_nan=False)] = Field(
        1.0, description="reading = gain x raw + offset"
    )
    offset: Annotated[float, Field(allow_inf_nan=False)] = Field(0.0, description="In the quantity's unit")
    as_found: str | None = Field(None, description="Deviation found before adjusting, in words")
    certificate_sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the certificate file"
    )


class ChannelSettings(BaseModel):
    """One quantity of a sensor; leave all channels out to take everything the device offers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quantity: Annotated[str, AfterValidator(_known_quantity)] = Field(
        description="A name of the quantity table, for example ta, rh, la.eq60"
    )
    low: float | None = Field(None, description="Lowest value the sensor can show; below it is flagged")
    high: float | None = Field(None, description="Highest value the sensor can show; above it is flagged")
    accuracy: str | None = Field(None, description="In the maker's words")
    cal: Calibration | None = Field(None, description="Calibration in force")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low {self.low} is not below high {self.high}")
        return self


class SensorSettings(BaseModel):
    """One sensor on the gateway."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, AfterValidator(_sensor_id)] = Field(
        description="Name of the sensor on this gateway, for example st1"
    )
    driver: str = Field(description="Kind of sensor, see `oshwatch agent sample-config`")
    bus: str | None = Field(None, description="Sensors with the same bus name are read one after the other")
    period_s: Seconds = Field(60.0, description="Read every so many seconds, at full multiples of it")
    options: dict[str, Any] = Field(default_factory=dict, description="What the driver needs")
    channels: tuple[ChannelSettings, ...] = Field((), description="Quantities to keep, with ranges")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [channel.quantity for channel in self.channels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} appears twice; keep one channel for each quantity")
        return self

    @property
    def bus_name(self) -> str:
        return self.bus or self.id


def _own_ids(sensors: tuple[SensorSettings, ...]) -> tuple[SensorSettings, ...]:
    ids = [sensor.id for sensor in sensors]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise ValueError(f"id {', '.join(twice)} is used twice; give each sensor its own")
    return sensors


class AgentSettings(BaseModel):
    """Everything an agent can be told. The environment wins over the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    gateway: Annotated[str, AfterValidator(_gateway_id)] = Field(
        description="Id of this gateway, as registered on the server"
    )
    site: Annotated[str, AfterValidator(_gateway_id)] = Field(description="Id of the site it stands in")
    data_dir: Path = Field(Path("/var/lib/oshwatch-agent"), description="Key and outbox live here")
    server_public_key: Annotated[str, AfterValidator(_public_key)] | None = Field(
        None, description="The server's key; without it nothing is ever deleted and no command obeyed"
    )

    mqtt_host: str = Field("127.0.0.1", description="Broker")
    mqtt_port: int = Field(1883, ge=1, le=65535, description="1883, with TLS usually 8883")
    mqtt_username: str | None = Field(None, description="Usually the gateway id")
    mqtt_password: SecretStr | None = Field(
        None, description="Better set in the environment than in the file"
    )
    mqtt_ca_file: Path | None = Field(None, description="CA certificate; turns TLS on")
    mqtt_certificate_file: Path | None = Field(None, description="Client certificate, where the broker asks")
    mqtt_key_file: Path | None = Field(None, description="Key of the client certificate")
    reconnect_longest_s: Seconds = Field(60.0, description="Longest pause between attempts to connect")

    sync_after_s: Seconds = Field(10.0, description="A reading is on disk after at most so long")
    seal_after_s: Seconds = Field(60.0, description="A batch is closed and sent at multiples of this")
    seal_grace_s: Annotated[float, Field(ge=0, le=30)] = Field(
        2.0, description="... plus this, for slow sensors"
    )
    seal_records: int = Field(500, ge=1, le=2000, description="Most records in a batch")
    seal_bytes: int = Field(65_536, ge=1024, le=250_000, description="Most bytes in a batch")

    live_window: int = Field(8, ge=1, le=16, description="New batches that may be unacknowledged")
    back_window: int = Field(16, ge=1, le=16, description="Backlog batches that may be unacknowledged")
    back_rate: Annotated[float, Field(gt=0, le=1000)] = Field(5.0, description="Backlog batches a second")
    retry_first_s: Seconds = Field(
        30.0, description="Send again when unacknowledged for so long, then doubling"
    )
    retry_longest_s: Seconds = Field(600.0, description="... up to this")

    keep_done_days: Annotated[float, Field(ge=0)] = Field(30.0, description="Keep delivered batches so long")
    disk_tidy: Share = Field(0.80, description="From this share of the disk delivered batches are deleted")
    disk_lean: Share = Field(0.90, description="From here only aggregates of 60 s and longer are taken")
    disk_full: Share = Field(0.95, description="From here nothing is measured, and a signed gap says so")

    heartbeat_s: Annotated[float, Field(ge=0)] = Field(60.0, description="Own state every so often; 0: never")
    time_exchange: str = Field(
        "auto", pattern="^(auto|always|never)$", description="Ask the server for the time"
    )
    rtc_error_s: Seconds = Field(2.0, description="How wrong the hardware clock of this machine may be")
    clock: Annotated[str, AfterValidator(_scaled_time)] | None = Field(
        None, description="Rehearsals only: RATE@WALL=TIME"
    )

    sensors: Annotated[tuple[SensorSettings, ...], AfterValidator(_own_ids)] = Field(
        (), description="What hangs on this gateway"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.disk_tidy <= self.disk_lean <= self.disk_full:
            raise ValueError("the shares do not rise: order them disk_tidy <= disk_lean <= disk_full")
        return self
