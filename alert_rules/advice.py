"""What to do now: short advice by id, each of one kind of measure. The texts are message ids."""

from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final


class Measure(IntEnum):
    """The order in which measures are given: the hierarchy of control."""

    ELIMINATION = 0
    ENGINEERING = 1
    ORGANISATION = 2
    PERSONAL = 3


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do."""

    id: str
    measure: Measure
    text: str


def N_(text: str) -> str:  # noqa: N802 - the name that extractors of message catalogues look for
    """Mark a text for the message catalogues; it is translated where it is shown."""
    return text


_ROWS: Final = (
    Advice(
        "heat.source", Measure.ELIMINATION, N_("Switch off machines and steam that are not needed right now.")
    ),
    Advice(
        "heat.air",
        Measure.ENGINEERING,
        N_("Open louvres and doors on both sides and switch on fans and extraction."),
    ),
    Advice(
        "heat.shield",
        Measure.ENGINEERING,
        N_("Shield or insulate hot surfaces; keep people away from pipes and boilers."),
    ),
    Advice(
        "heat.rest", Measure.ORGANISATION, N_("Give rest breaks in a cool place every hour, in paid time.")
    ),
    Advice(
        "heat.pace",
        Measure.ORGANISATION,
        N_("Slow the pace; move heavy work to cooler hours; rotate people off the hot line."),
    ),
    Advice(
        "heat.newcomers",
        Measure.ORGANISATION,
        N_("Move people who are new, back from leave, ill or pregnant to a cooler place first."),
    ),
    Advice(
        "heat.water",
        Measure.PERSONAL,
        N_("Bring cool drinking water within a few steps: a cup every 15 to 20 minutes."),
    ),
    Advice(
        "heat.signs",
        Measure.PERSONAL,
        N_("Watch for dizziness and cramps. Confusion or collapse: cool the person at once, call help."),
    ),
    Advice(
        "noise.source", Measure.ELIMINATION, N_("Stop idle machines and compressed-air blowing near people.")
    ),
    Advice(
        "noise.mend",
        Measure.ENGINEERING,
        N_("Tighten, grease and repair the loudest machines; put covers and mats back."),
    ),
    Advice(
        "noise.screen",
        Measure.ENGINEERING,
        N_("Put a screen or more distance between loud machines and people."),
    ),
    Advice(
        "noise.rotate", Measure.ORGANISATION, N_("Rotate people to quieter work for the rest of the shift.")
    ),
    Advice(
        "noise.measure",
        Measure.ORGANISATION,
        N_("Have personal exposure measured by dosimeter: this sensor hears one place, not one person."),
    ),
    Advice(
        "noise.protect",
        Measure.PERSONAL,
        N_("Give out hearing protection that fits and is worn, until the noise is lower."),
    ),
    Advice(
        "air.source",
        Measure.ELIMINATION,
        N_("Stop what makes the gas or dust: engines, burners, open solvent, dry sweeping."),
    ),
    Advice("air.leave", Measure.ORGANISATION, N_("Get everybody out into fresh air now and count heads.")),
    Advice(
        "air.ventilate",
        Measure.ENGINEERING,
        N_("Open doors and windows and run extraction; check that vents are not blocked."),
    ),
    Advice(
        "air.clean", Measure.ENGINEERING, N_("Clean by vacuum or wet wiping; empty lint and dust filters.")
    ),
    Advice("air.crowd", Measure.ORGANISATION, N_("Spread people out or shorten their stay in this room.")),
    Advice(
        "air.check",
        Measure.ORGANISATION,
        N_("Go back in only after a second instrument shows safe values; find the cause first."),
    ),
    Advice("air.mask", Measure.PERSONAL, N_("Offer well-fitting particle masks to those who want them.")),
    Advice("watch.clock", Measure.ENGINEERING, N_("Check where the gateway gets the time from.")),
    Advice(
        "watch.link",
        Measure.ENGINEERING,
        N_("Mend the link; what waits is sent by itself, newest first, and nothing of it is lost."),
    ),
    Advice("watch.disk", Measure.ENGINEERING, N_("Make room on the gateway's disk, or a larger card.")),
    Advice(
        "watch.refused",
        Measure.ENGINEERING,
        N_("Read in the quarantine why; mend the cause (key, register, version), then replay what is there."),
    ),
    Advice(
        "watch.clone",
        Measure.ENGINEERING,
        N_("Find the second machine and switch it off; if a card was copied, give the gateway a new key."),
    ),
    Advice("watch.power", Measure.ENGINEERING, N_("Check power, then the network link of the gateway.")),
    Advice("watch.sensor", Measure.ENGINEERING, N_("Check the sensor's cable and plug; replace it if dead.")),
    Advice(
        "heat.look",
        Measure.ELIMINATION,
        N_("Look at once what heats up: a steam leak, a stopped fan, a fire."),
    ),
    Advice(
        "heat.draught",
        Measure.ENGINEERING,
        N_("Close draughts and warm the workplace; turn fans so that they do not blow straight at people."),
    ),
    Advice(
        "heat.humidity",
        Measure.ENGINEERING,
        N_("Mend steam leaks, ventilate or dry the air; where it is too dry, humidify it cleanly."),
    ),
    Advice(
        "air.look",
        Measure.ELIMINATION,
        N_("Look at once where the gas comes from: engine, burner, blocked flue. Stop it from outside."),
    ),
    Advice(
        "watch.calibrate",
        Measure.ENGINEERING,
        N_("Have the sensor compared with a reference or calibrated, and write the date down."),
    ),
    Advice(
        "watch.place",
        Measure.ORGANISATION,
        N_("Look where the sensor hangs and which one it is; put it back, or register the move."),
    ),
    Advice(
        "watch.measure",
        Measure.ORGANISATION,
        N_("Until it is back, nothing is known here: look in person and measure by hand."),
    ),
)  # fmt: skip

ADVICE: Final = MappingProxyType({row.id: row for row in _ROWS})


def in_order(ids: tuple[str, ...]) -> tuple[Advice, ...]:
    """The advice of these ids, elimination first, personal measures last; unknown ids are left out."""
    known = [ADVICE[one] for one in ids if one in ADVICE]
    return tuple(sorted(known, key=lambda advice: advice.measure))
