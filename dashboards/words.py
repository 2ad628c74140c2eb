"""Texts of dashboards in the reader's language; English is the text in the code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

Say = Callable[[str], str]

ENGLISH: Final = "en"

HEADER: Final = (
    'msgid ""\nmsgstr ""\n"Project-Id-Version: oshwatch dashboards\\n"\n'
    '"Content-Type: text/plain; charset=UTF-8\\n"\n'
)


def saying(texts: Mapping[str, str]) -> Say:
    """Says a text by a catalogue; in English where it has no translation."""
    return lambda text: texts.get(text) or text


class Recorder:
    """Says English and remembers every text, in the order met: what a catalogue has to hold."""

    def __init__(self) -> None:
        self.texts: dict[str, None] = {}

    def __call__(self, text: str) -> str:
        self.texts[text] = None
        return text


def template(recorded: Recorder) -> str:
    """The template of all catalogues of the dashboards (.pot)."""
    return HEADER + "".join(f'\nmsgid {_quoted(text)}\nmsgstr ""\n' for text in sorted(recorded.texts))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
