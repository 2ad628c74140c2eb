"""A simulated sensor with its faults: what strikes it, and what truth is kept of each read."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from edge_agent.buses import Bus
from edge_agent.clock import SimClock
from edge_agent.driver import API, DeviceInfo, DriverError, Sample
from firmware_sim.faults import Fault, FaultKind
from firmware_sim.fleet import Fleet
from firmware_sim.simulated import Simulated
from firmware_sim.truth import TruthFile


class Troubled:
    """A `simulated` driver that obeys the faults of its gateway and tells the truth file what was taken.

    `true_clock` shows true time, `shown_time` what the gateway takes it to be.
    """

    kind: ClassVar[str] = "simulated"
    api: ClassVar[int] = API

    @classmethod
    def check(cls, options: Mapping[str, object]) -> list[str]:
        """As the driver it stands for."""
        return Simulated.check(options)

    def __init__(
        self,
        options: Mapping[str, object],
        bus: Bus,
        shown_time: Callable[[], float],
        *,
        true_clock: SimClock,
        faults: Sequence[Fault] = (),
        truth: TruthFile,
        fleet: Fleet | None = None,
    ) -> None:
        self._sensor = str(options["sensor"])
        self._name = f"{options['gateway']}/{self._sensor}"
        self._driver = Simulated(options, bus, true_clock, fleet=fleet)
        self._shown_time, self._true_clock, self._truth = shown_time, true_clock, truth
        self._faults = [fault for fault in faults if fault.target.split("/")[1:2] == [self._sensor]]
        self._others = {
            fault.other: Simulated({**options, **_named(fault.other)}, bus, true_clock, fleet=fleet)
            for fault in self._faults
            if fault.kind is FaultKind.SWAPPED
        }
        self._answering = ""

    def open(self) -> DeviceInfo:
        """Raises DriverError while the whole sensor is silent."""
        self._refuse_if_silent()
        device = self._driver.open()
        self._answering = self._swapped_with(self._true_clock.wall())
        return device if not self._answering else self._others[self._answering].open()

    def read(self) -> Sequence[Sample]:
        """The samples after the faults; each one that has a value is in the truth file when this returns."""
        self._refuse_if_silent()
        t = self._true_clock.wall()
        other = self._swapped_with(t)
        if other != self._answering:
            raise DriverError("missing", f"{self._name}: the device was taken off (simulated)")
        reals = self._driver.read()
        shown = reals if not other else self._others[other].read()
        samples = []
        for real, seen in zip(reals, shown, strict=True):
            if self._active(FaultKind.SILENCE, real.quantity, t) is not None:
                continue
            sample = self._wrong(seen, shown, t)
            self._tell(sample, real, t)
            samples.append(sample)
        # Told before it can be sealed: whatever is killed when, the truth never knows less than the ledger.
        self._truth.flush()
        return samples

    def close(self) -> None:
        """May be called twice."""
        self._driver.close()

    def _refuse_if_silent(self) -> None:
        t = self._true_clock.wall()
        for fault in self._faults:
            if fault.kind is FaultKind.SILENCE and fault.target == self._name and fault.active(t):
                raise DriverError("timeout", f"{self._name} does not answer (simulated)")

    def _active(self, kind: FaultKind, quantity: str, t: float) -> Fault | None:
        for fault in self._faults:
            if fault.kind is kind and fault.active(t) and fault.strikes(self._sensor, quantity):
                return fault
        return None

    def _swapped_with(self, t: float) -> str:
        """The sensor whose device answers here; nothing is said where it is this sensor's own."""
        for fault in self._faults:
            if fault.kind is FaultKind.SWAPPED and fault.active(t):
                return fault.other
        return ""

    def _wrong(self, sample: Sample, together: Sequence[Sample], t: float) -> Sample:
        """What the device shows instead of a value, after its faults."""
        quantity = sample.quantity
        stuck = self._active(FaultKind.STUCK, quantity, t)
        if stuck is not None:
            sample = self._held(sample, stuck)
        if quantity == "tg" and self._active(FaultKind.GLOBE_OFF, quantity, t) is not None:
            sample = sample._replace(value=next(one.value for one in together if one.quantity == "ta"))
        drift = self._active(FaultKind.DRIFT, quantity, t)
        if drift is not None and isinstance(sample.value, float):
            beyond = drift.amount * (t - drift.begin) / 3600.0
            sample = sample._replace(value=round(sample.value + beyond, 3))
        return sample

    def _held(self, real: Sample, stuck: Fault) -> Sample:
        """What the device showed when it got stuck."""
        for sample in self._driver.samples_at(stuck.begin):
            if sample.quantity == real.quantity:
                return sample
        return real

    def _tell(self, sample: Sample, real: Sample, t: float) -> None:
        if not isinstance(sample.value, float) or not isinstance(real.value, float):
            return
        self._truth.reading(
            f"{self._name}/{sample.quantity}",
            t,
            self._shown_time(),
            sample.value,
            sample.flags,
            real.value if real.value != sample.value else None,
        )


def _named(sensor: str) -> dict[str, object]:
    gateway, _, name = sensor.partition("/")
    return {"gateway": gateway, "sensor": name}
