"""Hold a directory of vector files against the implementation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from osh_domain.exposure.outdoor_wbgt import KernelMissingError
from oshwatch.science.reading import Mistake, VectorRows, read_vectors, vector_files
from oshwatch.science.rows import Difference, Row, RowMistake, VectorFile


@dataclass(frozen=True, slots=True)
class FileResult:
    """One file: rows that hold, rows that do not, and each difference."""

    file: str
    passed: int
    failed: int
    differences: tuple[Difference, ...]


@dataclass(slots=True)
class Outcome:
    """What a check found. With mistakes the input was unusable and no verdict stands."""

    files: list[FileResult] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """Rows that do not hold."""
        return sum(one.failed for one in self.files)

    @property
    def exit_code(self) -> int:
        """0: every row holds; 1: some do not; 2: the input cannot be used."""
        return 2 if self.mistakes else int(self.failed > 0)


def check_row(file: VectorFile, row: Row) -> list[Difference]:
    """Return where a row does not hold; RowMistake when its cells do not go together."""
    return list(row.differences(file.checks(row)))


def check_directory(directory: Path, *, told: Callable[[int, int], None] | None = None) -> Outcome:
    """Check every file of a directory; `told(done, all rows)` is called after each row."""
    outcome = Outcome()
    paths, outcome.mistakes = vector_files(directory)
    read = [read_vectors(path) for path in paths]
    for one in read:
        outcome.mistakes += one.mistakes
    total = sum(len(one.rows) for one in read)
    done = 0
    for one in read:
        outcome.files.append(_check_file(one, outcome.mistakes, lambda at: told and told(at, total), done))
        done += len(one.rows)
    return outcome


def _check_file(
    found: VectorRows, mistakes: list[Mistake], told: Callable[[int], object], done: int
) -> FileResult:
    differences: list[Difference] = []
    failed = 0
    for at, row in enumerate(found.rows, start=1):
        try:
            wrong = check_row(found.file, row)
        except RowMistake as error:
            mistakes.append(Mistake(found.name, row.line, error.column, str(error)))
            wrong = []
        except KernelMissingError as error:
            mistakes.append(Mistake(found.name, row.line, "", str(error)))
            break
        differences += wrong
        failed += bool(wrong)
        told(done + at)
    return FileResult(found.name, len(found.rows) - failed, failed, tuple(differences))
