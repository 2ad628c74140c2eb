"""A mistake in a rule pack: where it stands and the way out. All of them are reported at once."""

from collections.abc import Sequence
from typing import NamedTuple


class Mistake(NamedTuple):
    """One mistake in a pack: `rule` is empty where the whole file is meant."""

    file: str
    rule: str
    key: str
    problem: str
    way_out: str

    def __str__(self) -> str:
        place = f"{self.file}: rule {self.rule}" if self.rule else self.file
        return f"{place}: {self.key}: {self.problem}. {self.way_out}"


class PackError(Exception):
    """Packs that cannot be used; ``mistakes`` holds every reason."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        heading = f"{count} mistake{'s' if count != 1 else ''} in the rule packs:"
        super().__init__("\n  ".join([heading, *map(str, self.mistakes)]))
