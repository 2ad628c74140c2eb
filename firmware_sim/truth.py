"""The truth file: every reading as it was taken and every fault as it happened, one JSON object a line.

Three kinds of line, told apart by their first key::

    {"run": "demo", "seed": 7, "t": 1776645000.0}                    a run begins or goes on
    {"reading": "kh-f0123-a/st1/ta", "t": 1776645060.0, "v": 31.42}
    {"fault": "stuck", "target": "kh-f0123-a/st1/ta", "is": "begin", "t": 1776645100.0}

`t` is true time in seconds since 1970 UTC. A reading also has `clock` where the gateway showed another
time, `q` where it carries flags, and `real` where the sensor was stuck on another value than the air's.
Nothing in it depends on the speed of the run.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from firmware_sim.faults import Fault

TAIL_BYTES = 65_536


class TrueReading(NamedTuple):
    """A reading as taken; `shown` is the gateway's wall time when it was."""

    channel: str
    t: float
    shown: float
    value: float
    flags: int


class TruthError(Exception):
    """A truth file that cannot be used; the sentence says which line and why."""


class TruthFile:
    """Appends to a truth file; a line is complete or, after a kill, cut off at the very end of the file."""

    def __init__(self, path: Path | None) -> None:
        """`path` None keeps nothing."""
        self._out: IO[str] | None = None
        self.readings = 0
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _mend(path)
            # Line by line: a reading is told before its gateway can promise it, even if the fleet is killed.
            self._out = path.open("a", encoding="utf-8", buffering=1)

    def run(self, fleet: str, seed: int, t: float) -> None:
        self._write({"run": fleet, "seed": seed, "t": t})

    def reading(
        self, channel: str, t: float, shown: float, value: float, flags: int, real: float | None
    ) -> None:
        """`real` is what a sound sensor would have shown, if that is something else."""
        line: dict[str, object] = {"reading": channel, "t": round(t, 3), "v": value}
        if shown != t:
            line["clock"] = round(shown, 3)
        if flags:
            line["q"] = flags
        if real is not None:
            line["real"] = real
        self.readings += 1
        self._write(line)

    def fault(self, fault: Fault, what: str) -> None:
        """`what` is begin or end."""
        t = fault.begin if what == "begin" else fault.end
        self._write({"fault": str(fault.kind), "target": fault.target, "is": what, "t": round(t, 3)})

    def flush(self) -> None:
        if self._out is not None:
            self._out.flush()

    def close(self) -> None:
        if self._out is not None:
            self._out.close()

    def _write(self, line: dict[str, object]) -> None:
        if self._out is not None:
            self._out.write(json.dumps(line, separators=(",", ":")) + "\n")


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Every line of a truth file; one cut off at the end is left out. Raises TruthError."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, start=1):
                if not text.endswith("\n"):
                    return
                try:
                    yield json.loads(text)
                except ValueError as error:
                    raise TruthError(f"{path}: line {number} is not JSON ({error})") from None
    except OSError as error:
        raise TruthError(f"{path} cannot be read: {error.strerror}") from None


def readings(path: Path) -> Iterator[TrueReading]:
    """Every reading of a truth file. Raises TruthError."""
    for line in lines(path):
        if "reading" in line:
            yield TrueReading(
                line["reading"], line["t"], line.get("clock", line["t"]), line["v"], line.get("q", 0)
            )


def last_instant(path: Path) -> float | None:
    """The latest true time that the file tells of, without reading the whole of it."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read().split(b"\n")
    whole = [json.loads(text) for text in tail[1 if size > TAIL_BYTES else 0 : -1] if text]
    return max((float(line["t"]) for line in whole), default=None)


def _mend(path: Path) -> None:
    """Cut off a last line that a kill left incomplete, so that what is appended starts afresh."""
    if not path.exists():
        return
    with path.open("rb+") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
        if tail and not tail.endswith(b"\n"):
            file.truncate(size - len(tail) + tail.rfind(b"\n") + 1)
