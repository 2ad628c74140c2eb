"""The quarantine in bulk: after the cause of many refusals was mended, all of them at once.

The same deeds as for one entry, each entry with its own event that says who and why. What was taken in is
still held on the gateways, until they are asked to send it again: `Replayed.holes` is what to ask for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from ingest_service.intake import Intake
from ingest_service.ledger.port import Ledger, NewEvent, Outcome, QuarantineEntry
from ingest_service.quarantine import LONGEST_TEXT, QuarantineError, arrival_of, event_of
from ingest_service.resending import Hole
from ingest_service.set_aside import ORDERED, PROJECTION

Deed = Literal["replay", "note", "close"]
PAGE: Final = 1000
AT_ONCE: Final = 50
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries that nobody settled yet; each condition only where it is given.

    ``sites`` None: of all, strangers included. ``since``, ``until``: first arrival [s], until not included.
    ``numbers``: just these entries, settled or not.
    """

    sites: Collection[str] | None = None
    gateway: str | None = None
    code: str | None = None
    since: float | None = None
    until: float | None = None
    numbers: frozenset[int] = frozenset()

    def narrow(self) -> bool:
        """Whether anything but the sites was asked for: all of a quarantine is asked for in so many words."""
        return bool(self.gateway or self.code or self.since or self.until or self.numbers)

    def fits(self, entry: QuarantineEntry) -> bool:
        return (
            (entry.id in self.numbers if self.numbers else not entry.settled)
            and (self.since is None or entry.received_at >= self.since)
            and (self.until is None or entry.received_at < self.until)
        )


class Counted(NamedTuple):
    """What a deed would touch. ``remarks`` speak of batches in the ledger, so they cannot be replayed, unless
    the projector failed on them."""

    entries: int
    replayable: int
    remarks: int
    gateways: tuple[str, ...]
    codes: dict[str, int]
    oldest: float | None
    newest: float | None


@dataclass(slots=True)
class Replayed:
    """What became of the payloads; ``refused``: by code, how many are refused still; ``ordered``: rows that
    the projector was told to try again."""

    taken: int = 0
    ordered: int = 0
    known_already: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    holes: list[Hole] = field(default_factory=list)


def find(ledger: Ledger, wanted: Wanted) -> list[QuarantineEntry]:
    """The entries, oldest first, so that chains are taken in as they were made."""
    found: list[QuarantineEntry] = []
    before: int | None = None
    while True:
        page = ledger.quarantine(
            sites=wanted.sites,
            gateway=wanted.gateway or None,
            code=wanted.code or None,
            before=before,
            limit=PAGE,
        )
        found += [entry for entry in page if wanted.fits(entry)]
        if len(page) < PAGE:
            return found[::-1]
        before = page[-1].id


def count(entries: Sequence[QuarantineEntry]) -> Counted:
    """The dry run."""
    remarks = sum(one.ledger_row is not None and one.code != PROJECTION for one in entries)
    times = [one.received_at for one in entries]
    return Counted(
        entries=len(entries),
        replayable=len(entries) - remarks,
        remarks=remarks,
        gateways=tuple(sorted({one.gateway for one in entries if one.gateway})),
        codes=dict(Counter(one.code for one in entries)),
        oldest=min(times, default=None),
        newest=max(times, default=None),
    )


def replay(
    ledger: Ledger,
    intake: Intake,
    entries: Sequence[QuarantineEntry],
    *,
    who: str,
    why: str,
    now: Callable[[], float],
    progress: Progress = lambda *_: None,
) -> Replayed:
    """Send the payloads through every check again. Raises QuarantineError, LedgerError.

    Broken off it may be done again: what was taken in is settled, or is found to be in the ledger already.
    """
    why = checked(why)
    done = Replayed()
    payloads = [one for one in entries if one.ledger_row is None]
    orders = [one for one in entries if one.code == PROJECTION]
    for part in _parts(orders):
        text = f"the projector tries it again; {why}"
        ledger.note_events([NewEvent(one.id, now(), who, ORDERED, text) for one in part])
        done.ordered += len(part)
    taken: list[Outcome] = []
    tried = 0
    for part in _parts(payloads):
        moment = now()
        outcomes = intake.take([arrival_of(one, ledger.quarantined_payload(one.id)) for one in part], moment)
        told = [event_of(outcome) for outcome in outcomes]
        ledger.note_events([
            NewEvent(entry.id, moment, who, action, f"{text}; {why}")
            for entry, (action, text) in zip(part, told, strict=True)
        ])  # fmt: skip
        for outcome, (action, _) in zip(outcomes, told, strict=True):
            if action == "replayed":
                done.taken += outcome.verdict == "new"
                done.known_already += outcome.verdict == "duplicate"
                taken.append(outcome)
            else:
                done.refused[outcome.code or outcome.verdict] += 1
        tried += len(part)
        progress(tried, len(payloads))
    done.holes = list(holes_of(taken))
    return done


def annotate(
    ledger: Ledger,
    entries: Sequence[QuarantineEntry],
    deed: Literal["note", "close"],
    *,
    who: str,
    text: str,
    now: float,
    progress: Progress = lambda *_: None,
) -> int:
    """The same note beside each, or the same reason why nothing more is to be done; how many there were."""
    text = checked(text)
    action = "note" if deed == "note" else "closed"
    number = 0
    for part in _parts(entries):
        ledger.note_events([NewEvent(one.id, now, who, action, text) for one in part])
        number += len(part)
        progress(number, len(entries))
    return number


def _parts(entries: Sequence[QuarantineEntry]) -> Iterator[Sequence[QuarantineEntry]]:
    return (entries[first : first + AT_ONCE] for first in range(0, len(entries), AT_ONCE))


def checked(text: str) -> str:
    """What a person has to say, without which nothing is done in bulk. Raises QuarantineError."""
    text = text.strip()
    if not text:
        raise QuarantineError("Say why: what was mended, or why nothing more is to be done.")
    if len(text) > LONGEST_TEXT - 200:  # an outcome stands before it
        raise QuarantineError(f"This is longer than {LONGEST_TEXT - 200} characters. Shorten it.")
    return text


def holes_of(taken: Sequence[Outcome]) -> Iterator[Hole]:
    """What the gateways hold of it, as ranges to ask for."""
    sealed = sorted({
        (one.site, one.gateway, one.epoch, one.seq)
        for one in taken
        if one.site and one.gateway and one.epoch is not None and one.seq is not None
    })  # fmt: skip
    first: Hole | None = None
    for site, gateway, epoch, seq in sealed:
        if first is not None and first[:3] == (site, gateway, epoch) and seq == first.last + 1:
            first = first._replace(last=seq)
            continue
        if first is not None:
            yield first
        first = Hole(site, gateway, epoch, seq, seq)
    if first is not None:
        yield first
