"""Plays a whole recording through the agent and waits until the server's ledger has it.

The gateway lives inside the recording: its clock goes from row to row, so every reading keeps its own time.
Interrupted, it goes on where it was: the outbox knows the last row it sealed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from edge_agent.agent import Agent
from edge_agent.clock import SimClock, Sync
from edge_agent.drivers.replay import Replay
from edge_agent.identity import Identity
from edge_agent.mqtt_link import Link
from edge_agent.outbox.disk import RealDisk
from edge_agent.recording import Recording, RecordingError, RefusedRow
from edge_agent.sampling import Opened, Taken
from edge_agent.settings import AgentSettings, SensorSettings

NOTE = "replay"
STEP_EVERY_S = 0.02
SEAL_AFTER_S = 3600.0
RTC = "rtc"


class Progress(NamedTuple):
    """How far it is: rows sealed of all, batches acknowledged of those sealed."""

    rows: int
    rows_total: int
    acknowledged: int
    batches: int
    connected: bool


@dataclass
class ReplayAccount:
    """Where every row and every batch is.

    `complete`: every row of the file is either in the server's ledger or refused with its line and reason.
    """

    file: str
    rows_in_file: int = 0
    rows_read: int = 0
    rows_refused: int = 0
    rows_sealed_earlier: int = 0
    empty_cells: int = 0
    readings_read: int = 0
    readings_sealed: int = 0
    batches: int = 0
    acknowledged: int = 0
    refused_by_server: int = 0
    waiting: int = 0
    shifted_s: float = 0.0
    first: float | None = None
    last: float | None = None
    complete: bool = False
    refused: list[RefusedRow] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def replay_settings(settings: AgentSettings, recording: Recording) -> AgentSettings:
    """The settings of a gateway that has nothing but the recording's sensors and says nothing of itself."""
    names = dict.fromkeys(column.sensor for column in recording.columns)
    period = recording.period_s()
    sensors = tuple(SensorSettings(id=name, driver=Replay.kind, period_s=period) for name in names)
    return replace(
        settings,
        sensors=sensors,
        heartbeat_s=0.0,
        seal_after_s=SEAL_AFTER_S,
        seal_grace_s=0.0,
        time_exchange="never",
    )


