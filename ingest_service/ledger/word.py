"""What a sealed batch may say to intake."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Word(NamedTuple):
    """``key``: the gateway introduces another key (its raw bytes in hex); ``clone``: it says that somebody
    else uses its identity (in its words)."""

    kind: Literal["key", "clone"]
    text: str
