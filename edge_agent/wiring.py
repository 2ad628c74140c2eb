"""From the table of settings to what each part needs."""

from __future__ import annotations

from pathlib import Path

from edge_agent.delivery import Pace
from edge_agent.mqtt_link import Broker
from edge_agent.outbox.disk import DiskPolicy
from edge_agent.outbox.segment import SegmentLimits
from edge_agent.settings import AgentSettings


def broker_of(settings: AgentSettings) -> Broker:
    """Where to connect and as whom."""
    return Broker(
        host=settings.mqtt_host,
        port=settings.mqtt_port,
        username=settings.mqtt_username,
        password=settings.mqtt_password,
        ca_file=_text(settings.mqtt_ca_file),
        certificate_file=_text(settings.mqtt_certificate_file),
        key_file=_text(settings.mqtt_key_file),
        reconnect_longest_s=settings.reconnect_longest_s,
    )


def pace_of(settings: AgentSettings) -> Pace:
    """Windows, rate and timers of delivery."""
    return Pace(
        live_window=settings.live_window,
        back_window=settings.back_window,
        back_rate=settings.back_rate,
        retry_first_s=settings.retry_first_s,
        retry_longest_s=settings.retry_longest_s,
    )


def limits_of(settings: AgentSettings) -> SegmentLimits:
    """When a batch is full and when it is synced."""
    return SegmentLimits(
        seal_after_s=settings.seal_after_s,
        grace_s=settings.seal_grace_s,
        records=settings.seal_records,
        bytes=settings.seal_bytes,
        sync_after_s=settings.sync_after_s,
    )


def policy_of(settings: AgentSettings) -> DiskPolicy:
    """What to give up at which share of the disk."""
    return DiskPolicy(settings.disk_tidy, settings.disk_lean, settings.disk_full)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
