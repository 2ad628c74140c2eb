"""A bundle carries the keys with what introduced and what ended them, and is judged by these offline."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ingest_service.auth.server_key import ServerKey, verify_ed25519
from ingest_service.evidence.making import BundleMaker, Wanted
from osh_domain.evidence import bundle
from osh_domain.evidence.archive import ArchiveError
from osh_domain.gateway_keys import OVERLAP_S
from oshwatch.main import build
from oshwatch.verify.checking import Checker, NotABundleError
from oshwatch.verify.findings import Level, Report
from tests.ingest_service.gateways import NOW, SIGNED, STRANGER, Device, reading
from tests.ingest_service.test_gateway_keys import EPOCH, NEW, NEXT, OLD, House, house  # noqa: F401 - a fixture
from tests.oshwatch.test_verify import repacked

DAY_S = 86_400.0


def make(found: House, folder: Path) -> tuple[bytes, ServerKey]:
    key = ServerKey.load_or_create(folder / "server.key")
    target = io.BytesIO()
    wanted = Wanted("kh-f0123", NOW - DAY_S, NOW + 30 * DAY_S)
    register = found.register.snapshot(fresh=True)
    BundleMaker(found.ledger, register, found.register.engine, key).write(wanted, target, NOW + DAY_S)
    return target.getvalue(), key


def check(raw: bytes) -> Report:
    return Checker(io.BytesIO(raw), verify_ed25519).check()


@pytest.fixture
def rotated(house: House) -> House:  # noqa: F811
    """Two batches of the old key, the statement, two of the new."""
    batches = [
        house.device.batch(),
        house.device.batch(),
        house.introducing(),
        house.by(NEXT),
        house.by(NEXT),
    ]
    assert house.take(*batches) == ["new"] * 5
    return house


def test_batches_of_both_keys_are_good_by_the_statement_in_the_bundle(rotated: House, tmp_path: Path) -> None:
    report = check(make(rotated, tmp_path)[0])
    assert report.of(Level.BROKEN) == []
    assert (report.batches, report.signed, report.keys, report.bad_signatures) == (5, 5, 2, 0)


def test_what_overlapped_and_what_came_late_is_judged_as_the_service_did(
    rotated: House, tmp_path: Path
) -> None:
    rotated.at = NOW + OVERLAP_S + 60
    device = Device(seq=40, prev=rotated.device.prev)
    assert rotated.take(device.batch()) == ["key"]
    lost = Device(epoch=EPOCH, seq=0)
    assert rotated.take(lost.batch()) == ["duplicate"]
    report = check(make(rotated, tmp_path)[0])
    assert report.of(Level.BROKEN) == []
    (entry,) = rotated.ledger.quarantine()
    assert entry.code == "key"


def test_a_batch_that_came_before_the_statement_is_good(house: House, tmp_path: Path) -> None:  # noqa: F811
    introducing, early = house.introducing(), house.by(NEXT)
    assert house.take(early) == ["key"]
    house.at = NOW + 60
    assert house.take(introducing) == ["new"]
    report = check(make(house, tmp_path)[0])
    assert (report.of(Level.BROKEN), report.signed) == ([], 2)


def test_a_batch_beyond_the_last_good_one_of_a_revoked_key_is_said_to_be_doubtful(
    rotated: House, tmp_path: Path
) -> None:
    rotated.at = NOW + 60
    with rotated.register.change("rith") as change:
        number = change.propose_revocation(SIGNED.id, NEW, f"{EPOCH}:4", "the card was stolen")
    with rotated.register.change("bopha") as change:
        change.confirm_revocation(number)
    report = check(make(rotated, tmp_path)[0])
    assert report.of(Level.BROKEN) == []
    assert [one.where for one in report.of(Level.REVOKED)] == ["frames/000000005.frame"]
    assert (report.signed, report.verdict[:8]) == (4, "DOUBTFUL")


def no_statement(files: dict[str, bytes]) -> None:
    del files[bundle.statement_name(NEW)]


def another_key(files: dict[str, bytes]) -> None:
    name = bundle.statement_name(NEW)
    files[name] = files["frames/000000001.frame"]


def signed_by_a_stranger(files: dict[str, bytes]) -> None:
    device = Device(signer=STRANGER, seq=2)
    files[bundle.statement_name(NEW)] = device.batch(reading())


def another_predecessor(files: dict[str, bytes]) -> None:
    keys = json.loads(files[bundle.KEYS])
    for key in keys:
        if key["kid"] == NEW:
            key["replaces"] = "0" * 16
    files[bundle.KEYS] = json.dumps(keys).encode()


def another_number(files: dict[str, bytes]) -> None:
    files[bundle.KEYS] = files[bundle.KEYS].replace(f"{EPOCH}:3".encode(), f"{EPOCH}:2".encode())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (no_statement, f"nothing shows that {OLD} introduced the key"),
        (another_key, "it is not the batch that the register names"),
        (signed_by_a_stranger, "it is not the batch that the register names"),
        (another_predecessor, "is not in the register"),
        (another_number, "it is not the batch that the register names"),
    ],
)
def test_a_register_that_the_service_made_up_is_found(
    rotated: House, tmp_path: Path, change: Callable[[dict[str, bytes]], None], words: str
) -> None:
    raw, key = make(rotated, tmp_path)
    report = check(repacked(raw, change, key))
    assert any(words in one.what for one in report.of(Level.BROKEN)), report.findings


def test_any_flipped_bit_is_found_also_in_what_introduces_a_key(rotated: House, tmp_path: Path) -> None:
    whole, _ = make(rotated, tmp_path)
    at = whole.index(b"sys/key")
    places = st.one_of(st.integers(0, len(whole) * 8 - 1), st.integers((at - 600) * 8, (at + 700) * 8))

    @given(places)
    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def flip(bit: int) -> None:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        with contextlib.suppress(ArchiveError, NotABundleError):
            assert check(bytes(damaged)).broken

    flip()


def test_clock_hours_and_calibrations_are_summed_up(house: House, tmp_path: Path) -> None:  # noqa: F811
    house.take(house.device.batch())
    house.device.clk, house.device.err = "rtc", 30.0
    house.take(house.device.batch(reading(at=NOW)))
    report = check(make(house, tmp_path)[0])
    assert report.clock_hours == {"coarse": 1}
    assert report.calibration_states == {"kh-f0123-a/st1/ta": {"unknown": 2}}


def test_all_of_the_quarantine_is_in_the_bundle(house: House, tmp_path: Path) -> None:  # noqa: F811
    stranger = Device(signer=STRANGER)
    for _ in range(6):
        assert house.take(*(stranger.batch() for _ in range(100))) == ["key"] * 100
    raw, _ = make(house, tmp_path)
    files: dict[str, bytes] = {}
    repacked(raw, files.update)
    lines = files[bundle.QUARANTINE].splitlines()
    assert len(lines) == len({json.loads(line)["id"] for line in lines}) == 600


def broken(report: Report) -> str:
    return "; ".join(f"{one.where}: {one.what}" for one in report.of(Level.BROKEN))


def test_a_revocation_that_was_taken_out_of_the_key_register_shows_in_the_audit_log(
    rotated: House,
    tmp_path: Path,
) -> None:
    with rotated.register.change("rith") as change:
        change.revoke_key(NEW, f"{EPOCH}:4")
    raw, key = make(rotated, tmp_path)

    def edited(**more: object) -> str:
        def edit(files: dict[str, bytes]) -> None:
            keys = [one | more if one["kid"] == NEW else one for one in json.loads(files[bundle.KEYS])]
            files[bundle.KEYS] = json.dumps(keys).encode()

        return broken(check(repacked(raw, edit, key)))

    assert f"{NEW} was revoked, as audit.jsonl says" in edited(revoked_at=None)
    assert f"another last good batch of {NEW}" in edited(good_up_to=f"{EPOCH}:5")


def test_a_batch_that_came_in_the_moment_of_the_revocation_is_doubtful_not_broken(
    house: House,  # noqa: F811
    tmp_path: Path,
) -> None:
    before = house.register.snapshot(fresh=True)
    with house.register.change("rith") as change:
        change.revoke_key(OLD)
    house.intake._register = lambda: before
    assert house.take(house.device.batch()) == ["new"]
    report = check(make(house, tmp_path)[0])
    assert (broken(report), [one.where for one in report.of(Level.REVOKED)]) == (
        "",
        ["frames/000000001.frame"],
    )


def test_doubt_ends_a_strict_check(
    rotated: House,
    tmp_path: Path,
) -> None:
    with rotated.register.change("rith") as change:
        change.revoke_key(NEW, f"{EPOCH}:4")
    (tmp_path / "b.tar").write_bytes(make(rotated, tmp_path)[0])
    run = CliRunner()
    easy = run.invoke(build("verify"), ["verify", str(tmp_path / "b.tar")])
    assert (easy.exit_code, "DOUBTFUL" in easy.output) == (0, True)
    strict = run.invoke(build("verify"), ["verify", str(tmp_path / "b.tar"), "--strict"])
    assert strict.exit_code == 1
    assert "which were ended says the service alone" in strict.output
