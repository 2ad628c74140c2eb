"""The columns of a zone's chart: lines, limits, shifts, and the gaps with what is known about them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date
from typing import Final

from ingest_service.auth.access import Action
from ingest_service.queries.measured import MINUTE_S
from ingest_service.queries.panels import PANELS, panel, unit_of
from ingest_service.queries.past import as_of
from ingest_service.queries.places import Band, Chart, ChartLine
from ingest_service.queries.time_spans import RANGES
from ingest_service.queries.view import NotHere, View
from ingest_service.register.entries import Zone

FINEST_POINTS: Final = 3000
GAP_S: Final = 300.0
_HOURS: Final = 60
_MOST_SHIFTS: Final = 70


def span_of(view: View, site_id: str, name: str) -> tuple[str, float, float]:
    """The range's name and its instants; "shift" is the one that is on, or the last one."""
    if name == "shift":
        calendar = view.register.calendar(site_id)
        past = calendar.instances(view.now - 4 * RANGES["day"], view.now)
        if past:
            return "shift", past[-1].start, past[-1].end
    known = name if name in RANGES else "day"
    return known, view.now - RANGES[known], view.now


def chart(
    view: View, site_id: str, word: str, panel_id: str, range_name: str = "day", until: date | None = None
) -> Chart:
    """One chart of a zone. Raises NotHere, also for a panel that does not exist.

    `until`: a past local day with which the chart ends, instead of now.
    """
    site, zone = view.zone(site_id, word, Action.READ_SITE)
    now, view = view.now, as_of(view, site, until)
    shown = panel(panel_id)
    if shown is None:
        raise NotHere(f"There is no chart {panel_id!r}; there are {', '.join(p.id for p in PANELS)}.")
    name, start, end = span_of(view, site.id, range_name)
    step = _step(start, end)
    if start < MINUTE_S * view.series.kept_from("exposures", zone.id):
        step = max(step, _HOURS)  # single minutes of so long ago are not kept, hours are
    times = [float(t) for t in _grid(start, min(end, view.now), step)]
    lines = tuple(
        ChartLine(
            kind=kind,
            unit=unit_of(kind)[0],
            decimals=unit_of(kind)[1],
            weight="thin" if kind == shown.thin else ("thick" if kind == shown.thick else "dashed"),
            values=tuple(_column(view, zone, kind, times, step)),
        )
        for kind in shown.kinds
    )
    return Chart(
        now=now,
        start=start,
        end=end,
        timezone=site.timezone,
        unit=shown.unit,
        resolution="minute" if step == 1 else "hour",
        times=tuple(times),
        lines=lines,
        limits=tuple(view.limits.of_zone(site, zone, shown.kinds, view.now)),
        bands=(*_shifts(view, site.id, start, end, name), *_gaps(view, zone, times, lines[0], step)),
    )


def _step(start: float, end: float) -> int:
    """Minutes between points: one while they fit, else as few as keep the chart readable."""
    minutes = (end - start) / MINUTE_S
    for step in (1, 5, 15, 60, 360, 1440):
        if minutes / step <= FINEST_POINTS:
            return step
    return 1440


def _grid(start: float, end: float, step: int) -> range:
    first = math.ceil(start / MINUTE_S / step) * step
    last = math.floor(end / MINUTE_S / step) * step
    return range(first * int(MINUTE_S), (last + step) * int(MINUTE_S), step * int(MINUTE_S))


def _column(view: View, zone: Zone, kind: str, times: list[float], step: int) -> Iterator[float | None]:
    """One value a grid point: the highest of the minutes up to it, so that no peak is thinned away."""
    if not times:
        return
    last = int(times[-1] // MINUTE_S)
    first = int(times[0] // MINUTE_S) - step + 1
    found = view.series.highest(zone.id, kind, first, last, step)
    for t in times:
        yield found.get(int(t // MINUTE_S))


def _shifts(view: View, site_id: str, start: float, end: float, name: str) -> Iterator[Band]:
    found = view.register.calendar(site_id).instances(start, end)
    if len(found) > _MOST_SHIFTS:
        return
    for shift in found:
        yield Band(kind="shift", start=max(start, shift.start), end=min(end, shift.end), text=shift.name)
        if name in {"shift", "day"}:
            for begins, ends in shift.breaks:
                if begins < end and ends > start:
                    yield Band(kind="break", start=max(start, begins), end=min(end, ends), text="")


def _gaps(view: View, zone: Zone, times: list[float], line: ChartLine, step: int) -> Iterator[Band]:
    """Runs of missing values that are long enough to see."""
    if not times:
        return
    width = step * MINUTE_S
    begun: float | None = None
    for t, value in zip(times, line.values, strict=True):
        if value is None and begun is None:
            begun = t - width
        if value is not None and begun is not None:
            if t - width - begun >= GAP_S:
                yield Band(kind="gap", start=begun, end=t - width, text=_cause(view, zone, begun, t))
            begun = None
    # What has not come in yet is not a gap until it is late.
    if begun is not None and times[-1] - begun >= GAP_S + view.stale_after_s(MINUTE_S):
        yield Band(kind="gap", start=begun, end=times[-1], text=_cause(view, zone, begun, times[-1]))


def _cause(view: View, zone: Zone, start: float, end: float) -> str:
    """What the gateways said about the span: the words of their `gap` and `status` channels."""
    for gateway in {gateway for gateway, _ in view.register.sensors_in(zone.id, start)}:
        for entry in view.series.latest(gateway):
            if entry.quantity != "gap":
                continue
            for text in view.series.texts_between(entry.id, start - GAP_S, end + GAP_S):
                return text.text
    return ""
