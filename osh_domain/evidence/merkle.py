"""A Merkle tree over the rows of a day: one root speaks for all, a short path shows that one row is in it.

RFC 9162 section 2.1: leaves and nodes are hashed with different first bytes, so that neither can stand for
the other; a tree of n leaves splits at the largest power of two below n.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, NamedTuple

EMPTY = hashlib.sha256(b"").digest()


class Step(NamedTuple):
    """A neighbour on the way up: its hash (32 bytes) and the side on which it stands."""

    side: Literal["L", "R"]
    hash: bytes


def leaf(content: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + content).digest()


class Tree:
    """The tree over leaf hashes, in order."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        # A node without a neighbour moves up as it is, which gives the tree of the standard.
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            pairs = [_node(below[at], below[at + 1]) for at in range(0, len(below) - 1, 2)]
            self._levels.append(pairs + below[len(pairs) * 2 :])

    @property
    def root(self) -> bytes:
        """The root [32 bytes]; the hash of nothing for no leaves."""
        return self._levels[-1][0] if self._levels[-1] else EMPTY

    def path(self, index: int) -> tuple[Step, ...]:
        """The steps from leaf `index` up to the root; IndexError when there is no such leaf."""
        if not 0 <= index < len(self._levels[0]):
            raise IndexError(f"there is no leaf {index} among {len(self._levels[0])}")
        steps: list[Step] = []
        for level in self._levels[:-1]:
            if index % 2:
                steps.append(Step("L", level[index - 1]))
            elif index + 1 < len(level):
                steps.append(Step("R", level[index + 1]))
            index //= 2
        return tuple(steps)


def root_from(leaf_hash: bytes, steps: Sequence[Step]) -> bytes:
    """The root that follows from a leaf and its path."""
    found = leaf_hash
    for step in steps:
        found = _node(step.hash, found) if step.side == "L" else _node(found, step.hash)
    return found


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
