"""The shipped packs, the format's mistakes and the pack tester."""

import json
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from alert_rules.advice import ADVICE, in_order
from alert_rules.exposures import UNITS
from alert_rules.pack_format import PackError, load_packs, read_pack, shipped
from alert_rules.pack_model import (
    LAYERS,
    Clear,
    Compare,
    Confidence,
    Confirmation,
    Escalation,
    ExposureRule,
    Gap,
    Pack,
    Silence,
    SilenceRule,
    Watch,
    WatchRule,
)
from alert_rules.pack_tester import check_pack
from alert_rules.pack_tests import Test as TestCase
from alert_rules.zone_rules import ZoneFacts, active_rules
from osh_domain.coverage import CAPTURE
from oshwatch.commands.rules import app

BAD = """
format: 1
pack: bad
version: "1"
title: A pack with every kind of mistake
source: {instrument: X, clause: "1", confidence: certain}
valid_from: 2020-01-01
valid_until: 2021-01-01
rules:
  - id: no-unit
    title: t
    hazard: heat
    exposure: wbgt_eff.twa60
    limit: 30
    judge: shift
    coverage: 75
    raise: {after: 10}
    clear: {below: 29.5, for: 30 mins}
    severity: danger
    tell: [committee.worker]
  - id: wrong-limit
    title: t
    hazard: heat
    exposure: heat_index.minute
    limit: iso7243
    judge: shift
    coverage: 0.75
    raise: {after: 10 min}
    clear: {below: limit - 0.5, for: 30 min}
    severity: danger
    advice: [heat.reest]
    tell: [committee.worker]
  - id: wrong-limit
    title: t
    hazard: noise
    exposure: la.lex8
    limit: 35 ppm
    judge: shift
    coverage: 0.75
    raize: {after: 10 min}
    raise: {after: 10 min}
    clear: {below: limit, for: 30 min}
    severity: notice
  - just text
"""


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD)
    return path


def test_every_shipped_pack_reads_without_mistakes() -> None:
    assert {"intl-heat", "intl-noise", "intl-air", "intl-watch"} <= {pack.pack for pack in load_packs()}


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_every_shipped_pack_passes_its_tests_and_has_its_runbook(path: Path) -> None:
    pack, _ = read_pack(path)
    assert pack is not None
    results, mistakes = check_pack(path, pack)
    assert [(one.name, one.happened) for one in results if not one.passed] == []
    assert mistakes == []


def test_every_shipped_rule_names_its_own_instrument_clause_and_confidence() -> None:
    for pack in load_packs():
        for rule in pack.rules:
            assert rule.source is not None, rule.id


def test_every_rule_finds_its_limit_in_every_class_of_work() -> None:
    for number in range(5):
        for acclimatised in (True, False):
            for active in active_rules(load_packs(), ZoneFacts(number, acclimatised)):
                assert active.engine.condition.clear_below <= active.engine.condition.limit


def test_the_kinds_that_rules_may_judge_are_those_of_the_rollup() -> None:
    assert set(UNITS) == set(CAPTURE)
    assert UNITS["la.niosh_dose"] == "%"
    assert UNITS["wbgt_eff.twa60"] == "Cel"
    assert UNITS["pm2_5.mean24h"] == "ug/m3"


def test_all_mistakes_are_reported_at_once_with_rule_key_and_way_out(bad: Path) -> None:
    with pytest.raises(PackError) as caught:
        load_packs([bad])
    places = {(one.rule, one.key) for one in caught.value.mistakes}
    assert places == {
        ("", "source.confidence"),
        ("", "valid_until"),
        ("no-unit", "limit"),
        ("no-unit", "coverage"),
        ("no-unit", "raise.after"),
        ("no-unit", "clear.below"),
        ("no-unit", "clear.for"),
        ("wrong-limit", "limit"),
        ("wrong-limit", "advice.0"),
        ("wrong-limit", "tell"),
        ("wrong-limit", "raize"),
        ("number 4", "rule"),
    }
    text = str(caught.value)
    assert str(bad) in text
    assert "30 has no unit" in text
    assert "did you mean '10 min'" in text
    assert "Did you mean 'valid_to'?" in text
    assert "Did you mean 'raise'?" in text
    assert "Did you mean heat.rest?" in text
    assert "is no limit for heat_index.minute" in text
    assert all(one.way_out for one in caught.value.mistakes)


