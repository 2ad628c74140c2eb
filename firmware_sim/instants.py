"""Lengths of time and instants as scenario files write them."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

_SPAN = re.compile(r"(-?\d+(?:\.\d+)?)(s|m|h|d)")
_SPAN_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_OF_DAY = re.compile(r"d(\d{1,3}) +(\S+)")


class InstantError(ValueError):
    """A time nobody can read; the sentence says how to write it."""


def seconds(text: str) -> float:
    """`90s`, `30m`, `2h`, `3d` or `1h30m` in seconds. Raises InstantError."""
    parts = _SPAN.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InstantError(f"{text!r} is no length of time; write for example 90s, 30m or 1h30m")
    return sum(float(number) * _SPAN_S[unit] for number, unit in parts)


def instant(text: str, start: float, zone: ZoneInfo) -> float:
    """The instant a text means in a run from `start`, at a place in `zone`. Raises InstantError.

    `+2h` counts from the start, `10:20` is the wall time first met, `d2 10:20` that of the second local day.
    """
    if text.startswith("+"):
        return start + seconds(text[1:])
    numbered = _OF_DAY.fullmatch(text)
    wall = text if numbered is None else numbered[2]
    try:
        wanted = time.fromisoformat(wall)
    except ValueError:
        raise InstantError(
            f"start {text!r} is neither a wall time like 10:20 or d2 10:20 nor a delay like +2h"
        ) from None
    local = datetime.fromtimestamp(start, UTC).astimezone(zone)
    met = local.replace(hour=wanted.hour, minute=wanted.minute, second=wanted.second, microsecond=0)
    if numbered is not None:
        return (met + timedelta(days=int(numbered[1]) - 1)).timestamp()
    return (met + timedelta(days=1) if met < local else met).timestamp()
