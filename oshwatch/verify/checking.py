"""All checks of a bundle, in the order in which trust is built: archive, manifest, days, keys, rows."""

from __future__ import annotations

import bisect
import contextlib
import hashlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

from osh_domain import strict_json
from osh_domain.acknowledgement import hear
from osh_domain.evidence import bundle
from osh_domain.evidence.day_roots import NO_LINE, DayRoot, line_hash, read_day_root
from osh_domain.evidence.ledger_rows import GENESIS_ROW_HASH, LedgerFacts, payload_digest, row_hash
from osh_domain.evidence.merkle import Step, leaf, root_from
from osh_domain.server_keys import preceding, split
from osh_domain.signing import Verifier, key_id
from osh_domain.wire_error import WireError
from oshwatch.verify.chains import Batches
from oshwatch.verify.findings import Level, Report
from oshwatch.verify.keys import ODD, read_keys
from oshwatch.verify.measured import Measured
from oshwatch.verify.unpacking import Unpacked

LATEST: Final = 253_402_300_799.0
"""The last second of the year 9999 [s since 1970 UTC]."""


class NotABundleError(Exception):
    """This cannot be checked at all; the sentence says why."""


class Checker:
    """Checks one bundle. `verify`: Ed25519."""

    def __init__(
        self, source: BinaryIO, verify: Verifier, progress: Callable[[int], object] = lambda _: None
    ):
        self._verify = verify
        self._files = Unpacked(source, progress)
        self._report = Report()
        self._unpublished: list[int] = []
        self._before: tuple[int, str] = (0, GENESIS_ROW_HASH)
        if bundle.MANIFEST not in self._files.members or bundle.SERVER_PEM not in self._files.members:
            raise NotABundleError("it has no manifest or no key of a server: this is no evidence bundle")

    def check(self) -> Report:
        """Everything. Raises NotABundleError when not even the manifest can be read."""
        server = self._server_key()
        self._manifest(server)
        roots = self._days(server)
        keys = read_keys(self._files, self._report, self._verify)
        measured = Measured(self._report, self._configurations())
        batches = Batches(self._report, keys, self._files.members, measured, self._verify)
        listed: set[str] = set()
        for number, line in enumerate(self._lines(bundle.LEDGER), start=1):
            try:
                listed.add(self._row(line, roots, batches))
            except (*ODD, WireError) as error:
                self._report.note(Level.BROKEN, bundle.LEDGER, f"line {number} cannot be read ({error})")
        for name in sorted(self._files.members):
            if name.startswith("frames/") and name not in listed:
                self._report.note(Level.BROKEN, name, "no row of the ledger speaks of it")
        if rows := self._unpublished:
            what = f"{len(rows):,} rows ({rows[0]} to {rows[-1]}) are in no published day yet"
            self._report.note(
                Level.UNCERTAIN, bundle.LEDGER, f"{what}: the service alone vouches for when they came"
            )
        batches.finish()
        measured.finish()
        return self._report

    def _server_key(self) -> bytes:
        try:
            key = bundle.from_pem(self._files.read(bundle.SERVER_PEM))
        except ValueError as error:
            raise NotABundleError(f"{bundle.SERVER_PEM}: {error}") from None
        self._report.server_key = key_id(key)
        return key

    def _manifest(self, server: bytes) -> None:
        word = self._files.read(bundle.MANIFEST)
        try:
            said: dict[str, Any] = hear(word.removesuffix(b"\n"), server, self._verify)
            if not word.endswith(b"\n") or said["v"] != bundle.FORMAT or said["kind"] != "osh-bundle":
                raise NotABundleError(f"its manifest is not of format {bundle.FORMAT}")
            report = self._report
            report.site = str(said["site"])
            report.start, report.end = _instant(said["start"]), _instant(said["end"])
            report.made_at = _instant(said["made_at"])
            named = {str(one["path"]): (one["size"], one["sha256"]) for one in said["files"]}
            if len(named) != len(said["files"]):
                raise NotABundleError("its manifest names a file twice")
        except (*ODD, WireError) as error:
            raise NotABundleError(f"{bundle.MANIFEST}: {error}") from None
        here = {name: (one.size, one.sha256) for name, one in self._files.members.items()}
        del here[bundle.MANIFEST]
        for name in sorted(named.keys() | here.keys()):
            if name not in here:
                self._report.note(Level.BROKEN, name, "the manifest names it, and it is not here")
            elif name not in named:
                self._report.note(Level.BROKEN, name, "the manifest does not name it")
            elif named[name] != here[name]:
                self._report.note(Level.BROKEN, name, "it is not what the manifest says")

    def _days(self, server: bytes) -> dict[str, DayRoot]:
        """The published lines, in order, each naming the one before."""
        words = bundle.SERVER_STATEMENTS
        statements = split(self._files.read(words)) if words in self._files.members else []
        keys = preceding(server, statements, self._verify)
        self._report.earlier_server_keys = [key_id(key) for key in keys[1:]]
        found: dict[str, DayRoot] = {}
        before, last = NO_LINE, 0
        for name in sorted(one for one in self._files.members if one.startswith("days/")):
            word = self._files.read(name)
            try:
                day = self._day(word, keys)
            except WireError as error:
                self._report.note(Level.BROKEN, name, str(error))
                continue
            if bundle.day_name(day.day) != name:
                self._report.note(Level.BROKEN, name, f"it speaks of {day.day}")
            if (day.before, day.first) != (before, last + 1):
                self._report.note(Level.BROKEN, name, "it does not follow from the line of the day before")
            before, last = line_hash(word), day.last
            found[day.day] = day
        self._report.days = len(found)
        return found

    def _day(self, word: bytes, keys: list[bytes]) -> DayRoot:
        """A line of the service, signed with its key or with one from which that follows."""
        for key in keys[1:]:
            with contextlib.suppress(WireError):
                return read_day_root(word, key, self._verify)
        return read_day_root(word, keys[0], self._verify)

    def _row(self, line: dict[str, Any], roots: dict[str, DayRoot], batches: Batches) -> str:
        facts = LedgerFacts(*(line[name] for name in LedgerFacts._fields))
        name = bundle.frame_name(facts.row, facts.kind)
        self._report.rows += 1
        if facts.site != self._report.site:
            self._report.note(Level.BROKEN, bundle.LEDGER, f"row {facts.row} belongs to {facts.site}")
        self._in_order(facts.row, line)
        if row_hash(facts, line["payload_sha256"], line["before"]) != line["row_hash"]:
            self._report.note(Level.BROKEN, bundle.LEDGER, f"row {facts.row}: its hash is another")
        self._published(facts.row, line, roots)
        if name not in self._files.members:
            self._report.note(
                Level.BROKEN, name, f"row {facts.row} of the ledger speaks of it, and it is not here"
            )
            return name
        content = self._files.read(name)
        if facts.kind != "sealed" and payload_digest(content) != line["payload_sha256"]:
            self._report.note(Level.BROKEN, name, "it is not what its ledger row was made of")
        batches.take(line, content)
        return name

    def _in_order(self, row: int, line: dict[str, Any]) -> None:
        """Rows ascend, and one that follows the row before it directly follows its hash too."""
        last, hashed = self._before
        if row <= last:
            self._report.note(Level.BROKEN, bundle.LEDGER, f"row {row} comes after row {last}")
        elif row == last + 1 and line["before"] != hashed:
            self._report.note(
                Level.BROKEN, bundle.LEDGER, f"row {row} does not follow from the row before it"
            )
        self._before = (row, str(line["row_hash"]))

    def _published(self, row: int, line: dict[str, Any], roots: dict[str, DayRoot]) -> None:
        day = self._day_of(row, roots)
        if day is None:
            self._unpublished.append(row)
            return
        if line.get("day") != day.day:
            what = f"row {row} is one of those of {day.day}, and no way leads from it to the root of that day"
            self._report.note(Level.BROKEN, bundle.LEDGER, what)
            return
        if row == day.last and line["row_hash"] != day.head:
            self._report.note(Level.BROKEN, bundle.LEDGER, f"row {row} is not the last one of {day.day}")
        way = [Step(side, bytes.fromhex(hashed)) for side, hashed in line["way"]]
        found = root_from(leaf(bytes.fromhex(line["row_hash"])), way).hex()
        if found != day.root:
            self._report.note(Level.BROKEN, bundle.LEDGER, f"row {row} is not under the root of {day.day}")

    def _day_of(self, row: int, roots: dict[str, DayRoot]) -> DayRoot | None:
        """The published day that speaks for a row, whatever the row says of itself."""
        days = list(roots.values())  # each begins where the one before ended, or that was noted
        at = bisect.bisect_left(days, row, key=lambda day: day.last)
        return days[at] if at < len(days) and days[at].first <= row else None

    def _configurations(self) -> dict[str, bytes]:
        """The documents that are what their names say, by these; what they tell of calibrations."""
        found: dict[str, bytes] = {}
        for name in sorted(one for one in self._files.members if one.startswith("configurations/")):
            document = self._files.read(name)
            if bundle.configuration_name(configuration_hash(document)) != name:
                self._report.note(Level.BROKEN, name, "its content has another hash than its name")
                continue
            found[name] = document
            try:
                for channel, words in _calibrations(strict_json.read_object(document)):
                    self._report.calibrations[channel] = words
            except (*ODD, WireError) as error:
                self._report.note(Level.UNCERTAIN, name, f"its calibrations cannot be read ({error})")
        return found

    def _lines(self, name: str) -> Iterator[dict[str, Any]]:
        if name not in self._files.members:
            self._report.note(Level.BROKEN, name, "it is missing")
            return
        for number, line in enumerate(self._files.lines(name), start=1):
            try:
                yield strict_json.read_object(line)
            except WireError as error:
                self._report.note(Level.BROKEN, name, f"line {number} cannot be read ({error})")


def _instant(value: object) -> float:
    """Seconds since 1970 that are a date; TypeError, ValueError."""
    if type(value) not in (int, float) or not 0 <= value <= LATEST:  # type: ignore[operator]
        raise ValueError(f"{str(value)[:40]} is no time")
    return float(value)  # type: ignore[arg-type]


def configuration_hash(document: bytes) -> str:
    """The name of a configuration document in the headers of batches (docs/wire-protocol.md)."""
    return hashlib.sha256(document).hexdigest()[:32]


def _calibrations(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for sensor in document.get("sensors", []):
        for channel in sensor.get("channels", []):
            cal = channel.get("cal")
            due = cal.get("due") if isinstance(cal, dict) else None
            yield (
                f"{sensor['id']}/{channel['quantity']}",
                f"calibrated, due {due}" if due else "no calibration known",
            )
