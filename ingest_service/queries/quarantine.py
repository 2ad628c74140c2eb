"""What failed a check and was kept: the list, and one entry with its bytes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ingest_service.auth.access import Action
from ingest_service.ledger.port import QuarantineEntry
from ingest_service.queries.records import (
    QuarantineEvent,
    QuarantineItem,
    QuarantineLine,
    QuarantineList,
)
from ingest_service.queries.view import NotHere, View
from ingest_service.set_aside import PROJECTION

PAGE: Final = 100
SHOWN_BYTES: Final = 4096
CODES: Final = (
    "size", "frame", "json", "senml", "version", "sig", "key", "topic", "conflict", "fault", PROJECTION
)  # fmt: skip
_WIDTH: Final = 16


def quarantine(view: View, code: str = "", before: int | None = None, gateway: str = "") -> QuarantineList:
    """The newest entries of the person's sites, one page of them."""
    found = view.ledger.quarantine(
        sites=_sites(view), gateway=gateway or None, code=code or None, before=before, limit=PAGE
    )
    mine = sites_for(view, Action.REPLAY_QUARANTINE)
    return QuarantineList(
        now=view.now,
        lines=tuple(_line(entry) for entry in found),
        codes=CODES,
        code=code,
        older=found[-1].id if len(found) == PAGE else None,
        gateway=gateway,
        may_replay=mine is None or len(mine) > 0,
    )


def item(view: View, entry_id: int) -> QuarantineItem:
    """One entry, with the beginning of its bytes as text and as hexadecimal. Raises NotHere."""
    entry = view.ledger.quarantined(entry_id)
    sites = _sites(view)
    if entry is None or (sites is not None and entry.site not in sites):
        raise NotHere(f"There is no entry {entry_id} in the quarantine here.")
    payload = view.ledger.quarantined_payload(entry_id)
    shown = payload[:SHOWN_BYTES]
    return QuarantineItem(
        now=view.now,
        line=_line(entry),
        payload_hash=entry.payload_hash,
        text=_printable(shown),
        hex=_hex(shown),
        shown=len(shown),
        events=tuple(
            QuarantineEvent(at=event.at, who=event.who, action=event.action, text=event.text)
            for event in view.ledger.quarantine_events(entry_id)
        ),
        may_replay=view.may(Action.REPLAY_QUARANTINE, _scope(view, entry)),
    )


def sites_for(view: View, action: Action) -> Collection[str] | None:
    """The sites whose entries this is about; None, which is all and also the unknown, for one who may do it
    everywhere."""
    if view.may(action, ""):
        return None
    return {site.id for site in view.sites(action)}


def _sites(view: View) -> Collection[str] | None:
    return sites_for(view, Action.READ_QUARANTINE)


def _scope(view: View, entry: QuarantineEntry) -> str:
    site = view.register.site(entry.site)
    return site.scope if site else ""


def _line(entry: QuarantineEntry) -> QuarantineLine:
    return QuarantineLine(
        id=entry.id,
        received_at=entry.received_at,
        last_at=entry.last_at,
        times=entry.times,
        source=entry.source,
        topic=entry.topic or "",
        site=entry.site,
        gateway=entry.gateway,
        known=bool(entry.known),
        code=entry.code,
        detail=entry.detail,
        size=entry.size,
        settled=bool(entry.settled),
    )


def _printable(data: bytes) -> str:
    """The bytes as text, with a middle dot for everything that is no plain letter, sign or line end."""
    text = data.decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() or sign == "\n" else "·" for sign in text)


def _hex(data: bytes) -> str:
    lines = []
    for first in range(0, len(data), _WIDTH):
        part = data[first : first + _WIDTH]
        signs = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{first:06x}  {part.hex(' '):<{_WIDTH * 3}} {signs}")
    return "\n".join(lines)
