from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.buses.sysfs import SysfsFiles
from edge_agent.clock import SimClock
from edge_agent.driver import DriverError
from edge_agent.drivers.ds18b20 import Ds18b20, decode

ADDRESS = "28-000005e2fdc3"
GOOD = "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"


def bus(root: Path, *answers: tuple[str, str]) -> SysfsFiles:
    for address, text in answers:
        folder = root / "bus/w1/devices" / address
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "w1_slave").write_text(text)
    return SysfsFiles(root)


def driver(tree: SysfsFiles, **options: object) -> Ds18b20:
    return Ds18b20(options, tree, SimClock(0.0))


def test_the_only_thermometer_is_found_and_read(tmp_path: Path) -> None:
    made = driver(bus(tmp_path, (ADDRESS, GOOD)), quantity="tg")
    assert made.open().serial == ADDRESS
    assert [tuple(sample) for sample in made.read()] == [("tg", 23.125, 0)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (GOOD.replace("23125", "0"), [0.0]),
        (GOOD.replace("23125", "-1062"), [-1.062]),
        (GOOD.replace("23125", "85000"), [None]),
    ],
)
def test_zero_and_frost_are_temperatures_and_the_power_on_value_is_none(
    text: str, values: list[object]
) -> None:
    assert [sample.value for sample in decode(text, "ta")] == values


@pytest.mark.parametrize(
    ("text", "code"), [(GOOD.replace("YES", "NO"), "crc"), (GOOD[:20], "bus"), ("", "bus")]
)
def test_a_broken_answer_is_an_error_with_its_code(text: str, code: str) -> None:
    with pytest.raises(DriverError) as caught:
        decode(text, "ta")
    assert caught.value.code == code


@given(st.text())
def test_any_answer_is_a_sample_or_an_error(text: str) -> None:
    with contextlib.suppress(DriverError):
        decode(text, "ta")


def test_a_missing_one_is_told_and_several_need_a_name(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="no thermometer") as caught:
        driver(SysfsFiles(tmp_path)).open()
    assert not caught.value.permanent
    tree = bus(tmp_path, (ADDRESS, GOOD), ("28-000005e2fdc4", GOOD))
    with pytest.raises(DriverError, match="name one") as caught:
        driver(tree).open()
    assert caught.value.permanent
    made = driver(tree, address=ADDRESS)
    made.open()
    (tmp_path / "bus/w1/devices" / ADDRESS / "w1_slave").unlink()
    with pytest.raises(DriverError, match="vanished"):
        made.read()


def test_options_are_checked_all_at_once() -> None:
    assert len(Ds18b20.check({"address": "x", "quantity": "rh", "foo": 1})) == 3
    assert Ds18b20.check({}) == []