def test_only_one_side_of_the_committee_is_never_told_alone(bad: Path) -> None:
    with pytest.raises(PackError, match="only one side of the committee is told"):
        load_packs([bad])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not a mapping"),
        ("- a", "not a mapping"),
        ("a: [", "not YAML"),
        ("format: 1\nformat: 1\n", "stands here twice"),
        ("? [a, b]\n: 1\n", "not"),
        ("!!python/object/apply:os.system [ls]", "not YAML"),
        (
            "format: 3\npack: x\nversion: '1'\ntitle: t\nvalid_from: 2020-01-01\nrules: []\n",
            "Input should be 1 or 2",
        ),
        ("[" * 5000, "not YAML"),
    ],
)
def test_what_is_no_pack_is_said_to_be_none(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "pack.yaml"
    path.write_text(text)
    with pytest.raises(PackError, match=problem):
        load_packs([path])


def test_a_missing_file_and_a_binary_one_are_said_so(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PackError) as caught:
        load_packs([tmp_path / "absent.yaml", tmp_path / "binary.yaml"])
    assert [one.problem for one in caught.value.mistakes] == [
        "cannot be read (No such file or directory)",
        "is not UTF-8 text",
    ]


def test_a_rule_without_a_test_and_without_a_runbook_fails(tmp_path: Path) -> None:
    source = next(path for path in shipped() if path.stem == "intl-watch")
    path = tmp_path / "intl-watch.yaml"
    path.write_text(source.read_text())
    path.with_suffix(".test.yaml").write_text(
        "format: 1\ntests:\n  - {name: quiet, minutes: 5, reports: {a/b/c: 0..5}, expect: []}\n"
    )
    pack, _ = read_pack(path)
    assert pack is not None
    results, mistakes = check_pack(path, pack)
    assert results[0].passed
    assert {one.problem for one in mistakes} == {
        "no test raises this rule",
        "nothing is written about this rule",
    }
    assert len(mistakes) == 2 * len(pack.rules)


def test_advice_comes_in_the_order_of_the_hierarchy_of_control() -> None:
    measures = [one.measure for one in in_order(tuple(reversed(ADVICE)))]
    assert measures == sorted(measures)


def test_the_command_checks_tests_and_lists(bad: Path) -> None:
    runner = CliRunner()
    packs = load_packs()
    rules = sum(len(pack.rules) for pack in packs)
    assert runner.invoke(app, ["check"]).output == f"{len(packs)} packs, {rules} rules: no mistakes.\n"
    failed = runner.invoke(app, ["check", str(bad), "--json"])
    assert failed.exit_code == 1
    assert len(json.loads(failed.output)["mistakes"]) == 12
    tested = runner.invoke(app, ["test", "--json"])
    assert tested.exit_code == 0
    assert all(one["passed"] for one in json.loads(tested.output)["tests"])
    listed = json.loads(runner.invoke(app, ["list", "--json"]).output)
    assert {"rule", "instrument", "clause", "confidence"} <= set(listed[0])
    assert len(listed) == rules


def samples(folder: Path) -> list[Path]:
    """The samples of the documents as files; each begins with its name. The packs among them, in order."""
    document = (Path(__file__).parents[2] / "docs" / "rule-packs.md").read_text("utf-8")
    packs = []
    for part in document.split("```yaml\n# ")[1:]:
        name, _, text = part.partition("```")[0].partition("\n")
        (folder / name).write_text(text)
        if not name.endswith(".test.yaml"):
            packs.append(folder / name)
    assert len(packs) == document.count("```yaml\n") - len(list(folder.glob("*.test.yaml")))
    return packs


def test_the_samples_in_the_documents_are_packs_that_pass_their_tests(tmp_path: Path) -> None:
    paths = samples(tmp_path)
    assert [path.stem for path in paths] == ["example-heat", "confirmed-kh", "agreement-garment", "factory-7"]
    assert len(load_packs(packs_dir=tmp_path)) == len(load_packs()) + len(paths)
    for path in paths:
        pack, mistakes = read_pack(path)
        assert pack is not None
        assert mistakes == []
        path.with_suffix(".md").write_text("".join(f"## `{rule.id}`\n" for rule in pack.rules))
        if pack.rules:
            results, lacking = check_pack(path, pack)
            assert [one.happened for one in results if not one.passed] == []
            assert lacking == []


def test_the_documents_name_every_key_recipient_and_confidence() -> None:
    document = (Path(__file__).parents[2] / "docs" / "rule-packs.md").read_text("utf-8")
    models = (
        Pack,
        Gap,
        Confirmation,
        ExposureRule,
        SilenceRule,
        Silence,
        WatchRule,
        Watch,
        Clear,
        Escalation,
    )
    for model in models:
        for name, field in model.model_fields.items():
            assert (field.alias or name) in document
    for word in (*get_args(Confidence), *get_args(Compare), *LAYERS):
        assert f"`{word}`" in document or word in document
    for name in TestCase.model_fields:
        assert f"`{name}`" in document or f" {name}:" in document
