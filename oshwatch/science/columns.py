"""What may stand in a cell of a vector file: a reader for each kind of column, and its description.

A reader turns the text of a cell into a value or raises ValueError with a sentence that says the way out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

Pairs = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, how a cell is read, what it means, and whether it may be blank."""

    name: str
    read: Callable[[str], object]
    meaning: str
    blank: bool = False


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        hint = "; write a decimal point, not a comma" if "," in text else ""
        raise ValueError(f"{text!r} is not a number{hint}") from None
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


def _whole(text: str) -> int:
    value = _number(text)
    if value != int(value):
        raise ValueError(f"{text!r} is not a whole number")
    return int(value)


def _tolerance(text: str) -> float:
    value = _number(text)
    if value < 0:
        raise ValueError(f"a tolerance is 0 or more, not {text!r}")
    return value


def _switch(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError(f"{text!r} is not 0 (no) or 1 (yes)")
    return text == "1"


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(_number(part) for part in text.split(";"))


def _readings(text: str) -> tuple[float | None, ...]:
    return tuple(None if part.strip() == "nan" else _number(part) for part in text.split(";"))


def _pairs(text: str, sign: str) -> Pairs:
    found: list[tuple[float, float]] = []
    for part in text.split(";"):
        first, separator, second = part.partition(sign)
        if not separator:
            raise ValueError(f"{part!r} is not of the form value{sign}weight, several joined by ;")
        found.append((_number(first), _number(second)))
    return tuple(found)


def _parameters(text: str) -> dict[str, float | tuple[float, float]]:
    found: dict[str, float | tuple[float, float]] = {}
    for part in text.split(";"):
        key, separator, value = part.partition("=")
        if not separator:
            raise ValueError(f"{part!r} is not of the form name=value, several joined by ;")
        low, dots, high = value.partition("..")
        found[key.strip()] = (_number(low), _number(high)) if dots else _number(value)
    return found


def number(name: str, meaning: str) -> Column:
    """An input that must be a finite number."""
    return Column(name, _number, meaning)


def maybe(name: str, meaning: str) -> Column:
    """An input that may be blank where the row's method does not need it."""
    return Column(name, _number, meaning, blank=True)


def whole(name: str, meaning: str) -> Column:
    """An input that must be a whole number."""
    return Column(name, _whole, meaning)


def switch(name: str, meaning: str) -> Column:
    """An input that is 1 or 0."""
    return Column(name, _switch, meaning + ": 1 yes, 0 no")


def text(name: str, meaning: str) -> Column:
    """An input that is any text."""
    return Column(name, str, meaning)


def word(name: str, *words: str) -> Column:
    """An input that is one of some words."""

    def read(cell: str) -> str:
        if cell not in words:
            raise ValueError(f"{cell!r} is not one of {', '.join(words)}")
        return cell

    return Column(name, read, "one of " + ", ".join(words))


def pairs(name: str, meaning: str, sign: str = "@") -> Column:
    """Several inputs, each with a weight: value@weight joined by semicolons."""
    return Column(name, lambda cell: _pairs(cell, sign), meaning)


def numbers(name: str, meaning: str) -> Column:
    """Several numbers joined by semicolons."""
    return Column(name, _numbers, meaning + ", joined by ;")


def readings(name: str, meaning: str) -> Column:
    """Several numbers joined by semicolons, nan where one is missing."""
    return Column(name, _readings, meaning + ", joined by ;, nan where one is missing")


def parameters(name: str, meaning: str) -> Column:
    """Named numbers and low..high spans joined by semicolons."""
    return Column(name, _parameters, meaning)


def expected(name: str, meaning: str) -> Column:
    """A number that should come out; blank: there is none, and the code must refuse."""
    return Column(name, _number, meaning + "; blank: none, the code must refuse", blank=True)


def expected_text(name: str, meaning: str) -> Column:
    """A word that should come out; blank: the code must refuse."""
    return Column(name, str, meaning + "; blank: none, the code must refuse", blank=True)


def tolerance(name: str) -> Column:
    """The largest difference that passes; 0 is exact. Blank only where nothing is expected."""
    return Column(name, _tolerance, "largest difference that passes, 0 is exact", blank=True)
