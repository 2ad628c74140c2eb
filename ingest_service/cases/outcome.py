"""What one look of the judge leads to, before any of it is written."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from alert_rules.alerts import CaseChange
from ingest_service.cases.rulebook import Judged, Piece
from ingest_service.register.entries import Site, Zone


class LatePiece(NamedTuple):
    """A stretch of a rule in a zone of which something came, or changed, too late to be told live."""

    judged: Judged
    site: Site
    zone: Zone
    piece: Piece


@dataclass(slots=True)
class Outcome:
    """What one look leads to, to be written in one transaction. `taken_away`: verdicts on what is gone."""

    judgements: list[tuple[str, str, int, str]] = field(default_factory=list)
    taken_away: list[tuple[str, str, int]] = field(default_factory=list)
    zones: set[str] = field(default_factory=set)
    changes: list[tuple[CaseChange, dict[str, Any]]] = field(default_factory=list)
    late: dict[tuple[str, str, int], LatePiece] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.judgements or self.taken_away or self.zones)
