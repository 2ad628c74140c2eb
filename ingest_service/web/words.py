"""Small words of the pages: states, numbers, ages and instants in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingest_service.language import Translator
from ingest_service.web.vocabulary import (
    COUNTRIES,
    DAYS,
    EVENTS,
    FLAGS,
    HAZARDS,
    KINDS,
    METHODS,
    MONTHS,
    N_,
    STATES,
    UNITS,
)

DAY_S: Final = 86400.0
_LONG_NUMBER: Final = re.compile(r"\d+\.\d{3,}")
_UNIT: Final = re.compile(r"(?<= )(?:Cel|ug/m3|dB|%RH)\b")


class Words:
    """What the templates say with; `_` is the reader's translator, `now` the instant of the page."""

    def __init__(self, translate: Translator, now: float) -> None:
        self._ = translate
        self.now = now

    def of(self, table: Mapping[Any, str], key: Any) -> str:
        """The word for a code; a code without a word is shown as it is."""
        return self._(table[key]) if key in table else str(key or "")

    def state(self, state: str) -> str:
        return self.of(STATES, state)

    def hazard(self, hazard: str) -> str:
        return self.of(HAZARDS, hazard)

    def kind(self, kind: str) -> str:
        return self.of(KINDS, kind)

    def unit(self, unit: str) -> str:
        return UNITS.get(unit, unit)

    def place(self, word: str) -> str:
        """A path word (`phnom-penh`) as a name; countries by their own."""
        return self.of(COUNTRIES, word) if word in COUNTRIES else word.replace("-", " ").title()

    def flags(self, flags: int) -> str:
        return ", ".join(self._(word) for bit, word in FLAGS if flags & bit)

    def number(self, value: float | None, decimals: int = 0) -> str:
        return "–" if value is None else self._.number(value, decimals)

    def signed(self, value: float | None, decimals: int = 0) -> str:
        """A number with its sign, also above zero."""
        text = self.number(value, decimals)
        return f"+{text}" if value is not None and value > 0 else text

    def percent(self, share: float | None) -> str:
        """A share as a percentage that never rounds up to a whole it is not."""
        if share is None:
            return "–"
        rounded = round(share * 100)
        if share < 1 and rounded == 100:
            rounded = 99
        return self._("%(number)s %%", number=self._.number(rounded)).replace(" ", "\u00a0")

    def hours(self, hours: float | None) -> str:
        if hours is None:
            return "–"
        return self._("%(number)s h", number=self._.number(hours, 0 if hours >= 10 or hours == 0 else 1))

    def clock_error(self, seconds: float) -> str:
        """How far a clock may be off, in ms below a second."""
        if seconds < 1:
            return f"± {self._.number(seconds * 1000)} ms"
        return f"± {self._.number(seconds, 1)} s"

    def span(self, seconds: float) -> str:
        """A length of time in its two largest units."""
        minutes = int(max(0.0, seconds) // 60)
        days, rest = divmod(minutes, 1440)
        hours, minutes = divmod(rest, 60)
        if days and (days >= 3 or not hours):
            text = self._("%(d)s d", d=days)
        elif days:
            text = self._("%(d)s d %(h)s h", d=days, h=hours)
        elif hours and not minutes:
            text = self._("%(number)s h", number=hours)
        elif hours:
            text = self._("%(h)s h %(m)s min", h=hours, m=minutes)
        else:
            text = self._("%(m)s min", m=minutes)
        return text.replace(" ", "\u00a0")

    def age(self, t: float) -> str:
        """How long ago, in one unit."""
        seconds = self.now - t
        if seconds < 10:
            return self._("now")
        for limit, size, text in (
            (90, 1, N_("%(n)s s ago")),
            (5400, 60, N_("%(n)s min ago")),
            (2 * DAY_S, 3600, N_("%(n)s h ago")),
            (float("inf"), DAY_S, N_("%(n)s d ago")),
        ):
            if seconds < limit:
                return self._(text, n=int(seconds // size))
        return ""

    def clock(self, t: float, timezone: str) -> str:
        """An instant in a place's own time: the hour today, else with its day, else with its year."""
        zone = ZoneInfo(timezone)
        local, today = datetime.fromtimestamp(t, zone), datetime.fromtimestamp(self.now, zone)
        hour = f"{local:%H:%M}"
        if local.date() == today.date():
            return hour
        return f"{self.day(t, timezone)} {hour}"

    def day(self, t: float, timezone: str) -> str:
        """The local day of an instant; with its year when that is another."""
        zone = ZoneInfo(timezone)
        local, today = datetime.fromtimestamp(t, zone), datetime.fromtimestamp(self.now, zone)
        text = f"{self._(DAYS[local.weekday()])} {local.day} {self._(MONTHS[local.month - 1])}"
        return text if local.year == today.year else f"{text} {local.year}"

    def weekday(self, t: float, timezone: str) -> tuple[str, int]:
        """The weekday and the day of the month, for the head of a narrow column."""
        local = datetime.fromtimestamp(t, ZoneInfo(timezone))
        return self._(DAYS[local.weekday()]), local.day

    def event(self, kind: str) -> str:
        """What happened to a case; escalations are numbered and all mean one thing."""
        return self.of(EVENTS, "escalated" if kind.startswith("escalation") else kind)

    def reason(self, text: str) -> str:
        """A reason as it was recorded, with its numbers and units made readable."""
        text = _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.2f}", text)
        return _UNIT.sub(lambda found: self.unit(found[0]), text)

    def methods(self, method: str) -> str:
        """A method tag, which may be several joined, as words."""
        parts = [part.strip() for part in method.replace(";", ",").replace("+", ",").split(",")]
        return ", ".join(self.of(METHODS, part).replace("_", " ") for part in parts if part)
