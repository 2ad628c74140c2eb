"""Driver `simulated`: one sensor of a simulated fleet behind the agent's own driver protocol."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar

from edge_agent.buses import Bus
from edge_agent.clock import Clock
from edge_agent.driver import API, ChannelInfo, DeviceInfo, DriverError, Sample
from firmware_sim.fleet import DEFAULT_PERIOD_S, Fleet, SensorPlan, fleet_named
from firmware_sim.instruments import shown
from osh_domain.quantities import quantity

_OPTIONS = {"fleet": str, "seed": int, "gateway": str, "sensor": str, "period_s": float}


@lru_cache(maxsize=4)
def shared_fleet(name: str, seed: int, period_s: float) -> Fleet:
    """One fleet for all the drivers of a process: their zones' courses are worked out once."""
    return fleet_named(name, seed, period_s=period_s)


class Simulated:
    """Shows what the zone's physics say at the clock's wall time, with the instrument's own errors."""

    kind: ClassVar[str] = "simulated"
    api: ClassVar[int] = API

    @classmethod
    def check(cls, options: Mapping[str, object]) -> list[str]:
        """All mistakes in the options at once: fleet, seed, gateway, sensor (and period_s)."""
        mistakes = [f"unknown option {key!r}" for key in options if key not in _OPTIONS]
        for key, kind in _OPTIONS.items():
            if key == "period_s" and key not in options:
                continue
            if not isinstance(options.get(key), kind):
                mistakes.append(f"option {key!r} must be a {kind.__name__}")
        if not mistakes:
            try:
                _plan(options)
            except ValueError as error:
                mistakes.append(str(error))
        return mistakes

    def __init__(
        self, options: Mapping[str, object], bus: Bus, clock: Clock, *, fleet: Fleet | None = None
    ) -> None:
        """`fleet`: the one to belong to, where it is not the shared one that the options name."""
        self._fleet, self._plan = _plan(options, fleet)
        self._bus, self._clock = bus, clock
        self._device = self._fleet.device(self._plan.gateway, self._plan.sensor)
        self._open = False

    def open(self) -> DeviceInfo:
        """Never fails."""
        self._open = True
        plan = self._plan
        channels = tuple(
            ChannelInfo(
                measure.quantity,
                quantity(measure.quantity).unit,
                measure.low,
                measure.high,
                measure.accuracy,
                plan.period_s,
            )
            for measure in plan.instrument.measures
        )
        return DeviceInfo(plan.instrument.model, serial_of(plan), "1", channels)

    def read(self) -> Sequence[Sample]:
        """One sample a channel, for the instant that the clock shows."""
        if not self._open:
            raise DriverError("missing", f"{self._plan.gateway}/{self._plan.sensor} is not open")
        return self.samples_at(self._clock.wall())

    def samples_at(self, t: float) -> list[Sample]:
        """What the device shows at `t`, whatever the clock says: nothing here depends on earlier reads."""
        zone = self._fleet.zone(self._plan.zone)
        state = zone.state(t)
        samples = []
        for measure in self._plan.instrument.measures:
            if measure.quantity == "la.eq60":
                truth = zone.level(t)
            elif measure.quantity == "p":
                truth = 100.0 * state.p
            else:
                truth = float(getattr(state, measure.quantity))
            samples.append(Sample(measure.quantity, shown(measure, truth, self._device, t)))
        return samples

    def close(self) -> None:
        """May be called twice."""
        self._open = False


def serial_of(plan: SensorPlan) -> str:
    """The serial number that the device of a sensor says it has."""
    return f"sim-{plan.gateway}-{plan.sensor}"


def options_of(fleet_name: str, fleet: Fleet, plan: SensorPlan) -> dict[str, object]:
    """The options with which a driver becomes this sensor."""
    return {
        "fleet": fleet_name,
        "seed": fleet.seed,
        "gateway": plan.gateway,
        "sensor": plan.sensor,
        "period_s": fleet.period_s,
    }


def _plan(options: Mapping[str, object], fleet: Fleet | None = None) -> tuple[Fleet, SensorPlan]:
    seed, period_s = options["seed"], options.get("period_s", DEFAULT_PERIOD_S)
    if not isinstance(seed, int) or not isinstance(period_s, float):
        raise TypeError("run check() on the options first")
    if fleet is None:
        fleet = shared_fleet(str(options["fleet"]), seed, period_s)
    for plan in fleet.sensors:
        if (plan.gateway, plan.sensor) == (options["gateway"], options["sensor"]):
            return fleet, plan
    raise ValueError(f"fleet {options['fleet']!r} has no sensor {options['gateway']}/{options['sensor']}")
