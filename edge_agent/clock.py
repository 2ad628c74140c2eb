"""The clocks of a gateway: what the machine shows, before anybody corrects it.

Intervals and stamps use the boot-time clock, which only ever goes forward at one second a second, also
through suspend. Wall time is read only to learn the offset between the two.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import time
from pathlib import Path
from typing import NamedTuple, Protocol

from osh_domain.scaled_time import ScaledTime

TIME_ERROR = 5  # adjtimex: clock not synchronised
STA_UNSYNC = 0x40
SCALED_ERROR_S = 0.01


class Sync(NamedTuple):
    """How far wall time can be trusted: `clk` as in the batch header, `err` in s (None with `none`)."""

    clk: str
    err: float | None


class Clock(Protocol):
    """The machine's own clocks. `boot_id` (16 hex) names the boot that `boot_time` counts from."""

    @property
    def boot_id(self) -> str: ...

    def boot_time(self) -> float: ...

    def wall(self) -> float: ...

    def sync(self) -> Sync: ...


class SystemClock:
    """Linux: CLOCK_BOOTTIME, CLOCK_REALTIME and what the kernel knows of its synchronisation."""

    def __init__(self, *, rtc_error_s: float = 2.0, root: Path = Path("/")) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._rtc_error_s = rtc_error_s
        self._root = root
        self._was_synced = False
        raw = (root / "proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")
        self._boot_id = raw[:16]

    @property
    def boot_id(self) -> str:
        return self._boot_id

    def boot_time(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        return time.time()

    def sync(self) -> Sync:
        """`ntp` while the kernel is disciplined, `hold` once it no longer is, `rtc` if set from one."""
        report = _Timex()
        state = self._libc.adjtimex(ctypes.byref(report))
        bound = report.maxerror / 1e6
        if 0 <= state < TIME_ERROR and not report.status & STA_UNSYNC:
            self._was_synced = True
            return Sync("ntp", bound)
        if self._was_synced:
            return Sync("hold", bound)
        if self._set_from_rtc():
            return Sync("rtc", self._rtc_error_s)
        return Sync("none", None)

    def _set_from_rtc(self) -> bool:
        clocks = self._root / "sys/class/rtc"
        try:
            return any((found / "hctosys").read_text().strip() == "1" for found in clocks.iterdir())
        except OSError:
            return False


class ScaledClock:
    """A machine inside a world whose time runs at another rate (a demonstration, a rehearsal)."""

    def __init__(self, scaled: ScaledTime) -> None:
        self._scaled = scaled
        self._booted_at = scaled.at(time.time())
        self._boot_id = os.urandom(8).hex()

    @property
    def boot_id(self) -> str:
        return self._boot_id

    def boot_time(self) -> float:
        return self.wall() - self._booted_at

    def wall(self) -> float:
        return self._scaled.at(time.time())

    def sync(self) -> Sync:
        return Sync("ntp", SCALED_ERROR_S * self._scaled.rate)


class SimClock:
    """A clock that stands still until `set(t)`; `t` is true time, `skew_s` what the machine shows beyond it.

    One instance is one boot: after a simulated power cut make a new one with the new `booted_at`.
    """

    def __init__(
        self,
        t: float,
        *,
        booted_at: float | None = None,
        boot_id: str | None = None,
        skew_s: float = 0.0,
        sync: Sync = Sync("ntp", 0.01),  # noqa: B008 - an immutable tuple
    ) -> None:
        self.booted_at = t if booted_at is None else booted_at
        self.skew_s = skew_s
        self.sync_state = sync
        self._t = t
        self._boot_id = boot_id or hashlib.sha256(f"boot:{self.booted_at!r}".encode()).hexdigest()[:16]

    @property
    def boot_id(self) -> str:
        return self._boot_id

    def set(self, t: float) -> None:
        """Go to true time `t`; going back is refused, as a boot-time clock never does."""
        if t < self._t:
            raise ValueError(f"the boot-time clock cannot go back from {self._t} to {t}")
        self._t = t

    def boot_time(self) -> float:
        return self._t - self.booted_at

    def wall(self) -> float:
        return self._t + self.skew_s

    def sync(self) -> Sync:
        return self.sync_state


class _Timex(ctypes.Structure):
    """`struct timex` of adjtimex(2), in the layout of 64-bit Linux."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", ctypes.c_long * 2),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("reserved", ctypes.c_int * 11),
    )