def play(
    recording: Recording,
    settings: AgentSettings,
    identity: Identity,
    *,
    file: str,
    shift_to: float | None = None,
    clock_error_s: float = 1.0,
    patience_s: float = 60.0,
    link: Link | None = None,
    progress: Callable[[Progress], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> ReplayAccount:
    """Play every row, then wait for the acknowledgements. Raises RecordingError, OutboxError.

    `shift_to`: the last row is moved, by whole minutes, to the minute before this instant. `clock_error_s` is
    how wrong the recorder's clock may have been. Ends after `patience_s` without any acknowledgement.
    """
    player = _Player(recording, replay_settings(settings, recording), identity, clock_error_s, link)
    try:
        player.prepare(shift_to)
        player.agent.start(note_gap=False)
        player.feed(progress, stop)
        player.wait(progress, stop, patience_s)
        return player.account(file)
    finally:
        player.agent.stop(patience_s=0.0)


class _Player:
    def __init__(
        self,
        recording: Recording,
        settings: AgentSettings,
        identity: Identity,
        clock_error_s: float,
        link: Link | None,
    ) -> None:
        self.recording = recording
        # Before the first row of any recording; it is set to the real start once the shift is known.
        self.clock = SimClock(0.0, sync=Sync(RTC, clock_error_s))
        self.drivers = {sensor.id: Replay.of(recording, sensor.id, self.clock) for sensor in settings.sensors}
        self.agent = Agent.build(
            settings, self.clock, identity, drivers=self.drivers, link=link, disk=RealDisk(settings.data_dir)
        )
        self.earlier = 0
        self.fed = 0
        self.shift = 0.0
        self._stepped_at = 0.0

    def prepare(self, shift_to: float | None) -> None:
        """Decide the shift, once for all runs over this outbox, and skip what earlier runs have sealed."""
        outbox, rows = self.agent.outbox, self.recording.rows
        noted = outbox.note(NOTE)
        plan = {
            "digest": self.recording.digest,
            "columns": [list(column) for column in self.recording.columns],
        }
        if noted is None:
            self.shift = 0.0 if shift_to is None else (shift_to - rows[-1].time) // 60.0 * 60.0
            outbox.write_notes(
                {NOTE: json.dumps({**plan, "shift": self.shift, "moved": shift_to is not None})}
            )
        else:
            found: Mapping[str, object] = json.loads(noted)
            if {key: found[key] for key in plan} != plan:
                raise RecordingError(
                    f"{outbox.path.parent} belongs to the replay of another file or map;"
                    " give this one a --data-dir of its own"
                )
            self.shift = float(str(found["shift"]))
            if shift_to is not None and not found.get("moved", self.shift != 0.0):
                raise RecordingError(
                    f"{outbox.path.parent} holds this recording at its own times, and sealed batches are"
                    " not moved; leave --shift-to-now out, or give another --data-dir"
                )
        self.recording.shifted(self.shift)
        last = outbox.last_moment()
        reached = last.wall + 0.0005 if last is not None else float("-inf")
        self.earlier = sum(row.time <= reached for row in self.recording.rows)
        for driver in self.drivers.values():
            driver.skip(self.earlier)

    def feed(self, progress: Callable[[Progress], None], stop: Callable[[], bool]) -> None:
        """Row by row: set the clock, read the drivers, seal what is due."""
        opened = [Opened(name, driver.open()) for name, driver in self.drivers.items()]
        rows = self.recording.rows[self.earlier :]
        if rows:
            self.clock.set(rows[0].time)
        self.agent.look()
        self.agent.receive(opened)
        for row in rows:
            if stop():
                break
            self.clock.set(row.time)
            self.agent.look()
            mono = self.clock.boot_time()
            self.agent.receive(
                [Taken(name, mono, driver.read(), None, "") for name, driver in self.drivers.items()]
            )
            self.agent.seal_due()
            self.fed += 1
            self._step(progress)
        self.agent.seal("stop")

    def wait(self, progress: Callable[[Progress], None], stop: Callable[[], bool], patience_s: float) -> None:
        """Until nothing waits, or nothing has moved for so long."""
        waiting, moved_at = -1, time.monotonic()
        while not stop():
            self._step(progress, at_once=True)
            left = self.agent.outbox.counts().waiting
            if left == 0:
                return
            now = time.monotonic()
            if left != waiting:
                waiting, moved_at = left, now
            if now - moved_at > patience_s:
                return
            time.sleep(STEP_EVERY_S)

    def account(self, file: str) -> ReplayAccount:
        outbox, recording = self.agent.outbox, self.recording
        counts, batches = outbox.counts(), outbox.head().seq
        account = ReplayAccount(
            file=file,
            rows_in_file=recording.rows_in_file,
            rows_read=len(recording.rows),
            rows_refused=len(recording.refused),
            rows_sealed_earlier=self.earlier,
            empty_cells=recording.empty_cells,
            readings_read=sum(len(row.values) for row in recording.rows),
            readings_sealed=sum(len(row.values) for row in recording.rows[: self.earlier])
            + sum(intake.readings for intake in self.agent.intakes.values()),
            batches=batches,
            acknowledged=batches - counts.waiting - counts.held,
            refused_by_server=counts.held,
            waiting=counts.waiting,
            shifted_s=self.shift,
            first=recording.rows[0].time,
            last=recording.rows[-1].time,
            refused=recording.refused,
        )
        account.reasons = self._reasons(account)
        return replace(account, complete=not account.reasons)

    def _reasons(self, account: ReplayAccount) -> list[str]:
        reasons = []
        if self.earlier + self.fed < account.rows_read:
            reasons.append(
                f"{account.rows_read - self.earlier - self.fed} rows were not reached: interrupted"
            )
        elif account.readings_sealed != account.readings_read:
            reasons.append(f"{account.readings_read} readings were read, {account.readings_sealed} sealed")
        if account.refused_by_server:
            codes = ", ".join(sorted(self.agent.outbox.held_codes()))
            reasons.append(
                f"the server refused {account.refused_by_server} batches ({codes});"
                " it keeps them in quarantine: see there why, mend that, and replay them from its page"
            )
        if account.waiting:
            why = self._why_waiting()
            reasons.append(f"{account.waiting} batches are kept and not acknowledged: {why}; run it again")
        return reasons

    def _why_waiting(self) -> str:
        publisher = self.agent.publisher
        if publisher.refused is not None:
            return (
                f"the broker refuses this gateway ({publisher.refused});"
                " set OSHWATCH_AGENT_MQTT_USERNAME and OSHWATCH_AGENT_MQTT_PASSWORD"
            )
        if not publisher.counters.connections:
            return "the broker was not reached"
        if not self.agent.settings.server_public_key:
            return "without --server-key no acknowledgement can be checked"
        return "the server did not acknowledge"

    def _step(self, progress: Callable[[Progress], None], *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._stepped_at < STEP_EVERY_S:
            return
        self._stepped_at = now
        self.agent.publisher.step()
        counts, batches = self.agent.outbox.counts(), self.agent.outbox.head().seq
        progress(
            Progress(
                self.earlier + self.fed,
                len(self.recording.rows),
                batches - counts.waiting - counts.held,
                batches,
                self.agent.publisher.connected,
            )
        )
