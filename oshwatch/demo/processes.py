"""The demo's processes: broker, mail catcher, runners of the service, fleet; up together, down in order."""

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from pydantic import SecretStr

from ingest_service.settings import Settings
from oshwatch.demo import leftovers
from oshwatch.demo.broker import DemoBroker, free_port
from oshwatch.demo.folder import DemoError, DemoFolder
from oshwatch.demo.mosquitto import INGEST_USER
from oshwatch.demo.prepare import SCENARIO, Prepared, demo_clock, fleet_plan, gateways, prepare
from oshwatch.supervisor import Supervisor

if TYPE_CHECKING:
    from oshwatch.demo.mail import MailCatcher

HOST = "127.0.0.1"
SERVED_WITHIN_S = 60.0
PAGES_ALONE_S = 10.0
FLEET_ENDS_WITHIN_S = 6.0
FLEET_PAUSE_S = 2.0
KEEP_CLOCK_EVERY_S = 1.0
# Pages first: they are what somebody waits for.
RUNNERS = ("web", "intake", "projector", "alerts")
log = structlog.get_logger()


class Demo:
    """One demo from `start()` to `stop()`; `stop()` is safe after any part of a start."""

    def __init__(self, folder: DemoFolder, *, port: int, speed: float, seed: int) -> None:
        self._folder, self._seed, self._speed = folder, seed, speed
        self.port = port or free_port()
        self._mail: MailCatcher | None = None
        self._broker: DemoBroker | None = None
        self._supervisor: Supervisor | None = None
        self._fleet: subprocess.Popen[bytes] | None = None
        self._fleet_due = 0.0
        self._prepared: Prepared | None = None
        self._kept_clock = 0.0
        self._remembered: list[int] = []

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> Prepared:
        """Start the broker, the mail catcher and the pages; the rest follows when a page is served."""
        if left := leftovers.end(self._folder.processes):
            log.warning("an earlier demo had been killed; what it left running was ended", processes=left)
        _refuse_taken_port(self.port)
        clock = demo_clock(self._folder, self._seed, self._speed)
        passwords = self._folder.passwords([INGEST_USER, *gateways(self._seed)])
        self._broker = DemoBroker(self._folder, passwords)
        self._broker.start()
        smtp_port = self._smtp_port()
        self._prepared = prepare(self._folder, self._seed, smtp_port, clock)
        settings = Settings(
            data_dir=self._folder.server,
            mqtt_host=HOST,
            mqtt_port=self._broker.port,
            mqtt_username=INGEST_USER,
            mqtt_password=SecretStr(passwords[INGEST_USER]),
            http_host=HOST,
            http_port=self.port,
            clock=str(clock),
            mail_viewer_dir=self._folder.mail.resolve(),
            demo_accounts=True,
        )
        self._supervisor = Supervisor(settings, RUNNERS, log_dir=self._folder.logs)
        self._supervisor.start(RUNNERS[0])
        self._catch_mail(smtp_port)
        self._broker.wait()
        self._remember()
        return self._prepared

    def look(self) -> None:
        """Start again what has ended, write down the time; call it a few times a second."""
        assert self._supervisor is not None  # noqa: S101 - start() came first
        assert self._broker is not None  # noqa: S101
        self._supervisor.look()
        now = time.monotonic()
        if not self._broker.alive():
            log.error("the broker ended and is started again", log=str(self._folder.logs / "broker.log"))
            self._broker.stop()
            self._broker.start()
            self._broker.wait()
        if self._fleet is not None and self._fleet.poll() is not None:
            log.error("the fleet ended and is started again", code=self._fleet.returncode)
            self._fleet, self._fleet_due = None, now + FLEET_PAUSE_S
        if self._fleet is None and now >= self._fleet_due:
            self._start_fleet()
        if now - self._kept_clock >= KEEP_CLOCK_EVERY_S:
            self._kept_clock = now
            self._keep_clock()
            self._remember()

    def wait_until_served(self, stopped: Callable[[], bool]) -> None:
        """Return when a page is served and everything is started. Raises DemoError after too long."""
        began = time.monotonic()
        while not stopped():
            waited = time.monotonic() - began
            if _serves(self.port):
                self.look()
                return
            if waited > SERVED_WITHIN_S:
                raise DemoError(f"no page is served after {SERVED_WITHIN_S:.0f} s; see {self._folder.logs}.")
            if waited > PAGES_ALONE_S:
                self.look()
            time.sleep(0.03)

    def run(self, stop: threading.Event) -> None:
        """Look after everything until the event is set."""
        while not stop.wait(0.2):
            self.look()

    def stop(self) -> None:
        """The fleet says its last words, then the service, then what it stands on."""
        if self._fleet is not None:
            self._fleet.terminate()
            try:
                self._fleet.wait(FLEET_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._fleet.kill()
                self._fleet.wait()
            self._fleet = None
        if self._supervisor is not None:
            self._supervisor.stop()
            self._keep_clock()
        if self._broker is not None:
            self._broker.stop()
        if self._mail is not None:
            self._mail.stop()
        self._folder.processes.unlink(missing_ok=True)

    def _smtp_port(self) -> int:
        """The port that the contacts name, if it is still free; else another one that they will."""
        state = self._folder.state()
        port = int(state.get("smtp_port", 0)) or free_port()
        if not _free(port):
            port = free_port()
        if state.get("smtp_port") != port:
            self._folder.keep_state(state | {"smtp_port": port})
        return port

    def _catch_mail(self, port: int) -> None:
        from oshwatch.demo.mail import MailCatcher

        self._mail = MailCatcher(self._folder.mail, port)
        try:
            self._mail.start()
        except OSError as error:
            self._mail = None
            raise DemoError(f"port {port} for the demo's mail cannot be used ({error}). Try again.") from None

    def _start_fleet(self) -> None:
        assert self._prepared is not None  # noqa: S101 - prepared before anything starts
        assert self._broker is not None  # noqa: S101
        plan = fleet_plan(self._folder, self._seed)
        command = [sys.executable, "-m", "oshwatch.main", "sim", "run", "--fleet", plan.fleet]
        command += ["--seed", str(plan.seed), "--period", str(plan.period_s), "--faults", SCENARIO]
        command += ["--data-dir", str(plan.folder), "--truth", str(plan.truth)]
        command += ["--clock", str(self._prepared.clock), "--server-key", self._prepared.server_key]
        command += ["--mqtt-host", HOST, "--mqtt-port", str(self._broker.port)]
        command += ["--passwords", str(self._folder.broker_passwords)]
        with (self._folder.logs / "fleet.log").open("ab") as out:
            self._fleet = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )

    def _remember(self) -> None:
        """Write down what runs when it has changed, so that a killed demo leaves nothing for ever."""
        assert self._supervisor is not None  # noqa: S101 - start() came first
        assert self._broker is not None  # noqa: S101
        pids = [*self._supervisor.pids().values(), self._broker.pid or 0]
        pids += [] if self._fleet is None else [self._fleet.pid]
        if pids != self._remembered:
            leftovers.remember(self._folder.processes, pids)
            self._remembered = pids

    def _keep_clock(self) -> None:
        if self._prepared is not None:
            self._folder.keep_clock(self._prepared.clock.at(time.time()))


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _refuse_taken_port(port: int) -> None:
    if not _free(port):
        raise DemoError(
            f"port {port} on {HOST} is taken or not allowed. "
            f"Stop the program that holds it, or give another, like --port {8081 if port != 8081 else 8082}"
        )


def _serves(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=2.0)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
