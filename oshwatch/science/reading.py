"""Open a directory of vector files and find every mistake in them, with file, line, column and a way out."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from oshwatch.science import air, heat, noise, quality
from oshwatch.science.rows import Row, VectorFile

UNDERSTOOD: dict[str, VectorFile] = {
    one.name: one for one in (*heat.FILES, *noise.FILES, *air.FILES, *quality.FILES)
}
"""File name without .csv -> how it is checked."""

NOT_CASES = {"noise_errata": "a list of misprints in printed tables"}
"""Files that may stand among vectors and hold no cases."""

REMARKS = frozenset(
    {"basis", "source", "note", "printed", "nominal_hz", "substance"},
)
"""Columns that are for people; they may be there or not."""

MOST_BYTES = 50_000_000


class Mistake(NamedTuple):
    """What makes a file unusable: file, line (0: the file as a whole), column or "", what, way out."""

    file: str
    line: int
    column: str
    message: str

    def __str__(self) -> str:
        place = self.file + (f", line {self.line}" if self.line else "")
        return f"{place}{f', column {self.column}' if self.column else ''}: {self.message}"


@dataclass(slots=True)
class VectorRows:
    """One file as read: its rows, and the mistakes that make it unusable."""

    name: str
    file: VectorFile
    rows: list[Row] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


def vector_files(directory: Path) -> tuple[list[Path], list[Mistake]]:
    """Return the CSV files of a directory that hold cases, by name, and what is wrong with the others."""
    try:
        if not directory.is_dir():
            what = "is a file, not a directory" if directory.exists() else "does not exist"
            return [], [Mistake(str(directory), 0, "", f"{what}; name a directory of .csv files")]
        found = sorted(path for path in directory.iterdir() if path.suffix.lower() == ".csv")
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        return [], [Mistake(str(directory), 0, "", f"{what}; name a directory of .csv files")]
    cases = [path for path in found if path.stem not in NOT_CASES]
    mistakes = [_unknown(path) for path in cases if path.stem not in UNDERSTOOD]
    usable = [path for path in cases if path.stem in UNDERSTOOD]
    if not cases:
        mistakes.append(
            Mistake(str(directory), 0, "", "holds no .csv file with cases; see 'oshwatch science list'")
        )
    return usable, mistakes


def _unknown(path: Path) -> Mistake:
    near = get_close_matches(path.stem, UNDERSTOOD, n=3)
    hint = f"did you mean {', '.join(f'{one}.csv' for one in near)}?" if near else "rename it"
    return Mistake(path.name, 0, "", f"no method has vectors of this name; {hint} (oshwatch science list)")


def read_vectors(path: Path) -> VectorRows:
    """Read one file; every mistake in it is collected, not only the first."""
    found = VectorRows(path.name, UNDERSTOOD[path.stem])
    try:
        text = _text(path)
    except OSError as error:
        found.mistakes.append(Mistake(path.name, 0, "", f"cannot be read: {error.strerror or error}"))
        return found
    except ValueError as error:
        found.mistakes.append(Mistake(path.name, 0, "", str(error)))
        return found
    lines = _Lines(text)
    try:
        _read(found, lines)
    except csv.Error as error:
        # A cell of 131,072 characters is one whose quote was never closed, or too many values for one case.
        message = f"is no CSV: {error}; check quotes and commas, and split what is too long into cases"
        found.mistakes.append(Mistake(path.name, lines.at, "", message))
    return found


class _Lines:
    """Records of a CSV text that are not blank, and the line the newest of them ends on."""

    def __init__(self, text: str) -> None:
        self._reader = csv.reader(io.StringIO(text, newline=""), strict=True)

    @property
    def at(self) -> int:
        return self._reader.line_num

    def __iter__(self) -> Iterator[list[str]]:
        return (cells for cells in self._reader if any(cell.strip() for cell in cells))


def _text(path: Path) -> str:
    if not path.is_file():
        raise ValueError("is not a file; move it away")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"is larger than {MOST_BYTES // 1_000_000} MB; split it into directories")
    raw = path.read_bytes()
    if b"\0" in raw:
        raise ValueError("is no text; save it as 'CSV UTF-8'")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ValueError(f"is not UTF-8 (line {line}); save it as 'CSV UTF-8'") from None


def _read(found: VectorRows, lines: _Lines) -> None:
    reader = iter(lines)
    header = next(reader, None)
    if header is None:
        found.mistakes.append(Mistake(found.name, 0, "", "is empty; its first line names the columns"))
        return
    names = [cell.strip() for cell in header]
    found.mistakes += _header_mistakes(found, names)
    if found.mistakes:
        return
    seen: dict[str, int] = {}
    for cells in reader:
        line = lines.at
        row = _row(found, names, line, cells)
        if row is None:
            continue
        if row.id in seen:
            found.mistakes.append(
                Mistake(found.name, line, "id", f"{row.id!r} is the id of line {seen[row.id]} as well")
            )
        seen.setdefault(row.id, line)
        found.rows.append(row)
    if not found.rows and not found.mistakes:
        found.mistakes.append(Mistake(found.name, 0, "", "has a header and no cases; add one case a line"))


def _header_mistakes(found: VectorRows, names: list[str]) -> Iterator[Mistake]:
    wanted = ["id", *(column.name for column in found.file.columns)]
    known = [*wanted, *REMARKS]
    if len(names) == 1 and ";" in names[0]:
        yield Mistake(found.name, 1, "", "separates its columns by semicolons; use commas")
        return
    for name in wanted:
        if name not in names:
            yield Mistake(found.name, 1, name, f"is missing; this file has {', '.join(wanted)}")
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Mistake(found.name, 1, name, "stands there twice; keep one")
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else "take it out, or call it note"
            yield Mistake(found.name, 1, name or "(blank)", f"is unknown; {hint}")


def _row(found: VectorRows, names: list[str], line: int, cells: list[str]) -> Row | None:
    if len(cells) != len(names):
        found.mistakes.append(
            Mistake(
                found.name,
                line,
                "",
                f"has {len(cells)} cells where the header has {len(names)}; quote text that holds a comma",
            )
        )
        return None
    text = dict(zip(names, (cell.strip() for cell in cells), strict=True))
    if not text["id"]:
        found.mistakes.append(Mistake(found.name, line, "id", "is blank; give the case a name of its own"))
    values: dict[str, object] = {}
    good = True
    for column in found.file.columns:
        try:
            values[column.name] = _cell(text[column.name], blank=column.blank, read=column.read)
        except ValueError as error:
            found.mistakes.append(Mistake(found.name, line, column.name, str(error)))
            good = False
    return Row(text["id"], line, values) if good and text["id"] else None


def _cell(text: str, *, blank: bool, read: Callable[[str], object]) -> object:
    if text:
        return read(text)
    if not blank:
        raise ValueError("is blank; fill it in")
    return None
