"""What a check of a bundle found, and what it comes to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How bad it is. BROKEN: changed, or not what it says; REVOKED: its key was ended, and somebody else may
    have made it; MISSING: it did not arrive; UNSIGNED: nobody vouches for it; UNCERTAIN: it stands, but says
    less than it seems to."""

    BROKEN = "broken"
    REVOKED = "revoked"
    MISSING = "missing"
    UNSIGNED = "unsigned"
    UNCERTAIN = "uncertain"


VERDICTS = {
    Level.BROKEN: "BROKEN: this is not what was received, or not all of it is what it says.",
    Level.REVOKED: "DOUBTFUL: some of it was signed by a key that may have been in other hands.",
    Level.MISSING: "INCOMPLETE: what is here is unchanged, but something is missing.",
    Level.UNSIGNED: "UNCHANGED since it was received; some of it was signed by no gateway.",
    Level.UNCERTAIN: "UNCHANGED and complete; some of it is uncertain.",
}
WHOLE = "WHOLE: unchanged, complete, signed, in order."


class Finding(NamedTuple):
    """One thing that was found: in which file or about whom, and what."""

    level: Level
    where: str
    what: str


@dataclass
class Report:
    """What was checked and found. `clocks`: batches by the quality of their time; `clock_hours`: hours of
    single gateways, each by the worst clock in it; `calibrations`: channel and what the configuration says;
    `calibration_states`: readings of each channel by the state of its calibration at their time.
    `missing_numbers`, `chain_breaks`, `bad_signatures`: how many batches."""

    site: str = ""
    start: float = 0.0
    end: float = 0.0
    made_at: float = 0.0
    server_key: str = ""
    earlier_server_keys: list[str] = field(default_factory=list)
    batches: int = 0
    signed: int = 0
    rows: int = 0
    days: int = 0
    missing_numbers: int = 0
    chain_breaks: int = 0
    bad_signatures: int = 0
    keys: int = 0
    findings: list[Finding] = field(default_factory=list)
    clocks: Counter[str] = field(default_factory=Counter)
    clock_hours: dict[str, int] = field(default_factory=dict)
    calibrations: dict[str, str] = field(default_factory=dict)
    calibration_states: dict[str, dict[str, int]] = field(default_factory=dict)

    def note(self, level: Level, where: str, what: str) -> None:
        self.findings.append(Finding(level, where, what))

    def of(self, level: Level) -> list[Finding]:
        return [one for one in self.findings if one.level is level]

    @property
    def verdict(self) -> str:
        return next((VERDICTS[level] for level in Level if self.of(level)), WHOLE)

    @property
    def broken(self) -> bool:
        return bool(self.of(Level.BROKEN))
