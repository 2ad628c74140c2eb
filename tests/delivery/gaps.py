"""What a gateway's signed word on `sys/gap` says is missing: spans of its own wall time."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from math import inf

INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"
RESTART = re.compile(rf"restart: from .*?\(({INSTANT})\) to boot .*?\(({INSTANT})\)")
BETWEEN = re.compile(rf"measured from ({INSTANT}) to ({INSTANT}) is missing")
UNTIL = re.compile(rf"measured until ({INSTANT}) is missing")


def spans(word: str) -> Iterator[tuple[float, float]]:
    """Open intervals that the word covers [ms since 1970]; none when it names no wall time."""
    for found in (*RESTART.finditer(word), *BETWEEN.finditer(word)):
        yield _instant(found[1]), _instant(found[2])
    for found in UNTIL.finditer(word):
        yield -inf, _instant(found[1])


def _instant(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)
