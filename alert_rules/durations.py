"""Durations as people write them: `30 s`, `10 min`, `2 h`, `1 d`; and amounts, which may be durations."""

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

_UNITS: Final = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_FORM: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")


def seconds(text: Any) -> float:
    """Read a duration [s]; ValueError says what is wrong and what was probably meant."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        raise ValueError(f"{text} has no unit; did you mean '{text} min'?")  # noqa: TRY004 - pydantic collects it
    if not isinstance(text, str):
        raise ValueError("it is not a duration; write it like '10 min'")  # noqa: TRY004 - as above
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError(f"{text!r} is not a duration; write it like '10 min'")
    number, unit = form.groups()
    if not unit:
        raise ValueError(f"{text!r} has no unit; did you mean '{number} min'?")
    if unit not in _UNITS:
        raise ValueError(f"{unit!r} is not a unit of time; there are s, min, h and d")
    return float(number) * _UNITS[unit]


def minutes(text: Any) -> int:
    """Read a duration in whole minutes, which is what exposures are judged by."""
    whole, rest = divmod(seconds(text), 60.0)
    if rest:
        raise ValueError(f"{text!r} is not a whole number of minutes; exposures are judged by the minute")
    if whole < 1:
        raise ValueError(f"{text!r} is shorter than the minute that exposures are judged by; write '1 min'")
    return int(whole)


def amount(text: Any) -> float | None:
    """Read how much: a duration [s], a share (`90 %`), or a plain number of things."""
    if text is None:
        return None
    if isinstance(text, int) and not isinstance(text, bool):
        return float(text)
    if isinstance(text, str) and text.rstrip().endswith("%"):
        return float(text.rstrip()[:-1]) / 100.0
    return seconds(text)


Seconds = Annotated[float, BeforeValidator(seconds)]
Minutes = Annotated[int, BeforeValidator(minutes)]
