"""JSON as the wire protocol wants it: UTF-8, no duplicate keys, no NaN or Infinity, no depth that crashes.

Nor half a character: an escape like ``\\ud800`` alone is text for Python, but no UTF-8 and no database can
hold it.

Python's own reader accepts duplicate keys and ``NaN``; a hook for every object would double its cost. Here
the text is read without a hook first and its colons are counted: every key needs one, so when there are
exactly as many colons as keys that survived, no key was lost. Only a text that fails this test is read again
with the hook.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Final

from osh_domain.wire_error import WireError

MOST_NESTED: Final = 64
"""Levels in an object that is kept and read again: what reads it may stand deeper in its own calls."""


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key[:60]!r} stands twice in one object")
            seen.add(key)
    return found


_FAST: Final = json.JSONDecoder(parse_constant=_refuse_constant)
_CAREFUL: Final = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_unique)
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _decode(decoder: json.JSONDecoder, text: str) -> object:
    try:
        value: object = decoder.decode(text)
    except json.JSONDecodeError as error:
        raise WireError("json", f"not JSON: {error.msg} at character {error.pos}", rule="R1") from None
    except RecursionError:
        raise WireError("json", "nested far too deep", rule="R1") from None
    except ValueError as error:  # NaN, a duplicate key, or an integer of thousands of digits
        raise WireError("json", f"not JSON as agreed: {str(error)[:160]}", rule="R12") from None
    return value


def read_objects(data: bytes) -> object:
    """The value of ``data``; raises ``WireError`` (json).

    Fast for an object, or an array of objects, without anything nested in it. Numbers too large for a double
    come out as infinite floats: whoever uses a number checks it with ``finite``.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise WireError("json", f"not UTF-8 at byte {error.start}", rule="R1") from None
    value = _decode(_FAST, text)
    if _flat_keys(value) != text.count(":"):
        value = _decode(_CAREFUL, text)
    if "\\u" in text:
        _refuse_half_characters(value)
    return value


def _refuse_half_characters(value: object) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise WireError("json", "an escape stands for half a character", rule="R1") from None
    except RecursionError:
        raise WireError("json", "nested far too deep", rule="R1") from None


def _flat_keys(value: object) -> int:
    if type(value) is dict:
        return len(value)
    if type(value) is list:
        return sum([len(item) for item in value if type(item) is dict])
    return 0


def read_object(data: bytes) -> dict[str, object]:
    """One JSON object; raises ``WireError`` (json) for anything else, for a number no double can hold, and
    for one nested too deep."""
    value = read_objects(data)
    if not isinstance(value, dict):
        raise WireError("json", "not a JSON object")
    if not all(_finite_all(value)):
        raise WireError("json", "a number is too large for a double", rule="R12")
    return value


def _finite_all(value: object, depth: int = 0) -> Iterator[bool]:
    if isinstance(value, dict | list):
        if depth > MOST_NESTED:
            raise WireError("json", f"nested more than {MOST_NESTED} levels deep", rule="R1")
        for item in value.values() if isinstance(value, dict) else value:
            yield from _finite_all(item, depth + 1)
    else:
        yield not isinstance(value, int | float) or finite(value)


def finite(value: float) -> bool:
    """Whether a number, integers of any length included, fits a double."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def write(value: object) -> bytes:
    """Compact JSON in UTF-8, keys in the order given. ``ValueError`` for NaN and infinity."""
    return _ENCODER.encode(value).encode("utf-8")
