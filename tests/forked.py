"""A job in a process of its own, which may die in it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable


def in_a_process(job: Callable[[], object]) -> int:
    """Exit code 0 when the job returned, 1 when it raised; minus the signal that killed it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of newer Pythons, where threads run
        child = os.fork()
    if child == 0:
        code = 1
        try:
            job()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
