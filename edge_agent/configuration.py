"""The configuration document: what hangs on the gateway and how each channel was calibrated.

Its exact bytes are stored by hash for ever; every batch names the one it was measured under.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from edge_agent.driver import ChannelInfo, DeviceInfo
from edge_agent.settings import ChannelSettings, SensorSettings
from osh_domain.quantities import quantity


def effective_channels(sensor: SensorSettings, device: DeviceInfo | None) -> dict[str, ChannelInfo]:
    """What the sensor is taken to measure: the device's word, narrowed and amended by the settings."""
    offered = {channel.quantity: channel for channel in device.channels} if device is not None else {}
    if not sensor.channels:
        return offered
    return {
        channel.quantity: _amend(sensor, channel, offered.get(channel.quantity))
        for channel in sensor.channels
    }


def document(
    gateway: str,
    sensors: Iterable[SensorSettings],
    devices: Mapping[str, DeviceInfo],
    buses: Mapping[str, str],
) -> bytes:
    """The document as it is hashed and sent: compact JSON, keys sorted. `buses` maps sensor to bus name."""
    described = [_describe(sensor, devices.get(sensor.id), buses[sensor.id]) for sensor in sensors]
    content = {"gw": gateway, "sensors": described}
    return json.dumps(content, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def _amend(sensor: SensorSettings, channel: ChannelSettings, offered: ChannelInfo | None) -> ChannelInfo:
    row = quantity(channel.quantity)
    base = offered or ChannelInfo(
        channel.quantity, row.unit, row.low, row.high, "not stated", sensor.period_s
    )
    return base._replace(
        low=base.low if channel.low is None else channel.low,
        high=base.high if channel.high is None else channel.high,
        accuracy=channel.accuracy or base.accuracy,
        period_s=sensor.period_s,
    )


def _describe(sensor: SensorSettings, device: DeviceInfo | None, bus: str) -> dict[str, object]:
    calibrations = {channel.quantity: channel.cal for channel in sensor.channels}
    channels = []
    for info in effective_channels(sensor, device).values():
        entry: dict[str, object] = {
            "quantity": info.quantity,
            "unit": info.unit,
            "period_s": info.period_s,
            "range": [info.low, info.high],
            "accuracy": info.accuracy,
        }
        calibration = calibrations.get(info.quantity)
        if calibration is not None:
            entry["cal"] = {
                **asdict(calibration),
                "date": calibration.date.isoformat(),
                "due": calibration.due.isoformat(),
            }
        channels.append(entry)
    return {
        "id": sensor.id,
        "kind": sensor.driver,
        "model": device.model if device else "unknown",
        "serial": device.serial if device else "unknown",
        "firmware": device.firmware if device else "unknown",
        "bus": bus,
        "address": sensor.options.get("address"),
        "channels": channels,
    }
