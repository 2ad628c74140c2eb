"""The menu of a campaign. A fault is made, lasts, and is over when its function returns."""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.delivery.campaign_world import NAMES, World
from tests.delivery.fault_proxy import FaultProxy, Road

Fault = Callable[[World, random.Random], None]
STILL_S = 3.0
ROAD_S = 4.0
SPELL_S = (3.0, 8.0)
PAGE = 4096
GATEWAYS_END, SERVICES_END = "gateways' road", "service's road"


class Step(NamedTuple):
    """After `pause_s` of peace comes a fault, drawn in detail from `seed`."""

    pause_s: float
    fault: str
    seed: int


def plan(seed: int) -> Iterator[Step]:
    """What happens, without end; the same for the same seed. Every fault comes before any comes again."""
    draw = random.Random(seed)
    while True:
        for name in draw.sample(sorted(MENU), len(MENU)):
            yield Step(draw.uniform(0.2, 2.0), name, draw.randrange(2**32))


def left_out(world: World) -> dict[str, str]:
    """Faults that cannot be made here, and why."""
    disks = {"service's disk full": world.server_disk, "gateways' disks full": world.fleet_disk}
    return {name: disk.why_not for name, disk in disks.items() if disk.why_not is not None}


# -- processes ------------------------------------------------------------------------------------------


def _kill(name: str, world: World, draw: random.Random) -> None:
    world.kill(name)
    time.sleep(draw.uniform(0.0, 2.0))
    world.start(name)


def _stand_still(name: str, world: World, draw: random.Random) -> None:
    world.stand_still(name, draw.uniform(0.5, STILL_S))


def _tiny_queues(world: World, draw: random.Random) -> None:
    world.broker_with("tiny")
    time.sleep(draw.uniform(*SPELL_S))
    world.broker_with("usual")


def _nobody_subscribes(world: World, draw: random.Random) -> None:
    world.end("intake")
    time.sleep(draw.uniform(*SPELL_S))
    world.start("intake")


# -- roads ----------------------------------------------------------------------------------------------


def _spoil(end: str, road: Road, world: World, draw: random.Random) -> None:
    proxy: FaultProxy = world.near if end == GATEWAYS_END else world.far
    proxy.road = road
    time.sleep(draw.uniform(0.5, ROAD_S))
    proxy.road = Road.OPEN
    if road in (Road.HOLE, Road.HALF):  # what vanished is missing in the middle of the stream
        proxy.reset()


def _reset(world: World, _draw: random.Random) -> None:
    world.near.reset()
    world.far.reset()


# -- stores and disks -----------------------------------------------------------------------------------


def _series_down(world: World, draw: random.Random) -> None:
    """Somebody else holds the series, and the projector can write nothing."""
    with closing(
        sqlite3.connect(world.data_dir / "series.sqlite", timeout=30, isolation_level=None)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        time.sleep(draw.uniform(*SPELL_S))
        other.execute("ROLLBACK")


def _wipe_series(world: World, _draw: random.Random) -> None:
    world.end("projector")
    for path in world.data_dir.glob("series.sqlite*"):
        path.unlink()
    world.start("projector")


def _older_ledger(world: World, draw: random.Random) -> None:
    """The ledger is restored from a backup of some seconds ago; one command asks for what is missing."""
    backup = world.folder / "backup.sqlite"
    ledger = world.data_dir / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    time.sleep(draw.uniform(*SPELL_S))
    for name in ("projector", "intake"):
        world.kill(name)
    for path in world.data_dir.glob("ledger.sqlite*"):
        path.unlink()
    shutil.move(backup, ledger)
    for name in ("intake", "projector"):
        world.start(name)
    world.administer("resend")


def _full_disk(which: str, world: World, draw: random.Random) -> None:
    disk = world.server_disk if which == "server" else world.fleet_disk
    disk.leave(draw.choice((0, 1, 3, 8)))
    time.sleep(draw.uniform(*SPELL_S))
    disk.widen()


# -- damage ---------------------------------------------------------------------------------------------


def _damage(spoil: Callable[[Path, random.Random], None], world: World, draw: random.Random) -> None:
    """The power goes for all gateways, and one of the cards comes back damaged."""
    world.kill("fleet")
    spoil(draw.choice(sorted(world.fleet_dir.glob("*/outbox.sqlite"))), draw)
    world.start("fleet")


def _flip_bit(outbox: Path, draw: random.Random) -> None:
    content = bytearray(outbox.read_bytes())
    if content:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        outbox.write_bytes(content)


def _zero_page(outbox: Path, draw: random.Random) -> None:
    content = bytearray(outbox.read_bytes())
    if content:
        at = PAGE * draw.randrange(len(content) // PAGE)
        content[at : at + PAGE] = bytes(PAGE)
        outbox.write_bytes(content)


def _cut_log(outbox: Path, draw: random.Random) -> None:
    log = outbox.with_name(outbox.name + "-wal")
    if log.exists() and log.stat().st_size:
        with log.open("r+b") as file:
            file.truncate(draw.randrange(log.stat().st_size))


MENU: dict[str, Fault] = {
    **{f"kill {name}": partial(_kill, name) for name in NAMES},
    **{f"stop {name}": partial(_stand_still, name) for name in NAMES},
    **{
        f"{end} {road}": partial(_spoil, end, road)
        for end in (GATEWAYS_END, SERVICES_END)
        for road in Road
        if road is not Road.OPEN
    },
    "reset every connection": _reset,
    "broker with queues of five": _tiny_queues,
    "nobody subscribes": _nobody_subscribes,
    "series cannot be written": _series_down,
    "series wiped": _wipe_series,
    "older ledger restored": _older_ledger,
    "service's disk full": partial(_full_disk, "server"),
    "gateways' disks full": partial(_full_disk, "gateways"),
    "outbox: bit flipped": partial(_damage, _flip_bit),
    "outbox: page zeroed": partial(_damage, _zero_page),
    "outbox: log cut off": partial(_damage, _cut_log),
}
