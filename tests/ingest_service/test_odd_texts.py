"""What a gateway may say in words goes into either store, or the projection would stand still at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from osh_domain.readings import Channel
from tests.ingest_service.gateways import NOW, SIGNED, Device, reading
from tests.ingest_service.series_stores import influx_opener, sqlite_opener
from tests.ingest_service.test_projection import Flow

TEXTS = ("a\0b", "two\nlines\r\t", '"\\', "\\", "", " ", "\x7f\x85\u2028", "สวัสดี 👷", "ok" * 100_000)


@pytest.mark.parametrize("store", ["sqlite", "influx"])
def test_any_text_is_projected_and_what_follows_it_too(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    opener = sqlite_opener() if store == "sqlite" else influx_opener(request.getfixturevalue("influx"))
    flow = Flow(tmp_path, opener)
    device = Device()
    for number, text in enumerate(TEXTS):
        flow.take(device.batch(reading("status", text, at=NOW + number, unit=None)), at=NOW + number)
    flow.take(device.batch(reading(value=25.0, at=NOW + 60)), at=NOW + 60)
    flow.project()
    channel = flow.series.channel(*Channel(SIGNED.id, "st1", "status"))
    assert channel is not None
    assert [text for _, text in flow.series.texts_between(channel.id, 0, 1e10)] == list(TEXTS)
    assert [value for _, value, _ in flow.values(f"{SIGNED.id}/st1/ta")] == [25.0]
    flow.close()
