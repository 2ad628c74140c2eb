"""How every process tells what is wrong with its settings: all mistakes at once, each with a way out."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple


class SettingsMistake(NamedTuple):
    """One mistake: where it stands (a file or ``environment``), the key, what is wrong, what to do."""

    where: str
    key: str
    problem: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.where}: {self.key}: {self.problem}. {self.way_out}"


class SettingsError(Exception):
    """The settings cannot be used; ``mistakes`` holds every reason, in the order of the file."""

    def __init__(self, mistakes: Sequence[SettingsMistake]) -> None:
        self.mistakes = tuple(mistakes)
        count = len(self.mistakes)
        heading = f"{count} mistake{'s' if count != 1 else ''} in the settings:"
        super().__init__("\n  ".join([heading, *map(str, self.mistakes)]))


def unknown_key(where: str, key: str, known: Iterable[str]) -> SettingsMistake:
    """The mistake for a key nobody reads, naming the nearest one that is read."""
    near = get_close_matches(key, list(known), n=1)
    hint = f"Did you mean {near[0]}?" if near else "Remove it, or see the sample file for the keys there are."
    return SettingsMistake(where, key, "unknown key", hint)
