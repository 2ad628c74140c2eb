"""One row of a vector file, and what it says should come out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

from oshwatch.science.columns import Column, Pairs

EXACT = 1e-12
Found = float | str | None


class RowMistake(ValueError):  # noqa: N818 - the word the report prints
    """A cell that cannot be used as the row stands; `column` names it."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


class Difference(NamedTuple):
    """A row that does not hold: what was expected in a column, and what was found instead."""

    line: int
    row: str
    column: str
    expected: Found
    found: Found
    tolerance: float
    why: str


class Check(NamedTuple):
    """A column's expected value, its tolerance, and how the implementation finds its own."""

    column: str
    expected: Found
    tolerance: float
    find: Callable[[], Found]


@dataclass(frozen=True, slots=True)
class Row:
    """One case: its id, its line in the file and the value of each column (None: blank)."""

    id: str
    line: int
    cells: Mapping[str, object]

    def number(self, column: str) -> float:
        """The number of a column; RowMistake when it is blank."""
        value = self.maybe(column)
        if value is None:
            raise RowMistake(column, "is blank, but this row's method needs it; fill it in")
        return value

    def maybe(self, column: str) -> float | None:
        """The number of a column, or None when it is blank."""
        return cast("float | None", self.cells[column])

    def whole(self, column: str) -> int:
        """The whole number of a column."""
        return cast("int", self.cells[column])

    def switch(self, column: str) -> bool:
        """Whether a column says 1."""
        return cast("bool", self.cells[column])

    def word(self, column: str) -> str:
        """The text of a column."""
        return cast("str", self.cells[column])

    def pairs(self, column: str) -> Pairs:
        """The (value, weight) pairs of a column."""
        return cast("Pairs", self.cells[column])

    def numbers(self, column: str) -> tuple[float, ...]:
        """The numbers of a column."""
        return cast("tuple[float, ...]", self.cells[column])

    def readings(self, column: str) -> tuple[float | None, ...]:
        """The readings of a column, None where one is missing."""
        return cast("tuple[float | None, ...]", self.cells[column])

    def parameters(self, column: str) -> dict[str, float | tuple[float, float]]:
        """The named numbers of a column."""
        return cast("dict[str, float | tuple[float, float]]", self.cells[column])

    def expect(self, column: str, find: Callable[[], Found], tolerance: str | None = None) -> Check:
        """A check of a column; without a column of tolerance the value must be exact.

        RowMistake when something is expected and its tolerance is blank.
        """
        wanted = cast("Found", self.cells[column])
        allowed = EXACT if tolerance is None else self.maybe(tolerance)
        if allowed is None and wanted is not None:
            raise RowMistake(str(tolerance), f"is blank, but {column} is not; 0 means exact")
        return Check(column, wanted, max(allowed or 0.0, EXACT), find)

    def differences(self, checks: Iterator[Check]) -> Iterator[Difference]:
        """Run the checks; yield those that do not hold."""
        for check in checks:
            found, why = _run(check.find)
            if not _holds(check, found):
                yield Difference(
                    self.line, self.id, check.column, check.expected, found, check.tolerance, why
                )


def _run(find: Callable[[], Found]) -> tuple[Found, str]:
    try:
        found = find()
    except RowMistake:
        raise
    except (ValueError, ArithmeticError) as refusal:
        return None, str(refusal)
    if isinstance(found, float) and not math.isfinite(found):
        return str(found), "the result is not finite"  # neither a value nor a refusal
    return found, ""


def _holds(check: Check, found: Found) -> bool:
    if check.expected is None or found is None:
        return check.expected is None and found is None
    if isinstance(check.expected, str) or isinstance(found, str):
        return check.expected == found
    return abs(found - check.expected) <= check.tolerance  # false for NaN as well


@dataclass(frozen=True, slots=True)
class VectorFile:
    """A file the checker understands: its name without .csv, what it holds, its columns, its checks."""

    name: str
    title: str
    columns: tuple[Column, ...]
    checks: Callable[[Row], Iterator[Check]]
