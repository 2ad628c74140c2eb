"""Figures of the fleet for Prometheus: right, without anybody's name, and all of them explained."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from ingest_service import metrics
from ingest_service.database import migrate, open_database
from ingest_service.evidence.roots import publish_due
from ingest_service.fleet_metrics import day_line_age
from ingest_service.intake import Intake
from ingest_service.ledger.port import Rejected
from ingest_service.ledger.sqlite import open_ledger
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.series.sqlite import open_series
from osh_domain.batch import text_hash
from tests.ingest_service.conftest import SAMPLE
from tests.ingest_service.gateways import SIGNER, Device, arrival, reading, snapshot
from tests.ingest_service.serving import Serving, serving

ROOT = Path(__file__).parents[2]
DAY = 86_400.0
SITE, GATEWAY = "kh-f0123", "kh-f0123-a"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A gateway with an old backlog, refusals and a conflict; nothing came since yesterday."""
    folder, now = tmp_path_factory.mktemp("metrics"), time.time()
    engine = open_database(folder)
    migrate(engine)
    import_description(Register(engine), yaml.safe_load(SAMPLE.read_text("utf-8")), "test")
    engine.dispose()
    ledger = open_ledger(folder)
    refused = [
        Rejected(now, "mqtt", None, SITE, GATEWAY, True, b"%d" % n, text_hash(b"%d" % n), code, "why")
        for n, code in enumerate(("key", "key"))
    ]
    ledger.append(refused)
    one, other = Device().batch(), Device().batch(reading(value=20.0))
    Intake(ledger, snapshot).take([arrival(one, at=now - DAY), arrival(other, at=now - DAY)], now - DAY)
    publish_due(ledger, SIGNER, now)
    ledger.close()
    series = open_series(folder)
    for quantity, value in (("outbox", 400.0), ("backlog_age", 30_000.0), ("disk_free", 0.05)):
        channel = series.channel_id(SITE, GATEWAY, "sys", quantity, None)
        series.write([(channel, int(now * 1e6), value, 0, 0)], [], "test", 1, received={channel: now})
    series.close()
    with serving(folder) as running:
        yield running


def figures(server: Serving) -> dict[str, float]:
    text = server.client().get("/metrics").text
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_figures_are_those_of_the_fleet(server: Serving) -> None:
    found = figures(server)
    assert found["oshwatch_backlog_batches"] == 400.0
    assert 30_000.0 <= found["oshwatch_backlog_age_seconds"] < 30_600.0
    assert found["oshwatch_gateways_backlog_old"] == 1.0
    assert found["oshwatch_gateways_disk_full"] == 1.0
    assert found["oshwatch_gateways_lost_readings"] == 0.0
    assert found["oshwatch_quarantine_unsettled[key]"] == 2.0
    assert found["oshwatch_gateway_conflicts_total"] == 1.0
    assert found["oshwatch_gateway_clocks[ntp]"] == 1.0
    assert found["oshwatch_ledger_rows"] == 1.0
    assert DAY <= found["oshwatch_newest_batch_age_seconds"] < DAY + 600.0
    assert found["oshwatch_day_line_age_seconds"] < DAY + 600.0
    assert DAY <= found["oshwatch_series_behind_seconds"] < DAY + 600.0, "no projector runs"
    assert found["oshwatch_gateways[silent]"] >= 1.0


def test_no_gateway_and_no_factory_is_named_to_whom_nobody_asked_to_sign_in(server: Serving) -> None:
    text = server.client().get("/metrics").text
    assert SITE not in text
    assert "kh-" not in text


def test_every_figure_is_explained_and_every_alert_uses_one_that_exists(server: Serving) -> None:
    text = server.client().get("/metrics").text
    families = [one.name for one in text_string_to_metric_families(text)]
    names = {name for name in families if name.startswith("oshwatch_") and not name.endswith("_created")}
    document = (ROOT / "docs/operating.md").read_text("utf-8")
    assert {name for name in names if f"`{name}" not in document} == set()
    rules = (ROOT / "deploy/prometheus.rules.yaml").read_text("utf-8")
    used = {
        name.removesuffix("_total")
        for group in yaml.safe_load(rules)["groups"]
        for rule in group["rules"]
        for name in re.findall(r"oshwatch_[a-z_]+", rule["expr"])
    }
    declared = {one._name for one in vars(metrics).values() if hasattr(one, "_name")}
    assert used <= names | declared


def test_a_day_that_was_published_while_the_clock_was_ahead_does_not_hide_that_none_is_since() -> None:
    now = 1_780_000_000.0  # 2026-05-28 20:26:40 UTC
    assert day_line_age(["2026-05-26", "2026-05-27"], now) == 73_600.0
    assert day_line_age(["2026-05-26", "2027-05-27"], now) == 73_600.0 + DAY
    assert day_line_age(["2027-05-27"], now) is None
    assert day_line_age([], now) is None
