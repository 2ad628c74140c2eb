"""A bundle of a real ledger, checked offline: by our command, by openssl, after every kind of damage."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ingest_service.auth.server_key import FILE_NAME, ServerKey, verify_ed25519
from ingest_service.database import migrate, open_database
from ingest_service.evidence.making import BundleMaker, Wanted
from ingest_service.evidence.roots import publish_due
from ingest_service.intake import Intake
from ingest_service.ledger.port import BirthNote
from ingest_service.ledger.sqlite import SqliteLedger, open_ledger
from ingest_service.register.entries import GatewayKey
from ingest_service.register.snapshot import RegisterSnapshot
from osh_domain import strict_json
from osh_domain.acknowledgement import speak
from osh_domain.evidence import archive, bundle
from osh_domain.evidence.archive import ArchiveError
from osh_domain.signing import key_id
from oshwatch.main import build
from oshwatch.verify.checking import Checker, NotABundleError, configuration_hash
from oshwatch.verify.findings import Level, Report
from tests.ingest_service.gateways import FOREIGN, KEY, NOW, SIGNED, SITE, Device, arrival, reading, snapshot

DAY_S = 86_400.0
FIRST_DUE = NOW + DAY_S + 3600.0
CONFIGURATION = json.dumps(
    {"sensors": [{"id": "st1", "channels": [{"quantity": "ta", "cal": {"id": "c1", "due": "2027-01-01"}}]}]},
    separators=(",", ":"),
)
WANTED = Wanted(SITE.id, NOW - DAY_S, NOW + 3 * DAY_S)


class Service:
    """A ledger that takes in, day roots, bundles."""

    def __init__(self, folder: Path, register: RegisterSnapshot) -> None:
        self.register = register
        self.key = ServerKey.load_or_create(folder / FILE_NAME)
        self.ledger: SqliteLedger = open_ledger(folder)
        self.engine = open_database(folder)
        migrate(self.engine)
        self.device = Device(cfg=configuration_hash(CONFIGURATION.encode()))
        self.intake = Intake(self.ledger, lambda: self.register)
        note = BirthNote(SITE.id, SIGNED.id, NOW, "{}", None, (self.device.cfg, CONFIGURATION), None, 0)
        self.ledger.append([], [note])

    def receive(self, payload: bytes, at: float, gateway: str = SIGNED.id) -> None:
        (outcome,) = self.intake.take([arrival(payload, gateway=gateway, at=at)], at)
        assert outcome.verdict == "new"

    def measure(self, batches: int, at: float) -> None:
        for number in range(batches):
            t = at + 60.0 * number
            self.receive(self.device.batch(reading(value=30.0 + number, at=t)), t)

    def bundle(self) -> bytes:
        target = io.BytesIO()
        BundleMaker(self.ledger, self.register, self.engine, self.key).write(WANTED, target, NOW + 3 * DAY_S)
        return target.getvalue()

    def close(self) -> None:
        self.ledger.close()
        self.engine.dispose()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path, snapshot())
    yield service
    service.close()


@pytest.fixture
def whole(service: Service) -> bytes:
    """Two days with four batches, both published."""
    service.measure(2, NOW)
    assert publish_due(service.ledger, service.key, FIRST_DUE)
    service.measure(2, NOW + DAY_S)
    assert publish_due(service.ledger, service.key, FIRST_DUE + DAY_S)
    return service.bundle()


def check(raw: bytes) -> Report:
    return Checker(io.BytesIO(raw), verify_ed25519).check()


def repacked(raw: bytes, change: Callable[[dict[str, bytes]], None], key: ServerKey | None = None) -> bytes:
    """The bundle with other content; with a key the manifest is made and signed anew."""
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        files = {}
        for member in tar.getmembers():
            content = tar.extractfile(member)
            assert content is not None
            files[member.name] = content.read()
    change(files)
    if key is not None:
        import hashlib

        said = strict_json.read_object(files.pop(bundle.MANIFEST).split(b"\n")[0])
        said["files"] = [
            {"path": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in files.items()
        ]
        files[bundle.MANIFEST] = speak(said, key) + b"\n"
    parts = [archive.header(n, len(c)) + c + archive.padding(len(c)) for n, c in files.items()]
    return b"".join(parts) + archive.END


def test_a_bundle_of_what_was_received_is_whole(whole: bytes) -> None:
    report = check(whole)
    assert (report.findings, report.verdict[:5]) == ([], "WHOLE")
    assert (report.batches, report.signed, report.rows, report.days) == (4, 4, 4, 2)
    assert report.clocks == {"synced": 4}
    assert report.calibrations == {"st1/ta": "calibrated, due 2027-01-01"}


def test_any_flipped_bit_in_a_bundle_is_found(whole: bytes) -> None:
    @given(st.integers(0, len(whole) * 8 - 1))
    @settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def flip(bit: int) -> None:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        with contextlib.suppress(ArchiveError, NotABundleError):
            assert check(bytes(damaged)).broken

    flip()


@given(cut=st.integers(0, 10_000))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_bundle_that_is_cut_off_is_refused(whole: bytes, cut: int) -> None:
    with pytest.raises((ArchiveError, NotABundleError)):
        check(whole[: max(0, len(whole) - 1 - cut)])


def test_something_after_the_end_is_refused(whole: bytes) -> None:
    with pytest.raises(ArchiveError, match="end"):
        check(whole + b"\0")


def swap_value(files: dict[str, bytes]) -> None:
    name = "frames/000000002.frame"
    files[name] = files[name].replace(b"31", b"21", 1)


def take_out_a_batch(files: dict[str, bytes]) -> None:
    del files["frames/000000002.frame"]
    lines = files[bundle.LEDGER].splitlines(keepends=True)
    files[bundle.LEDGER] = b"".join(line for line in lines if json.loads(line)["row"] != 2)


def change_a_time_in_the_ledger(files: dict[str, bytes]) -> None:
    files[bundle.LEDGER] = files[bundle.LEDGER].replace(b'"received_at":', b'"received_at":1', 1)


def lend_the_key_to_another(files: dict[str, bytes]) -> None:
    files[bundle.KEYS] = files[bundle.KEYS].replace(SIGNED.id.encode(), b"kh-f0123-z")


def change_the_calibration(files: dict[str, bytes]) -> None:
    name = next(name for name in files if name.startswith("configurations/"))
    files[name] = files[name].replace(b"2027", b"2037")


def forget_a_day(files: dict[str, bytes]) -> None:
    del files[min(name for name in files if name.startswith("days/"))]


@pytest.mark.parametrize(
    ("change", "level", "words"),
    [
        (swap_value, Level.BROKEN, "not the batch that its ledger row names"),
        (take_out_a_batch, Level.MISSING, "batch 2"),
        (change_a_time_in_the_ledger, Level.BROKEN, "its hash is another"),
        (lend_the_key_to_another, Level.BROKEN, "the key belongs to kh-f0123-z"),
        (change_the_calibration, Level.BROKEN, "another hash than its name"),
        (forget_a_day, Level.BROKEN, "does not follow from the line of the day before"),
    ],
)
def test_what_the_server_itself_changes_is_found(
    service: Service, whole: bytes, change: Callable[[dict[str, bytes]], None], level: Level, words: str
) -> None:
    report = check(repacked(whole, change, service.key))
    assert any(words in one.what for one in report.of(level)), report.findings


def test_a_stranger_cannot_make_a_manifest(whole: bytes, tmp_path: Path) -> None:
    stranger = ServerKey.load_or_create(tmp_path / "other.key")
    with pytest.raises(NotABundleError, match="signed"):
        check(repacked(whole, swap_value, stranger))


def test_what_was_never_signed_is_said_to_be_so(service: Service) -> None:
    pack = b'[{"bn":"urn:dev:1","bt":1767225600,"u":"Cel","v":30.5}]'
    service.receive(pack, NOW, FOREIGN.id)
    report = check(service.bundle())
    assert [one.what for one in report.of(Level.UNSIGNED)] == [f"{FOREIGN.id} signs nothing"]
    assert "in no published day yet" in report.of(Level.UNCERTAIN)[0].what
    assert not report.broken


def test_a_batch_after_the_revocation_of_its_key_is_broken_and_one_before_is_not(service: Service) -> None:
    service.measure(2, NOW)
    revoked = GatewayKey(KEY.kid, KEY.gateway, KEY.public_key, 0.0, NOW + 30.0, None)
    service.register = snapshot(keys=[revoked])
    report = check(service.bundle())
    assert [one.where for one in report.of(Level.BROKEN)] == ["frames/000000002.frame"]


def test_a_clock_that_was_not_set_is_uncertain(service: Service) -> None:
    service.device.clk, service.device.err = "none", None
    service.measure(1, NOW)
    assert any("not before" in one.what for one in check(service.bundle()).of(Level.UNCERTAIN))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_the_text_in_the_bundle_verifies_with_openssl_and_sha256sum_alone(
    whole: bytes, tmp_path: Path
) -> None:
    (tmp_path / "FILE").write_bytes(whole)
    text = bundle_commands(whole)
    script = "set -e\n" + "\n".join(text).replace("KID", KEY.kid)
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.count("Signature Verified Successfully") == 2
    assert "frames/000000001.frame: OK" in done.stdout
    assert "FAILED" not in done.stdout
    first = json.loads(check_lines(whole)[0])
    assert first["batch_hash"] in done.stdout, "the batch hash that openssl computes is the one in the ledger"


def bundle_commands(raw: bytes) -> list[str]:
    """The commands of the text in a bundle, in order."""
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        content = tar.extractfile(bundle.README)
        assert content is not None
        lines = content.read().decode().splitlines()
    commands = [
        line.strip()
        for line in lines
        if line.startswith("       ") and not line.strip().startswith(NOT_COMMANDS)
    ]
    return ["tar xf FILE", *commands]


NOT_COMMANDS = ("osh-ledger-v1", "payload_sha256")


def check_lines(raw: bytes) -> list[bytes]:
    with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
        content = tar.extractfile(bundle.LEDGER)
        assert content is not None
        return content.read().splitlines()


def test_the_commands_make_and_check_a_bundle(service: Service, tmp_path: Path) -> None:
    run = CliRunner()
    target = tmp_path / "b.tar"
    missing = run.invoke(build("evidence"), ["evidence", "bundle", "no-site", "--from", "2026-01-01", "--to",
                         "2026-01-02", "--data-dir", str(tmp_path), "-o", str(target)])  # fmt: skip
    assert (missing.exit_code, "no site 'no-site'" in missing.output) == (2, True)
    target.write_bytes(service.bundle())
    good = run.invoke(build("verify"), ["verify", str(target)])
    assert good.exit_code == 0
    assert "WHOLE" in good.output
    other = run.invoke(build("verify"), ["verify", str(target), "--server-key", "0" * 16, "--json"])
    assert (other.exit_code, json.loads(other.output)["findings"][0][0]) == (1, "broken")
    target.write_bytes(b"no bundle")
    assert run.invoke(build("verify"), ["verify", str(target)]).exit_code == 2


def test_days_that_an_earlier_key_of_the_service_signed_are_good_by_its_statement(
    service: Service, tmp_path: Path
) -> None:
    service.measure(2, NOW)
    old = service.key.public_key
    assert publish_due(service.ledger, service.key, FIRST_DUE)
    service.key = ServerKey.replace(tmp_path / FILE_NAME)
    service.measure(2, NOW + DAY_S)
    assert publish_due(service.ledger, service.key, FIRST_DUE + DAY_S)
    whole = service.bundle()
    report = check(whole)
    assert (report.findings, report.verdict[:5], report.days) == ([], "WHOLE", 2)
    assert report.earlier_server_keys == [key_id(old)]

    def forget(files: dict[str, bytes]) -> None:
        del files[bundle.SERVER_STATEMENTS]

    broken = check(repacked(whole, forget, service.key)).of(Level.BROKEN)
    assert any(one.where.startswith("days/") for one in broken)
