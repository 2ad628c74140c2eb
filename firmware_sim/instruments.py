"""The simulated sensors: which stand in a zone, what they measure, how finely and how wrongly.

Errors are of the order that makers state for real parts; a bias belongs to a device for good.
"""

from dataclasses import dataclass

from firmware_sim.seeded import Seeded


@dataclass(frozen=True, slots=True)
class Measure:
    """One channel of an instrument, in the quantity's unit on the wire."""

    quantity: str
    low: float
    high: float
    bias: float  # standard deviation between devices
    noise: float  # standard deviation between readings of one device
    decimals: int  # resolution of the device
    accuracy: str
    relative: bool = False  # bias and noise are shares of the value


@dataclass(frozen=True, slots=True)
class Instrument:
    """A device with its channels; `sensor` is the first part of the sensor's id (`st1`, `mic1`, `air1`)."""

    sensor: str
    model: str
    measures: tuple[Measure, ...]


_CLIMATE = (
    Measure("ta", -40.0, 85.0, 0.10, 0.02, 2, "0.2 Cel"),
    Measure("rh", 0.0, 100.0, 0.80, 0.10, 1, "1.8 %RH"),
    Measure("va", 0.0, 5.0, 0.01, 0.005, 3, "0.05 m/s + 5 %"),
)
_GLOBE = Measure("tg", -40.0, 120.0, 0.15, 0.02, 2, "0.5 Cel")
_PRESSURE = Measure("p", 50_000.0, 115_000.0, 40.0, 2.0, 0, "100 Pa")

INSTRUMENTS: dict[str, Instrument] = {
    "station": Instrument("st", "sim-station-globe", (*_CLIMATE[:2], _GLOBE, _CLIMATE[2], _PRESSURE)),
    "station-no-globe": Instrument("st", "sim-station", _CLIMATE),
    "microphone": Instrument(
        "mic", "sim-microphone", (Measure("la.eq60", 30.0, 130.0, 0.40, 0.10, 1, "1 dB"),)
    ),
    "air": Instrument(
        "air",
        "sim-air",
        (
            Measure("pm2_5", 0.0, 1000.0, 0.06, 0.03, 1, "5 ug/m3 + 5 %", relative=True),
            Measure("pm10", 0.0, 1000.0, 0.10, 0.05, 1, "25 ug/m3", relative=True),
            Measure("co2", 400.0, 5000.0, 15.0, 4.0, 0, "40 ppm + 5 %"),
        ),
    ),
    # A raw index of vapours: the same for alcohol, glue and perfume, and no concentration of any of them.
    "vapour": Instrument(
        "voc", "sim-voc", (Measure("voc_index", 0.0, 500.0, 8.0, 3.0, 0, "no concentration"),)
    ),
    "carbon-monoxide": Instrument("co", "sim-co", (Measure("co", 0.0, 1000.0, 0.3, 0.15, 1, "2 ppm + 5 %"),)),
}


def shown(measure: Measure, truth: float, device: Seeded, t: float) -> float:
    """What the device shows for a true value at `t`: with its bias and noise, in its resolution and range."""
    scale = abs(truth) if measure.relative else 1.0
    bias = device.child(measure.quantity).normal() * measure.bias
    noise = device.child(measure.quantity, "noise").normal(round(t * 1000.0)) * measure.noise
    value = truth + scale * (bias + noise)
    return round(min(measure.high, max(measure.low, value)), measure.decimals)
