"""Where every rule of a zone stands, in memory, and how that is stored: one row of plain JSON a zone."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from alert_rules.alerts import CaseChange, Standing
from alert_rules.engine import Change, Phase, Transition
from alert_rules.track import Track, pack, unpack
from ingest_service.cases.rulebook import Raised

ROW: Final = "exposures"
"""The name of a zone's row in the table of rule states."""


class ZoneStanding:
    """The tracks of a zone's rules, and what has to be known of those that are raised."""

    __slots__ = ("raised", "tracks")

    def __init__(
        self, tracks: dict[str, Track] | None = None, raised: dict[str, Raised] | None = None
    ) -> None:
        self.tracks: dict[str, Track] = tracks if tracks is not None else {}
        self.raised: dict[str, Raised] = raised if raised is not None else {}

    @property
    def judged_to(self) -> int:
        """The newest minute that any rule judged live."""
        return max((track.state.minute for track in self.tracks.values()), default=-1)

    def unquiet(self) -> Iterator[str]:
        """The rules that are pending or raised."""
        for rule, track in self.tracks.items():
            if track.state.phase is not Phase.QUIET:
                yield rule

    def change(self, rule: str, known: Raised, transition: Transition) -> CaseChange | None:
        """What a rule's transition does to the case that it shares with others of its hazard."""
        if transition.change not in (Change.RAISED, Change.AGAIN, Change.CLEARED):
            return None
        group = (known.hazard, known.agent)
        same = {name: one.severity for name, one in self.raised.items() if (one.hazard, one.agent) == group}
        if transition.change is Change.CLEARED:
            # Its severity may have changed with its pack; what it was raised with counts.
            self.raised.pop(rule, None)
            same.setdefault(rule, known.severity)
        elif transition.change is Change.RAISED:
            self.raised[rule] = known
        return Standing(same).take(rule, known.severity, transition)

    def stored(self) -> dict[str, Any]:
        """The standing as plain JSON."""
        return {
            "tracks": {rule: pack(track) for rule, track in self.tracks.items()},
            "raised": {rule: list(known) for rule, known in self.raised.items()},
        }


def read(raw: Mapping[str, Any] | str) -> ZoneStanding:
    """A stored standing."""
    state: Mapping[str, Any] = json.loads(raw) if isinstance(raw, str) else raw
    return ZoneStanding(
        {rule: unpack(track) for rule, track in state["tracks"].items()},
        {rule: Raised(*known) for rule, known in state["raised"].items()},
    )
