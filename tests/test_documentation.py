"""What is written is tested: names the documents give must exist."""

import re
from pathlib import Path

import pytest

from alert_rules.pack_format import load_packs
from ingest_service.settings import Settings
from osh_domain.quantities import QUANTITIES
from oshwatch.main import COMMANDS

ROOT = Path(__file__).parent.parent
PACKS = ROOT / "alert_rules" / "packs"
ROOMS = "oshwatch|dashboards|osh_domain|edge_agent|ingest_service|alert_rules|firmware_sim|deploy|docs|tests"
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *PACKS.glob("*.md")]
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
PATH = re.compile(rf"`((?:{ROOMS})/[\w./-]*)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_a_document_names_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    linked = [target for target in LINK.findall(text) if "://" not in target]
    missing = [target for target in linked if not (document.parent / target).exists()]
    missing += [path for path in PATH.findall(text) if not (ROOT / path).exists()]
    assert missing == []


def test_every_quantity_is_in_the_wire_document() -> None:
    text = (ROOT / "docs" / "wire-protocol.md").read_text("utf-8")
    assert [name for name in QUANTITIES if f"`{name}`" not in text] == []


def test_every_setting_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert [key for key in Settings.model_fields if f"`{key}`" not in text] == []


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in COMMANDS if name != "run" and f"oshwatch {name}" not in text] == []


def test_every_rule_has_its_runbook() -> None:
    without = [
        f"{pack.pack}/{rule.id}"
        for pack in load_packs()
        for rule in pack.rules
        if f"`{rule.id}`" not in (PACKS / f"{pack.pack}.md").read_text("utf-8")
    ]
    assert without == []
