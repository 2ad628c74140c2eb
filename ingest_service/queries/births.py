"""What a gateway says of itself when it connects (its birth), as pages read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from ingest_service.ledger.port import GatewayStatus

# Of a birth, what the page says elsewhere or nobody reads.
_NOT_SHOWN: Final = frozenset({"v", "t", "mono", "gw", "site", "oldest", "next_seq"})


def birth_of(status: GatewayStatus | None) -> dict[str, Any]:
    """The newest birth; empty where there is none, or none that can be read."""
    if status is None or not status.birth:
        return {}
    try:
        found = json.loads(status.birth)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def said(birth: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a gateway says of itself, one level deep; lists (its channels) stand elsewhere."""
    for key, value in birth.items():
        if isinstance(value, dict):
            yield from (
                (inner, shown(one)) for inner, one in value.items() if not isinstance(one, dict | list)
            )
        elif key not in _NOT_SHOWN and not isinstance(value, list):
            yield key, shown(value)


def version(birth: dict[str, Any]) -> str:
    """Of the gateway's program."""
    software = birth.get("sw")
    return shown(software.get("agent") if isinstance(software, dict) else birth.get("version"))


def shown(value: object) -> str:
    """A fact as text; none is an empty one."""
    return "" if value is None else str(value)
