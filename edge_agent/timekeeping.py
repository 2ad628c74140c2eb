"""What time the gateway takes it to be, and why it believes so.

wall time = boot time + `off`. The offset comes from the kernel while that is synchronised, else from the
server's signed answer of this boot, else from whatever is left; `clk` and `err` say which and how good.
"""

from __future__ import annotations

from typing import NamedTuple

from edge_agent.clock import Clock
from edge_agent.tls import Moment

DRIFT = 100e-6  # s per s that an uncorrected crystal may run off
STEP_S = 0.05  # a batch keeps one offset; beyond this change a new one begins
WRITTEN = 1_767_225_600.0  # 2026-01-01: this program is not older
BRACKET_S = 0.002
BRACKET_TRIES = 5


class Anchor(NamedTuple):
    """At boot time `mono` it was `utc`, wrong by at most `err` s, as told by `source`."""

    mono: float
    utc: float
    err: float
    source: str


class TimeState(NamedTuple):
    """The offset in force, with the words of the batch header for where it comes from."""

    off: float
    clk: str
    err: float | None


class Timekeeper:
    """Joins the machine's clock with the anchors of this boot.

    `not_before` is the last wall time the gateway wrote down: a machine that wakes in 1970 starts from there.
    The state is replaced whole on each `look()`, so other threads may read `wall()` at any time.
    """

    def __init__(self, clock: Clock, *, not_before: float = 0.0) -> None:
        self.clock = clock
        self._floor_off = not_before - clock.boot_time()
        self._anchor: Anchor | None = None
        self._untold: list[Anchor] = []
        self.state = self._judge()

    def look(self) -> TimeState:
        """Compare the clocks anew; small wander is followed only when it exceeds the step of a batch."""
        judged = self._judge()
        if abs(judged.off - self.state.off) <= STEP_S and judged.clk == self.state.clk:
            judged = judged._replace(off=self.state.off)
        self.state = judged
        return judged

    def wall(self) -> float:
        return self.clock.boot_time() + self.state.off

    def moment(self) -> Moment:
        """By which the dates of certificates are judged."""
        state = self.state
        return Moment(state.clk, self.clock.boot_time() + state.off)

    def accept(self, anchor: Anchor) -> None:
        """Take an anchor of this boot; it goes into the next batch and, if nothing is better, into force."""
        self._anchor = anchor
        self._untold.append(anchor)

    def untold(self) -> tuple[Anchor, ...]:
        """Anchors that no batch carries yet."""
        return tuple(self._untold)

    def told(self, anchors: tuple[Anchor, ...]) -> None:
        """A sealed batch now carries these."""
        self._untold = [anchor for anchor in self._untold if anchor not in anchors]

    def _judge(self) -> TimeState:
        clk, err = self.clock.sync()
        kernel = self._kernel_offset()
        if clk == "ntp":
            return TimeState(kernel, clk, err)
        served = self._served()
        if served is not None and (clk != "hold" or err is None or (served.err or 0.0) < err):
            return served
        if clk != "none" and not (clk == "rtc" and self._went_back(kernel, err)):
            return TimeState(kernel, clk, err)
        return TimeState(max(kernel, self._floor_off), "none", None)

    def _went_back(self, kernel: float, err: float | None) -> bool:
        """Whether a hardware clock shows a time that is past: its battery is empty. Believed, it would keep
        the gateway from its broker, whose certificate is not valid yet then, and so from any better time."""
        shown = kernel + (err or 0.0)
        return shown < self._floor_off or shown + self.clock.boot_time() < WRITTEN

    def _served(self) -> TimeState | None:
        anchor = self._anchor
        if anchor is None:
            return None
        age = self.clock.boot_time() - anchor.mono
        return TimeState(anchor.utc - anchor.mono, "srv", anchor.err + DRIFT * age)

    def _kernel_offset(self) -> float:
        """Wall minus boot time, both read close together, or a busy machine would look like a clock step."""
        best_gap, best_off = float("inf"), 0.0
        for _ in range(BRACKET_TRIES):
            before = self.clock.boot_time()
            wall = self.clock.wall()
            after = self.clock.boot_time()
            if after - before < best_gap:
                best_gap, best_off = after - before, wall - (before + after) / 2
            if best_gap <= BRACKET_S:
                break
        return best_off
