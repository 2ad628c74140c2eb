"""Keeping the process small on a machine that has little memory."""

from __future__ import annotations

import contextlib
import ctypes
import gc

M_ARENA_MAX = -8


def one_arena() -> None:
    """Let all threads share one heap; with glibc each begins one of its own. Before any thread starts."""
    with contextlib.suppress(OSError, AttributeError):  # another C library does without
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)


def give_back() -> None:
    """After everything was loaded and checked: return to the system what that took and nobody uses."""
    gc.collect()
    gc.freeze()  # what is there now stays for good; collecting need not look at it again
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
