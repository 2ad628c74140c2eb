"""Files that were made to stop the reader of packs: each is refused in words, and soon."""

import os
from pathlib import Path

import pytest

from alert_rules.pack_format import PackError, load_packs, read_pack
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
