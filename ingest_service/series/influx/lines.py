"""Line protocol: what is written into InfluxDB, as text. Pure.

Every number is a float, always: the first number of a field decides its type for ever, and a whole number
that looked like an integer would have every later decimal refused. Floats are written as Python's `repr`,
the shortest text that reads back as the same double.

Tag values may hold anything: what line protocol or InfluxQL cannot carry (control characters, a backslash,
nothing at all) is written as %XX, as is the per cent sign itself. An ordinary name stays as it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping

from ingest_service.series.port import SeriesError

_HARD = re.compile(r"[%\\\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
_SPECIAL = re.compile(r"[ ,=]")
_NOTHING = "%"
MINUTE_NS = 60_000_000_000


def tag(value: str) -> str:
    """A tag's value as it is stored; what `untag` turns back."""
    if not value:
        return _NOTHING
    return _HARD.sub(_percent, value) if _HARD.search(value) else value


def untag(stored: str) -> str:
    """The value that `tag` stored."""
    if "%" not in stored:
        return stored
    if stored == _NOTHING:
        return ""
    raw = re.sub(
        rb"%([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), stored.encode("utf-8", "surrogatepass")
    )
    return raw.decode("utf-8", "surrogatepass")


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "surrogatepass"))


def series_key(measurement: str, tags: Mapping[str, str]) -> str:
    """Measurement and tags as they begin a line, tags in the order that the store sorts them into."""
    return measurement + "".join(
        f",{name}={_SPECIAL.sub(_escaped, tag(value))}" for name, value in sorted(tags.items())
    )


def _escaped(found: re.Match[str]) -> str:
    return "\\" + found[0]


def number(value: float) -> str:
    """A field's number. Raises SeriesError for one that InfluxDB cannot hold."""
    if not math.isfinite(value):
        raise SeriesError(f"{value} is no number that the series can hold: the reading should not be here")
    return repr(float(value))


def text(value: str) -> str:
    """A field's text, in quotes."""
    plain = value.encode("utf-8", "replace").decode("utf-8")
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def fields(numbers: Iterable[tuple[str, float | None]], texts: Iterable[tuple[str, str]] = ()) -> str:
    """The fields of a line; a number that is None is left out."""
    some = [f"{name}={number(value)}" for name, value in numbers if value is not None]
    return ",".join(some + [f"{name}={text(value)}" for name, value in texts])
