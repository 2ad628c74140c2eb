"""A rule's part of its pack's runbook, as blocks a template can lay out: paragraphs and numbered lists."""

from __future__ import annotations

import re
from typing import NamedTuple

_HEADING = re.compile(r"^#+ .*$", re.MULTILINE)
_ITEM = re.compile(r"^\d+\. ", re.MULTILINE)


class Block(NamedTuple):
    """A paragraph (one text), or the items of a numbered list."""

    numbered: bool
    texts: tuple[str, ...]


def rule_part(runbook: str, rule: str) -> list[Block]:
    """What the pack says before its rules, then what it says about this one."""
    bodies = [body.strip() for body in _HEADING.split(runbook)]
    headings = _HEADING.findall(runbook)
    chosen = [
        body
        for heading, body in zip(headings, bodies[1:], strict=True)
        if not heading.startswith("## ") or heading == f"## `{rule}`"
    ]
    return [_block(part) for body in chosen for part in re.split(r"\n\s*\n", body) if part.strip()]


def _block(text: str) -> Block:
    if _ITEM.match(text):
        return Block(True, tuple(_plain(item) for item in _ITEM.split(text) if item.strip()))
    return Block(False, (_plain(text),))


def _plain(text: str) -> str:
    return " ".join(text.replace("`", "").split())
