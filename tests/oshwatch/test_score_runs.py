"""Scenarios played through the real system: sealing, ledger, projector, rollup, rules; then scored."""

import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware_sim.faults import FaultError
from firmware_sim.truth import TruthFile
from oshwatch.commands.sim import app
from oshwatch.scoring.command import ScoreError, run_all
from oshwatch.scoring.report import document, remarks, table

POWER_CUT = """
scenario: short-cut
title: An hour without power on a Sunday
sites: [kh-f0207]
start: "2026-01-11T09:00"
for: 100m
faults:
  - {fault: power-cut, target: kh-f0207-a, at: "+15m", for: 60m}
expect:
  - {at: kh-f0207-a, hazard: silence, from: "09:15", until: "09:35", why: no power}
"""
WRONG = """
scenario: wrong
title: Nobody expects this
sites: [kh-f0207]
start: "2026-01-11T09:00"
for: 40m
faults:
  - {fault: silence, target: kh-f0207-a, at: "+10m", for: 25m}
expect:
  - {at: kh-f0207/packing-1, hazard: heat, severity: danger, why: it is not hot}
"""


def write(folder: Path, text: str) -> str:
    path = folder / "scenario.yaml"
    path.write_text(text)
    return str(path)


def test_a_power_cut_is_one_message_and_no_reading_is_lost(tmp_path: Path) -> None:
    (result,) = run_all([write(tmp_path, POWER_CUT)], 7, None, tmp_path / "kept", shown=False)
    assert remarks([result]) == []
    assert result.good
    assert (result.score.expected, result.score.told) == (1, 1)
    assert result.score.worst_delay is not None
    assert 10.0 <= result.score.worst_delay <= 16.0
    assert result.readings.taken > 40 * 12
    assert result.readings.cut_off <= 13
    assert all(len(line) <= 80 for line in table([result]))
    said = json.loads(json.dumps(document([result])))["scenarios"][0]
    assert (said["scenario"], said["good"], said["missed"]) == ("short-cut", True, [])
    assert (tmp_path / "kept" / "short-cut" / "server" / "register.sqlite").is_file()


def test_missed_false_and_lost_are_found_and_end_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = TruthFile.reading

    def one_more(self: TruthFile, channel: str, t: float, shown: float, *more: float) -> None:
        told(self, channel, t, shown, *more)  # type: ignore[arg-type]
        if self.readings == 100:
            told(self, channel, t + 1.0, shown + 1.0, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(TruthFile, "reading", one_more)
    answer = CliRunner().invoke(app, ["score", write(tmp_path, WRONG), "--json"])
    assert answer.exit_code == 1
    (said,) = json.loads(answer.stdout)["scenarios"]
    assert len(said["missed"]) == 1
    assert "silence" in said["false"][0]
    assert (said["readings"]["lost"], said["good"]) == (1, False)


def test_all_mistakes_of_all_scenarios_are_told_before_anything_runs(tmp_path: Path) -> None:
    text = """
scenario: bad
start: "tomorrow"
for: 1d
sites: kh-f0123
faults: []
expect:
  - {at: kh-f0123, hazard: cold, when: "10:00"}
  - {hazard: heat, severity: bad, from: 10}
quiet: {alowed: []}
"""
    with pytest.raises(FaultError) as caught:
        run_all([write(tmp_path, text), "no-such-scenario", "demo"], 7, None, None, shown=False)
    said = str(caught.value)
    for part in (
        "sites is a list of factories",
        "unknown key 'when'",
        "hazard 'cold' is none of heat, noise",
        "expect 2: at is missing",
        "severity 'bad' is none of",
        "from must be text",
        "quiet is a mapping with the list allowed",
        "'no-such-scenario' is neither",
        "demo: has no start and for",
    ):
        assert part in said, part


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{at: kh-f0207/nowhere, hazard: heat}", "there is no 'kh-f0207/nowhere'"),
        ('{at: kh-f0207, hazard: heat, from: "10:00", until: "09:30"}', "is not after"),
        ('{at: kh-f0207, hazard: heat, from: "ten"}', "neither a wall time"),
    ],
)
def test_an_expectation_that_fits_nothing_is_refused(tmp_path: Path, entry: str, said: str) -> None:
    text = POWER_CUT.split("expect:", maxsplit=1)[0] + f"expect:\n  - {entry}\n"
    with pytest.raises(FaultError, match=said):
        run_all([write(tmp_path, text)], 7, None, None, shown=False)


def test_a_folder_that_holds_something_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(ScoreError, match="is not empty"):
        run_all([write(tmp_path, POWER_CUT)], 7, None, tmp_path, shown=False)


def test_one_seed_gives_the_same_ledger(tmp_path: Path) -> None:
    text = POWER_CUT.replace("for: 100m", "for: 10m").replace("  - {fault", "  # ").replace("  - {at", "  # ")
    text = text.replace("faults:", "faults: []").replace("expect:", "expect: []")
    held = []
    for name in ("one", "two"):
        run_all([write(tmp_path, text)], 3, None, tmp_path / name, shown=False)
        with sqlite3.connect(tmp_path / name / "short-cut" / "fleet" / "kh-f0207-a" / "outbox.sqlite") as db:
            held.append(db.execute("SELECT count(*) FROM batches").fetchone())
        db.close()
        lines = (tmp_path / name / "short-cut" / "truth.jsonl").read_text()
        held.append(lines)
    assert held[:2] == held[2:]
