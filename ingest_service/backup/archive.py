"""The form of a backup: a zip with ``manifest.json``, a member of JSON lines for each table, and a few files.

A line is one row: a JSON array in the order of the table's ``columns``, bytes as base64. The same form for
every database engine, so what was taken from one is put back into another. The manifest comes last: where it
is missing, the archive was never finished.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zipfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, time
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

VERSION: Final = 1
KIND: Final = "osh-backup"
MANIFEST: Final = "manifest.json"
LARGEST_MANIFEST: Final = 16 * 2**20
LARGEST_FILE: Final = 64 * 2**20
LONGEST_LINE: Final = 64 * 2**20
"""Far above the largest payload the service takes (16 MiB, a third more in base64)."""
KEY_MEMBER: Final = "server.key"
KEY_FILES: Final = (KEY_MEMBER, f"{KEY_MEMBER}.statements", f"{KEY_MEMBER}.next")
"""The server's key, what names it as the successor of earlier ones, and one that a change waits with."""
CONFIGURATION: Final = "configuration/"
# A zip whose bytes were changed may seem encrypted (RuntimeError), packed in a way that Python does not know
# (NotImplementedError), cut off, or of absurd sizes.
DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    RuntimeError,
    OverflowError,
    struct.error,
)
_ENCODE: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_TO_TEXT: Final[Mapping[str, Callable[[Any], str]]] = {
    "bytes": lambda value: b64encode(value).decode(),
    "date": date.isoformat,
    "time": time.isoformat,
}
_FROM_TEXT: Final[Mapping[str, Callable[[str], Any]]] = {
    "bytes": lambda text: b64decode(text, validate=True),
    "date": date.fromisoformat,
    "time": time.fromisoformat,
}

Store = Literal["ledger", "register"]


