from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edge_agent.enrol import registration
from edge_agent.identity import (
    GatewaySigner,
    Identity,
    IdentityError,
    decode_public_key,
    encode_public_key,
    hardware_serial,
    load_or_create_key,
    verify_ed25519,
)
from edge_agent.settings import ChannelSettings, SensorSettings


def test_the_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "gateway.key"
    first = load_or_create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create_key(path).public_key == first.public_key
    assert verify_ed25519(first.public_key, first.sign(b"data"), b"data")
    assert not verify_ed25519(first.public_key, first.sign(b"data"), b"date")
    assert not verify_ed25519(b"short", b"", b"data")


def test_a_key_that_others_may_read_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "gateway.key"
    load_or_create_key(path)
    path.chmod(0o644)
    with pytest.raises(IdentityError, match="chmod 600"):
        load_or_create_key(path)


def test_half_a_key_is_refused_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "gateway.key"
    path.write_bytes(b"half")
    path.chmod(0o600)
    with pytest.raises(IdentityError, match="not a private key"):
        load_or_create_key(path)
    assert path.read_bytes() == b"half"


def test_the_private_key_shows_nowhere() -> None:
    raw = bytes(range(32))
    signer = GatewaySigner.from_bytes(raw)
    identity = Identity("kh-f0123-a", "kh-f0123", signer, None)
    assert repr(signer) == "GatewaySigner(kid=56475aa75463474c)"
    assert raw.hex() not in repr(identity)


@pytest.mark.parametrize("text", ["", "abc", "!" * 43, "A" * 44])
def test_a_public_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"32 bytes|base64url"):
        decode_public_key(text)


def test_the_registration_names_key_and_channels() -> None:
    signer = GatewaySigner.from_bytes(bytes(range(32)))
    sensor = SensorSettings(
        id="st1",
        driver="replay",
        period_s=10,
        channels=(ChannelSettings(quantity="ta"), ChannelSettings(quantity="rh")),
    )
    said = registration(Identity("kh-f0123-a", "kh-f0123", signer, None, "s1"), [sensor])
    assert (
        said["public_key"]
        == encode_public_key(signer.public_key)
        == "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
    )
    assert said["kid"] == "56475aa75463474c"
    assert said["channels"] == [
        {"sensor": "st1", "quantity": "ta", "period_s": 10.0},
        {"sensor": "st1", "quantity": "rh", "period_s": 10.0},
    ]


def test_the_machines_serial_is_found_or_said_to_be_unknown(tmp_path: Path) -> None:
    assert hardware_serial(tmp_path) == "unknown"
    (tmp_path / "proc/device-tree").mkdir(parents=True)
    (tmp_path / "proc/device-tree/serial-number").write_bytes(b"10000000abcdef01\0")
    assert hardware_serial(tmp_path) == "10000000abcdef01"


def test_two_processes_that_make_a_key_at_once_go_on_with_the_same(tmp_path: Path) -> None:
    path = tmp_path / "gateway.key.next"
    command = [sys.executable, "-c", MAKE, str(path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(8)]
    keys = {one.communicate()[0] for one in running}
    assert keys == {load_or_create_key(path).public_key.hex().encode() + b"\n"}
    assert [one.name for one in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o600


MAKE = """
import sys
from pathlib import Path
from edge_agent.identity import load_or_create_key
print(load_or_create_key(Path(sys.argv[1])).public_key.hex())
"""
