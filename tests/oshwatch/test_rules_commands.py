"""``oshwatch rules check``, ``test`` and ``list``: folders, layers, refusals, eighty columns."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alert_rules.pack_format import PACKS, Mistake, PackError
from oshwatch.commands.rules import app

OWN = """
format: 2
pack: own
version: "1"
title: What this installation confirms
source: {instrument: "Prakas 138", clause: "art. 4", confidence: verified}
valid_from: 2026-01-01
layer: country
country: kh
confirmations:
  - {rule: kh-noise-8h, by: "Ministry of Labour", on: 2026-01-05, reference: "letter 12/2026"}
"""


@pytest.fixture
def packs_dir(tmp_path: Path) -> Path:
    """An installation's folder that confirms the number of a country's pack."""
    folder = tmp_path / "packs"
    folder.mkdir()
    (folder / "own.yaml").write_text(OWN)
    return folder


def ran(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_folders_stand_for_the_packs_in_them(tmp_path: Path) -> None:
    for path in PACKS.glob("intl-heat.*"):
        shutil.copy(path, tmp_path)
    assert ran("check", str(tmp_path)).output.startswith("1 packs, ")
    played = ran("test", str(tmp_path))
    assert played.exit_code == 0
    assert played.output.endswith("0 mistakes.\n")


def test_a_folder_without_packs_is_refused(tmp_path: Path) -> None:
    for command in ("check", "test"):
        result = ran(command, str(tmp_path))
        assert result.exit_code == 2
        assert "there is no rule pack" in result.stderr
        missing = ran(command, "--packs-dir", str(tmp_path / "none"))
        assert missing.exit_code == 2
        assert "is no folder" in missing.stderr


def test_mistakes_are_laid_out_for_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(OWN.replace("layer: country", "layer: village").replace("country: kh", "country: Kam"))
    result = ran("check", str(path))
    assert result.exit_code == 1
    assert "layer" in result.output
    assert all(len(line) <= 80 or str(tmp_path) in line for line in result.output.splitlines())


def test_the_installations_packs_are_checked_with_the_shipped_ones(packs_dir: Path) -> None:
    result = ran("check", "--packs-dir", str(packs_dir))
    assert result.exit_code == 0, result.output
    (packs_dir / "own.yaml").write_text(OWN.replace("kh-noise-8h", "kh-noise-9h"))
    wrong = ran("check", "--packs-dir", str(packs_dir))
    assert wrong.exit_code == 1
    assert "kh-noise-9h" in wrong.output


def test_a_country_has_its_rules_its_shown_ones_and_its_gaps() -> None:
    told = json.loads(ran("list", "--country", "kh", "--date", "2026-03-01", "--json").output)
    rules = {row["rule"]: row for row in told["rules"]}
    assert rules["noise-niosh-twa"]["judged"]
    assert not rules["kh-noise-8h"]["judged"]
    assert "unverified" in rules["kh-noise-8h"]["why"]
    assert {"instrument", "clause", "confidence", "layer", "replaced"} <= set(rules["kh-noise-8h"])
    assert {gap["hazard"] for gap in told["gaps"]} >= {"noise", "heat"}
    assert all(gap["falls_back_to"] and gap["note"] for gap in told["gaps"])
    assert told["date"] == "2026-03-01"


def test_a_confirmation_of_the_installation_makes_a_rule_judge(packs_dir: Path) -> None:
    words = ("list", "--country", "kh", "--date", "2026-03-01", "--packs-dir", str(packs_dir), "--json")
    rules = {row["rule"]: row for row in json.loads(ran(*words).output)["rules"]}
    assert rules["kh-noise-8h"]["judged"]
    assert rules["kh-noise-8h"]["confirmed"]["by"] == "Ministry of Labour"


def test_only_one_hazard_is_listed_if_asked() -> None:
    told = json.loads(ran("list", "--country", "kh", "--hazard", "noise", "--json").output)
    assert {row["hazard"] for row in told["rules"]} == {"noise"}
    assert {gap["hazard"] for gap in told["gaps"]} == {"noise"}
    everywhere = json.loads(ran("list", "--hazard", "heat", "--json").output)
    assert {row["hazard"] for row in everywhere} == {"heat"}
    assert {row["country"] for row in everywhere} > {None}


def test_the_list_fits_eighty_columns() -> None:
    for words in (("list",), ("list", "--country", "vn"), ("list", "--country", "kh", "--hazard", "air")):
        result = ran(*words)
        assert result.exit_code == 0
        assert max(map(len, result.output.splitlines())) <= 80


def test_a_country_without_a_pack_is_said_to_have_none() -> None:
    text = " ".join(ran("list", "--country", "fr").output.split())
    assert "No pack speaks of the law of fr: international values judge." in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--country", "cambodia"), "write two letters"),
        (("--country", "kh", "--date", "today"), "write it like 2026-03-01"),
        (("--hazard", "nois"), "Did you mean noise"),
    ],
)
def test_what_cannot_be_listed_is_refused(words: tuple[str, ...], said: str) -> None:
    result = ran("list", *words)
    assert result.exit_code == 2
    assert said in result.stderr


def test_the_commands_import_neither_arrays_nor_stores_before_they_need_them() -> None:
    code = (
        "import sys, oshwatch.commands.rules\n"
        "print([name for name in ('numpy', 'sqlalchemy', 'rich.progress', 'yaml') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == "[]\n"


def test_a_mistake_in_the_shipped_packs_is_said_when_a_test_needs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise PackError([Mistake("shipped.yaml", "r", "id", "two rules have this id", "Rename one.")])

    monkeypatch.setattr("alert_rules.pack_tester._shipped", broken)
    for name in ("vn-limits.yaml", "vn-limits.test.yaml", "vn-limits.md"):
        shutil.copy(PACKS / name, tmp_path)
    found = ran("test", str(tmp_path))
    assert found.exit_code == 1
    assert "shipped.yaml: rule r: id: two rules have this id" in found.output
