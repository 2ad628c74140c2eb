"""What the demo decides and writes before anything runs: the register, the accounts, the simulated clock."""

import hashlib
import json
import time
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from firmware_sim.description import describe
from firmware_sim.runner import FleetError, Plan, progress
from firmware_sim.simulated import shared_fleet
from ingest_service.auth.passwords import Passwords, generated_password
from ingest_service.auth.server_key import ServerKey
from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from osh_domain.scaled_time import ScaledTime
from oshwatch.demo.accounts import people
from oshwatch.demo.folder import DemoError, DemoFolder

# A Monday in the hottest weeks of the year, half an hour into the Cambodian shift.
START = datetime(2026, 4, 20, 7, 30, tzinfo=ZoneInfo("Asia/Phnom_Penh")).timestamp()
# A first start takes so long until sensors are read; the day begins then.
LEAD_S = 2.5
FLEET = "demo"
SCENARIO = "demo"
_WHO = "demo"


class Prepared(NamedTuple):
    """What the processes of the demo need to know."""

    clock: ScaledTime
    password: str
    server_key: bytes
    gateways: tuple[str, ...]


def fleet_plan(folder: DemoFolder, seed: int) -> Plan:
    """The run that the fleet process goes on with."""
    return Plan(folder.fleet, FLEET, seed, truth=folder.truth)


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

    What a start before this one has already done is not done again.
    """
    fleet = shared_fleet(FLEET, seed, fleet_plan(folder, seed).period_s)
    document = describe(fleet, valid_from=START)
    document["people"] = people(fleet.factories, smtp_port)
    wanted = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    state = folder.state()
    engine = open_database(folder.server)
    try:
        migrate(engine)
        if state.get("register") != wanted:
            # The register is older than the first reading, so that every key was valid when it was used.
            register = Register(engine, now=lambda: min(START - 60.0, clock.time_start))
            import_description(register, document, _WHO)
            password = state.get("password") or generated_password()
            _give_password(register, password)
            state |= {"password": password, "register": wanted}
            folder.keep_state(state)
    finally:
        engine.dispose()
    server_key = ServerKey.load_or_create(folder.server / "server.key").public_key
    return Prepared(clock, state["password"], server_key, fleet.gateways)


def _give_password(register: Register, password: str) -> None:
    passwords = Passwords(register)
    for person in register.snapshot().people:
        passwords.set(person.id, password, _WHO)
