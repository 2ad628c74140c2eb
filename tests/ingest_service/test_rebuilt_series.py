"""A store that grew while data came late, doubled and in pieces, against one built at once."""

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ingest_service.hall import START, Hall

pytestmark = pytest.mark.usefixtures("both_stores")

QUANTITIES = {
    "ta": 32.0, "rh": 61.0, "tg": 35.0, "va": 0.3, "la.eq60": 83.0, "pm2_5": 31.0, "pm10": 50.0,
    "co": 4.0, "no2": 40.0,
}  # fmt: skip
LENGTH = 1450
NOW = START + LENGTH + 200


@pytest.fixture
def new_hall(tmp_path: Path) -> Iterator[Callable[[], Hall]]:
    halls: list[Hall] = []

    def make() -> Hall:
        folder = tmp_path / str(len(halls))
        folder.mkdir()
        hall = Hall(folder)
        for quantity in QUANTITIES:
            hall.expect("n1", quantity)
        halls.append(hall)
        return hall

    yield make
    for one in halls:
        one.series.close()


def readings(length: int = LENGTH) -> list[tuple[str, int, float]]:
    """Two shifts and the night between: waves, a globe that falls out, a microphone that sticks, a jump."""
    found = []
    for number, (quantity, base) in enumerate(QUANTITIES.items()):
        for m in range(START, START + length):
            value = base * (1.0 + 0.05 * math.sin(m / 17.0 + number) + 0.002 * math.cos(m * 1.7))
            if quantity == "tg" and START + 100 <= m < START + 130:
                continue
            if quantity == "la.eq60" and START + 200 <= m < START + 260:
                value = 71.5
            if quantity == "ta" and m == START + 300:
                value += 9.0
            if quantity == "tg" and START + 340 <= m < START + 345:
                value -= 8.0
            found.append((quantity, m, value))
    return found


def deliver(hall: Hall, rows: list[tuple[str, int, float]], portions: int, *, restarts: bool) -> None:
    size = -(-len(rows) // portions)
    hall.killed_after_each_turn = restarts
    for begin in range(0, len(rows), size):
        part = rows[begin : begin + size]
        by_quantity: dict[str, dict[int, float]] = {}
        for quantity, m, value in part:
            by_quantity.setdefault(quantity, {})[m] = value
        for quantity, values in by_quantity.items():
            hall.put("n1", quantity, values)
        hall.roll(max(m for _, m, _ in part) + 1)
    hall.roll(NOW)


def test_a_store_that_grew_is_bit_by_bit_the_one_that_is_rebuilt(new_hall: Callable[[], Hall]) -> None:
    rows = readings()
    at_once = new_hall()
    deliver(at_once, rows, 1, restarts=False)
    assert at_once.series.quality_between(5, 0, NOW), "the microphone that stuck was found out"
    in_order = new_hall()
    deliver(in_order, sorted(rows, key=lambda row: row[1]), 6, restarts=True)
    shuffled = list(rows)
    random.Random(7).shuffle(shuffled)
    grown = new_hall()
    deliver(grown, shuffled + shuffled[: len(rows) // 5], 5, restarts=True)
    assert in_order.contents() == at_once.contents() == grown.contents()
    grown.series.wipe()
    grown.rollup = None
    deliver(grown, rows, 2, restarts=False)
    assert grown.contents() == at_once.contents()


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32), portions=st.integers(2, 6), restarts=st.booleans(), blocks=st.integers(1, 90)
)
def test_no_order_of_arrival_changes_what_is_stored(
    new_hall: Callable[[], Hall], seed: int, portions: int, restarts: bool, blocks: int
) -> None:
    rows = readings(420)
    plain, mixed = new_hall(), new_hall()
    deliver(plain, rows, 1, restarts=False)
    drawn = random.Random(seed)
    pieces = [rows[i : i + blocks] for i in range(0, len(rows), blocks)]
    drawn.shuffle(pieces)
    deliver(mixed, [row for piece in pieces for row in piece], portions, restarts=restarts)
    assert mixed.contents() == plain.contents()
