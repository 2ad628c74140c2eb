"""Packs of an installation, as tests write them."""

from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest

from alert_rules.layers import Place, judging
from alert_rules.pack_format import PackError, load_packs
from alert_rules.pack_model import Pack

ESCALATE = (
    "    escalate:\n"
    "      - {after: 4 h, unless: acknowledged_by_both, to: [committee.worker, committee.management]}\n"
    "      - {after: 24 h, unless: acknowledged_by_both, to: [adviser]}\n"
)
SITE = "layer: site\nsite: f1\nrules:\n"


def header(name: str, more: str) -> str:
    return (
        f"format: 2\npack: {name}\nversion: '1'\ntitle: t\nvalid_from: 2020-01-01\n"
        f"source: {{instrument: I, clause: c, confidence: verified}}\n{dedent(more)}"
    )


def noise_rule(rule_id: str, limit: str = "84 dB", more: str = "", confidence: str = "verified") -> str:
    return (
        f"  - id: {rule_id}\n    title: t\n    hazard: noise\n    exposure: la.lex8h\n    limit: {limit}\n"
        f"    source: {{instrument: I, clause: c, confidence: {confidence}}}\n"
        "    judge: shift\n    coverage: 0.75\n    raise: {after: 5 min}\n"
        "    clear: {below: limit - 1, for: 30 min}\n    severity: danger\n"
        f"    tell: [committee.worker, committee.management]\n    advice: [noise.source]\n{more}"
    )


def installed(folder: Path, **packs: str) -> tuple[Pack, ...]:
    for name, text in packs.items():
        (folder / f"{name}.yaml").write_text(text)
    return load_packs(packs_dir=folder)


def mistakes(folder: Path, **packs: str) -> list[tuple[str, str, str]]:
    with pytest.raises(PackError) as caught:
        installed(folder, **packs)
    assert all(one.way_out for one in caught.value.mistakes)
    return [(one.rule, one.key, one.problem) for one in caught.value.mistakes]


def judged(packs: tuple[Pack, ...], place: Place, day: date | None = None) -> set[str]:
    return {one.rule.id for one in judging(packs, place, day)}
