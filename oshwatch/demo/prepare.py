"""What the demo decides and writes before anything runs: the register, the accounts, the simulated clock.

A start that finds everything done imports nothing heavy: the time until a page is served is mostly imports.
"""

import hashlib
import time
from base64 import urlsafe_b64encode
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from firmware_sim.factories import demo_factories
from firmware_sim.fleet import fleet_named
from firmware_sim.progress import FleetError, Plan, progress
from osh_domain.scaled_time import ScaledTime
from oshwatch.demo.accounts import people
from oshwatch.demo.folder import DemoError, DemoFolder, write_private

# A Monday in the hottest weeks of the year, half an hour into the Cambodian shift.
START = datetime(2026, 4, 20, 7, 30, tzinfo=ZoneInfo("Asia/Phnom_Penh")).timestamp()
# A first start takes so long until sensors are read; the day begins then.
LEAD_S = 2.5
FLEET = "demo"
SCENARIO = "demo"
_WHO = "demo"
_SOURCES = ("firmware_sim", "oshwatch/demo", "ingest_service/migrations/versions", "ingest_service/register")


class Prepared(NamedTuple):
    """What the processes of the demo need to know; `server_key` is the public one as text."""

    clock: ScaledTime
    password: str
    server_key: str


def fleet_plan(folder: DemoFolder, seed: int) -> Plan:
    """The run that the fleet process goes on with."""
    return Plan(folder.fleet, FLEET, seed, truth=folder.truth)


def gateways(seed: int) -> tuple[str, ...]:
    """The gateways of the fleet: each has a password at the broker."""
    return fleet_named(FLEET, seed).gateways


def demo_clock(folder: DemoFolder, seed: int, speed: float) -> ScaledTime:
    """Simulated time that goes on from the last instant anybody saw. Raises DemoError."""
    try:
        before = progress(fleet_plan(folder, seed))
    except FleetError as error:
        raise DemoError(str(error)) from None
    if before is None:
        return ScaledTime(speed, time.time() + LEAD_S, START)
    return ScaledTime(speed, time.time(), max(before.until, folder.clock() or before.until))


def prepare(folder: DemoFolder, seed: int, smtp_port: int, clock: ScaledTime) -> Prepared:
    """Bring the databases to the newest schema and the register to the fleet and the accounts.

    What an earlier start of the same program has already done is not done again.
    """
    state = folder.state()
    wanted = _fingerprint(seed, smtp_port)
    if state.get("prepared") != wanted or not (folder.server / "register.sqlite").exists():
        state |= _write_register(folder, seed, smtp_port, clock, state)
        state |= {"prepared": wanted}
        folder.keep_state(state)
    return Prepared(clock, str(state["password"]), str(state["server_key"]))


def _write_register(
    folder: DemoFolder, seed: int, smtp_port: int, clock: ScaledTime, state: dict[str, Any]
) -> dict[str, Any]:
    from firmware_sim.description import describe
    from ingest_service.auth.passwords import Passwords, generated_password
    from ingest_service.auth.server_key import ServerKey
    from ingest_service.database import migrate, open_database
    from ingest_service.register.description import import_description
    from ingest_service.register.store import Register

    document = describe(fleet_named(FLEET, seed), valid_from=START)
    document["people"] = people(demo_factories(), smtp_port)
    password = state.get("password") or generated_password()
    known = list(state.get("logins", []))
    engine = open_database(folder.server)
    try:
        migrate(engine)
        # The register is older than the first reading, so that every key was valid when it was used.
        register = Register(engine, now=lambda: min(START - 60.0, clock.time_start))
        import_description(register, document, _WHO)
        passwords = Passwords(register)
        for person in register.snapshot().people:
            if person.login not in known:
                passwords.set(person.id, password, _WHO)
                known.append(person.login)
    finally:
        engine.dispose()
    public_key = ServerKey.load_or_create(folder.server / "server.key").public_key
    # The sign-in page shows it beside the demo accounts.
    write_private(folder.server / "demo-password", password)
    key = urlsafe_b64encode(public_key).rstrip(b"=").decode()
    return {"password": password, "logins": known, "server_key": key}


def _fingerprint(seed: int, smtp_port: int) -> str:
    """Changes when anything could that a preparation writes: program, seed, port of the mail catcher."""
    found = hashlib.sha256(f"{seed}:{smtp_port}".encode())
    here = Path(__file__).parents[2]
    for folder in _SOURCES:
        for path in sorted((here / folder).glob("*.py")):
            found.update(path.read_bytes())
    return found.hexdigest()