class BackupError(Exception):
    """A backup cannot be made, read or put back; the message says why and what to do. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; ``kind``: ``bytes`` where a line holds base64, ``date``, ``time``, else ``plain``."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class TableMember:
    """One table: its rows in order of its key."""

    store: Store
    table: str
    columns: tuple[Column, ...]
    rows: int
    size: int
    sha256: str

    @property
    def name(self) -> str:
        return member_name(self.store, self.table)


@dataclass(frozen=True, slots=True)
class FileMember:
    """One file as it was."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup; times in s UTC.

    ``last_row``, ``last_row_hash``, ``newest_at``: the end of the ledger's chain. ``broken_rows``: rows of
    the ledger that did not follow from the one before already when the backup was taken.
    """

    made_at: float
    program: str
    engine: str
    register_revision: str
    server_key: str
    last_row: int
    last_row_hash: str
    newest_at: float | None
    broken_rows: tuple[int, ...]
    tables: tuple[TableMember, ...]
    files: tuple[FileMember, ...]

    def table(self, store: Store, name: str) -> TableMember | None:
        return next((one for one in self.tables if (one.store, one.table) == (store, name)), None)

    def text(self) -> bytes:
        return json.dumps({"v": VERSION, "kind": KIND, **asdict(self)}, indent=1, ensure_ascii=False).encode()


_MANIFEST: Final = TypeAdapter(Manifest)


def member_name(store: Store, table: str) -> str:
    return f"{store}/{table}.jsonl"


class ArchiveWriter:
    """A backup in the making. Every byte is hashed on its way."""

    def __init__(self, target: zipfile.ZipFile) -> None:
        self._zip = target
        self.tables: list[TableMember] = []
        self.files: list[FileMember] = []

    def add_table(
        self, store: Store, table: str, columns: tuple[Column, ...], rows: Iterable[Sequence[Any]]
    ) -> None:
        """One table, streamed."""
        coded = [(place, _TO_TEXT[one.kind]) for place, one in enumerate(columns) if one.kind in _TO_TEXT]
        digest, size, count = hashlib.sha256(), 0, 0
        name = member_name(store, table)
        with self._zip.open(zipfile.ZipInfo(name), "w", force_zip64=True) as target:
            for row in rows:
                values = list(row)
                for place, to_text in coded:
                    if values[place] is not None:
                        values[place] = to_text(values[place])
                line = (_ENCODE(values) + "\n").encode()
                digest.update(line)
                target.write(line)
                size += len(line)
                count += 1
        self.tables.append(TableMember(store, table, columns, count, size, digest.hexdigest()))

    def add_file(self, name: str, content: bytes) -> None:
        self._zip.writestr(zipfile.ZipInfo(name), content)
        self.files.append(FileMember(name, len(content), hashlib.sha256(content).hexdigest()))

    def finish(self, manifest: Manifest) -> None:
        self._zip.writestr(zipfile.ZipInfo(MANIFEST), manifest.text())


class Archive:
    """A backup that is there. Everything it cannot trust is one `BackupError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except OSError as error:
            raise BackupError(f"{path} cannot be read ({error.strerror}).") from None
        except DAMAGE as error:
            raise self._damaged(_reason(error)) from None
        try:
            if self._zip.getinfo(MANIFEST).file_size > LARGEST_MANIFEST:
                raise ValueError("its manifest is absurdly large")
            self.manifest = _read_manifest(self._zip.read(MANIFEST))
            self._members()
        except (OSError, KeyError, TypeError, AttributeError, *DAMAGE) as error:
            raise self._damaged(_reason(error)) from None

    def close(self) -> None:
        self._zip.close()

    def lines(self, member: TableMember) -> Iterator[list[Any]]:
        """The rows of a table; at their end, its number of rows, size and hash have been checked."""
        columns = enumerate(member.columns)
        coded = [(place, _FROM_TEXT[one.kind]) for place, one in columns if one.kind != "plain"]
        digest, size, count = hashlib.sha256(), 0, 0
        try:
            with self._zip.open(member.name) as source:
                while line := source.readline(LONGEST_LINE):
                    digest.update(line)
                    size += len(line)
                    count += 1
                    yield _row(line, len(member.columns), coded)
        except (OSError, TypeError, *DAMAGE) as error:
            raise self._damaged(f"{member.name}, line {count}: {_reason(error)}") from None
        if (digest.hexdigest(), size, count) != (member.sha256, member.size, member.rows):
            raise self._damaged(f"{member.name} is not what the manifest says")

    def file(self, member: FileMember) -> bytes:
        try:
            found = self._zip.read(member.name)
        except (OSError, *DAMAGE) as error:
            raise self._damaged(f"{member.name}: {_reason(error)}") from None
        if (hashlib.sha256(found).hexdigest(), len(found)) != (member.sha256, member.size):
            raise self._damaged(f"{member.name} is not what the manifest says")
        return found

    def _members(self) -> None:
        """Exactly what the manifest names, each once, of that size, and nothing that has no place."""
        members: list[TableMember | FileMember] = [*self.manifest.tables, *self.manifest.files]
        said = [MANIFEST, *(one.name for one in members)]
        if sorted(self._zip.namelist()) != sorted(said) or len({*said}) < len(said):
            raise ValueError("its members are not those of its manifest")
        for one in members:
            if self._zip.getinfo(one.name).file_size != one.size:
                raise ValueError(f"{one.name} is not of the size that the manifest says")
        for file in self.manifest.files:
            if file.size > LARGEST_FILE or not _has_place(file.name):
                raise ValueError(f"{file.name!r} does not belong into a backup")

    def _damaged(self, reason: str) -> BackupError:
        return BackupError(
            f"{self.path} is not a whole backup ({reason}). Nothing was put back; take another backup."
        )


def _has_place(name: str) -> bool:
    """Whether a file of this name is put into a data directory: its keys, and what is configuration."""
    inside = name.startswith(CONFIGURATION) and not {"", ".", ".."} & set(name.split("/"))
    return name in KEY_FILES or (inside and "\\" not in name and "\0" not in name)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, KeyError):
        return f"it lacks {error.args[0] if MANIFEST not in str(error) else 'its manifest'}"
    return str(error) or type(error).__name__


def _row(line: bytes, width: int, coded: list[tuple[int, Callable[[str], Any]]]) -> list[Any]:
    values = json.loads(line)
    if not isinstance(values, list) or len(values) != width:
        raise ValueError("not a row of its table")
    for place, from_text in coded:
        if values[place] is not None:
            values[place] = from_text(values[place])
    return values


def _read_manifest(text: bytes) -> Manifest:
    said = json.loads(text)
    if not isinstance(said, dict) or said.pop("kind", None) != KIND:
        raise ValueError("its manifest is not one of OSHWatch")
    if (version := said.pop("v", None)) != VERSION:
        raise ValueError(f"it has form {version}, this program knows {VERSION}: use the program that made it")
    try:
        return _MANIFEST.validate_json(json.dumps(said), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(one) for one in first["loc"])
        raise ValueError(f"its manifest is not sound: {where}: {first['msg']}") from None
