import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from osh_domain.batch import compress
from oshwatch.commands.senml import app

REFERENCE = Path(__file__).parents[1] / "reference"
runner = CliRunner()


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    path = tmp_path / "pack.json"
    path.write_text(
        '[\n {"bn":"kh-f0123-a/st1/","n":"ta","u":"Cel","v":31.42,"q_":8},\n'
        ' {"n":"open","t":-5,"vb":false}\n]'
    )
    return path


def test_it_prints_the_resolved_form_as_one_json_array(pack: Path) -> None:
    result = runner.invoke(app, ["resolve", str(pack), "--json", "--now", "1700000000"])
    assert result.exit_code == 0
    assert json.loads(result.stdout) == [
        {"n": "kh-f0123-a/st1/open", "t": 1699999995, "vb": False},
        {"n": "kh-f0123-a/st1/ta", "u": "Cel", "t": 1700000000, "v": 31.42, "q_": 8},
    ]


def test_it_prints_a_table_for_people(pack: Path) -> None:
    result = runner.invoke(
        app, ["resolve", str(pack), "--now", "2026-01-31T08:00:00+07:00"], env={"COLUMNS": "140"}
    )
    assert result.exit_code == 0
    for text in (
        "2026-01-31 01:00:00.000",
        "kh-f0123-a/st1/ta",
        "31.42",
        "partly covered",
        "false",
        "2 records",
    ):
        assert text in result.stdout


def test_it_writes_cbor_and_reads_it_back(pack: Path, tmp_path: Path) -> None:
    written = runner.invoke(app, ["resolve", str(pack), "--cbor", "--now", "1700000000"])
    assert written.exit_code == 0
    file = tmp_path / "pack.cbor"
    file.write_bytes(written.stdout_bytes)
    told = [runner.invoke(app, ["resolve", str(f), "--json", "--now", "1700000000"]) for f in (pack, file)]
    assert told[0].stdout == told[1].stdout
    both = runner.invoke(app, ["resolve", str(pack), "--cbor", "--json"])
    assert both.exit_code == 2


def test_it_reads_standard_input() -> None:
    result = runner.invoke(app, ["resolve", "-", "--json"], input='[{"n":"a","t":1700000000,"v":1}]')
    assert json.loads(result.stdout) == [{"n": "a", "t": 1700000000, "v": 1}]


@pytest.mark.parametrize("deflated", [False, True])
def test_it_reads_the_pack_of_a_sealed_batch(tmp_path: Path, deflated: bool) -> None:
    frame = (REFERENCE / "sealed_batch.frame").read_bytes()
    path = tmp_path / "batch"
    path.write_bytes(compress(frame) if deflated else frame)
    result = runner.invoke(app, ["resolve", str(path), "--json"])
    assert [record["n"] for record in json.loads(result.stdout)] == [
        "kh-f0123-a/st1/ta",
        "kh-f0123-a/st1/pm2_5",
        "kh-f0123-a/mic1/la.eq1",
    ]


def test_it_says_which_record_breaks_which_rule() -> None:
    result = runner.invoke(app, ["resolve", "-"], input='[{"n":"a","v":1},{"n":"b","v":1,"vs":"x"}]')
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == (
        "-: record 1: more than one value: v and vs [R8]\nSee rule R8 in docs/wire-protocol.md.\n"
    )


@pytest.mark.parametrize("text", ["", "{}", "[", "[1]", '[{"n":"a","v":NaN}]', "x", "{}\n[]\n"])
def test_it_refuses_what_is_no_pack_without_a_traceback(text: str) -> None:
    result = runner.invoke(app, ["resolve", "-"], input=text)
    assert result.exit_code == 1
    assert result.stderr.startswith("-: ")
    assert "Traceback" not in result.stderr


def test_it_says_when_a_file_cannot_be_read(tmp_path: Path) -> None:
    result = runner.invoke(app, ["resolve", str(tmp_path / "absent.json")])
    assert result.exit_code == 1
    assert "cannot be read: No such file" in result.stderr


def test_it_refuses_a_time_it_does_not_understand(pack: Path) -> None:
    result = runner.invoke(app, ["resolve", str(pack), "--now", "yesterday"])
    assert result.exit_code == 2
    assert "yesterday" in result.stderr
