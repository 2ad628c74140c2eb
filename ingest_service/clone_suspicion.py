"""Signs that two machines use the identity of one gateway: a copied card, or an image restored beside it.

Each sign alone may have a harmless cause; none of them happens to a gateway that is left alone:

* `conflict`: one number of an epoch with two contents, or a gateway that says it left an epoch for that;
* `boots`: the machine says it is in boot A, then B, then A again, which one machine cannot;
* `conn`: its count of connections went back within one epoch, though it never repeats a number;
* `taken over`: it says that another client came with its name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa

from ingest_service.ledger.port import Accepted, Outcome, Rejected, StateNote
from ingest_service.register.key_schema import CLONE_SIGNS, GATEWAY_BOOTS

COUNTS_S: Final = 7 * 86_400.0
"""A sign counts for so long [s]."""
SAME_S: Final = 600.0
"""Signs of a kind within this time are one."""
IN_A_ROW_S: Final = 2.0
"""Two intake processes may hand over what came within moments in another order."""
BOOTS_KEPT: Final = 8
LONGEST: Final = 300


class Sign(NamedTuple):
    """Something that one gateway alone would not do, at an instant [s]."""

    gateway: str
    at: float
    kind: str
    detail: str


class Suspicion(NamedTuple):
    """What speaks for a copied gateway: since when, last when, kinds and number of signs, the newest one."""

    gateway: str
    since: float
    last: float
    kinds: tuple[str, ...]
    times: int
    detail: str


class Boot(NamedTuple):
    """A boot that a gateway said it was in: its epoch and connection then, and when it was last said."""

    boot: str
    epoch: str | None
    conn: int | None
    last_at: float


def clone_suspicion(signs: Iterable[Sign], now: float) -> Suspicion | None:
    """What the signs of one gateway come to; None when none of them still counts."""
    counted = sorted((one for one in signs if now - one.at < COUNTS_S), key=lambda one: one.at)
    if not counted:
        return None
    kinds = tuple(sorted({one.kind for one in counted}))
    last = counted[-1]
    return Suspicion(last.gateway, counted[0].at, last.at, kinds, len(counted), last.detail)


def sign_of(note: StateNote, known: Sequence[Boot]) -> Sign | None:
    """What an `online` means beside the boots that are known of the gateway, if anything."""
    if note.state != "online" or note.boot is None or not known:
        return None
    newest = max(known, key=lambda one: one.last_at)
    if note.boot == newest.boot or note.at - newest.last_at < IN_A_ROW_S:
        went_back = note.boot == newest.boot and _back(note, newest)
    elif any(one.boot == note.boot for one in known):
        detail = f"boot {note.boot} is back after boot {newest.boot}"
        return Sign(note.gateway, note.at, "boots", detail)
    else:
        went_back = _back(note, newest)
    if not went_back:
        return None
    detail = f"connection {note.conn} after connection {newest.conn}"
    return Sign(note.gateway, note.at, "conn", detail)


def signs_in(entries: Iterable[Accepted | Rejected | None], outcomes: Iterable[Outcome]) -> list[Sign]:
    """What a group of payloads says: conflicts, and gateways that report another one."""
    found: list[Sign] = []
    for entry, outcome in zip(entries, outcomes, strict=True):
        if entry is None:
            continue
        at = entry.received_at
        if outcome.verdict == "conflict":
            detail = f"batch {outcome.seq} of epoch {outcome.epoch} came with two contents"
            found.append(Sign(outcome.gateway, at, "conflict", detail))
        elif outcome.verdict == "new" and isinstance(entry, Accepted):
            for word in entry.words:
                if word.kind == "clone":
                    kind = "taken over" if "another client" in word.text else "conflict"
                    found.append(Sign(entry.gateway, at, kind, word.text))
    return found


def suspicions(engine: sa.Engine, now: float) -> dict[str, Suspicion]:
    """Every gateway that is suspected of having a double, by its id."""
    table = CLONE_SIGNS
    query = sa.select(table.c.gateway, table.c.at, table.c.kind, table.c.detail).where(
        table.c.at > now - COUNTS_S
    )
    by_gateway: defaultdict[str, list[Sign]] = defaultdict(list)
    with engine.connect() as connection:
        for row in connection.execute(query):
            by_gateway[row.gateway].append(Sign(*row))
    found = {gateway: clone_suspicion(signs, now) for gateway, signs in by_gateway.items()}
    return {gateway: one for gateway, one in found.items() if one is not None}


def keep(connection: sa.Connection, notes: Iterable[StateNote], signs: Iterable[Sign]) -> int:
    """Write down what was heard, inside a transaction; answers how many signs were new."""
    added = 0
    for note in notes:
        if note.state != "online" or note.boot is None:
            continue
        known = _boots(connection, note.gateway)
        sign = sign_of(note, known)
        if sign is not None:
            added += _add(connection, sign)
        _remember(connection, note, known)
    return added + sum(_add(connection, sign) for sign in signs)


def _back(note: StateNote, newest: Boot) -> bool:
    counted = note.conn is not None and newest.conn is not None
    return counted and note.epoch == newest.epoch and (note.conn or 0) < (newest.conn or 0)


def _boots(connection: sa.Connection, gateway: str) -> list[Boot]:
    table = GATEWAY_BOOTS
    query = sa.select(table.c.boot, table.c.epoch, table.c.conn, table.c.last_at).where(
        table.c.gateway == gateway
    )
    return [Boot(*row) for row in connection.execute(query)]


def _remember(connection: sa.Connection, note: StateNote, known: Sequence[Boot]) -> None:
    table = GATEWAY_BOOTS
    own = sa.and_(table.c.gateway == note.gateway, table.c.boot == note.boot)
    values = {"epoch": note.epoch, "conn": note.conn, "last_at": note.at}
    if any(one.boot == note.boot for one in known):
        connection.execute(sa.update(table).where(own).values(**values))
        return
    connection.execute(sa.insert(table).values(gateway=note.gateway, boot=note.boot, **values))
    for old in sorted(known, key=lambda one: one.last_at, reverse=True)[BOOTS_KEPT - 1 :]:
        connection.execute(sa.delete(table).where(table.c.gateway == note.gateway, table.c.boot == old.boot))


def _add(connection: sa.Connection, sign: Sign) -> int:
    """Whether it was new: a fault that lasts is one sign every ten minutes."""
    table = CLONE_SIGNS
    again = sa.select(sa.func.max(table.c.at)).where(
        table.c.gateway == sign.gateway, table.c.kind == sign.kind, table.c.at > sign.at - SAME_S
    )
    if connection.execute(again).scalar() is not None:
        return 0
    connection.execute(sa.insert(table).values(**sign._replace(detail=sign.detail[:LONGEST])._asdict()))
    return 1
