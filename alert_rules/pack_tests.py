"""The tests of a rule pack as they are written: a place, a zone, series in, changes of cases out."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from alert_rules.alerts import Deed
from alert_rules.durations import Minutes
from alert_rules.layers import Place
from alert_rules.pack_limits import Part
from alert_rules.pack_model import Doubted, Id, Severity

Entry = tuple[float | None, float] | None
"""What one minute brings: value and coverage; None for nothing at all."""
Spans = tuple[tuple[int, int], ...]
"""Minutes from and until, both included."""

_TOKEN: Final = re.compile(
    r"(?P<value>-?\d+(?:\.\d+)?|\?|_)(?:\.\.(?P<to>-?\d+(?:\.\d+)?))?"
    r"(?:@(?P<coverage>0(?:\.\d+)?|1(?:\.0+)?))?(?:x(?P<count>\d{1,5}))?"
)
_SPAN: Final = re.compile(r"([0-9]{1,6})\.\.([0-9]{1,6})")
MOST_MINUTES: Final = 20_160
"""A test plays two weeks at most."""
CHANGES: Final = tuple(one.value for one in Deed)
RAISING: Final = frozenset({Deed.OPENED, Deed.WORSENED, Deed.JOINED})


def _change(word: str) -> str:
    if word not in CHANGES:
        raise ValueError(f"{word!r} is not one of {', '.join(CHANGES)}")
    return word


class Expected(Part):
    """One change of a case: in which minute of the test, what, by which rule, how severe afterwards."""

    minute: int
    change: Annotated[str, AfterValidator(_change)]
    rule: str
    severity: Severity | None = None
    subject: str | None = None


class TestZone(Part):
    """The zone of a test."""

    metabolic_class: int = Field(default=1, ge=0, le=4)
    acclimatised: bool = True
    radiant_source: bool = False


class TestPlace(Part):
    """Where a test plays: the shipped packs of that place judge with the pack that is tested."""

    country: str = ""
    sector: str = ""
    site: str = ""

    @property
    def place(self) -> Place:
        """The same as layers know it."""
        return Place(self.country, self.sector, self.site)


def _series(text: Any) -> tuple[Entry, ...]:
    """Read `29x10 30..31x5 ?x3 _x5 30@0.6` as one entry a minute: (value, coverage), None for no row."""
    if not isinstance(text, str):
        raise ValueError("a series is a text like '29x10 30..31x5'")  # noqa: TRY004 - pydantic collects it
    entries: list[Entry] = []
    for token in text.split():
        form = _TOKEN.fullmatch(token)
        if form is None:
            raise ValueError(f"{token!r} is not VALUE, VALUExCOUNT, FROM..TOxCOUNT, ?xCOUNT or _xCOUNT")
        entries += _expand(form)
        if len(entries) > MOST_MINUTES:
            raise ValueError(f"the series is longer than {MOST_MINUTES} minutes, two weeks")
    return tuple(entries)


def _expand(form: re.Match[str]) -> Iterator[Entry]:
    count = int(form["count"] or 1)
    coverage = float(form["coverage"]) if form["coverage"] else 1.0
    for number in range(count):
        if form["value"] == "_":
            yield None
        elif form["value"] == "?":
            yield (None, 0.0)
        else:
            first = float(form["value"])
            last = float(form["to"]) if form["to"] else first
            yield (first + (last - first) * number / max(1, count - 1), coverage)


def _spans(text: Any) -> Spans:
    forms = [_SPAN.fullmatch(part) for part in text.split()] if isinstance(text, str) else []
    found = tuple((int(form[1]), int(form[2])) for form in forms if form is not None)
    if not found or len(found) < len(forms) or any(first > last for first, last in found):
        raise ValueError("write the minutes from and until like '0..30 50..90'")
    return found


SeriesText = Annotated[tuple[Entry, ...], BeforeValidator(_series)]
SpansText = Annotated[Spans, BeforeValidator(_spans)]


class Test(Part):
    """One situation and what is expected of it.

    Without a `place` the pack is alone. `day`: the local day, else the newest versions judge. `confirmed` and
    `selected`: what the installation of the test confirms and selects. `shift`: when the shift is on, always
    if left out. `reports`: when a channel reports. `wrong`: when something is wrong with a channel that does;
    `amounts`: how much of it there is in each minute, where that counts (seconds, a share, a number).
    """

    __test__ = False

    name: str = Field(min_length=1)
    place: TestPlace | None = None
    day: date | None = None
    confirmed: tuple[Id, ...] = Field(default=(), strict=False)
    selected: tuple[Id, ...] = Field(default=(), strict=False)
    zone: TestZone = TestZone()
    method: str = ""
    shift: SpansText | None = None
    exposures: dict[str, SeriesText] = Field(default_factory=dict)
    period: Minutes = 1
    reports: dict[str, SpansText] = Field(default_factory=dict)
    wrong: dict[Doubted, dict[str, SpansText]] = Field(default_factory=dict)
    amounts: dict[Doubted, dict[str, SeriesText]] = Field(default_factory=dict)
    minutes: int = Field(default=0, ge=0, le=MOST_MINUTES)
    expect: tuple[Expected, ...] = Field(strict=False)


class TestFile(Part):
    """The tests of one pack."""

    __test__ = False

    format: Literal[1, 2]
    tests: tuple[Test, ...] = Field(min_length=1, strict=False)
