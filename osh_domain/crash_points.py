"""Named places at which a test lets the process die as in a power cut. Nothing happens in the field.

A test starts a process with ``OSHWATCH_CRASH_AT="NAME"``, or ``"NAME@3"`` for the third passing: the process
then ends by SIGKILL at ``crash_here("NAME")``, without unwinding, flushing or closing anything. Without that
variable a passing costs one look at a module's name.
"""

from __future__ import annotations

import os
import signal
from typing import Final

VARIABLE: Final = "OSHWATCH_CRASH_AT"


class CrashPlan:
    """Where to die; the passings before it are counted down."""

    def __init__(self, text: str) -> None:
        """From the text of the variable. Raises ValueError when the number of the passing is none."""
        self.name, _, number = text.partition("@")
        self.left = int(number or "1")

    def due(self, name: str) -> bool:
        """Whether this passing is the one."""
        if name != self.name:
            return False
        self.left -= 1
        return self.left == 0


_plan = CrashPlan(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None


def crash_here(name: str) -> None:
    """Die here if a test asked for it."""
    if _plan is not None and _plan.due(name):
        os.kill(os.getpid(), signal.SIGKILL)
