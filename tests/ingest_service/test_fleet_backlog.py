import pytest

from ingest_service.ledger.port import GatewayStatus
from ingest_service.queries.fleet import waiting_batches
from ingest_service.series.port import ChannelEntry

GATEWAY, SITE = "kh-f0123-a", "kh-f0123"


def born(at: float, backlog: int) -> GatewayStatus:
    return GatewayStatus(
        GATEWAY, SITE, "online", at, None, 1, "{}", at, at, 1, None, "ntp", 0.01, backlog, 0, 0, 0, 0
    )


def counted(at: float, waiting: float) -> ChannelEntry:
    return ChannelEntry(1, SITE, GATEWAY, "sys", "outbox", "count", at, waiting, None, 0, 0, at)


@pytest.mark.parametrize(
    ("status", "own_count", "shown"),
    [
        (born(100.0, 41), None, 41),
        (born(100.0, 41), counted(160.0, 0.0), 0),
        (born(200.0, 41), counted(160.0, 0.0), 41),
        (None, counted(160.0, 3.0), 3),
        (None, None, None),
    ],
)
def test_the_backlog_shown_is_the_newest_word_about_it(
    status: GatewayStatus | None, own_count: ChannelEntry | None, shown: int | None
) -> None:
    assert waiting_batches(status, own_count) == shown
