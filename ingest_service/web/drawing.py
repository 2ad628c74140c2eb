"""Small drawings as SVG on the server, so that they are there without scripts: sparklines and maps."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from ingest_service.queries.models import MapPoint

SHAPES: Final = Path(__file__).parent / "shapes" / "countries.json"
WIDTH: Final = 240.0
HEIGHT: Final = 56.0
MAP_WIDTH: Final = 320.0
# A minute or two that have not come in yet are no gap that anybody should see.
SHORTEST_GAP_S: Final = 360.0

Points = Sequence[tuple[float, float | None]]
Ring = list[list[float]]


@dataclass(frozen=True, slots=True)
class Spark:
    """The parts of a sparkline in a box of WIDTH x HEIGHT: path data, y of the limit, gaps as (x, width)."""

    path: str
    limit_y: float | None
    gaps: tuple[tuple[float, float], ...]


def spark(points: Points, limit: float | None) -> Spark:
    """A line that breaks where nothing is known; the limit is always inside the picture."""
    known = [value for _, value in points if value is not None]
    levels = [*known, limit] if limit is not None else known
    if not known or not levels or len(points) < 2:
        whole = ((0.0, WIDTH),) if points else ()
        return Spark("", None, whole)
    low, high = min(levels), max(levels)
    # A flat line must not look like a cliff: at least 4 units from bottom to top.
    middle, half = (low + high) / 2, max((high - low) * 0.56, 2.0)
    start, end = points[0][0], points[-1][0]

    def x(t: float) -> float:
        return round((t - start) / (end - start) * WIDTH, 1)

    def y(value: float) -> float:
        return round(HEIGHT / 2 - (value - middle) / half * HEIGHT / 2, 1)

    pieces, pen_up = [], True
    for t, value in points:
        if value is not None:
            pieces.append(f"{'M' if pen_up else 'L'}{x(t):g} {y(value):g}")
        pen_up = value is None
    gaps = tuple((x(begin), round(x(finish) - x(begin), 1)) for begin, finish in _gaps(points))
    return Spark("".join(pieces), None if limit is None else y(limit), gaps)


def _gaps(points: Points) -> Iterator[tuple[float, float]]:
    begun: float | None = None
    before = points[0][0]
    for t, value in points:
        if value is None and begun is None:
            begun = before
        if value is not None:
            if begun is not None and t - begun > SHORTEST_GAP_S:
                yield begun, t
            begun = None
            before = t
    if begun is not None and points[-1][0] - begun > SHORTEST_GAP_S:
        yield begun, points[-1][0]


@dataclass(frozen=True, slots=True)
class Placed:
    """A factory on a map: its point and half the size of its mark, in the map's units."""

    point: MapPoint
    x: float
    y: float
    half: float


@dataclass(frozen=True, slots=True)
class CountryMap:
    """One country's outline as path data in a box, with the factories in it."""

    country: str
    width: float
    height: float
    path: str
    places: tuple[Placed, ...]


def maps(points: Sequence[MapPoint]) -> list[CountryMap]:
    """One map for each country that has factories; a country without a shape has only its marks."""
    countries = dict.fromkeys(point.country for point in points)
    return [_map(code, [point for point in points if point.country == code]) for code in countries]


def _map(code: str, points: list[MapPoint]) -> CountryMap:
    rings = _rings().get(code, [])
    corners = [(lon, lat) for ring in rings for lon, lat in ring]
    corners += [(point.longitude, point.latitude) for point in points]
    west, east = min(lon for lon, _ in corners), max(lon for lon, _ in corners)
    south, north = min(lat for _, lat in corners), max(lat for _, lat in corners)
    # Degrees of longitude are narrower away from the equator: true shape at the middle latitude.
    narrow = math.cos(math.radians((south + north) / 2))
    scale = MAP_WIDTH / max((east - west) * narrow, (north - south) * 0.8, 0.5)

    def place(lon: float, lat: float) -> tuple[float, float]:
        return round((lon - west) * narrow * scale, 1), round((north - lat) * scale, 1)

    width, height = place(east, south)
    path = "".join(
        "M" + "L".join(f"{x:g} {y:g}" for x, y in (place(*at) for at in ring)) + "Z" for ring in rings
    )
    placed = []
    # Large factories first, so that small ones lie on top of them.
    for point in sorted(points, key=lambda one: -one.workers):
        x, y = place(point.longitude, point.latitude)
        placed.append(Placed(point, x, y, round(9.0 + min(11.0, math.sqrt(point.workers) / 4.0), 1)))
    return CountryMap(code, max(width, 40.0), max(height, 40.0), path, tuple(placed))


@lru_cache(maxsize=1)
def _rings() -> dict[str, list[Ring]]:
    countries = json.loads(SHAPES.read_text("utf-8"))["countries"]
    return {code: country["rings"] for code, country in countries.items()}
