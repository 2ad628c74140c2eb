"""Files that were made to stop the reader of packs: each is refused in words, and soon."""

import os
from pathlib import Path

import pytest

from alert_rules.pack_format import PackError, load_packs, read_pack
from alert_rules.pack_tester import check_pack
from tests.alert_rules.installed_packs import SITE, header, noise_rule

MERGES = "m0: &m0 {a: 1}\n" + "".join(
    f"m{level}: &m{level} {{<<: [{', '.join([f'*m{level - 1}'] * 10)}]}}\n" for level in range(1, 10)
)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (MERGES, "keys are not merged in by '<<'"),
        ("[" * 200_000, "nested more than 30 levels deep"),
        ("rules: " + "[" * 100_000 + "]" * 100_000, "nested more than 30 levels deep"),
        ("\n".join(" " * depth + "a:" for depth in range(200)), "nested more than 30 levels deep"),
        ("# " + "x" * 4_000_000, "is larger than 4 MB"),
        ("\0" * 100, "is not YAML"),
    ],
    ids=["merges", "open", "deep", "maps", "large", "zeros"],
)
def test_yaml_that_would_fill_the_memory_or_the_stack_is_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_text(text)
    pack, (mistake,) = read_pack(path)
    assert pack is None
    assert problem in mistake.problem


def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.yaml"
    os.mkfifo(path)
    assert [one.problem for one in read_pack(path)[1]] == ["is no regular file"]
    assert [one.problem for one in read_pack(Path("/dev/zero"))[1]] == ["is no regular file"]


@pytest.mark.parametrize("hold", ["after: 0 min", "after: 5 min, gap: 0 min"])
def test_a_hold_or_gap_of_no_minute_is_refused(tmp_path: Path, hold: str) -> None:
    path = tmp_path / "house.yaml"
    text = header("house", SITE) + noise_rule("house-noise")
    path.write_text(text.replace("raise: {after: 5 min}", f"raise: {{{hold}}}"))
    (mistake,) = read_pack(path)[1]
    assert mistake.key in {"raise.after", "raise.gap"}
    assert "shorter than the minute" in mistake.problem


def test_a_thousand_rules_that_replace_one_are_a_thousand_mistakes_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "house.yaml"
    rules = (noise_rule(f"house-{number}", more="    replaces: noise-niosh-twa\n") for number in range(1000))
    path.write_text(header("house", SITE) + "".join(rules))
    with pytest.raises(PackError) as caught:
        load_packs([path])
    assert len(caught.value.mistakes) == 999


@pytest.mark.parametrize(
    ("test", "key"),
    [
        ("exposures: {la.lex8h: '86@1.9x10'}", "tests.0.exposures.la.lex8h"),
        (f"exposures: {{la.lex8h: '{'86x99999 ' * 50}'}}", "tests.0.exposures.la.lex8h"),
        ("shift: 'from 0..4 to 90'", "tests.0.shift"),
        ("shift: '90..50'", "tests.0.shift"),
        ("minutes: 1000000000", "tests.0.minutes"),
        ("confirmed: [kh-noise-9h]", "confirmed"),
        ("selected: [intl-heat]", "selected"),
    ],
)
def test_a_test_that_means_nothing_is_refused(tmp_path: Path, test: str, key: str) -> None:
    path = _written(tmp_path, f"format: 2\ntests:\n  - name: n\n    {test}\n    expect: []\n")
    pack, _ = read_pack(path)
    assert pack is not None
    assert key in [one.key for one in check_pack(path, pack)[1]]


def test_a_change_of_a_case_is_spelt_as_it_is_called(tmp_path: Path) -> None:
    expect = "expect: [{minute: 10, change: opend, rule: house-noise}]"
    path = _written(tmp_path, f"format: 2\ntests:\n  - name: n\n    {expect}\n")
    pack, _ = read_pack(path)
    assert pack is not None
    assert "'opend' is not one of opened" in check_pack(path, pack)[1][0].problem


def test_a_runbook_that_is_no_text_is_said_to_be_none(tmp_path: Path) -> None:
    path = _written(tmp_path, "format: 2\ntests:\n  - name: n\n    expect: []\n")
    path.with_suffix(".md").write_bytes(b"## `house-noise`\n\xff\xfe")
    pack, _ = read_pack(path)
    assert pack is not None
    assert "is not UTF-8 text" in [one.problem for one in check_pack(path, pack)[1]]


def _written(folder: Path, tests: str) -> Path:
    path = folder / "house.yaml"
    path.write_text(header("house", SITE) + noise_rule("house-noise"))
    path.with_suffix(".test.yaml").write_text(tests)
    path.with_suffix(".md").write_text("## `house-noise`\n")
    return path
