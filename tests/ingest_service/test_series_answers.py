"""Which resolution an answer has, and what it says of what is not kept any more."""

import pytest

from ingest_service.api.series import LONGEST_DAYS, _chosen

DAY_S = 86_400.0


@pytest.mark.parametrize(
    ("days", "resolution"),
    [(0.05, "raw"), (1, "minute"), (10, "quarter"), (100, "hour"), (366, "hour"), (3000, "day")],
)
def test_a_range_gets_the_finest_resolution_that_keeps_the_answer_short(days: float, resolution: str) -> None:
    assert _chosen(0.0, days * DAY_S) == resolution


def test_what_is_chosen_may_be_asked_for() -> None:
    for days in (0.05, 1, 10, 32, 100, 370, 3000, 36_000):
        assert days <= LONGEST_DAYS[_chosen(0.0, days * DAY_S)]
