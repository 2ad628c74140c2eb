"""Runs the scenarios a person asked for, one after the other, and shows how far they are."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from alert_rules.pack_format import PackError, load_packs
from firmware_sim.faults import FaultError
from firmware_sim.fleet import fleet_named
from firmware_sim.scenario_files import Course, course, names, scenario
from oshwatch.scoring.judging import Result, judge
from oshwatch.scoring.playing import play

FLEET = "demo"
MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it has a name of its own and is ours alone
LEAST_MEMORY = 2 * 2**30


class ScoreError(Exception):
    """Scoring cannot begin; the sentence says why and what to do."""


def run_all(
    wanted: Sequence[str], seed: int, days: float | None, keep: Path | None, *, shown: bool = True
) -> list[Result]:
    """Play and judge; all mistakes of all scenarios are told before any of them runs.

    Raises FaultError and ScoreError.
    """
    courses = _courses(wanted, seed, days)
    try:
        packs = load_packs()
    except PackError as error:
        raise ScoreError(f"the rule packs cannot be used: {error}") from None
    with _folder(keep) as folder, _progress(shown) as progress, _quiet_logs():
        results = []
        for one in courses:
            task = progress.add_task(one.scenario.name, total=one.end - one.start)
            played = play(
                one,
                folder / one.scenario.name,
                packs,
                lambda t, task=task, one=one: progress.update(task, completed=t - one.start),  # type: ignore[misc]
            )
            results.append(judge(played))
            progress.update(task, completed=one.end - one.start)
    return results


def _courses(wanted: Sequence[str], seed: int, days: float | None) -> list[Course]:
    span = None if days is None else f"{days:g}d"
    fleet = fleet_named(FLEET, seed)
    found: list[Course] = []
    mistakes: list[str] = []
    for name in wanted or names():
        try:
            one = scenario(name)
            if one.course:
                found.append(course(one, fleet, span))
            elif wanted:
                mistakes.append(f"{name}: has no start and for, so it cannot be scored")
        except FaultError as error:
            mistakes += str(error).splitlines()
    if mistakes:
        raise FaultError("\n".join(mistakes))
    return found


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="oshwatch-score-", dir=_memory()) as made:
            yield Path(made)
        return
    if keep.exists() and any(keep.iterdir()):
        raise ScoreError(f"{keep} is not empty; give --keep a folder that is not there yet")
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScoreError(f"{keep} cannot be made ({error.strerror}); give another --keep") from None
    yield keep


def _memory() -> Path | None:
    """A folder in memory, where there is one with room: what is thrown away need not be synced to a disk."""
    with suppress(OSError):
        if shutil.disk_usage(MEMORY).free > LEAST_MEMORY and os.access(MEMORY, os.W_OK):
            return MEMORY
    return None


def _progress(shown: bool) -> Progress:
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    console = Console(stderr=True)
    return Progress(
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not (shown and console.is_terminal),
    )


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """A scenario breaks things on purpose; what gateways and server log of it is not for this screen."""
    before = structlog.get_config()
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
        logging.disable(level)
