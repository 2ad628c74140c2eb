"""Merkle trees, day roots and the archive of a bundle."""

import hashlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.auth.server_key import verify_ed25519
from osh_domain.evidence import archive, merkle
from osh_domain.evidence.day_roots import NO_LINE, DayRoot, line_hash, read_day_root
from osh_domain.wire_error import WireError
from tests.ingest_service.gateways import SIGNER, STRANGER

LEAVES = st.lists(st.binary(max_size=8), max_size=40).map(lambda found: [merkle.leaf(one) for one in found])
DAY = DayRoot("2026-03-01", 1, 12, "ab" * 32, "cd" * 32, NO_LINE, 1_772_409_900.0)


def recursive_root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 9162 section 2.1.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    left, right = recursive_root(leaves[:split]), recursive_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@given(LEAVES)
def test_a_root_is_that_of_the_standard(leaves: list[bytes]) -> None:
    assert merkle.Tree(leaves).root == recursive_root(leaves)


def test_a_root_of_known_leaves_has_its_known_value() -> None:
    # Computed once with hashlib alone: leaves 00, 01, 02.
    a, b, c = (hashlib.sha256(b"\x00" + bytes([n])).digest() for n in range(3))
    expected = hashlib.sha256(b"\x01" + hashlib.sha256(b"\x01" + a + b).digest() + c).digest()
    assert merkle.Tree([merkle.leaf(bytes([n])) for n in range(3)]).root == expected


@given(LEAVES.filter(bool), st.data())
def test_a_path_leads_from_its_leaf_to_the_root_and_from_no_other(
    leaves: list[bytes], data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = merkle.Tree(leaves).path(index)
    assert merkle.root_from(leaves[index], path) == merkle.Tree(leaves).root
    assert merkle.root_from(merkle.leaf(b"another row"), path) != merkle.Tree(leaves).root


def test_a_leaf_that_is_not_there_has_no_path() -> None:
    with pytest.raises(IndexError, match="no leaf 3 among 3"):
        merkle.Tree([b"", b"", b""]).path(3)


def test_a_day_root_is_read_back_as_it_was_said() -> None:
    word = DAY.word(SIGNER)
    assert read_day_root(word, SIGNER.public_key, verify_ed25519) == DAY
    assert line_hash(word) == line_hash(DAY.word(STRANGER)), "a line's name does not depend on who signs it"


@given(st.integers(0, len(DAY.word(SIGNER)) * 8 - 1))
def test_a_day_root_with_a_flipped_bit_is_refused(bit: int) -> None:
    word = bytearray(DAY.word(SIGNER))
    word[bit // 8] ^= 1 << bit % 8
    with pytest.raises(WireError):
        read_day_root(bytes(word), SIGNER.public_key, verify_ed25519)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("day", "yesterday"),
        ("first", -1),
        ("last", 1.5),
        ("root", "AB" * 32),
        ("before", ""),
        ("at", "noon"),
        ("v", 2),
    ],
)
def test_a_signed_line_that_is_no_day_root_is_refused(key: str, value: object) -> None:
    from osh_domain import strict_json
    from osh_domain.acknowledgement import speak

    said = strict_json.read_object(DAY.word(SIGNER).partition(b"\n")[0]) | {key: value}
    with pytest.raises(WireError):
        read_day_root(speak(said, SIGNER), SIGNER.public_key, verify_ed25519)


@given(st.binary(max_size=1500))
def test_any_tar_program_reads_the_archive(content: bytes) -> None:
    raw = archive.header("frames/000001.frame", len(content)) + content + archive.padding(len(content))
    with tarfile.open(fileobj=io.BytesIO(raw + archive.END)) as tar:
        (member,) = tar.getmembers()
        extracted = tar.extractfile(member)
        assert extracted is not None
        assert (member.name, extracted.read()) == ("frames/000001.frame", content)


@given(st.integers(0, 512 * 8 - 1))
def test_a_flipped_bit_in_a_header_is_refused_or_tells_another_name_or_size(bit: int) -> None:
    block = bytearray(archive.header("keys/56475aa75463474c.pem", 113))
    block[bit // 8] ^= 1 << bit % 8
    with pytest.raises(archive.ArchiveError):
        archive.read_header(bytes(block), 0)


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "a/../b", "", "a//b", "a\nb", "-rf", "x" * 100])
def test_a_name_that_leads_out_of_the_folder_is_refused(name: str) -> None:
    with pytest.raises(archive.ArchiveError):
        archive.header(name, 1)
