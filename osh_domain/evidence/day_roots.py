"""One line a day that speaks for every row of the ledger, signed by the server and published.

The line names the line before it, so the lines of all days are one chain: whoever keeps yesterday's notices
a ledger that was written anew. A root covers the rows that were added since the root before, whatever the
clock did.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from osh_domain.acknowledgement import hear, speak
from osh_domain.batch import text_hash
from osh_domain.signing import Signer, Verifier
from osh_domain.wire_error import WireError

VERSION: Final = 1
NO_LINE: Final = "0" * 43
"""What stands in `before` of the first line."""

_HEX64: Final = re.compile(r"[0-9a-f]{64}")
_HASH: Final = re.compile(r"[A-Za-z0-9_-]{43}|0{43}")


@dataclass(frozen=True, slots=True)
class DayRoot:
    """Rows `first` to `last` (none when `last` is before `first`), the Merkle root over their row hashes and
    the hash of the last one. `day` is the UTC day it was made for, `at` when [s]; `before`: hash of the line
    before."""

    day: str
    first: int
    last: int
    root: str
    head: str
    before: str
    at: float

    def word(self, signer: Signer) -> bytes:
        """The published bytes: JSON, LF, the server's signature over the JSON."""
        return speak(
            {
                "v": VERSION,
                "kind": "osh-day-root",
                "day": self.day,
                "first": self.first,
                "last": self.last,
                "root": self.root,
                "head": self.head,
                "before": self.before,
                "at": self.at,
            },
            signer,
        )


def line_hash(word: bytes) -> str:
    """The name of a line: the hash of its JSON, without the signature."""
    return text_hash(word.partition(b"\n")[0])


def read_day_root(word: bytes, public_key: bytes, verify: Verifier) -> DayRoot:
    """Read a published line; WireError (sig, json, version) when it is not one of this server."""
    said = hear(word, public_key, verify)
    if said.get("v") != VERSION or said.get("kind") != "osh-day-root":
        raise WireError("version", f"this is no day root of version {VERSION}")
    return DayRoot(
        day=_day(said),
        first=_whole(said, "first"),
        last=_whole(said, "last"),
        root=_text(said, "root", _HEX64),
        head=_text(said, "head", _HEX64),
        before=_text(said, "before", _HASH),
        at=_seconds(said),
    )


def _day(said: dict[str, object]) -> str:
    value = said.get("day")
    try:
        return date.fromisoformat(value if isinstance(value, str) else "").isoformat()
    except ValueError:
        raise WireError("json", f"day root: {value!r} is no day") from None


def _whole(said: dict[str, object], key: str) -> int:
    value = said.get(key)
    if type(value) is not int or value < 0:
        raise WireError("json", f"day root: {key} is no row number")
    return value


def _text(said: dict[str, object], key: str, form: re.Pattern[str]) -> str:
    value = said.get(key)
    if not isinstance(value, str) or form.fullmatch(value) is None:
        raise WireError("json", f"day root: {key} is missing or not of the form {form.pattern}")
    return value


def _seconds(said: dict[str, object]) -> float:
    value = said.get("at")
    if type(value) not in (int, float):
        raise WireError("json", "day root: at is no time")
    return float(value)  # type: ignore[arg-type]
