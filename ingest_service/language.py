"""Words in the reader's language: gettext catalogues, with English where a catalogue has no word yet.

Catalogues are `locale/<language>/oshwatch.po`, read once. Every text a person reads goes through a
`Translator`, so that a new language is one file; `python -m ingest_service.locale` collects the texts.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path
from typing import Final

LOCALE: Final = Path(__file__).parent / "locale"

LANGUAGES: Final = {"en": "English", "fr": "Français"}
"""The languages a person may choose, each by its own name."""

RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ps", "ur"})
_COMMA: Final = frozenset({"fr", "es", "id", "vi", "uz", "de", "pt"})
_NARROW_SPACE: Final = "\u202f"


class CatalogueError(ValueError):
    """A catalogue that cannot be read; the message gives file and line."""


class Translator:
    """Says a text in one language. Call it with the English text and the values to put in.

    >>> english = translator("en")
    >>> english("%(count)s zones", count=3)
    '3 zones'
    """

    def __init__(self, language: str, texts: dict[str, str], plurals: dict[str, tuple[str, ...]]) -> None:
        self.language = language
        self.direction = "rtl" if language.partition("-")[0] in RIGHT_TO_LEFT else "ltr"
        self._texts = texts
        self._plurals = plurals

    def __call__(self, message: str, **values: object) -> str:
        text = self._texts.get(message) or message
        return text % values if values else text

    def count(self, singular: str, plural: str, number: float, **values: object) -> str:
        """The form of a text for a number, which is put in as `%(n)s`."""
        # French takes the singular for 0 as well; the languages here have two forms at most.
        one = number == 1 or (self.language == "fr" and number == 0)
        known = self._plurals.get(singular)
        forms = known if known and all(known) else (singular, plural)
        return forms[0 if one else len(forms) - 1] % {"n": self.number(number), **values}

    def number(self, value: float, decimals: int = 0) -> str:
        """A number for the eye: rounded, grouped by thousands, in the language's own signs."""
        text = f"{value:,.{decimals}f}"
        if text.startswith("-") and not text.strip("-0.,"):
            text = text[1:]
        if self.language.partition("-")[0] in _COMMA:
            return text.replace(",", _NARROW_SPACE).replace(".", ",")
        return text


def translator(language: str) -> Translator:
    """The translator for a language tag; falls back to the tag's language, then to English."""
    for tag in (language.lower(), language.lower().partition("-")[0]):
        if tag in LANGUAGES:
            return _load(tag)
    return _load("en")


@lru_cache(maxsize=32)
def _load(tag: str) -> Translator:
    path = LOCALE / tag / "oshwatch.po"
    if not path.is_file():
        return Translator(tag, {}, {})
    texts, plurals = read_catalogue(path)
    return Translator(tag, texts, plurals)


def read_catalogue(path: Path) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
    """Read a .po file: translations by text, and forms by the singular text. Fuzzy entries count.

    Raises CatalogueError.
    """
    texts: dict[str, str] = {}
    plurals: dict[str, tuple[str, ...]] = {}
    for entry in _entries(path):
        source = entry.get("msgid", "")
        if not source:
            continue
        if "msgid_plural" in entry:
            forms = (value for key, value in sorted(entry.items()) if key.startswith("msgstr["))
            plurals[source] = tuple(forms)
        else:
            texts[source] = entry.get("msgstr", "")
    return texts, plurals


def _entries(path: Path) -> list[dict[str, str]]:
    entries: list[dict[str, str]] = [{}]
    key = ""
    for number, raw in enumerate(path.read_text("utf-8").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if not line.startswith('"'):
            key, _, line = line.partition(" ")
            if key == "msgid":
                entries.append({})
        try:
            piece = ast.literal_eval(line)
        except (ValueError, SyntaxError):
            raise CatalogueError(f"{path}, line {number}: not a quoted text: {line}") from None
        entries[-1][key] = entries[-1].get(key, "") + piece
    return entries
