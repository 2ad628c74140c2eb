"""`oshwatch science`: cases of one's own, refused where they cannot be used, judged where they can."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from oshwatch.commands.science import app
from oshwatch.science.checking import check_directory
from oshwatch.science.reading import UNDERSTOOD

LAEQ = "id,levels_equal_duration_dba,expected_laeq_dba,tolerance_db\n"
DOSE = "id,criterion,samples_dba_at_h,expected_dose_pct,tolerance_pct,expected_twa_dba,tolerance_db\n"
VECTORS = Path(__file__).parents[1] / "reference" / "vectors"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "noise_laeq.csv").write_text(LAEQ + "one,80;90,87.404,0.005\n", "utf-8")
    return tmp_path


def check(folder: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["check", str(folder), *options])


def test_cases_that_hold_end_with_0(folder: Path) -> None:
    found = check(folder)
    assert (found.exit_code, found.stderr) == (0, "")
    assert "passed noise_laeq.csv: 1 of 1 cases hold" in found.stdout


def test_a_difference_is_told_with_row_expectation_and_tolerance(folder: Path) -> None:
    (folder / "noise_laeq.csv").write_text(LAEQ + "one,80;90,87.404,0.005\ntwo,80;90,85,0.5\n", "utf-8")
    found = check(folder)
    assert found.exit_code == 1
    assert "FAILED noise_laeq.csv: 1 of 2 cases hold" in found.stdout
    assert "line 3, two: expected_laeq_dba should be 85, found 87.40362689, tolerance 0.5" in found.stdout


def test_only_the_first_differences_are_printed_and_the_others_counted(folder: Path) -> None:
    (folder / "noise_laeq.csv").write_text(LAEQ + "".join(f"r{i},80,1,0\n" for i in range(9)), "utf-8")
    found = check(folder, "--show", "2")
    assert found.stdout.count("should be 1,") == 2
    assert "and 7 more (--show 9 shows all)" in found.stdout


def test_json_carries_every_difference_and_the_calculation(folder: Path) -> None:
    (folder / "noise_laeq.csv").write_text(LAEQ + "two,80;90,85,0.5\n", "utf-8")
    document = json.loads(check(folder, "--json").stdout)
    assert (document["passed"], document["failed"], document["calculation"]) == (0, 1, "2")
    assert document["files"][0]["differences"][0] == {
        "line": 2,
        "row": "two",
        "column": "expected_laeq_dba",
        "expected": 85.0,
        "found": pytest.approx(87.4036, abs=1e-4),
        "tolerance": 0.5,
        "why": "",
    }


def test_a_blank_expectation_means_that_the_code_must_refuse(folder: Path) -> None:
    (folder / "noise_dose.csv").write_text(
        DOSE + "quiet,niosh,70@8,0,0,,\nloud,niosh,88@8,200,2,,\nrefused,niosh,250@8,,,,\n", "utf-8"
    )
    (result,) = [one for one in check_directory(folder).files if one.file == "noise_dose.csv"]
    assert [(one.row, one.column, one.expected) for one in result.differences] == [
        ("loud", "expected_twa_dba", None)
    ]


def test_a_value_that_the_code_refuses_fails_with_the_reason(folder: Path) -> None:
    (folder / "noise_laeq.csv").write_text(LAEQ + "hot,250,250,1\n", "utf-8")
    found = check(folder)
    assert found.exit_code == 1
    assert "found refused, tolerance 1 (level must be -50 to 200 dB, not 250.0)" in found.stdout


def test_every_mistake_is_told_at_once_with_file_line_column_and_way_out(folder: Path) -> None:
    (folder / "noise_laq.csv").write_text(LAEQ, "utf-8")
    (folder / "wbgt.csv").write_bytes(b"")
    (folder / "ppm.csv").write_bytes("id,ppm\n\u00e9,1\n".encode("latin-1"))
    (folder / "twa.csv").write_text("id,kind,samples,expected\na,b,c,d\n", "utf-8")
    (folder / "niosh_heat.csv").write_text("id;metabolic_rate_w\n", "utf-8")
    (folder / "mixture.csv").write_text(
        "id,conc_over_limit,expected_index,expected_exceeds,tolerance\n"
        "a,60/100,0.6,0,0.1\na,60@100,0.6,2,-1\n,60/100,inf,0\n",
        "utf-8",
    )
    (folder / "sound_pressure.csv").write_text("id,pressure_pa,expected_db,tolerance_db\n\n", "utf-8")
    (folder / "noise_dose.csv").write_text(DOSE + 'a,"niosh\n', "utf-8")
    (folder / "globe.csv").mkdir()
    found = check(folder)
    assert (found.exit_code, found.stdout) == (2, "")
    for sentence in (
        "noise_laq.csv: no method has vectors of this name; did you mean noise_laeq.csv",
        "wbgt.csv: is empty; its first line names the columns",
        "ppm.csv: is not UTF-8 (line 2); save it as 'CSV UTF-8'",
        "twa.csv, line 1, column tolerance: is missing",
        "niosh_heat.csv, line 1: separates its columns by semicolons; use commas",
        "mixture.csv, line 3, column conc_over_limit: '60@100' is not of the form value/weight",
        "mixture.csv, line 3, column expected_exceeds: '2' is not 0 (no) or 1 (yes)",
        "mixture.csv, line 3, column tolerance: a tolerance is 0 or more, not '-1'",
        "mixture.csv, line 4: has 4 cells where the header has 5",
        "sound_pressure.csv: has a header and no cases",
        "noise_dose.csv, line 2: is no CSV",
        "globe.csv: is not a file",
        "mistakes; nothing was judged.",
    ):
        assert sentence in found.stderr


def test_a_name_used_twice_is_a_mistake(folder: Path) -> None:
    (folder / "noise_laeq.csv").write_text(LAEQ + "one,80,80,0\none,81,81,0\n", "utf-8")
    assert "line 3, column id: 'one' is the id of line 2 as well" in check(folder).stderr


def test_a_misspelt_column_is_answered_with_the_right_one(folder: Path) -> None:
    (folder / "noise_laeq.csv").write_text(LAEQ.replace("tolerance_db", "tolerance"), "utf-8")
    assert "column tolerance: is unknown; did you mean tolerance_db?" in check(folder).stderr


def test_cells_that_do_not_go_together_are_mistakes(folder: Path) -> None:
    (folder / "wbgt.csv").write_text(
        "id,t_nwb_c,t_globe_c,t_air_c,solar_load,expected_wbgt_c,tolerance_c\n"
        "sun,25,32,,1,25.9,0.1\nloose,25,32,,0,27.1,\n",
        "utf-8",
    )
    (folder / "qc_flags.csv").write_text(
        "id,test,values,interval_s,parameters,expected_flags\n"
        "a,flat_line,1;1,60,suspect=1,1;1\nb,gross_range,1;nan,60,fail=1,1;9\n",
        "utf-8",
    )
    mistakes = [str(one) for one in check_directory(folder).mistakes]
    assert [text.split(":")[0] for text in mistakes] == [
        "qc_flags.csv, line 2, column parameters",
        "qc_flags.csv, line 3, column parameters",
        "wbgt.csv, line 2, column t_air_c",
        "wbgt.csv, line 3, column tolerance_c",
    ]


@pytest.mark.parametrize("name", ["none", "file.csv"])
def test_what_is_no_directory_of_cases_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.csv").write_text("x", "utf-8")
    assert check(tmp_path / name).exit_code == 2


def test_an_empty_directory_is_no_success(tmp_path: Path) -> None:
    found = check(tmp_path)
    assert found.exit_code == 2
    assert "holds no .csv file with cases" in found.stderr


def test_a_byte_order_mark_and_blank_lines_do_no_harm(folder: Path) -> None:
    (folder / "noise_laeq.csv").write_bytes(b"\xef\xbb\xbf" + (LAEQ + "\none,80,80,0\n\n").encode())
    assert check(folder).exit_code == 0


def test_the_list_shows_every_file_and_column() -> None:
    text = CliRunner().invoke(app, ["list"]).stdout
    for one in UNDERSTOOD.values():
        assert f"{one.name}.csv: {one.title}" in text
    rows = json.loads(CliRunner().invoke(app, ["list", "noise_laeq", "--json"]).stdout)
    assert [column["name"] for column in rows[0]["columns"]] == LAEQ.strip().split(",")[1:]
    assert CliRunner().invoke(app, ["list", "nosuch"]).exit_code == 2


def test_the_shipped_vectors_hold() -> None:
    assert check(VECTORS).exit_code == 0


CELLS = st.sampled_from(
    ["", "0", "1", "-1", "nan", "inf", "1e308", "-1e308", "1e-320", "80;90", "1@1", "1/0", "a=b", "x", "0@0"]
)


@given(name=st.sampled_from(sorted(UNDERSTOOD)), cells=st.lists(CELLS, min_size=30, max_size=30))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_strange_cells_never_break_the_checker(tmp_path: Path, name: str, cells: list[str]) -> None:
    for old in tmp_path.glob("*.csv"):
        old.unlink()
    columns = [column.name for column in UNDERSTOOD[name].columns]
    text = ",".join(["id", *columns]) + "\n" + ",".join(["a", *cells[: len(columns)]]) + "\n"
    (tmp_path / f"{name}.csv").write_text(text, "utf-8")
    assert check_directory(tmp_path).exit_code in {0, 1, 2}


@given(name=st.sampled_from(sorted(UNDERSTOOD)), seed=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_good_row_with_one_strange_cell_never_breaks_the_checker(
    tmp_path: Path, name: str, seed: st.DataObject
) -> None:
    lines = (VECTORS / f"{name}.csv").read_text("utf-8").splitlines()
    cells = lines[1].split(",")
    at = seed.draw(st.integers(1, len(UNDERSTOOD[name].columns)))
    cells[at] = seed.draw(CELLS)
    for old in tmp_path.glob("*.csv"):
        old.unlink()
    (tmp_path / f"{name}.csv").write_text(f"{lines[0]}\n{','.join(cells)}\n", "utf-8")
    assert check_directory(tmp_path).exit_code in {0, 1, 2}


def test_a_result_that_is_not_finite_neither_holds_nor_counts_as_refused(tmp_path: Path) -> None:
    header = "id,molar_mass_g_mol,ppm,t_c,pressure_kpa,expected_mg_m3,tolerance_mg_m3\n"
    rows = "one,1e300,1e300,25,101.3,1,0.1\ntwo,1e300,1e300,25,101.3,,\n"
    (tmp_path / "ppm.csv").write_text(header + rows, "utf-8")
    text = check(tmp_path, "--json").stdout
    assert "Infinity" not in text  # which is no JSON
    assert json.loads(text)["failed"] == 2


def test_a_path_that_cannot_be_looked_at_is_refused(tmp_path: Path) -> None:
    found = check(tmp_path / ("a" * 5000))
    assert found.exit_code == 2
    assert "File name too long; name a directory" in found.output


def test_zeros_are_no_text(folder: Path) -> None:
    (folder / "noise_laeq.csv").write_bytes(b"\0" * 3000)
    assert "noise_laeq.csv: is no text" in check(folder).output
